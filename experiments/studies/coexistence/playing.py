"""Line-ups on tapes: who sits where, and what everybody gets.

A line-up seats a learned governor or constants at every seat. All line-ups of a training seed play the same tapes, and
every seed has tapes of its own: its numbers then differ by the luck of training and of tapes alike.

    none          constants everywhere
    all           the learned governors everywhere
    only SEAT     one learned governor among constants
    venue V       learned governors at one venue, constants at the other
    stranger …    one seat, or a whole venue, by governors of another training seed
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.envs.scenarios import get_scenario
from protogov.experiments.core.evaluation import PARTS, EpisodeSums
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import open_worlds, play, tape_seeds
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.errors import as_bad_input
from protogov.experiments.studies.emergence.subjects import governor_of
from protogov.experiments.training.comparison import BEARS_LABELS

NONE, ALL = "none", "all"
STRANGERS = 3  # rivals of other seeds that a venue meets, at most
STRIDE = 2**16  # between the first tapes of two training seeds
ROWS = 64  # worlds side by side
Sources = Mapping[str, str]  # seat -> source of its governor


@dataclass(frozen=True)
class Lineup:
    """Who sits where.

    Attributes:
        name: see the module.
        sources: (seat, source of its governor) of every seat.
    """

    name: str
    sources: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Session:
    """A piece: line-ups on the same tapes.

    Attributes:
        lineups: that play, one after another.
        scenarios: names.
        first, count: tapes of each.
        files: digests of the policies: a file may change under the same name.
    """

    lineups: tuple[Lineup, ...]
    scenarios: tuple[str, ...]
    first: int
    count: int
    files: tuple[str, ...]


def lineups_of(learned: Sequence[Sources], seed: int, constants: str, *, strangers: bool = True) -> tuple[Lineup, ...]:
    """All line-ups of a training seed but that of constants alone.

    Args:
        learned: governors of every training seed, seat by seat.
        seed: its row among them.
        constants: the baseline.
        strangers: whether governors of other seeds are met.
    """
    own = learned[seed]
    seats = tuple(own)
    nobody = dict.fromkeys(seats, constants)
    venues = sorted({seat.rpartition("_")[2] for seat in seats})
    found = [Lineup(ALL, tuple(own.items()))]
    found += [Lineup(f"only {seat}", tuple({**nobody, seat: own[seat]}.items())) for seat in seats]
    if len(venues) > 1:
        for venue in venues:
            at = {seat: own[seat] for seat in seats if seat.endswith(f"_{venue}")}
            found.append(Lineup(f"venue {venue}", tuple({**nobody, **at}.items())))
    others = [(seed + step) % len(learned) for step in range(1, min(STRANGERS, len(learned) - 1) + 1)]
    for number, other in enumerate(others if strangers else ()):
        if len(venues) > 1:
            for venue in venues:
                at = {seat: learned[other][seat] for seat in seats if seat.endswith(f"_{venue}")}
                found.append(Lineup(f"stranger venue {venue} #{number}", tuple({**own, **at}.items())))
        elif number == 0 and len(seats) > 1:
            for seat in seats:
                guest = {**own, seat: learned[other][seat]}
                found.append(Lineup(f"stranger {seat} #{number}", tuple(guest.items())))
    return tuple(found)


def nobody(seats: Sequence[str], constants: str) -> Lineup:
    """Constants alone."""
    return Lineup(NONE, tuple((seat, constants) for seat in seats))


def play_lineups(config: WorldConfig, job: Session) -> Table:
    """A row a line-up and scenario, means over the tapes; NaN for a group without members on any tape.

    Returns:
        `lineup`, `scenario`; `welfare` of all venues by their K0, `welfare/v`, `mandate/agent`, `part/name`,
        `bears/group` [bp of K0 an episode; `bears` of the group's own opening debt or deposit, a fortnight].
    """
    agents = {agent.name: agent for agent in config.learners()}
    rows = []
    for scenario in job.scenarios:
        with as_bad_input():
            market = get_scenario(scenario)
            market.check_open()
        totals: dict[str, list[Table]] = {one.name: [] for one in job.lineups}
        for at in range(0, job.count, ROWS):
            seeds = tape_seeds(min(ROWS, job.count - at), job.first + at)
            opening = open_worlds(config, market, seeds)
            for lineup in job.lineups:
                governors: dict[str, Governor] = {
                    seat: governor_of(source, agents[seat], config) for seat, source in lineup.sources
                }
                world = opening.fork(np.arange(len(seeds)))
                sums = EpisodeSums(world)
                for step in play(world, governors, seeds):
                    sums.add(step)
                totals[lineup.name].append(sums.table())
        for lineup in job.lineups:
            whole = {name: np.concatenate([part[name] for part in totals[lineup.name]])
                     for name in totals[lineup.name][0]}  # fmt: skip
            rows.append({"lineup": lineup.name, "scenario": scenario, **means_of(config, whole)})
    return columns(rows)


def means_of(config: WorldConfig, episodes: Table) -> dict[str, float]:
    """The numbers of `play_lineups` from a table of `EpisodeSums`."""
    venues = range(config.venues)
    capital = np.stack([episodes[f"opening_value/{v}"] for v in venues])

    def of_all(name: str) -> Floats:
        """By K0, F64[tapes]."""
        values = np.stack([episodes[name.format(v)] for v in venues])
        return np.asarray((values * capital).sum(axis=0) / capital.sum(axis=0))

    found = {"welfare": float(of_all("welfare/{}").mean())}
    found |= {f"welfare/{v}": float(episodes[f"welfare/{v}"].mean()) for v in venues}
    found |= {f"mandate/{agent.name}": float(episodes[f"mandate/{agent.name}"].mean()) for agent in config.learners()}
    found |= {f"part/{name}": float(of_all("welfare/{}/" + name).mean()) for name in PARTS}
    for group in BEARS_LABELS:
        values = np.concatenate([episodes[f"bears/{v}/{group}"] for v in venues])
        there = values[np.isfinite(values)]
        found[f"bears/{group}"] = float(there.mean()) if there.size else float("nan")
    return found


def digests_of(lineups: Sequence[Lineup]) -> tuple[str, ...]:
    """Of every policy's description, which holds the digest of its weights."""
    paths = {Path(source) for lineup in lineups for _, source in lineup.sources if source.endswith(".json")}
    return tuple(hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in sorted(paths))


@dataclass(frozen=True)
class Played:
    """Line-ups of one training seed at one checkpoint in one market: line-up -> column -> mean over its scenarios."""

    seed: int
    checkpoint: int
    market: str
    numbers: Mapping[str, Mapping[str, float]]


def play_all(
    config: WorldConfig, name: str, learned: Sequence[Sequence[Sources]], constants: str,
    markets: Mapping[str, Sequence[str]], tapes: int, how: Running, *, label: str = "line-ups",
    checkpoints: Sequence[int] | None = None, strangers: bool = True,
) -> list[Played]:  # fmt: skip
    """Play every training seed at every checkpoint in every market.

    Args:
        config: the world.
        name: of the pieces.
        learned: [seed][checkpoint] -> seat -> source.
        constants: the baseline.
        markets: name -> scenarios; their tapes are shared out evenly.
        tapes: of a line-up in a market, at least one a scenario.
        how: processes, and where finished pieces are kept.
        label: of the progress bar.
        checkpoints: places of those that are played; all by default.
        strangers: whether governors of other seeds are met.
    """
    chosen = range(len(learned[0])) if checkpoints is None else checkpoints
    asked, pieces = [], []
    for market, scenarios in markets.items():
        each = max(tapes // len(scenarios), 1)
        for seed in range(len(learned)):
            first = (seed + 1) * STRIDE
            base = (nobody(tuple(learned[seed][0]), constants),)
            jobs = [(-1, base)] + [
                (at, lineups_of([one[at] for one in learned], seed, constants, strangers=strangers)) for at in chosen
            ]
            for at, lineups in jobs:
                asked.append((market, seed, at))
                pieces.append(
                    Piece(f"{name}_{market}_{seed}_{at}",
                          Session(lineups, tuple(scenarios), first, each, digests_of(lineups)), config)
                )  # fmt: skip
    tables = dict(zip(asked, run_pieces(play_lineups, config, pieces, how, label), strict=True))
    return [
        Played(seed, at, market, _by_lineup(tables[market, seed, at]) | _by_lineup(tables[market, seed, -1]))
        for market, seed, at in asked if at >= 0
    ]  # fmt: skip


def _by_lineup(table: Table) -> dict[str, dict[str, float]]:
    numbers = [name for name in table if name not in ("lineup", "scenario")]
    with np.errstate(invalid="ignore"):
        return {
            str(one): {name: float(np.mean(table[name][table["lineup"] == one])) for name in numbers}
            for one in dict.fromkeys(table["lineup"].tolist())
        }
