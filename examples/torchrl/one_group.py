"""All governors as one group of TorchRL, for a shared policy: `python examples/torchrl/one_group.py`.

TorchRL stacks a group: its agents need the same number of levers, and infos under the same keys.
"""

from typing import Any

from pettingzoo.utils import BaseParallelWrapper
from torchrl.envs import PettingZooWrapper
from torchrl.envs.utils import MarlGroupMapType

import protogov.envs


class SharedInfos(BaseParallelWrapper):
    """Keeps the keys of infos that all agents have: `welfare`, but not the terms of single mandates."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Start an episode."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return observations, shared(infos)

    def step(self, actions: dict[str, Any]) -> Any:
        """Run one decision."""
        *told, infos = self.env.step(actions)
        return *told, shared(infos)


def shared(infos: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Infos with only the common keys."""
    keys = set.intersection(*(set(info) for info in infos.values())) if infos else set()
    return {agent: {key: value for key, value in info.items() if key in keys} for agent, info in infos.items()}


if __name__ == "__main__":
    market = SharedInfos(protogov.envs.parallel_env(episode_hours=48))
    env = PettingZooWrapper(market, group_map=MarlGroupMapType.ALL_IN_ONE_GROUP)
    print("rewards of", env.group_map, env.rollout(8)["next", "agents", "reward"].shape)
