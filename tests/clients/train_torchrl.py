"""TorchRL: PPO on the native vector environment in both modes that it takes, worker processes, and all governors."""

import sys
from functools import partial
from pathlib import Path

import gymnasium as gym
import torch
from checks import Weights, say
from tensordict.nn import TensorDictModule
from tensordict.nn.distributions import NormalParamExtractor
from torch import nn
from torchrl.collectors import Collector
from torchrl.envs import EnvBase, GymEnv, GymWrapper, ParallelEnv, PettingZooWrapper, check_env_specs
from torchrl.envs.utils import MarlGroupMapType
from torchrl.modules import ProbabilisticActor, TanhNormal, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import protogov.envs

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "torchrl"))
from one_group import SharedInfos  # what users copy

EPISODE = {"episode_hours": 48}  # 8 decisions
FRAMES = 256


def main() -> None:
    for mode in ("SameStep", "Disabled"):  # TorchRL refuses Gymnasium's default, NextStep
        envs = gym.make_vec("protogov/Rates-v0", num_envs=16, autoreset_mode=mode, **EPISODE)
        env = GymWrapper(envs)
        if mode == "Disabled":  # where rows reset themselves, it reads infos anyway
            env.auto_register_info_dict()
        check_env_specs(env)
        train(env, f"PPO, {mode}")

    # GymEnv asks for `frameskip` first, and leaves it out when it is told that there is no such keyword; a worker
    # imports the module before the colon
    workers = ParallelEnv(2, partial(GymEnv, "protogov.envs:protogov/Rates-v0", **EPISODE))
    check_env_specs(workers)
    train(workers, "PPO, two processes")

    every = PettingZooWrapper(protogov.envs.parallel_env(**EPISODE))
    check_env_specs(every)
    rollout = every.rollout(20, break_when_any_done=False)
    for group, agents in every.group_map.items():
        infos = rollout["next", group, "info"]
        assert infos["welfare"].shape == (20, len(agents)) and infos["welfare"].abs().min() > 0.0
    say("torchrl", f"rollouts of {', '.join(every.group_map)}")

    one = PettingZooWrapper(
        SharedInfos(protogov.envs.parallel_env(**EPISODE)), group_map=MarlGroupMapType.ALL_IN_ONE_GROUP
    )
    check_env_specs(one)
    rewards = one.rollout(8)["next", "agents", "reward"]
    assert rewards.shape == (8, 3, 1) and rewards.abs().min() > 0.0
    say("torchrl", "a rollout of one group of all")


def train(env: EnvBase, what: str) -> None:
    """Two iterations of PPO."""
    inputs, actions = env.observation_spec["observation"].shape[-1], env.action_spec.shape[-1]
    body = nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 2 * actions), NormalParamExtractor())
    actor = ProbabilisticActor(
        TensorDictModule(body, in_keys=["observation"], out_keys=["loc", "scale"]),
        in_keys=["loc", "scale"],
        spec=env.action_spec_unbatched,
        distribution_class=TanhNormal,
        return_log_prob=True,
    )
    critic = ValueOperator(nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 1)), in_keys=["observation"])
    loss, advantage = ClipPPOLoss(actor, critic), GAE(gamma=0.99, lmbda=0.95, value_network=critic)
    optimizer = torch.optim.Adam(loss.parameters(), lr=3e-4)
    weights, rewards = Weights(loss), []
    for batch in Collector(env, actor, frames_per_batch=FRAMES, total_frames=2 * FRAMES):
        assert torch.isfinite(batch["next", "observation"]).all()
        done = batch["next", "done"]
        assert done.sum() == FRAMES // 8 and not batch["next", "terminated"].any()
        advantage(batch)
        for _ in range(2):
            parts = loss(batch.reshape(-1))
            optimizer.zero_grad()
            sum(value for name, value in parts.items() if name.startswith("loss_")).backward()
            optimizer.step()
        rewards += batch["next", "reward"].flatten().tolist()
    assert len(rewards) == 2 * FRAMES
    weights.report("torchrl", what, rewards)


if __name__ == "__main__":
    main()
