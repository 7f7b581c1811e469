"""What can be observed: the table of features in physical units, with the scale and the group of each.

The group of a feature states who can read it:

    chain      what a contract can read: its own books, the oracle, the spot pool, the price of blockspace. Before the
               first hour ends, the realised vols show the vol that the option pool quotes
    feeds      published indices: implied vol, funding, outside yield, the peg, and what is computed from them
    latent     what only the simulator knows; for critics, upper bounds and the value of information
    surface    each node of the option pool: one row per expiry (nearest first), one column per strike (lowest first)
    accounts   how debt and open interest are distributed over people and nodes

To add a feature, add a row below and one line in the function of `observe.py` that fills it. No feature shows a clock
or the name of a scenario.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from protogov.envs.world.lever_table import LEVER_BY_NAME, NUM_LEVERS
from protogov.envs.world.state import MAX_EXPIRIES, MAX_STRIKES

Group = Literal["chain", "feeds", "latent", "surface", "accounts"]
Transform = Literal["linear", "symlog"]

# upper ends of the first nine of ten bins of health factors; the last bin has no upper end
HEALTH_BINS = (1.0, 1.02, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 2.0)
_NODES = (MAX_EXPIRIES, MAX_STRIKES)


@dataclass(frozen=True)
class Feature:
    """One observed quantity, normalised as value / scale, or as sign * log(1 + |value| / scale) for `symlog`.

    The normalised value is clipped to [-10, 10]. `needs_feeds`: the feature belongs to another group, but computing it
    needs a published index. `labels` name its numbers where an index would say less. Whatever refers to one number of
    a feature uses these names.
    """

    name: str
    unit: str
    shape: tuple[int, ...]
    scale: float
    transform: Transform
    group: Group
    needs_feeds: bool = False
    labels: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many numbers the feature has."""
        return int(np.prod(self.shape))

    def entries(self) -> tuple[str, ...]:
        """Names of its numbers: `feature`, `feature[label]`, `feature[index]`, or `feature[row,column]`."""
        if self.shape == ():
            return (self.name,)
        labels = self.labels or [",".join(map(str, index)) for index in np.ndindex(self.shape)]
        return tuple(f"{self.name}[{label}]" for label in labels)


def _rows(*rows: tuple[str, str, float, Transform, Group]) -> tuple[Feature, ...]:
    return tuple(Feature(name, unit, (), scale, transform, group) for name, unit, scale, transform, group in rows)


WORLD_FEATURES: tuple[Feature, ...] = _rows(
    ("return_1h", "log", 0.02, "symlog", "chain"),
    ("return_6h", "log", 0.04, "symlog", "chain"),
    ("return_24h", "log", 0.08, "symlog", "chain"),
    ("return_72h", "log", 0.12, "symlog", "chain"),
    ("realised_1h", "annual vol", 0.5, "symlog", "chain"),
    ("realised_6h", "annual vol", 0.5, "symlog", "chain"),
    ("realised_72h", "annual vol", 0.5, "symlog", "chain"),
    ("implied_vol", "annual vol", 0.5, "symlog", "feeds"),
    ("implied_less_realised", "annual vol", 0.3, "symlog", "feeds"),
    ("drawdown_week", "share", 0.1, "symlog", "chain"),
    ("leverage_demand", "log", 0.4, "linear", "latent"),
    ("outside_yield", "annual", 0.05, "symlog", "feeds"),
    ("informed_share", "share", 0.3, "linear", "latent"),
    ("flow_intensity", "log", 0.5, "linear", "latent"),
    ("congestion", "share", 0.5, "linear", "chain"),
    ("funding", "annual", 0.2, "symlog", "feeds"),
    ("peg_gap", "share", 0.02, "symlog", "feeds"),
    ("depth", "log of USD over 0.5M", 1.0, "linear", "chain"),
    ("depth_over_week", "log", 0.5, "linear", "chain"),
    ("pool_over_oracle", "log", 0.01, "symlog", "chain"),
    ("open_interest", "log, against its normal", 0.5, "linear", "latent"),  # starts at the leverage demand
)
# those of them that a venue computes from its own oracle
ORACLE_FEATURES: tuple[str, ...] = (
    "return_1h", "return_6h", "return_24h", "return_72h", "realised_1h", "realised_6h", "realised_72h",
    "implied_less_realised", "drawdown_week", "pool_over_oracle",
)  # fmt: skip
# NAV is the option pool's value at its own marks and the oracle's price (`options.marked_nav`).
VENUE_SCALARS = _rows(
    ("utilisation", "share", 1.0, "linear", "chain"),
    ("utilisation_over_optimal", "share", 0.1, "symlog", "chain"),
    ("borrow_rate", "annual", 0.05, "symlog", "chain"),
    ("supply_rate", "annual", 0.05, "symlog", "chain"),
    ("supply_rate_over_outside", "annual", 0.03, "symlog", "feeds"),
    ("debt", "share of K0", 0.5, "linear", "chain"),
    ("deposits", "share of K0", 0.5, "linear", "chain"),
    ("net_borrow_day", "share of K0", 0.02, "symlog", "chain"),
    ("net_supply_day", "share of K0", 0.02, "symlog", "chain"),
    ("unmet_withdrawals", "share of K0", 0.005, "symlog", "chain"),
    ("at_risk", "share of debt", 0.3, "linear", "chain"),
    ("liquidation_gain", "ratio", 0.5, "symlog", "chain"),
    ("liquidated", "share of K0", 0.005, "symlog", "chain"),
    ("shortfall", "share of K0", 0.002, "symlog", "feeds"),
    ("deficit", "share of K0", 0.002, "symlog", "chain"),
    ("treasury", "share of K0", 0.01, "symlog", "chain"),
    ("option_nav", "share of K0", 0.2, "linear", "chain"),
    ("option_return", "share of NAV", 0.01, "symlog", "chain"),
    ("option_free_cash", "share of NAV", 0.5, "linear", "chain"),
    ("option_unpaid", "share of K0", 0.001, "symlog", "chain"),
    ("option_free_liquidity", "share of NAV", 0.5, "symlog", "chain"),
    ("lp_queue", "share of NAV", 0.1, "symlog", "chain"),
    ("net_delta", "share of NAV", 0.2, "symlog", "chain"),
    ("book_delta", "share of NAV", 0.2, "symlog", "chain"),
    ("book_gamma", "share of NAV for 1% squared", 0.02, "symlog", "chain"),
    ("book_vega", "share of NAV for a vol point", 0.005, "symlog", "chain"),
    ("hedge_gain", "ratio", 0.5, "symlog", "chain"),
    ("surface_over_fair", "vol", 0.05, "symlog", "feeds"),
    ("hours_to_expiry", "h", 84.0, "linear", "chain"),
    ("hours_to_hedge", "h", 6.0, "linear", "chain"),
    ("option_flow", "share of NAV traded", 0.05, "symlog", "chain"),
    ("flow_toxicity", "takers' gain over its size", 0.3, "linear", "chain"),
    ("short_interest", "share of NAV", 0.1, "symlog", "chain"),
)
LEVER_FEATURES: tuple[Feature, ...] = tuple(
    Feature(name, unit, (NUM_LEVERS,), scale, "linear", "chain", labels=tuple(LEVER_BY_NAME))
    for name, unit, scale in (
        ("lever_executed", "action units", 1.0),
        ("lever_pending", "action units from executed", 0.2),
        ("lever_hours_to_effect", "h", 6.0),
        ("lever_hours_to_allowed", "h", 6.0),
        ("lever_lagged", "action units", 1.0),
    )
)
SURFACE_FEATURES: tuple[Feature, ...] = (
    Feature("node_vol", "annual vol", _NODES, 0.5, "symlog", "surface"),
    Feature("node_interest", "share of NAV", _NODES, 0.05, "symlog", "surface"),
    Feature("node_flow", "share of NAV in the decision", _NODES, 0.01, "symlog", "surface"),
    Feature("node_vol_over_fair", "vol", _NODES, 0.05, "symlog", "surface", needs_feeds=True),
)
ACCOUNT_FEATURES: tuple[Feature, ...] = (
    Feature("debt_by_health", "share of debt", (len(HEALTH_BINS) + 1,), 0.2, "linear", "accounts"),
    Feature("debt_concentration", "Herfindahl index over accounts", (), 0.2, "linear", "accounts"),
    Feature("interest_concentration", "Herfindahl index over nodes", (), 0.2, "linear", "accounts"),
)
VENUE_FEATURES: tuple[Feature, ...] = (*VENUE_SCALARS, *LEVER_FEATURES, *SURFACE_FEATURES, *ACCOUNT_FEATURES)
FEATURES = {feature.name: feature for feature in (*WORLD_FEATURES, *VENUE_FEATURES)}
LIMIT = 10.0


def _dtype(features: tuple[Feature, ...]) -> np.dtype:
    return np.dtype([(feature.name, "f8", feature.shape) for feature in features])


def _columns(features: tuple[Feature, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Scale and symlog flag of every column of the flat view."""
    scale = [feature.scale for feature in features for _ in range(feature.size)]
    kind = [feature.transform == "symlog" for feature in features for _ in range(feature.size)]
    return np.array(scale), np.array(kind)


WORLD_DTYPE, VENUE_DTYPE = _dtype(WORLD_FEATURES), _dtype(VENUE_FEATURES)
WORLD_SCALE, WORLD_SYMLOG = _columns(WORLD_FEATURES)
VENUE_SCALE, VENUE_SYMLOG = _columns(VENUE_FEATURES)
# columns of a venue's block at which the optional groups `surface` and `accounts` begin
SURFACE_AT = sum(feature.size for feature in (*VENUE_SCALARS, *LEVER_FEATURES))
ACCOUNTS_AT = SURFACE_AT + sum(feature.size for feature in SURFACE_FEATURES)
VENUE_COLUMNS = VENUE_SCALE.size
