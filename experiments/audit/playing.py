"""Whole episodes of constants and of governors on paired tapes, and the pieces that they are played in.

Constants ask nothing of a world, so that many of them are played as rows of one batch: forks of the same openings,
which share tape and keyed noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.audit.measurement import Floats
from protogov.experiments.audit.running import Piece, Running, run_pieces
from protogov.experiments.audit.suites import find_suite
from protogov.experiments.core.tables import Table
from protogov.experiments.governors import baseline

MAX_ROWS = 768  # worlds at a time: enough for the compiled code, little enough for the memory
CHUNK = 1024  # tapes of a piece, and about how many episodes
WELFARE, PROFIT = "welfare", "market_profit"
# what the option pool gains or loses by the price and the vol: no welfare, a transfer or a bet
PROFIT_FIELDS = ("pool_delta", "pool_gamma_theta", "pool_vega")
Actions = tuple[float, ...]  # of all levers of venue 0, or of venue 0 and then of venue 1


@dataclass(frozen=True)
class Play:
    """Constants on some tapes.

    Attributes:
        suite: what is drawn from.
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
    """Baseline governors on some tapes.

    Attributes:
        suite: what is drawn from.
        governors: name of a baseline.
        first: seed of the first tape.
        count: tapes.
    """

    suite: str
    governors: str
    first: int
    count: int


def tape_range(first: int, count: int) -> NDArray[np.uint64]:
    """Seeds of the tapes, U64[count]."""
    return np.arange(first, first + count, dtype=np.uint64)


def play_constants(
    config: WorldConfig, scenario: str | Scenario, seeds: NDArray[np.uint64], actions: Floats
) -> dict[str, Floats]:
    """One episode on every tape for every candidate.

    Args:
        config: the world.
        scenario: what is drawn from.
        seeds: U64[m] of the tapes.
        actions: F64[c, venues, 12], of every candidate.

    Returns:
        Totals of the episode, F64[c, m], bp of K0: "welfare/v" and "market_profit/v" of each venue and "mandate/a" of
        each agent.
    """
    actions = np.asarray(actions, np.float64)
    tapes_at_once = min(len(seeds), MAX_ROWS)
    columns = []
    for at in range(0, len(seeds), tapes_at_once):
        some = seeds[at : at + tapes_at_once]
        opening = Simulator(config, len(some), scenario=scenario)
        opening.reset(seeds=some)
        at_once = max(MAX_ROWS // len(some), 1)
        parts = [_play_some(opening, actions[from_ : from_ + at_once]) for from_ in range(0, len(actions), at_once)]
        columns.append({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    return {name: np.concatenate([column[name] for column in columns], axis=1) for name in columns[0]}


def _play_some(opening: Simulator, actions: Floats) -> dict[str, Floats]:
    tapes, num = opening.num_worlds, len(actions)
    world = opening.fork(np.tile(np.arange(tapes), num))
    each = np.repeat(actions, tapes, axis=0)
    taken = {
        name: each[:, place.venue, [LEVER_INDEX[lever] for lever in place.role.levers]]
        for name, place in world.places.items()
    }
    weights = {name: np.array([term.weight for term in role.terms]) for name, role in world.roles.items()}
    venues = range(world.config.venues)
    totals = {f"{name}/{v}": np.zeros(world.num_worlds) for name in (WELFARE, PROFIT) for v in venues}
    totals |= {f"mandate/{name}": np.zeros(world.num_worlds) for name in world.agents}
    for _ in range(world.horizon):
        world.take_actions(taken)
        world.advance()
        for v in venues:
            totals[f"{WELFARE}/{v}"] += world.welfare(v)
            totals[f"{PROFIT}/{v}"] += _profit(world, v)
        for name in world.agents:
            totals[f"mandate/{name}"] += world.terms(name) @ weights[name]
    return {name: values.reshape(num, tapes) for name, values in totals.items()}


def _profit(world: Simulator, venue: int) -> Floats:
    """The pool's market profit in the last decision [bp of K0], F64[n]."""
    books = world.worlds["venues"][:, venue]
    total = np.add.reduce([np.asarray(books[name], np.float64) for name in PROFIT_FIELDS])
    return np.asarray(total * 1e4 / books["opening_value"])


def play_piece(config: WorldConfig, job: Play) -> Table:
    """A row a candidate and tape, candidate by candidate: the totals of `play_constants`."""
    actions = np.array(job.points).reshape(len(job.points), config.venues, len(LEVERS))
    totals = play_constants(config, find_suite(job.suite), tape_range(job.first, job.count), actions)
    return {name: values.ravel() for name, values in totals.items()}


def govern_piece(config: WorldConfig, job: Govern) -> Table:
    """A row a tape: welfare of venue 0 [bp of K0]."""
    governors = baseline(job.governors, config).make(config)
    totals = []
    for at in range(0, job.count, MAX_ROWS):
        seeds = tape_range(job.first + at, min(MAX_ROWS, job.count - at))
        world = Simulator(config, len(seeds), scenario=find_suite(job.suite))
        world.reset(seeds=seeds)
        for governor in governors.values():
            governor.reset(np.arange(len(seeds), dtype=np.int64), seeds)
        total = np.zeros(len(seeds))
        for _ in range(world.horizon):
            world.take_actions({agent: governors[agent].act(world.view(agent)) for agent in world.agents})
            world.advance()
            total += world.welfare(0)
        totals.append(total)
    return {WELFARE: np.concatenate(totals)}


def play_job(config: WorldConfig, job: Play | Govern) -> Table:
    """`play_piece` or `govern_piece`: one function, so that a list of pieces may hold both."""
    return play_piece(config, job) if isinstance(job, Play) else govern_piece(config, job)


def chunks(first: int, count: int) -> list[tuple[int, int]]:
    """(first, count) of runs of at most `CHUNK` tapes."""
    return [(first + at, min(CHUNK, count - at)) for at in range(0, count, CHUNK)]


def play_pieces(job: Play, config: WorldConfig | None = None) -> list[Piece]:
    """A job in pieces of about `CHUNK` episodes: run by run of tapes, group by group of candidates.

    Many tapes of a candidate are a piece of their own, which whoever asks for the same ones takes up.
    """
    group = max(CHUNK // job.count, 1)
    return [
        Piece(f"play_{job.suite}", Play(job.suite, job.points[at : at + group], first, count), config)
        for first, count in chunks(job.first, job.count)
        for at in range(0, len(job.points), group)
    ]


def join_pieces(job: Play, parts: Sequence[Table]) -> dict[str, Floats]:
    """What the pieces of `play_pieces` gave: the totals of `play_constants`, F64[candidates, tapes]."""
    runs, at = [], iter(parts)
    group = max(CHUNK // job.count, 1)
    for _, count in chunks(job.first, job.count):
        some = [next(at) for _ in range(0, len(job.points), group)]
        runs.append({name: np.concatenate([one[name] for one in some]).reshape(-1, count) for name in some[0]})
    return {name: np.concatenate([run[name] for run in runs], axis=1) for name in runs[0]}


def play_pieces_of(
    config: WorldConfig,
    asked: Mapping[str, Play],
    how: Running,
    label: str,
    worlds: Mapping[str, WorldConfig] | None = None,
) -> dict[str, dict[str, Floats]]:
    """Play constants in pieces (`play_pieces`).

    Args:
        config: the world.
        asked: name -> what is played.
        how: processes, and where finished pieces are kept.
        label: of the progress bar.
        worlds: name -> the world of what is asked under it, where it is another.

    Returns:
        name -> the totals of `play_constants`, F64[candidates, tapes] each.
    """
    own = {name: play_pieces(job, worlds[name] if worlds is not None else None) for name, job in asked.items()}
    parts = iter(run_pieces(play_job, config, [piece for some in own.values() for piece in some], how, label))
    return {name: join_pieces(asked[name], [next(parts) for _ in some]) for name, some in own.items()}


def episodes_of(asked: Sequence[Play]) -> int:
    """Episodes that are played."""
    return sum(len(job.points) * job.count for job in asked)


def as_points(actions: Floats) -> tuple[Actions, ...]:
    """Rows of F64[c, k] as a job holds them."""
    return tuple(tuple(float(place) for place in row) for row in np.atleast_2d(actions))


def said_levers(point: Floats, config: WorldConfig) -> dict[str, float]:
    """Lever -> value in its unit in this world, of all twelve actions: -1 low, 0 the world's default, 1 high."""
    said = {}
    for lever, place in zip(LEVERS, point, strict=True):
        default, end = config.lever_default(lever.name), lever.low if place < 0.0 else lever.high
        log = lever.map == "log"
        share = abs(float(place))
        value = default * (end / default) ** share if log else default + (end - default) * share
        said[lever.name] = float(np.clip(value, lever.low, lever.high))
    return said


def unique_points(points: Floats) -> Floats:
    """Each different row once, in the order of their first."""
    return np.array(list(dict.fromkeys(as_points(points))))
