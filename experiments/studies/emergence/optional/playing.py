"""The parts of the optional measures that play episodes of the simulated world; see `extraction`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.interventions import Interventions
from protogov.envs.simulator import Simulator
from protogov.experiments.core.tables import Table
from protogov.experiments.studies.emergence.extraction import as_table, scene, windows_of
from protogov.experiments.studies.emergence.forks import Read
from protogov.experiments.studies.emergence.optional.contagion import ENOUGH_POINTS, Contagion, Tails
from protogov.experiments.studies.emergence.optional.dynamics import Twins
from protogov.experiments.studies.emergence.optional.hawkes import HawkesBesideForks
from protogov.experiments.studies.emergence.optional.record import OUTSIDE, record
from protogov.experiments.studies.emergence.optional.social import SocialInfluence
from protogov.experiments.studies.emergence.tasks import Task

SEEN_OUTSIDE = ("return_6h", "implied_vol", "realised_72h")  # price and volatility, as far as governors see them
STOLEN = 0.02  # share of every deposit of a venue that is written off


def outside_of(world: Simulator) -> Read:
    """A reading of price and volatility after a decision, as the first governor sees them."""
    agent = world.agents[0]
    names = world.observation_names(agent)
    columns = {name: names.index(name) for name in SEEN_OUTSIDE if name in names}

    def read(step: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{OUTSIDE}{name}": step.obs[agent][:, at].astype(np.float64) for name, at in columns.items()}

    return read


def of_venues(venues: int, word: str, sign: float) -> Read:
    """A reading of the welfare of each venue in bp of its K0, or with a sign of -1 of what is lost of it."""

    def read(step: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{word}/{venue}": sign * step.welfare(venue) for venue in range(venues)}

    return read


def played_record(config: WorldConfig, task: Task) -> dict[str, Any]:
    """The record of whole episodes."""
    at = scene(config, task, task.tier.worlds)
    return asdict(record(at.world, at.governors, replace(at.plan, read=outside_of(at.world))))


def social(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Social influence at the tier's moments."""
    at = scene(config, task, task.tier.worlds, steps=2)
    return asdict(SocialInfluence().extract(at.world, at.governors, at.plan))


def stolen_from(venue: int, world: Any) -> None:
    """Write deposits of a venue off, in a branch's own copy of the world."""
    hour = world.worlds["hour"].astype(np.int64)
    world.intervene(Interventions(world).write_off(venue, hour, suppliers=STOLEN))


def contagion(config: WorldConfig, task: Task) -> dict[str, Any]:
    """What writing 1% of a venue's deposits off costs every venue."""
    at = scene(config, task, task.tier.worlds, steps=windows_of(config, task.tier)[-1][1])
    shocks = {str(venue): (partial(stolen_from, venue), 100.0 * STOLEN) for venue in range(config.venues)}
    plan = replace(at.plan, read=of_venues(config.venues, "loss", -1.0))
    return asdict(Contagion(shocks).extract(at.world, at.governors, plan))


def tails(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Welfare of each venue, decision by decision; enough episodes for a tail if the tier is not a small one."""
    rows = task.tier.worlds
    if task.tier.name == "full":
        rows = max(rows, -(-ENOUGH_POINTS // config.horizon) + len(task.subject.members))
    at = scene(config, task, rows)
    venues = tuple(str(venue) for venue in range(config.venues))
    plan = replace(at.plan, read=of_venues(config.venues, "return", 1.0))
    return asdict(Tails(venues).extract(at.world, at.governors, plan))


def twins(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Twins that differ in one lever of the agent in focus."""
    at = scene(config, task, task.tier.worlds, steps=windows_of(config, task.tier)[-1][1])
    return asdict(Twins(agent=task.focus).extract(at.world, at.governors, at.plan))


def sales(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Times of forced sales in a crisis."""
    at = scene(config, task, task.tier.crisis_worlds, steps=windows_of(config, task.tier)[-1][1])
    return asdict(HawkesBesideForks().extract(at.world, at.governors, at.plan))


PARTS: Mapping[str, Callable[[WorldConfig, Task], dict[str, Any]]] = {
    "record": played_record, "social": social, "contagion": contagion, "tails": tails, "twins": twins, "sales": sales,
}  # fmt: skip


def extract(config: WorldConfig, task: Task) -> Table:
    """Play one part."""
    return as_table(PARTS[task.part](config, task))
