"""What others' moves do, on one venue and on two: the search for coupling finds planted strategy and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.tuning import Budget, Constants, Episodes
from protogov.agents.tuning.objective import Tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.envs.world.levers import LEVER_INDEX, LEVERS
from protogov.experiments.audit import coupling, rivals
from protogov.experiments.audit.measurement import holm
from protogov.experiments.audit.playing import play_constants, tape_range
from protogov.experiments.audit.running import Running

SMALL = WorldConfig(episode_hours=96)
SHORT = Budget(generations=6, population=6, restarts=1)


class Game:
    """Tapes of a game of three roles: each role's best first lever is 0.3, plus `pull` times where its rivals move.

    What rivals do shifts everybody's level in any case: that is influence, and no strategy.
    """

    def __init__(self, pull, seeds):
        self.pull, self.seeds, self.scenario = pull, seeds, "toy"

    def play(self, family, points, held=None):
        others = np.zeros((len(points), len(LEVERS)))
        others[:] = 0.0 if held is None else held
        own = [LEVER_INDEX[name] for name in family.levers]
        others[:, own] = 0.0
        target = 0.3 + self.pull * np.sign(others.sum(axis=1))
        noise = np.array([np.random.default_rng(seed).normal() for seed in self.seeds])
        lost = ((points[:, 0] - target) ** 2)[:, None] * (1.0 + 0.1 * noise)[None, :]
        score = 5.0 * others.sum(axis=1)[:, None] - lost
        return Episodes({"rate": score, "risk": score, "spread": score, "welfare": score})


def play_games(monkeypatch, pull):
    opened = []

    def open_game(config, suite, first, count):
        opened.append((first, first + count))
        return Game(pull, np.arange(first, first + count))

    monkeypatch.setattr(coupling, "open_game", open_game)
    return coupling.measure_coupling(SMALL, ("toy",), 16, 4, SHORT), opened


def test_optima_that_move_are_found_coupled(monkeypatch):
    found, _ = play_games(monkeypatch, pull=0.5)
    assert (found.table["p_holm"] < coupling.LEVEL).all()
    assert (found.table["regret"] > 0.1).all()  # 0.25 for a stale answer, less what the search missed
    assert not coupling.short_searches(found.table).any()
    assert "12 of 12 stale responses" in found.said


def test_influence_without_strategy_is_not_coupled_though_every_search_ends_elsewhere(monkeypatch):
    found, _ = play_games(monkeypatch, pull=0.0)
    # all states rank the pool alike, so that one response is picked for all of them: no regret, not even noise
    assert not found.table["regret"].any()
    assert not found.table["moved"].any()
    assert "0 of 12 stale responses" in found.said


def test_responses_are_searched_picked_and_scored_on_tapes_that_share_none(monkeypatch):
    _, opened = play_games(monkeypatch, pull=0.0)
    sets = sorted(set(opened))
    assert len(sets) == 3
    assert all(before[1] <= after[0] for before, after in zip(sets, sets[1:], strict=False))


def test_a_response_is_left_only_for_one_that_the_tapes_support():
    defaults = np.array([[1.0, 1.2, 0.8], [0.0, 0.2, -0.2]])
    luck = np.array([[0.0, 0.0, 0.0], [9.0, -4.0, -4.0]])  # better on average by one tape
    clear = np.array([[0.0, 0.0, 0.0], [0.9, 1.0, 1.1]])
    assert coupling.pick_responses([defaults, luck, clear, defaults]) == [0, 0, 1, 0]


def test_a_search_that_fell_short_at_the_defaults_is_told_from_strategy():
    table = {
        "at_defaults": np.array([1.0, -1.0, 0.0]), "at_defaults_error": np.array([0.1, 0.1, 0.0]),
        "moved": np.array([True, True, False]),
    }  # fmt: skip
    assert coupling.short_searches(table).tolist() == [True, False, False]


def test_holm_steps_down_and_keeps_the_order():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.5])), [0.04, 0.09, 0.09, 0.5])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_moves_name_levers_of_the_role_that_moves():
    for role, moves in coupling.MOVES.items():
        assert all(set(move) <= set(ROLES[role].levers) for move in moves.values())


def test_coupling_plays_the_world_itself_and_takes_up_what_is_kept(tmp_path, monkeypatch):
    config, budget = WorldConfig(episode_hours=12), Budget(generations=2, population=4, restarts=1)
    how = Running(keep=tmp_path)

    def measure(budget):
        return coupling.measure_coupling(config, ("jump",), 2, 2, budget, roles=("rate", "risk"), how=how).table

    first = measure(budget)
    assert np.isfinite(first["regret"]).all()
    assert set(first["answerer"]) == {"rate", "risk"}
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 2
    kept[0].unlink()  # as if the run had been cut off
    played = []
    searched = coupling.tune
    monkeypatch.setattr(coupling, "tune", lambda *a, **k: played.append(k["measure"]) or searched(*a, **k))
    again = measure(budget)
    assert set(played) == {"rate"}  # the other piece was taken as it lay there
    for name, column in first.items():
        assert np.array_equal(column, again[name])
    measure(replace(budget, generations=3))
    assert len(list(tmp_path.iterdir())) == 4  # another budget is another piece


TWO = WorldConfig(episode_hours=24, venues=2)


def externality(config, moves, tapes=4):
    points = rivals.externality_points(moves).reshape(-1, 2, len(LEVERS))
    return play_constants(config, "jump", tape_range(2**41, tapes), points)


def test_the_externality_of_the_same_move_is_exactly_nothing_and_of_another_is_not():
    moves = rivals.rival_moves()
    still = {("rate", "still"): np.zeros(2 * len(LEVERS))}
    rows = rivals.externality_rows("jump", still, externality(TWO, still))
    assert (rows[0]["mandate"], rows[0]["welfare"], rows[0]["welfare_high"]) == (0.0, 0.0, 0.0)
    assert all(not point[: len(LEVERS)].any() and point[len(LEVERS) :].any() for point in moves.values())
    moved = {("rate", "dear"): moves["rate", "dear"]}
    assert externality(TWO, moved)["welfare/0"][1].tolist() != externality(TWO, moved)["welfare/0"][0].tolist()


def test_a_rival_whose_governor_may_not_move_anything_does_nothing_to_anybody():
    frozen = replace(TWO, autonomy=0.0)
    moves = rivals.rival_moves()
    rows = rivals.externality_rows("jump", moves, externality(frozen, moves))
    assert len(rows) == 6
    assert not any(row["mandate"] or row["welfare"] for row in rows)


def test_a_duel_holds_the_rival_and_moves_one_venue_alone():
    family = Constants(role_levers("rate"))
    points = np.array([[0.0] * 4, [0.5, 0.8, 0.8, -0.4]])
    duel = coupling.open_game(TWO, "jump", 2**41, 2)
    assert isinstance(duel, coupling.Duel)
    alone, beside = duel.play(family, points), duel.play(family, points, coupling.held_actions({"base_rate": 1.0}))
    assert set(alone.totals) == {"welfare", "rate", "risk", "spread"}
    assert not np.array_equal(alone.totals["rate"], beside.totals["rate"])
    both = np.zeros((1, 2, len(LEVERS)))
    both[0, 0, : len(LEVERS)] = coupling.held_actions(dict(zip(family.levers, points[1], strict=True)))
    direct = play_constants(TWO, "jump", tape_range(2**41, 2), both)
    assert np.array_equal(direct["mandate/rate_0"][0], alone.totals["rate"][1])
    assert isinstance(coupling.open_game(SMALL, "jump", 2**41, 2), Tapes)


def test_rivals_are_measured_on_two_venues(tmp_path):
    budget = Budget(generations=1, population=4, restarts=1)
    found = rivals.measure_rivals(
        WorldConfig(episode_hours=12), ("jump",), 4, 2, 2, budget, ("rate",), Running(keep=tmp_path)
    )
    assert found.table["move"].tolist() == ["cheap", "dear"]
    assert found.more["rivals_regrets"]["mover"].tolist() == ["rate", "rate"]
    assert "of 2 moves of a rival" in found.said
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("survives", [True, False])
def test_the_words_on_rivals_count_what_is_beyond_chance(survives):
    table = {
        "role": np.array(["rate"]), "move": np.array(["dear"]), "suite": np.array(["stress"]),
        "welfare": np.array([19.0]), "welfare_low": np.array([17.0]), "welfare_high": np.array([21.0]),
    }  # fmt: skip
    regrets = {"p_holm": np.array([0.01 if survives else 0.5]), "regret": np.array([0.4])}
    said = rivals.say(table, regrets)
    assert "1 of 1 moves" in said and "rate dear on stress +19.0 [+17.0, +21.0]" in said
    assert f"{int(survives)} of 1 stale answers" in said
