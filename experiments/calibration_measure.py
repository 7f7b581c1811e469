"""What the worlds do under default levers, hour by hour: loop gains, the days of the regression, the pool's loss.

A world runs with decisions of one hour in which nobody ever moves a lever, so that gains can be read every hour. The
return of a day is the tape's, which no trade in the world moves. What bands are held against is read by
`calibration_market.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.envs.scenarios.base import Seeds
from protogov.envs.simulator import Simulator
from protogov.envs.world.market import CASH_PER_DEPTH, tape_point
from protogov.envs.world.noise import Purpose, key, normal
from protogov.envs.world.state import SUBSTEPS, EventKind
from protogov.experiments.calibration_bands import CRISES, SCENARIOS
from protogov.experiments.calibration_statistics import DAY, Floats

BATCH = 256  # worlds in one simulator
POPULATIONS = 16  # worlds on one tape that make a market of 2,048 accounts
LARGEST = 13  # accounts of 128, about a tenth
HOURLY = (
    "liquidation_gain", "overdue_gain", "hedge_gain", "depth", "near", "overdue", "near_idle", "utilisation",
    "borrow_rate", "debt",
)  # fmt: skip
TOTALS = ("welfare", "bad_debt", "liquidated", "liquidation_cost", "liquidator_profit")
IDLE_BELOW = 0.5  # share of the attentive's activity


@dataclass(frozen=True)
class Source:
    """Where tapes come from.

    Attributes:
        name: for people and tables.
        kind: "everyday" or "crisis".
        scenario: what a simulator plays.
    """

    name: str
    kind: str
    scenario: Scenario


@dataclass(frozen=True)
class Sample:
    """What was read from the worlds of one source.

    Attributes:
        source: of the tapes.
        seeds: int64 [n].
        closes: the tape's hourly closes, the opening first, USD, float64 [n, hours + 1].
        hourly: name of `HOURLY` -> float32 [n, hours]. `near`: debt that a 5% fall makes liquidatable over all debt;
            `overdue`: the part of it that is liquidatable already; `overdue_gain`: the liquidation gain if that
            counted; `near_idle`: the part of it that idle accounts owe; the other names are the record's.
        events: liquidations a day, float64 [n, days].
        largest: share of all debt that the `LARGEST` largest accounts owe, mean over the days, float64 [n].
        totals: name of `TOTALS` -> bp of K0 an episode, float64 [n].
        lost: events beyond the record's hourly capacity, which are not counted, int.
    """

    source: Source
    seeds: NDArray[np.int64]
    closes: Floats
    hourly: dict[str, NDArray[np.float32]]
    events: Floats
    largest: Floats
    totals: dict[str, Floats]
    lost: int

    @property
    def daily_returns(self) -> Floats:
        """Log returns of the tape over each whole day, float64 [n, days]."""
        return np.asarray(np.diff(np.log(self.closes[:, ::DAY]), axis=1))


@dataclass(frozen=True)
class Markets:
    """Days of markets that many populations share.

    Attributes:
        source: of the tapes.
        seeds: int64 [tapes], of each tape.
        daily_returns: log returns of the tape, float64 [tapes, days].
        events: liquidations a day of each population, float64 [tapes, POPULATIONS, days].
        accounts: of a population.
    """

    source: Source
    seeds: NDArray[np.int64]
    daily_returns: Floats
    events: Floats
    accounts: int

    def of_size(self, size: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Days of markets of `size` populations each (a divisor of `POPULATIONS`).

        Returns:
            (daily returns [markets, days], events added up [markets, days], tape's seed [markets]).
        """
        tapes, _, days = self.events.shape
        parts = POPULATIONS // size
        events = self.events.reshape(tapes, parts, size, days).sum(axis=2).reshape(tapes * parts, days)
        return np.repeat(self.daily_returns, parts, axis=0), events, np.repeat(self.seeds, parts)


def all_sources() -> list[Source]:
    """The scenarios that bands are measured on."""
    return [Source(name, "crisis" if name in CRISES else "everyday", get_scenario(name)) for name in SCENARIOS]


def measure(source: Source, seeds: NDArray[np.int64], config: WorldConfig) -> Sample:
    """Play one episode a seed under default levers and read it hour by hour."""
    hourly_config = replace(config, decision_hours=1)
    parts = [_measure_batch(source, seeds[at : at + BATCH], hourly_config) for at in range(0, seeds.size, BATCH)]

    def joined(pick: Callable[[Sample], NDArray]) -> NDArray:
        return np.concatenate([pick(part) for part in parts])

    return Sample(
        source,
        seeds,
        joined(lambda part: part.closes),
        {name: joined(lambda part, name=name: part.hourly[name]) for name in HOURLY},  # type: ignore[misc]
        joined(lambda part: part.events),
        joined(lambda part: part.largest),
        {name: joined(lambda part, name=name: part.totals[name]) for name in TOTALS},  # type: ignore[misc]
        sum(part.lost for part in parts),
    )


def _measure_batch(source: Source, seeds: NDArray[np.int64], config: WorldConfig) -> Sample:
    world = Simulator(config, seeds.size, scenario=source.scenario)
    world.reset(seeds=seeds)
    n, hours = seeds.size, config.episode_hours
    days = hours // DAY
    still = {agent: np.zeros((n, world.action_size(agent))) for agent in world.agents}
    hourly = {name: np.zeros((n, hours), np.float32) for name in HOURLY}
    events, largest = np.zeros((n, days)), np.zeros(n)
    totals = {name: np.zeros(n) for name in TOTALS}
    venue = world.worlds["venues"][:, 0]
    rows = np.arange(n)
    for hour in range(hours):
        step = world.step(still)
        for name, values in _read_hour(world, venue).items():
            hourly[name][:, hour] = values
        if hour < days * DAY:
            valid = np.arange(step.events.shape[1]) < step.n_events[:, None]
            happened = (valid & (step.events["kind"] == EventKind.LIQUIDATION)).sum(axis=1)
            events[rows, hour // DAY] += happened
        totals["welfare"] += world.welfare(0)
        for name in TOTALS[1:]:
            totals[name] += 1e4 * venue[f"sum_{name}"] / venue["opening_value"]
        if hour % DAY == 0:
            debts = np.sort(venue["account_scaled_debt"], axis=1)
            largest += debts[:, -LARGEST:].sum(axis=1) / np.maximum(debts.sum(axis=1), 1e-9) / -(-hours // DAY)
    return Sample(
        source,
        seeds,
        world.tape["close"].astype(np.float64),
        hourly,
        events,
        largest,
        totals,
        int(world.worlds["events_lost"].sum()),
    )


def _read_hour(world: Simulator, venue: NDArray[np.void]) -> dict[str, Floats]:
    """Gains, what they are made of, and the state of the money market at the end of an hour, float64 [n] each."""
    limit = world.worlds["oracle_price"] * venue["liquidation_threshold"] / venue["borrow_index"]
    debts = venue["account_scaled_debt"]
    backed = venue["account_collateral"] * limit[:, None]
    near = np.where(0.95 * backed < debts, debts, 0.0)
    total = np.maximum(debts.sum(axis=1), 1e-9)
    near_sum = np.maximum(near.sum(axis=1), 1e-9)
    overdue = np.where(backed < debts, debts, 0.0).sum(axis=1)
    activity = venue["account_activity"]
    idle = activity < IDLE_BELOW * activity.max(axis=1, keepdims=True)
    return {
        "liquidation_gain": venue["liquidation_gain"],
        "hedge_gain": venue["hedge_gain"],
        "overdue_gain": 0.2 * near.sum(axis=1) * venue["borrow_index"] / world.worlds["depth"],
        "depth": world.worlds["depth"],
        "near": near.sum(axis=1) / total,
        "overdue": overdue / near_sum,
        "near_idle": np.where(idle, near, 0.0).sum(axis=1) / near_sum,
        "utilisation": venue["utilisation"],
        "borrow_rate": venue["borrow_rate"],
        "debt": venue["scaled_debt"] * venue["borrow_index"],
    }


# ---------------------------------------------------------------------- a market of many populations


class SharedTape(Scenario):
    """Another scenario in which `POPULATIONS` neighbouring seeds share the tape of the first of them.

    A world has 128 accounts and most of its days no liquidation, where ln(events + 1) hides what the market does; the
    worlds of one tape added up are a market of `POPULATIONS` times as many accounts on the same price.

    Args:
        scenario: whose tapes are shared.
        seeds: base seeds of the worlds, int64 [n]; n is a multiple of `POPULATIONS`.
    """

    def __init__(self, scenario: Scenario, seeds: NDArray[np.int64]) -> None:
        self.name, self.split, self.scenario = f"{scenario.name}, shared", scenario.split, scenario
        with np.errstate(over="ignore"):  # the keyed noise wraps around
            keys = [key(np.uint64(seed), np.uint64(0)) for seed in seeds]  # of the first episode of each world
        self._tape_of = {int(own): keys[i - i % POPULATIONS] for i, own in enumerate(keys)}

    def check_hours(self, num_hours: int) -> None:
        """Raise ValueError unless the shared scenario can draw `num_hours`."""
        self.scenario.check_hours(num_hours)

    def fill(self, tapes: Any, seeds: Seeds) -> None:
        """Draw the tape of each row's group."""
        tapes[...] = self.scenario.draw([int(self._tape_of[int(own)]) for own in seeds], tapes.shape[1] - 1)


def measure_markets(source: Source, tapes: int, first_seed: int, config: WorldConfig) -> Markets:
    """Play `tapes` tapes of one source, each with `POPULATIONS` populations."""
    seeds = np.arange(first_seed, first_seed + tapes * POPULATIONS)
    shared = Source(source.name, source.kind, SharedTape(source.scenario, seeds))
    sample = measure(shared, seeds, config)
    events = sample.events.reshape(tapes, POPULATIONS, -1)
    accounts = int(config.parameters.num_accounts)
    return Markets(source, seeds[::POPULATIONS], sample.daily_returns[::POPULATIONS], events, accounts)


# ---------------------------------------------------------------------- the pool's loss to arbitrage


@dataclass(frozen=True)
class PoolLoss:
    """Loss of a feeless constant-product pool that arbitrage follows at once, and what theory says, a world each.

    Attributes:
        loss: arbitrage profit over the pool's value, summed over the hours, float64 [n].
        path_variance: realised variance of the five-minute path that the pool followed, float64 [n].
        close_variance: the same from hourly closes alone, which is what an outsider sees, float64 [n].
    """

    loss: Floats
    path_variance: Floats
    close_variance: Floats


def pool_loss(source: Source, seeds: NDArray[np.int64], config: WorldConfig) -> PoolLoss:
    """Play worlds in which nobody but the arbitrageur trades, without fee, band or limit, and add up the pool's loss.

    Theory: a constant product of value V whose price has variance sigma^2 loses V sigma^2/8 a unit of time.
    """
    quiet = replace(config, decision_hours=1).with_parameters(
        pool_fee=0.0, depth_flight=0.0, options_on=0.0, debt_size=0.0, arbitrage_speed=1.0, arbitrage_band=0.0,
        arbitrage_capacity=1e15, arbitrage_stress=0.0, arbitrage_calm_vol=1e9, arbitrage_delay=0.0,
    )  # fmt: skip
    world = Simulator(quiet, seeds.size, scenario=source.scenario)
    world.reset(seeds=seeds)
    still = {agent: np.zeros((seeds.size, world.action_size(agent))) for agent in world.agents}
    hours = quiet.episode_hours
    loss = np.zeros(seeds.size)
    for _ in range(hours):
        before = np.array(world.worlds["arbitrage_cash"])
        world.step(still)
        # cash and coin are worth the same; the mean of the hour's first and last value
        value = world.worlds["depth"] * CASH_PER_DEPTH + world.worlds["pool_cash"]
        loss += (world.worlds["arbitrage_cash"] - before) / value
    path = np.log(_paths(world, hours))
    closes = np.log(world.tape["close"].astype(np.float64))
    return PoolLoss(loss, (np.diff(path, axis=1) ** 2).sum(axis=1), (np.diff(closes, axis=1) ** 2).sum(axis=1))


def _paths(world: Simulator, hours: int) -> Floats:
    """The tape's price at the opening and after every sub-step, float64 [n, 1 + 12 hours]."""
    prices = np.zeros((world.num_worlds, 1 + SUBSTEPS * hours))
    prices[:, 0] = world.tape["close"][:, 0]
    keys = world.worlds["seed"]
    with np.errstate(over="ignore"):  # the keyed noise wraps around where nothing is compiled
        for row in range(world.num_worlds):
            for hour in range(hours):
                candle = world.tape[row, hour + 1]
                for k in range(SUBSTEPS):
                    noise = normal(keys[row], 0, hour, k, Purpose.PRICE_BRIDGE)
                    prices[row, 1 + SUBSTEPS * hour + k] = tape_point(candle, k, noise)
    return prices
