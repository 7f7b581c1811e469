"""Liquidation cascade: what is seized is sold, the sale moves the pool, the oracle follows, more accounts fall."""

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Flat, Scenario
from protogov.envs.world.parameters import Parameters
from protogov.envs.world.state import EventKind
from protogov.experiments.core.play import still
from protogov.experiments.figures.style import BLUE, GREEN, VERMILLION
from protogov.experiments.phenomena.drawing import ACTIVE, SWITCHED, band, dots, label_y, number, panels
from protogov.experiments.phenomena.phenomenon import Change, Measure, Phenomenon, Sample, Seeds
from protogov.experiments.phenomena.runner import Finding
from protogov.experiments.phenomena.worlds import DEEP, Shock

HOURS, FALL = 48, 6
GENERATIONS = 8  # 0: the market's own move suffices; the last holds all later ones
WEIGHT = 0.5  # of the pool in the oracle
WEIGHTS = (0.0, Parameters().oracle_pool_weight, WEIGHT, 1.0)


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """Liquidated USD by generation: the number of forced sales between the market's own move and the event."""
    by_generation = np.zeros((seeds.size, GENERATIONS))
    growing = np.zeros((seeds.size, config.horizon))
    deepest, liquidated, caused = np.zeros((3, seeds.size))
    for hour, (_, step) in enumerate(still(config, scenario, seeds)):
        records = step.records[:, 0]
        caused += records["caused"] / 1e6
        liquidated += records["liquidated"] / 1e6
        growing[:, hour] = liquidated
        rows, places = np.nonzero(np.arange(step.events.shape[1]) < step.n_events[:, None])
        events = step.events[rows, places]
        sold = events["kind"] == EventKind.LIQUIDATION
        at = (rows[sold], np.minimum(events["generation"][sold], GENERATIONS - 1))
        np.add.at(by_generation, at, events["repaid"][sold] / 1e6)
        np.maximum.at(deepest, rows[sold], events["generation"][sold])
    columns = {"caused": caused, "liquidated": liquidated, "deepest": deepest}
    return Sample(columns, {"generations": by_generation, "growing": growing})


def heard(weight: float) -> str:
    """Name of the world whose oracle gives the pool that weight."""
    return f"weight {weight:g}"


def draw(finding: Finding) -> Figure:
    """Liquidated value over time, by generation, and by how much the oracle listens to the pool."""
    caused, total = finding.comparisons[0], finding.comparisons[1]
    share = caused.active.mean / total.active.mean
    headline = (
        f"{number(100 * share)}% of what is liquidated falls to the sale of another loan's collateral, and the total "
        f"is x{number(total.active.mean / total.switched.mean)}; with infinite depth no sale sets off another"
    )
    figure, (over_time, by_generation, listening) = panels(finding, headline, 3)
    hours = np.arange(1.0, HOURS + 1.0)
    band(over_time, hours, finding.active.traces["growing"], "finite depth", ACTIVE)
    band(over_time, hours, finding.switched.traces["growing"], "infinite depth", SWITCHED)
    over_time.set_xlabel("hour of the episode")
    over_time.set_ylabel("liquidated so far [million USD]")
    over_time.legend(loc="lower right")
    places = np.arange(GENERATIONS)
    for shift, sample, colour, hatch, label in (
        (-0.2, finding.active, BLUE, "", "finite depth"),
        (0.2, finding.switched, VERMILLION, "///", "infinite depth"),
    ):
        heights = sample.traces["generations"].mean(axis=0)
        by_generation.bar(places + shift, heights, 0.4, color=colour, hatch=hatch, edgecolor="white", label=label)
    by_generation.set_yscale("log")
    by_generation.set_ylim(bottom=1e-3)
    by_generation.set_xticks(places, [*map(str, places[:-1]), f"{GENERATIONS - 1}+"])
    by_generation.set_xlabel("forced sales between cause and event")
    by_generation.set_ylabel("liquidated an episode [million USD]")
    by_generation.legend(loc="upper right")
    dots(listening, 0, finding.switched.columns["caused"], SWITCHED)
    for place, weight in enumerate(WEIGHTS, 1):
        main = weight == WEIGHT
        sample = finding.active if main else finding.shown[heard(weight)]
        dots(listening, place, sample.columns["caused"], ACTIVE if main else {"color": GREEN})
    names = [f"{100 * WEIGHT:g}%,\ninfinite\ndepth", *(f"{100 * weight:g}%" for weight in WEIGHTS)]
    listening.set_xticks(range(len(names)), names)
    listening.set_xlabel("weight of the pool in the oracle")
    listening.set_yscale("symlog", linthresh=0.1, linscale=0.5)
    listening.set_ylim(bottom=-0.03)
    listening.set_yticks([0.0, 0.1, 1.0, 10.0], ["0", "0.1", "1", "10"])
    label_y(listening, f"{caused.measure.label} [{caused.measure.unit}; log above 0.1]")
    return figure


CASCADE = Phenomenon(
    name="cascade",
    title="Liquidation cascade",
    claim="A liquidator's sale moves the pool, the oracle follows, and loans fall that the market alone had spared.",
    evidence="Lehar and Parlour, BIS WP 1062; Perez et al., arXiv 2009.13235",
    scenario=Flat() + Shock("a fall of 15 to 30% in an hour", hour=FALL, least=0.15, most=0.30),
    config=WorldConfig(episode_hours=HOURS, decision_hours=1).with_parameters(oracle_pool_weight=WEIGHT),
    switch=Change(words="infinite depth", parameters=DEEP),
    measure=Measure("caused", "liquidated because of another sale", "million USD"),
    also=(
        Measure("liquidated", "liquidated in all", "million USD"),
        Measure("deepest", "deepest generation of an episode", "generations"),
    ),
    shown={
        heard(weight): Change(
            words=f"pool's weight {100 * weight:g}% in the oracle", parameters={"oracle_pool_weight": weight}
        )
        for weight in WEIGHTS
        if weight != WEIGHT
    },
    smallest=0.25,
    play=play,
    draw=draw,
    note=(
        "The oracle gives the pool half of the weight; the third panel shows other weights, the default of 15% among "
        "them. After its fall the market stands still, so that the record of causes is exact: nothing else can lower "
        "the oracle's price."
    ),
)
