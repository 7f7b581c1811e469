"""Governors: baselines, learners and shared policies; pricers of option pools.

Importing this package registers its governors by name for the background of worlds (`WorldConfig.background`), and its
pricers for their option pools (`WorldConfig.pricers`).
"""

from typing import TYPE_CHECKING

from protogov.envs.background import register_governors
from protogov.envs.pricer_sources import register_pricers

if TYPE_CHECKING:
    from protogov.envs.config import WorldConfig
    from protogov.envs.interfaces import Governor
    from protogov.envs.pricer import Pricer
    from protogov.envs.roles import Agent


def _make(source: str, seat: "Agent", world: "WorldConfig", *, seed: int) -> "Governor":
    from protogov.agents.background import background_governor  # imports the baselines

    return background_governor(source, seat, world, seed=seed)


def _make_pricer(source: str, venue: int) -> "Pricer":
    from protogov.agents.pricing.named import named_pricer  # imports numba's kernels of smiles, and torch

    return named_pricer(source, venue)


register_governors(_make)
register_pricers(_make_pricer)
