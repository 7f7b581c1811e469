"""Suites of tapes, and the sets of governors that play them, with the controls of learners.

A piece is one set of governors on one suite. All sets play the same tapes of a suite.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario, scenario_names
from protogov.envs.world.noise import key
from protogov.experiments.core.evaluation import YOKED, Suite, control_of, evaluate_sets
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table, concatenate
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.preregistration import (
    LONG,
    LONG_STRESS,
    NATURAL,
    PLAN,
    STRESS,
    VALIDATION,
)
from protogov.experiments.training.measured import OWN_MEANS, mean_constants
from protogov.experiments.training.open_test import describe

FORTNIGHT = 2  # weeks of an episode
MARKETS = (NATURAL, STRESS)  # on which learners train and opponents are tuned
WITHOUT = ("mandate/", "term/")  # columns that differ between worlds with other governors


@dataclass(frozen=True)
class Tapes:
    """A suite.

    Attributes:
        name: of the suite.
        scenarios: registered names.
        episodes: tapes of each.
        first: number of the first tape.
        times: length of its episodes, in episodes of the world.
    """

    name: str
    scenarios: tuple[str, ...]
    episodes: int
    first: int
    times: int = 1


@dataclass(frozen=True)
class Match:
    """A set of governors that is to play a suite.

    Attributes:
        config: the world, whose episodes have their usual length.
        governors: the set.
        tapes: the suite.
        controls: also play the two controls of the set, own means and yoked.
    """

    config: WorldConfig
    governors: GovernorSet
    tapes: Tapes
    controls: bool = False


@dataclass(frozen=True)
class Part:
    """The job of a match's piece; `files` holds digests, because a policy may change under the same name."""

    governors: GovernorSet
    files: Mapping[str, str]
    tapes: Tapes
    controls: bool


def suites(options: Options) -> dict[str, Tapes]:
    """The suites of an evaluation by name."""
    first, times = PLAN.first_tape["evaluation"], PLAN.long_weeks // FORTNIGHT
    rows = {
        NATURAL: (("natural",), 1), STRESS: (("mix",), 1), VALIDATION: (scenario_names("validation"), 1),
        LONG: (("natural",), times), LONG_STRESS: (("mix",), times),
    }  # fmt: skip
    return {
        name: Tapes(name, scenarios, options.tapes_of(name), first, length)
        for name, (scenarios, length) in rows.items()
    }


def screening_tapes(options: Options) -> Tapes:
    """Validation as the screening plays it: other tapes than the evaluation."""
    names = scenario_names("validation")
    return Tapes(VALIDATION, names, options.tapes_of("screening"), PLAN.first_tape["screening"])


def play_matches(matches: Sequence[Match], how: Running, label: str) -> Table:
    """One row per episode, with the columns of `core.evaluation` except those of single governors."""
    return concatenate(play_tables(matches, how, label))


def play_tables(matches: Sequence[Match], how: Running, label: str) -> list[Table]:
    """The same, one table per match."""
    pieces = [
        Piece(f"{one.governors.name}_{one.tapes.name}_{one.governors.training_seed}", part_of(one), world_of(one))
        for one in matches
    ]
    return run_pieces(play_part, WorldConfig(), pieces, how, label)


def part_of(one: Match) -> Part:
    """The job of a match's piece."""
    (about,) = describe([one.governors])
    return Part(one.governors, about["files"], one.tapes, one.controls)


def world_of(one: Match) -> WorldConfig:
    """The world of a match's piece; its episodes are as long as those of the suite."""
    return replace(one.config, episode_hours=one.config.episode_hours * one.tapes.times)


def play_part(config: WorldConfig, job: Part) -> Table:
    """The episodes of one piece."""
    tapes, name = job.tapes, job.governors.name
    suite = Suite(tapes.name, tuple(map(get_scenario, tapes.scenarios)), tapes.episodes, first=tapes.first)
    table = evaluate_sets(config, [suite], [job.governors], yoke=[name] if job.controls else ())
    if job.controls:
        constants = mean_constants(table, job.governors)
        table = concatenate([table, evaluate_sets(config, [suite], [constants])])
    return {column: values for column, values in table.items() if not column.startswith(WITHOUT)}


def controls_of(name: str) -> tuple[str, str]:
    """Names of a learner's controls."""
    return control_of(OWN_MEANS, name), control_of(YOKED, name)


def episode_keys(seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Keys, U64[n], from which a scenario draws the first episode of worlds with these seeds, U64[n]."""
    with np.errstate(over="ignore"):  # the keyed noise wraps around
        return np.array([key(seed, np.uint64(0)) for seed in seeds], np.uint64)


def matrix(
    table: Table, suite: str, governors: str, value: Callable[[Table], Floats] = lambda table: table["welfare/0"]
) -> Floats:
    """A value of every episode, F64[training seeds, tapes]; tapes are sorted by scenario and then by number.

    Raises:
        KeyError: the set did not play the suite.
    """
    mask = (table["suite"] == suite) & (table["governors"] == governors)
    if not mask.any():
        raise KeyError(f"{governors} on {suite}")
    seeds, scenarios, numbers = (table[name][mask] for name in ("training_seed", "scenario", "tape_seed"))
    order = np.lexsort((numbers, scenarios, seeds))
    return np.asarray(value(table)[mask][order].reshape(np.unique(seeds).size, -1), np.float64)
