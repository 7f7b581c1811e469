"""Minari: episodes recorded with their infos and read again, and a policy cloned from them."""

import os
import tempfile

import gymnasium as gym
import minari
import numpy as np
import torch
from checks import Weights
from torch import nn

import protogov.envs
from protogov.experiments.cli import main as cli

EPISODES, DECISIONS = 4, 8


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MINARI_DATASETS_PATH"] = folder
        for data_format in ("hdf5", "arrow"):
            clone(record(data_format), data_format)
        clone(logs(folder), "logs of rules")


def record(data_format: str) -> minari.MinariDataset:
    """Episodes of random actions, written and read again."""
    env = gym.make("protogov/Rates-v0", episode_hours=48)
    collector = minari.DataCollector(env, record_infos=True, data_format=data_format)
    rng, seen = np.random.default_rng(0), []
    for _ in range(EPISODES):
        collector.reset()  # with a seed of 64 bits, which Minari draws
        over = False
        while not over:
            *_, over, info = collector.step(rng.uniform(-1, 1, 4).astype(np.float32))
            seen.append(info["terms/churn"])
    name = f"protogov/random-{data_format}-v0"
    collector.create_dataset(name, algorithm_name="random", author="protogov", code_permalink="none")
    dataset = minari.load_dataset(name)
    assert dataset.total_episodes == EPISODES and dataset.total_steps == EPISODES * DECISIONS
    churn = []
    for episode in dataset.iterate_episodes():
        infos = episode.infos
        values = infos["terms"]["churn"] if data_format == "hdf5" else infos["terms/churn"]
        assert len(values) == DECISIONS + 1 and values[0] == 0.0  # of the reset
        churn += values[1:].tolist()
    assert churn == seen
    assert dataset.recover_environment().unwrapped.simulator.horizon == DECISIONS
    return dataset


def logs(folder: str) -> minari.MinariDataset:
    """What `protogov dataset` writes, read again."""
    options = ["--role", "rate", "--governors", "pi", "static", "--episodes", str(EPISODES // 2), "--out", folder]
    assert cli(["dataset", "protogov/logs-v0", *options, "--world.episode-hours", "48"]) == 0
    dataset = minari.load_dataset("protogov/logs-v0")
    assert dataset.total_episodes == EPISODES and dataset.total_steps == EPISODES * DECISIONS
    (_, episode, *_) = dataset.iterate_episodes()
    env = dataset.recover_environment()
    observation, info = env.reset(seed=1)
    np.testing.assert_array_equal(observation, episode.observations[0])
    assert {name: values[0] for name, values in episode.infos.items()} == info
    _, reward, *_ = env.step(episode.actions[0])
    assert reward == episode.rewards[0]
    return dataset


def clone(dataset: minari.MinariDataset, data_format: str) -> None:
    """A step of behavioural cloning."""
    episodes = list(dataset.iterate_episodes())
    observations = torch.as_tensor(np.concatenate([episode.observations[:-1] for episode in episodes]))
    actions = torch.as_tensor(np.concatenate([episode.actions for episode in episodes]))
    policy = nn.Sequential(nn.Linear(observations.shape[1], 32), nn.ReLU(), nn.Linear(32, actions.shape[1]))
    weights, optimizer = Weights(policy), torch.optim.Adam(policy.parameters())
    (policy(observations) - actions).square().mean().backward()
    optimizer.step()
    weights.report("minari", f"a clone from {data_format}", np.concatenate([episode.rewards for episode in episodes]))


if __name__ == "__main__":
    assert protogov.envs.IDS
    main()
