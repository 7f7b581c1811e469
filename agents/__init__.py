"""Governors: baselines, learners and shared policies.

Importing this package registers its governors by name for the background of worlds (`WorldConfig.background`).
"""

from typing import TYPE_CHECKING

from protogov.envs.background import register_governors

if TYPE_CHECKING:
    from protogov.envs.config import WorldConfig
    from protogov.envs.interfaces import Governor
    from protogov.envs.roles import Agent


def _make(source: str, seat: "Agent", world: "WorldConfig", *, seed: int) -> "Governor":
    from protogov.agents.background import background_governor  # imports the baselines

    return background_governor(source, seat, world, seed=seed)


register_governors(_make)
