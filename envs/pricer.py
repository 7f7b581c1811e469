"""What quotes an option pool from outside: once a decision it writes anchors to which the pool's surface reverts.

    env = gym.make("protogov/Rates-v0", scenario="heston", pricers={0: "ewma"})  # of venue 0
    world = Simulator(num_worlds=64, scenario="heston", pricers={0: pricer})

Without one, nothing changes. `protogov.agents.pricing.PoolPricer` makes one of any model of the return to expiry.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.surface import MAX_VOL, MIN_VOL

if TYPE_CHECKING:
    from protogov.envs.simulator import Simulator

Floats = NDArray[np.float64]
LARGEST_SLOPE = 20.0  # vol per log of the spot
LARGEST_GAMMA = 10.0  # times that of Black-Scholes


class Anchors(NamedTuple):
    """What a pricer writes for every world, slot of an expiry, and strike, F64[n, e, k] each.

    `e` and `k` are the capacities of a venue's record, in its order; slots that are not listed are not looked at.
    """

    moneyness: Floats  # log(strike / spot of the quotes) of the points of each smile, rising with the strike
    vol: Floats | None = None  # annual decimal at these points; None: the surface reverts to the public index
    slope: Floats | None = None  # vol of a fixed strike per log of the spot, None: 0, as in Black-Scholes
    gamma: Floats | None = None  # divided by Black-Scholes', None: 1
    law: Floats | None = None  # annual decimal: what vol arbitrageurs take as true; None: the tape's implied vol


class Pricer(Protocol):
    """A model that quotes one venue's option pool."""

    def anchors(self, simulator: "Simulator") -> Anchors:
        """Anchors of every world, asked once before each decision. It may remember rows, and may not change them."""
        ...

    def fork(self, rows: NDArray[np.int64]) -> "Pricer":
        """A copy for a batch that holds copies of `rows` I64[m], which may repeat, with its memory of them."""
        ...


@runtime_checkable
class Remembering(Pricer, Protocol):
    """A pricer whose memory a snapshot can hold."""

    def state_dict(self) -> dict[str, Any]:
        """Its memory of all rows; see `protogov.envs.memory` for what it may hold."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a memory.

        Raises:
            ValueError: it is that of another pricer.
        """
        ...


class PricerError(ValueError):
    """Anchors that no surface can have: the message names field, world and value. Nothing has changed."""


def write_anchors(venue: NDArray[Any], anchors: Anchors) -> None:
    """Write anchors into the records of one venue of a batch.

    Args:
        venue: records [n], as in `worlds["venues"][:, v]`.
        anchors: of these worlds.

    Raises:
        PricerError: a shape does not fit, or a value at a listed node is out of range.
    """
    shape = venue["anchor_smile"].shape
    listed = np.arange(shape[1])[:, None] < venue["num_expiries"][:, None, None]
    listed = listed & (np.arange(shape[2]) < venue["num_strikes"][:, None, None])
    ranges = {
        "moneyness": (-20.0, 20.0), "vol": (MIN_VOL, MAX_VOL), "slope": (-LARGEST_SLOPE, LARGEST_SLOPE),
        "gamma": (0.0, LARGEST_GAMMA), "law": (MIN_VOL, MAX_VOL),
    }  # fmt: skip
    for name, (low, high) in ranges.items():
        values = getattr(anchors, name)
        if values is None:
            continue
        if values.shape != shape:
            raise PricerError(f"anchors have {name} of shape {values.shape}; {shape} is accepted.")
        wrong = listed & ~((values >= low) & (values <= high))
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise PricerError(
                f"anchors have {name} {values[at]:g} in world {at[0]}, expiry {at[1]}, strike {at[2]}; {low:g} to "
                f"{high:g} is accepted."
            )
    falls = listed[:, :, 1:] & ~(np.diff(anchors.moneyness, axis=2) > 0.0)
    if falls.any():
        raise PricerError(f"anchors have moneyness that does not rise in world {int(np.argwhere(falls)[0][0])}.")
    venue["anchored"], venue["law_known"] = anchors.vol is not None, anchors.law is not None
    venue["anchor_moneyness"] = anchors.moneyness
    venue["anchor_smile"] = 0.0 if anchors.vol is None else anchors.vol
    venue["anchor_slope"] = 0.0 if anchors.slope is None else anchors.slope
    venue["anchor_gamma"] = 1.0 if anchors.gamma is None else anchors.gamma
    venue["law_smile"] = 0.0 if anchors.law is None else anchors.law
