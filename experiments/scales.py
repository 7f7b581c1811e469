"""Measure the scales that rewards are divided by: standard deviations of 24-hour sums under default levers.

    python -m protogov.experiments.scales [--seeds 512] [--scenario jump]

prints one number a role and one for welfare [bp of K0]; they are frozen as `Role.daily_sd` and `WELFARE_DAILY_SD` in
`envs/roles.py`, so that a reward means the same in every experiment. Run it after the physics changed.
"""

import sys
from dataclasses import dataclass

import numpy as np
import tyro
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.envs.simulator import Simulator
from protogov.envs.world.welfare import WELFARE_PARTS


@dataclass(frozen=True)
class ScalesArguments:
    """Measure the daily standard deviation of every mandate and of welfare under default levers."""

    seeds: int = 512
    """Episodes, one seed each."""
    scenario: str = "jump"
    """A training scenario."""


def daily_sums(scenario: str, seeds: int, decision_hours: int = 6) -> dict[str, NDArray[np.float64]]:
    """24-hour sums [bp of K0] of each role's mandate and of welfare under default levers, one entry a world-day."""
    config = WorldConfig(decision_hours=decision_hours)
    world = Simulator(config, seeds, scenario=scenario)
    world.reset()
    idle = {agent: np.zeros((seeds, world.action_size(agent))) for agent in world.agents}
    decisions = 24 // decision_hours
    names = [*(role.name for role in world.roles.values()), "welfare"]
    sums: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    for _ in range(world.horizon // decisions):
        day = {name: np.zeros(seeds) for name in sums}
        for _ in range(decisions):
            step = world.step(idle)
            day["welfare"] += step.terms["welfare_0"][:, WELFARE_PARTS.index("welfare")]
            for agent, role in world.roles.items():
                day[role.name] += step.terms[agent] @ np.array([term.weight for term in role.terms])
        for name, values in day.items():
            sums[name].append(values)
    return {name: np.concatenate(values) for name, values in sums.items()}


def main(arguments: ScalesArguments | None = None) -> int:
    """Print the measured scales beside the frozen ones."""
    chosen = arguments if arguments is not None else tyro.cli(ScalesArguments)
    print(f"standard deviation of 24-hour sums [bp of K0], {chosen.seeds} seeds on {chosen.scenario}")
    for name, values in daily_sums(chosen.scenario, chosen.seeds).items():
        frozen = ROLES[name].daily_sd if name in ROLES else ROLES["joint"].daily_sd
        print(f"{name:10s} measured {values.std():8.4f}   frozen {frozen:8.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
