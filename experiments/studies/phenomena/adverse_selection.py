"""Adverse selection: informed traders profit from wrong quotes, and the LPs pay."""

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.experiments.core.play import still
from protogov.experiments.core.text import number
from protogov.experiments.studies.phenomena.drawing import over_time, spreads
from protogov.experiments.studies.phenomena.phenomenon import Change, Doses, Measure, Phenomenon, Sample, Seeds, Seen

HOURS, DECISION = 168, 1
SCALES = (0.0, 0.5, 1.0, 2.0, 4.0)
DOSES = Doses("informed_scale", SCALES, [f"x{scale:g}" for scale in SCALES], main=1.0, off=0.0)
ABOUT = "informed share,\ntimes the scenario's"


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """The LPs' loss on informed trades, marked at the end of each hour, and the pool's profit."""
    lost, informed, profit, fees = np.zeros((4, seeds.size))
    growing = np.zeros((seeds.size, config.horizon))
    for hour, (world, step) in enumerate(still(config, scenario, seeds)):
        records = step.records[:, 0]
        lost -= records["pool_adverse_selection"] / 1e3
        profit += records["pool_profit"] / 1e3
        fees += records["pool_fees"] / 1e3
        informed += world.worlds["venues"][:, 0]["sum_informed_profit"] / 1e3
        growing[:, hour] = lost
    # no negative zero
    return {"lost": lost + 0.0, "informed": informed, "profit": profit, "fees": fees, "growing": growing + 0.0}


def headline(seen: Seen) -> str:
    """What informed trades cost the LPs."""
    return (
        f"LPs lose {number(seen.mean('lost'))} thousand USD a week on informed trades before fees, and their profit "
        f"is {number(-seen.interval('profit', of='effect').mean)} thousand lower than with uninformed traders only"
    )


ADVERSE_SELECTION = Phenomenon(
    name="adverse-selection",
    title="Adverse selection of LPs",
    claim="Traders who know the price before the oracle or the vol of the next hours take money from the LPs.",
    evidence="Lyra's unhedged rounds: -2.07, 0, -0.63, -0.70, +0.36, +2.55, -1.89 and -7.74%",
    scenario=get_scenario("jump"),
    config=WorldConfig(episode_hours=HOURS, decision_hours=DECISION),
    switch=Change(words="uninformed traders only", parameters={"informed_scale": 0.0}),
    measures=(
        Measure("lost", "LPs' loss on informed trades before fees", "thousand USD"),
        Measure("informed", "informed traders' gain by what they know, after fees", "thousand USD"),
        Measure("profit", "option pool's profit", "thousand USD"),
        Measure("fees", "fees and edge on all other trades", "thousand USD"),
    ),
    shown=DOSES.changes,
    dosed=("lost", "profit"),
    smallest=0.5,
    play=play,
    headline=headline,
    panels=(
        over_time("growing", "lost to informed traders so far [thousand USD]"),
        spreads("lost", DOSES.worlds, ABOUT),
        spreads("profit", DOSES.worlds, ABOUT, "profit minus that with uninformed only [thousand USD]", effect=True),
    ),
    both=("with informed traders", "uninformed only"),
    note=(
        "The loss is the difference between the pool's price for informed trades and their value at the end of the "
        "hour, at the tape's price and vol, without fees. A world with informed traders has fewer other traders and "
        "earns less of their spread, so the pool's profit falls by more than the loss."
    ),
)
