"""Headroom: what hindsight is worth. Constants tuned for each regime against the best single constants."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from protogov.agents.tuning.evolution import Budget, tune
from protogov.agents.tuning.objective import WELFARE, Constants, Tapes, open_tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.experiments.audit.check import FIRST_SCORING, FIRST_SELECTION, Check, Floats, Paired, columns

REGIMES = ("calm", "jump", "self-exciting", "crisis-2021-05")
SIGNIFICANT = 2.0  # standard errors
SHARE = 0.10  # of (tuned - default)
BUDGET = Budget(generations=14, population=10, plateau=8, restarts=1)
CLAIM = (
    "for every role, the constants that hindsight picks for each regime beat the best single constants on welfare by "
    f"more than {SIGNIFICANT:g} standard errors and {SHARE:.0%} of the single constants' gain over the defaults"
)


def audit_headroom(
    config: WorldConfig,
    regimes: Sequence[str] = REGIMES,
    num_seeds: int = 32,
    scoring_seeds: int = 128,
    budget: Budget = BUDGET,
    roles: Sequence[str] | None = None,
    num_threads: int = 1,
    tell: Callable[[str], None] = lambda text: None,
) -> Check:
    """Tune, per role, one set of constants on all regimes and one on each; pick on some tapes, score on others.

    The regime's winner and the single winner are picked from one pool (the defaults and every search's result), so
    that hindsight is never behind for want of search. A role whose levers cannot gain anything anywhere fails.
    """
    search = open_tapes(config, regimes, FIRST_SELECTION, num_seeds, num_threads)
    selection = open_tapes(config, regimes, FIRST_SELECTION + num_seeds, 2 * num_seeds, num_threads)
    scoring = open_tapes(config, regimes, FIRST_SCORING, scoring_seeds, num_threads)
    rows: list[dict[str, object]] = []
    episodes = 0
    for role in roles if roles is not None else config.roles:
        family = Constants(role_levers(role))
        pool = [np.zeros(family.size)]
        thin = [Tapes(config, one.scenario, one.seeds[: max(num_seeds // 2, 2)], num_threads) for one in search]
        jobs = [("all", thin, selection)]
        jobs += [(name, [one], [own]) for name, one, own in zip(regimes, search, selection, strict=True)]
        for name, some, own in jobs:
            found = tune(family, some, own, replace(budget), seed=len(pool))
            episodes += found.episodes
            pool.append(found.point)
            tell(f"{role} on {name}: {found.gain:+.2f} bp over the start, stopped by {found.stopped}")
        points = np.array(pool)
        picked = np.array([one.play(family, points).totals[WELFARE].mean(axis=1) for one in selection])
        best, single = picked.argmax(axis=1), int(picked.mean(axis=0).argmax())
        scored = [one.play(family, points).totals[WELFARE] for one in scoring]
        rows.append(_row(role, scored, best, single))
        for regime, welfare, at in zip(regimes, scored, best, strict=True):
            gain = Paired.of(welfare[at] - welfare[single])
            values = family.values(points[at])
            tell(f"{role} in {regime}: {gain.mean:+.2f} +- {gain.error:.2f} bp; {values}")
    held = [row for row in rows if row["holds"]]
    verdict = "; ".join(
        f"{row['role']} {row['headroom']:+.2f} +- {row['standard_error']:.2f} bp"
        f" ({row['share']:.0%} of {row['tuned_over_default']:+.2f})" for row in rows
    )  # fmt: skip
    notes = (f"regimes {', '.join(regimes)}; {episodes} episodes of search and selection, {budget}",)
    return Check("headroom", CLAIM, len(held) == len(rows), verdict, columns(rows), notes)


def _row(role: str, scored: Sequence[Floats], best: Floats, single: int) -> dict[str, object]:
    """Regimes weigh alike; tapes of one regime are independent of those of another."""
    gains = [Paired.of(welfare[at] - welfare[single]) for welfare, at in zip(scored, best, strict=True)]
    tuned = [Paired.of(welfare[single] - welfare[0]) for welfare in scored]
    headroom = float(np.mean([gain.mean for gain in gains]))
    error = float(np.sqrt(np.sum([gain.error**2 for gain in gains]))) / len(gains)
    over = float(np.mean([gain.mean for gain in tuned]))
    return {
        "role": role, "headroom": headroom, "standard_error": error, "tuned_over_default": over,
        "share": headroom / over if over > 0.0 else float("inf"),
        "holds": headroom > SIGNIFICANT * error and headroom > 0.0 and headroom > SHARE * over,
    }  # fmt: skip
