"""Rivalry: equilibria of known games, tables that add up and keep their symmetry, runs with a placebo, learners."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protogov.agents.ppo.trainer import DivergedError
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import HERE, Running
from protogov.experiments.core.play import FIRST_SCORING, still
from protogov.experiments.core.results import LARGEST_FIGURE, LARGEST_FOLDER, manifest, store_tables, write_manifest
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import groups, num_rows, records
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.audit.play import tape_range
from protogov.experiments.studies.audit.suites import find_suite
from protogov.experiments.studies.rivalry import games as playing
from protogov.experiments.studies.rivalry.cells import COLUMNS, OBJECTIVES, PARTIES, WELFARE, Cells, play_cells
from protogov.experiments.studies.rivalry.dataset import lengthened, read_cells, tables_of
from protogov.experiments.studies.rivalry.drawing import draw_learners, learners_in_words
from protogov.experiments.studies.rivalry.equilibria import (
    anarchy,
    equilibria,
    even,
    mixed_equilibrium,
    points_of,
    pure_equilibria,
    race,
    regret,
)
from protogov.experiments.studies.rivalry.games import GAMES, Game, Played, grid_of, play_games, world_of
from protogov.experiments.studies.rivalry.learners import anchors_of, learning_world, measure_learners
from protogov.experiments.studies.rivalry.runs import AWAY, PLACEBO, SWITCHED, Shock, play_shock
from protogov.experiments.studies.rivalry.study import STUDY, Options, _reduced

IN_W = list(PARTIES)[: list(PARTIES).index("liquidators")]
TAPES = 12


def planted(own, welfare, alone, noise=0.0):
    """A game of equal venues with these payoffs: F64[g, g] of venue 0, F64[g, g] of W of both, F64[g]."""
    size = len(own)
    drawn = np.random.default_rng(0).normal(size=(size, size, TAPES)) * noise
    table = np.stack([own[..., None] + drawn, own.T[..., None] + drawn.transpose(1, 0, 2)])
    w = np.stack([welfare[..., None] + drawn] * 2)
    totals = {name: table if name in OBJECTIVES else w for name in COLUMNS}
    alones = {name: np.repeat(alone[None, :, None], 2, axis=0).repeat(TAPES, axis=2) for name in COLUMNS}
    return Played(GAMES["alike"][0], "calm", grid_of(size), totals, np.array([1e8, 1e8]), alones)


@pytest.fixture(scope="module")
def bertrand() -> Played:
    """Linear rates: demand 1 - 2 R / .18 + R' / .18, R from 0 to 18%: Nash at 6%, joint at 9%, alone at 4.5%."""
    rate = np.linspace(0.0, 0.18, 37)
    demand = 1.0 - 2.0 * rate[:, None] / 0.18 + rate / 0.18
    return planted(rate[:, None] * demand, -(rate[:, None] + rate), rate * (1.0 - 4.0 * rate / 0.18 + rate.min()))


def test_known_games_have_their_equilibria() -> None:
    dilemma = np.array([[2.0, 0.0], [3.0, 1.0]])
    assert pure_equilibria(dilemma, dilemma.T) == [(1, 1)]
    battle = (np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 2.0]]))
    assert pure_equilibria(*battle) == [(0, 0), (1, 1)] and len(equilibria(*battle)) == 2
    rock = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    assert not pure_equilibria(rock, -rock)
    (mixed,) = equilibria(rock, -rock)
    assert not mixed.pure and mixed.first == pytest.approx(1 / 3) and mixed.second == pytest.approx(1 / 3)
    # an inspection game: the row player inspects with 1/4, the column player cheats with 2/5
    row, column = np.array([[0.0, 3.0], [2.0, 0.0]]), np.array([[3.0, 0.0], [0.0, 1.0]])
    found = mixed_equilibrium(row, column)
    assert found.first == pytest.approx([0.25, 0.75]) and found.second == pytest.approx([0.6, 0.4])
    drawn = np.random.default_rng(1).normal(size=(2, 4, 4))
    assert regret(*drawn, mixed_equilibrium(*drawn)) < 1e-9
    (near,) = equilibria(rock, -rock, exact=False)
    assert near.pure


def test_a_linear_duopoly_is_solved_to_its_known_rates(bertrand: Played) -> None:
    points = points_of(bertrand, "mandate", even(TAPES))
    (nash,) = points.nash
    assert (nash.first.argmax(), nash.second.argmax()) == (12, 12)  # 6%
    assert (points.joint.first.argmax(), points.joint.second.argmax()) == (18, 18)  # 9%
    assert (points.planner.first.argmax(), points.planner.second.argmax()) == (0, 0)
    anchors = anchors_of(bertrand, "mandate")
    # of the smoothed surface, on a grid of a hundredth of an action: .06 (1 - 2/3 + 1/3) and .09 (1 - 1/2)
    assert anchors.unique and (anchors.nash, anchors.joint) == pytest.approx((0.04, 0.045), rel=1e-2)
    assert not anchors.refusal()
    price = anarchy(bertrand, "mandate")
    assert price.lost.mean == pytest.approx(0.12) and price.lost.low == pytest.approx(0.12)
    assert price.share.mean == pytest.approx(0.12 / 0.18) and price.words == "a price"
    rivals = race(bertrand, "mandate", 0)
    assert rivals.stable == 1.0 and rivals.nash > rivals.alone and rivals.words("base_rate") == "softer than alone"
    assert rivals.words("liquidation_threshold") == "undercuts"


def test_the_best_of_cells_that_differ_by_luck_alone_is_no_planner() -> None:
    nothing = np.zeros((9, 9))
    found = anarchy(planted(nothing, nothing, np.zeros(9), noise=1.0), "mandate")
    assert found.words.startswith("planner not found") and np.isnan(found.share.mean)
    assert not found.lost.excludes_zero
    # paid on the tapes on which it was chosen it would look better than the defaults
    played = planted(nothing, nothing, np.zeros(9), noise=1.0)
    points = points_of(played, "mandate", even(TAPES))
    gain = points.planner.value(played.both(WELFARE)).mean() - points.default.value(played.both(WELFARE)).mean()
    assert gain > max(found.planner.mean, 0.0) + 0.5


# ---------------------------------------------------------------------- the world


@pytest.fixture(scope="module")
def alike() -> Played:
    (played,) = play_games(GAMES["alike"][:1], ("calm",), 3, FIRST_SCORING, 4, HERE, hours=24)
    return played


def test_half_of_the_pairs_give_the_table_of_all_and_its_parties_add_up(alike: Played) -> None:
    for name, table in alike.totals.items():
        assert table.shape == (2, 3, 3, 4)
        assert np.array_equal(table[0], table[1].transpose(1, 0, 2)), name
    np.testing.assert_allclose(sum(alike.totals[name] for name in IN_W), alike.totals[WELFARE], atol=1e-9)
    np.testing.assert_allclose(sum(alike.alone[name] for name in IN_W), alike.alone[WELFARE], atol=1e-9)
    # by hand: the corner where venue 0 is cheap on even tapes and dear on odd ones
    job = Cells("calm", ("base_rate", "base_rate"), ((-1.0, 1.0), (1.0, -1.0), (0.0, 0.0)), FIRST_SCORING, 4)
    raw = play_cells(world_of("alike", hours=24), job)[WELFARE].reshape(3, 4, 2)
    cheap, dear, level = raw
    even_tapes = np.array([True, False, True, False])
    own = np.where(even_tapes, cheap[:, 0] - level[:, 0], dear[:, 1] - level[:, 1]) + level.mean(axis=1)
    np.testing.assert_allclose(alike.totals[WELFARE][0, 0, 2], own, atol=1e-9)
    np.testing.assert_allclose(alike.totals[WELFARE][0, 1, 1], level.mean(axis=1), atol=1e-9)


def test_the_defaults_of_the_table_are_the_world_in_which_nobody_moves_and_in_which_learners_learn(
    alike: Played,
) -> None:
    world = learning_world("base_rate", "mandate", hours=24)
    seeds = tape_range(FIRST_SCORING, 4)
    welfare = sum(0.5 * (own.welfare(0) + own.welfare(1)) for own, _ in still(world, find_suite("calm"), seeds))
    np.testing.assert_allclose(alike.totals[WELFARE][0, 1, 1], welfare, atol=1e-9)


def test_the_data_set_says_the_same_in_both_forms(alike: Played, tmp_path) -> None:
    tables = tables_of([alike])
    long, short = tables["cells"], lengthened(tables, ["calm"])
    assert num_rows(long) == num_rows(short) == 9 * len(COLUMNS)
    key = ("game", "venue", "payoff", "action", "rival")
    ordered = [sorted(records(one), key=lambda row: tuple(str(row[name]) for name in key)) for one in (long, short)]
    for one, other in zip(*ordered, strict=True):
        assert [one[name] for name in key] == [other[name] for name in key]
        # parties have three digits, and every row one error
        assert other["mean"] == pytest.approx(one["mean"], rel=6e-3 if one["payoff"] in PARTIES else 1e-3)
        assert other["error"] >= 0.94 * one["error"]
    parties = [row for row in records(short) if row["payoff"] in IN_W and (row["action"], row["rival"]) == (0.0, 0.0)]
    (both,) = (row for row in records(long) if row["payoff"] == WELFARE and (row["action"], row["rival"]) == (0.0, 0.0))
    assert sum(row["mean"] for row in parties) == pytest.approx(both["mean"], abs=0.2)
    with pytest.raises(Exception, match=r"holds no manifest\.json"):
        read_cells(tmp_path)


@pytest.mark.parametrize("part", ["alike", "unlike"])
def test_git_keeps_the_data_set_of_registered_size(part: str, tmp_path) -> None:
    played = [planted_at_size(game, market) for game in GAMES[part] for market in Options().markets]
    files = store_tables(tmp_path, tables_of(played))
    assert [name for name, file in files.items() if file.endswith(".parquet")] == ["cells"]
    size = sum(path.stat().st_size for path in tmp_path.glob("*.csv"))
    assert size + LARGEST_FIGURE // 2 + 40_000 <= LARGEST_FOLDER  # the figure, and the other tables with the page
    write_manifest(tmp_path, {"study": "rivalry", **manifest("", files, {part: {"markets": Options().markets}})})
    long = read_cells(tmp_path)
    (tmp_path / "cells.parquet").unlink()
    short = read_cells(tmp_path)
    key = ("market", "game", "venue", "payoff")
    sizes = [{tuple(name.values()): num_rows(own) for name, own in groups(one, key)} for one in (long, short)]
    assert sizes[0] == sizes[1] and len(sizes[0]) == 2 * len(GAMES[part]) * len(GAMES[part][0].sides) * len(COLUMNS)
    assert set(sizes[0].values()) == {Options().grid ** 2}
    # a table that is too long after all is missed, and not silently
    parties = next(name for name in files if name.startswith("by_party_"))
    files[parties] = f"{parties}.parquet"
    write_manifest(tmp_path, {"study": "rivalry", **manifest("", files, {part: {"markets": Options().markets}})})
    with pytest.raises(BadInput, match=f"lacks {parties}.parquet: git does not keep long tables"):
        read_cells(tmp_path)


def planted_at_size(game: Game, market: str) -> Played:
    """Numbers of all sizes, and nothing for parties that a venue does not have."""
    whole, draw, totals = Options(), np.random.default_rng(2), {}
    for name in COLUMNS:
        level = 10.0 ** draw.uniform(-1.5, 1.5, (2, 1, 1, 1))
        totals[name] = level * (0.2 * draw.normal(size=(2, whole.grid, whole.grid, whole.tapes)) - 1.0)
    if game.pairing == "unlike":
        for name, venue in (("option_lps", 0), ("traders", 0), ("borrowers", 1), ("suppliers", 1)):
            totals[name][venue] = 0.0
    return Played(game, market, grid_of(whole.grid), totals, np.array([9e7, 2e7]), {})


def test_stored_folders_of_before_are_read() -> None:
    long = read_cells(Path(__file__).parents[3] / "results/rivalry/unlike")
    assert num_rows(long) >= 2 * 2 * 15**2 * 3 and (long["error"] > 0.0).any()


def test_unlike_venues_keep_to_their_trades_and_have_a_table_each() -> None:
    game = GAMES["unlike"][0]
    (played,) = play_games([game], ("calm",), 3, FIRST_SCORING, 4, HERE, hours=24)
    assert played.shares[0] == pytest.approx(90.9 / 111.1, abs=1e-3)
    for name in ("option_lps", "traders"):
        assert (played.totals[name][0] == 0.0).all() and (played.totals[name][1] != 0.0).any()
    for name in ("borrowers", "suppliers"):
        assert (played.totals[name][1] == 0.0).all() and (played.totals[name][0] != 0.0).any()
    assert set(tables_of([played])["cells"]["venue"]) == {0, 1}


def test_a_theft_of_nothing_changes_nothing_and_a_run_reaches_next_door_by_those_who_move() -> None:
    world = replace(world_of("alike", hours=168), autonomy=72.0)
    shock = Shock("calm", 0, "theft", 0.0, FIRST_SCORING, 4)
    assert all((values == 0.0).all() for values in play_shock(world, shock).values())
    away = replace(shock, kind="run away")
    run = play_shock(world, away)
    deposits = run["deposits"].reshape(4, 2)
    assert (deposits[:, 0] < -10.0).all() and deposits[:, 1].mean() < -1.0
    closed = play_shock(world.with_parameters(venue_choice=0.0), replace(away, muted=True))
    assert np.abs(closed["deposits"].reshape(4, 2)[:, 1]).max() < 0.1
    assert (closed["deposits"].reshape(4, 2)[:, 0] < -10.0).all()
    assert {PLACEBO, AWAY, SWITCHED} == {"placebo", "run away", "run away, ways closed"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "names are missing"),
        (["alike", "--grid", "4"], "grid is 4"),
        (["alike", "--tapes", "1"], "tapes is 1"),
        (["alike", "--markets", "crash-heldout"], "never trained or tuned on"),
        (["runs", "--episode-hours", "100"], "episode-hours is 100"),
        (["learners", "--levers", "slope1"], "levers holds 'slope1'"),
        (["learners", "--discounts", "1.0"], "discounts holds 1.0"),
    ],
)
def test_what_cannot_be_measured_is_refused(given: list[str], words: str, capsys) -> None:
    assert main(["study", "rivalry", *given]) == 2
    assert words in capsys.readouterr().err


def test_a_pair_that_diverges_is_left_out_and_said_and_does_not_learn_again(bertrand, tmp_path, monkeypatch) -> None:
    """Here two of the three with a discount of .95 do; nobody else learns anything."""
    begun = []

    def run(trainer) -> None:
        begun.append(trainer)
        if len(begun) in (4, 6):
            raise DivergedError("rate_0 diverged in rollout 3")

    monkeypatch.setattr("protogov.agents.ppo.trainer.Trainer.run", run)
    for _ in range(2):
        table = measure_learners([bertrand], ("mandate",), (0.0, 0.95), 3, 48.0, 2, 0, Running(1, tmp_path), 12)
        assert len(begun) == 6
    failed = ["", "", "", "rate_0 diverged in rollout 3", "", "rate_0 diverged in rollout 3"]
    assert table["failed"].tolist() == failed
    assert np.isnan(table["earned"]).tolist() == np.isnan(table["gain"]).tolist() == [bool(one) for one in failed]
    facts = {"training_seeds": 8, "market_hours": 48.0, "worlds": 2, "tapes": 12, "reduced": []}
    found = Found({"learners": table}, {"learners": facts})
    gains, left_out = learners_in_words(found)
    assert "at discount 0, " in gains and "at discount 0.95" in gains
    assert left_out == (
        "base rate under mandate in calm at discount 0.95: 2 of 3 pairs failed and are left out; the first: rate_0 "
        "diverged in rollout 3"
    )
    assert len(draw_learners(found).axes) == 1
    words = " ".join(STUDY.page(found, STUDY.judge(found)))
    assert left_out in words and "Underpowered" in words
    lost = {**table, "failed": np.where(table["discount"] > 0.0, "lost", ""), "gain": np.zeros(6)}
    none = Found({"learners": lost}, {"learners": facts})
    assert "none, every pair failed, at discount 0.95" in learners_in_words(none)[0] and draw_learners(none)


# ---------------------------------------------------------------------- at size


@pytest.mark.long
def test_two_networks_learn_at_two_discounts_and_nobody_learns_twice(tmp_path, monkeypatch) -> None:
    how = Running(1, tmp_path)
    game = Game("alike", ("half_spread", "half_spread"))
    games = list(play_games([game], ("calm",), 3, FIRST_SCORING, 4, how, hours=48))

    def learned():
        return measure_learners(games, ("mandate", "profit"), (0.0, 0.95), 1, 3000.0, 8, FIRST_SCORING, how, 48)

    table = learned()
    assert num_rows(table) == 4 and np.isfinite(table["earned"]).all()
    low, high = 0.0025, 0.12
    assert ((table["lever_0"] >= low) & (table["lever_1"] <= high)).all()
    for row in records(table):
        between = (row["earned"] - row["nash"]) / (row["joint"] - row["nash"]) if not row["refusal"] else np.nan
        assert row["gain"] == pytest.approx(between, nan_ok=True)
    monkeypatch.setattr("protogov.agents.ppo.trainer.Trainer.run", lambda self: pytest.fail("trained again"))
    again = learned()
    assert all(np.array_equal(table[name], again[name], equal_nan=table[name].dtype.kind == "f") for name in table)


@pytest.mark.long
def test_every_part_is_written_resumed_and_drawn_again(tmp_path, capsys) -> None:
    size = ["--grid", "3", "--tapes", "4", "--episode-hours", "168", "--markets", "calm", "--jobs", "1"]
    learners = ["--training-seeds", "2", "--market-hours", "4000", "--worlds", "8"]
    command = ["study", "rivalry", "all", "learners", *size, *learners, "--out", str(tmp_path)]
    assert main(command) == 0
    first = {name: (tmp_path / name / "README.md").read_text() for name in ("alike", "unlike", "runs", "learners")}
    assert "Underpowered" in first["learners"] and "**Reduced:** 2 training seeds instead of 8" in first["learners"]
    assert "placebo" in first["runs"]
    long = read_cells(tmp_path / "unlike")
    assert num_rows(long) == 2 * 2 * 9 * len(COLUMNS)
    (tmp_path / "unlike" / "cells.parquet").unlink()
    assert num_rows(read_cells(tmp_path / "unlike")) == 2 * 2 * 9 * len(COLUMNS)
    assert main(["study", "rivalry", "--redraw", "--out", str(tmp_path)]) == 0
    for name, page in first.items():
        assert (tmp_path / name / "README.md").read_text() == page
    capsys.readouterr()


def test_the_parts_of_the_study_are_judged_by_their_tables() -> None:
    assert Options().grid % 2 == 1 and STUDY.index is not None
    assert (Options().levers, Options().objectives) == (("base_rate",), ("profit",))
    assert _reduced(Options(training_seeds=2, market_hours=4000.0)) == [
        "2 training seeds instead of 8", "4000 market hours instead of 2e+06",
    ]  # fmt: skip
    words = STUDY.index({})
    assert any("Not measured yet" in line for line in words)
    assert playing.GAMES["alike"][2].name == "half_spread"
