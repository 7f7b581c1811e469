"""BenchMARL: MAPPO, whose critic reads `state()`, and ISAC on all governors of a world."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarl.algorithms import IsacConfig, MappoConfig
from benchmarl.algorithms.common import AlgorithmConfig
from benchmarl.experiment import Callback, Experiment, ExperimentConfig
from benchmarl.models import MlpConfig
from checks import Weights

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "benchmarl"))
from governors import governors_task  # the task that users copy


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
        task=governors_task(episode_hours=48),
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
