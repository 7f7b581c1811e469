"""No two quotes of the pool can be combined into a riskless profit: parity, strikes, butterflies and calendars.

A trader buys at the ask and sells at the bid, one small trade each, with spread and fees. Only nodes that the pool
quotes count, because elsewhere nothing opens. The mid surface alone may violate these bounds: what keeps traders from
its gains is checked here, after random governance, on surfaces that worlds reach.
"""

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protogov.envs.scenarios import get_scenario
from protogov.envs.world.options import quotable, trade_terms, years_to_expiry
from protogov.envs.world.ticket import Ticket

SIZE = 0.01  # contracts: the least that anybody trades, where the quotes are closest together
ROUNDING = 1e-9  # of the spot
Gains = dict[str, float]


class Quotes:
    """Bid and ask of a contract at every node that a venue quotes: expiry -> [(strike, call, put)], (bid, ask) each."""

    def __init__(self, world: Any, venue: Any, p: Any) -> None:
        self.spot, self.rate = float(venue.oracle_price), float(p.interest_rate)
        self.years: dict[int, float] = {}
        self.nodes: dict[int, list[tuple[float, tuple[float, float], tuple[float, float]]]] = {}
        for e in range(venue.num_expiries):
            self.years[e] = years_to_expiry(world, venue, e)
            rows = []
            for k in range(venue.num_strikes):
                sides = {}
                for is_call in (True, False):
                    bid, ask = (trade_terms(world, venue, Ticket(e, k, is_call, SIZE, sign), p) for sign in (-1.0, 1.0))
                    if all(quotable(world, venue, e, side.delta, side.base, side.skew, p) for side in (bid, ask)):
                        sides[is_call] = (bid.total / SIZE, ask.total / SIZE)
                if len(sides) == 2:
                    rows.append((float(venue.strike[e, k]), sides[True], sides[False]))
            self.nodes[e] = sorted(rows)

    def discount(self, e: int) -> float:
        return math.exp(-self.rate * self.years[e])


def riskless_gains(quotes: Quotes) -> Gains:
    """Largest gain [USD a contract] that each kind of combination locks in; not positive where there is none."""
    worst = dict.fromkeys(("parity", "vertical", "width", "butterfly", "calendar"), -math.inf)

    def gain(kind: str, value: float) -> None:
        worst[kind] = max(worst[kind], value)

    for e, rows in quotes.nodes.items():
        discount = quotes.discount(e)
        for strike, call, put in rows:
            forward = quotes.spot - strike * discount
            gain("parity", forward - (call[1] - put[0]))  # buy the call, sell the put, sell the forward
            gain("parity", (call[0] - put[1]) - forward)  # and the other way round
        for (low, low_call, low_put), (high, high_call, high_put) in combinations(rows, 2):
            gain("vertical", high_call[0] - low_call[1])
            gain("vertical", low_put[0] - high_put[1])
            width = (high - low) * discount
            gain("width", low_call[0] - high_call[1] - width)
            gain("width", high_put[0] - low_put[1] - width)
        for left, middle, right in combinations(rows, 3):
            share = (right[0] - middle[0]) / (right[0] - left[0])
            for side in (1, 2):
                gain("butterfly", middle[side][0] - share * left[side][1] - (1.0 - share) * right[side][1])
    for near in quotes.nodes:
        for far in quotes.nodes:
            if quotes.years[near] >= quotes.years[far]:
                continue
            for near_strike, near_call, near_put in quotes.nodes[near]:
                for far_strike, far_call, far_put in quotes.nodes[far]:
                    # compared in strikes of today's money, a later option is worth at least as much
                    ahead = far_strike * quotes.discount(far) - near_strike * quotes.discount(near)
                    gain("calendar", near_call[0] - far_call[1] - max(ahead, 0.0))
                    gain("calendar", near_put[0] - far_put[1] - max(-ahead, 0.0))
    return worst


def check(simulator: Any, seen: Gains | None = None) -> int:
    """Assert that no world of a simulator quotes a riskless profit; how many nodes it quotes."""
    count = 0
    for n in range(simulator.num_worlds):
        world = simulator.worlds[n]
        for v in range(world.num_venues):
            quotes = Quotes(world, world.venues[v], simulator.params[n, v])
            count += sum(map(len, quotes.nodes.values()))
            for kind, value in riskless_gains(quotes).items():
                if seen is not None:
                    seen[kind] = max(seen.get(kind, -math.inf), value)
                assert value <= ROUNDING * quotes.spot or seen is not None, (
                    f"{kind}: {value:g} USD a contract at hour {world.hour} of seed {simulator.base_seeds[n]}"
                )
    return count


SCENARIOS = ("calm", "jump", "regimes", "jump + oracle-push")


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31), scenario=st.sampled_from(SCENARIOS))
def test_quotes_of_worlds_under_random_governance_leave_no_riskless_profit(
    simulate: Callable[..., Any], shake: Callable[..., Any], seed: int, scenario: str
) -> None:
    simulator = simulate(get_scenario(scenario), 2, seed=seed, episode_hours=192, decision_hours=6)
    rng = np.random.default_rng(seed)
    count = check(simulator)
    while not simulator.truncated().any():
        simulator.step(shake(simulator, rng))
        count += check(simulator)
    assert count > 100


def opened(simulate: Callable[..., Any], **parameters: float) -> tuple[Any, Any, Any]:
    simulator = simulate(get_scenario("calm"), episode_hours=24, parameters=parameters)
    world = simulator.worlds[0]
    return world, world.venues[0], simulator.params[0, 0]


FREE = {"option_fee": 0.0, "spot_fee": 0.0, "vega_fee_rate": 0.0, "variance_fee": 0.0, "skew_impact": 0.0}


def test_without_spread_and_fees_parity_holds_to_rounding_both_ways(simulate: Callable[..., Any]) -> None:
    world, venue, p = opened(simulate, **FREE, standard_size=1e15)
    venue.half_spread = 0.0
    quotes = Quotes(world, venue, p)
    assert sum(map(len, quotes.nodes.values())) > 5
    assert riskless_gains(quotes)["parity"] == pytest.approx(0.0, abs=1e-9 * quotes.spot)


@pytest.mark.parametrize(
    ("kind", "distort"),
    [
        ("butterfly", {2: 2.0}),  # one strike dear between two
        ("vertical", {3: 4.0}),  # a higher strike dearer than a lower one
        ("calendar", None),  # a near expiry at several times the vol of a far one
    ],
)
def test_a_distorted_surface_without_spread_is_caught(
    simulate: Callable[..., Any], kind: str, distort: dict[int, float] | None
) -> None:
    world, venue, p = opened(simulate, **FREE, standard_size=1e15, min_delta=0.0)
    venue.half_spread = 0.0
    assert max(riskless_gains(Quotes(world, venue, p)).values()) <= 1e-9 * venue.oracle_price
    if distort is None:
        venue.base_vol[:] *= np.where(np.argsort(np.argsort(venue.expiry)) == 0, 4.0, 1.0)
    else:
        for k, factor in distort.items():
            venue.skew[np.argmax(venue.expiry[: venue.num_expiries]), k] *= factor
    assert riskless_gains(Quotes(world, venue, p))[kind] > 0.1


def test_a_quote_below_parity_is_caught(simulate: Callable[..., Any]) -> None:
    world, venue, p = opened(simulate)
    quotes = Quotes(world, venue, p)
    e, rows = next((e, rows) for e, rows in quotes.nodes.items() if rows)
    strike, call, put = rows[0]
    quotes.nodes[e][0] = (strike, (call[0] - 100.0, call[1] - 100.0), put)
    assert riskless_gains(quotes)["parity"] > 0.0
