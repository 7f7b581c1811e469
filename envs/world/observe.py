"""What governors can see: features in physical units, and their fixed, stateless normalisation.

To add a feature: a row in `WORLD_FEATURES` or `VENUE_FEATURES`, one line in the function below that fills it, and its
name in the roles that shall see it. There is no clock and no scenario name among them.
"""

from dataclasses import dataclass
from math import log, log1p
from typing import Literal

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.market import pool_price
from protogov.envs.world.options import free_liquidity
from protogov.envs.world.population.liquidity_providers import queue_value
from protogov.envs.world.state import NEVER, NUM_LEVERS, SUBSTEPS
from protogov.envs.world.surface import fair_vol, mid_vol


@dataclass(frozen=True)
class Feature:
    """One observed quantity: seen as value / scale, or sign * log(1 + |value| / scale) when `symlog`; within +-10."""

    name: str
    unit: str
    shape: tuple[int, ...]
    scale: float
    transform: Literal["linear", "symlog"]


def _rows(*rows: tuple[str, str, float, Literal["linear", "symlog"]]) -> tuple[Feature, ...]:
    return tuple(Feature(name, unit, (), scale, transform) for name, unit, scale, transform in rows)


WORLD_FEATURES: tuple[Feature, ...] = _rows(
    ("return_1h", "log", 0.02, "symlog"),
    ("return_6h", "log", 0.04, "symlog"),
    ("return_24h", "log", 0.08, "symlog"),
    ("return_72h", "log", 0.12, "symlog"),
    ("realised_1h", "annual vol", 0.5, "symlog"),
    ("realised_6h", "annual vol", 0.5, "symlog"),
    ("realised_72h", "annual vol", 0.5, "symlog"),
    ("implied_vol", "annual vol", 0.5, "symlog"),
    ("implied_less_realised", "annual vol", 0.3, "symlog"),
    ("drawdown_week", "share", 0.1, "symlog"),
    ("leverage_demand", "log", 0.4, "linear"),
    ("outside_yield", "annual", 0.05, "symlog"),
    ("informed_share", "share", 0.3, "linear"),
    ("flow_intensity", "log", 0.5, "linear"),
    ("congestion", "share", 0.5, "linear"),
    ("funding", "annual", 0.2, "symlog"),
    ("peg_gap", "share", 0.02, "symlog"),
    ("depth", "log of USD over 0.5M", 1.0, "linear"),
    ("depth_over_week", "log", 0.5, "linear"),
    ("pool_over_oracle", "log", 0.01, "symlog"),
    ("open_interest", "log, against its normal", 0.5, "linear"),
)
_VENUE_SCALARS = _rows(
    ("utilisation", "share", 1.0, "linear"),
    ("utilisation_over_optimal", "share", 0.1, "symlog"),
    ("borrow_rate", "annual", 0.05, "symlog"),
    ("supply_rate", "annual", 0.05, "symlog"),
    ("supply_rate_over_outside", "annual", 0.03, "symlog"),
    ("debt", "share of K0", 0.5, "linear"),
    ("deposits", "share of K0", 0.5, "linear"),
    ("net_borrow_day", "share of K0", 0.02, "symlog"),
    ("net_supply_day", "share of K0", 0.02, "symlog"),
    ("unmet_withdrawals", "share of K0", 0.005, "symlog"),
    ("at_risk", "share of debt", 0.3, "linear"),
    ("liquidation_gain", "ratio", 0.5, "symlog"),
    ("liquidated", "share of K0", 0.005, "symlog"),
    ("latent", "share of K0", 0.002, "symlog"),
    ("deficit", "share of K0", 0.002, "symlog"),
    ("treasury", "share of K0", 0.01, "symlog"),
    ("option_nav", "share of K0", 0.2, "linear"),
    ("option_return", "share of NAV at the last decision", 0.01, "symlog"),
    ("option_free_cash", "share of NAV", 0.5, "linear"),
    ("option_unpaid", "share of K0", 0.001, "symlog"),
    ("option_free_liquidity", "share of NAV", 0.5, "symlog"),
    ("lp_queue", "share of NAV", 0.1, "symlog"),
    ("net_delta", "share of NAV", 0.2, "symlog"),
    ("book_delta", "share of NAV", 0.2, "symlog"),
    ("book_gamma", "share of NAV for 1% squared", 0.02, "symlog"),
    ("book_vega", "share of NAV for a vol point", 0.005, "symlog"),
    ("hedge_gain", "ratio", 0.5, "symlog"),
    ("surface_over_fair", "vol", 0.05, "symlog"),
    ("hours_to_expiry", "h", 84.0, "linear"),
    ("hours_to_hedge", "h", 6.0, "linear"),
    ("option_flow", "share of NAV traded", 0.05, "symlog"),
    ("short_interest", "share of NAV", 0.1, "symlog"),
)
VENUE_FEATURES: tuple[Feature, ...] = (
    *_VENUE_SCALARS,
    Feature("lever_executed", "action units", (NUM_LEVERS,), 1.0, "linear"),
    Feature("lever_pending", "action units from executed", (NUM_LEVERS,), 0.2, "linear"),
    Feature("lever_hours_to_effect", "h", (NUM_LEVERS,), 6.0, "linear"),
    Feature("lever_hours_to_allowed", "h", (NUM_LEVERS,), 6.0, "linear"),
    Feature("lever_lagged", "action units", (NUM_LEVERS,), 1.0, "linear"),
)
FEATURES = {feature.name: feature for feature in (*WORLD_FEATURES, *VENUE_FEATURES)}
LIMIT = 10.0


def _dtype(features: tuple[Feature, ...]) -> np.dtype:
    return np.dtype([(feature.name, "f8", feature.shape) for feature in features])


def _columns(features: tuple[Feature, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Scale and symlog flag of every column of the flat view."""
    scale = [feature.scale for feature in features for _ in range(int(np.prod(feature.shape)))]
    kind = [feature.transform == "symlog" for feature in features for _ in range(int(np.prod(feature.shape)))]
    return np.array(scale), np.array(kind)


WORLD_DTYPE, VENUE_DTYPE = _dtype(WORLD_FEATURES), _dtype(VENUE_FEATURES)
WORLD_SCALE, WORLD_SYMLOG = _columns(WORLD_FEATURES)
VENUE_SCALE, VENUE_SYMLOG = _columns(VENUE_FEATURES)


@compiled
def normalise(raw, scale, symlog, out, offset):
    """Write the normalised values of one flat row of features to `out` from `offset` on."""
    for c in range(raw.shape[0]):
        x = raw[c] / scale[c]
        if symlog[c]:
            x = log1p(x) if x >= 0.0 else -log1p(-x)
        out[offset + c] = min(max(x, -LIMIT), LIMIT)


@compiled
def past_return(world, hours):
    """Log return of the oracle price over the last `hours`, shorter at the start of an episode."""
    closes = world.hourly_close
    ring = closes.shape[0]
    back = min(hours, world.hour)
    return log(world.oracle_price / closes[(world.hour - back) % ring])


@compiled
def observe_world(world, out, p):
    """Fill the features of the outside market."""
    out.return_1h = past_return(world, 1)
    out.return_6h = past_return(world, 6)
    out.return_24h = past_return(world, 24)
    out.return_72h = past_return(world, 72)
    out.realised_1h = world.realised_1h
    out.realised_6h = world.realised_6h
    out.realised_72h = world.realised_72h
    out.implied_vol = world.implied_vol
    out.implied_less_realised = world.implied_vol - world.realised_72h
    out.drawdown_week = world.oracle_price / world.high_week - 1.0
    out.leverage_demand = log(world.leverage_demand)
    out.outside_yield = world.outside_yield
    out.informed_share = world.informed_share
    out.flow_intensity = log(max(world.flow_intensity, 1e-3))
    out.congestion = world.congestion
    out.funding = world.funding
    out.peg_gap = world.peg - 1.0
    out.depth = log(world.depth / 0.5e6)
    out.depth_over_week = log(world.depth / world.depth_week)
    out.pool_over_oracle = log(pool_price(world) / world.oracle_price)
    out.open_interest = log(world.open_interest / p.open_interest)


@compiled
def action_of(lever, value):
    """Where a value lies in its lever's range: -1 low, 0 default, +1 high."""
    if value == lever.default:
        return 0.0
    below = value < lever.default
    side = lever.low if below else lever.high
    if lever.log_map:
        share = log(value / lever.default) / log(side / lever.default)
    else:
        share = (value - lever.default) / (side - lever.default)
    return -share if below else share


@compiled
def hours_until(substep, now):
    """Hours from `now` to `substep`; 0 when it is past or never comes."""
    if substep == NEVER or substep <= now:
        return 0.0
    return (substep - now) / SUBSTEPS


@compiled
def observe_venue(world, venue, out, p):
    """Fill the features of one venue; money as a share of K0 or of the option pool's value."""
    value = venue.opening_value
    nav = max(venue.last_nav, 1e-3 * value)
    spot = world.oracle_price
    out.utilisation = venue.utilisation
    out.utilisation_over_optimal = venue.utilisation - venue.optimal_utilisation
    out.borrow_rate = venue.borrow_rate
    out.supply_rate = venue.supply_rate
    out.supply_rate_over_outside = venue.supply_rate - world.outside_yield
    out.debt = venue.scaled_debt * venue.borrow_index / value
    out.deposits = venue.scaled_deposits * venue.supply_index / value
    out.net_borrow_day = venue.borrow_flow_day / value
    out.net_supply_day = venue.supply_flow_day / value
    out.unmet_withdrawals = venue.unmet_withdrawals / value
    out.at_risk = venue.at_risk
    out.liquidation_gain = venue.liquidation_gain
    out.liquidated = venue.sum_liquidated / value
    out.latent = venue.last_latent / value
    out.deficit = venue.deficit / value
    out.treasury = venue.last_treasury / value
    out.option_nav = venue.last_nav / value
    out.option_return = venue.nav_change / nav
    out.option_free_cash = venue.option_cash / nav
    out.option_unpaid = venue.option_unpaid / value
    out.option_free_liquidity = free_liquidity(world, venue) / nav
    out.lp_queue = queue_value(venue) / nav
    out.net_delta = (venue.net_delta + venue.hedge_coin) * spot / nav
    out.book_delta = venue.net_delta * spot / nav
    out.book_gamma = venue.net_gamma * spot * spot * 1e-4 / nav
    out.book_vega = venue.net_vega * 0.01 / nav
    out.hedge_gain = venue.hedge_gain
    out.surface_over_fair = surface_gap(world, venue, p)
    out.hours_to_expiry = hours_until(venue.next_expiry, world.substep)
    out.hours_to_hedge = p.hedge_interval - world.hour % p.hedge_interval
    out.option_flow = venue.sum_option_contracts * spot / nav
    out.short_interest = venue.short_collateral_sum / nav
    rows, executed, pending = venue.levers, out.lever_executed, out.lever_pending
    effect, allowed, lagged = out.lever_hours_to_effect, out.lever_hours_to_allowed, out.lever_lagged
    for index in range(NUM_LEVERS):
        lever = rows[index]
        executed[index] = action_of(lever, lever.executed)
        pending[index] = action_of(lever, lever.pending) - executed[index] if lever.due != NEVER else 0.0
        effect[index] = hours_until(lever.due, world.substep)
        allowed[index] = hours_until(lever.allowed, world.substep)
        lagged[index] = action_of(lever, venue.lagged_levers[index])


@compiled
def surface_gap(world, venue, p):
    """Mean over expiries of the pool's vol less the tape's at the middle strike; 0 where nothing is listed."""
    if venue.num_expiries == 0:
        return 0.0
    middle = venue.num_strikes // 2
    gap = 0.0
    for e in range(venue.num_expiries):
        strike = venue.strike[e, middle]
        gap += mid_vol(venue, e, middle, world.oracle_price, p)
        gap -= fair_vol(world.implied_vol, world.oracle_price, strike, p)
    return gap / venue.num_expiries
