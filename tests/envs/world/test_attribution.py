"""The option pool's profit, split: an exact identity in any market, and each part where it is the only one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.simulator import Simulator
from protogov.envs.world import attribution
from protogov.envs.world.pricing import quote
from protogov.envs.world.ticket import Ticket

PARTS = (
    "pool_delta", "pool_gamma_theta", "pool_vega", "pool_fees", "pool_adverse_selection", "pool_hedging",
    "pool_interest", "pool_shorts", "pool_settlement",
)  # fmt: skip
WEEK = 168 * 12


@pytest.mark.parametrize("venues", [1, 2])
@pytest.mark.parametrize("scenario", ["jump", "crash-heldout"])
@pytest.mark.parametrize("hours", [1, 6, 24])
def test_the_parts_add_up_to_the_profit_of_every_decision(
    simulate: Callable[..., Simulator], shake: Callable[..., Any], venues: int, scenario: str, hours: int
) -> None:
    simulator = simulate(scenario, 12, seed=5, venues=venues, decision_hours=hours, parameters={"losses_socialised": 1})
    rng = np.random.default_rng(0)
    seen = dict.fromkeys(PARTS, 0.0)
    while not simulator.truncated().any():
        records = simulator.step(shake(simulator, rng)).records
        total = sum(records[name] for name in PARTS)
        gross = sum(np.abs(records[name]) for name in PARTS)
        assert records["pool_residual"] == pytest.approx(records["pool_profit"] - total, abs=1e-6)
        # what is asked for is a hundredth; what is left is rounding of a pool of millions
        assert (np.abs(records["pool_residual"]) <= 1e-8 * gross + 1e-4).all()
        for name in PARTS:
            seen[name] += float(np.abs(records[name]).sum())
    assert all(amount > 0.0 for amount in seen.values()), seen


def one_option(blank: Callable[..., Any], **parameters: float) -> Any:
    """The pool has written 10 calls of a week, and marked them."""
    bench = world, venue, p, _ = blank(surface_skew=0.0, interest_rate=0.0, **parameters)
    venue.num_expiries = venue.num_strikes = 1
    venue.expiry[0], venue.strike[0, 0], venue.base_vol[0], venue.skew[0, 0] = WEEK, 1000.0, 0.7, 1.0
    venue.long_calls[0, 0] = 10.0
    attribution.mark_fair_book(world, venue, p)
    clear(venue)
    return bench


def clear(venue: Any) -> None:
    for name in PARTS:
        venue[name] = 0.0


def call(spot: float, vol: float, substep: int = 0) -> float:
    return float(quote(spot, 1000.0, (WEEK - substep) / 12.0 / 8760.0, vol, 0.0)[0])


def test_price_time_and_vol_are_told_apart(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = one_option(blank)
    delta = quote(1000.0, 1000.0, WEEK / 12.0 / 8760.0, 0.7, 0.0)[2]
    world.tape_price, world.implied_vol, world.substep = 1050.0, 0.8, 240
    value = attribution.mark_fair_book(world, venue, p)
    assert value == pytest.approx(-10.0 * call(1050.0, 0.8, 240))
    assert venue.pool_delta == pytest.approx(-10.0 * delta * 50.0)
    moved = call(1050.0, 0.7, 240)
    assert venue.pool_gamma_theta == pytest.approx(-10.0 * (moved - call(1000.0, 0.7)) + 10.0 * delta * 50.0)
    assert venue.pool_vega == pytest.approx(-10.0 * (call(1050.0, 0.8, 240) - moved))
    assert venue.pool_fees == venue.pool_adverse_selection == venue.pool_settlement == 0.0


def test_time_alone_pays_who_has_written_options(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = one_option(blank)
    world.substep = 288
    attribution.mark_fair_book(world, venue, p)
    assert venue.pool_gamma_theta > 0.0 and venue.pool_delta == venue.pool_vega == 0.0


def test_a_trade_of_the_uninformed_is_fees_and_then_moves_with_the_price(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = one_option(blank)
    fair = call(1000.0, 0.7) * 2.0
    venue.long_calls[0, 0] += 2.0
    edge = attribution.book_trade(world, venue, Ticket(0, 0, True, 2.0, 1.0), fair + 7.0, 3.0, False, p)
    assert edge == pytest.approx(7.0) and venue.pool_fees == pytest.approx(7.0) and venue.sum_edge == pytest.approx(7.0)
    world.tape_price = 1010.0
    attribution.mark_fair_book(world, venue, p)
    delta = quote(1000.0, 1000.0, WEEK / 12.0 / 8760.0, 0.7, 0.0)[2]
    assert venue.pool_delta == pytest.approx(-12.0 * delta * 10.0)
    assert venue.pool_adverse_selection == 0.0


def test_what_the_informed_take_is_marked_at_the_end(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = one_option(blank)
    fair = call(1000.0, 0.7) * 2.0
    venue.long_calls[0, 0] += 2.0
    attribution.book_trade(world, venue, Ticket(0, 0, True, 2.0, 1.0), fair + 7.0, 3.0, True, p)
    world.implied_vol = 0.9  # as they knew
    attribution.mark_fair_book(world, venue, p)
    gained = 2.0 * (call(1000.0, 0.9) - call(1000.0, 0.7))
    assert venue.pool_fees == pytest.approx(3.0)
    assert venue.pool_adverse_selection == pytest.approx(4.0 - gained)
    assert venue.pool_vega == pytest.approx(-10.0 * (call(1000.0, 0.9) - call(1000.0, 0.7)))


def test_the_hedge_moves_with_the_price_and_its_cost_is_apart(blank: Callable[..., Any]) -> None:
    from protogov.envs.world.hedging import hedge

    world, venue, p, events = one_option(blank, pool_fee=0.001)
    venue.option_cash, venue.hedge_slice, venue.hedge_slices_left = 1e6, 5.0, 1
    hedge(world, venue, 0, events, p)
    world.tape_price = 1020.0
    attribution.mark_fair_book(world, venue, p)
    delta = quote(1000.0, 1000.0, WEEK / 12.0 / 8760.0, 0.7, 0.0)[2]
    assert venue.pool_delta == pytest.approx((5.0 - 10.0 * delta) * 20.0)
    assert venue.pool_hedging == pytest.approx(venue.option_cash - 1e6 + 5000.0) and venue.pool_hedging < 0.0


def test_a_settlement_is_the_payout_against_the_last_mark(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = one_option(blank)
    world.tape_price = 1100.0
    attribution.mark_fair_book(world, venue, p)
    attribution.book_settlement(venue, 0, 0.0, 10.0 * 90.0)  # the oracle's mean was 1,090
    assert venue.pool_settlement == pytest.approx(10.0 * call(1100.0, 0.7) - 900.0)
    assert venue.fair_calls_held[0, 0] == 0.0
