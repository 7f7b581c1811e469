"""Joint PPO: stock stable-baselines3 learners, one per governor, that share one rollout over a batch of worlds.

Names are imported on first use, because `Trainer` imports torch and stable-baselines3.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from protogov.agents.ppo.settings import PPOSettings

if TYPE_CHECKING:
    from protogov.agents.ppo.checkpoint import CheckpointError, latest_checkpoint
    from protogov.agents.ppo.report import RolloutReport
    from protogov.agents.ppo.trainer import DivergedError, Trainer, rollouts_for

__all__ = [
    "CheckpointError",
    "DivergedError",
    "PPOSettings",
    "RolloutReport",
    "Trainer",
    "latest_checkpoint",
    "rollouts_for",
]

_HOMES = {
    "CheckpointError": "checkpoint",
    "latest_checkpoint": "checkpoint",
    "RolloutReport": "report",
    "DivergedError": "trainer",
    "Trainer": "trainer",
    "rollouts_for": "trainer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
