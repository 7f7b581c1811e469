"""Records filled by hand and tapes made of given candles: what the tests of the physics start from."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from math import exp, inf, isfinite
from typing import Any, NamedTuple

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.levers import apply_levers, opening_levers
from protogov.envs.world.parameters import Parameters
from protogov.envs.world.state import ATTACKS, EVENT_LOG, NEVER, SCORED, TAPE, world_dtypes

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
    """One world, its first venue, its parameters and an event log (`events.rows`)."""

    world: Any
    venue: Any
    p: Any
    events: Any

    @property
    def params(self) -> Any:
        """Those parameters as rows, one a venue."""
        return np.repeat(np.asarray(self.p).reshape(1), self.world.num_venues).view(np.recarray)


def make_bench(num_venues: int = 1, autonomy: float = inf, **parameters: float) -> Bench:
    """A blank world at 1,000 USD a coin: a pool of 1,000 coins, levers at their defaults, one flash liquidator."""
    worlds = np.zeros(1, world_dtypes[num_venues]).view(np.recarray)
    world = worlds[0]
    world.num_venues = num_venues
    world.seed = 7
    world.tape_price = world.outside_price = world.outside_seen = world.dollar_mark = 1000.0
    world.pool_cash, world.pool_coin = 1e6, 1e3
    world.depth = world.tape_depth = 1e6 * (np.exp(0.005) - 1.0)
    world.implied_vol = world.anchor_vol = 0.7
    world.leverage_demand = world.flow_intensity = world.peg = world.peg_opening = 1.0
    world.open_interest = 400e6
    for v in range(num_venues):
        venue = world.venues[v]
        venue.borrow_index = venue.supply_index = 1.0
        venue.opening_value = 1e8
        venue.oracle_price = venue.opening_price = 1000.0
        venue.oracle_due, venue.seen_mover = NEVER, -1
        venue.impact_serial = venue.parent_serial = -1
        venue.next_expiry = NEVER
        venue.levers[:] = opening_levers(autonomy)
        venue.next_due = NEVER
        apply_levers(venue)
    p = Parameters(**parameters).record().view(np.recarray)[0]  # type: ignore[arg-type]
    # one liquidator who always watches, needs no capital and is as able as the median
    world.num_liquidators = 1
    world.liquidator_flash[0] = world.liquidator_watching[0] = 1
    world.liquidator_attention[0] = world.liquidator_gas[0] = 1.0
    world.liquidator_margin[0] = p.liquidator_margin
    return Bench(world, world.venues[0], p, np.zeros(1, EVENT_LOG).view(np.recarray)[0])


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
        assert {*CANDLE, *self.conditions} | set(ATTACKS) == set(TAPE.names or ())


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
    total += float(world.liquidator_cash.sum() + world.attacker_cash.sum())
    for v in range(world.num_venues):
        venue = world.venues[v]
        total += float(venue.cash + venue.treasury_cash + venue.option_cash)
        total += float(venue.short_collateral[: venue.num_shorts].sum() + venue.lp_waiting[: venue.num_lps].sum())
    return total


def holders_coin(world: Any) -> float:
    """Coin of all holders, added up here and not by the world's ledger."""
    total = sum(float(world[f"{who}_coin"]) for who in ("pool", "arbitrage", "outside"))
    total += float(world.liquidator_coin.sum() + world.attacker_coin.sum())
    for v in range(world.num_venues):
        venue = world.venues[v]
        total += float(venue.treasury_coin + venue.hedge_coin + venue.account_collateral[: venue.num_accounts].sum())
        total += float(venue.short_coin[: venue.num_shorts].sum())
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


BOOKS = 1e-9  # of gross flow

# What may lie below zero; every other floating field of a record may not, one that is added tomorrow included.
SIGNED = frozenset({
    # net receipts of whoever is outside the protocols: what they brought before the episode is not counted
    "outside_cash", "outside_coin", "trader_cash", "arbitrage_cash", "arbitrage_coin",
    # borrowed from outside and sold, if need be more than there is of everything else
    "venues.hedge_coin", "venues.hedge_slice", "opening_coin",
    # rates and log prices
    "lasting_impact", "venues.pool_seen", "venues.node_flow", "venues.filled_calls", "venues.filled_puts",
    "venues.filled_value", "venues.toxic_gain", "funding", "liquidator_margin", "outside_yield",
    "venues.supplier_premium",
    "venues.skew_shift", "oracle_error", "oracle_push",
    # logs: of what a person thinks of a venue, of vols added up
    "venues.account_taste", "venues.supplier_taste", "venues.base_log_sum", "venues.base_log_ring",
    "venues.skew_log_sum", "venues.skew_log_ring", "venues.anchor_moneyness", "venues.anchor_slope",
    "venues.lp_premium", "venues.lp_received",
    # what a margin engine asks, minus what the rule asks
    "venues.extra_call", "venues.extra_put", "venues.extra_coin",
    # greeks and values of a book of longs and shorts, and of what is owed
    "venues.net_standard_vega",
    "venues.net_delta", "venues.net_gamma", "venues.net_vega", "venues.book_value", "venues.lp_price",
    "venues.fair_hedge", "venues.fair_calls_held", "venues.fair_puts_held", "venues.informed_calls",
    "venues.informed_puts", "venues.informed_fair", "venues.traded_fair", "venues.traded_delta",
    "venues.traded_delta_price", "venues.hedge_traded",
    "venues.last_nav", "venues.nav_change", "venues.last_treasury", "venues.opening_net", "venues.last_marked_nav",
    "venues.marked_change", "venues.last_arbitrage", "venues.account_surplus", "venues.supplier_gain",
    # gains and flows of an episode, a decision or a day, scores
    "liquidator_profit", "attacker_profit", "attacker_brought",
    "venues.sum_supplier_surplus", "venues.sum_borrower_surplus", "venues.sum_liquidator_profit", "venues.sum_edge",
    "venues.sum_hedge_cost", "venues.sum_uninformed_surplus", "venues.sum_informed_profit", "venues.sum_net_borrow",
    "venues.sum_net_supply", "venues.borrow_flow_day", "venues.supply_flow_day", "venues.flow_mark_borrow",
    "venues.flow_mark_supply", "venues.risk_score", "venues.spread_score", "venues.sum_lp_flow", "venues.pool_delta",
    "venues.pool_gamma_theta", "venues.pool_vega", "venues.pool_fees", "venues.pool_adverse_selection",
    "venues.pool_hedging", "venues.pool_interest", "venues.pool_shorts", "venues.pool_settlement",
    # values of levers: each has its range, which is checked
    "venues.lagged_levers", "venues.levers.low", "venues.levers.default", "venues.levers.executed",
    "venues.levers.target", "venues.levers.pending",
    *(f"venues.score_weights.{name}" for name in SCORED),
})  # fmt: skip
POSITIVE = ("pool_cash", "pool_coin", "depth", "outside_price", "tape_price", "gross_cash")


def numbers(record: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Every floating field of a structured array, nested ones too, by name."""
    out: list[tuple[str, np.ndarray]] = []
    for name in record.dtype.names or ():
        field = record[name]
        if field.dtype.names:
            out += [(f"{name}.{inner}", value) for inner, value in numbers(field)]
        elif field.dtype.kind == "f":
            out.append((name, field))
    return out


class Watch:
    """What holds in every world after every step, whatever the actions, the parameters and the scenario."""

    BOOKS = BOOKS

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.remember()

    def remember(self) -> None:
        """Take the state as the one before the next step: after a reset, which starts indices over."""
        worlds = self.simulator.worlds.view(np.ndarray)
        self.before = worlds.copy()

    def told(self, row: int) -> str:
        """What a failing row needs to be found again."""
        own = {spec.name: float(self.simulator.params[spec.name][row, 0]) for spec in fields(Parameters)}
        changed = {name: value for name, value in own.items() if value != Parameters.__dataclass_fields__[name].default}
        return (
            f"row {row}, seed {self.simulator.base_seeds[row]}, episode {self.simulator.episodes[row]}, hour "
            f"{self.simulator.worlds['hour'][row]}, {self.simulator.scenario.name}: {changed}"
        )

    def every(self, holds: np.ndarray, name: str, values: Any = None) -> None:
        """Assert `holds` [n, ...], naming the first row where it does not."""
        if not holds.all():
            at = tuple(np.argwhere(~holds)[0])
            shown = "" if values is None else f" = {values[at]!r}"
            raise AssertionError(f"{name}{list(at[1:]) or ''}{shown} in {self.told(int(at[0]))}")

    def check_state(self) -> None:
        """Books, finite numbers, nothing below zero but what is `SIGNED`, levers in their ranges."""
        worlds = self.simulator.worlds.view(np.ndarray)
        self.every(worlds["book_error"] <= BOOKS, "book_error", worlds["book_error"])
        # what rounding may leave of a balance that was emptied
        dust = 1e-14 * worlds["gross_cash"]
        for name, value in numbers(worlds):
            # the cap of a lever without limits is infinite by definition
            self.every(np.isfinite(value) | (name == "venues.levers.cap"), name, value)
            if name not in SIGNED:
                self.every(value >= -dust.reshape(-1, *(1,) * (value.ndim - 1)), name, value)
        for name in POSITIVE:
            self.every(worlds[name] > 0.0, name, worlds[name])
        venues, levers = worlds["venues"], worlds["venues"]["levers"]
        self.every(venues["oracle_price"] > 0.0, "oracle_price", venues["oracle_price"])
        self.every(venues["utilisation"] <= 1.0 + 1e-12, "utilisation", venues["utilisation"])
        for name in ("executed", "target", "pending"):
            inside = (levers[name] >= levers["low"] - 1e-12) & (levers[name] <= levers["high"] + 1e-12)
            self.every(inside, f"levers.{name}", levers[name])
        seized = venues["liquidation_threshold"] * (1.0 + venues["liquidation_bonus"])
        self.every(seized <= 0.98 + 1e-12, "threshold and bonus", seized)
        self.every(venues["slope1"] <= venues["slope2"], "slope1 over slope2", venues["slope1"])

    def check(self, step: Any) -> None:
        """After a step: the state, what the step returned, and what may only grow."""
        self.check_state()
        for values in (step.obs, step.rewards, step.terms, step.proposed, step.executed):
            for name, value in values.items():
                self.every(np.isfinite(value), name, value)
        for name, value in step.obs.items():
            self.every(np.abs(value) <= 10.0, f"obs {name}", value)
        worlds, before = self.simulator.worlds.view(np.ndarray), self.before
        valid = np.arange(step.events.shape[1]) < step.n_events[:, None]
        for name, value in numbers(step.events):
            self.every(np.isfinite(value) | ~valid, f"events.{name}", value)
        recorded = step.n_events + worlds["events_lost"] - before["events_lost"]
        self.every(worlds["num_events"] - before["num_events"] == recorded, "num_events", recorded)
        venues, old = worlds["venues"], before["venues"]
        self.every(venues["borrow_index"] >= old["borrow_index"], "borrow_index", venues["borrow_index"])
        socialised = self.simulator.params.view(np.ndarray)["losses_socialised"] > 0.0
        self.every((venues["supply_index"] >= old["supply_index"]) | socialised, "supply_index", venues["supply_index"])
        # the shield: announcements at least a delay apart, each of at most a cap
        levers, was = venues["levers"], old["levers"]
        waited = (levers["allowed"] == was["allowed"]) | (levers["allowed"] - was["allowed"] >= levers["delay"])
        self.every(waited, "levers.allowed", levers["allowed"])
        hours = (worlds["hour"] - before["hour"])[:, None, None]
        changes = (12 * hours - 1) // np.maximum(levers["delay"], 1) + 2  # the last one announced before this step
        limited = np.isfinite(levers["cap"])
        self.every((levers["travelled"] <= changes + 1e-9) | ~limited, "levers.travelled", levers["travelled"])
        self.every(
            (levers["executed"] == was["executed"]) | (levers["delay"] < NEVER), "frozen lever", levers["executed"]
        )
        self.remember()


def random_parameters(rng: np.random.Generator, **fixed: float) -> Parameters:
    """Parameters anywhere in their ranges: most at or near their defaults, some at an end, switches either way."""
    for _ in range(1000):
        values = {spec.name: _random_value(rng, spec) for spec in fields(Parameters)}
        try:
            return Parameters(**{**values, **fixed})
        except ValueError:
            continue  # two of them contradict each other
    raise AssertionError("no parameters in a thousand draws went together")


def _random_value(rng: np.random.Generator, spec: Any) -> float:
    low, high, default = spec.metadata["low"], spec.metadata["high"], spec.default
    if spec.metadata["unit"] == "switch":
        return float(rng.integers(2))
    if spec.type in (int, "int"):
        few = min(low + 2, high) if rng.random() < 0.5 else high
        return int(default if rng.random() < 0.6 else rng.integers(low, few + 1))
    way = rng.random()
    if way < 0.5:
        return float(default)
    if way < 0.53:
        return float(low)
    if way < 0.56 and isfinite(high):
        return float(high)
    if default == 0.0 or (way < 0.65 and isfinite(high - low)):
        return float(rng.uniform(low, high if isfinite(high) else 100.0))
    return float(min(max(default * exp(rng.normal(0.0, 0.7)), low), high))


@pytest.fixture(scope="session")
def watch() -> type[Watch]:
    """The class `Watch`: `Watch(simulator).check(step)` after each step."""
    return Watch


@pytest.fixture(scope="session")
def draw_parameters() -> Callable[..., Parameters]:
    """`draw_parameters(rng, **fixed)`: random `Parameters`; see `random_parameters`."""
    return random_parameters


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
