"""Logs are what the environment itself would have shown, and Minari, where it is installed, reads a dataset of them."""

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from protogov.experiments.cli import main
from protogov.experiments.commands import dataset
from protogov.experiments.commands.dataset import Options, chosen, lines_of, make_env, seeds_of
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.logs import Log, log_episodes
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.errors import BadInput
from protogov.experiments.training.learned import latest

SMALL = WorldOptions(size="tiny", episode_hours=12, decision_hours=3)
TYPED = ["--world.size", "tiny", "--world.episode-hours", "12", "--world.decision-hours", "3", "--scenario", "jump"]


def asked(**fields) -> Options:
    given = {"role": "spread", "scenario": "jump", "episodes": 3, "governors": ("inventory_quotes",), "world": SMALL}
    return Options(name="protogov/some-v0", **(given | fields))


def logs_of(options: Options) -> dict[str, list[Log]]:
    config = make_env(options).unwrapped.simulator.config
    governors = chosen(options, config)
    return {
        name: list(log_episodes(config, options.scenario, one, seeds_of(options))) for name, one in governors.items()
    }


def played_again(env: gym.Env, log: Log) -> None:
    """The recorded actions in the environment itself: every number is the same."""
    observation, info = env.reset(seed=log.seed)
    for at, action in enumerate(log.actions):
        np.testing.assert_array_equal(observation, log.observations[at])
        assert {name: values[at] for name, values in log.infos.items()} == info
        observation, reward, terminated, truncated, info = env.step(action)
        assert reward == log.rewards[at] and not terminated and truncated == (at == len(log.actions) - 1)
    np.testing.assert_array_equal(observation, log.observations[-1])
    assert {name: values[-1] for name, values in log.infos.items()} == info


def test_a_log_is_what_the_environment_shows() -> None:
    options = asked(
        world=WorldOptions(size="tiny", episode_hours=12, decision_hours=3, background=("risk=steward_var",))
    )
    env = make_env(options)
    (logs,) = logs_of(options).values()
    assert [log.seed for log in logs] == [0, 1, 2] and logs[0].actions.shape == (4, 4)
    assert logs[0].observations.shape == (5, *env.observation_space.shape)
    for log in logs:
        assert log.actions.dtype == np.float32 and env.action_space.contains(log.actions[0])
        played_again(env, log)


def test_governors_play_the_same_tapes_each_in_its_own_way() -> None:
    found = logs_of(asked(governors=("inventory_quotes", "random"), seed=2))
    first, second = found.values()
    assert [log.seed for log in first] == [log.seed for log in second] == [2_000_000, 2_000_001, 2_000_002]
    np.testing.assert_array_equal(first[0].observations[0], second[0].observations[0])
    assert not np.array_equal(first[0].actions, second[0].actions)


def test_a_constant_holds_one_action_unless_it_explores() -> None:
    def distinct(noise: float) -> int:
        (logs,) = logs_of(asked(governors=("static",), noise=noise)).values()
        return len(np.unique(np.concatenate([log.actions for log in logs]), axis=0))

    assert distinct(0.0) == 1 and distinct(0.2) == 12
    still = dataset.Logged("static", 3, 0.5, 1)
    assert list(lines_of([still]))[1].startswith("Every governor holds one action")
    assert len(list(lines_of([still, dataset.Logged("pi", 3, 0.5, 9)]))) == 2


def test_several_batches_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = logs_of(asked(governors=("random",), episodes=5))["random"]
    monkeypatch.setattr("protogov.experiments.core.logs.MOST_ROWS", 2)
    parts = logs_of(asked(governors=("random",), episodes=5))["random"]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.actions, other.actions)
        np.testing.assert_array_equal(one.rewards, other.rewards)


def test_policies_are_governors_too(trained: RunFolder) -> None:
    world = WorldOptions(episode_hours=12)
    found = logs_of(asked(governors=(str(trained.path),), world=world))
    assert list(found) == [f"{trained.path} seed 3", f"{trained.path} seed 5"]
    checkpoint = latest(trained.path / "seed_3")
    assert checkpoint is not None
    (alone,) = logs_of(asked(governors=(str(checkpoint / "policy_spread_0.json"),), world=world)).values()
    np.testing.assert_array_equal(alone[0].actions, next(iter(found.values()))[0].actions)
    with pytest.raises(BadInput, match="has no policy for spread_0"):
        logs_of(asked(governors=(str(checkpoint / "policy_rate_0.json"),), world=world))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--episodes", "0"], "episodes is 0"),
        (["--noise", "-1"], "noise is -1.0"),
        (["--memory", "1"], "memory is 1.0"),
        (["--seed", "-1"], "seed is -1"),
        (["--governors"], "governors are missing; baselines (static, "),
        (["--scenario", "crash-heldout"], "never trained or tuned on"),
    ],
)
def test_what_is_out_of_range_is_one_sentence(typed: list[str], said: str, tmp_path: Path, capsys) -> None:
    assert main(["dataset", "protogov/a-v0", "--out", str(tmp_path), *typed]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_without_minari_the_sentence_names_what_brings_it(tmp_path: Path, capsys, monkeypatch) -> None:
    def missing(name: str):
        raise ImportError(name)

    monkeypatch.setattr("protogov.experiments.core.minari_dataset.import_module", missing)
    assert main(["dataset", "protogov/a-v0", "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told == "protogov: minari is not installed; pip install 'protogov[offline]' brings it.\n"


def test_minari_reads_it(tmp_path: Path, capsys, monkeypatch) -> None:
    minari = pytest.importorskip("minari")
    monkeypatch.chdir(tmp_path.parent)
    place = tmp_path.name  # a relative one, as it is typed
    command = ["dataset", "protogov/quotes-v0", "--role", "spread", "--episodes", "2", "--out", place, *TYPED]
    assert main([*command, "--governors", "inventory_quotes", "random", "--noise", "0.1", "--seed", "1"]) == 0
    assert "random: 2 episodes, mean reward" in capsys.readouterr().out
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    found = minari.load_dataset("protogov/quotes-v0")
    assert (found.total_episodes, found.total_steps) == (4, 16)
    about = found.storage.metadata["protogov"]
    about = json.loads(about) if isinstance(about, str) else about
    assert about["governors"] == ["inventory_quotes", "random"] and (about["noise"], about["memory"]) == (0.1, 0.9)
    assert about["scenario"] == "jump" and about["seeds"] == [1_000_000, 1_000_001] and about["versions"]["commit"]
    assert about["actions"][0] == "half_spread" and len(about["observations"]) == found.observation_space.shape[0]
    (tags,) = {tuple(one["governor"] for one in found.storage.get_episode_metadata(range(4)))}
    assert tags == ("inventory_quotes", "inventory_quotes", "random", "random")
    env = found.recover_environment()
    for episode in found.iterate_episodes():
        seed = 1_000_000 + episode.id % 2
        assert episode.truncations.tolist() == [False] * 3 + [True] and not episode.terminations.any()
        played_again(env, Log(seed, episode.observations, episode.actions, episode.rewards, episode.infos))
    # written once
    assert main([*command, "--governors", "random"]) == 2
    assert "there is a dataset of that name" in capsys.readouterr().err
    for name in ("no name", "protogov/quotes"):
        assert main(["dataset", name, "--out", str(tmp_path)]) == 2
        assert f"name is {name!r}; a name such as protogov/rates-logs-v0 is accepted" in capsys.readouterr().err


def test_what_fails_on_the_way_leaves_no_half_of_a_dataset(tmp_path: Path, monkeypatch) -> None:
    minari = pytest.importorskip("minari")
    monkeypatch.setattr(
        minari.dataset.minari_storage.MinariStorage,
        "update_metadata",
        lambda *_: (_ for _ in ()).throw(OSError(28, "full")),
    )
    options = ["--role", "spread", "--governors", "random", "--episodes", "1", "--out", str(tmp_path), *TYPED]
    assert main(["dataset", "protogov/quotes-v0", *options]) == 1
    assert not (tmp_path / "protogov" / "quotes-v0").exists()
