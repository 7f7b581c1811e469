"""Whole episodes of constants and of governors on paired tapes, and the pieces in which they are played.

Constants do not look at a world. Therefore many of them are played as rows of one batch: forks of the same openings,
which share tape and keyed noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.fresh_tapes import FIRST_PICKING
from protogov.experiments.core.governors import baseline
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import FIRST_SCORING, open_worlds
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table
from protogov.experiments.studies.audit.suites import find_suite

MAX_ROWS = 768  # worlds at a time: enough for the compiled code, little enough for the memory
CHUNK = 1024  # tapes of a piece, and about how many episodes
WELFARE, PROFIT = "welfare/0", "market_profit/0"  # of venue 0
# gains and losses of the option pool by price and vol: a transfer or a bet, not welfare
PROFIT_FIELDS = ("pool_delta", "pool_gamma_theta", "pool_vega")
LEVER_NAMES = tuple(LEVER_INDEX)
DEFAULTS = np.zeros(len(LEVERS))  # actions of all levers
DEFAULTS.flags.writeable = False
Actions = tuple[float, ...]  # of all levers of venue 0, or of venue 0 and then of venue 1
Totals = dict[str, Floats]  # column -> F64[candidates, tapes], or of one candidate F64[tapes]


@dataclass(frozen=True)
class Play:
    """Constants on some tapes.

    Attributes:
        suite: source of the tapes.
        points: actions of every candidate, 12 of venue 0 or 24 of both; levers without a role stay at their default.
        first: seed of the first tape.
        count: tapes.
    """

    suite: str
    points: tuple[Actions, ...]
    first: int
    count: int


@dataclass(frozen=True)
class Govern:
    """Baseline governors, by the name of the set, on tapes of a suite: the first seed, and the number of tapes."""

    suite: str
    governors: str
    first: int
    count: int


def picking(suite: str, points: ArrayLike, count: int) -> Play:
    """Candidates F64[c, k] on `count` tapes of selection."""
    return Play(suite, as_points(points), FIRST_PICKING, count)


def scoring(suite: str, points: ArrayLike, count: int, first: int = FIRST_SCORING) -> Play:
    """Candidates F64[c, k] on `count` tapes of scoring."""
    return Play(suite, as_points(points), first, count)


def tape_range(first: int, count: int) -> NDArray[np.uint64]:
    """Seeds of the tapes, U64[count]."""
    return np.arange(first, first + count, dtype=np.uint64)


def play_constants(config: WorldConfig, scenario: str | Scenario, seeds: NDArray[np.uint64], actions: Floats) -> Totals:
    """One episode on every tape for every candidate.

    Args:
        config: the world.
        scenario: source of the tapes.
        seeds: U64[m] of the tapes.
        actions: F64[c, venues, 12], of every candidate.

    Returns:
        Totals of the episode, F64[c, m], bp of K0: "welfare/v" and "market_profit/v" of each venue, "mandate/a" of each
        agent.
    """
    actions = np.asarray(actions, np.float64)
    batches = []
    for at in range(0, len(seeds), MAX_ROWS):
        opening = open_worlds(config, scenario, seeds[at : at + MAX_ROWS])
        at_once = max(MAX_ROWS // opening.num_worlds, 1)
        parts = [_play_some(opening, actions[of : of + at_once]) for of in range(0, len(actions), at_once)]
        batches.append({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    return {name: np.concatenate([batch[name] for batch in batches], axis=1) for name in batches[0]}


def _play_some(opening: Simulator, actions: Floats) -> Totals:
    tapes, num = opening.num_worlds, len(actions)
    world = opening.fork(np.tile(np.arange(tapes), num))
    each = np.repeat(actions, tapes, axis=0)
    taken = {
        name: each[:, place.venue, [LEVER_INDEX[lever] for lever in place.role.levers]]
        for name, place in world.places.items()
        if name in world.agents
    }
    weights = {name: np.array([term.weight for term in role.terms]) for name, role in world.roles.items()}
    totals: Totals = {}
    for _ in range(world.horizon):
        world.take_actions(taken)
        world.advance()
        gained = {f"mandate/{name}": world.terms(name) @ weight for name, weight in weights.items()}
        for v in range(world.config.venues):
            gained |= {f"welfare/{v}": world.welfare(v), f"market_profit/{v}": _profit(world, v)}
        totals = {name: totals.get(name, 0.0) + values for name, values in gained.items()}
    return {name: values.reshape(num, tapes) for name, values in totals.items()}


def _profit(world: Simulator, venue: int) -> Floats:
    """The pool's market profit in the last decision [bp of K0], F64[n]."""
    books = world.worlds["venues"][:, venue]
    total = np.add.reduce([np.asarray(books[name], np.float64) for name in PROFIT_FIELDS])
    return np.asarray(total * 1e4 / books["opening_value"])


def play_job(config: WorldConfig, job: Play | Govern) -> Table:
    """One row per candidate and tape, candidate by candidate: totals [bp of K0].

    For constants those of `play_constants`; for governors welfare of venue 0 and the unweighted "term/agent/name".
    """
    scenario, seeds = find_suite(job.suite), tape_range(job.first, job.count)
    if isinstance(job, Govern):
        table = evaluate(config, scenario, seeds, baseline(job.governors, config).make(config))
        return {name: values for name, values in table.items() if name == WELFARE or name.startswith("term/")}
    actions = np.array(job.points).reshape(len(job.points), config.venues, len(LEVERS))
    return {name: values.ravel() for name, values in play_constants(config, scenario, seeds, actions).items()}


def split_job(job: Play | Govern) -> list[list[Play | Govern]]:
    """A job in parts of about `CHUNK` episodes: by runs of tapes, and in each run by groups of candidates.

    Many tapes of one candidate are a part of their own, so other jobs with the same tapes can reuse it.
    """
    runs = [(job.first + at, min(CHUNK, job.count - at)) for at in range(0, job.count, CHUNK)]
    if isinstance(job, Govern):
        return [[Govern(job.suite, job.governors, *run)] for run in runs]
    group = max(CHUNK // job.count, 1)
    groups = [job.points[at : at + group] for at in range(0, len(job.points), group)]
    return [[Play(job.suite, points, *run) for points in groups] for run in runs]


def play_all(
    config: WorldConfig,
    asked: Mapping[str, Play | Govern],
    how: Running,
    label: str,
    worlds: Mapping[str, WorldConfig] | None = None,
) -> dict[str, Totals]:
    """Play jobs in pieces.

    Args:
        config: the world.
        asked: name -> what is played.
        how: processes, and the folder of finished pieces.
        label: of the progress bar.
        worlds: name -> its world, if it differs from `config`.

    Returns:
        name -> the totals of `play_job`, F64[candidates, tapes] each; a set of governors is one candidate.
    """
    parts = {name: split_job(job) for name, job in asked.items()}
    pieces = [
        Piece(f"play_{job.suite}", job, (worlds or {}).get(name))
        for name, runs in parts.items() for run in runs for job in run
    ]  # fmt: skip
    tables = iter(run_pieces(play_job, config, pieces, how, label))
    found = {}
    for name, runs in parts.items():
        joined = []
        for run in runs:
            some = [next(tables) for _ in run]
            joined.append({key: np.concatenate([t[key] for t in some]).reshape(-1, run[0].count) for key in some[0]})
        found[name] = {key: np.concatenate([part[key] for part in joined], axis=1) for key in joined[0]}
    return found


def num_episodes(jobs: Sequence[Play]) -> int:
    """That are played."""
    return sum(len(job.points) * job.count for job in jobs)


def as_points(actions: ArrayLike) -> tuple[Actions, ...]:
    """Rows of F64[c, k] as a job holds them."""
    return tuple(tuple(float(place) for place in row) for row in np.atleast_2d(actions))


def unique_points(points: ArrayLike) -> Floats:
    """Each distinct row once, in the order of first appearance."""
    return np.array(list(dict.fromkeys(as_points(points))))


def lever_values(point: Floats, config: WorldConfig) -> dict[str, float]:
    """Lever -> value in its unit in this world, for all twelve actions: -1 low, 0 the world's default, 1 high."""
    values = {}
    for lever, place in zip(LEVERS, point, strict=True):
        default, end = config.lever_default(lever.name), lever.low if place < 0.0 else lever.high
        share = abs(float(place))
        value = default * (end / default) ** share if lever.map == "log" else default + (end - default) * share
        values[lever.name] = float(np.clip(value, lever.low, lever.high))
    return values
