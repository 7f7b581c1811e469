"""Stress: tails and intervals against closed forms, requirements by hand, and the command from start to finish."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.config import WorldConfig
from protogov.envs.world.liquidation import shortfall_at
from protogov.envs.world.margin import short_shortfall_at
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import HERE, Running
from protogov.experiments.core.play import open_worlds, tape_seeds
from protogov.experiments.core.results import read_manifest
from protogov.experiments.core.statistics import seed_draws, value_at_risk
from protogov.experiments.core.tables import Table, concatenate, read_csv, select
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.stress.grid import Cell, Slice, cell_levers, make_cells, make_slices, play_slice
from protogov.experiments.studies.stress.losses import CRITERIA, Standing, Watch, shortfall
from protogov.experiments.studies.stress.requirement import (
    best_rule,
    least_requirement,
    loosest,
    tail_mean,
    tails_of,
)
from protogov.experiments.studies.stress.study import (
    POINTS,
    STUDY,
    Options,
    edges_of,
    exceedance,
    judge,
    margin_effect,
    measure,
    summarise,
)

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
    alone, copied = tails_of(one, draws)["es95"], tails_of(np.repeat(one, 8, axis=1), draws)["es95"]
    assert (copied.mean, copied.low, copied.high) == pytest.approx((alone.mean, alone.low, alone.high))
    assert alone.low < alone.mean <= alone.high


def test_resamples_in_parts_are_the_same(monkeypatch):
    losses, draws = np.random.default_rng(3).normal(size=(50, 2)), seed_draws(50, 20)
    whole = tails_of(losses, draws)
    monkeypatch.setattr("protogov.experiments.studies.stress.requirement.AT_ONCE", 300)
    assert tails_of(losses, draws) == whole


def test_a_curve_of_losses_keeps_every_point_of_its_tail():
    losses = np.random.default_rng(4).permutation(np.arange(1.0, 10_001.0))
    curve = exceedance("all", losses)
    assert len(curve["loss"]) <= POINTS
    # 10,000 is lost by one world of 10,000, 9,999 by two
    assert curve["loss"][-3:].tolist() == [9998.0, 9999.0, 10_000.0]
    np.testing.assert_allclose(curve["beyond"], (10_001.0 - curve["loss"]) / 10_000)
    assert curve["loss"][0] == 1.0 and curve["beyond"][0] == 1.0


# ---------------------------------------------------------------------- requirements


def test_the_crossing_is_linear_between_two_points():
    assert loosest(np.array([0.6, 0.7, 0.8]), np.array([0.0, 0.02, 0.1]), 0.06) == pytest.approx(0.75)
    assert loosest(np.array([0.6, 0.7]), np.array([0.0, 0.02]), 0.06) == 0.7
    assert np.isnan(loosest(np.array([0.6, 0.7]), np.array([0.2, 0.3]), 0.06))


def test_requirement_is_stricter_by_its_upper_bound_and_a_lucky_dip_buys_nothing():
    values, hits = [0.6, 0.7, 0.8, 0.9], [0, 20, 0, 60]
    found = least_requirement(values, hits, 200, 0.05)
    assert 0.6 < found["backed"] < found["estimate"] < found["hopeful"] < 0.8
    assert found["estimate"] == pytest.approx(0.65)
    assert not found["open_ended"]
    dipped = least_requirement([0.6, 0.7, 0.8], [4, 0, 40], 200, 0.05)  # 2% at .7 too: from there to 20%
    assert dipped["estimate"] == pytest.approx(0.7 + 0.1 * 0.03 / 0.18)
    assert least_requirement(values, [0, 0, 0, 0], 200, 0.05)["open_ended"]
    assert np.isnan(least_requirement(values, [0, 0, 0, 0], 20, 0.05)["backed"])  # 20 clean worlds show nothing at 5%
    mirrored = least_requirement([2.0, 1.5, 1.0], [0, 10, 40], 200, 0.05)  # margins: the strictest is the largest
    assert 1.5 <= mirrored["estimate"] <= 2.0


@given(st.lists(st.integers(0, 50), min_size=2, max_size=6), st.floats(0.02, 0.5), st.floats(0.02, 0.4))
def test_a_looser_target_never_asks_for_more(hits, target, more):
    values = np.linspace(0.5, 0.9, len(hits))
    strict, loose = (least_requirement(values, hits, 50, t) for t in (target, target + more))
    assert np.isnan(strict["backed"]) or loose["backed"] >= strict["backed"] - 1e-12


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

FEW = Options(
    scenario="jump", thresholds=(0.75, 0.91), ltvs=(0.6, 0.72, 0.88), option_margins=(1.0,), seeds=3, jobs=1,
    world=replace(Options().world, episode_hours=24, decision_hours=12),
)  # fmt: skip


def test_slices_do_not_change_the_numbers_and_cells_are_paired():
    whole, part = (play_slice(CONFIG, Slice("jump", CELLS, *at)) for at in ((0, 3), (1, 2)))
    rows = whole["seed"] == 1
    for name, column in part.items():
        assert np.array_equal(column, whole[name][rows]), name
    drawdown = whole["price_drawdown"].reshape(len(CELLS), 3)
    assert (drawdown == drawdown[0]).all() and len(set(drawdown[0])) == 3
    assert np.unique(whole["liquidated"]).size > 1 or np.unique(whole["loss/capital"]).size > 3


def test_a_finished_slice_is_taken_and_not_played_again(tmp_path, monkeypatch):
    monkeypatch.setattr("protogov.experiments.studies.stress.grid.BATCH", len(CELLS))
    assert [(one.start, one.stop) for one in make_slices("jump", CELLS, 5, 3)] == [(5, 6), (6, 7), (7, 8)]
    how = Running(keep=tmp_path)
    first = measure(FEW, how).tables["episodes"]
    files = sorted(tmp_path.glob("*.parquet"))
    assert len(files) == 3
    files[1].unlink()
    played = []
    monkeypatch.setattr(
        "protogov.experiments.core.pieces.play_pieces",
        lambda function, calls, jobs: (
            (number, played.append(job.start) or function(config, job)) for number, (config, job) in enumerate(calls)
        ),
    )
    again = measure(FEW, how).tables["episodes"]
    assert played == [1]
    assert first["seed"].tolist() == [0, 1, 2] * len(CELLS)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    later = measure(replace(FEW, first=1, seeds=2), how).tables["episodes"]  # taken, whatever comes before
    assert played == [1] and np.array_equal(later["welfare"], select(first, first["seed"] > 0)["welfare"])


def test_nothing_is_lost_to_loans_where_the_price_stands_still():
    table = play_slice(CONFIG, Slice("flat", CELLS, 0, 4))
    assert (table["bad_debt"] == 0.0).all() and not any(table[f"insolvent/{name}"].any() for name in CRITERIA)


def test_lending_more_against_the_same_coin_fails_more_often_in_a_crash():
    world = replace(FEW.world, episode_hours=336, decision_hours=24)
    bold = replace(
        FEW, scenario="crash-heldout", thresholds=(0.91,), ltvs=(0.67, 0.88), seeds=24, target=0.5, world=world
    )
    found = measure(bold, HERE)
    cells, rules = found.tables["cells"], found.tables["requirement"]
    assert cells["insolvent"][1] >= cells["insolvent"][0] + 4
    assert cells["loss"][1] > cells["loss"][0]
    best = best_rule(rules)
    assert best is None or rules["backed"][best] < 0.88


def made_up(hits):
    """What is found of (LT, LTV, option margin) -> insolvent worlds of 200."""
    facts = {"scenario": "jump", "seeds": 200, "criterion": "net-worth", "loss": "capital", "target": 0.05}

    def cell(at: Cell, count: int) -> Table:
        seen = np.arange(200) < count
        levers = {name: np.full(200, value) for name, value in at._asdict().items()}
        return {**levers, "loss/capital": seen * 1.0, "insolvent/net-worth": seen, "welfare": -1.0 * seen}

    return summarise(concatenate(cell(Cell(*at), count) for at, count in hits.items()), facts)


def test_the_answer_says_what_the_margin_does_and_where_the_grid_ends():
    def best(found):
        rules = found.tables["requirement"]
        return {name: rules[name][best_rule(rules)] for name in rules}

    def edges(found):
        rule = best(found)
        return edges_of(found.tables["cells"], rule["threshold"], bool(rule["open_ended"]))

    inert = {
        (lt, ltv, m): 2 if ltv < 0.6 else 60 for lt in (0.67, 0.75) for ltv in (0.55, 0.6) for m in (0.8, 1.0, 2.0)
    }
    found = made_up(inert)
    assert best(found)["option_margin"] == 1.0  # of three that lend as much
    assert edges(found) == ["liquidation threshold"]
    assert margin_effect(found.tables["cells"]) == 0
    said = " ".join(judge(found).sentences)
    assert "changes at most 0 of the 200 worlds of a cell. For this criterion it hardly matters" in said
    assert "end of the grid in liquidation threshold" in said
    felt = made_up({at: count if at[2] == 2.0 else 3 * count for at, count in inert.items()})
    assert best(felt)["option_margin"] == 2.0
    assert margin_effect(felt.tables["cells"]) == 120
    assert "hardly matters" not in " ".join(judge(felt).sentences)
    inner = made_up(
        {(lt, ltv, 1.0): 0 if lt == 0.67 and ltv < 0.6 else 60 for lt in (0.6, 0.67, 0.75) for ltv in (0.55, 0.6)}
    )
    assert edges(inner) == []


def test_the_command_writes_its_tables_and_figures_and_draws_them_again(tmp_path, capsys):
    arguments = ["study", "stress", "--scenario", "jump", "--thresholds", "0.75", "0.83", "--ltvs", "0.6", "0.7"]
    arguments += ["--option-margins", "1", "--seeds", "3", "--jobs", "1", "--out", str(tmp_path)]
    arguments += ["--world.episode-hours", "12"]
    assert main(arguments) == 0
    cells = read_csv(tmp_path / "cells.csv")
    assert cells["worlds"].tolist() == [3] * 4
    assert set(read_csv(tmp_path / "requirement.csv")["requirement"]) == {"loan-to-value", "option margin"}
    assert "No protocol of the grid is shown" in capsys.readouterr().out
    assert read_manifest(tmp_path)["facts"]["seconds"] >= 0.0
    files = {name: (tmp_path / name).read_bytes() for name in ("insolvency.png", "losses.png", "README.md")}
    for name in files:
        (tmp_path / name).unlink()
    assert main(["study", "stress", "--redraw", "--out", str(tmp_path)]) == 0
    assert {name: (tmp_path / name).read_bytes() for name in files} == files
    assert main(arguments) == 0  # everything is kept: no time to tell
    assert read_manifest(tmp_path)["facts"]["seconds"] is None
    assert STUDY.name == "stress"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--criterion", "ruin"], "criterion is 'ruin'"),
        (["--loss", "all"], "loss is 'all'"),
        (["--target", "1"], "target is 1"),
        (["--seeds", "1"], "seeds is 1"),
        (["--first", "-1"], "first is -1"),
        (["--world.venues", "2"], "venues is 2"),
        (["--scenario", "nowhere"], "nowhere"),
        (["--jobs", "0"], "jobs is 0"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message, tmp_path, capsys):
    assert main(["study", "stress", "--out", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("*.csv"))
