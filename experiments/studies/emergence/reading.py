"""What is looked at in branches of this world: mandates, welfare of all venues by their K0, losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from protogov.envs.simulator import Simulator
from protogov.experiments.core.venues import by_k0
from protogov.experiments.studies.emergence.forks import Floats, Outcomes, Seeds, read_rewards

WELFARE = "welfare/all"
LOSSES = {"bad debt/all": "bad_debt", "unmet withdrawals/all": "unmet_withdrawals", "liquidated/all": "liquidated"}


@dataclass(frozen=True)
class Market:
    """A reading of rewards, of welfare and, if wished, of mandates and losses; welfare is weighted by venues' K0.

    Attributes:
        capital: F64[n, venues], K0 [USD].
        rewards, welfare, losses: what is read. Losses are of all venues, in basis points of their K0 together.
        mandates: agent -> F64[k], weights of the terms of its mandate [bp of K0]; of these `mandate/<agent>` is read.
            A reward is another thing: scaled, and blended with welfare where governors are paid welfare too.
    """

    capital: Floats
    rewards: bool = True
    welfare: bool = True
    losses: bool = False
    mandates: Mapping[str, Floats] = field(default_factory=dict)

    def __call__(self, step: Any, asked: Mapping[str, Floats]) -> Outcomes:
        """Name -> F64[n]; see `forks.Read`."""
        found: dict[str, Floats] = dict(read_rewards(step, asked)) if self.rewards else {}
        found |= {f"mandate/{agent}": step.terms[agent] @ weights for agent, weights in self.mandates.items()}
        whole = self.capital.sum(axis=1)
        if self.welfare:
            each = np.stack([step.welfare(venue) for venue in range(self.capital.shape[1])], axis=1)
            found[WELFARE] = by_k0(each, self.capital)
        if self.losses:
            found |= {name: 1e4 * step.records[field].sum(axis=1) / whole for name, field in LOSSES.items()}
        return found


def market_of(world: Simulator, seeds: Seeds, *, mandates: bool = False, **what: bool) -> Market:
    """The reading of worlds whose episodes of these seeds begin here; they are reset."""
    world.reset(seeds=seeds)
    capital = np.array(world.worlds["venues"]["opening_value"][:, : world.config.venues], np.float64)
    weights = {name: np.array([term.weight for term in world.roles[name].terms]) for name in world.agents}
    return Market(capital, mandates=weights if mandates else {}, **what)
