"""Liquidation cascade: what is seized is sold, the sale moves the pool, the oracle follows, more accounts fall."""

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import JumpProcess, Scenario, Synthetic
from protogov.envs.world.state import EventKind
from protogov.experiments.figures.style import BLUE, VERMILLION
from protogov.experiments.phenomena.drawing import ACTIVE, SWITCHED, band, every_seed, number, panels
from protogov.experiments.phenomena.phenomenon import Change, Measure, Phenomenon, Sample, Seeds
from protogov.experiments.phenomena.runner import Finding
from protogov.experiments.phenomena.worlds import episodes

HOURS = 72
GENERATIONS = 7  # 0: the outside price alone suffices; the last holds all later ones


def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
    """Liquidated USD by generation: the number of forced sales between the outside price's own move and the event."""
    by_generation = np.zeros((seeds.size, GENERATIONS))
    deepest = np.zeros(seeds.size)
    by_hour = np.zeros((seeds.size, 2, config.horizon))  # without and with an event as its cause
    generations: list[dict[int, int]] = [{} for _ in seeds]  # of every event of each world, by its serial number
    for hour, (_, step) in enumerate(episodes(config, scenario, seeds)):
        for row in np.flatnonzero(step.n_events):
            known = generations[row]
            for event in step.events[row, : step.n_events[row]]:
                parent = int(event["parent"])
                generation = known.get(parent, 0) + 1 if parent >= 0 else 0
                known[int(event["serial"])] = generation
                if event["kind"] == EventKind.LIQUIDATION:
                    by_generation[row, min(generation, GENERATIONS - 1)] += event["repaid"] / 1e6
                    by_hour[row, int(generation > 0), hour] += event["repaid"] / 1e6
                    deepest[row] = max(deepest[row], generation)
    liquidated = by_generation.sum(axis=1)
    columns = {"caused": by_generation[:, 1:].sum(axis=1), "liquidated": liquidated, "depth": deepest}
    growing = by_hour.cumsum(axis=2)
    traces = {"generations": by_generation, "total": growing.sum(axis=1), "direct": growing[:, 0]}
    return Sample(columns, traces)


def draw(finding: Finding) -> Figure:
    """Liquidated value over time, by generation, and for every seed."""
    caused, total = finding.comparisons[0], finding.comparisons[1]
    share = caused.active.mean / total.active.mean
    headline = (
        f"Sales of seized collateral set off {number(100 * share)}% of all liquidations and raise their value "
        f"x{number(total.active.mean / total.switched.mean)}; with infinite depth none is set off by another"
    )
    figure, (over_time, by_generation, seeds) = panels(finding, headline, 3)
    hours = np.arange(1, finding.active.traces["total"].shape[1] + 1.0)
    band(over_time, hours, finding.active.traces["total"], "finite depth", ACTIVE)
    band(
        over_time,
        hours,
        finding.active.traces["direct"],
        "  of that without another's sale",
        ACTIVE | {"linestyle": ":"},
    )
    band(over_time, hours, finding.switched.traces["total"], "infinite depth", SWITCHED)
    over_time.set_xlabel("hour of the episode")
    over_time.set_ylabel("liquidated so far [million USD]")
    over_time.legend(loc="upper left")
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
    by_generation.set_xlabel("generation: forced sales between cause and event")
    by_generation.set_ylabel("liquidated an episode [million USD]")
    by_generation.legend(loc="upper right")
    every_seed(seeds, finding, caused, ("finite\ndepth", "infinite\ndepth"))
    return figure


CASCADE = Phenomenon(
    name="cascade",
    title="Liquidation cascade",
    claim="A liquidator's sale moves the pool, the oracle follows, and accounts fall that the market alone had spared.",
    evidence="Lehar and Parlour, BIS WP 1062; Perez et al., arXiv 2009.13235",
    scenario=Synthetic(
        "crash within a day",
        "free",
        JumpProcess(crash_from=12, crash_to=24, crash_least=0.2, crash_most=0.4, crash_shortest=2, crash_longest=12),
    ),
    config=WorldConfig(episode_hours=HOURS, decision_hours=1),
    switch=Change(words="infinite depth", parameters={"depth_scale": 1e9}),
    measure=Measure("caused", "liquidated because of another sale", "million USD"),
    also=(
        Measure("liquidated", "liquidated in all", "million USD"),
        Measure("depth", "deepest generation of an episode", "generations"),
    ),
    smallest=0.25,
    band=0.01,
    play=play,
    draw=draw,
    note=(
        "The default world; a fall of 20 to 40% over 2 to 12 hours. The band is not zero because an oracle that is "
        "late on the way up names a parent although that parent's sale moved nothing."
    ),
)
