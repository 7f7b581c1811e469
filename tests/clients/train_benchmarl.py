"""BenchMARL: MAPPO, whose critic reads `state()`, and ISAC on all governors of a world."""

import tempfile
from dataclasses import replace

from benchmarl.algorithms import IsacConfig, MappoConfig
from benchmarl.algorithms.common import AlgorithmConfig
from benchmarl.environments.pettingzoo.common import PettingZooClass
from benchmarl.experiment import Callback, Experiment, ExperimentConfig
from benchmarl.models import MlpConfig
from checks import Weights
from torchrl.envs import PettingZooWrapper

import protogov.envs


class Governors(PettingZooClass):
    """BenchMARL's own PettingZoo task, on an environment that comes from outside PettingZoo."""

    def get_env_fun(self, num_envs, continuous_actions, seed, device):
        def make():
            env = protogov.envs.parallel_env(**self.config)
            return PettingZooWrapper(env, return_state=True, device=device, seed=seed)

        return make

    def supports_continuous_actions(self):
        return True

    def has_state(self):
        return True

    def max_steps(self, env):
        return env.simulator.horizon

    @staticmethod
    def env_name():
        return "protogov"


class Seen(Callback):
    """What was collected."""

    def __init__(self):
        self.rewards, self.infos = [], set()

    def on_batch_collected(self, batch):
        for group in self.experiment.group_map:
            self.rewards += batch["next", group, "reward"].flatten().tolist()
            self.infos |= set(batch["next", group, "info"].keys())


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        experiment = replace(
            ExperimentConfig.get_from_yaml(),
            max_n_iters=2,
            on_policy_collected_frames_per_batch=64,
            on_policy_n_envs_per_worker=2,
            on_policy_n_minibatch_iters=1,
            on_policy_minibatch_size=32,
            off_policy_collected_frames_per_batch=32,
            off_policy_n_envs_per_worker=2,
            off_policy_n_optimizer_steps=2,
            off_policy_train_batch_size=16,
            evaluation=False,
            render=False,
            loggers=[],
            create_json=False,
            save_folder=folder,
        )
        for algorithm in (MappoConfig.get_from_yaml(), IsacConfig.get_from_yaml()):
            train(experiment, algorithm)


def train(experiment: ExperimentConfig, algorithm: AlgorithmConfig) -> None:
    seen, model = Seen(), replace(MlpConfig.get_from_yaml(), num_cells=[32, 32])
    running = Experiment(
        task=Governors("GOVERNORS", {"episode_hours": 48}),
        algorithm_config=algorithm,
        model_config=model,
        critic_model_config=model,
        seed=0,
        config=experiment,
        callbacks=[seen],
    )
    weights = Weights(*running.losses.values())
    running.run()
    assert set(running.group_map) == {"rate", "risk", "spread"} and {"welfare", "terms/edge"} <= seen.infos
    weights.report("benchmarl", type(algorithm).__name__.removesuffix("Config").upper(), seen.rewards)


if __name__ == "__main__":
    main()
