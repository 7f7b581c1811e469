"""The verdict on hand-made curves, the grid, paired seeds, and the command at a tiny size."""

import csv
import json

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.roles import LEVER_BY_NAME, ROLES
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVERS
from protogov.experiments.sweeps import main
from protogov.experiments.sweeps_measure import (
    Curve,
    Estimate,
    SweepError,
    chosen_levers,
    grid,
    measure,
    role_of,
    run_sweeps,
)


def curve(*means: float, noise: float = 0.1, seeds: int = 64) -> Curve:
    """A curve around `means` with a common level a seed (which pairing removes) and independent noise (which stays)."""
    random = np.random.default_rng(5)
    common = 100.0 * random.normal(size=seeds)
    own = noise * random.normal(size=(len(means), seeds))
    own -= own.mean(axis=1, keepdims=True)
    return Curve("welfare", np.array(means)[:, None] + common + own, len(means) // 2)


def test_a_hill_inside_the_range_holds_although_seeds_differ_by_far_more() -> None:
    hill = curve(0.0, 1.0, 0.5)
    assert hill.best == 1 and hill.interior
    low, high = hill.edges()
    assert (low.mean, high.mean) == pytest.approx((1.0, 0.5))


@pytest.mark.parametrize("means", [(0.0, 0.5, 1.0), (1.0, 0.5, 0.0), (0.0, 0.0, 0.0), (0.0, 1.0, 1.0 - 1e-3)])
def test_slopes_plains_and_unbacked_hills_do_not_hold(means: tuple[float, ...]) -> None:
    assert not curve(*means).interior


def test_a_lever_that_does_nothing_at_all_does_not_hold() -> None:
    dead = curve(0.0, 0.0, 0.0, noise=0.0)
    assert not dead.interior
    assert [edge.z for edge in dead.edges()] == [0.0, 0.0]


def test_the_estimate_is_students_interval() -> None:
    sample = np.array([1.0, 2.0, 3.0, 4.0])
    estimate = Estimate.of(sample)
    assert estimate.mean == 2.5
    assert estimate.standard_error == pytest.approx(np.sqrt(5.0 / 3.0) / 2.0)
    assert estimate.half_width == pytest.approx(3.182446305 * estimate.standard_error)


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
    outcome = measure(WorldConfig(episode_hours=24), "jump", np.arange(3))
    for role in ("rate", "risk", "spread"):
        total = sum(term.weight * outcome.terms[term.source] for term in ROLES[role].terms)
        assert outcome.mandates[role] == pytest.approx(total)
    parts = [values for name, values in outcome.terms.items() if name.startswith("welfare_")]
    assert outcome.welfare == pytest.approx(sum(parts))


def test_points_share_their_seeds_and_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    config = WorldConfig(episode_hours=24)
    whole = measure(config, "jump", np.arange(5))
    monkeypatch.setattr("protogov.experiments.sweeps_measure.BATCH", 2)
    assert np.array_equal(measure(config, "jump", np.arange(5)).welfare, whole.welfare)
    lever = LEVER_BY_NAME["half_spread"]
    (sweep,) = run_sweeps([lever], config=config, num_seeds=5, points=3, jobs=2)
    assert np.array_equal(sweep.welfare.totals[1], whole.welfare)  # the default
    assert not np.array_equal(sweep.welfare.totals[0], whole.welfare)
    assert sweep.welfare.against_default(1) == Estimate(0.0, 0.0, 0.0)


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
        (["--seeds", "1"], "seeds = 1 must be"),
        (["--parameters", "arivals=3"], "names 'arivals'"),
        (["--parameters", "arrivals=many"], "'many', which is no number"),
        (["--parameters", "arrivals=-1"], "arrivals = -1"),
        (["--scenario", "sunshine"], "sunshine"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(arguments, said, capsys) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_the_command_prints_the_tables_and_writes_the_folder(tmp_path, capsys) -> None:
    arguments = ["--levers", "half_spread", "hedge_ratio", "--seeds", "4", "--points", "3", "--decision-hours", "24"]
    assert main([*arguments, "--terms", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for word in ("half_spread [vol]", "hedge_ratio [ratio]", "spread mandate", "welfare W", "uninformed_surplus"):
        assert word in printed
    assert "of 2 levers have an optimum inside their range" in printed
    rows = list(csv.DictReader((tmp_path / "sweeps.csv").open()))
    assert len(rows) == 2 * 3 * 2
    assert sum(int(row["is_best"]) for row in rows) == 4
    about = json.loads((tmp_path / "manifest.json").read_text())
    assert about["command"].startswith(
        "python -m protogov.experiments.sweeps --levers half_spread hedge_ratio --seeds 4"
    )
    assert "<svg" in (tmp_path / "levers.svg").read_text()
    assert (tmp_path / "levers.png").read_bytes().startswith(b"\x89PNG")
    assert "| hedge_ratio | ratio | 0.8 |" in (tmp_path / "README.md").read_text()


def test_check_fails_when_a_lever_has_no_optimum_inside() -> None:
    # 128 seeds would be needed to say anything; 2 back nothing
    arguments = ["--levers", "option_margin", "--seeds", "2", "--points", "3", "--parameters", "options_on=0"]
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 1


def test_sweeps_refuse_a_configuration_they_cannot_read() -> None:
    with pytest.raises(SweepError, match="2 venues"):
        run_sweeps(chosen_levers((), ()), config=WorldConfig(venues=2))
