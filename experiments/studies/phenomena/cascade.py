"""Liquidation cascade: seized coin is sold, the sale moves the pool, the oracle follows, more accounts fall."""

import numpy as np
from matplotlib.axes import Axes

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Flat, Scenario
from protogov.envs.world.parameters import Parameters
from protogov.envs.world.state import EventKind
from protogov.experiments.core.play import still
from protogov.experiments.core.text import number
from protogov.experiments.studies.phenomena.drawing import LOOKS, label_y, logarithmic, over_time, spreads
from protogov.experiments.studies.phenomena.phenomenon import (
    ACTIVE,
    SWITCHED,
    Change,
    Doses,
    Measure,
    Phenomenon,
    Sample,
    Seeds,
    Seen,
)
from protogov.experiments.studies.phenomena.worlds import DEEP, Shock

HOURS, FALL = 48, 6
GENERATIONS = 8  # 0: caused by the market's own move; the last one holds all later generations
WEIGHT = 0.5  # of the pool in the oracle
WEIGHTS = (0.0, Parameters().oracle_pool_weight, WEIGHT, 1.0)
DOSES = Doses("oracle_pool_weight", WEIGHTS, [f"{100 * weight:g}%" for weight in WEIGHTS], main=WEIGHT)


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
    return columns | {"generations": by_generation, "growing": growing}


def headline(seen: Seen) -> str:
    """The share of liquidations that other sales caused."""
    share = seen.mean("caused") / seen.mean("liquidated")
    return (
        f"Sales of other loans' collateral cause {number(100 * share)}% of liquidations; the total is "
        f"x{number(seen.times('liquidated', SWITCHED))} that with infinite depth, where no sale causes another"
    )


def generations(axes: Axes, seen: Seen) -> None:
    """Liquidated USD by generation in both worlds."""
    for shift, world, hatch, label in ((-0.2, ACTIVE, "", seen.one.both[0]), (0.2, SWITCHED, "///", seen.one.both[1])):
        places, heights, _, _ = seen.curve("generations", world)
        colour = LOOKS[world]["color"]
        axes.bar(places + shift, heights, 0.4, color=colour, hatch=hatch, edgecolor="white", label=label)
    axes.set_yscale("log")
    axes.set_ylim(bottom=1e-3)
    axes.set_xticks(places, [*(f"{place:g}" for place in places[:-1]), f"{GENERATIONS - 1}+"])
    axes.set_xlabel("forced sales between cause and event")
    label_y(axes, "liquidated per episode [million USD]")
    axes.legend(loc="upper right")


CASCADE = Phenomenon(
    name="cascade",
    title="Liquidation cascade",
    claim="A liquidator's sale moves the pool, the oracle follows, and loans fall that the market's own move spared.",
    evidence="Lehar and Parlour, BIS WP 1062; Perez et al., arXiv 2009.13235",
    scenario=Flat() + Shock("a fall of 15 to 30% in an hour", hour=FALL, least=0.15, most=0.30),
    config=WorldConfig(episode_hours=HOURS, decision_hours=1).with_parameters(oracle_pool_weight=WEIGHT),
    switch=Change(words="infinite depth", parameters=DEEP),
    measures=(
        Measure("caused", "liquidated because of another sale", "million USD"),
        Measure("liquidated", "liquidated in all", "million USD"),
        Measure("deepest", "deepest generation of an episode", "generations"),
    ),
    shown=DOSES.changes,
    dosed=("caused",),
    smallest=0.25,
    play=play,
    headline=headline,
    panels=(
        over_time("growing", "liquidated so far [million USD]"),
        generations,
        logarithmic(
            spreads(
                "caused",
                {SWITCHED: f"{100 * WEIGHT:g}%,\ninfinite\ndepth", **DOSES.worlds},
                "weight of the pool in the oracle",
                "liquidated because of another sale [million USD; log above 0.1]",
            )
        ),
    ),
    both=("finite depth", "infinite depth"),
    note=(
        "The oracle gives the pool a weight of one half. The third panel shows other weights, including the default of "
        "15%. After the fall the market does not move. Therefore the record of causes is exact: nothing else can lower "
        "the oracle's price."
    ),
)
