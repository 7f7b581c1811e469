"""The audit's machinery: what is picked is scored elsewhere, planted optima are told, finished pieces are kept."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.tuning import Constants, open_tapes
from protogov.agents.tuning.objective import role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVERS
from protogov.experiments.cli import main
from protogov.experiments.core import pieces as core_pieces
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.fresh_tapes import FIRST_PICKING, Effort, search_tapes
from protogov.experiments.core.governors import STATIC, baseline
from protogov.experiments.core.pieces import Piece, Running, piece_digest, run_pieces
from protogov.experiments.core.play import FIRST_SCORING, FIRST_SELECTION
from protogov.experiments.core.results import load_tables, read_manifest, write_manifest
from protogov.experiments.core.statistics import Interval, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import spaced
from protogov.experiments.studies.audit import (
    balance,
    cheaters,
    claims,
    contests,
    ensemble,
    optima,
    plan,
    room,
    study,
    suites,
    tuned,
    worth,
)
from protogov.experiments.studies.audit import play as playing
from protogov.experiments.studies.audit import search as searching
from protogov.experiments.studies.audit.plan import Audit, Sizes
from protogov.experiments.studies.audit.play import (
    LEVER_NAMES,
    Play,
    play_all,
    play_constants,
    tape_range,
)
from protogov.experiments.studies.audit.search import Search, offers, search_piece

DAY = WorldConfig(episode_hours=24)
TINY = Effort(generations=2, population=4, tapes=2)
SMALL = Sizes(num_seeds=4, generations=2, population=4, search_seeds=2, pick_seeds=3)
JUMP = Audit(DAY, ("jump",), SMALL)


def test_suites_are_made_of_markets_that_may_be_learned_from():
    assert sum(suites.market_shares("natural").values()) == pytest.approx(1.0)
    stress = suites.market_shares("stress")
    assert set(stress) <= set(suites.market_shares("natural"))
    assert set(stress.values()) == {1.0 / len(stress)}
    assert all(name.startswith("crisis-") for name in stress)
    assert suites.market_shares("jump") == {"jump": 1.0}
    for market in suites.market_shares("natural"):
        assert suites.find_suite(market).name == market
    with pytest.raises(BadInput, match="never trained or tuned on"):
        suites.find_suite("crash-heldout")


def test_constants_played_as_rows_are_those_of_the_tuner_and_add_up_the_pool_s_market_profit():
    points = np.zeros((2, len(LEVERS)))
    points[1, :4] = (0.5, 0.8, 0.8, -0.4)
    seeds = tape_range(2**41, 3)
    totals = play_constants(DAY, "jump", seeds, points[:, None, :])
    (tapes,) = open_tapes(DAY, ["jump"], 2**41, 3)
    direct = tapes.play(Constants(role_levers("joint")), points).totals
    assert np.array_equal(totals["welfare/0"], direct["welfare"])
    assert np.array_equal(totals["mandate/spread_0"], direct["spread"])
    # the whole episode's market profit, not the last decision's
    held = evaluate(DAY, "jump", seeds, baseline(STATIC, DAY).make(DAY))
    profit = held["pool_delta/0"] + held["pool_gamma_theta/0"] + held["pool_vega/0"]
    assert totals["market_profit/0"].shape == (2, 3)
    assert totals["market_profit/0"][0] == pytest.approx(profit) and profit.any()


def test_a_batch_is_cut_where_it_must_be_without_changing_a_number(monkeypatch):
    points = np.random.default_rng(0).uniform(-1, 1, (3, 1, len(LEVERS)))
    whole = play_constants(DAY, "jump", tape_range(2**41, 4), points)
    monkeypatch.setattr(playing, "MAX_ROWS", 3)
    assert all(np.array_equal(values, whole[name]) for name, values in
               play_constants(DAY, "jump", tape_range(2**41, 4), points).items())  # fmt: skip


def test_pieces_of_tapes_are_put_together_in_their_order(monkeypatch):
    monkeypatch.setattr(playing, "play_constants", toy_game(0.0))
    for chunk, count in ((2, 5), (10, 5), (12, 5), (1024, 1)):  # more tapes than a piece; two candidates a piece; all
        monkeypatch.setattr(playing, "CHUNK", chunk)
        job = Play("jump", tuple((place,) * 12 for place in (0.0, 0.1, 0.5)), 2**41, count)
        found = play_all(DAY, {"a": job}, Running(), "test")["a"]
        direct = toy_game(0.0)(DAY, "jump", tape_range(2**41, count), np.array(job.points)[:, None, :])
        assert np.array_equal(found["welfare/0"], direct["welfare/0"])
    # many tapes of a candidate are a part of their own: what another one asks for, too, is played once
    (parts,) = playing.split_job(Play("jump", job.points, 0, 1024))
    assert [part.points for part in parts] == [(point,) for point in job.points]


def test_what_is_asked_for_twice_is_played_once():
    played = []

    def play(config, job):
        played.append(job.first)
        return {"first": np.array([job.first])}

    pieces = [Piece(f"p{at}", Play("jump", (), first, 1)) for at, first in enumerate((5, 6, 5))]
    found = run_pieces(play, DAY, pieces, Running(), "test")
    assert [int(part["first"][0]) for part in found] == [5, 6, 5]
    assert played == [5, 6]


def test_a_search_finds_a_planted_optimum_keeps_to_its_limits_and_leaves_other_levers_alone():
    target = np.zeros(len(LEVERS))
    target[:4] = (0.4, -0.3, 0.2, 0.95)
    effort = Effort(generations=40, population=10, tapes=1)
    job = Search("jump", role_levers("rate"), effort, 1, (0.1,) * 12, {"optimal_utilisation": (-0.8, 0.8)})

    def score(generation, actions):
        noise = np.random.default_rng(generation).normal()  # the same for all candidates of a generation
        return noise - ((actions[:, :4] - target[:4]) ** 2).sum(axis=1)

    for found in offers(job, score):
        np.testing.assert_allclose(found[:3], target[:3], atol=0.15)
        assert 0.6 < found[3] <= 0.8
        assert (found[4:] == 0.1).all()


def test_searches_share_no_tape_with_each_other_with_picking_or_with_scoring():
    jobs = [Search("natural", LEVER_NAMES, tuned.SIZES.effort, seed) for seed in tuned.SEEDS]
    for lever in LEVER_NAMES:
        (*own,) = contests.lever_searches(
            "natural", lever, np.full(12, 0.95), 1.0, optima.SIZES.effort, contests.SEARCHES
        )
        jobs += own
    assert len(jobs) == 3 + 3 * 12
    assert all(job.effort.distinct >= 1024 for job in jobs)
    jobs += room.room_searches("rate", suites.SUITES, room.SIZES.effort)
    seen = [seed for job in jobs for seed in search_tapes(job.seed, job.effort)]
    assert len(set(seen)) == len(seen)
    assert FIRST_SELECTION <= min(seen) and max(seen) < FIRST_PICKING < FIRST_SCORING
    with pytest.raises(ValueError, match="at most"):
        search_tapes(1, Effort(2**10, 4, 2**10))


def test_every_generation_plays_tapes_of_its_own(monkeypatch):
    seen = []

    def play(config, scenario, seeds, actions):
        seen.append(seeds.tolist())
        return {"welfare/0": np.zeros((len(actions), len(seeds)))}

    monkeypatch.setattr(searching, "play_constants", play)
    job = Search("jump", role_levers("rate"), Effort(3, 4, 2), 2)
    search_piece(DAY, job)
    assert [seed for seeds in seen for seed in seeds] == list(search_tapes(job.seed, job.effort))


def test_the_best_of_three_is_picked_on_selection_and_scored_on_other_tapes(monkeypatch):
    played = []

    def play(config, asked, how, label):
        played.extend((label, job.first, job.count) for job in asked.values())
        return play_all(config, asked, how, label)

    monkeypatch.setattr(plan, "play_all", play)
    found = tuned.measure(JUMP)
    assert played == [("tuned: picking", FIRST_PICKING, 3), ("tuned: scoring", FIRST_SCORING, 4)]
    assert found.tables["tuned_searches"]["search"].tolist() == [1, 2, 3]
    assert found.tables["tuned_constants"]["lever"].tolist() == list(LEVER_NAMES)


def test_the_pick_is_the_best_offer_or_the_defaults():
    points = np.arange(7.0)[:, None] * np.ones(12)
    welfare = np.array([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0], [0.0, 9.0], [3.0, 3.0], [1.0, 1.5], [0.0, 0.0]])
    best = tuned.pick_tuned(points, welfare)
    assert (best.seed, best.point[0]) == (2, 3.0)
    assert best.gains == {1: 1.0, 2: 3.5, 3: 0.25}
    worse = tuned.pick_tuned(points, -welfare * np.arange(7.0)[:, None])
    assert (worse.seed, worse.point.any()) == (0, False)


def toy_game(peak):
    """W of constants: best where the first lever is at `peak` and the others are at .2."""

    def play(config, scenario, seeds, actions):
        noise = np.array([np.random.default_rng(int(seed)).normal() for seed in seeds])
        away = (actions[:, 0, 0] - peak) ** 2 + ((actions[:, 0, 1:] - 0.2) ** 2).sum(axis=1)
        totals = -away[:, None] * (1.0 + 0.1 * noise) + noise
        return {"welfare/0": totals, "market_profit/0": np.zeros_like(totals)}

    return play


def measure_toy(monkeypatch, play, generations=12):
    asked = Sizes(num_seeds=8, grid_seeds=8, claim_seeds=32, pick_seeds=16, search_seeds=2, population=8,
                  generations=generations)  # fmt: skip
    monkeypatch.setattr(playing, "play_constants", play)
    monkeypatch.setattr(searching, "play_constants", play)
    return optima.measure(Audit(DAY, ("jump",), asked))


@pytest.mark.parametrize(("peak", "edge"), [(1.5, True), (-1.5, True), (0.3, False)])
def test_a_planted_optimum_at_an_edge_is_told_from_one_inside(monkeypatch, peak, edge):
    found = measure_toy(monkeypatch, toy_game(peak))
    table = found.tables["optima"]
    assert bool(table["at_edge"][0]) is edge
    assert not table["at_edge"][1:].any()
    assert table["lone_action"][1:].tolist() == [0.2] * 11
    assert np.isnan(table["loss_within"][0]) != edge
    if edge:  # the verdict is on where the lever stands in the best constants, and claimed on all tapes
        assert abs(table["free_action"][0]) > 0.9 and abs(table["kept_action"][0]) <= 0.8
        assert (table["loss_tapes"][0], table["searches"][0]) == (32, contests.SEARCHES)
        assert (
            table["free_value"][0]
            == playing.lever_values(np.array([table["free_action"][0], *[0] * 11]), DAY)["base_rate"]
        )
    assert ("1 at an edge" in optima.summarise(found)[0]) is edge


def test_an_edge_that_is_best_only_with_the_others_tuned_is_found(monkeypatch):
    def play(config, scenario, seeds, actions):
        x, others = actions[:, 0, 0], actions[:, 0, 1:]
        noise = np.array([np.random.default_rng(int(seed)).normal() for seed in seeds])
        # alone the first lever is best at its default; where the others are tuned, at its upper edge
        pull = 2.0 * np.clip(others[:, 0] - 0.1, 0.0, 0.4) * x - 0.05 * x**2
        welfare = pull - ((others - 0.5) ** 2).sum(axis=1)
        return {"welfare/0": welfare[:, None] + noise, "market_profit/0": np.zeros((len(x), len(seeds)))}

    table = measure_toy(monkeypatch, play, 40).tables["optima"]
    assert table["lone_action"][0] == 0.0 and table["free_action"][0] > 0.9
    assert table["at_edge"].tolist() == [True] + [False] * 11


def test_a_lever_that_is_best_alone_at_an_edge_but_not_with_the_others_tuned_is_at_none(monkeypatch):
    def play(config, scenario, seeds, actions):
        x, others = actions[:, 0, 0], actions[:, 0, 1:]
        noise = np.array([np.random.default_rng(int(seed)).normal() for seed in seeds])
        # with the others at .5, where they are best, at .4
        away = (x - 1.2 + 1.6 * others[:, 0]) ** 2 + 2.0 * ((others - 0.5) ** 2).sum(axis=1)
        welfare = -away[:, None] * (1.0 + 0.1 * noise) + noise
        return {"welfare/0": welfare, "market_profit/0": np.zeros_like(welfare)}

    table = measure_toy(monkeypatch, play, 40).tables["optima"]
    assert table["lone_action"][0] == 1.0 and table["searches"][0] > 0
    assert abs(table["free_action"][0]) < 0.9 and not table["at_edge"].any()


def spread(mean, error, n):
    return Interval(mean, mean - 2.0 * error, mean + 2.0 * error, n, error)


def test_an_edge_needs_the_best_beyond_and_a_loss_within_that_is_no_chance_on_all_tapes():
    assert optima.at_edge(1.0, spread(1.0, 0.4, 100), 100)
    assert not optima.at_edge(1.0, spread(1.0, 0.4, 99), 100)
    assert not optima.at_edge(1.0, spread(1.0, 0.6, 100), 100)
    assert not optima.at_edge(0.9, spread(1.0, 0.4, 100), 100)
    assert not optima.at_edge(-1.0, spread(0.0, 0.0, 100), 100)
    assert not optima.at_edge(1.0, None, 100)
    flat = np.zeros(len(optima.PLACES))
    assert optima.PLACES[optima.best_place(flat)] == 0.0  # what changes nothing is best where it is


def test_a_lever_may_be_best_at_an_edge_by_its_best_place_by_one_that_is_as_good_or_by_tuned_constants():
    noise = np.random.default_rng(0).normal(size=(len(optima.PLACES), 64))
    flat, places = np.zeros((len(optima.PLACES), 64)), np.array(optima.PLACES)
    assert optima.edge_side(flat, 0.5) == 0.0
    assert optima.edge_side(flat, -0.95) == -1.0
    assert optima.edge_side(places[:, None] + 0.01 * noise, 0.0) == 1.0
    inside = -((places - 0.2) ** 2)[:, None]
    assert optima.edge_side(inside + 0.01 * noise, 0.0) == 0.0  # .2 is better beyond doubt
    near = inside + 0.01 * noise
    near[0] = near[places.tolist().index(0.2)] + np.where(np.arange(64) % 2, 0.5, -0.51)  # worse by luck alone
    assert optima.edge_side(near, 0.0) == -1.0


def test_a_lever_is_kept_within_and_held_at_its_edge_as_far_as_tuned_constants_do_not_do_so():
    number = LEVER_NAMES.index("vega_fee")

    def searches(place, count=1):
        return contests.lever_searches("natural", "vega_fee", np.full(12, place), 1.0, TINY, count)

    (kept,) = searches(0.95)
    assert kept.start[number] == 0.8 and kept.limits == {"vega_fee": (-0.8, 0.8)} and "vega_fee" in kept.levers
    (held,) = searches(0.5)
    assert held.start[number] == 1.0 and "vega_fee" not in held.levers
    assert len(searches(0.85)) == 2
    assert len({job.seed for job in searches(0.5, 3)}) == 3
    points = np.zeros((2, 12))
    points[:, number] = (0.83, -0.2)
    copies = contests.snapped(points, "vega_fee", 1.0)
    assert sorted(copies[:, number].tolist()) == [-0.2, 0.8, 0.83, 1.0]
    pool = np.zeros((3, 12))
    pool[:, number] = (1.0, 0.8, 0.5)
    free, inside = contests.pick_sides(pool, np.array([2.0, 0.0, 1.0]), "vega_fee")
    assert (free[number], inside[number]) == (1.0, 0.5)


def test_only_what_may_have_a_sign_goes_on_to_the_tapes_of_a_claim(monkeypatch):
    monkeypatch.setattr(playing, "play_constants", toy_game(0.0))
    points = ((0.0,) * 12, (0.2,) * 12, (0.0, *(0.2,) * 11))
    job = Play("jump", points, 2**42, 4)
    found = claims.play_claims(DAY, {"a": job}, 10, lambda name, totals: {0, 2}, Running(), "test")["a"]
    assert [one["welfare/0"].size for one in found] == [10, 4, 10]
    direct = toy_game(0.0)(DAY, "jump", tape_range(2**42, 10), np.array(points)[:, None, :])["welfare/0"]
    assert np.array_equal(found[2]["welfare/0"], direct[2])
    assert claims.difference(found, "welfare/0", 2, 0).n == 10
    assert claims.difference(found, "welfare/0", 1, 0).n == 4
    clear = spread(1.0, 0.1, 10)
    assert (claims.sign_of(clear, 10), claims.sign_of(clear, 11)) == ("plus", claims.NO_SIGN)
    assert claims.sign_of(spread(-1.0, 0.1, 10), 10) == "minus"
    assert claims.sign_of(spread(0.1, 0.1, 10), 10) == claims.NO_SIGN


def test_values_of_levers_are_those_of_the_world_that_is_measured():
    world = replace(DAY, defaults={"half_spread": 0.11})
    still, moved = np.zeros(12), np.linspace(-1.0, 1.0, 12)
    assert playing.lever_values(still, world)["half_spread"] == 0.11
    expected = {lever.name: float(lever.value(np.array(place))) for lever, place in zip(LEVERS, moved, strict=True)}
    assert playing.lever_values(moved, DAY) == pytest.approx(expected)


def test_sobol_points_are_in_range_reproducible_and_of_one_role():
    points = worth.sobol_points("risk", 64)
    assert np.array_equal(points, worth.sobol_points("risk", 64))
    own = [LEVER_NAMES.index(name) for name in role_levers("risk")]
    assert (np.abs(points) <= 1.0).all()
    assert not np.delete(points, own, axis=1).any()
    # every quarter of every lever's range holds a quarter of the points
    counts = [np.histogram(points[:, lever], 4, (-1.0, 1.0))[0].tolist() for lever in own]
    assert counts == [[16] * 4] * 4
    with pytest.raises(ValueError, match="power of two"):
        worth.sobol_points("risk", 48)


def test_the_ends_of_a_role_s_range_are_picked_on_selection_and_scored_on_other_tapes(monkeypatch):
    means = np.arange(101.0)[::-1]
    assert worth.pick_ends(means) == [100, 95, 5, 0]
    welfare = np.array([[1.0, 3.0], [0.0, 2.0], [1.0, 3.0], [4.0, 7.0], [10.0, 12.0]])
    row = worth.range_row(welfare)
    assert [row[name] for name in worth.ENDS] == [-1.0, 0.0, 3.5, 9.0]
    assert (row["range"], row["range_90"]) == (10.0, 3.5)
    played = []

    def play(config, asked, how, label):
        played.extend((job.first, job.count, len(job.points)) for job in asked.values())
        return play_all(config, asked, how, label)

    monkeypatch.setattr(plan, "play_all", play)

    # noise that differs from point to point makes a range of means where there is none
    def chance(config, scenario, seeds, actions):
        keys = [[abs(hash((int(seed), row.tobytes()))) for seed in seeds] for row in actions]
        return {"welfare/0": np.array([[np.random.default_rng(key).normal() for key in row] for row in keys])}

    monkeypatch.setattr(playing, "play_constants", chance)
    found = worth.measure(Audit(DAY, ("jump",), Sizes(num_seeds=256, points=64, pick_seeds=4)))
    assert set(played) == {(FIRST_PICKING, 4, 65), (FIRST_SCORING, 256, 5)}
    assert np.ptp(found.tables["worth_points"]["over_default"]) > 1.0
    assert (np.abs(found.tables["worth"]["range"]) < 0.5).all()
    quantiles = found.tables["worth_quantiles"]["over_default"].reshape(3, len(worth.SHARES))
    points = found.tables["worth_points"]["over_default"].reshape(3, 64)
    np.testing.assert_array_equal(quantiles[:, [0, -1]], np.sort(points)[:, [0, -1]])


def test_room_weighs_markets_by_their_shares():
    shares = {"all": {"a": 0.75, "b": 0.25}}
    means = {"a": np.array([0.0, 2.0, 1.0]), "b": np.array([0.0, 0.0, 2.0])}
    assert room.pick_room(means, shares) == ({"a": 1, "b": 2}, {"all": 1})
    rows = {
        "share": np.array([0.75, 0.25]), "room": np.array([2.0, 0.0]), "room_error": np.array([0.4, 0.0]),
        "single_over_default": np.array([1.0, 5.0]), "single_over_default_error": np.array([0.0, 0.8]),
    }  # fmt: skip
    row = room.suite_row(rows)
    assert (row["room"], row["single_over_default"]) == (1.5, 2.0)
    assert row["room_high"] - row["room"] == pytest.approx(1.96 * 0.3)
    assert row["share"] == pytest.approx(0.75)


def test_room_of_one_market_is_none():
    found = room.measure(JUMP, ("spread",))
    assert found.tables["room"]["room"].tolist() == [0.0]
    assert found.tables["room_markets"]["market"].tolist() == ["jump"]


def test_joint_constants_are_picked_among_those_of_tuned_and_markets_share_no_tapes(monkeypatch):
    monkeypatch.setattr(playing, "play_constants", toy_game(0.0))
    monkeypatch.setattr(searching, "play_constants", toy_game(0.0))
    monkeypatch.setattr(room, "search_tuned", lambda audit: {"stress": np.array([[0.0, *[0.2] * 11]])})
    picks = room.find_room(Audit(DAY, ("stress",), SMALL), ("joint",))
    assert picks["joint"][1]["stress"].tolist() == [0.0, *[0.2] * 11]  # the planted optimum, which no search has hit
    assert all(job.suite != "stress" for job in room.room_searches("joint", ("stress",), TINY))
    assert any(job.suite == "stress" for job in room.room_searches("rate", ("stress",), TINY))
    first = sorted(room.market_tapes(suites.SUITES).values())
    assert min(np.diff(first)) >= 2**16 and first[0] == FIRST_SCORING


def test_the_share_of_an_ensemble_counts_whole_intervals():
    table = {
        "member": np.array(["w1", "w2", "w3", "w4"]), "suite": np.array(["natural"] * 4),
        "statement": np.array(["W of the defaults"] * 4), "mean": np.array([3.0, 2.0, 0.5, -2.0]),
        "low": np.array([1.0, 0.5, -0.5, -3.0]), "high": np.array([5.0, 3.5, 1.5, -1.0]),
    }  # fmt: skip
    shares = ensemble.share_table(table)
    assert [shares[name][0] for name in ("members", "above", "below", "unclear")] == [4, 0.5, 0.25, 0.25]
    assert (shares["least"][0], shares["most"][0], shares["median"][0]) == (-2.0, 3.0, 1.25)
    sure = {**shares, "statement": np.array(["no_trade over the defaults"]), "above": np.zeros(1), "below": np.ones(1)}
    both = {name: np.concatenate([shares[name], sure[name]]) for name in shares}
    assert ensemble.summarise(Found({"ensemble": both})) == [
        "natural: in all 4 members below zero: no_trade over the defaults",
        "natural: in a part of the 4 members: W of the defaults above zero in 50% and below zero in 25%",
    ]


def test_an_ensemble_is_measured_member_by_member_and_goes_on_where_it_was_cut_off(tmp_path, monkeypatch):
    members = {"w1": DAY, "w2": DAY.with_parameters(num_suppliers=4)}

    def measure():
        return ensemble.measure(replace(JUMP, how=Running(keep=tmp_path)), members, ("collapse",), ("spread",))

    first = next(measure())  # cut off after one member
    assert set(first.tables["ensemble_members"]["member"]) == {"w1"}
    assert "1 of 2 members measured" in first.facts["notes"][0]
    played = []
    once = playing.play_job
    monkeypatch.setattr(playing, "play_job", lambda *a: played.append(a) or once(*a))
    monkeypatch.setattr(core_pieces, "piece_digest", lambda function, *a: piece_digest(once, *a))
    *_, found = measure()
    assert all(config.parameters.num_suppliers == 4 for config, _ in played)
    own = found.tables["ensemble_members"]
    assert set(own["member"]) == {"w1", "w2"}
    alone = cheaters.measure(JUMP, ("collapse",))
    base = own["mean"][(own["member"] == "w1") & (own["statement"] == "W of the defaults")]
    assert base.tolist() == [alone.tables["cheaters"]["welfare"][0]]
    assert own["mean"][own["statement"] == "W of the defaults"][1] != base[0]
    assert found.tables["ensemble"]["statement"].tolist() == [
        "W of the defaults", "collapse over the defaults",
        "spread constants of the default world for each market over its single ones",
        "rival's dear rate on the same mandate", "rival's dear rate on W", "rival's strict risk on the same mandate",
        "rival's strict risk on W", "rival's wide spread on the same mandate", "rival's wide spread on W",
    ]  # fmt: skip


def test_cheaters_stand_beside_the_defaults_on_the_same_tapes():
    found = cheaters.measure(Audit(DAY, ("jump",), Sizes(num_seeds=6)), ("collapse", "random_churn"))
    table = found.tables["cheaters"]
    assert table["governors"].tolist() == ["static", "collapse", "random_churn"]
    assert table["difference"][0] == table["difference_low"][0] == table["difference_high"][0] == 0.0
    np.testing.assert_allclose(table["welfare"] - table["welfare"][0], table["difference"], atol=1e-9)
    assert "jump: W of the defaults" in cheaters.summarise(found)[0]


def test_balance_is_a_table_without_a_band():
    table = balance.measure(JUMP).tables["balance"]
    assert set(table) == {"suite", "agent", "term", "weight", "mean_absolute", "standard_error"}
    assert {"reserve_income", "edge"} <= set(table["term"])


def test_the_digest_of_a_piece_knows_world_and_job():
    job = Play("jump", ((0.0,) * 12,), 0, 4)
    other = replace(DAY, defaults={"half_spread": 0.11})
    calls = ((DAY, job), (DAY, replace(job, count=5)), (other, job))
    assert len({piece_digest(playing.play_job, *call) for call in calls}) == 3
    assert piece_digest(playing.play_job, DAY, job) == piece_digest(playing.play_job, DAY, replace(job))


def test_the_digest_of_a_piece_knows_what_it_is_played_with_and_the_members_of_an_ensemble(tmp_path, monkeypatch):
    names = {name.removeprefix("protogov.experiments.") for name in core_pieces._modules(searching.search_piece)}
    assert {
        "studies.audit.search",
        "studies.audit.play",
        "studies.audit.suites",
        "core.governors",
        "core.evaluation",
    } <= names
    assert "studies.audit.tuned" not in names  # what is said and drawn of numbers changes none
    job, drawn = Play("jump", ((0.0,) * 12,), 0, 4), replace(DAY, member="ensemble")
    before = [piece_digest(playing.play_job, world, job) for world in (DAY, drawn)]
    (tmp_path / "other.json").write_text("{}")
    monkeypatch.setattr(core_pieces, "ENSEMBLE_FILE", tmp_path / "other.json")
    after = [piece_digest(playing.play_job, world, job) for world in (DAY, drawn)]
    assert before[0] == after[0] and before[1] != after[1]


def test_a_run_that_was_cut_off_plays_only_what_is_missing_also_in_two_processes(tmp_path):
    pieces = [Piece(f"p{at}", Play("jump", ((0.0,) * 12,), 2**41 + at, 1)) for at in range(3)]
    first = run_pieces(playing.play_job, DAY, pieces, Running(keep=tmp_path), "test")
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 3
    times = {path: path.stat().st_mtime_ns for path in kept}
    kept[0].unlink(), kept[1].unlink()
    again = run_pieces(playing.play_job, DAY, pieces, Running(jobs=2, keep=tmp_path), "test")
    assert kept[2].stat().st_mtime_ns == times[kept[2]]
    assert [part["welfare/0"].tolist() for part in again] == [part["welfare/0"].tolist() for part in first]


def test_paired_differences():
    paired = student_t(np.array([1.0, 2.0, 3.0]))
    assert (paired.mean, paired.z) == (2.0, pytest.approx(2.0 / (1.0 / 3**0.5)))
    assert paired.low == pytest.approx(2.0 - 4.3027 / 3**0.5, abs=1e-4)
    assert student_t(np.zeros(3)).z == 0.0


def test_the_command_measures_everything_and_the_page_is_drawn_from_what_is_stored(tmp_path, capsys):
    small = ["--suites", "jump", "--num-seeds", "2", "--search-seeds", "2", "--pick-seeds", "2",
             "--claim-seeds", "2", "--grid-seeds", "2",
             "--generations", "1", "--population", "4", "--points", "2", "--world.episode-hours", "12",
             "--jobs", "1"]  # fmt: skip
    folder = ["--out", str(tmp_path)]
    assert main(["study", "audit", "worth", *small, *folder]) == 0
    worth = tmp_path / "worth"
    first = read_manifest(worth)
    page = (tmp_path / "README.md").read_text()
    assert "## Not measured yet" in page and "optima" in page
    assert main(["study", "audit", "all", *small, *folder]) == 0
    again = read_manifest(worth)  # each by the command that measured it last
    assert "audit all" in again["command"] != first["command"] and again["part"] == "worth"
    assert {path.parent.name for path in tmp_path.glob("*/manifest.json")} == set(study.ALL)
    page = (tmp_path / "README.md").read_text()
    for name in study.ALL:
        own = (tmp_path / name / "README.md").read_text()
        assert f"![{name}]({name}.png)" in own and again["versions"]["commit"] in own
        assert f"![{name}]({name}/{name}.png)" in page and (tmp_path / name / f"{name}.png").is_file()
        said = study.judge(Found(load_tables(tmp_path / name, read_manifest(tmp_path / name)["tables"]),
                                 read_manifest(tmp_path / name)["facts"])).sentences  # fmt: skip
        said = [one.partition(": ")[2] for one in said]
        assert said and all(f"- {one}" in page for one in said) and own.count(said[0]) == 1
        assert all(f"- {one}" in own for one in said[1:])
    own = (worth / "README.md").read_text()
    (tmp_path / "README.md").unlink(), (worth / "README.md").unlink(), (worth / "worth.png").unlink()
    (worth / "worth_points.csv").unlink()  # as in a checkout, which has no Parquet
    again["tables"]["worth_points"] = "worth_points.parquet"
    write_manifest(worth, again)
    capsys.readouterr()
    assert main(["study", "audit", "--redraw", "--out", str(worth)]) == 0  # one alone
    assert not (tmp_path / "README.md").exists() and (worth / "worth.png").is_file()
    (worth / "worth.png").unlink()
    assert main(["study", "audit", "--redraw", *folder]) == 0
    assert (tmp_path / "README.md").read_text() == page
    assert (worth / "README.md").read_text() == own.replace("`worth_points.csv`, ", "")
    assert (worth / "worth.png").is_file()
    table = (tmp_path / "cheaters" / "cheaters.csv").read_text()
    (tmp_path / "cheaters" / "cheaters.csv").write_text(table.replace("difference_low", "old_column"))
    assert main(["study", "audit", "--redraw", *folder]) == 2
    assert "cheaters is of another version: its tables lack 'difference_" in capsys.readouterr().err
    assert main(["study", "audit", "--redraw", "--out", str(tmp_path / "none")]) == 2


@pytest.mark.parametrize("count", [1, 5, 14])
def test_every_lever_has_a_panel_in_a_grid_that_follows_their_number(count):
    names = [f"lever_{at}" for at in range(count)]
    row = {"suite": "jump", "at_edge": False, "lone_action": 0.0, "free_action": 0.2}
    curves = [{"suite": "jump", "lever": name, "action": place, "over_default": -(place**2)}
              for name in names for place in optima.PLACES]  # fmt: skip
    found = Found({"optima": columns([row | {"lever": name} for name in names]), "optima_curves": columns(curves)})
    figure = optima.draw(found)
    assert [axes.get_title() for axes in figure.axes] == [spaced(name) for name in names]
    lowest = figure.axes[-optima.COLUMNS :]  # of each column
    assert all(axes.xaxis.get_tick_params()["labelbottom"] for axes in lowest)


def test_an_ensemble_is_drawn_and_long_tables_are_linked():
    (part,) = ensemble.measure(JUMP, {"w1": DAY}, ("collapse",), ("spread",))
    found = Found(part.tables, {"ensemble": {**part.facts, "tables": list(part.tables)}})
    assert set(study.draw(found)) == {"ensemble"}
    page = "\n".join(study.page(found, study.judge(found)))
    assert "## Not measured yet" in (over := "\n".join(study.index({"ensemble": found}))) and "optima" in over
    assert "| suite |" in page and "Also in files: ensemble_members." in page
    rows = {name: np.tile(values, 41) for name, values in found.tables["ensemble"].items()}
    long = Found({**found.tables, "ensemble": rows}, found.facts)
    assert "| suite |" not in "\n".join(study.page(long, study.judge(long)))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tune", "--scenarios", "jump", "crisis-2020-03", "--out", "OUT"], "never trained or tuned on"),
        (["study", "audit", "balance", "--suites", "crisis-2024-08 + pool-drain"], "never trained or tuned on"),
        (["study", "audit", "room", "--suites", "jump", "crash-heldout"], "never trained or tuned on"),
        (["study", "audit", "balance", "--num-seeds", "1"], "num_seeds is 1"),
        (["study", "audit", "worth", "--points", "6"], "points is 6"),
        (["study", "audit", "rivals", "--world.venues", "2"], "rivals adds the second"),
        (["study", "audit"], "names are missing"),
        (["study", "audit", "headroom"], "headroom"),
        (["study", "audit", "ensemble", "--members", "w99"], "members names 'w99'"),
        (["study", "audit", "--redraw"], "redraw needs a folder"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, told, tmp_path, capsys):
    given = [str(tmp_path / "tuned.json") if one == "OUT" else one for one in arguments]
    assert main(given) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
