"""Tianshou: PPO on worker processes."""

from functools import partial

import gymnasium as gym
import torch
from checks import Weights
from tianshou.algorithm import PPO
from tianshou.algorithm.modelfree.reinforce import ProbabilisticActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import SubprocVectorEnv
from tianshou.trainer import OnPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.continuous import ContinuousActorProbabilistic, ContinuousCritic
from torch.distributions import Independent, Normal


def main() -> None:
    # a worker imports the module before the colon, and with it the ids are registered there too
    make = partial(gym.make, "protogov.envs:protogov/Rates-v0", episode_hours=48)
    workers, tests = SubprocVectorEnv([make] * 2), SubprocVectorEnv([make] * 2)
    observations, actions = workers.observation_space[0], workers.action_space[0]
    actor = ContinuousActorProbabilistic(
        preprocess_net=Net(state_shape=observations.shape, hidden_sizes=[32]),
        action_shape=actions.shape,
        unbounded=True,
    )
    critic = ContinuousCritic(preprocess_net=Net(state_shape=observations.shape, hidden_sizes=[32]))
    policy = ProbabilisticActorPolicy(actor=actor, dist_fn=distribution, action_space=actions)
    algorithm = PPO(policy=policy, critic=critic, optim=AdamOptimizerFactory(lr=3e-4))
    weights = Weights(actor, critic)
    result = algorithm.run_training(
        OnPolicyTrainerParams(
            training_collector=Collector(algorithm, workers, VectorReplayBuffer(256, 2)),
            test_collector=Collector(algorithm, tests),
            test_step_num_episodes=2,
            max_epochs=2,
            epoch_num_steps=64,
            collection_step_num_env_steps=64,
            batch_size=32,
            verbose=False,
            show_progress=False,
        )
    )
    assert result.train_step == 2 * 64
    weights.report("tianshou", "PPO", [result.best_reward])
    workers.close()
    tests.close()


def distribution(loc_scale: tuple[torch.Tensor, torch.Tensor]) -> Independent:
    return Independent(Normal(*loc_scale), 1)


if __name__ == "__main__":
    main()
