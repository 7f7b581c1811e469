"""RLlib: PPO with an environment runner in a process of its own, and one policy a governor on all of them."""

import ray
from checks import say
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.tune.registry import register_env

import protogov.envs

EPISODE = {"episode_hours": 48}  # 8 decisions
GOVERNORS = ("rate_0", "risk_0", "spread_0")


def main() -> None:
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20)
    # a runner imports the module before the colon, and with it the ids are registered there too
    one = settings().environment("protogov.envs:protogov/Rates-v0", env_config=EPISODE)
    train(one.env_runners(num_env_runners=1, num_envs_per_env_runner=2), "PPO", ["default_policy"])

    register_env("governors", lambda config: ParallelPettingZooEnv(protogov.envs.parallel_env(**config)))
    several = settings().environment("governors", env_config=EPISODE)
    several = several.env_runners(num_env_runners=0)
    several = several.multi_agent(policies=set(GOVERNORS), policy_mapping_fn=lambda agent, *_, **__: agent)
    train(several, "PPO, one policy a governor", GOVERNORS)
    ray.shutdown()


def settings() -> PPOConfig:
    return PPOConfig().training(train_batch_size_per_learner=64, minibatch_size=32, num_epochs=1)


def train(config: PPOConfig, what: str, modules) -> None:
    algorithm = config.build_algo()
    before = {name: weights(algorithm, name) for name in modules}
    for _ in range(2):
        result = algorithm.train()
    runners = result["env_runners"]
    assert runners["episode_len_mean"] == 8 and runners["episode_return_mean"] != 0.0
    for name in modules:
        assert any((old != new).any() for old, new in zip(before[name], weights(algorithm, name), strict=True)), name
    say("ray", what)
    algorithm.stop()


def weights(algorithm, name: str) -> list:
    return list(algorithm.get_weights([name])[name].values())


if __name__ == "__main__":
    main()
