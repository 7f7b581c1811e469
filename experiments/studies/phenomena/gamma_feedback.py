"""Gamma feedback: a pool that is short gamma sells as the price falls, its sales move the price, and it sells more."""

import numpy as np
from matplotlib.axes import Axes

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Flat, Scenario
from protogov.experiments.core.play import still
from protogov.experiments.core.text import number
from protogov.experiments.studies.phenomena.drawing import over_time, spreads
from protogov.experiments.studies.phenomena.phenomenon import Change, Doses, Measure, Phenomenon, Sample, Seeds, Seen
from protogov.experiments.studies.phenomena.worlds import Shock

HOURS, FALL = 48, 6
NOTIONAL = 84e6  # USD of options that the pool has written
NOTIONALS = (7e6, 14e6, 28e6, 56e6, NOTIONAL, 112e6)
DOSES = Doses("opening_notional", NOTIONALS, [""] * len(NOTIONALS), main=NOTIONAL)


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """The hedges' push on the outside price, the pool's fall below the market, and the cost of hedging."""
    pushed, below = np.zeros((2, seeds.size, config.horizon))
    gain, cost = np.zeros((2, seeds.size))
    for hour, (world, step) in enumerate(still(config, scenario, seeds)):
        worlds, records = world.worlds, step.records[:, 0]
        # no other forced trades here: all lasting impact comes from hedges
        pushed[:, hour] = -1e4 * worlds["lasting_impact"]
        below[:, hour] = 1e4 * np.log(worlds["tape_price"] * worlds["pool_coin"] / worlds["pool_cash"])
        gain = np.maximum(gain, records["hedge_gain_peak"])
        cost -= records["pool_hedging"] / 1e3
    return {
        "pushed": np.abs(pushed).max(axis=1),
        "below": below[:, FALL:].max(axis=1),
        "gain": gain,
        "cost": cost,
        "below the market": below,
        "pushed so far": pushed,
    }


def headline(seen: Seen) -> str:
    """The push of the hedges."""
    return (
        f"Hedge sales in a fall push the outside price {number(seen.mean('pushed'))} bp further, at a hedge gain of "
        f"{number(seen.mean('gain'))}; hedges outside the pool have no effect on it"
    )


def by_gain(axes: Axes, seen: Seen) -> None:
    """The push over the mean of the largest hedge gain, book by book."""
    books = {world: f"{seen.mean('gain', world):.2g}" for world in DOSES.worlds}
    spreads("pushed", books, "mean of the largest hedge gain")(axes, seen)


GAMMA_FEEDBACK = Phenomenon(
    name="gamma-feedback",
    title="Gamma feedback of hedging",
    claim="A pool that is short gamma sells coin during a fall, and its sales push the price further down.",
    evidence="hedge gain of at least 1 with a short-gamma book",
    scenario=Flat() + Shock("a fall of 10 to 20% in an hour", hour=FALL, least=0.10, most=0.20),
    # nobody borrows, trades options or posts coin: hedges are the only forced trades
    config=WorldConfig(episode_hours=HOURS, decision_hours=1).with_parameters(
        opening_notional=NOTIONAL, arrivals=0.0, num_shorts=0, debt_size=0.0
    ),
    switch=Change(words="no hedging through the pool", parameters={"hedge_through_pool": 0.0}),
    measures=(
        Measure("pushed", "largest lasting move of the outside price by hedges", "bp"),
        Measure("below", "spot pool below the market, at worst", "bp"),
        Measure("cost", "paid for hedges beyond the market's price", "thousand USD"),
        Measure("gain", "largest hedge gain", "ratio"),
    ),
    shown=DOSES.changes,
    dosed=("pushed", "gain"),
    smallest=5.0,
    play=play,
    headline=headline,
    panels=(
        over_time("below the market", "spot pool below the market [bp]"),
        over_time("pushed so far", "lasting fall of the outside price that hedges caused [bp]"),
        by_gain,
    ),
    both=("hedged in the pool", "hedged outside"),
    note=(
        "The pool has written three times the usual options, and no other trades are forced. Only the lasting part of "
        "the hedges' impact (3% of it) moves the outside price away from the tape. The third panel shows books of 7 to "
        "112 million USD, with gains below and above 1; the hourly limit on hedges restrains the largest. With the "
        "switch, book and orders are the same, but the orders are filled outside at the outside price."
    ),
)
