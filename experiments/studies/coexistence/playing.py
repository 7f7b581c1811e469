"""Line-ups on tapes: who sits where, and what everybody gets.

A line-up seats a learned governor or constants at every seat. All line-ups of a training seed play the same tapes, and
every seed has tapes of its own: its numbers then differ by the luck of training and of tapes alike.

    none          constants everywhere
    all           the learned governors everywhere
    only SEAT     one learned governor among constants
    venue V       learned governors at one venue, constants at the other
    stranger …    one seat, or a whole venue, by governors of another training seed

Where only W is asked for, "none" and "all" are enough.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.ensemble import ENSEMBLE_FILE
from protogov.envs.interfaces import Governor
from protogov.experiments.core.evaluation import ARBITRAGE, PARTS, REALISED, EpisodeSums
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import play, tape_seeds
from protogov.experiments.core.statistics import Floats, expected_shortfall
from protogov.experiments.core.tables import Table, columns, concatenate, records, select
from protogov.experiments.core.venues import all_venues
from protogov.experiments.studies.coexistence.spared import Account, spared
from protogov.experiments.studies.coexistence.tapes import open_batch
from protogov.experiments.studies.emergence.subjects import governor_of
from protogov.experiments.training.comparison import BEARS_LABELS

NONE, ALL = "none", "all"
CONSTANTS = "constants"  # part of an account: line-ups of constants alone
STRANGERS = 3  # rivals of other seeds that a venue meets, at most
STRIDE = 2**16  # between the first tapes of two training seeds
ROWS = 128  # worlds side by side
TOGETHER = 8  # members of the ensemble in a piece
AS_IS = ""  # the world without a member of the ensemble
WHOLE = ""  # all scenarios of a market together
TAIL = "tail"  # expected shortfall of W at 5%, beside the payoffs of those whom W leaves out
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
        members: of the ensemble, each with the same tapes.
    """

    lineups: tuple[Lineup, ...]
    scenarios: tuple[str, ...]
    first: int
    count: int
    files: tuple[str, ...]
    members: tuple[str, ...] = (AS_IS,)


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


@spared
def play_lineups(config: WorldConfig, job: Session) -> Table:
    """A row a line-up, member and scenario, and one of all scenarios together; see `means_of`.

    Returns:
        `lineup`, `member`, `scenario` and the numbers.
    """
    agents = {agent.name: agent for agent in config.learners()}
    names = np.repeat(job.scenarios, job.count)
    tapes = tape_seeds(names.size, job.first)
    member = np.repeat(job.members, names.size)
    names, tapes = np.tile(names, len(job.members)), np.tile(tapes, len(job.members))
    played: dict[str, list[Table]] = {one.name: [] for one in job.lineups}
    for at in range(0, tapes.size, ROWS):
        rows = slice(at, at + ROWS)
        opening = open_batch(config, names[rows], tapes[rows], [one for one in member[rows] if one != AS_IS])
        for lineup in job.lineups:
            governors: dict[str, Governor] = {
                seat: governor_of(source, agents[seat], config) for seat, source in lineup.sources
            }
            world = opening.fork(np.arange(opening.num_worlds))
            sums = EpisodeSums(world)
            for step in play(world, governors, tapes[rows]):
                sums.add(step)
            played[lineup.name].append(sums.table())
    found = []
    for lineup in job.lineups:
        whole = concatenate(played[lineup.name])
        for one in job.members:
            for scenario in (WHOLE, *job.scenarios):
                own = (member == one) & ((names == scenario) | (scenario == WHOLE))
                found.append({"lineup": lineup.name, "member": one, "scenario": scenario,
                              **means_of(config, select(whole, own))})  # fmt: skip
    return columns(found)


def means_of(config: WorldConfig, episodes: Table) -> dict[str, float]:
    """Means over the tapes of a table of `EpisodeSums`; NaN for a group without members on any tape.

    Returns:
        `welfare` of all venues by their K0, `welfare/v`, `mandate/agent`, `part/name`; `payoff/name`, realised payoffs
        and amounts beside W, and `payoff/tail`, the expected shortfall of W at 5% of the tapes; `bears/group` [bp of K0
        an episode; `bears` of the group's own opening debt or deposit, a fortnight].
    """
    venues = range(config.venues)

    def of_all(name: str) -> Floats:
        """By K0, F64[tapes]."""
        return all_venues(episodes, [episodes[name.format(v)] for v in venues])

    welfare = of_all("welfare/{}")
    found = {"welfare": float(welfare.mean())}
    found |= {f"welfare/{v}": float(episodes[f"welfare/{v}"].mean()) for v in venues}
    found |= {f"mandate/{agent.name}": float(episodes[f"mandate/{agent.name}"].mean()) for agent in config.learners()}
    found |= {f"part/{name}": float(of_all("welfare/{}/" + name).mean()) for name in PARTS}
    found |= {f"payoff/{TAIL}": expected_shortfall(welfare)}
    found |= {f"payoff/{name}": float(of_all(name + "/{}").mean()) for name in (*REALISED, ARBITRAGE)}
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
    """Line-ups of one training seed at one checkpoint on one scenario of a market, or on all of them (`WHOLE`).

    Attributes:
        seed: its number.
        checkpoint: its place.
        market, scenario, member: where.
        numbers: line-up -> column of `means_of` -> mean.
    """

    seed: int
    checkpoint: int
    market: str
    scenario: str
    member: str
    numbers: Mapping[str, Mapping[str, float]]


def play_all(
    config: WorldConfig, name: str, learned: Mapping[int, Sequence[Sources]], constants: str,
    markets: Mapping[str, Sequence[str]], tapes: int, how: Running, account: Account, *, part: str = "line-ups",
    checkpoints: Sequence[int] | None = None, strangers: bool = True, welfare_alone: bool = False,
    members: Sequence[str] = (AS_IS,),
) -> list[Played]:  # fmt: skip
    """Play every training seed at every checkpoint in every market and member.

    What constants alone get depends neither on who learned nor on what governors are paid: cells that differ in these
    share the pieces, and what they cost is the part `CONSTANTS` of the account, in each of them. A seed of which a
    piece failed is left out wherever that member is played, in all markets; a piece of several members that failed is
    played again member by member first.

    Args:
        config: the world.
        name: of the pieces.
        learned: number of a training seed -> [checkpoint] -> seat -> source.
        constants: the baseline.
        markets: name -> scenarios; their tapes are shared out evenly.
        tapes: of a line-up in a market, at least one a scenario.
        how: processes, and where finished pieces are kept.
        account: of costs and failures.
        part: of the account, where learned governors play.
        checkpoints: places of those that are played; all by default.
        strangers: whether governors of other seeds are met.
        welfare_alone: whether nobody plays but "none" and "all".
        members: of the ensemble.
    """
    chosen = checkpoints or range(len(next(iter(learned.values()))))
    together = [tuple(members[at : at + TOGETHER]) for at in range(0, len(members), TOGETHER)]
    asked: list[tuple[str, int, int, Session]] = []
    for market, scenarios in markets.items():
        each = max(tapes // len(scenarios), 1)
        for place, seed in enumerate(learned):
            base = (nobody(tuple(learned[seed][0]), constants),)
            jobs: list[tuple[int, tuple[Lineup, ...]]] = [(-1, base)]
            for at in chosen:
                now = [one[at] for one in learned.values()]
                all_of = lineups_of(now, place, constants, strangers=strangers)
                jobs.append((at, all_of[:1] if welfare_alone else all_of))
            for at, lineups in jobs:
                session = Session(lineups, tuple(scenarios), (seed + 1) * STRIDE, each, digests_of(lineups))
                asked += [(market, seed, at, _among(session, some)) for some in together]

    def piece(market: str, seed: int, at: int, job: Session) -> Piece:
        member = job.members[0] or "as-is"
        if at >= 0:
            return Piece(f"{name}_{market}_{seed}_{at}_{member}", job, config)
        alike = f"{CONSTANTS}_v{config.venues}_a{config.autonomy:g}"
        return Piece(f"{alike}_{market}_{seed}_{member}", job, replace(config, cooperation=0.0))

    def run(sessions: Sequence[tuple[str, int, int, Session]], *, state: bool) -> list[Table]:
        tables = run_pieces(play_lineups, config, [piece(*one) for one in sessions], how, part)
        found = list[Table]()
        for (market, seed, at, job), table in zip(sessions, tables, strict=True):
            what = f"{part}, training seed {seed}, {market}, {job.members[0] or 'the world as it is'}"
            found += account.book(part if at >= 0 else CONSTANTS, [what], [table], state=state)
        return found

    parted = len(members) > 1
    tables = run(asked, state=not parted)
    if parted:
        again = [(market, seed, at, _among(job, (one,)))
                 for (market, seed, at, job), table in zip(asked, tables, strict=True) if not table
                 for one in job.members]  # fmt: skip
        asked, tables = asked + again, tables + (run(again, state=True) if again else [])
    failed = {(seed, one) for (_, seed, _, job), table in zip(asked, tables, strict=True) if not table
              for one in job.members if not parted or len(job.members) == 1}  # fmt: skip
    rows: dict[tuple[str, int, int, str, str], dict[str, dict[str, float]]] = {}
    for (market, seed, at, _), table in zip(asked, tables, strict=True):
        for row in records(table):
            line, one, scenario = (str(row.pop(key)) for key in ("lineup", "member", "scenario"))
            rows.setdefault((market, seed, at, scenario, one), {})[line] = row
    return [
        Played(seed, at, market, scenario, one, lines | rows[market, seed, -1, scenario, one])
        for (market, seed, at, scenario, one), lines in rows.items() if at >= 0 and (seed, one) not in failed
    ]  # fmt: skip


def _among(session: Session, members: tuple[str, ...]) -> Session:
    """The session in these members."""
    plain = members == (AS_IS,)
    people = () if plain else (hashlib.sha256(ENSEMBLE_FILE.read_bytes()).hexdigest()[:16],)
    files = (*digests_of(session.lineups), *people)
    return replace(session, members=members, files=files)
