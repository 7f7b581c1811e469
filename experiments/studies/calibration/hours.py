"""What the worlds do under default levers, hour by hour: loop gains, the days of the regression, the pool's loss.

A world runs with decisions of one hour, so gains can be read every hour. The return of a day is the tape's, which no
trade in the world moves. `market.py` reads the figures that have bands.
"""

from dataclasses import replace
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
from protogov.experiments.core.play import hold_still, open_worlds
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table, concatenate
from protogov.experiments.studies.calibration.market import Tapes
from protogov.experiments.studies.calibration.statistics import DAY, hour_kinds

BATCH = 256  # worlds in one simulator
POPULATIONS = 16  # worlds on one tape that make a market of 2,048 accounts
LARGEST = 13  # accounts of 128, about a tenth
# `near`: debt that a 5% fall makes liquidatable over all debt; `overdue`: the part of it that is liquidatable already;
# `overdue_gain`: the liquidation gain if that counted; `near_idle`: the part of it that idle accounts owe; the other
# names are the record's
HOURLY = (
    "liquidation_gain", "overdue_gain", "hedge_gain", "depth", "near", "overdue", "near_idle", "utilisation",
    "borrow_rate", "debt",
)  # fmt: skip
IDLE_BELOW = 0.5  # share of the attentive's activity


def play_hours(config: WorldConfig, job: Tapes) -> Table:
    """`read_hours` as a piece."""
    return read_hours(config, job.scenario, job.seeds)


def read_hours(config: WorldConfig, scenario: str | Scenario, seeds: NDArray[np.uint64]) -> Table:
    """Play one episode per seed under default levers; one row per world and hour, the opening first.

    Returns:
        "seed"; "close" of the tape [USD]; "kind" of the hour, -1 at the opening; every name of `HOURLY` at the end of
        the hour, F32; "events": liquidations; "largest": share of all debt that the `LARGEST` largest accounts owe,
        once a day, otherwise nan; "welfare" [bp of K0]; "lost": events beyond the record's hourly capacity since the
        opening, which are not counted.
    """
    hourly = replace(config, decision_hours=1)
    return concatenate(_read_batch(hourly, scenario, seeds[at : at + BATCH]) for at in range(0, len(seeds), BATCH))


def _read_batch(config: WorldConfig, scenario: str | Scenario, seeds: NDArray[np.uint64]) -> Table:
    world = open_worlds(config, scenario, seeds)
    shape, venue = (len(seeds), config.episode_hours + 1), world.worlds["venues"][:, 0]
    found: Table = {name: np.zeros(shape, np.float32) for name in HOURLY}
    found |= {name: np.zeros(shape) for name in ("events", "welfare", "lost")} | {"largest": np.full(shape, np.nan)}
    for hour, step in enumerate(hold_still(world), 1):
        for name, values in _read_hour(world, venue).items():
            found[name][:, hour] = values
        valid = np.arange(step.events.shape[1]) < step.n_events[:, None]
        found["events"][:, hour] = (valid & (step.events["kind"] == EventKind.LIQUIDATION)).sum(axis=1)
        found["welfare"][:, hour], found["lost"][:, hour] = world.welfare(0), world.worlds["events_lost"]
        if hour % DAY == 1:
            debts = np.sort(venue["account_scaled_debt"], axis=1)
            found["largest"][:, hour] = debts[:, -LARGEST:].sum(axis=1) / np.maximum(debts.sum(axis=1), 1e-9)
    closes = world.tape["close"].astype(np.float64)
    kinds = np.pad(hour_kinds(closes), ((0, 0), (1, 0)), constant_values=-1)
    hourly: Table = {"seed": np.repeat(seeds, shape[1]), "close": closes.ravel(), "kind": kinds.ravel()}
    return hourly | {name: values.ravel() for name, values in found.items()}


def _read_hour(world: Simulator, venue: NDArray[np.void]) -> dict[str, Floats]:
    """Gains, what they are made of, and the state of the money market at the end of an hour, float64 [n] each."""
    limit = venue["oracle_price"] * venue["liquidation_threshold"] / venue["borrow_index"]
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


# ---------------------------------------------------------------------- days


def days_of(hours: Table) -> Table:
    """One row per world and whole day: "tape" (seed), "day", "return" (log, of the tape), "events" (liquidations)."""
    worlds = len(np.unique(hours["seed"]))
    closes, events = hours["close"].reshape(worlds, -1), hours["events"].reshape(worlds, -1)
    days = (closes.shape[1] - 1) // DAY
    return {
        "tape": np.repeat(hours["seed"].reshape(worlds, -1)[:, 0], days),
        "day": np.tile(np.arange(days), worlds),
        "return": np.diff(np.log(closes[:, ::DAY]), axis=1).ravel(),
        "events": events[:, 1 : 1 + DAY * days].reshape(worlds, days, DAY).sum(axis=2).ravel(),
    }


def grouped(days: Table, size: int = 1) -> tuple[Floats, Floats, NDArray[np.uint64]]:
    """Days of markets of `size` consecutive worlds on one tape.

    Returns:
        (daily returns [markets, days], events added up [markets, days], tape [markets]).
    """
    shape = (-1, size, int(days["day"].max()) + 1)
    returns, tapes = days["return"].reshape(shape), days["tape"].reshape(shape)
    return returns[:, 0], days["events"].reshape(shape).sum(axis=1), tapes[:, 0, 0]


class SharedTape(Scenario):
    """Another scenario in which `POPULATIONS` neighbouring seeds share the tape of the first of them.

    A world has 128 accounts and no liquidation on most days; then ln(events + 1) hides what the market does. The worlds
    of one tape, added up, are a market of `POPULATIONS` times as many accounts on the same price.

    Args:
        scenario: whose tapes are shared.
        seeds: base seeds of the worlds, U64 [n]; n is a multiple of `POPULATIONS`.
    """

    def __init__(self, scenario: Scenario, seeds: NDArray[np.uint64]) -> None:
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


def play_markets(config: WorldConfig, job: Tapes) -> Table:
    """Days of `POPULATIONS` worlds on each of the tapes of a job, one row per world and day."""
    worlds = Tapes(job.scenario, job.first, job.count * POPULATIONS).seeds
    shared = SharedTape(get_scenario(job.scenario), worlds)
    parts = (days_of(read_hours(config, shared, worlds[at : at + BATCH])) for at in range(0, len(worlds), BATCH))
    days = concatenate(parts)
    each = POPULATIONS * (int(days["day"].max()) + 1)
    return days | {"tape": np.repeat(days["tape"][::each], each)}


# ---------------------------------------------------------------------- the pool's loss to arbitrage


def play_pool(config: WorldConfig, job: Tapes) -> Table:
    """Loss of a feeless constant-product pool with immediate arbitrage, and the theory; one row per world.

    Only the arbitrageur trades, without fee, band or limit. Theory: a constant product of value V whose price has
    variance sigma^2 loses V sigma^2/8 per unit of time.

    Returns:
        "loss": arbitrage profit over the pool's value, summed over the hours; "path_variance": realised, of the
        five-minute path that the pool followed; "close_variance": of hourly closes, which outsiders see.
    """
    quiet = replace(config, decision_hours=1).with_parameters(
        pool_fee=0.0, depth_flight=0.0, options_on=0.0, debt_size=0.0, arbitrage_speed=1.0, arbitrage_band=0.0,
        arbitrage_capacity=1e15, arbitrage_stress=0.0, arbitrage_calm_vol=1e9, arbitrage_delay=0.0,
    )  # fmt: skip
    world = open_worlds(quiet, job.scenario, job.seeds)
    loss, before = np.zeros(job.count), np.array(world.worlds["arbitrage_cash"])
    for _ in hold_still(world):
        # cash and coin are worth the same
        value = world.worlds["depth"] * CASH_PER_DEPTH + world.worlds["pool_cash"]
        loss += (world.worlds["arbitrage_cash"] - before) / value
        before = np.array(world.worlds["arbitrage_cash"])
    path = np.log(_paths(world, quiet.episode_hours))
    closes = np.log(world.tape["close"].astype(np.float64))
    variances = {"path_variance": path, "close_variance": closes}
    return {"loss": loss} | {name: (np.diff(logs, axis=1) ** 2).sum(axis=1) for name, logs in variances.items()}


def _paths(world: Simulator, hours: int) -> Floats:
    """The tape's price at the opening and after every sub-step, float64 [n, 1 + 12 hours]."""
    prices = np.zeros((world.num_worlds, 1 + SUBSTEPS * hours))
    prices[:, 0] = world.tape["close"][:, 0]
    keys = world.worlds["seed"]
    with np.errstate(over="ignore"):  # without compilation the keyed noise overflows, as intended
        for row in range(world.num_worlds):
            for hour in range(hours):
                candle = world.tape[row, hour + 1]
                for k in range(SUBSTEPS):
                    noise = normal(keys[row], 0, hour, k, Purpose.PRICE_BRIDGE)
                    prices[row, 1 + SUBSTEPS * hour + k] = tape_point(candle, k, noise)
    return prices
