"""What the laboratory does to a batch of simulated worlds, and which of their events it looks at.

`ForkPoint.run(..., change=)` takes a function of the branch's own copy; `intervening` makes one of a record:

    point.run(10, replayed, change=intervening(lambda own: own.write_off(0, 60, suppliers=0.02)))

Another world than the `Simulator` brings functions of its own: each measure has a field for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interventions import Interventions
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.envs.world.state import SUBSTEPS, EventKind
from protogov.experiments.studies.emergence.forks import Floats

# An event as the laboratory sees it. `who` is the same in every branch, `serial` is what it is muted by in one.
SEEN = np.dtype(
    [
        ("row", "i8"),
        ("who", "i8"),  # what happens to whom; below 0: trades of the protocol's own, which have no serial
        ("party", "i8"),  # to whom
        ("at", "i8"),  # when, in the world's own unit of time
        ("serial", "i8"),
        ("parent", "i8"),  # serial of what the record holds for its cause, -1 nothing
        ("size", "f8"),
    ]
)
# Events whose coin is sold through the spot pool: each may cause others.
SALES = (EventKind.LIQUIDATION, EventKind.SHORT_LIQUIDATION, EventKind.DELEVERAGE, EventKind.SETTLEMENT_SALE)
Change = Callable[[Any], None]


def intervening(write: Callable[[Interventions], Interventions]) -> Change:
    """A change that lays beside a branch's copy what `write` adds to a blank record."""

    def change(world: Any) -> None:
        world.intervene(write(Interventions(world)))

    return change


class Push:
    """A change that holds one lever in force some caps from where it stands, from now on, and then lets it go.

    It stops at the end of the lever's range. To replay the others, pin the actions that they took: the shield depends
    on nothing else, so that their levers in force are the same in every bit.

    Args:
        agent, lever: whose, and its number among them.
        caps: of the lever, signed.
        decisions: for which it is held.

    Attributes:
        given: F64[n], caps by which it was moved in the last world to which this was done.
    """

    def __init__(self, agent: str, lever: int, caps: float, decisions: int = 1) -> None:
        self.agent, self.lever, self.caps, self.decisions = agent, lever, caps, decisions
        self.given: Floats = np.zeros(0)

    def __call__(self, world: Any) -> None:
        """Lay the record beside a branch's copy."""
        place = world.places[self.agent]
        row = world.worlds["venues"]["levers"][:, place.venue, LEVER_INDEX[place.role.levers[self.lever]]]
        now, unit, kind = row["executed"], row["cap_unit"], row["cap_kind"]
        way = self.caps * unit
        wanted = np.clip(np.choose(kind, [now + way, now * np.exp(way), now * (1.0 + way)]), row["low"], row["high"])
        with np.errstate(divide="ignore", invalid="ignore"):  # a lever at 0 has no ratio, and its cap is a difference
            moved = np.choose(kind, [wanted - now, np.log(wanted / now), wanted / now - 1.0])
        self.given = np.asarray(moved / unit, np.float64)
        held = np.full((world.num_worlds, len(place.role.levers)), np.nan)
        held[:, self.lever] = wanted
        hour = world.worlds["hour"].astype(np.int64)
        hours = self.decisions * world.config.decision_hours
        world.intervene(Interventions(world).pin(self.agent, held, (hour, hour + hours)))


def sales_of(step: Any) -> NDArray[np.void]:
    """The forced sales of a decision, SEEN [e], in their order; the size is what was repaid [USD]."""
    rows, places = np.nonzero(
        (np.arange(step.events.shape[1]) < step.n_events[:, None]) & np.isin(step.events["kind"], SALES)
    )
    events = step.events[rows, places]
    seen = np.zeros(rows.size, SEEN)
    seen["row"], seen["at"], seen["size"] = rows, events["substep"], events["repaid"]
    seen["serial"], seen["parent"] = events["serial"], events["parent"]
    seller = np.isin(events["kind"], (EventKind.SHORT_LIQUIDATION, EventKind.SETTLEMENT_SALE))  # not an account
    seen["party"] = (events["venue"].astype(np.int64) * 2 + seller) * 1000 + events["account"]
    seen["who"] = seen["party"] * 100 + events["kind"]
    return seen


def mute_sales(world: Any, rows: NDArray[np.int64], serials: NDArray[np.int64]) -> None:
    """Mute the sale of one event in each of some rows."""
    chosen = np.full(world.num_worlds, -1)
    chosen[rows] = serials
    world.intervene(Interventions(world).mute(chosen))


def without_impact(world: Any) -> None:
    """Mute every forced sale and hedge: the price hears nothing of them."""
    world.intervene(Interventions(world).without_impact())


@dataclass(frozen=True)
class Trades:
    """Trades of the protocol's own in a span of time: they are no events, and may cause some.

    Attributes:
        who: a number below 0 of those who trade.
        at: I64[n], when the span begins.
        mute: lets them reach nobody in that span.
    """

    who: int
    at: NDArray[np.int64]
    mute: Change


def hedges_of(world: Any, decisions: int) -> Sequence[Trades]:
    """What each venue's option pool trades for its hedge, decision by decision."""
    first, hours = world.worlds["hour"].astype(np.int64), world.config.decision_hours
    spans = []
    for venue in range(world.config.venues):
        for decision in range(decisions):
            start = first + decision * hours
            spans.append(Trades(-1 - venue, start * SUBSTEPS, partial(_mute_hedges, venue, start, hours)))
    return spans


def _mute_hedges(venue: int, start: NDArray[np.int64], hours: int, world: Any) -> None:
    world.intervene(Interventions(world).mute_hedges(venue, (start, start + hours)))


def read_crisis(step: Any, asked: Mapping[str, Floats]) -> dict[str, Floats]:
    """Bad debt booked and debt liquidated in a decision [USD], of all venues: `bad_debt`, `liquidated`."""
    return {name: step.records[name].sum(axis=1) for name in ("bad_debt", "liquidated")}
