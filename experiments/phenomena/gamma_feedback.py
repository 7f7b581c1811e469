"""Gamma feedback: a pool that is short gamma sells as the price falls, its sales move the price, and it sells more."""

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Flat, Scenario
from protogov.experiments.core.play import still
from protogov.experiments.figures.style import GREEN
from protogov.experiments.phenomena.drawing import ACTIVE, SWITCHED, band, dots, label_y, legend_on_top, number, panels
from protogov.experiments.phenomena.phenomenon import Change, Measure, Phenomenon, Sample, Seeds
from protogov.experiments.phenomena.runner import Finding
from protogov.experiments.phenomena.worlds import Shock

HOURS, FALL = 48, 6
NOTIONAL = 84e6  # USD of options that the pool has written
NOTIONALS = (7e6, 14e6, 28e6, 56e6, NOTIONAL, 112e6)


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """How far hedges pushed the outside price, how far the pool fell below the market, and what hedging cost."""
    pushed, below = np.zeros((2, seeds.size, config.horizon))
    gain, cost = np.zeros((2, seeds.size))
    for hour, (world, step) in enumerate(still(config, scenario, seeds)):
        worlds, records = world.worlds, step.records[:, 0]
        # nobody else trades here by force: all that lasts outside comes from hedges
        pushed[:, hour] = -1e4 * worlds["lasting_impact"]
        below[:, hour] = 1e4 * np.log(worlds["tape_price"] * worlds["pool_coin"] / worlds["pool_cash"])
        gain = np.maximum(gain, records["hedge_gain_peak"])
        cost -= records["pool_hedging"] / 1e3
    columns = {
        "pushed": np.abs(pushed).max(axis=1),
        "below": below[:, FALL:].max(axis=1),
        "gain": gain,
        "cost": cost,
    }
    return Sample(columns, {"below": below, "pushed": pushed})


def written(notional: float) -> str:
    """Name of the world in which the pool has written so many USD of options."""
    return f"{notional / 1e6:g} million USD written"


def draw(finding: Finding) -> Figure:
    """The pool's price and the outside price after the fall, and the push over the hedge gain."""
    found = finding.comparisons[0]
    headline = (
        f"Hedges sold into a fall push the outside price {number(found.active.mean)} bp further at a hedge gain of "
        f"{number(finding.active.columns['gain'].mean())}; hedges outside the pool do nothing to it"
    )
    figure, (pool, outside, dose) = panels(finding, headline, 3)
    hours = np.arange(1.0, HOURS + 1.0)
    for axes, name, label in (
        (pool, "below", "spot pool below the market [bp]"),
        (outside, "pushed", "lasting fall of the outside price that hedges caused [bp]"),
    ):
        band(axes, hours, finding.active.traces[name], "hedged in the pool", ACTIVE)
        band(axes, hours, finding.switched.traces[name], "hedged outside", SWITCHED)
        axes.set_xlabel("hour of the episode")
        label_y(axes, label)
        legend_on_top(axes, 2)
    gains = []
    for place, notional in enumerate(NOTIONALS):
        main = notional == NOTIONAL
        sample = finding.active if main else finding.shown[written(notional)]
        dots(dose, place, sample.columns["pushed"], ACTIVE if main else {"color": GREEN})
        gains.append(sample.columns["gain"].mean())
    dose.set_xticks(range(len(NOTIONALS)), [f"{gain:.2g}" for gain in gains])
    dose.set_xlabel("mean of the largest hedge gain")
    label_y(dose, f"{found.measure.label} [{found.measure.unit}]")
    return figure


GAMMA_FEEDBACK = Phenomenon(
    name="gamma-feedback",
    title="Gamma feedback of hedging",
    claim="A pool that is short gamma sells coin into a fall, and its sales push the price further the same way.",
    evidence="hedge gain of at least 1 with a short-gamma book",
    scenario=Flat() + Shock("a fall of 10 to 20% in an hour", hour=FALL, least=0.10, most=0.20),
    # nobody borrows, trades options or posts coin: hedges alone trade by force
    config=WorldConfig(episode_hours=HOURS, decision_hours=1).with_parameters(
        opening_notional=NOTIONAL, arrivals=0.0, num_shorts=0, debt_size=0.0
    ),
    switch=Change(words="no hedging through the pool", parameters={"hedge_through_pool": 0.0}),
    measure=Measure("pushed", "largest lasting move of the outside price by hedges", "bp"),
    also=(
        Measure("below", "spot pool below the market, at worst", "bp"),
        Measure("cost", "paid for hedges beyond the market's price", "thousand USD"),
        Measure("gain", "largest hedge gain", "ratio"),
    ),
    shown={
        written(notional): Change(words=written(notional), parameters={"opening_notional": notional})
        for notional in NOTIONALS
        if notional != NOTIONAL
    },
    smallest=5.0,
    play=play,
    draw=draw,
    note=(
        "The pool has written three times the usual options, and nobody else trades by force: the lasting part of the "
        "hedges' impact (3% of it) is all that moves the outside price away from the tape. The third panel repeats it "
        "for books of 7 to 112 million USD, whose gain is below and above 1; the largest are held back by the limit "
        "on what an hour may hedge. The switch keeps the same book and the same orders, filled outside at the outside "
        "price."
    ),
)
