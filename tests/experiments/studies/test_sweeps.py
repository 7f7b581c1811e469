"""The verdict on hand-made curves, the grid, paired seeds, and the command at a tiny size."""

import csv
import json

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.roles import LEVER_BY_NAME, ROLES
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVERS
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.tables import select
from protogov.experiments.studies import sweeps
from protogov.experiments.studies.sweeps import (
    Curve,
    Options,
    Point,
    chosen_levers,
    grid,
    held,
    measure,
    play_point,
    role_of,
)


def curve(*means: float, noise: float = 0.1, seeds: int = 64) -> Curve:
    """A curve around `means` with a common level a seed (which pairing removes) and independent noise (which stays)."""
    random = np.random.default_rng(5)
    common = 100.0 * random.normal(size=seeds)
    own = noise * random.normal(size=(len(means), seeds))
    own -= own.mean(axis=1, keepdims=True)
    return Curve(np.array(means)[:, None] + common + own, len(means) // 2)


def test_a_hill_inside_the_range_holds_although_seeds_differ_by_far_more() -> None:
    hill = curve(0.0, 1.0, 0.5)
    assert hill.best == 1 and hill.inside
    low, high = hill.edges()
    assert (low.mean, high.mean) == pytest.approx((1.0, 0.5))


@pytest.mark.parametrize("means", [(0.0, 0.5, 1.0), (1.0, 0.5, 0.0), (0.0, 0.0, 0.0), (0.0, 1.0, 1.0 - 1e-3)])
def test_slopes_plains_and_unbacked_hills_do_not_hold(means: tuple[float, ...]) -> None:
    assert not curve(*means).inside


def test_a_lever_that_does_nothing_at_all_does_not_hold() -> None:
    dead = curve(0.0, 0.0, 0.0, noise=0.0)
    assert not dead.inside
    assert [edge.z for edge in dead.edges()] == [0.0, 0.0]


def test_the_gain_is_students_interval_of_the_paired_difference() -> None:
    gain = Curve(np.array([[0.0] * 4, [1.0, 2.0, 3.0, 4.0], [9.0] * 4])[[1, 0, 2]], 1).gain(0)
    assert gain.mean == 2.5
    assert gain.error == pytest.approx(np.sqrt(5.0 / 3.0) / 2.0)
    assert gain.half_width == pytest.approx(3.182446305 * gain.error)


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: lever.name)
def test_the_grid_runs_from_low_through_the_default_to_high(lever) -> None:
    values = grid(lever, 11)
    assert (values[0], values[5], values[10]) == (lever.low, lever.default, lever.high)
    assert (np.diff(values) > 0).all()


def test_a_swept_value_is_in_force_from_hour_0_and_never_moves() -> None:
    world = Simulator(WorldConfig(defaults={"half_spread": 0.05}), 2, scenario="calm")
    world.reset()
    for _ in range(3):
        assert world.view("spread_0").levers["half_spread"] == pytest.approx(0.05)
        world.step({agent: np.zeros((2, 4)) for agent in world.agents})


def test_totals_are_the_weighted_terms_and_welfare_the_sum_of_its_parts() -> None:
    table = play_point(WorldConfig(episode_hours=24), Point("jump", 0, 3))
    for role in ("rate", "risk", "spread"):
        total = sum(term.weight * table[term.source] for term in ROLES[role].terms)
        assert table[f"{role} mandate"] == pytest.approx(total)
        assert not {term.source for term in ROLES[role].terms} & set(sweeps.WATCHED)
    parts = [values for name, values in table.items() if name.startswith("welfare_")]
    assert table["welfare"] == pytest.approx(sum(parts))


def test_points_share_their_seeds_and_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    config, job, lever = WorldConfig(episode_hours=24), Point("jump", 0, 5), LEVER_BY_NAME["half_spread"]
    whole = play_point(config, job)
    monkeypatch.setattr(sweeps, "BATCH", 2)
    assert np.array_equal(play_point(config, job)["welfare"], whole["welfare"])
    assert np.array_equal(play_point(config, Point("jump", 3, 2))["welfare"], whole["welfare"][3:])
    tables = [play_point(held(config, lever, value), job) for value in grid(lever, 3)]
    assert np.array_equal(tables[1]["welfare"], whole["welfare"])  # the default
    assert not np.array_equal(tables[0]["welfare"], whole["welfare"])
    curve = Curve(np.stack([table["welfare"] for table in tables]), 1)
    assert curve.gain(1) == Interval(0.0, 0.0, 0.0, 5, 0.0)


def test_tables_hold_what_was_played() -> None:
    found = measure(Options(levers=("half_spread",), seeds=3, points=3, decision_hours=24), HERE)
    played = play_point(WorldConfig(decision_hours=24), Point("jump", 0, 3))
    own = select(found.tables["sweeps"], found.tables["sweeps"]["is_default"] == 1)
    assert own["measure"].tolist() == ["mandate", "welfare"]
    means = [played["spread mandate"].mean(), played["welfare"].mean()]
    np.testing.assert_allclose(own["mean_bp"], means, rtol=1e-5)
    assert own["difference_bp"].tolist() == [0.0, 0.0]
    assert found.tables["terms"]["utilisation"][1] == pytest.approx(played["utilisation"].mean(), rel=1e-5)


def test_levers_are_chosen_by_name_and_role() -> None:
    assert [lever.name for lever in chosen_levers((), ())] == [lever.name for lever in LEVERS]
    assert [lever.name for lever in chosen_levers(("hedge_ratio",), ("rate",))] == [
        *ROLES["rate"].levers,
        "hedge_ratio",
    ]
    assert {role_of(lever.name) for lever in LEVERS} == {"rate", "risk", "spread"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--levers", "spraed"], "'spraed', known levers are base_rate"),
        (["--roles", "joint"], "'joint', known roles are rate"),
        (["--points", "4"], "points = 4 must be an odd number"),
        (["--seeds", "1"], "seeds is 1; a whole number of at least 2"),
        (["--parameters", "arivals=3"], "names 'arivals'"),
        (["--parameters", "arrivals=many"], "'many'; a number is accepted"),
        (["--parameters", "arrivals=-1"], "arrivals = -1"),
        (["--scenario", "sunshine"], "sunshine"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(arguments, said, capsys) -> None:
    assert main(["study", "sweeps", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_the_command_prints_the_tables_writes_the_folder_and_draws_it_again(tmp_path, capsys) -> None:
    arguments = ["study", "sweeps", "--levers", "half_spread", "hedge_ratio", "--seeds", "4", "--points", "3"]
    arguments += ["--decision-hours", "24", "--jobs", "1", "--out", str(tmp_path)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    for word in ("half_spread [vol]", "hedge_ratio [ratio]", "spread mandate", "welfare W"):
        assert word in printed
    assert "of 2 levers have an optimum inside their range" in printed
    rows = list(csv.DictReader((tmp_path / "sweeps.csv").open()))
    assert len(rows) == 2 * 3 * 2
    assert sum(int(row["is_best"]) for row in rows) == 4
    terms = list(csv.DictReader((tmp_path / "terms.csv").open()))
    assert len(terms) == 2 * 3 and {"uninformed_surplus", "utilisation"} <= set(terms[0])
    about = json.loads((tmp_path / "manifest.json").read_text())
    assert about["command"] == f"protogov {' '.join(arguments)}"
    assert about["facts"]["config"]["decision_hours"] == 24
    page, picture = (tmp_path / "README.md").read_text(), (tmp_path / "levers.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert "| hedge_ratio | ratio | 0.8 |" in page
    (tmp_path / "README.md").unlink()
    (tmp_path / "levers.png").unlink()
    assert main(["study", "sweeps", "--redraw", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text() == page and (tmp_path / "levers.png").read_bytes() == picture


def test_check_fails_when_a_lever_has_no_optimum_inside(capsys) -> None:
    # 128 seeds would be needed to say anything; 2 back nothing
    arguments = ["study", "sweeps", "--levers", "option_margin", "--seeds", "2", "--points", "3", "--jobs", "1"]
    arguments += ["--parameters", "options_on=0"]
    assert main(arguments) == 0
    assert "2 paired seeds on 'jump', options_on=0;" in capsys.readouterr().out
    assert main([*arguments, "--check"]) == 1
    assert "1 of 1 levers have no optimum inside: option_margin" in capsys.readouterr().err
