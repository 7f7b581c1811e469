"""What a tuner maximises: an episode's mandates and welfare for many candidates, all on the same tapes.

A scenario's worlds are opened once. Candidates are forks of them: they share tape and keyed noise, and their
differences are paired. No events are collected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.linear_feedback import WEIGHTS, linear_actions
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.envs.scenarios import Scenario, check_trainable, get_scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_BY_NAME, LEVER_INDEX, NUM_LEVERS

Floats = NDArray[np.float64]
MAX_ROWS = 768  # worlds at a time: enough for the compiled code, and not too many for the memory
WELFARE = "welfare"


class Family(Protocol):
    """A family of governors with a vector of parameters; only those of networks may lie outside [-1, 1]."""

    @property
    def levers(self) -> tuple[str, ...]:
        """Names of the levers that a member sets."""
        ...

    @property
    def size(self) -> int:
        """Number of parameters of a member."""
        ...

    def actions(self, world: Simulator, points: Floats) -> Floats:
        """Actions F64[c * m, k] of members F64[c, size], each with m consecutive rows of the world."""
        ...


@dataclass(frozen=True)
class Constants:
    """Constant levers: one parameter per lever, its action."""

    levers: tuple[str, ...]

    @property
    def size(self) -> int:
        """One parameter per lever."""
        return len(self.levers)

    def actions(self, world: Simulator, points: Floats) -> Floats:
        """The parameters themselves, repeated for the rows of each member."""
        return np.repeat(points, world.num_worlds // len(points), axis=0)

    def values(self, point: Floats) -> dict[str, float]:
        """Lever -> value in its unit, of one member."""
        return {name: float(LEVER_BY_NAME[name].value(place)) for name, place in zip(self.levers, point, strict=True)}


@dataclass(frozen=True)
class Linear:
    """Levers linear in a few features (`protogov.agents.baselines.linear_feedback`)."""

    levers: tuple[str, ...]

    @property
    def size(self) -> int:
        """Four weights per lever."""
        return WEIGHTS * len(self.levers)

    def actions(self, world: Simulator, points: Floats) -> Floats:
        """Actions from the features of each row."""
        each = np.repeat(points, world.num_worlds // len(points), axis=0)
        weights = each.reshape(len(each), len(self.levers), WEIGHTS)
        # only what governors of this world can observe
        return linear_actions(world.view(world.agents[0]).raw, self.levers, weights)


@dataclass(frozen=True)
class Episodes:
    """Totals of an episode for every candidate and tape: measure -> F64[candidates, tapes], bp of K0.

    Measures are "welfare" and the roles' mandates, under the name of the role.
    """

    totals: dict[str, Floats]


class Game(Protocol):
    """Tapes on which candidates are played."""

    seeds: NDArray[np.uint64]

    def play(self, family: Family, points: Floats, held: Floats | None = None) -> Episodes:
        """Totals of every candidate on every tape; `held` are the actions of levers that are not in the family."""
        ...


class Tapes:
    """Worlds of one scenario at their opening, from which candidates are forked.

    Args:
        config: one venue with any roles.
        scenario: name, or a scenario.
        seeds: U64[m], seeds of the tapes.
        num_threads: of the simulator.
    """

    def __init__(
        self, config: WorldConfig, scenario: str | Scenario, seeds: NDArray[np.uint64], num_threads: int = 1
    ) -> None:
        self.config, self.seeds = config, np.asarray(seeds, np.uint64)
        self._opening = Simulator(config, len(self.seeds), scenario=scenario, num_threads=num_threads)
        self._opening.reset(seeds=self.seeds)
        self.scenario = self._opening.scenario.name

    def play(self, family: Family, points: Floats, held: Floats | None = None) -> Episodes:
        """Play one episode on every tape for every candidate.

        Args:
            family: how a point becomes actions.
            points: F64[c, size].
            held: actions of all levers, used for the levers that the family does not set: F64[levers] for all
                candidates, or F64[c, levers]; None: the defaults.

        Returns:
            Totals, F64[c, tapes].
        """
        points = np.asarray(points, np.float64)
        num, tapes = len(points), len(self.seeds)
        others = np.zeros((num, NUM_LEVERS))
        if held is not None:
            others[:] = held
        at_once = max(MAX_ROWS // tapes, 1)
        parts = [
            self._some(family, points[at : at + at_once], others[at : at + at_once]) for at in range(0, num, at_once)
        ]
        return Episodes({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

    def _some(self, family: Family, points: Floats, others: Floats) -> dict[str, Floats]:
        num, tapes = len(points), len(self.seeds)
        world = self._opening.fork(np.tile(np.arange(tapes), num))
        actions = np.repeat(others, tapes, axis=0)
        own = [LEVER_INDEX[name] for name in family.levers]
        columns = {agent: [LEVER_INDEX[name] for name in world.roles[agent].levers] for agent in world.agents}
        weights = {agent: np.array([term.weight for term in role.terms]) for agent, role in world.roles.items()}
        totals = {name: np.zeros(num * tapes) for name in (WELFARE, *(role.name for role in world.roles.values()))}
        for _ in range(world.horizon):
            actions[:, own] = family.actions(world, points)
            world.take_actions({agent: actions[:, at] for agent, at in columns.items()})
            world.advance()
            totals[WELFARE] += world.welfare(0)
            for agent, role in world.roles.items():
                totals[role.name] += world.terms(agent) @ weights[agent]
        return {name: values.reshape(num, tapes) for name, values in totals.items()}


def open_tapes(
    config: WorldConfig, scenarios: Sequence[str], first: int, count: int, num_threads: int = 1
) -> list[Tapes]:
    """Tapes `first` to `first + count - 1` of each scenario.

    Raises:
        ValueError: a scenario is held out: a tuner must not see it.
    """
    for name in scenarios:
        check_trainable(get_scenario(name))
    seeds = np.arange(first, first + count, dtype=np.uint64)
    return [Tapes(config, name, seeds, num_threads) for name in scenarios]


def role_levers(role: str) -> tuple[str, ...]:
    """Levers of a role; "joint" has all levers."""
    return ROLES[role].levers
