"""d3rlpy: TD3+BC on what `protogov dataset` wrote, for a moment; examples/d3rlpy trains for longer and judges."""

import os
import tempfile

import d3rlpy
import numpy as np
from checks import Weights

from protogov.experiments.cli import main as cli

EPISODES = 4


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MINARI_DATASETS_PATH"] = folder
        name = "protogov/quotes-v0"
        options = ["--role", "spread", "--governors", "inventory_quotes", "static", "--world.episode-hours", "48"]
        assert cli(["dataset", name, *options, "--episodes", str(EPISODES // 2), "--out", folder]) == 0
        data, env = d3rlpy.datasets.get_minari(name)
    assert len(data.episodes) == EPISODES and env.action_space.shape == (4,)
    algorithm = d3rlpy.algos.TD3PlusBCConfig(batch_size=16).create(device=False)
    algorithm.build_with_dataset(data)
    modules = algorithm.impl.modules
    weights = Weights(modules.policy, modules.q_funcs)
    quiet = d3rlpy.logging.NoopAdapterFactory()
    algorithm.fit(data, n_steps=8, n_steps_per_epoch=8, logger_adapter=quiet, show_progress=False)
    observation, _ = env.reset(seed=1)
    (action,) = algorithm.predict(observation[None])
    *_, truncated, _ = env.step(action)
    assert np.abs(action).max() <= 1.0 and not truncated
    weights.report("d3rlpy", "TD3+BC from logs", np.concatenate([one.rewards.ravel() for one in data.episodes]))


if __name__ == "__main__":
    main()
