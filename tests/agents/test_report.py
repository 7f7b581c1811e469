"""What a rollout reports: raw returns of whole episodes, means of terms and levers, files that tools can read."""

from __future__ import annotations

import csv
import resource

import numpy as np
import pytest

from protogov.agents.ppo import PPOSettings, Trainer, rollouts_for

SETTINGS = PPOSettings(num_steps=6, batch_size=6, num_epochs=1, hidden_sizes=(4,))


def test_episodes_carry_raw_returns_across_rollouts(quadratic_world):
    world = quadratic_world(num_agents=2, num_worlds=3, horizon=4, shock=50.0)
    seen = []
    step = world.step

    def recording_step(actions):
        result = step(actions)
        seen.append({agent: result.rewards[agent].copy() for agent in world.agents})
        return result

    world.step = recording_step
    reports = []
    Trainer(world, SETTINGS, total_rollouts=2, callback=reports.append).run()
    assert [len(report.episodes["world"]) for report in reports] == [3, 6]
    second = reports[1].episodes  # the episode of steps 4 to 7 spans both rollouts
    for agent in world.agents:
        expected = sum(rewards[agent] for rewards in seen[4:8])
        np.testing.assert_allclose(second[f"return/{agent}"][:3], expected)
        mean = np.mean([second[f"return/{agent}"]])
        assert reports[1].metrics[f"{agent}/return"] == pytest.approx(mean)
        assert reports[0].metrics[f"{agent}/reward"] == pytest.approx(np.mean([r[agent] for r in seen[:6]]))
        assert reports[0].metrics[f"{agent}/term/term_0"] == pytest.approx(reports[0].metrics[f"{agent}/reward"])
        assert reports[0].metrics[f"{agent}/term/term_1"] == pytest.approx(-reports[0].metrics[f"{agent}/reward"])
    both = sum(reports[0].metrics[f"{agent}/reward"] for agent in world.agents)
    assert reports[0].metrics["welfare/0"] == pytest.approx(both)
    parts = [reports[0].metrics[f"welfare/0/part_{i}"] for i in range(2)]
    assert sum(parts) == pytest.approx(both)
    np.testing.assert_allclose(second["welfare/0"], second["return/rate_0"] + second["return/rate_1"])
    assert second["length"].tolist() == [4] * 6
    assert second["world"].tolist() == [0, 1, 2, 0, 1, 2]


def test_shortened_first_episodes_are_listed_and_left_out_of_the_mean(quadratic_world):
    reports = []
    world = quadratic_world(num_worlds=4, horizon=5, stagger=True)
    Trainer(world, SETTINGS, total_rollouts=1, callback=reports.append).run()
    report = reports[0]
    assert report.episodes["length"].tolist() == [1, 2, 3, 4, 5]
    assert report.metrics["rate_0/return"] == pytest.approx(report.episodes["return/rate_0"][-1])


def test_no_finished_episode_is_told_as_nothing(quadratic_world, tmp_path):
    reports = []
    world = quadratic_world(horizon=50)
    Trainer(world, SETTINGS, total_rollouts=1, folder=tmp_path, callback=reports.append).run()
    assert np.isnan(reports[0].metrics["rate_0/return"])
    assert len(reports[0].episodes["world"]) == 0
    (row,) = csv.DictReader((tmp_path / "metrics.csv").open())
    assert row["rate_0/return"] == ""
    assert list(row) == list(reports[0].metrics)
    assert float(row["rate_0/std"]) == pytest.approx(np.exp(-1), rel=0.1)
    for name in ("loss/policy", "loss/value", "loss/entropy", "approx_kl", "clip_fraction", "lever/lever_0"):
        assert np.isfinite(float(row[f"rate_0/{name}"])), name


def test_tensorboard_has_a_folder_a_governor(quadratic_world, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    world = quadratic_world(num_agents=2)
    Trainer(world, SETTINGS, total_rollouts=2, folder=tmp_path, tensorboard=True).run()
    assert sorted(path.name for path in (tmp_path / "tensorboard").iterdir()) == ["rate_0", "rate_1", "world"]
    events = EventAccumulator(str(tmp_path / "tensorboard/rate_1"))
    events.Reload()
    tags = events.Tags()["scalars"]
    assert {"reward", "over_twin", "return", "term/term_1", "lever/lever_0", "train/value_loss"} <= set(tags)
    assert [event.step for event in events.Scalars("reward")] == [48, 96]
    with (tmp_path / "metrics.csv").open() as file:
        told = [float(row["rate_1/reward"]) for row in csv.DictReader(file)]
    assert [event.value for event in events.Scalars("reward")] == pytest.approx(told)
    assert "train/n_updates" not in tags  # stable-baselines3 keeps it from TensorBoard


def test_a_full_disk_names_the_event_file_and_prints_nothing(quadratic_world, tmp_path, capfd):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    trainer = Trainer(quadratic_world(), SETTINGS, total_rollouts=50, folder=tmp_path, tensorboard=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            trainer.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "events.out.tfevents" in caught.value.filename and trainer.rollout > 1
    del trainer, caught
    assert capfd.readouterr() == ("", "")


def test_a_callback_sees_what_is_already_written(quadratic_world, tmp_path):
    lines = []

    def callback(report):
        lines.append((report.rollout, len((tmp_path / "metrics.csv").read_text().splitlines())))

    Trainer(quadratic_world(), SETTINGS, total_rollouts=3, folder=tmp_path, callback=callback).run()
    assert lines == [(1, 2), (2, 3), (3, 4)]


def test_rollouts_cover_the_market_hours_asked_for(quadratic_world):
    world = quadratic_world(num_worlds=10)
    hours = 6 * 10 * 6  # steps, worlds, hours a decision
    assert [rollouts_for(h, world, SETTINGS) for h in (1, hours, hours + 1, 5 * hours)] == [1, 1, 2, 5]
