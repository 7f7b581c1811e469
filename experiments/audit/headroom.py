"""Headroom: what hindsight is worth. Constants tuned for each regime against the best single constants.

Two rounds of pieces: a search a role and regime, then a role's search of single constants, which starts from those of
the regime that do best everywhere, so that the single ones are never behind for want of search. The regime's winner and
the single winner are picked from one pool (the defaults and every search's result) on tapes of their own, and scored on
others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from protogov.agents.tuning.evolution import Budget, mean_score, tune
from protogov.agents.tuning.objective import WELFARE, Constants, Tapes, open_tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario, scenario_names
from protogov.experiments.audit.check import FIRST_SCORING, FIRST_SELECTION, Check, Floats, columns
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.statistics import student_t
from protogov.experiments.tables import Table, concatenate, num_rows, select

# every market that governors learn in, mixtures of them apart: none is chosen
REGIMES = tuple(
    name for name in scenario_names() if get_scenario(name).split == "train" and get_scenario(name).kind != "mixture"
)
SIGNIFICANT = 2.0  # standard errors
SHARE = 0.10  # of (tuned - default)
BUDGET = Budget(generations=30, population=12, plateau=10, restarts=1)
CLAIM = (
    "for every role, the constants that hindsight picks for each regime beat the best single constants on welfare by "
    f"more than {SIGNIFICANT:g} standard errors and {SHARE:.0%} of the single constants' gain over the defaults"
)


@dataclass(frozen=True)
class RegimeSearch:
    """One role's constants for one regime.

    Attributes:
        role: whose levers.
        regime: scenario.
        budget: of the search.
        num_seeds: tapes of the search; twice as many others pick its winner.
        seed: of the search.
    """

    role: str
    regime: str
    budget: Budget
    num_seeds: int
    seed: int


@dataclass(frozen=True)
class RoleScore:
    """One role's single constants and the score of all.

    Attributes:
        role: whose levers.
        regimes: scenarios.
        winners: actions that the search of each regime found.
        budget: of the search of single constants.
        num_seeds: tapes of the search and regime; twice as many others pick.
        scoring_seeds: tapes a regime on which is scored.
    """

    role: str
    regimes: tuple[str, ...]
    winners: tuple[tuple[float, ...], ...]
    budget: Budget
    num_seeds: int
    scoring_seeds: int


def search_regime(config: WorldConfig, job: RegimeSearch) -> Table:
    """A row a lever: its action; episodes played in every row."""
    search = open_tapes(config, [job.regime], FIRST_SELECTION, job.num_seeds)
    selection = open_tapes(config, [job.regime], FIRST_SELECTION + job.num_seeds, 2 * job.num_seeds)
    family = Constants(role_levers(job.role))
    found = tune(family, search, selection, replace(job.budget), seed=job.seed)
    return {
        "lever": np.array(family.levers), "action": found.point, "episodes": np.full(family.size, found.episodes),
    }  # fmt: skip


def score_role(config: WorldConfig, job: RoleScore) -> Table:
    """A row a regime: what its constants gain over the single ones, and those over the defaults [bp of K0]."""
    selection = open_tapes(config, job.regimes, FIRST_SELECTION + job.num_seeds, 2 * job.num_seeds)
    scoring = open_tapes(config, job.regimes, FIRST_SCORING, job.scoring_seeds)
    # half the tapes of each regime: there are several, and one search must not cost as much as all the others
    thin = open_tapes(config, job.regimes, FIRST_SELECTION, max(job.num_seeds // 2, 2))
    family = Constants(role_levers(job.role))
    points = np.array([np.zeros(family.size), *job.winners])
    start = points[int(mean_score(thin, family, points).argmax())]
    found = tune(family, thin, selection, replace(job.budget), start=start, seed=len(points))
    points = np.concatenate([points, [found.point]])
    best, single = pick(selection, family, points)
    scored = [one.play(family, points).totals[WELFARE] for one in scoring]
    table = regime_rows(job.role, job.regimes, scored, best, single)
    said = [_said(family, points[at]) for at in (*best, single)]
    return table | {
        "constants": np.array(said[:-1]), "single": np.full(len(best), said[-1]),
        "episodes": np.full(len(best), found.episodes),
    }  # fmt: skip


def pick(selection: Sequence[Tapes], family: Constants, points: Floats) -> tuple[list[int], int]:
    """(the best row of `points`, F64[c, size], in each regime; the best in all of them, weighed alike)."""
    means = np.array([one.play(family, points).totals[WELFARE].mean(axis=1) for one in selection])
    return [int(at) for at in means.argmax(axis=1)], int(means.mean(axis=0).argmax())


def regime_rows(role: str, regimes: Sequence[str], scored: Sequence[Floats], best: Sequence[int], single: int) -> Table:
    """A row a regime from welfare F64[candidates, tapes], the first candidate the defaults; intervals of 95%."""
    rows: list[dict[str, object]] = []
    for regime, welfare, at in zip(regimes, scored, best, strict=True):
        gain, over = student_t(welfare[at] - welfare[single]), student_t(welfare[single] - welfare[0])
        error = float((welfare[at] - welfare[single]).std(ddof=1) / np.sqrt(welfare.shape[1]))
        rows.append(
            {
                "role": role, "regime": regime, "gain": gain.mean, "standard_error": error, "low": gain.low,
                "high": gain.high, "single_over_default": over.mean, "low_default": over.low, "high_default": over.high,
            }
        )  # fmt: skip
    return columns(rows)


def role_row(rows: Table) -> dict[str, object]:
    """One role's criterion: regimes weigh alike; tapes of one regime are independent of those of another."""
    headroom = float(rows["gain"].mean())
    error = float(np.sqrt((rows["standard_error"] ** 2).sum())) / num_rows(rows)
    over = float(rows["single_over_default"].mean())
    return {
        "role": str(rows["role"][0]), "headroom": headroom, "standard_error": error, "tuned_over_default": over,
        "share": headroom / over if over > 0.0 else float("inf"),
        "holds": headroom > SIGNIFICANT * error and headroom > 0.0 and headroom > SHARE * over,
    }  # fmt: skip


def audit_headroom(
    config: WorldConfig,
    regimes: Sequence[str] = REGIMES,
    num_seeds: int = 32,
    scoring_seeds: int = 128,
    budget: Budget = BUDGET,
    roles: Sequence[str] | None = None,
    how: Running = HERE,
) -> Check:
    """Tune, per role, one set of constants on each regime and one on all; pick on some tapes, score on others.

    A role whose levers cannot gain anything anywhere fails.

    Args:
        config: the world.
        regimes: scenarios.
        num_seeds: tapes of a search; twice as many others pick.
        scoring_seeds: tapes a regime.
        budget: of each search.
        roles: all of the world's by default.
        how: processes, and where finished pieces are kept.
    """
    chosen = list(roles if roles is not None else config.roles)
    searches = [
        Piece(f"headroom_{role}_{number}_{regime}", RegimeSearch(role, regime, budget, num_seeds, number + 1))
        for role in chosen
        for number, regime in enumerate(regimes)
    ]
    found = run_pieces(search_regime, config, searches, how, "headroom: regimes")
    scores = []
    for at, role in enumerate(chosen):
        own = found[at * len(regimes) : (at + 1) * len(regimes)]
        winners = tuple(tuple(float(place) for place in table["action"]) for table in own)
        job = RoleScore(role, tuple(regimes), winners, budget, num_seeds, scoring_seeds)
        scores.append(Piece(f"headroom_{role}_single", job))
    parts = run_pieces(score_role, config, scores, how, "headroom: single")
    episodes = sum(int(part["episodes"][0]) for part in (*found, *parts))
    by_regime = concatenate(parts)
    del by_regime["episodes"]
    rows = [role_row(select(by_regime, by_regime["role"] == role)) for role in chosen]
    verdict = "; ".join(
        f"{row['role']} {row['headroom']:+.2f} +- {row['standard_error']:.2f} bp"
        f" ({row['share']:.0%} of {row['tuned_over_default']:+.2f})" for row in rows
    )  # fmt: skip
    notes = (
        f"regimes {', '.join(regimes)}; {episodes} episodes of search and selection, {budget}",
        f"{scoring_seeds} scoring tapes a regime; what each regime's constants gain is in headroom_regimes.csv",
    )
    holds = all(bool(row["holds"]) for row in rows)
    return Check("headroom", CLAIM, holds, verdict, columns(rows), notes, {"headroom_regimes": by_regime})


def _said(family: Constants, point: Floats) -> str:
    return " ".join(f"{name}={value:.4g}" for name, value in family.values(point).items())
