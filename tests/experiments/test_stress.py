"""Stress: tails and intervals against closed forms, requirements by hand, and the command from start to finish."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from protogov.envs.config import WorldConfig
from protogov.envs.world.liquidation import shortfall_at
from protogov.envs.world.margin import short_shortfall_at
from protogov.experiments.cli import main
from protogov.experiments.core.play import open_worlds, tape_seeds
from protogov.experiments.errors import BadInput
from protogov.experiments.stress.estimates import (
    clopper_pearson,
    least_requirement,
    loosest,
    seed_draws,
    tail_mean,
    tail_of,
    value_at_risk,
)
from protogov.experiments.stress.grid import Cell, cell_levers, make_cells
from protogov.experiments.stress.losses import CRITERIA, Standing, Watch, shortfall
from protogov.experiments.stress.runner import Plan, play_slice, run_plan
from protogov.experiments.stress.summary import summarise
from protogov.experiments.stress.writing import answer

CONFIG = WorldConfig(episode_hours=24, decision_hours=12)
CELLS = make_cells((0.75, 0.91), (0.6, 0.72, 0.88), (1.0,))


# ---------------------------------------------------------------------- tails


def test_tails_of_one_to_a_hundred():
    losses = np.random.default_rng(1).permutation(np.arange(1.0, 101.0))
    assert value_at_risk(losses, 0.95) == 95.0
    assert tail_mean(losses, 0.95) == pytest.approx(98.0)  # 96 .. 100
    assert tail_mean(losses[:10], 0.75) == pytest.approx(np.average(np.sort(losses[:10])[-3:], weights=[0.5, 1, 1]))


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=60), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_shortfall_is_never_below_the_value_at_risk(values, level):
    losses = np.array(values)
    assert tail_mean(losses, level) >= value_at_risk(losses, level) - 1e-9


def test_bootstrap_takes_whole_seeds_so_copies_of_a_protocol_say_nothing_new():
    one = np.random.default_rng(3).normal(size=(50, 1))
    draws = seed_draws(50, 200)
    alone, copied = tail_of(one, (0.9,), draws), tail_of(np.repeat(one, 8, axis=1), (0.9,), draws)
    assert copied.shortfall[0.9] == pytest.approx(alone.shortfall[0.9])
    estimate, low, high = alone.shortfall[0.9]
    assert low < estimate <= high


@pytest.mark.parametrize("hits", [0, 1, 7, 39, 40])
def test_clopper_pearson_inverts_the_binomial_tails(hits):
    low, high = clopper_pearson(hits, 40)
    if hits > 0:
        assert binom.sf(hits - 1, 40, low) == pytest.approx(0.025)
    else:
        assert low == 0.0 and high == pytest.approx(1.0 - 0.025 ** (1 / 40))
    if hits < 40:
        assert binom.cdf(hits, 40, high) == pytest.approx(0.025)
    else:
        assert high == 1.0


# ---------------------------------------------------------------------- requirements


def test_the_crossing_is_linear_between_two_points():
    assert loosest(np.array([0.6, 0.7, 0.8]), np.array([0.0, 0.02, 0.1]), 0.06) == pytest.approx(0.75)
    assert loosest(np.array([0.6, 0.7]), np.array([0.0, 0.02]), 0.06) == 0.7
    assert np.isnan(loosest(np.array([0.6, 0.7]), np.array([0.2, 0.3]), 0.06))


def test_requirement_is_stricter_by_its_upper_bound_and_a_lucky_dip_buys_nothing():
    values, hits = [0.6, 0.7, 0.8, 0.9], [0, 20, 0, 60]
    found = least_requirement(values, hits, 200, 0.05)
    assert 0.6 < found.backed < found.estimate < found.hopeful < 0.8
    assert found.estimate == pytest.approx(0.65)
    assert not found.open_ended
    dipped = least_requirement([0.6, 0.7, 0.8], [4, 0, 40], 200, 0.05)  # 2% at .7 too: from there to 20%
    assert dipped.estimate == pytest.approx(0.7 + 0.1 * 0.03 / 0.18)
    assert least_requirement(values, [0, 0, 0, 0], 200, 0.05).open_ended
    assert np.isnan(least_requirement(values, [0, 0, 0, 0], 20, 0.05).backed)  # 20 clean worlds show nothing at 5%
    mirrored = least_requirement([2.0, 1.5, 1.0], [0, 10, 40], 200, 0.05)  # margins: the strictest is the largest
    assert 1.5 <= mirrored.estimate <= 2.0


@given(st.lists(st.integers(0, 50), min_size=2, max_size=6), st.floats(0.02, 0.5), st.floats(0.02, 0.4))
def test_a_looser_target_never_asks_for_more(hits, target, more):
    values = np.linspace(0.5, 0.9, len(hits))
    strict, loose = (least_requirement(values, hits, 50, t) for t in (target, target + more))
    assert np.isnan(strict.backed) or loose.backed >= strict.backed - 1e-12


# ---------------------------------------------------------------------- grid and insolvency


def test_cells_are_the_pairs_whose_gap_the_lever_allows():
    assert CELLS == (Cell(0.75, 0.6, 1.0), Cell(0.75, 0.72, 1.0), Cell(0.91, 0.72, 1.0), Cell(0.91, 0.88, 1.0))
    rows = cell_levers(CELLS, 2)
    assert rows["ltv_gap"] == pytest.approx([0.15, 0.15, 0.03, 0.03, 0.19, 0.19, 0.03, 0.03])
    for given_values, message in (
        (((0.5,), (0.4,), (1.0,)), "thresholds holds 0.5"),
        (((0.8,), (0.8,), (1.0,)), "no pair"),
        (((0.8,), (0.7,), (3.0,)), "option-margins holds 3"),
        (((0.8, 0.8), (0.7,), (1.0,)), "twice"),
    ):
        with pytest.raises(BadInput, match=message):
            make_cells(*given_values)


def test_criteria_by_hand():
    def standing(**changed):
        sound = dict(treasury=100.0, lp_value=1000.0, shortfall=0.0, haircuts=0.0, bad_debt=0.0, opening_treasury=100.0)
        return Standing(**{name: np.array([value]) for name, value in {**sound, **changed}.items()})

    def broken(**changed):
        return {name for name, (rule, _) in CRITERIA.items() if rule(standing(**changed))[0]}

    assert broken() == set()
    assert broken(shortfall=101.0) == {"net-worth", "any"}
    assert broken(lp_value=-50.0) == {"option-pool", "any"}  # the treasury still covers it
    assert broken(lp_value=-150.0) == {"net-worth", "option-pool", "any"}
    assert broken(haircuts=10.0) == {"suppliers"}
    assert broken(bad_debt=120.0, treasury=-20.0) == {"bad-debt", "suppliers", "net-worth", "any"}


def test_what_is_under_water_is_the_kernels_own_and_by_hand():
    worlds = open_worlds(WorldConfig(), "crash-heldout", tape_seeds(3))
    for _ in range(40):
        worlds.step({agent: np.zeros((3, worlds.action_size(agent))) for agent in worlds.agents})
    venues = worlds.worlds["venues"][:, 0]
    assert (venues["short_contracts"] > 0.0).any()
    for fall in (0.0, 0.3, 0.6):
        price = (1.0 - fall) * worlds.worlds["tape_price"]
        found = shortfall(venues, price)
        expected = [
            shortfall_at(venue, at) + short_shortfall_at(venue, at) for venue, at in zip(venues, price, strict=True)
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert (found > 0.0).all()
    # an open deficit is the treasury's: it comes off what stands between a loss and the suppliers
    before = Watch(worlds).table()["lowest_net_worth"]
    venues["deficit"] += 0.01 * venues["opening_value"]
    np.testing.assert_allclose(Watch(worlds).table()["lowest_net_worth"], before - 100.0)


# ---------------------------------------------------------------------- playing


def test_slices_do_not_change_the_numbers_and_cells_are_paired():
    plan = Plan(CONFIG, "jump", CELLS, 3)
    whole, part = play_slice(plan, 0, 3), play_slice(plan, 1, 2)
    rows = whole["seed"] == 1
    for name, column in part.items():
        assert np.array_equal(column, whole[name][rows]), name
    drawdown = whole["price_drawdown"].reshape(len(CELLS), 3)
    assert (drawdown == drawdown[0]).all() and len(set(drawdown[0])) == 3
    assert np.unique(whole["liquidated"]).size > 1 or np.unique(whole["loss/capital"]).size > 3


def test_a_finished_slice_is_taken_and_not_played_again(tmp_path, monkeypatch):
    plan = Plan(CONFIG, "jump", CELLS, 3)
    monkeypatch.setattr("protogov.experiments.stress.runner.BATCH", len(CELLS))
    first = run_plan(plan, jobs=1, keep=tmp_path, show=False)
    files = sorted(tmp_path.rglob("*.parquet"))
    assert len(files) == 3
    files[1].unlink()
    played = []
    monkeypatch.setattr(
        "protogov.experiments.stress.runner.play_slice", lambda *a: played.append(a[1:]) or play_slice(*a)
    )
    again = run_plan(plan, jobs=1, keep=tmp_path, show=False)
    assert played == [(1, 2)]
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert replace(plan, scenario="flat").digest() != plan.digest()


def test_nothing_is_lost_to_loans_where_the_price_stands_still():
    table = play_slice(Plan(CONFIG, "flat", CELLS, 4), 0, 4)
    assert (table["bad_debt"] == 0.0).all() and not any(table[f"insolvent/{name}"].any() for name in CRITERIA)


def test_lending_more_against_the_same_coin_fails_more_often_in_a_crash():
    plan = Plan(WorldConfig(decision_hours=24), "crash-heldout", make_cells((0.91,), (0.67, 0.88), (1.0,)), 24)
    summary = summarise(plan, run_plan(plan, jobs=1, show=False), "net-worth", "capital", 0.5)
    careful, bold = summary.cells
    assert bold.hits >= careful.hits + 4
    assert bold.tail.mean > careful.tail.mean
    assert summary.best is None or summary.best.requirement.backed < 0.88


def made_up(hits):
    """A summary of (LT, LTV, option margin) -> insolvent worlds of 200."""
    cells = tuple(Cell(*at) for at in hits)
    seen = np.concatenate([np.arange(200) < count for count in hits.values()])
    table = {"loss/capital": seen * 1.0, "insolvent/net-worth": seen, "welfare": -1.0 * seen}
    return summarise(Plan(CONFIG, "jump", cells, 200), table, "net-worth", "capital", 0.05)


def test_the_answer_says_what_the_margin_does_and_where_the_grid_ends():
    inert = {
        (lt, ltv, m): 2 if ltv < 0.6 else 60 for lt in (0.67, 0.75) for ltv in (0.55, 0.6) for m in (0.8, 1.0, 2.0)
    }
    summary = made_up(inert)
    assert summary.best.fixed["option_margin"] == 1.0  # of three that lend as much
    assert summary.edges == ("liquidation threshold",)
    assert summary.margin_effect == 0
    said = " ".join(answer(summary))
    assert "moves a cell by at most 0 of its 200 worlds. It decides hardly anything" in said
    assert "end of the grid by liquidation threshold" in said
    felt = made_up({at: count if at[2] == 2.0 else 3 * count for at, count in inert.items()})
    assert felt.best.fixed["option_margin"] == 2.0
    assert felt.margin_effect == 120
    assert "hardly anything" not in " ".join(answer(felt))
    inner = made_up(
        {(lt, ltv, 1.0): 0 if lt == 0.67 and ltv < 0.6 else 60 for lt in (0.6, 0.67, 0.75) for ltv in (0.55, 0.6)}
    )
    assert inner.edges == ()


def test_the_command_writes_its_tables_and_figures(tmp_path, capsys):
    arguments = ["stress", "--scenario", "jump", "--thresholds", "0.75", "0.83", "--ltvs", "0.6", "0.7"]
    arguments += ["--option-margins", "1", "--seeds", "3", "--jobs", "1", "--out", str(tmp_path)]
    arguments += ["--world.episode-hours", "12"]
    assert main(arguments) == 0
    rows = list(csv.DictReader((tmp_path / "cells.csv").open()))
    assert len(rows) == 4 and {row["worlds"] for row in rows} == {"3"}
    assert {row["requirement"] for row in csv.DictReader((tmp_path / "requirement.csv").open())} == {
        "loan-to-value", "option margin",
    }  # fmt: skip
    for name in ("insolvency.svg", "insolvency.png", "losses.svg", "README.md", "manifest.json", "episodes.parquet"):
        assert (tmp_path / name).stat().st_size > 500, name
    assert "No protocol of the grid is shown" in capsys.readouterr().out
    assert json.loads((tmp_path / "manifest.json").read_text())["seconds"] >= 0.0
    assert main(arguments) == 0  # everything is kept: no time to tell
    assert json.loads((tmp_path / "manifest.json").read_text())["seconds"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--criterion", "ruin"], "criterion is 'ruin'"),
        (["--loss", "all"], "loss is 'all'"),
        (["--target", "1"], "target is 1"),
        (["--seeds", "1"], "seeds is 1"),
        (["--scenario", "nowhere"], "nowhere"),
        (["--jobs", "0"], "jobs is 0"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message, tmp_path, capsys):
    assert main(["stress", "--out", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
