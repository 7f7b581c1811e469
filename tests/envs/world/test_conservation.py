"""Random actions over every scenario and shape: books to 1e-9 of gross flow, nothing non-finite, nothing below zero.

Over 200,000 random-action steps in all; `Watch` of conftest.py says what is checked and which balances may be negative.
`test_fuzz.py` plays more, each world under parameters of its own, in the marked tier a million.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protogov.envs.scenarios import scenario_names
from protogov.envs.simulator import Simulator

BOOKS = 1e-9
CAMPAIGN = "jump + pool-drain + oracle-push + griefing-borrower + supplier-run"


def recount(simulator: Simulator, books: Any) -> None:
    """The last word is not the ledger's: add up three worlds holder by holder."""
    for world in simulator.worlds[:3]:
        assert books.cash(world) == pytest.approx(world.opening_cash, abs=BOOKS * world.gross_cash)
        assert books.coin(world) == pytest.approx(world.opening_coin, abs=BOOKS * world.gross_coin)
        for v in range(world.num_venues):
            assert books.lending(world.venues[v]) == pytest.approx(0.0, abs=BOOKS * world.gross_cash)


@pytest.fixture(name="run", scope="session")
def run_fixture(shake: Callable[..., Any], watch: Any, books: Any) -> Callable[..., int]:
    """`run(simulator, steps, seed=0)`: random actions in every world, with resets; the number of world-steps."""

    def run(simulator: Simulator, steps: int, seed: int = 0) -> int:
        rng = np.random.default_rng(seed)
        watcher = watch(simulator)
        for _ in range(steps):
            over = simulator.truncated()
            if over.any():
                simulator.reset(mask=over)
                watcher.remember()
            watcher.check(simulator.step(shake(simulator, rng)))
        recount(simulator, books)
        return steps * simulator.num_worlds

    return run


@pytest.mark.parametrize("venues", [1, 2])
@pytest.mark.parametrize("scenario", (*scenario_names(), CAMPAIGN))
def test_every_scenario(
    simulate: Callable[..., Simulator], run: Callable[..., int], scenario: str, venues: int
) -> None:
    # 200 decisions of an hour in 96 (64) worlds, beyond the end of a shortened first episode
    simulator = simulate(
        scenario, 96 // venues + 16, venues=venues, decision_hours=1, episode_hours=150, randomise_levers=0.5
    )
    assert run(simulator, 200) >= 12_000


CRASH = {"depth_scale": 0.1, "leverage_high": 1.0, "leverage_low": 0.9, "attentive_activity": 0.02}
SHAPES: dict[str, dict[str, Any]] = {
    "one role": {"roles": ("risk",)},
    "joint": {"roles": ("joint",), "cooperation": 0.5},
    "no limits": {"autonomy": math.inf},
    "today's stewards": {"autonomy": 1.0},
    "frozen": {"autonomy": 0.0},
    "long decisions": {"decision_hours": 24, "episode_hours": 100},
    "staggered": {"stagger": True, "episode_hours": 24, "decision_hours": 5},
    "options off": {"parameters": {"options_on": 0}},
    "options off, two venues": {"parameters": {"options_on": 0}, "venues": 2},
    "large against small, two venues": {
        "venues": 2, "venue_overrides": [{}, {"supply_size": 9e6, "debt_size": 7e6, "lp_size": 2e6, "arrivals": 2.0}]
    },
    "lending alone against options alone, two venues": {
        "venues": 2, "venue_overrides": [{"options_on": 0}, {"supply_size": 0.0, "debt_size": 0.0}]
    },
    "options alone against lending alone, crash, two venues": {
        "parameters": CRASH, "venues": 2, "autonomy": math.inf,
        "venue_overrides": [{"supply_size": 0.0, "debt_size": 0.0}, {"options_on": 0, "close_factor": 1.0}],
    },
    "unlike rules, crash, two venues": {
        "parameters": CRASH, "venues": 2,
        "venue_overrides": [
            {"losses_socialised": 0, "reserve_factor": 1.0, "lp_review_hours": 1, "standard_margin": 1, "num_lps": 2},
            {"cash_backstop": 1, "reserve_factor": 0.0, "hedge_interval": 24.0, "num_shorts": 3, "gwav_on": 0},
        ],
    },
    "unlike oracles, two venues": {
        "venues": 2,
        "venue_overrides": [
            {"oracle_deviation": 0.0, "oracle_delay": 0.0}, {"oracle_deviation": 0.1, "oracle_heartbeat": 12.0}
        ],
    },
    "unlike oracles, a pool average and a paused feed, crash, two venues": {
        "parameters": CRASH, "venues": 2, "autonomy": math.inf,
        "venue_overrides": [
            {"oracle_pool_average": 1, "oracle_average_window": 12, "oracle_floor": 0.5},
            {"oracle_pause_from": 24, "oracle_pause_hours": 24, "oracle_ignores_peg": 1, "oracle_pool_weight": 1.0},
        ],
    },
    "one of each": {
        "parameters": {"num_accounts": 1, "num_suppliers": 1, "num_expiries": 1, "num_strikes": 1, "num_shorts": 0}
    },
    "three of each, two venues": {
        "parameters": {"num_accounts": 3, "num_suppliers": 3, "num_expiries": 3, "num_strikes": 3, "num_shorts": 3},
        "venues": 2,
    },
    "a thin pool": {"parameters": {"depth_scale": 0.02}},
    "no pool to speak of, crash": {"parameters": {"depth_scale": 1e-6}},
    "infinite depth": {"parameters": {"depth_scale": 1e9}},
    "crash": {"parameters": CRASH},
    "crash, socialised": {"parameters": CRASH | {"losses_socialised": 1, "treasury_share": 0.0}},
    "crash, two venues": {"parameters": CRASH | {"losses_socialised": 1}, "venues": 2, "autonomy": math.inf},
    "an oracle that is the pool": {"parameters": {"oracle_pool_weight": 1.0, "lasting_share": 1.0}},
    "a late oracle": {"parameters": {"oracle_delay": 100.0, "oracle_deviation": 0.1}},
    "a pool average": {"parameters": {"oracle_pool_average": 1, "oracle_average_window": 12}},
    "a pool average, crash, two venues": {
        "parameters": CRASH | {"oracle_pool_average": 1, "oracle_average_window": 1, "oracle_floor": 0.5}, "venues": 2
    },
    "a paused oracle that ignores the peg, crash": {
        "parameters": CRASH | {"oracle_pause_from": 24, "oracle_pause_hours": 48, "oracle_ignores_peg": 1}
    },
    "scared liquidity, crash": {"parameters": {"depth_flight": 1000.0, "depth_return_half_life": 1000.0}},
    "shy and late arbitrage": {"parameters": {"arbitrage_calm_vol": 0.01, "arbitrage_delay": 12.0}},
    "a crowded hedge": {"parameters": {"open_interest": 1.0, "open_interest_flush": 100.0, "funding_crowding": 1e-3}},
    "no arbitrage": {"parameters": {"arbitrage_capacity": 0.0}},
    "all arbitrage": {"parameters": {"arbitrage_speed": 1.0, "arbitrage_band": 0.0, "arbitrage_capacity": 1e12}},
    "no fees, no gas": {
        "parameters": {"pool_fee": 0.0, "gas_cost": 0.0, "option_fee": 0.0, "spot_fee": 0.0, "liquidator_margin": 0.0}
    },
    "high fees": {"parameters": {"pool_fee": 0.1, "option_fee": 0.5, "spot_fee": 0.1, "vega_fee_rate": 100.0}},
    "nobody borrows": {"parameters": {"debt_size": 0.0}},
    "hot borrowers": {"parameters": {"borrow_half_life": 0.1, "borrow_stickiness": 0.0, "attentive_activity": 1.0}},
    "hot suppliers": {"parameters": {"supply_half_life_low": 0.1, "supply_half_life_high": 0.2}},
    "everything lent": {"parameters": {"lend_share": 1.0}},
    "many options": {"parameters": {"arrivals": 200.0, "trade_size": 6e5, "position_cap": 100.0}},
    "many shorts": {"parameters": {"short_entry": 1.0, "short_size": 3e6, "shock_up": 1.0, "shock_down": 1.0}},
    "a tall surface": {"parameters": {"surface_skew": -5.0, "standard_size": 3e3, "skew_impact": 10.0}},
    "strikes far apart": {"parameters": {"strike_gap": 1.0}},
    "informed only": {"parameters": {"informed_horizon": 336.0, "informed_cap": 3e9}},
    "reserve factor one": {"parameters": {"reserve_factor": 1.0, "protocol_fee": 1.0}},
    "reserve factor zero": {"parameters": {"reserve_factor": 0.0, "protocol_fee": 0.0}},
    "one size": {"parameters": {"account_size_ratio": 1.0, "account_tail": 10.0}},
    "huge hedges": {"parameters": {"hedge_depth": 1000.0, "opening_notional": 1e9, "hedge_slices": 1}},
    "a book too large for its pool": {"parameters": {"opening_notional": 1e9}},
    "a pool without value": {"parameters": {"lp_size": 0.0}},
    "suppliers without value": {"parameters": {"supply_size": 0.0}},
    "more borrowers than money": {"parameters": {"debt_size": 1e12}},
    "more money than borrowers": {"parameters": {"supply_size": 1e12}},
    "large shorts, no margin": {
        "parameters": {"short_entry": 1.0, "short_size": 3e8, "short_static": 0.0, "shock_up": 1.0, "shock_down": 1.0,
                       "shock_vol_near": 0.01, "shock_vol_far": 0.01}
    },
    "suppliers in need": {"parameters": {"supplier_need": 1.0}},
    "rare hedges": {"parameters": {"hedge_interval": 168.0, "hedge_minimum": 1.0}},
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape(simulate: Callable[..., Simulator], run: Callable[..., int], name: str) -> None:
    shape = {"decision_hours": 1} | SHAPES[name]
    scenario = "crash-heldout" if "crash" in name else "jump"
    assert run(simulate(scenario, 24, seed=50, **shape), 100) == 2400


@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**32), worlds=st.integers(1, 4), hours=st.sampled_from([1, 3, 24]),
    autonomy=st.sampled_from([0.0, 1.0, 12.0, 72.0, math.inf]), scenario=st.sampled_from(scenario_names()),
    venues=st.integers(1, 2), options_on=st.integers(0, 1), socialised=st.integers(0, 1),
    accounts=st.integers(1, 128), suppliers=st.integers(1, 16), expiries=st.integers(1, 4), strikes=st.integers(1, 5),
    depth=st.floats(-1.5, 2.0), elasticity=st.floats(0.0, 50.0), crowd=st.floats(0.5, 1.0),
)  # fmt: skip
def test_any_shape(
    simulate: Callable[..., Simulator], run: Callable[..., int], seed: int, worlds: int, hours: int, autonomy: float,
    scenario: str, venues: int, options_on: int, socialised: int, accounts: int, suppliers: int, expiries: int,
    strikes: int, depth: float, elasticity: float, crowd: float,
) -> None:  # fmt: skip
    parameters = {
        "options_on": options_on, "losses_socialised": socialised, "num_accounts": accounts,
        "num_suppliers": suppliers, "num_expiries": expiries, "num_strikes": strikes, "depth_scale": 10.0**depth,
        "borrow_elasticity": elasticity, "supply_elasticity": elasticity, "leverage_low": 0.5 * crowd,
        "leverage_high": crowd,
    }  # fmt: skip
    simulator = simulate(
        scenario, worlds, seed=seed, decision_hours=hours, autonomy=autonomy, venues=venues, parameters=parameters
    )
    run(simulator, 10, seed)
