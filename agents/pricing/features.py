"""What pricers look at: one table, in physical units, with where each number is from and what it is for.

A source is `chain`, what a contract can read by itself, or `feed`, a published index. Of the rows from `chain` those of
the group `surface` read the option pool's own vols. As long as no pricer sets them, these revert to a public index, so
that `INPUTS` has a set without them too.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Source = Literal["chain", "feed"]
Floats = NDArray[np.float64]
LIMIT = 10.0  # of a normalised number, in either direction


@dataclass(frozen=True)
class PricingFeature:
    """One input of a pricer: seen as value / scale, or sign * log(1 + |value| / scale) when `symlog`; within +-10.

    Attributes:
        name: of the input.
        group: vol, velocity, surface, expiry, flow, funding, interest, pool or lending.
        source: who it is read from.
        unit: of the value.
        scale: in that unit.
        symlog: whether it is seen as a signed log.
        about: what it is for.
        of_expiry: it differs from expiry to expiry.
    """

    name: str
    group: str
    source: Source
    unit: str
    scale: float
    symlog: bool
    about: str
    of_expiry: bool = False


_ROWS = (
    # of the world
    ("vol_6h", "vol", "chain", "log, over 0.6", 0.7, False, "how restless the last hours were", False),
    ("vol_24h", "vol", "chain", "log, over 0.6", 0.5, False, "the daily term of a HAR model", False),
    ("vol_72h", "vol", "chain", "log, over 0.6", 0.5, False, "its term of some days", False),
    ("vol_168h", "vol", "chain", "log, over 0.6", 0.5, False, "its weekly term", False),
    ("coarse_vol_168h", "vol", "chain", "log, over 0.6", 0.5, False,
     "vol of 6-hour returns: the oracle's deviation threshold adds noise to hourly ones", False),
    ("seen_hours", "vol", "chain", "log of hours", 5.0, False, "how much of the past the vols have seen", False),
    ("return_1h", "velocity", "chain", "log", 0.02, True, "how fast the price moves now", False),
    ("return_6h", "velocity", "chain", "log", 0.04, True, "the same, steadier", False),
    ("return_24h", "velocity", "chain", "log", 0.08, True, "falls precede higher vol than rises", False),
    ("drawdown_week", "velocity", "chain", "share", 0.1, True, "a market that has fallen far", False),
    ("congestion", "velocity", "chain", "share", 0.5, False, "stress shows in blockspace first", False),
    ("term_slope", "surface", "chain", "log", 0.1, True, "farthest over nearest vol of the pool", False),
    ("flow_calls", "flow", "chain", "share of NAV", 0.02, True, "calls bought less sold: who expects a rise", False),
    ("flow_puts", "flow", "chain", "share of NAV", 0.02, True, "puts bought less sold: who fears a fall", False),
    ("flow_written", "flow", "chain", "share of NAV", 0.02, True, "options written to the pool: who sells vol", False),
    ("flow_toxicity", "flow", "chain", "gain over size", 0.3, False, "whether takers were right before", False),
    ("interest_concentration", "interest", "chain", "Herfindahl index", 0.2, False, "a book of a few nodes", False),
    ("put_share", "interest", "chain", "share of contracts", 0.5, False, "protection that is held", False),
    ("depth", "pool", "chain", "log of USD over 0.5M", 1.0, False, "what a forced sale would move", False),
    ("depth_over_week", "pool", "chain", "log", 0.5, False, "liquidity that leaves before vol comes", False),
    ("spot_gap", "pool", "chain", "log", 0.01, True, "pool's average over the oracle: who is late", False),
    ("utilisation", "lending", "chain", "share", 1.0, False, "a pool that cannot pay out sells", False),
    ("at_risk", "lending", "chain", "share of debt", 0.3, False, "loans whose liquidation a fall sets off", False),
    ("implied_vol", "vol", "feed", "log, over 0.7", 0.5, False, "the market's own forecast", False),
    ("funding_over_week", "funding", "feed", "annual", 0.2, True,
     "funding less its mean of 7 days: crowding that unwinds", False),
    # of an expiry
    ("hours", "expiry", "chain", "log of hours", 6.0, False, "time left", True),
    ("at_money_vol", "surface", "chain", "log, over 0.7", 0.5, False, "what the pool asks for this expiry", True),
    ("skew", "surface", "chain", "slope of log vol in log moneyness", 0.5, True, "price of falls over rises", True),
    ("curvature", "surface", "chain", "of log vol in log moneyness", 2.0, True, "price of large moves", True),
    ("flow_expiry", "flow", "chain", "share of NAV", 0.02, True, "options bought of this expiry, less sold", True),
    ("interest_expiry", "interest", "chain", "share of NAV", 0.2, True, "open interest of this expiry", True),
)  # fmt: skip
FEATURES: dict[str, PricingFeature] = {row[0]: PricingFeature(*row) for row in _ROWS}  # type: ignore[arg-type]
WORLD_INPUTS = tuple(name for name, row in FEATURES.items() if not row.of_expiry)
EXPIRY_INPUTS = tuple(name for name, row in FEATURES.items() if row.of_expiry)

# numbers of one node of the surface, as `attention` is given them, already without unit; all read from the chain
NODE_INPUTS: dict[str, str] = {
    "node_vol": "log of the pool's vol over 0.7",
    "node_moneyness": "log of strike over spot, over the square root of its years",
    "node_hours": "log of hours left, over 6",
    "node_bought_calls": "calls bought less sold in the decision, of NAV, as a signed log over 0.01",
    "node_bought_puts": "the same of puts",
    "node_written_calls": "calls written to the pool less bought back, in the same form",
    "node_written_puts": "the same of puts",
    "node_interest": "open interest, of NAV, as a signed log over 0.05",
}

InputSet = Literal["feed", "chain", "prices"]


def input_names(inputs: InputSet) -> tuple[str, ...]:
    """Names of the inputs of a set: `feed` has all, `chain` what a contract can read, `prices` that without a surface.

    Raises:
        ValueError: another set.
    """
    if inputs not in ("feed", "chain", "prices"):
        raise ValueError(f"inputs is {inputs!r}; accepted: feed, chain, prices")
    rows = [row for row in FEATURES.values() if inputs == "feed" or row.source == "chain"]
    return tuple(row.name for row in rows if inputs != "prices" or row.group != "surface")


def normalised(name: str, values: Floats) -> Floats:
    """Values of a feature as networks see them, of any shape."""
    row = FEATURES[name]
    x = values / row.scale
    return np.asarray(np.clip(signed_log(x) if row.symlog else x, -LIMIT, LIMIT))


def signed_log(x: Floats) -> Floats:
    """sign(x) * log(1 + |x|)."""
    return np.asarray(np.sign(x) * np.log1p(np.abs(x)))
