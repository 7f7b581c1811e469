"""Constant strategies of two venues on a grid: what every cell pays to the governors and to everybody else.

A game is one lever of each venue, all other levers at their defaults, with the limits on changes lifted. Every cell
plays the same tapes with the same keyed noise, so that cells differ by the levers alone. Two pairings:

    alike    two equal venues, own lever beside the rival's same lever
    unlike   a venue that only lends beside one that only trades options. They have no lever in common that matters at
             both, so the lender's base rate or threshold stands beside the half-spread of the options protocol

Equal venues save half of the work: each unordered pair is played once, and on every second tape the venues change
sides. A venue's payoff is then counted from its payoff with both at the defaults on the same tape, because the two
venues have people of their own; the mean of both venues there is the level.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVER_BY_NAME
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table, concatenate
from protogov.experiments.core.venues import by_k0
from protogov.experiments.studies.audit.play import tape_range
from protogov.experiments.studies.rivalry.cells import COLUMNS, CORE, ROWS, Cells, play_cells

LENDER: dict[str, float] = {"options_on": 0}
OPTIONS: dict[str, float] = {"supply_size": 0, "debt_size": 0}
Pairing = Literal["alike", "unlike"]


@dataclass(frozen=True)
class Game:
    """Two levers that face each other.

    Attributes:
        pairing: of the venues.
        levers: of venue 0 and of venue 1.
    """

    pairing: Pairing
    levers: tuple[str, str]

    @property
    def name(self) -> str:
        """For tables."""
        own, rival = self.levers
        return own if own == rival else f"{own}_{rival}"

    @property
    def roles(self) -> tuple[str, str]:
        """Whose levers they are."""
        return CORE[self.levers[0]], CORE[self.levers[1]]

    @property
    def sides(self) -> tuple[int, ...]:
        """Venues with a table of their own: equal ones share it."""
        return (0,) if self.pairing == "alike" else (0, 1)


GAMES: dict[str, tuple[Game, ...]] = {
    "alike": tuple(Game("alike", (lever, lever)) for lever in CORE),
    "unlike": tuple(Game("unlike", (lever, "half_spread")) for lever in ("base_rate", "liquidation_threshold")),
}


def world_of(pairing: Pairing, venue: int | None = None, hours: int = 336) -> WorldConfig:
    """The world of a pairing, or of one of its venues without its rival.

    Args:
        pairing: of two venues.
        venue: the one that stands alone.
        hours: of an episode.
    """
    if venue is None:
        overrides = () if pairing == "alike" else (LENDER, OPTIONS)
        return WorldConfig(size="rivals", autonomy=inf, episode_hours=hours, venue_overrides=overrides)
    alone = WorldConfig(autonomy=inf, episode_hours=hours)
    return alone if pairing == "alike" else alone.with_parameters(**(LENDER, OPTIONS)[venue])


# ---------------------------------------------------------------------- a whole game


@dataclass(frozen=True)
class Played:
    """A game in one market.

    Attributes:
        game: what was played.
        market: source of the tapes.
        actions: F64[g], the grid of both levers; the middle is the default.
        totals: column -> F64[2, g, g, tapes], of venue 0 and venue 1, [own, rival's] action of venue 0 and venue 1;
            bp of each one's K0 per episode.
        k0: F64[2], mean K0 of the venues [USD].
        alone: column -> F64[2, g, tapes], of each venue without its rival.
    """

    game: Game
    market: str
    actions: Floats
    totals: Mapping[str, Floats]
    k0: Floats
    alone: Mapping[str, Floats]

    @property
    def default(self) -> int:
        """Number of the default action."""
        return len(self.actions) // 2

    @property
    def shares(self) -> Floats:
        """Of the venues in their common K0."""
        return self.k0 / self.k0.sum()

    def both(self, column: str) -> Floats:
        """A column of both venues together, weighted by K0: F64[g, g, tapes], bp of their common K0."""
        return by_k0(np.moveaxis(self.totals[column], 0, -1), self.k0)


def grid_of(size: int) -> Floats:
    """Actions from -1 to 1 with the default in the middle."""
    return np.linspace(-1.0, 1.0, size)


def lever_values(lever: str, actions: Floats) -> Floats:
    """A lever's values in its unit."""
    return np.array([LEVER_BY_NAME[lever].value(place) for place in actions])


def play_games(
    games: Sequence[Game], markets: Sequence[str], grid: int, first: int, tapes: int, how: Running, hours: int = 336
) -> Iterator[Played]:
    """Play every game in every market.

    Args:
        games: what.
        markets: where.
        grid: constants of a lever, an odd number.
        first: seed of the first tape.
        tapes: of every cell.
        how: processes, and the folder of finished pieces.
        hours: of an episode.
    """
    actions, pieces = grid_of(grid), []
    asked = [(game, market) for game in games for market in markets]
    for game, market in asked:
        pieces += _pieces(game, market, actions, first, tapes, hours)
    tables = iter(run_pieces(play_cells, world_of("alike"), pieces, how, "cells"))
    for game, market in asked:
        own = _pieces(game, market, actions, first, tapes, hours)
        yield _assembled(game, market, actions, tapes, [(piece.job, next(tables)) for piece in own])


def _pieces(game: Game, market: str, actions: Floats, first: int, tapes: int, hours: int) -> list[Piece]:
    alike = game.pairing == "alike"
    pairs = [(float(a), float(b)) for a in actions for b in actions if a <= b or not alike]
    each = max(1, ROWS // tapes)
    world = world_of(game.pairing, hours=hours)
    found = [
        Piece(
            f"{game.pairing}_{game.name}_{market}",
            Cells(market, game.levers, tuple(pairs[at : at + each]), first, tapes, alike), world,
        ) for at in range(0, len(pairs), each)
    ]  # fmt: skip
    points = tuple((float(a),) for a in actions)
    for v in game.sides:
        job = Cells(market, game.levers[v : v + 1], points, first, tapes)
        found.append(Piece(f"alone_{game.levers[v]}_{market}", job, world_of(game.pairing, v, hours)))
    return found


def _assembled(game: Game, market: str, actions: Floats, tapes: int, parts: Sequence[tuple[Cells, Table]]) -> Played:
    pairs = concatenate([table for job, table in parts if len(job.levers) == 2])
    single = [table for job, table in parts if len(job.levers) == 1]
    raw = {name: pairs[name].reshape(-1, tapes, 2) for name in (*COLUMNS, "k0")}
    size = len(actions)
    if game.pairing == "alike":
        odd = tape_range(parts[0][0].first, tapes) % 2 == 1
        totals = {name: _symmetrical(raw[name], odd, size) for name in COLUMNS}
    else:
        totals = {name: np.moveaxis(raw[name].reshape(size, size, tapes, 2), 3, 0) for name in COLUMNS}
    alone = {name: np.stack([table[name].reshape(size, tapes) for table in single]) for name in COLUMNS}
    if game.pairing == "alike":
        alone = {name: np.repeat(own, 2, axis=0) for name, own in alone.items()}
    return Played(game, market, actions, totals, raw["k0"].mean(axis=(0, 1)), alone)


def _symmetrical(played: Floats, odd: np.ndarray, size: int) -> Floats:
    """Both venues' tables, F64[2, g, g, tapes], from unordered pairs F64[pairs, tapes, 2]; the module says how."""
    lower, upper = np.triu_indices(size)
    middle = int(np.flatnonzero((lower == size // 2) & (upper == size // 2))[0])
    level = played[middle]
    relative = played - level + level.mean(axis=1, keepdims=True)
    relative[:, odd] = relative[:, odd, ::-1]  # now column 0 is who plays the lower action
    own = np.empty((size, size, played.shape[1]))
    own[lower, upper] = relative[..., 0]
    own[upper, lower] = relative[..., 1]
    same = np.arange(size)
    own[same, same] = relative[lower == upper].mean(axis=2)
    return np.stack([own, own.transpose(1, 0, 2)])
