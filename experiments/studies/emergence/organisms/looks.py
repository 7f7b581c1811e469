"""Looks at a model organism: what each fork measure finds of it, and the record that detectors of records read.

The organism sits beside a governor that wanders at random; all other seats keep the defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.envs.simulator import Simulator
from protogov.experiments.studies.emergence.anchors import CORE
from protogov.experiments.studies.emergence.cascades import Attribution
from protogov.experiments.studies.emergence.collusion import Anchors, Collusion
from protogov.experiments.studies.emergence.cross_play import CrossPlay
from protogov.experiments.studies.emergence.dividends import Dividends
from protogov.experiments.studies.emergence.exploitability import Exploitability
from protogov.experiments.studies.emergence.forks import Plan, Seeds, fork_points
from protogov.experiments.studies.emergence.influence import Influence
from protogov.experiments.studies.emergence.interventions import Push
from protogov.experiments.studies.emergence.organisms import FAMILIES, Organism
from protogov.experiments.studies.emergence.organisms.behaviours import Wanderer
from protogov.experiments.studies.emergence.organisms.detectors import Record
from protogov.experiments.studies.emergence.populations import Population
from protogov.experiments.studies.emergence.reading import market_of
from protogov.experiments.studies.emergence.subjects import baselines_of
from protogov.experiments.studies.emergence.tasks import FIRST, Use

WINDOWS = ((1, 1), (1, 4), (1, 10))
STEPS, MOMENT = 10, 16  # decisions of a branch, and before it
STRIDE = 4096  # between the first tapes of two replicates
MEETING = 20  # decisions for which strangers meet
# Rivals that are paid the profit of their venue have something to collude about in calm markets: of their base rates
# equilibrium and joint optimum are apart, of half-spreads and under mandates they are not.
CARTEL, AUTONOMY = "rate", 72.0


@dataclass(frozen=True)
class Look:
    """Where and how often a replicate of an organism is looked at.

    Attributes:
        replicate: its number; each has tapes of its own.
        tapes: worlds side by side.
        scenario: the outside market.
        crisis: that of attribution.
        calm: that of collusion.
        anchors: of the base rate in the world of `colluding`; None where collusion is not looked for.
        push: (size, direction) of a forced deviation from the joint optimum, in actions.
    """

    replicate: int
    tapes: int
    scenario: str
    crisis: str
    calm: str = "calm"
    anchors: Anchors | None = None
    push: tuple[float, float] = (0.0, -1.0)

    def seeds(self, use: Use = "scoring") -> Seeds:
        """Of its tapes, U64[tapes]; a search has others, and a choice."""
        return np.uint64(FIRST[use] + self.replicate * STRIDE) + np.arange(self.tapes, dtype=np.uint64)

    def plan(self, world: Simulator) -> Plan:
        """Branches from one moment of its tapes."""
        moment, steps = self.moment(world.horizon)
        return Plan(self.seeds(), times=(moment,), steps=steps)

    @staticmethod
    def moment(horizon: int) -> tuple[int, int]:
        """Decision from which branches run, and how many they have, in episodes of so many."""
        moment = min(MOMENT, max(0, horizon - STEPS - 1))
        return moment, min(STEPS, horizon - moment)

    def whole(self, world: Simulator, **rest: Any) -> Plan:
        """Whole episodes of its tapes."""
        return Plan(self.seeds(), times=(0,), steps=world.horizon, **rest)


@dataclass(frozen=True)
class Seen:
    """What a look has found.

    Attributes:
        alarm: whether the measure's claim holds; None where nothing is said.
        failed: the checks of the battery that do not hold; a claim is made where all of them do.
    """

    alarm: bool | None
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Scene:
    """The two seats that matter, all others at the defaults."""

    world: Simulator
    governors: dict[str, Governor]
    other: str
    subject: str
    lever: str  # that the subject moves


def _world(config: WorldConfig, look: Look, scenario: str, seats: tuple[str, str]) -> Simulator:
    """Worlds in which all seats but these two keep the defaults."""
    others = {agent.name: "constant" for agent in config.learners() if agent.name not in seats}
    return Simulator(replace(config, background=others), look.tapes, scenario=scenario)


def _scene(config: WorldConfig, look: Look, organism: Organism, scenario: str) -> _Scene:
    other, seat = organism.watched, organism.seat
    world = _world(config, look, scenario, (other, seat))
    subject = organism.make(world.roles[seat].lever_rows(), look.replicate)
    lever = CORE[FAMILIES[organism.family].watches]
    wanderer = Wanderer(world.roles[other].lever_rows(), seed=1, strength=0.5, lever=lever)
    return _Scene(world, {other: wanderer, seat: subject}, other, seat, subject.lever)


def influence(config: WorldConfig, look: Look, organism: Organism) -> Seen:
    """Whether a push of the other's levers is found to move the subject's lever, through its policy."""
    at = _scene(config, look, organism, look.scenario)
    column = at.world.roles[at.subject].levers.index(at.lever)

    def read(step: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {f"action/{at.subject}/{column}": asked[at.subject][:, column]}

    plan = replace(look.plan(at.world), read=read)
    windows = tuple(window for window in WINDOWS if window[1] <= plan.steps)
    measure = Influence(windows, agents=(at.other,), push=Push)
    found = measure.reduce(measure.extract(at.world, at.governors, plan))
    return Seen(any(one.found for one in found if one.name.startswith("policy")))


def dividends(config: WorldConfig, look: Look, organism: Organism) -> Seen:
    """Whether the two are found to do more, or less, to welfare together than each does alone."""
    at = _scene(config, look, organism, look.scenario)
    measure = Dividends(baselines_of(at.world.config))
    plan = look.whole(at.world, read=market_of(at.world, look.seeds(), rewards=False))
    found = measure.reduce(measure.extract(at.world, at.governors, plan))
    return Seen(any(one.found for one in found if "+" in one.name))


def exploitability(config: WorldConfig, look: Look, organism: Organism) -> Seen:
    """Whether another constant beside its own policy is found to pay the subject."""
    at = _scene(config, look, organism, look.scenario)
    search, choice = look.seeds("searching"), look.seeds("choosing")
    measure = Exploitability(search, choice, ("offset",), generations=4, population=5, agents=(at.subject,))
    return Seen(measure.reduce(measure.extract(at.world, at.governors, look.whole(at.world)))[0].found)


def attribution(config: WorldConfig, look: Look, organism: Organism) -> Seen:
    """Whether the subject's decisions are found to change welfare or losses of a crisis."""
    at = _scene(config, look, organism, look.crisis)
    measure = Attribution(baselines_of(at.world.config))
    plan = look.whole(at.world, read=market_of(at.world, look.seeds(), rewards=False, losses=True))
    found = measure.reduce(measure.extract(at.world, at.governors, plan))
    return Seen(any(one.found for one in found if one.name.startswith(f"{at.subject}'s")))


def colluding(config: WorldConfig) -> WorldConfig:
    """The world in which collusion is looked for: venues are paid their profit, and levers follow within hours."""
    return replace(config, mandates="profit", autonomy=AUTONOMY)


def collusion(config: WorldConfig, look: Look, organism: Organism) -> Seen:
    """Whether pairs of such organisms, one a session, pass all checks of the battery but retraining.

    What an organism does to its half-spread it does to its base rate here. Nothing is said where the battery is
    withheld because its anchors are refused.
    """
    if look.anchors is None or look.anchors.refusal():
        return Seen(None)
    lever = CORE[CARTEL] if FAMILIES[organism.family].role != CARTEL else None
    world, governors = _sessions(colluding(config), look, organism, CARTEL, look.calm, lever)
    size, down = look.push
    place = world.roles[f"{CARTEL}_0"].levers.index(CORE[CARTEL])
    plan = look.plan(world)
    left = world.horizon - max(plan.times)
    battery = Collusion(look.anchors, myopic=0.0, size=size, down=down, lever=place, after=left)
    _, *checks = battery.reduce(battery.extract(world, governors, plan))
    failed = tuple(check.name for check in checks if not check.found)
    return Seen(not failed, failed)


def cross_play(config: WorldConfig, look: Look, organism: Organism) -> Seen:
    """Whether pairs of such organisms, one a session, are found to lose something beside strangers."""
    world, governors = _sessions(config, look, organism, FAMILIES[organism.family].role, look.scenario)
    plan = Plan(look.seeds(), steps=min(MEETING, world.horizon))
    return Seen(any(one.found for one in CrossPlay().reduce(CrossPlay().extract(world, governors, plan))))


def _sessions(
    config: WorldConfig, look: Look, organism: Organism, role: str, scenario: str, lever: str | None = None
) -> tuple[Simulator, dict[str, Governor]]:
    """A pair of a role at both venues, one session a tape; all other seats keep the defaults."""
    pair = (f"{role}_0", f"{role}_1")
    world = _world(config, look, scenario, pair)
    levers = world.roles[pair[0]].lever_rows()
    rows = np.arange(look.tapes)
    made: dict[str, Governor] = {}
    for seat in pair:
        members = []
        for session in rows.tolist():
            members.append(organism.make(levers, 1000 * look.replicate + session, lever))
            members[-1].settle(session)
        made[seat] = Population(members, rows)
    return world, made


def record_of(config: WorldConfig, look: Look, organism: Organism) -> Record:
    """The record of whole episodes."""
    at = _scene(config, look, organism, look.scenario)
    seats = (at.other, at.subject)
    column = at.world.observation_names(at.subject).index("return_6h")

    def read(step: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
        rewards = {f"reward/{seat}": step.rewards[seat] for seat in seats}
        return {**rewards, "return": step.obs[at.subject][:, column].astype(np.float64)}

    plan = Plan(look.seeds(), read=read)
    branch = next(fork_points(at.world, at.governors, plan)).run(at.world.horizon)
    levers = {
        f"{seat}/{lever}": branch.executed[seat][:, :, place]
        for seat in seats for place, lever in enumerate(at.world.roles[seat].levers)
    }  # fmt: skip
    watched = CORE[FAMILIES[organism.family].watches]
    return Record(
        levers[f"{at.other}/{watched}"], levers[f"{at.subject}/{at.lever}"], levers,
        {seat: branch.outcomes[f"reward/{seat}"] for seat in seats}, branch.outcomes["return"],
    )  # fmt: skip


BY_FORKS: Mapping[str, Callable[[WorldConfig, Look, Organism], Seen]] = {
    "influence": influence, "dividends": dividends, "exploitability": exploitability, "cross-play": cross_play,
    "attribution": attribution, "collusion": collusion,
}  # fmt: skip
