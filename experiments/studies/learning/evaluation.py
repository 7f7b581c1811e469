"""Evaluation: learners, opponents and controls on the same tapes of natural, stress, validation and long episodes."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios import get_scenario
from protogov.envs.scenarios.mixture import Mixture
from protogov.experiments.commands.options import WorldOptions, with_physics
from protogov.experiments.core.governors import STATIC, GovernorSet
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.statistics import Floats, interval_columns, share_of, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, concatenate
from protogov.experiments.studies.learning.analysis import confirmatory, effect, who_bears
from protogov.experiments.studies.learning.opponents import Opponents, tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.playing import (
    MARKETS,
    Match,
    Tapes,
    controls_of,
    episode_keys,
    matrix,
    play_matches,
    suites,
)
from protogov.experiments.studies.learning.preregistration import (
    CONSTANTS,
    LINEAR_RULE,
    LONG,
    LONG_STRESS,
    PLAN,
    SELFISH_CONSTANTS,
)
from protogov.experiments.studies.learning.runs import Trained
from protogov.experiments.studies.learning.training import trained_before

TUNED = (CONSTANTS, LINEAR_RULE, SELFISH_CONSTANTS)
BEST_CONTROLLER = "best controller"


def every_opponent(options: Options, opponents: Opponents) -> list[GovernorSet]:
    """The opponents of both markets, each once."""
    sets = [one for market in MARKETS for one in opponents.sets(options.last_size, market, options.check())]
    return list({one.name: one for one in sets}.values())


def measure(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> Found:
    """Play every suite, describe the differences, and test the hypotheses."""
    trained = trained_before(options, opponents, chosen)
    rivals = every_opponent(options, opponents)
    config = WorldOptions(size=options.last_size).make()
    tables: dict[str, list[dict[str, Any]]] = {"effects": [], "seeds": [], "scenarios": [], "bears": []}
    parts = []
    for tapes in suites(options).values():
        controls = tapes.name not in (LONG, LONG_STRESS)
        matches = [Match(config, one, tapes) for one in rivals]
        matches += [Match(one.learner.config(), one.governors(), tapes, controls) for of in trained for one in of]
        played = play_matches(matches, how, f"evaluation: {tapes.name}")
        describe_suite(tables, played, tapes, trained, rivals)
        if tapes.name in MARKETS:
            parts.append(played)
    tests = confirmatory(concatenate(parts), chosen[0], MARKETS)
    found = {name: columns(rows) for name, rows in tables.items() if rows}
    if tests:
        found["tests"] = columns(tests)
    first = [of for of in trained if of[0].learner.candidate.name == chosen[0]]
    members, shares = in_the_ensemble(options, how, opponents, first)
    return Found({**found, "members": members, "shares": shares}, {"chosen": list(chosen)})


def describe_suite(
    tables: dict[str, list[dict[str, Any]]],
    played: Table,
    tapes: Tapes,
    trained: Iterable[Sequence[Trained]],
    rivals: Sequence[GovernorSet],
) -> None:
    """Add the rows of one suite."""
    suite = tapes.name
    tuned = {tuned_on(name, market) for name in TUNED for market in MARKETS}
    ruled = [one.name for one in rivals if one.name not in tuned and one.name != STATIC]
    best = max(ruled, key=lambda name: matrix(played, suite, name).mean()) if ruled else None
    for of in trained:
        learner, market = of[0].learner.name, of[0].learner.scenario
        against = [STATIC, *(tuned_on(name, market) for name in TUNED)]
        if tapes.name not in (LONG, LONG_STRESS):
            against += controls_of(learner)
        rows = [effect(played, suite, learner, name) for name in against]
        if best is not None:
            rows.append({**effect(played, suite, learner, best), "against": f"{BEST_CONTROLLER}: {best}"})
        tables["effects"] += rows
        constants = tuned_on(CONSTANTS, market)
        pairs = matrix(played, suite, learner) - matrix(played, suite, constants)
        tables["seeds"] += [
            {"suite": suite, "learner": learner, "seed": one.seed, "gain": float(own.mean())}
            for one, own in zip(of, pairs, strict=True)
        ]
        tables["bears"] += who_bears(played, suite, learner, constants)
        tables["scenarios"] += scenario_rows(played, suite, learner, constants)


def scenario_rows(played: Table, suite: str, learner: str, constants: str) -> list[dict[str, Any]]:
    """The difference in every scenario; of a mixture in every part of it."""
    mask = (played["suite"] == suite) & (played["governors"] == constants)
    names = np.unique(part_names({name: played[name][mask] for name in ("scenario", "tape_seed")}))

    def number(table: Table) -> Floats:
        return np.searchsorted(names, part_names(table)).astype(np.float64)

    part = matrix(played, suite, constants, number)[0]
    own, other = matrix(played, suite, learner).mean(axis=0), matrix(played, suite, constants)[0]
    rows = []
    for at, name in enumerate(names):
        here = part == at
        rows.append({"suite": suite, "learner": learner, "scenario": str(name), "tapes": int(here.sum()),
                     "W_constants": float(other[here].mean()),
                     **interval_columns("difference", student_t(own[here] - other[here]))})  # fmt: skip
    return rows


def in_the_ensemble(
    options: Options, how: Running, opponents: Opponents, trained: Sequence[Sequence[Trained]]
) -> tuple[Table, Table]:
    """The first candidate against its constants in the world of every member, and shares of members with a gain."""
    first, size, rows, shares = PLAN.first_tape["evaluation"], options.last_size, [], []
    plain = WorldOptions(size=size).make()
    for market in MARKETS:
        own = [of for of in trained if of[0].learner.scenario == market]
        tapes = Tapes(market, (market,), options.tapes_of("member"), first)
        constants = opponents.named(size, market, tuned_on(CONSTANTS, market))
        for member in options.chosen_members if own else ():
            matches = [Match(with_physics(plain, member), constants, tapes)]
            matches += [
                Match(with_physics(one.learner.config(), member), one.governors(), tapes) for of in own for one in of
            ]
            played = play_matches(matches, how, f"ensemble: {member}")
            for of in own:
                name = of[0].learner.name
                gain = (matrix(played, market, name) - matrix(played, market, constants.name)).mean(axis=0)
                rows.append({"learner": name, "member": member, **interval_columns("gain", student_t(gain))})
    table = columns(rows)
    for name in dict.fromkeys(table["learner"].tolist()):
        here = table["learner"] == name
        above, clear = (table["gain"] > 0.0)[here], (table["gain_low"] > 0.0)[here]
        row: dict[str, Any] = {"learner": name, "members": int(here.sum())}
        for label, hits in (("above_zero", above), ("clear_of_zero", clear)):
            row |= interval_columns(label, share_of(int(hits.sum()), hits.size))
        shares.append(row)
    return table, columns(shares)


def part_names(table: Table) -> NDArray[np.str_]:
    """Name of each row's scenario; for a mixture, of the part from which the tape was drawn."""
    labels = table["scenario"].astype("U64")
    for name in np.unique(table["scenario"]):
        scenario, here = get_scenario(str(name)), table["scenario"] == name
        if isinstance(scenario, Mixture):
            labels[here] = [scenario.parts[at].name for at in scenario.part_of(episode_keys(table["tape_seed"][here]))]
    return labels
