"""Adverse selection: traders who know better than the quote take what is wrong with it, and the LPs pay."""

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.experiments.core.play import still
from protogov.experiments.figures.style import GREEN
from protogov.experiments.phenomena.drawing import ACTIVE, SWITCHED, band, dots, label_y, legend_on_top, number, panels
from protogov.experiments.phenomena.phenomenon import Change, Measure, Phenomenon, Sample, Seeds
from protogov.experiments.phenomena.runner import Finding

HOURS, DECISION = 168, 1
SCALES = (0.0, 0.5, 1.0, 2.0, 4.0)  # of the tape's informed share
MAIN = 1.0


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """What the LPs lost on informed trades, marked at the end of each hour, and the pool's profit."""
    lost, informed, profit, fees = np.zeros((4, seeds.size))
    growing = np.zeros((seeds.size, config.horizon))
    for hour, (world, step) in enumerate(still(config, scenario, seeds)):
        records = step.records[:, 0]
        lost -= records["pool_adverse_selection"] / 1e3
        profit += records["pool_profit"] / 1e3
        fees += records["pool_fees"] / 1e3
        informed += world.worlds["venues"][:, 0]["sum_informed_profit"] / 1e3
        growing[:, hour] = lost
    columns = {"lost": lost + 0.0, "informed": informed, "profit": profit, "fees": fees}  # no negative zero
    return Sample(columns, {"growing": growing + 0.0})


def scaled(scale: float) -> str:
    """Name of the world whose informed share is that multiple of the tape's."""
    return f"informed x{scale:g}"


def draw(finding: Finding) -> Figure:
    """What informed trades cost the LPs over time, by their share, and the pool's profit."""
    lost, _, profit, _ = finding.comparisons
    headline = (
        f"LPs lose {number(lost.active.mean)} thousand USD a week on informed trades before fees, and their profit is "
        f"{number(-profit.effect.mean)} thousand lower than with uninformed traders only"
    )
    figure, (over_time, dose, gains) = panels(finding, headline, 3)
    hours = np.arange(1.0, HOURS + 1.0)
    band(over_time, hours, finding.active.traces["growing"], "with informed traders", ACTIVE)
    band(over_time, hours, finding.switched.traces["growing"], "uninformed only", SWITCHED)
    over_time.set_xlabel("hour of the episode")
    label_y(over_time, "lost to informed traders so far [thousand USD]")
    legend_on_top(over_time, 2)
    worlds = {0.0: finding.switched, MAIN: finding.active}
    worlds |= {scale: finding.shown[scaled(scale)] for scale in SCALES if scale not in worlds}
    for place, scale in enumerate(SCALES):
        look = {0.0: SWITCHED, MAIN: ACTIVE}.get(scale, {"color": GREEN})
        dots(dose, place, worlds[scale].columns["lost"], look)
        dots(gains, place, worlds[scale].columns["profit"] - worlds[0.0].columns["profit"], look)
    for axes, comparison, text in ((dose, lost, "{}"), (gains, profit, "{} less that with uninformed only")):
        axes.set_xticks(range(len(SCALES)), [f"x{scale:g}" for scale in SCALES])
        axes.set_xlabel("informed share, times the scenario's")
        label_y(axes, f"{text.format(comparison.measure.label)} [{comparison.measure.unit}]")
    return figure


ADVERSE_SELECTION = Phenomenon(
    name="adverse-selection",
    title="Adverse selection of LPs",
    claim="Traders who know the price before the oracle or the vol of the next hours take money from the LPs.",
    evidence="Lyra's unhedged rounds: -2.07, 0, -0.63, -0.70, +0.36, +2.55, -1.89 and -7.74%",
    scenario=get_scenario("jump"),
    config=WorldConfig(episode_hours=HOURS, decision_hours=DECISION),
    switch=Change(words="uninformed traders only", parameters={"informed_scale": 0.0}),
    measure=Measure("lost", "LPs' loss on informed trades before fees", "thousand USD"),
    also=(
        Measure("informed", "informed traders' gain by what they know, after fees", "thousand USD"),
        Measure("profit", "option pool's profit", "thousand USD"),
        Measure("fees", "fees and edge on all other trades", "thousand USD"),
    ),
    shown={
        scaled(scale): Change(words=scaled(scale), parameters={"informed_scale": scale})
        for scale in SCALES
        if scale not in (0.0, MAIN)
    },
    smallest=0.5,
    play=play,
    draw=draw,
    note=(
        "The loss is what the pool was paid for informed trades less what they are worth at the end of the hour, at "
        "the tape's price and vol, fees left out. A world with informed traders has fewer others, and so earns less "
        "of their spread too: the pool's profit falls by more than the loss."
    ),
)
