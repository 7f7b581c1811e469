"""What an experimenter does to a batch of worlds from outside, as a record beside their state.

    cut = Interventions(world).pin("rate_0", [[0.04, np.nan, np.nan, np.nan]], hours=(12, 18))
    fork.intervene(cut)

See `Simulator.intervene`; what each of them does is described in `protogov.envs.world.interventions`. Worlds without a
record and worlds with a blank one are the same in every bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.roles import Agent
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.envs.world.state import (
    DELEVERAGE_SALE,
    HEDGE_SALE,
    INTERVENTIONS,
    LIQUIDATION_SALE,
    MAX_LPS,
    MAX_SUPPLIERS,
    SHORT_SALE,
    SUBSTEPS,
)

SALES: Mapping[str, int] = {
    "liquidation": LIQUIDATION_SALE,  # of what a liquidator seized
    "short": SHORT_SALE,  # of a short seller's coin, to buy back or to settle
    "deleverage": DELEVERAGE_SALE,  # of a borrower's own coin, to repay
    "hedge": HEDGE_SALE,  # what an option pool trades for its hedge, purchases too
}
NO_EVENT = -1


class Batch(Protocol):
    """The part of a simulator that interventions are written for."""

    num_worlds: int
    config: WorldConfig
    places: dict[str, Agent]


class Interventions:
    """A record of what is done to each row of a batch; its methods add to it and return it.

    Hours are counted from the start of the episode: `hours = (12, 18)` are six, of which the first is the thirteenth.
    Both may be I64[n], of each row.

    Args:
        world: for which; it is not touched before `world.intervene(this)`.
    """

    def __init__(self, world: Batch) -> None:
        self._world = world
        self.record: NDArray[np.void] = np.zeros(world.num_worlds, INTERVENTIONS)

    def pin(self, agent: str, values: ArrayLike, hours: tuple[ArrayLike, ArrayLike]) -> Interventions:
        """Hold an agent's levers in force at `values` in some hours, past the shield.

        Args:
            agent: whose levers.
            values: F[n, levers] in their units and ranges; NaN leaves a lever to the shield.
            hours: first, and first after.

        Raises:
            ValueError: an unknown agent, another shape, a value outside the lever's range, or no hours.
        """
        if agent not in self._world.places:
            raise ValueError(f"agent = {agent!r} is not a seat; seats are {', '.join(self._world.places)}.")
        first, end = self._checked(hours)
        place = self._world.places[agent]
        names = place.role.levers
        held = np.asarray(values, np.float64)
        if held.shape != (self._world.num_worlds, len(names)):
            raise ValueError(
                f"values of {agent} have shape {held.shape}; ({self._world.num_worlds}, {len(names)}) is needed, a "
                "row a world and a column a lever."
            )
        for column, name in enumerate(names):
            self.pin_lever(place.venue, name, held[:, column], (first, end))
        return self._on()

    def pin_lever(self, venue: int, name: str, values: ArrayLike, hours: tuple[ArrayLike, ArrayLike]) -> Interventions:
        """Hold one lever of a venue at `values` in some hours, whether a governor has it or nobody.

        Args:
            venue: its number.
            name: of the lever.
            values: F[n] in its unit and range; NaN leaves the lever alone.
            hours: first, and first after.

        Raises:
            ValueError: an unknown venue or lever, a value outside the lever's range, or no hours.
        """
        self._check_venue(venue)
        if name not in LEVER_INDEX:
            raise ValueError(f"name = {name!r} is no lever; {', '.join(LEVER_INDEX)} are.")
        first, end = self._checked(hours)
        held = np.broadcast_to(np.asarray(values, np.float64), (self._world.num_worlds,))
        lever, at = self._world.config.lever(name), LEVER_INDEX[name]
        given = ~np.isnan(held)
        outside = given & ~((held >= lever.low) & (held <= lever.high))
        if outside.any():
            raise ValueError(f"{name} cannot be pinned at {held[outside][0]:g}; {lever.low:g} to {lever.high:g} can.")
        own = self.record["venues"][:, venue]
        own["pin"][given, at] = held[given]
        own["pin_from"][given, at], own["pin_until"][given, at] = first[given], end[given]
        return self._on()

    def mute(self, serials: ArrayLike) -> Interventions:
        """Mute the sale that follows from one event a row, `serial` I64[n] of `EVENT`; -1 is none."""
        chosen = np.asarray(serials, np.int64)
        if chosen.shape != (self._world.num_worlds,):
            raise ValueError(f"serials have shape {chosen.shape}; ({self._world.num_worlds},) is needed, one a row.")
        self.record["muted"] = chosen + 1
        return self._on()

    def mute_hedges(self, venue: int, hours: tuple[ArrayLike, ArrayLike]) -> Interventions:
        """Mute what the option pool of a venue trades for its hedge in some hours."""
        self._check_venue(venue)
        first, end = self._checked(hours)
        own = self.record["venues"][:, venue]
        own["hedges_from"], own["hedges_until"] = first * SUBSTEPS, end * SUBSTEPS
        return self._on()

    def without_impact(self, kinds: Sequence[str] = tuple(SALES)) -> Interventions:
        """Mute every forced sale of these kinds, `SALES`: the price's feedback on itself is off."""
        for kind in kinds:
            if kind not in SALES:
                raise ValueError(f"kind = {kind!r} is no forced sale; {', '.join(SALES)} are.")
            self.record["without_impact"][:, SALES[kind]] = 1
        return self._on()

    def write_off(
        self,
        venue: int,
        hour: ArrayLike,
        *,
        suppliers: ArrayLike = 0.0,
        option_pool: float = 0.0,
        liquidity_providers: ArrayLike = 0.0,
    ) -> Interventions:
        """Let deposits at a venue be stolen at the top of an hour; their owners bear it.

        Args:
            venue: its number.
            hour: of the episode, a number or I64[n].
            suppliers: share of each supplier's deposit, a number or F[suppliers].
            option_pool: share of what the option pool lends to the market.
            liquidity_providers: share of each LP's stake in the option pool, a number or F[LPs]; of it what is free.

        Raises:
            ValueError: an unknown venue, a negative hour, or a share outside 0 to 1.
        """
        self._check_venue(venue)
        own = self.record["venues"][:, venue]
        own["loss_hour"] = self._checked((hour, np.asarray(hour) + 1))[0]
        own["supplier_loss"] = _shares("suppliers", suppliers, MAX_SUPPLIERS)
        own["pool_loss"] = _shares("option_pool", option_pool, 1)[0]
        own["lp_loss"] = _shares("liquidity_providers", liquidity_providers, MAX_LPS)
        return self._on()

    def _on(self) -> Interventions:
        self.record["active"] = 1
        return self

    def _checked(self, hours: tuple[ArrayLike, ArrayLike]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First hours and first after, I64[n] both."""
        given = [np.asarray(own) for own in hours]
        count = self._world.num_worlds
        if any(own.shape not in ((), (count,)) or own.dtype.kind not in "iu" for own in given):
            raise ValueError(f"hours = {hours!r} must be two whole numbers, or two times {count} of them, one a row.")
        first, end = (np.broadcast_to(own.astype(np.int64), (count,)) for own in given)
        if not ((first >= 0) & (first < end)).all():
            raise ValueError(f"hours = {hours!r} are none; (first, first after) from 0 is needed.")
        return first, end

    def _check_venue(self, venue: int) -> None:
        if venue not in range(self._world.config.venues):
            raise ValueError(f"venue = {venue!r} is not there; 0 to {self._world.config.venues - 1} are.")


def _shares(name: str, values: ArrayLike, most: int) -> NDArray[np.float64]:
    given: NDArray[Any] = np.atleast_1d(np.asarray(values, np.float64))
    if given.ndim != 1 or given.size > most or not ((given >= 0.0) & (given <= 1.0)).all():
        raise ValueError(f"{name} = {values!r} must be at most {most} shares between 0 and 1, or one for all.")
    if given.size == 1:
        return np.repeat(given, most)
    return np.concatenate([given, np.zeros(most - given.size)])
