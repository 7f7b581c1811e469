"""A run that was interrupted goes on bit for bit; what is not a whole checkpoint of this world is refused."""

from __future__ import annotations

import csv
import errno
import json
import os
import resource
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from protogov.agents.ppo import CheckpointError, PPOSettings, Trainer, latest_checkpoint
from protogov.agents.ppo import checkpoint as checkpoint_module

SETTINGS = PPOSettings(num_steps=7, batch_size=14, num_epochs=2, hidden_sizes=(8, 8), checkpoint_every=1)


def everything(trainer):
    """All that a later rollout could depend on."""
    found = {f"joint/{name}": array for name, array in trainer._joint.arrays().items()}
    for learner in trainer.learners:
        model = learner.model
        for name, tensor in model.policy.state_dict().items():
            found[f"{learner.agent}/{name}"] = tensor.numpy()
        for number, moments in model.policy.optimizer.state_dict()["state"].items():
            found |= {f"{learner.agent}/adam/{number}/{name}": value.numpy() for name, value in moments.items()}
        found |= {f"{learner.agent}/{name}": array for name, array in learner.arrays().items()}
        found[f"{learner.agent}/counts"] = np.array([model.num_timesteps, model._n_updates, trainer.rollout])
    return found


def assert_same(ours, theirs):
    ours, theirs = everything(ours), everything(theirs)
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert np.array_equal(array, theirs[name]), name


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"critic": "central"},
        {"exploration_correlation": 0.9},
        {"state_dependent_exploration": True},
        {"architecture": "recurrent", "critic": "central"},
        {"weight_decay": 0.01, "observation_noise": 0.1},
        {"twin": "policies", "architecture": "recurrent"},
        {"bootstrap": "none", "critic": "central", "twin": "policies"},
        {"bootstrap": "none", "critic_sees_time": True, "twin": "policies", "architecture": "recurrent"},
        {"parameter_noise": 0.2, "parameter_noise_every": 3, "exploration_correlation": 0.5},
        {"shared_parameters": True, "critic": "central", "risk_aversion": 0.5},
        {"shared_parameters": True, "parameter_noise": 0.2, "architecture": "linear"},
    ],
    ids=[
        *("own-critic", "central-critic", "lasting-noise", "state-dependent", "recurrent", "regularised"),
        *("twin-of-policies", "episode-alone", "clock"),
        *("parameter-noise", "shared", "shared-linear"),
    ],
)
def test_resumed_run_equals_the_uninterrupted_one(quadratic_world, tmp_path, change):
    settings = replace(SETTINGS, **change)

    def world():
        return quadratic_world(num_agents=2, stagger=True)

    whole = Trainer(world(), settings, total_rollouts=4, seed=9, folder=tmp_path / "whole")
    whole.run()
    paused = Trainer(world(), settings, total_rollouts=4, seed=9, folder=tmp_path / "half")
    paused.run(stop_after=2)
    torch.manual_seed(123)  # a new process has other generators
    half = Trainer.resume(latest_checkpoint(tmp_path / "half/checkpoints"), world(), folder=tmp_path / "half")
    assert half.rollout == 2
    assert_same(half, paused)
    half.run()
    assert half.rollout == 4
    assert_same(half, whole)
    ours, theirs = (list(csv.DictReader((tmp_path / run / "metrics.csv").open())) for run in ("half", "whole"))
    assert len(ours) == 4
    clock = ("seconds", "hours_per_second")
    assert [{k: v for k, v in row.items() if k not in clock} for row in ours] == [
        {k: v for k, v in row.items() if k not in clock} for row in theirs
    ]


def test_metrics_of_rollouts_after_the_checkpoint_are_dropped_on_resume(quadratic_world, tmp_path):
    trainer = Trainer(quadratic_world(), replace(SETTINGS, keep_checkpoints=0), total_rollouts=3, folder=tmp_path)
    trainer.run()
    first = checkpoint_module.checkpoints(tmp_path / "checkpoints")[0]
    Trainer.resume(first, quadratic_world(), folder=tmp_path).run(stop_after=1)
    assert [row["rollout"] for row in csv.DictReader((tmp_path / "metrics.csv").open())] == ["1", "2"]


@pytest.mark.parametrize("size", [1, 40, -1])
def test_so_is_the_part_of_a_row_that_a_full_disk_left(quadratic_world, tmp_path, size):
    trainer = Trainer(quadratic_world(), SETTINGS, total_rollouts=3, folder=tmp_path)
    trainer.run(stop_after=2)
    metrics = tmp_path / "metrics.csv"
    whole = metrics.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    metrics.write_bytes(whole + last[:size])  # "2" alone reads like a row of rollout 2
    Trainer.resume(latest_checkpoint(tmp_path / "checkpoints"), quadratic_world(), folder=tmp_path).run()
    rows = list(csv.DictReader(metrics.open()))
    assert [row["rollout"] for row in rows] == ["1", "2", "3"]
    assert metrics.read_bytes().startswith(whole)


def scalars(folder, name):
    """(step, value) of every event of one name in a folder, file by file, whatever TensorBoard would make of them."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found = []
    for path in sorted(folder.iterdir()):
        for event in EventFileLoader(str(path)).Load():
            found += [(event.step, value.tensor.float_val[0]) for value in event.summary.value if value.tag == name]
    return found


def test_tensorboard_is_cut_back_to_the_checkpoint_as_metrics_are(quadratic_world, tmp_path):
    settings, board = replace(SETTINGS, keep_checkpoints=0), tmp_path / "tensorboard"
    Trainer(quadratic_world(), settings, total_rollouts=3, folder=tmp_path, tensorboard=True).run()
    whole = scalars(board / "rate_0", "reward")
    (killed,) = (board / "world").iterdir()
    killed.write_bytes(killed.read_bytes() + b"\x09\0\0")  # the beginning of a record
    assert [step for step, _ in whole] == [56, 112, 168]
    for at, rollouts in enumerate((1, 2)):
        place = checkpoint_module.checkpoints(tmp_path / "checkpoints")[at]
        resumed = Trainer.resume(place, quadratic_world(), folder=tmp_path, tensorboard=True)
        resumed.run(stop_after=1)
        assert scalars(board / "rate_0", "reward") == whole[: rollouts + 1]
        assert [step for step, _ in scalars(board / "world", "hours_per_second")] == [56, 112, 168][: rollouts + 1]
    Trainer.resume(place, quadratic_world(), folder=tmp_path).run(stop_after=0)  # without the option too
    assert scalars(board / "rate_0", "reward") == whole[:2]
    Trainer(quadratic_world(), settings, total_rollouts=3, folder=tmp_path, tensorboard=True).run(stop_after=1)
    assert scalars(board / "rate_0", "reward") == whole[:1]  # a run that begins anew keeps nothing, as in metrics.csv
    assert {path.name.partition(".")[0] for path in board.rglob("*") if path.is_file()} == {"events"}


def test_only_the_newest_are_kept_and_the_latest_is_found_by_number(quadratic_world, tmp_path):
    assert latest_checkpoint(tmp_path / "checkpoints") is None
    Trainer(quadratic_world(), SETTINGS, total_rollouts=4, folder=tmp_path).run()
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["168", "224"]
    shutil.copytree(tmp_path / "checkpoints/224", tmp_path / "checkpoints/1000")
    assert latest_checkpoint(tmp_path / "checkpoints").name == "1000"


@pytest.fixture
def saved(quadratic_world, tmp_path):
    trainer = Trainer(quadratic_world(num_agents=2), SETTINGS, total_rollouts=2, folder=tmp_path)
    trainer.run(stop_after=1)
    return latest_checkpoint(tmp_path / "checkpoints")


def test_checkpoint_holds_what_the_design_lists(saved):
    expected = {"manifest.json", "world.npz", "rng.npz"}
    for agent in ("rate_0", "rate_1"):
        expected |= {f"learner_{agent}.zip", f"policy_{agent}.safetensors", f"policy_{agent}.json"}
    assert {path.name for path in saved.iterdir()} == expected
    assert set(json.loads((saved / "manifest.json").read_text())["files"]) == expected - {"manifest.json"}


@pytest.mark.parametrize("name", ["world.npz", "rng.npz", "learner_rate_0.zip", "policy_rate_1.safetensors"])
def test_a_file_that_was_cut_short_is_named(quadratic_world, saved, name):
    data = (saved / name).read_bytes()
    (saved / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match=f"{name}: does not match its SHA-256"):
        Trainer.resume(saved, quadratic_world(num_agents=2))
    (saved / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name}: is listed in the manifest and missing"):
        Trainer.resume(saved, quadratic_world(num_agents=2))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "holds no JSON object"),
        ('{"format": "other"}', "is of the format 'other'"),
        ('{"format": "protogov-checkpoint", "version": 99}', "has version 99"),
        ('{"format": "protogov-checkpoint", "version": 1}', "lists no files"),
        ('{"format": "protogov-checkpoint", "version": 1, "files": {}}', "does not describe a run"),
    ],
)
def test_a_foreign_manifest_is_refused(quadratic_world, saved, text, reason):
    (saved / "manifest.json").write_text(text)
    with pytest.raises(CheckpointError, match=f"manifest.json: {reason}"):
        Trainer.resume(saved, quadratic_world(num_agents=2))


def test_a_folder_without_a_manifest_is_refused(quadratic_world, tmp_path):
    with pytest.raises(CheckpointError, match="there is no such file"):
        Trainer.resume(tmp_path, quadratic_world())


def test_a_checkpoint_of_another_world_is_refused(quadratic_world, saved):
    with pytest.raises(CheckpointError, match="is of a world"):
        Trainer.resume(saved, quadratic_world(num_agents=1))
    with pytest.raises(CheckpointError, match="is of a world"):
        Trainer.resume(saved, quadratic_world(num_agents=2, num_worlds=4))


def test_an_archive_of_another_learner_is_refused_although_its_digest_holds(quadratic_world, saved):
    archive = saved / "learner_rate_0.zip"
    archive.write_bytes(b"not a zip")
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest["files"][archive.name] = checkpoint_module._digest(archive)
    (saved / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="learner_rate_0.zip: does not fit this run"):
        Trainer.resume(saved, quadratic_world(num_agents=2))


def test_an_interrupted_write_leaves_the_checkpoint_before_it(quadratic_world, saved, monkeypatch):
    folder = saved.parent
    trainer = Trainer.resume(saved, quadratic_world(num_agents=2), folder=folder.parent)

    def fail(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_module, "_flush", fail)
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
    assert latest_checkpoint(folder) == saved
    assert len(list(folder.iterdir())) == 2, "the unfinished one is still there"
    Trainer.resume(saved, quadratic_world(num_agents=2), folder=folder.parent).run()
    assert sorted(path.name for path in folder.iterdir()) == ["112", "56"]


def files_up_to(room):
    """Files of this process cannot grow beyond so many bytes: the kernel itself refuses, as a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.mark.parametrize("name", ["world.npz", "learner_rate_0.zip", "policy_rate_0.safetensors"])
def test_a_full_disk_names_the_folder_and_leaves_the_checkpoint_before_it(quadratic_world, saved, monkeypatch, name):
    """Whichever of the writers meets it: numpy's, torch's archive or the policies'."""
    folder = saved.parent
    trainer = Trainer.resume(saved, quadratic_world(num_agents=2), folder=folder.parent)
    parts = {
        "world.npz": trainer._fill,
        "learner_rate_0.zip": lambda place: trainer.learners[0].save(place / name),
        "policy_rate_0.safetensors": trainer.save_policies,
    }
    before = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    trainer.rollout += 1
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_fill", parts[name])
        files_up_to((saved / name).stat().st_size // 2)
        try:
            with pytest.raises(OSError, match="File too large") as caught:
                trainer.save_checkpoint()
        finally:
            files_up_to(before)
    assert caught.value.filename == str(folder) and caught.value.errno == errno.EFBIG
    assert list(folder.iterdir()) == [saved]
    checkpoint_module.read_manifest(saved)
    assert latest_checkpoint(trainer.save_checkpoint().parent).name == "112"


def test_what_breaks_a_write_without_the_disk_is_not_called_a_full_disk(saved):
    def fill(folder):
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        checkpoint_module.write_checkpoint(saved.parent, 99, {}, fill)
    assert list(saved.parent.iterdir()) == [saved]


def test_a_write_that_died_between_its_two_renames_keeps_the_old_one(saved):
    os.rename(saved, saved.with_name(f".replaced-{saved.name}"))
    checkpoint_module._clean(saved.parent)
    assert latest_checkpoint(saved.parent) == saved


def test_a_trainer_without_a_folder_writes_nothing_and_says_so(quadratic_world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trainer = Trainer(quadratic_world(), SETTINGS, total_rollouts=1)
    trainer.run()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="folder is None"):
        trainer.save_checkpoint()
