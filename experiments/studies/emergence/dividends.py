"""Dividends: what governors do together beyond what each does alone (Harsanyi 1963; Grabisch and Roubens 1999).

Every coalition S of learned governors plays the same tapes, all others' seats held by baselines; v(S) is what comes of
it. The dividend of S is d(S) = sum over T in S of (-1)^(|S| - |T|) v(T): of one governor, what it adds alone; of
several, what they add together that no smaller group of them does. They add up to v(all) - v(none); shared out equally
within each group they are Shapley's values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from protogov.envs.interfaces import Governor
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan, fork_points
from protogov.experiments.studies.emergence.measure import Finding, family

Coalition = tuple[str, ...]
MOST = 8  # governors: 256 coalitions
ROUNDING = 1e-12  # of the largest worth


@dataclass(frozen=True)
class DividendSample:
    """What every coalition is worth.

    Attributes:
        coalitions: of agents in their order, the empty one first, smaller ones before larger ones.
        outcomes: V names.
        worth: F64[units, coalitions, V], sums over an episode.
    """

    coalitions: list[Coalition]
    outcomes: list[str]
    worth: Floats

    def dividends(self) -> Floats:
        """d(S) of every coalition, F64[units, coalitions, V]; that of the empty one is v(none).

        What rounding can leave of worths that cancel is 0: units would agree on its sign.
        """
        found = np.zeros_like(self.worth)
        for place, coalition in enumerate(self.coalitions):
            for other, smaller in enumerate(self.coalitions):
                if set(smaller) <= set(coalition):
                    found[:, place] += (-1.0) ** (len(coalition) - len(smaller)) * self.worth[:, other]
        rounding = ROUNDING * np.abs(self.worth).max(axis=(0, 1))
        return np.where(np.abs(found) <= rounding, 0.0, found)

    def shapley(self) -> Floats:
        """Shapley's value of every agent, F64[units, agents, V]: its equal share of each of its groups' dividends."""
        dividends, agents = self.dividends(), self.coalitions[-1]
        shares = [
            sum(dividends[:, place] / len(group) for place, group in enumerate(self.coalitions) if agent in group)
            for agent in agents
        ]
        return np.stack([np.asarray(share) for share in shares], axis=1)


@dataclass(frozen=True)
class Dividends:
    """The measure; see the module.

    Attributes:
        baselines: agent -> the governor that it is compared with.
    """

    baselines: Mapping[str, Governor]
    name = "dividends"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> DividendSample:
        """Play every coalition from the opening on for the plan's steps.

        Raises:
            BadInput: an agent without a baseline, or more agents than can be paired off with all groups of others.
        """
        if len(world.agents) > MOST:
            raise BadInput(
                f"{len(world.agents)} governors have {2 ** len(world.agents)} coalitions; {MOST} are accepted"
            )
        missing = [agent for agent in world.agents if agent not in self.baselines]
        if missing:
            raise BadInput(f"agent {missing[0]!r} has no baseline; every agent needs one")
        coalitions = coalitions_of(world.agents)
        opening, names, worth = replace(plan, times=(0,)), list[str](), []
        for coalition in coalitions:
            seats = {agent: (governors if agent in coalition else self.baselines)[agent] for agent in world.agents}
            branch = next(fork_points(world, seats, opening)).run(plan.steps)
            names = list(branch.outcomes)
            worth.append(np.stack([branch.outcomes[name].sum(axis=0) for name in names], axis=-1))
        return DividendSample(coalitions, names, plan.by_unit(np.stack(worth, axis=1)))

    def reduce(self, sample: DividendSample) -> list[Finding]:
        """Two families: what groups of two and more add together, and Shapley's values with what each adds alone.

        The first is what is claimed as an emergent interaction.
        """
        dividends, agents = sample.dividends(), sample.coalitions[-1]
        groups = [place for place, group in enumerate(sample.coalitions) if len(group) > 1]
        alone = [place for place, group in enumerate(sample.coalitions) if len(group) == 1]
        together = self._family(
            "emergent interaction", [sample.coalitions[at] for at in groups], dividends[:, groups], sample
        )
        single = self._family("effect", [sample.coalitions[at] for at in alone], dividends[:, alone], sample)
        shapley = self._family("effect", [("Shapley of", agent) for agent in agents], sample.shapley(), sample, " ")
        return [*together, *single, *shapley]

    def _family(
        self, claim: str, groups: Sequence[Coalition], values: Floats, sample: DividendSample, sign: str = "+"
    ) -> list[Finding]:
        names = [f"{sign.join(group)} -> {outcome}" for group in groups for outcome in sample.outcomes]
        return family(self.name, claim, names, values.reshape(len(values), -1)) if names else []


def coalitions_of(agents: Sequence[str]) -> list[Coalition]:
    """Every set of agents in their order, the empty one first, smaller ones before larger ones."""
    return [group for size in range(len(agents) + 1) for group in combinations(agents, size)]
