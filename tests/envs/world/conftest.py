"""Records filled by hand and tapes made of given candles: what the tests of the physics start from."""

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any, NamedTuple

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.levers import apply_levers, lever_rows
from protogov.envs.world.parameters import Parameters
from protogov.envs.world.state import EVENT, NEVER, TAPE, world_dtypes

QUIET = {
    "implied_vol": 0.7,
    "depth": 0.8e6,
    "congestion": 0.0,
    "funding": 0.0,
    "peg": 1.0,
    "leverage_demand": 1.0,
    "outside_yield": 0.04,
    "informed_share": 0.0,
    "flow_intensity": 1.0,
}
CANDLE = ("open", "high", "low", "close")


class Bench(NamedTuple):
    """One world, its first venue, its parameters and room for events."""

    world: Any
    venue: Any
    p: Any
    events: Any


def make_bench(num_venues: int = 1, autonomy: float = inf, **parameters: float) -> Bench:
    """A blank world at 1,000 USD a coin: a pool of 1,000 coins, levers at their defaults, one flash liquidator."""
    worlds = np.zeros(1, world_dtypes[num_venues]).view(np.recarray)
    world = worlds[0]
    world.num_venues = num_venues
    world.seed = 7
    world.tape_price = world.outside_price = world.oracle_price = world.opening_price = world.dollar_mark = 1000.0
    world.outside_seen, world.pool_seen, world.seen_mover = 1000.0, np.log(1000.0), -1
    world.pool_cash, world.pool_coin = 1e6, 1e3
    world.depth = world.tape_depth = 1e6 * (np.exp(0.005) - 1.0)
    world.oracle_due = NEVER
    world.impact_serial = world.parent_serial = -1
    world.implied_vol = world.anchor_vol = 0.7
    world.leverage_demand = world.flow_intensity = world.peg = world.peg_opening = 1.0
    world.open_interest = 400e6
    for v in range(num_venues):
        venue = world.venues[v]
        venue.borrow_index = venue.supply_index = 1.0
        venue.opening_value = 1e8
        venue.next_expiry = NEVER
        venue.levers[:] = lever_rows(autonomy)
        venue.next_due = NEVER
        apply_levers(venue)
    p = Parameters(**parameters).record().view(np.recarray)[0]  # type: ignore[arg-type]
    # one liquidator who always watches, needs no capital and is as able as the median
    world.num_liquidators = 1
    world.liquidator_flash[0] = world.liquidator_watching[0] = 1
    world.liquidator_attention[0] = world.liquidator_gas[0] = 1.0
    world.liquidator_margin[0] = p.liquidator_margin
    return Bench(world, world.venues[0], p, np.zeros(512, EVENT).view(np.recarray))


class Made(Scenario):
    """The same given candles in every row; the last one goes on for ever."""

    split = "free"

    def __init__(self, candles: Iterable[float | Sequence[float]], name: str = "made", **conditions: Any) -> None:
        """`candles` [hours + 1]: a price, or (open, high, low, close); `conditions`: a number, or one for each hour."""
        self.name = name
        self.candles = [(c,) * 4 if isinstance(c, int | float) else tuple(c) for c in candles]
        self.conditions = QUIET | conditions

    def fill(self, tapes: Any, seeds: Any) -> None:
        hours = np.minimum(np.arange(tapes.shape[1]), len(self.candles) - 1)
        for column, field in enumerate(CANDLE):
            tapes[field] = np.array([c[column] for c in self.candles])[hours]
        for field, value in self.conditions.items():
            row = np.atleast_1d(np.asarray(value, float))
            tapes[field] = row[np.minimum(np.arange(tapes.shape[1]), row.size - 1)]
        assert {*CANDLE, *self.conditions} == set(TAPE.names or ())


def rebook(simulator: Simulator) -> None:
    """Take what the records hold now, after a test has edited them, as the opening books."""
    for world in simulator.worlds:
        world.opening_cash = holders_cash(world)
        world.opening_coin = holders_coin(world)
        for v in range(world.num_venues):
            venue = world.venues[v]
            n, m = venue.num_accounts, venue.num_suppliers
            venue.scaled_debt = venue.account_scaled_debt[:n].sum()
            venue.scaled_deposits = venue.supplier_scaled[:m].sum() + venue.option_scaled
            venue.opening_net = lending_net(venue)


def holders_cash(world: Any) -> float:
    """Cash of all holders, added up here and not by the world's ledger."""
    total = sum(float(world[f"{who}_cash"]) for who in ("pool", "arbitrage", "outside", "trader"))
    total += float(world.liquidator_cash.sum())
    for v in range(world.num_venues):
        venue = world.venues[v]
        total += float(venue.cash + venue.treasury_cash + venue.option_cash)
        total += float(venue.short_collateral[: venue.num_shorts].sum())
    return total


def holders_coin(world: Any) -> float:
    """Coin of all holders, added up here and not by the world's ledger."""
    total = sum(float(world[f"{who}_coin"]) for who in ("pool", "arbitrage", "outside"))
    total += float(world.liquidator_coin.sum())
    for v in range(world.num_venues):
        venue = world.venues[v]
        total += float(venue.treasury_coin + venue.hedge_coin + venue.account_collateral[: venue.num_accounts].sum())
    return total


def lending_net(venue: Any) -> float:
    """What a lending market has less what it owes, added up from accounts and suppliers."""
    debt = float(venue.account_scaled_debt[: venue.num_accounts].sum() * venue.borrow_index)
    owed = float((venue.supplier_scaled[: venue.num_suppliers].sum() + venue.option_scaled) * venue.supply_index)
    return float(venue.cash) + debt + float(venue.deficit) - owed - float(venue.reserve) - float(venue.backstop)


class Books(NamedTuple):
    """Independent recounts of a record."""

    cash: Callable[[Any], float]
    coin: Callable[[Any], float]
    lending: Callable[[Any], float]
    rebook: Callable[[Simulator], None]


def hold(simulator: Simulator) -> dict[str, np.ndarray]:
    """Actions that keep every lever at its default."""
    return {agent: np.zeros((simulator.num_worlds, simulator.action_size(agent))) for agent in simulator.agents}


def shake(simulator: Simulator, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Uniform random actions, now and then all at an end of their range."""
    n = simulator.num_worlds
    actions = {}
    for agent in simulator.agents:
        action = rng.uniform(-1.0, 1.0, (n, simulator.action_size(agent)))
        actions[agent] = np.where(rng.random((n, 1)) < 0.2, np.sign(action), action)
    return actions


@pytest.fixture(scope="session")
def blank() -> Callable[..., Bench]:
    """`blank(num_venues=1, autonomy=inf, **parameters)`: a blank world; see `make_bench`."""
    return make_bench


@pytest.fixture(scope="session")
def made() -> type[Made]:
    """The scenario class `Made`."""
    return Made


@pytest.fixture(scope="session")
def books() -> Books:
    """Independent recounts of cash, coin and a lending market, and `rebook`."""
    return Books(holders_cash, holders_coin, lending_net, rebook)


@pytest.fixture(scope="session")
def simulate() -> Callable[..., Simulator]:
    """`simulate(scenario, num_worlds=1, seed=0, parameters={}, **config)`: a simulator that has been reset."""

    def make(
        scenario: Any, num_worlds: int = 1, *, seed: int = 0, parameters: dict[str, float] | None = None, **config: Any
    ) -> Simulator:
        settings = WorldConfig(**config).with_parameters(**(parameters or {}))
        simulator = Simulator(settings, num_worlds, scenario=scenario, seed=seed)
        simulator.reset()
        return simulator

    return make


@pytest.fixture(name="hold", scope="session")
def hold_fixture() -> Callable[[Simulator], dict[str, np.ndarray]]:
    """`hold(simulator)`: actions that keep every lever at its default."""
    return hold


@pytest.fixture(name="shake", scope="session")
def shake_fixture() -> Callable[[Simulator, np.random.Generator], dict[str, np.ndarray]]:
    """`shake(simulator, rng)`: random actions."""
    return shake
