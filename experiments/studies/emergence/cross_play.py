"""Cross-play: each agent in turn is swapped for the same agent of another training seed.

What is worth less with a visitor than at home was a convention that those who trained together had learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from protogov.envs.interfaces import Governor
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan, fork_points
from protogov.experiments.studies.emergence.measure import Finding, family
from protogov.experiments.studies.emergence.populations import Population


@dataclass(frozen=True)
class CrossPlaySample:
    """Payoffs at home and with visitors.

    Attributes:
        agents: who is swapped.
        payoffs: F64[agents, S, S], what everybody earns together in a branch where [a, h, v] has agent a of training
            seed v among those of seed h.
    """

    agents: tuple[str, ...]
    payoffs: Floats

    def drops(self) -> Floats:
        """What seed h earns at home less its mean over visitors, F64[S, agents]."""
        seeds = self.payoffs.shape[1]
        home = np.diagonal(self.payoffs, axis1=1, axis2=2)
        return ((home * seeds - self.payoffs.sum(axis=2)) / (seeds - 1)).T

    def reverse(self) -> Floats:
        """Mean payoff with a visitor, over agents and visitors, F64[S]."""
        seeds = self.payoffs.shape[1]
        home = np.diagonal(self.payoffs, axis1=1, axis2=2)
        return np.asarray(((self.payoffs.sum(axis=2) - home) / (seeds - 1)).mean(axis=0))


@dataclass(frozen=True)
class CrossPlay:
    """The measure; see the module.

    Attributes:
        outcome: what is earned, as the plan's `read` names it, with `{agent}` for a name; summed over agents and steps.
        agents: who is swapped; each in turn where it is empty.
    """

    outcome: str = "reward/{agent}"
    agents: tuple[str, ...] = ()
    name = "cross-play"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> CrossPlaySample:
        """Play every pair of seeds from the opening.

        Raises:
            BadInput: a governor that is no `Population`, populations that differ in who governs which row, or one seed.
        """
        populations = populations_of(governors)
        first = next(iter(populations.values()))
        seeds, homes = len(first.members), first.of_row
        own = replace(plan, times=(0,), units=homes)
        swapped = self.agents or world.agents
        payoffs = np.empty((len(swapped), seeds, seeds))
        places = np.arange(seeds)
        for place, agent in enumerate(swapped):
            for shift in range(seeds):
                seats = {**populations, agent: populations[agent].shifted(shift)}
                earned = own.by_unit(self.earned(world, seats, own))
                payoffs[place, places, (places - shift) % seeds] = earned
        return CrossPlaySample(swapped, payoffs)

    def earned(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> Floats:
        """Of everybody in a branch from the opening, F64[n]."""
        outcomes = next(fork_points(world, governors, plan)).run(plan.steps).outcomes
        return sum((outcomes[self.outcome.format(agent=agent)].sum(axis=0) for agent in world.agents), np.zeros(1))

    def reduce(self, sample: CrossPlaySample) -> list[Finding]:
        """The drop of every swap, one family; the claim is made of drops above 0 alone."""
        names = [f"drop with another {agent}" for agent in sample.agents]
        return family(self.name, "learned conventions", names, sample.drops(), upward=True)


def populations_of(governors: Mapping[str, Governor]) -> dict[str, Population]:
    """The governors, which have to be populations of the same seeds in the same rows.

    Raises:
        BadInput: one that is none, or another one; or a single seed.
    """
    found = {agent: own for agent, own in governors.items() if isinstance(own, Population)}
    missing = [agent for agent in governors if agent not in found]
    if missing:
        raise BadInput(f"the governor of {missing[0]!r} is no Population; one member a training seed is needed")
    first = next(iter(found.values()))
    if len(first.members) < 2 or len(np.unique(first.of_row)) != len(first.members):
        raise BadInput(f"{len(first.members)} training seeds are given; 2 are needed, each with rows of its own")
    for agent, own in found.items():
        if not np.array_equal(own.of_row, first.of_row) or len(own.members) != len(first.members):
            raise BadInput(f"the population of {agent!r} has other seeds or rows than the first; the same are needed")
    return found
