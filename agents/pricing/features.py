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
    ("vol_6h", "vol", "chain", "log of (annual vol / 0.6)", 0.7, False,
     "size of price moves in the last 6 hours", False),
    ("vol_24h", "vol", "chain", "log of (annual vol / 0.6)", 0.5, False,
     "the same over a day: the daily term of a HAR model", False),
    ("vol_72h", "vol", "chain", "log of (annual vol / 0.6)", 0.5, False, "over three days", False),
    ("vol_168h", "vol", "chain", "log of (annual vol / 0.6)", 0.5, False, "over a week: its weekly term", False),
    ("coarse_vol_168h", "vol", "chain", "log of (annual vol / 0.6)", 0.5, False,
     "vol of 6-hour returns: the oracle's update threshold adds noise to hourly ones", False),
    ("seen_hours", "vol", "chain", "log of hours", 5.0, False, "hours of past that the vols are computed from", False),
    ("return_1h", "velocity", "chain", "log return", 0.02, True, "how fast the price moves now", False),
    ("return_6h", "velocity", "chain", "log return", 0.04, True, "the same, steadier", False),
    ("return_24h", "velocity", "chain", "log return", 0.08, True, "falls precede higher vol than rises", False),
    ("drawdown_week", "velocity", "chain", "share", 0.1, True, "fall from the highest price of the week", False),
    ("congestion", "velocity", "chain", "share", 0.5, False, "full blocks are an early sign of stress", False),
    ("term_slope", "surface", "chain", "log", 0.1, True,
     "the pool's vol of the farthest expiry over that of the nearest", False),
    ("flow_calls", "flow", "chain", "share of NAV", 0.02, True, "calls bought less sold: demand for rises", False),
    ("flow_puts", "flow", "chain", "share of NAV", 0.02, True, "puts bought less sold: demand for protection", False),
    ("flow_written", "flow", "chain", "share of NAV", 0.02, True, "options written to the pool: supply of vol", False),
    ("flow_toxicity", "flow", "chain", "gain over size", 0.3, False,
     "whether buyers gained before: they may know more", False),
    ("interest_concentration", "interest", "chain", "Herfindahl index", 0.2, False,
     "1 if all open interest is at one node", False),
    ("put_share", "interest", "chain", "share of contracts", 0.5, False,
     "puts in open interest: protection that is held", False),
    ("depth", "pool", "chain", "log of (USD / 0.5 million)", 1.0, False,
     "how far a forced sale would move the price", False),
    ("depth_over_week", "pool", "chain", "log", 0.5, False, "liquidity often leaves before vol comes", False),
    ("spot_gap", "pool", "chain", "log return", 0.01, True,
     "the pool's average price over the oracle's: which one lags", False),
    ("utilisation", "lending", "chain", "share", 1.0, False,
     "near 1 lenders cannot withdraw, and rates force repayments", False),
    ("at_risk", "lending", "chain", "share of debt", 0.3, False, "loans that a fall would liquidate", False),
    ("implied_vol", "vol", "feed", "log of (annual vol / 0.7)", 0.5, False, "the market's own forecast", False),
    ("funding_over_week", "funding", "feed", "per year", 0.2, True,
     "funding less its mean of 7 days: crowded positions that may unwind", False),
    # of an expiry
    ("hours", "expiry", "chain", "log of hours", 6.0, False, "time left", True),
    ("at_money_vol", "surface", "chain", "log of (annual vol / 0.7)", 0.5, False,
     "what the pool asks for this expiry", True),
    ("skew", "surface", "chain", "slope of log vol in log(strike / spot)", 0.5, True,
     "price of falls over rises", True),
    ("curvature", "surface", "chain", "half the second derivative of the same", 2.0, True,
     "price of large moves", True),
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
