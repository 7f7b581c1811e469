"""Meetings of those who were trained apart, and paths of checkpoints: known cases, and tiny trained runs."""

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.experiments.cli import main
from protogov.experiments.core.tables import read_csv, records
from protogov.experiments.errors import BadInput
from protogov.experiments.studies import drift, meetings
from protogov.experiments.studies.emergence.subjects import Subject
from protogov.experiments.studies.strangers import pairs
from protogov.experiments.studies.strangers.pairs import Meetings, at_venue, meet, two_venues

WORLD = WorldConfig(size="tiny", venues=2, episode_hours=12)


def subject(name, **sources):
    return Subject(name, (tuple(sources.items()),))


def test_governors_of_one_venue_govern_the_other_by_their_role():
    one = subject("one", rate_0="pi", risk_0="steward_var", spread_0="static", spread_1="tuned")
    assert at_venue(one, 1, WORLD) == {"rate_1": "pi", "risk_1": "steward_var", "spread_1": "tuned"}
    with pytest.raises(BadInput, match="half has no governor of the role spread; its seats are rate_0, risk_0"):
        at_venue(subject("half", rate_0="pi", risk_0="pi"), 0, WORLD)
    with pytest.raises(BadInput, match="has 1 venue; rivals need 2"):
        two_venues(WorldConfig(size="tiny"))


def test_a_meeting_is_the_same_from_both_sides_and_pays_each_its_own():
    names = {"pi": ("pi", "constant", "constant"), "wide": ("constant", "constant", "oscillator-1")}
    members = [
        subject(name, **{f"{role}_0": own for role, own in zip(WORLD.roles, sources, strict=True)})
        for name, sources in names.items()
    ]
    met = meet(WORLD, members, "jump", 3, pairs.Running())
    assert met.earned.shape == (2, 2, 3) and met.welfare[0, 1] == pytest.approx(met.welfare[1, 0])
    first = pairs.play_pair(WORLD, pairs.PairJob(members[0], members[1], "jump", 3))
    second = pairs.play_pair(WORLD, pairs.PairJob(members[1], members[0], "jump", 3))
    assert met.earned[0, 1] == pytest.approx(0.5 * (first["first"] + second["second"]))
    assert met.earned[1, 0] == pytest.approx(0.5 * (first["second"] + second["first"]))
    assert not np.allclose(met.earned[0, 1], met.earned[1, 0])


def test_a_convention_shows_as_a_drop_beside_strangers_and_a_skill_does_not():
    """Eight seeds that earn 1 beside the rival they know and 0 beside others; and eight that earn what they are."""
    count = 8
    noise = 0.01 * np.random.default_rng(0).normal(size=(count, count, 1))
    for earned, verdict in ((np.eye(count), "learned conventions"), (np.ones((count, count)), "not found")):
        crowd = meetings.Crowd(WORLD, (), ("together",) * count, tuple(range(count)), (True,) * count)
        cube = earned[..., None] + noise
        first, *_ = records(meetings._drops(crowd, Meetings(cube, cube)))
        assert first["verdict"].startswith(verdict) and first["n"] == count
        (home, away) = records(meetings._populations(crowd, Meetings(cube, cube)))
        assert home["reward"] - away["reward"] == pytest.approx(first["drop"])


def test_without_a_run_trained_together_there_is_no_home():
    crowd = meetings.Crowd(WORLD, (), ("apart",) * 3, (0, 1, 2), (False,) * 3)
    cube = np.ones((3, 3, 2))
    (row,) = records(meetings._drops(crowd, Meetings(cube, cube)))
    assert row["n"] == 0 and row["verdict"] == "no run was trained together"
    assert main(["study", "meetings"]) == 2


# ---------------------------------------------------------------------- paths


def test_a_circle_winds_and_a_straight_way_does_not():
    t = np.arange(41) * 2.0 * np.pi / 10.0  # four turns, of which the later half is two
    draw = np.random.default_rng(0)
    plane = draw.normal(size=(2, 40))
    circle = drift.path_of(np.stack([np.cos(t), np.sin(t)], axis=1) @ plane)
    assert abs(circle.winding) == pytest.approx(2.0, abs=0.02) and circle.p <= 0.05 and circle.share > 0.999
    line = drift.path_of(np.arange(12.0)[:, None] * plane[:1])
    assert abs(line.winding) < 0.51 and line.straight == pytest.approx(1.0) and line.p > 0.05
    assert line.speed == pytest.approx(np.full(11, np.sqrt((plane[0] ** 2).mean())))


def test_random_walks_wind_no_more_than_themselves():
    """In the plane of their main directions they look like cycles; the share found must stay near 5%."""
    draw = np.random.default_rng(1)
    found = [drift.path_of(np.cumsum(draw.normal(size=(12, 30)), axis=0), walks=39).p for _ in range(60)]
    assert np.mean(np.array(found) <= 0.05) < 0.15


def test_a_ranking_has_no_cycle_and_rock_paper_scissors_nothing_else():
    draw = np.random.default_rng(0)
    strength = np.arange(5.0)
    ranked = 0.5 * (strength[:, None] - strength[None, :])
    cycle = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    for table, share, progress in ((ranked, 0.0, 2.0), (cycle, 1.0, None)):
        earned = table[..., None] + 0.1 * draw.normal(size=(*table.shape, 400))
        found = drift.cycling_of(earned)
        assert found.cyclic == pytest.approx(share, abs=0.02)
        if progress is not None:
            assert found.progress == pytest.approx(progress, abs=0.05)
    noise = [drift.cycling_of(draw.normal(size=(4, 4, 40))).cyclic for _ in range(20)]
    assert np.isnan(noise).sum() >= 5  # nothing beyond noise has no share


def test_checkpoints_that_were_not_kept_are_asked_for(tmp_path, capsys):
    assert main(["study", "drift"]) == 2
    assert "RUN names 0 folders" in capsys.readouterr().err
    assert main(["study", "drift", str(tmp_path / "none")]) == 2


# ---------------------------------------------------------------------- trained


@pytest.mark.long
def test_trained_runs_meet_and_their_checkpoints_are_paths(tmp_path, monkeypatch, capsys):
    common = ["--runs", str(tmp_path), "--world.size", "tiny", "--world.venues", "2", "--world.episode-hours", "12",
              "--seeds", "0", "1", "--market-hours", "240", "--worlds", "4", "--ppo.num-steps", "12",
              "--ppo.checkpoint-every", "1", "--ppo.keep-checkpoints", "0"]  # fmt: skip
    assert main(["train", "together", *common]) == 0
    alone = [word for role in ("rate", "risk", "spread") for word in ("--background", f"{role}_1=tuned")]
    assert main(["train", "apart", *common, *alone]) == 0
    runs, out = [str(tmp_path / name) for name in ("together", "apart")], tmp_path / "out"
    arguments = ["study", "meetings", *runs, "--scenario", "jump", "--tapes", "2", "--jobs", "1", "--out", str(out)]
    capsys.readouterr()
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "Underpowered: 2 training seeds" in printed and "Reduced: 2 tapes a meeting instead of 64." in printed
    page = (out / "README.md").read_text().replace("\n", " ")
    assert "together: 2 training seeds, 240 market hours each; apart: 2 training seeds, 240 market hours each." in page
    table = read_csv(out / "meetings.csv")
    assert len(table["reward"]) == 6 * 6 and set(table["population"].tolist()) == {
        "together",
        "apart",
        "static",
        "tuned",
    }
    kinds = {(row["population"], row["kind"]) for row in records(read_csv(out / "populations.csv"))}
    assert ("together", "the rival it learned beside") in kinds and (
        "apart",
        "the rival it learned beside",
    ) not in kinds

    def refuse(config, job):
        raise AssertionError("played again")

    monkeypatch.setattr(pairs, "open_worlds", refuse)
    assert main(arguments) == 0  # every meeting is kept
    monkeypatch.undo()
    fixed = ["--scenario", "jump", "--jobs", "1"]
    assert main(["study", "drift", runs[0], *fixed, "--tapes", "2", "--out", str(out / "drift")]) == 0
    assert "Reduced: 2 tapes instead of 32." in capsys.readouterr().out
    assert "together, 240 market hours a training seed." in (out / "drift" / "README.md").read_text().replace("\n", " ")
    seeds = records(read_csv(out / "drift" / "seeds.csv"))
    assert [row["seed"] for row in seeds] == [0, 1] and all(np.isfinite(row["winding"]) for row in seeds)
    assert (read_csv(out / "drift" / "paths.csv")["speed"][1:5] > 0.0).all()
    assert main(["study", "drift", runs[1], *fixed, "--tapes", "0"]) == 0
