"""BenchMARL's MAPPO on all governors of a world, briefly: `python examples/benchmarl/train.py`."""

import tempfile
from dataclasses import replace

from benchmarl.algorithms import MappoConfig
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models import MlpConfig
from governors import governors_task

with tempfile.TemporaryDirectory() as folder:
    config = replace(
        ExperimentConfig.get_from_yaml(),
        max_n_iters=2,
        on_policy_collected_frames_per_batch=64,
        on_policy_n_envs_per_worker=2,
        on_policy_n_minibatch_iters=1,
        on_policy_minibatch_size=32,
        evaluation=False,
        render=False,
        loggers=[],
        create_json=False,
        save_folder=folder,
    )
    model = replace(MlpConfig.get_from_yaml(), num_cells=[32, 32])
    experiment = Experiment(
        task=governors_task(episode_hours=48),
        algorithm_config=MappoConfig.get_from_yaml(),
        model_config=model,
        critic_model_config=model,
        seed=0,
        config=config,
    )
    experiment.run()
    print("trained:", experiment.total_frames, "decisions of", ", ".join(experiment.group_map))
