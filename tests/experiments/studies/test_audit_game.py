"""What others' moves do, on one venue and on two: the search for coupling finds planted strategy and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.tuning import Constants
from protogov.agents.tuning.objective import Tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.core.fresh_tapes import FIRST_PICKING
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.play import FIRST_SCORING, FIRST_SELECTION
from protogov.experiments.core.statistics import holm
from protogov.experiments.core.study import Found
from protogov.experiments.studies.audit import coupling, play, rivals, search
from protogov.experiments.studies.audit.claims import NO_SIGN, by_candidate
from protogov.experiments.studies.audit.plan import ROLES as GOVERNED
from protogov.experiments.studies.audit.plan import Audit, Sizes
from protogov.experiments.studies.audit.play import play_constants, tape_range

SMALL = WorldConfig(episode_hours=96)
SHORT = Sizes(generations=6, population=6, search_seeds=4, pick_seeds=16, num_seeds=16, claim_seeds=32)


def toy_world(pull, opened):
    """A game of three roles: each role's best first lever is 0.3, plus `pull` times where its rivals move.

    What rivals do shifts everybody's level in any case: that is influence, and no strategy.
    """

    def play(config, scenario, seeds, actions):
        opened.append((int(seeds[0]), int(seeds[-1])))
        noise = np.array([np.random.default_rng(int(seed)).normal() for seed in seeds])
        totals = {"welfare/0": np.zeros((len(actions), len(seeds)))}
        for role in GOVERNED:
            own = [LEVER_INDEX[name] for name in role_levers(role)]
            others = np.delete(actions[:, 0], own, axis=1).sum(axis=1)
            lost = (actions[:, 0, own[0]] - 0.3 - pull * np.sign(others)) ** 2
            score = 5.0 * others[:, None] - lost[:, None] * (1.0 + 0.1 * noise)
            totals[f"mandate/{role}_0"] = score
        return totals

    return play


def play_games(monkeypatch, pull):
    opened = []
    for module in (search, play):
        monkeypatch.setattr(module, "play_constants", toy_world(pull, opened))
    found = coupling.measure(Audit(SMALL, ("jump",), SHORT))
    return found.tables["coupling"], coupling.summarise(found), opened


def test_optima_that_move_are_found_coupled(monkeypatch):
    table, said, _ = play_games(monkeypatch, pull=0.5)
    assert (table["p_holm"] < coupling.LEVEL).all()
    assert (table["regret"] > 0.1).all()  # 0.25 for a stale answer, less what the search missed
    assert not coupling.fell_short(table).any()
    assert (table["tapes"] == 32).all()
    assert "12 of 12 stale responses" in said[0]
    assert len(said) == 4  # and the largest regret of each role


def test_influence_without_strategy_is_not_coupled_though_every_search_ends_elsewhere(monkeypatch):
    table, said, opened = play_games(monkeypatch, pull=0.0)
    # all states rank the pool alike, so that one response is picked for all of them: no regret, and none is scored
    assert not table["moved"].any()
    assert np.isnan([table[name] for name in ("regret", "standard_error", "z", "p", "p_holm")]).all()
    assert (table["resolution"] > 0.0).all()
    assert "0 of 12 stale responses" in said[0]
    assert "no better reply found to 12 of 12 moves" in said[1] and len(said) == 2
    assert max(last for _, last in opened) < FIRST_SCORING


def test_responses_are_searched_picked_and_scored_on_tapes_that_share_none(monkeypatch):
    *_, opened = play_games(monkeypatch, pull=0.5)
    assert set(opened) == {
        (FIRST_SELECTION, FIRST_SELECTION + 3), (FIRST_PICKING, FIRST_PICKING + 15),
        (FIRST_SCORING, FIRST_SCORING + 15), (FIRST_SCORING + 16, FIRST_SCORING + 31),
    }  # fmt: skip


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
    assert coupling.fell_short(table).tolist() == [True, False, False]


def test_holm_steps_down_and_keeps_the_order():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.5])), [0.04, 0.09, 0.09, 0.5])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    np.testing.assert_allclose(holm(np.array([np.nan, 0.01, np.nan, 0.04])), [np.nan, 0.02, np.nan, 0.04])


def test_moves_name_levers_of_the_role_that_moves():
    for role, moves in coupling.MOVES.items():
        assert all(set(move) <= set(ROLES[role].levers) for move in moves.values())


def test_coupling_plays_the_world_itself_and_takes_up_what_is_kept(tmp_path, monkeypatch):
    sizes = Sizes(generations=2, population=4, search_seeds=2, pick_seeds=2, num_seeds=2, claim_seeds=2)
    config, how = WorldConfig(episode_hours=12), Running(keep=tmp_path)

    def measure(sizes):
        found = coupling.measure(Audit(config, ("jump",), sizes, how=how), ("rate", "risk"))
        return found.tables["coupling"]

    first = measure(sizes)
    assert np.isfinite(first["resolution"]).all()
    assert set(first["answerer"]) == {"rate", "risk"}
    (tmp_path / next(path.name for path in tmp_path.glob("coupling_jump_rate_2_*"))).unlink()  # as if cut off
    played = []
    searched = search.evolve
    monkeypatch.setattr(search, "evolve", lambda start, *a, **k: played.append(k["seed"]) or searched(start, *a, **k))
    again = measure(sizes)
    assert played == [2]  # the other pieces were taken as they lay there
    for name, column in first.items():
        np.testing.assert_array_equal(column, again[name])
    before = len(list(tmp_path.glob("coupling_*")))
    measure(replace(sizes, generations=3))
    assert len(list(tmp_path.glob("coupling_*"))) == 2 * before == 12  # another budget is another piece


TWO = WorldConfig(episode_hours=24, venues=2)


def externality(config, moves, tapes=4):
    points = rivals.externality_points(moves).reshape(-1, 2, len(LEVERS))
    totals = play_constants(config, "jump", tape_range(2**41, tapes), points)
    return by_candidate(totals)


def test_the_externality_of_the_same_move_is_exactly_nothing_and_of_another_is_not():
    moves = coupling.moves_of(GOVERNED)
    still = {("rate", "still"): np.zeros(len(LEVERS))}
    rows = rivals.externality_rows("jump", still, externality(TWO, still), 4)
    assert (rows[0]["mandate"], rows[0]["welfare"], rows[0]["welfare_high"]) == (0.0, 0.0, 0.0)
    points = rivals.externality_points(moves)
    assert not points[:, : len(LEVERS)].any() and points[1:, len(LEVERS) :].any(axis=1).all()
    moved = {("rate", "dear"): moves["rate", "dear"]}
    nobody, dear = externality(TWO, moved)
    assert nobody["welfare/0"].tolist() != dear["welfare/0"].tolist()


def test_a_rival_whose_governor_may_not_move_anything_does_nothing_to_anybody():
    frozen = replace(TWO, autonomy=0.0)
    moves = coupling.moves_of(GOVERNED)
    rows = rivals.externality_rows("jump", moves, externality(frozen, moves), 4)
    assert len(rows) == 6
    assert not any(row["mandate"] or row["welfare"] for row in rows)


def test_an_answerer_moves_its_own_levers_and_others_are_held():
    family = Constants(role_levers("rate"))
    points = np.array([[0.0] * 4, [0.5, 0.8, 0.8, -0.4]])
    held = coupling.move_actions({"base_rate": 1.0, "half_spread": 0.5})
    seeds = tape_range(2**41, 2)
    duel = search.ResponseTapes(TWO, "jump", seeds)
    alone, beside = duel.play(family, points), duel.play(family, points, held)
    assert set(alone.totals) == {"welfare", "rate", "risk", "spread"}
    assert not np.array_equal(alone.totals["rate"], beside.totals["rate"])
    both = np.zeros((1, 2, len(LEVERS)))
    both[0, 0], both[0, 1] = coupling.move_actions(dict(zip(family.levers, points[1], strict=True))), held
    direct = play_constants(TWO, "jump", seeds, both)
    assert np.array_equal(direct["mandate/rate_0"][0], beside.totals["rate"][1])
    # on one venue it is what the tuner plays
    one = search.ResponseTapes(SMALL, "jump", seeds).play(family, points, held).totals
    tuner = Tapes(SMALL, "jump", seeds).play(family, points, held).totals
    assert all(np.array_equal(one[name], tuner[name]) for name in ("rate", "welfare"))


def test_rivals_are_measured_on_two_venues_and_claim_signs_on_more_tapes(tmp_path):
    sizes = Sizes(generations=1, population=4, search_seeds=2, pick_seeds=2, num_seeds=4, claim_seeds=6)
    how = Running(keep=tmp_path)
    found = rivals.measure(Audit(WorldConfig(episode_hours=12), ("jump",), sizes, how=how), ("rate",))
    table, said = found.tables["rivals"], rivals.summarise(found)
    assert table["move"].tolist() == ["cheap", "dear"]
    assert found.tables["rivals_regrets"]["mover"].tolist() == ["rate", "rate"]
    assert set(table["tapes"]) <= {4, 6}
    assert not (table["tapes"] == 4)[table["welfare_sign"] != NO_SIGN].any()
    assert "of 2 moves of a rival's same role change its own mandate" in said[0]
    assert "change its W" in said[1]


@pytest.mark.parametrize(("survives", "claimed"), [(True, True), (False, True), (False, False)])
def test_the_words_on_rivals_count_what_is_beyond_chance(survives, claimed):
    table = {
        "role": np.array(["rate", "rate"]), "move": np.array(["dear", "cheap"]), "suite": np.array(["stress"] * 2),
        "welfare": np.array([19.0, -40.0]), "welfare_low": np.array([17.0, -90.0]),
        "welfare_high": np.array([21.0, 10.0]), "mandate": np.array([1.0, 2.0]), "mandate_low": np.array([-1.0, -2.0]),
        "mandate_high": np.array([3.0, 6.0]), "mandate_sign": np.array([NO_SIGN] * 2),
        "welfare_sign": np.array(["plus" if claimed else NO_SIGN, NO_SIGN]),
    }  # fmt: skip
    regrets = {
        "p_holm": np.array([0.01 if survives else 0.5, np.nan]), "regret": np.array([0.4, np.nan]),
        "moved": np.array([True, False]), "resolution": np.array([0.1, 0.3]),
    }  # fmt: skip
    mandate, welfare, answers, none = rivals.summarise(Found({"rivals": table, "rivals_regrets": regrets}))
    assert mandate.startswith("0 of 2 moves") and "largest rate unclear" in mandate
    # the larger one is not told from nothing
    assert ("rate dear on stress +19.0 [+17.0, +21.0]" if claimed else "rate unclear") in welfare
    assert f"{int(survives)} of 2 stale answers" in answers and ("+0.40" in answers) is survives
    assert none.startswith("no better reply found to 1 of 2 moves") and "0.3 to 0.3" in none
