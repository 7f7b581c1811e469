"""Oracle-lag flow: traders who see the market before the oracle take money from those who rely on the oracle."""

import numpy as np
from matplotlib.axes import Axes

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Overlay, Scenario, get_scenario
from protogov.envs.scenarios.base import Seeds as TapeSeeds
from protogov.envs.scenarios.base import Tapes
from protogov.experiments.core.play import still
from protogov.experiments.core.text import number
from protogov.experiments.figures.style import SEED_MARKERS, seed_line
from protogov.experiments.studies.phenomena.drawing import band, label_y, legend_on_top
from protogov.experiments.studies.phenomena.phenomenon import Change, Measure, Phenomenon, Sample, Seeds, Seen

HOURS = 96
DEVIATIONS = (0.0, 0.0025, 0.005, 0.01, 0.02)  # share of the price
DELAYS = (0, 2, 6, 12)  # sub-steps of five minutes


class FullBlocks(Overlay):
    """Blocks are always full: every report of the oracle takes its whole delay."""

    name, split = "full blocks", "free"

    def change(self, tapes: Tapes, seeds: TapeSeeds) -> None:
        """Set congestion to 1."""
        tapes["congestion"] = 1.0


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """Gains of latency traders and of all informed traders, and the oracle's distance from the market."""
    latency, informed, behind = np.zeros((3, seeds.size))
    for world, _ in still(config, scenario, seeds):
        venue = world.worlds["venues"][:, 0]
        latency += venue["sum_latency_profit"] / 1e3
        informed += venue["sum_informed_profit"] / 1e3
        gap = np.abs(venue["oracle_price"] / world.worlds["outside_price"] - 1.0)
        behind += 1e4 * gap / config.horizon
    return {"latency": latency, "informed": informed, "behind": behind}


def lag(deviation: float, delay: int) -> Change:
    """An oracle with that deviation threshold and delay that reads only the outside market."""
    settings = {"oracle_deviation": deviation, "oracle_delay": float(delay), "oracle_pool_weight": 0.0}
    return Change(words=f"{100 * deviation:g}%, {5 * delay} min", parameters=settings)


def headline(seen: Seen) -> str:
    """Gains from the smallest to the largest lag."""
    least, most = (
        seen.mean("latency", lag(*at).words) for at in ((DEVIATIONS[1], DELAYS[0]), (DEVIATIONS[-1], DELAYS[-1]))
    )
    return (
        f"Latency traders' gain rises with the oracle's threshold and delay, from {number(least)} to {number(most)} "
        f"thousand USD in four days, and is zero without lag"
    )


def by_lag(axes: Axes, seen: Seen) -> None:
    """Profit over the deviation threshold, one line per delay."""
    for place, delay in enumerate(DELAYS):
        found = [seen.interval("latency", lag(deviation, delay).words) for deviation in DEVIATIONS]
        ends = [np.array([getattr(one, end) for one in found]) for end in ("mean", "low", "high")]
        marks = {"marker": SEED_MARKERS[place], "markersize": 4}
        band(axes, 100 * np.array(DEVIATIONS), ends, f"delay {5 * delay} min", seed_line(place), **marks)
    axes.set_xlabel("deviation that triggers a report [% of the price]")
    label_y(axes, "latency traders' profit [thousand USD]")
    legend_on_top(axes, len(DELAYS))


ORACLE_LAG = Phenomenon(
    name="oracle-lag",
    title="Oracle-lag flow",
    claim="Traders who see the market before the oracle profit from quotes that use it, and more so if it is later.",
    evidence="Chainlink ETH/USD: 0.5% deviation, heartbeat an hour; front-running of Synthetix in 2019",
    scenario=get_scenario("jump") + FullBlocks(),
    config=WorldConfig(episode_hours=HOURS, decision_hours=1),
    switch=Change(
        words="zero lag", parameters={"oracle_deviation": 0.0, "oracle_delay": 0.0, "oracle_pool_weight": 0.0}
    ),
    measures=(
        Measure("latency", "latency traders' profit", "thousand USD"),
        Measure("informed", "profit of all informed traders", "thousand USD"),
        Measure("behind", "oracle's mean distance from the market", "bp"),
    ),
    shown=tuple(lag(deviation, delay) for deviation in DEVIATIONS for delay in DELAYS),
    dosed=("latency",),
    smallest=0.25,
    play=play,
    headline=headline,
    panels=(by_lag,),
    both=("0.5%, 20 min late", "no lag"),
    note=(
        "The default oracle with blocks full at all times: a report takes its whole delay of 20 minutes. With a delay "
        "a feed that reports every move is always busy with an old report, so the smallest thresholds do not help."
    ),
)
