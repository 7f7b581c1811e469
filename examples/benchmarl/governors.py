"""A BenchMARL task: all governors of one world. Copy this file and `governors.yaml` to your own experiment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from benchmarl.environments.pettingzoo.common import PettingZooClass
from torchrl.envs import EnvBase, PettingZooWrapper

import protogov.envs


class GovernorsTask(PettingZooClass):
    """BenchMARL's PettingZoo task, on an environment from outside PettingZoo; groups are the roles."""

    def get_env_fun(
        self, num_envs: int, continuous_actions: bool, seed: int | None, device: Any
    ) -> Callable[[], EnvBase]:
        """A function that makes one environment; a central critic reads its global state."""

        def make() -> EnvBase:
            env = protogov.envs.parallel_env(**self.config)
            return PettingZooWrapper(env, return_state=True, device=device, seed=seed)

        return make

    def supports_continuous_actions(self) -> bool:
        """Levers are continuous."""
        return True

    def supports_discrete_actions(self) -> bool:
        """Actions are never discrete."""
        return False

    def has_state(self) -> bool:
        """`state()` holds every feature of the world and of every venue."""
        return True

    def max_steps(self, env: EnvBase) -> int:
        """Decisions of an episode."""
        return env.simulator.horizon

    @staticmethod
    def env_name() -> str:
        """Name in logs."""
        return "protogov"


def governors_task(**changes: Any) -> GovernorsTask:
    """The task of `governors.yaml`, with some changed values."""
    config = yaml.safe_load(Path(__file__).with_name("governors.yaml").read_text(encoding="utf-8"))
    return GovernorsTask("GOVERNORS", {**config, **changes})
