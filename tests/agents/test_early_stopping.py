"""The stopping rule by hand; the best policies are kept; a run that goes on stops where the uninterrupted one does."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.policies import load_policy_file
from protogov.agents.ppo import CheckpointError, PPOSettings, Trainer, latest_checkpoint
from protogov.agents.ppo.checkpoint import read_manifest
from protogov.agents.ppo.early_stopping import EarlyStopping, Score, Validation

SETTINGS = PPOSettings(num_steps=4, batch_size=32, num_epochs=1, hidden_sizes=(4,), twin="none", checkpoint_every=1)


class Scripted:
    """Scores that are given, whatever the policies are; remembers them."""

    def __init__(self, gains):
        self.gains, self.seen = list(gains), []

    def __call__(self, governors):
        self.seen.append({agent: governor.policy for agent, governor in governors.items()})
        gain = self.gains[len(self.seen) - 1]
        return Score(gain, gain - 1.0, gain + 1.0, {"gain/crash": 2.0 * gain})


def by_weights(governors):
    """A score of the policies alone: their last bias passes its best value on its way."""
    gain = -abs(float(governors["rate_0"].policy.weights["layer_1.bias"].sum()) + 0.055)
    return Score(gain, gain, gain)


def rows(folder):
    with (folder / "validation.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_rule_is_walked_by_hand(quadratic_world):
    policies = Trainer(quadratic_world(), SETTINGS, total_rollouts=1).policies()
    stopping = EarlyStopping(Validation(Scripted([1.0, 3.0, 3.0, 2.0, 4.0, 0.0, 1.0, 2.0]), every=5, patience=3))
    assert [n for n in range(1, 18) if stopping.is_due(n, 17)] == [5, 10, 15, 17]
    waited, best = [], []
    for number in range(8):
        assert not stopping.stopped
        stopping.look(policies, 5 * number, 0, 0.0)
        waited.append(stopping.waited)
        best.append(stopping.best_rollout)
    assert waited == [0, 0, 1, 2, 0, 1, 2, 3]  # as good as the best is no better
    assert best == [0, 5, 5, 5, 20, 20, 20, 20]
    assert stopping.stopped and stopping.best_gain == 4.0
    never = EarlyStopping(Validation(Scripted([1.0] * 9), every=1))
    for _ in range(9):
        never.look(policies, 0, 0, 0.0)
    assert never.waited == 8 and not never.stopped


def test_a_run_ends_keeps_its_best_policies_and_writes_a_curve(quadratic_world, tmp_path):
    score = Scripted([0.0, 2.0, 1.0, 1.5])
    trainer = Trainer(
        quadratic_world(num_agents=2), SETTINGS, total_rollouts=9, folder=tmp_path, tensorboard=True,
        validation=Validation(score, every=2, patience=2),
    )  # fmt: skip
    trainer.run()
    assert trainer.stopped and trainer.rollout == 6 and trainer.best_rollout == 2
    curve = rows(tmp_path)
    assert [row["rollout"] for row in curve] == ["0", "2", "4", "6"]
    assert [float(row["market_hours"]) for row in curve] == [0.0, 384.0, 768.0, 1152.0]
    assert [row["best"] for row in curve] == ["0", "2", "2", "2"] and [row["waited"] for row in curve] == list("0012")
    assert [row["low"] for row in curve] == ["-1", "1", "0", "0.5"] and curve[3]["gain/crash"] == "3"
    assert len(list(csv.DictReader((tmp_path / "metrics.csv").open()))) == 6
    assert list((tmp_path / "tensorboard" / "validation").iterdir())
    place = latest_checkpoint(tmp_path / "checkpoints")
    for agent in ("rate_0", "rate_1"):
        kept = load_policy_file(place / "best" / f"policy_{agent}.json").weights["layer_0.weight"]
        last = load_policy_file(place / f"policy_{agent}.json").weights["layer_0.weight"]
        assert np.array_equal(kept, score.seen[1][agent].weights["layer_0.weight"])
        assert np.array_equal(last, score.seen[3][agent].weights["layer_0.weight"]) and not np.array_equal(kept, last)
    assert "best/policy_rate_1.safetensors" in read_manifest(place)["files"]
    trainer.run()  # it is over
    assert trainer.rollout == 6


@pytest.mark.parametrize("done", [0, 1, 7, 9])
def test_a_resumed_run_stops_where_the_whole_one_does(quadratic_world, tmp_path, done):
    validation = Validation(by_weights, every=2, patience=2)
    settings = replace(SETTINGS, keep_checkpoints=0, learning_rate=0.02)

    def make(folder):
        return Trainer(quadratic_world(), settings, total_rollouts=14, folder=folder, validation=validation)

    whole = make(tmp_path / "whole")
    whole.run()
    assert whole.stopped and (whole.best_rollout, whole.rollout) == (6, 10)
    paused = make(tmp_path / "half")
    paused.run(stop_after=done)
    paused.run(stop_after=1 if done else 0)  # which is lost
    place = tmp_path / "half/checkpoints" / str(32 * done)
    half = Trainer.resume(place, quadratic_world(), folder=tmp_path / "half", validation=validation)
    half.run()
    assert (half.rollout, half.best_rollout, half.stopped) == (10, 6, True)
    assert rows(tmp_path / "half") == rows(tmp_path / "whole")
    ends = [latest_checkpoint(tmp_path / run / "checkpoints") for run in ("half", "whole")]
    for name in ("policy_rate_0.safetensors", "best/policy_rate_0.safetensors"):
        assert (ends[0] / name).read_bytes() == (ends[1] / name).read_bytes()
    again = Trainer.resume(ends[0], quadratic_world(), folder=tmp_path / "half", validation=validation)
    assert again.stopped


def test_validation_does_not_change_what_is_learned(quadratic_world):
    plain = Trainer(quadratic_world(), SETTINGS, total_rollouts=3)
    watched = Trainer(quadratic_world(), SETTINGS, total_rollouts=3, validation=Validation(by_weights, every=1))
    plain.run()
    watched.run()
    theirs = plain.governor("rate_0").policy.weights
    assert all(np.array_equal(x, theirs[name]) for name, x in watched.governor("rate_0").policy.weights.items())


def test_a_checkpoint_of_another_rule_is_refused(quadratic_world, tmp_path):
    rule = Validation(by_weights, every=1, patience=2)
    Trainer(quadratic_world(), SETTINGS, total_rollouts=2, folder=tmp_path, validation=rule).run(stop_after=1)
    place = latest_checkpoint(tmp_path / "checkpoints")
    with pytest.raises(CheckpointError, match="manifest.json: is of a run with validation; the trainer has none"):
        Trainer.resume(place, quadratic_world())
    with pytest.raises(CheckpointError, match="patience is 3, and the checkpoint's is 2"):
        Trainer.resume(place, quadratic_world(), validation=replace(rule, patience=3))
    with pytest.raises(ValueError, match="every is 0; accepted: a whole number of at least 1"):
        replace(rule, every=0)
