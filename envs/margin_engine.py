"""What governs collateral from outside: every hour a margin engine says what positions of a venue must hold.

    world = Simulator(num_worlds=64, scenario="heston", margin_engines={0: engine})  # of venue 0

Without one nothing changes. What a world makes of its numbers is told in ``world/margin_engine.py``.
`protogov.agents.pricing.PredictiveMargins` makes one of any model of the return.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.lever_table import LEVER_INDEX

if TYPE_CHECKING:
    from protogov.envs.simulator import Simulator

Floats = NDArray[np.float64]
LARGEST = 10.0  # most that may be asked: this many times spot plus strike in cash, this many coins of a coin


class Margins(NamedTuple):
    """What one contract, and a loan, must hold in the coming hour.

    The first three are F64[n, e, k], world by expiry and strike, in the order and capacity of a venue's record, where
    nodes that are not listed are not looked at. All three or none of them are given.
    """

    call: Floats | None  # USD that a short call against cash needs, or against a pledge; None: today's rule
    put: Floats | None  # USD that a short put needs
    coin: Floats | None  # coin that a short call against coin needs
    ltv: Floats | None  # F64[n], largest debt over the value of its coin, 0 to 1; None: the governed threshold


class MarginEngine(Protocol):
    """A model of what positions at one venue must hold."""

    def requirements(self, simulator: "Simulator") -> Margins:
        """Requirements of every world, asked once before each hour. It may remember rows, and may not change them.

        `step_hours` of the worlds is 0 in the first hour of a decision. Rows whose episode is over are not written.
        """
        ...

    def fork(self, rows: NDArray[np.int64]) -> "MarginEngine":
        """A copy for a batch that holds copies of `rows` I64[m], which may repeat, with its memory of them."""
        ...


class MarginError(ValueError):
    """Requirements that no rule can have: the message names field, world and value. Nothing of that venue changed."""


def call_engines(engines: Mapping[int, MarginEngine], simulator: "Simulator", going: NDArray[np.bool_]) -> None:
    """Ask every engine before an hour and write what it says into the rows `going`, bool [n].

    Raises:
        MarginError: see :func:`write_margins`.
    """
    for venue, engine in engines.items():
        write_margins(simulator.worlds.view(np.ndarray)["venues"][:, venue], engine.requirements(simulator), going)


def write_margins(venue: NDArray[Any], margins: Margins, going: NDArray[np.bool_]) -> None:
    """Write requirements into the records of one venue of a batch.

    Args:
        venue: records [n], as in `worlds["venues"][:, v]`.
        margins: of these worlds.
        going: bool [n], the rows that are checked and written.

    Raises:
        MarginError: a shape does not fit, parts are missing, or a value is no number or out of range.
    """
    of_options = {name: getattr(margins, name) for name in ("call", "put", "coin")}
    missing = [name for name, values in of_options.items() if values is None]
    if 0 < len(missing) < len(of_options):
        raise MarginError(f"margins lack {missing[0]}; call, put and coin are accepted together, or none of them.")
    if not missing:
        _check_options(venue, of_options, going)
    if margins.ltv is not None:
        _check_ltv(margins.ltv, going)
    venue["engine_margins"][going] = 0 if missing else 1
    for name, values in of_options.items():
        if values is None:
            venue[f"extra_{name}"][going] = 0.0
        else:
            venue[f"engine_{name}"][going] = np.where(_listed(venue), values, 0.0)[going]
    if margins.ltv is not None:
        venue["engine_ltv"][going] = margins.ltv[going]
    else:  # who had a limit before goes back to the governed threshold, hour by hour
        governed = venue["levers"]["default"][:, LEVER_INDEX["liquidation_threshold"]]
        venue["engine_ltv"][going] = np.where(venue["engine_ltv"] > 0.0, governed, 0.0)[going]


def _listed(venue: NDArray[Any]) -> NDArray[np.bool_]:
    """Nodes that are listed, bool [n, e, k]."""
    shape = venue["engine_call"].shape
    listed = np.arange(shape[1])[:, None] < venue["num_expiries"][:, None, None]
    return np.asarray(listed & (np.arange(shape[2]) < venue["num_strikes"][:, None, None]))


def _check_options(venue: NDArray[Any], values: Mapping[str, Any], going: NDArray[np.bool_]) -> None:
    shape, looked_at = venue["engine_call"].shape, _listed(venue) & going[:, None, None]
    most = LARGEST * (venue["oracle_price"][:, None, None] + venue["strike"])
    for name, found in values.items():
        if np.shape(found) != shape:
            raise MarginError(f"margins have {name} of shape {np.shape(found)}; {shape} is accepted.")
        high = np.full(shape, LARGEST) if name == "coin" else most
        wrong = looked_at & ~((found >= 0.0) & (found <= high))
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise MarginError(
                f"margins have {name} {found[at]:g} in world {at[0]}, expiry {at[1]}, strike {at[2]}; "
                f"0 to {high[at]:g} is accepted."
            )


def _check_ltv(found: Floats, going: NDArray[np.bool_]) -> None:
    if np.shape(found) != going.shape:
        raise MarginError(f"margins have ltv of shape {np.shape(found)}; {going.shape} is accepted.")
    wrong = going & ~((found > 0.0) & (found <= 1.0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise MarginError(f"margins have ltv {found[row]:g} in world {row}; above 0 to 1 is accepted.")
