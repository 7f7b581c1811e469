"""The audits at small size, each with a world or a governor planted that must turn its verdict."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.baselines import Constant
from protogov.agents.tuning import Budget
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.experiments.audit import cheaters, coupling, headroom
from protogov.experiments.audit.balance import audit_balance
from protogov.experiments.audit.cheaters import audit_cheaters, below
from protogov.experiments.audit.check import Check, Paired, columns, holm
from protogov.experiments.audit.figures import DRAW
from protogov.experiments.audit.running import Running, piece_digest
from protogov.experiments.audit.writing import write_checks
from protogov.experiments.cli import main
from protogov.experiments.statistics import Interval

SMALL = WorldConfig(episode_hours=96)
BAD_DEFAULTS = WorldConfig(episode_hours=96, defaults={"liquidation_threshold": 0.61, "half_spread": 0.11})


def test_a_cheater_that_loses_is_below_and_a_planted_one_that_gains_fails_the_suite():
    losing = audit_cheaters(SMALL, "jump", 8, ("liquidation_farmer",))
    assert losing.holds
    assert losing.table["difference"][0] < 0
    # where the defaults are a mistake, the table's own defaults gain: a cheater that the suite must not let pass
    gains = {f"{role}_0": Constant(ROLES[role].lever_rows()) for role in ("rate", "risk", "spread")}
    planted = audit_cheaters(BAD_DEFAULTS, "jump", 8, (), {"planted": gains})
    assert not planted.holds
    assert "not: planted" in planted.verdict


def test_what_cheaters_earn_market_by_market_is_told_and_no_part_of_the_verdict():
    gains = {f"{role}_0": Constant(ROLES[role].lever_rows()) for role in ("rate", "risk", "spread")}
    check = audit_cheaters(BAD_DEFAULTS, "jump", 16, ("liquidation_farmer",), {"planted": gains}, ("calm", "jump"))
    table = check.more["cheaters_regimes"]
    assert list(zip(table["regime"], table["cheater"], strict=True)) == [
        ("calm", "liquidation_farmer"), ("jump", "liquidation_farmer"),
    ]  # fmt: skip
    above = int((table["low"] > 0.0).sum())
    assert f"no part of the claim: {above} of 2" in check.notes[1]
    alone = audit_cheaters(BAD_DEFAULTS, "jump", 16, ("liquidation_farmer",), {"planted": gains})
    assert alone.holds == check.holds and not alone.more
    assert np.array_equal(alone.table["difference"], check.table["difference"])


def test_a_cheater_is_caught_by_its_whole_interval():
    assert below(Interval(-2.0, -3.0, -1.0, 8))
    assert not below(Interval(-1.0, -3.0, 1.0, 8))


def test_balance_names_the_term_that_is_outside():
    check = audit_balance(SMALL, "jump", 4, low=0.0, high=1e6)
    assert all(check.table["within"])
    narrow = audit_balance(SMALL, "jump", 4, low=1e5, high=1e6)
    assert not narrow.holds
    assert "rate_0 reserve_income" in narrow.verdict


SHORT = Budget(generations=6, population=6, restarts=1)


class Game:
    """Tapes of a game of three roles: each role's best first lever is 0.3, plus `pull` times where its rivals move.

    What rivals do shifts everybody's level in any case: that is influence, and no strategy.
    """

    def __init__(self, pull, seeds):
        self.pull, self.seeds, self.scenario = pull, seeds, "toy"

    def play(self, family, points, held=None):
        from protogov.agents.tuning import Episodes
        from protogov.envs.world.levers import LEVER_INDEX, LEVERS

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

    def open_games(config, names, first, count, threads=1):
        opened.append((first, first + count))
        return [Game(pull, np.arange(first, first + count)) for _ in names]

    monkeypatch.setattr(coupling, "open_tapes", open_games)
    return coupling.audit_coupling(SMALL, ("toy",), 4, 16, SHORT), opened


def test_optima_that_move_are_found_coupled(monkeypatch):
    check, _ = play_games(monkeypatch, pull=0.5)
    assert check.holds
    assert check.table["coupled"].all()
    assert (check.table["regret"] > 0.1).all()  # 0.25 for a stale answer, less what the search missed
    assert not coupling.short_searches(check.table).any()
    assert "6 of 6 pairs" in check.verdict
    assert "12 of 12 cells" in check.verdict


def test_influence_without_strategy_is_not_coupled_though_every_search_ends_elsewhere(monkeypatch):
    check, _ = play_games(monkeypatch, pull=0.0)
    assert not check.holds
    # all states rank the pool alike, so that one response is picked for all of them: no regret, not even noise
    assert not check.table["regret"].any()
    assert not check.table["moved"].any()
    assert "0 of 12 cells" in check.verdict


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
        return coupling.audit_coupling(config, ("jump",), 2, 2, budget, roles=("rate", "risk"), how=how).table

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


def test_the_digest_of_a_piece_knows_world_and_job():
    job = cheaters.Play("static", "jump", 4)
    seen = {
        piece_digest(cheaters.play_welfare, *call)
        for call in ((SMALL, job), (SMALL, replace(job, num_seeds=5)), (BAD_DEFAULTS, job))
    }
    assert len(seen) == 3
    assert piece_digest(cheaters.play_welfare, SMALL, cheaters.Play("static", "jump", 4)) in seen


def test_two_processes_give_what_one_gives(tmp_path):
    config = WorldConfig(episode_hours=12)
    one = audit_cheaters(config, "jump", 4, ("collapse",))
    two = audit_cheaters(config, "jump", 4, ("collapse",), how=Running(jobs=2, keep=tmp_path))
    assert np.array_equal(one.table["difference"], two.table["difference"])


def test_headroom_of_one_regime_twice_is_none():
    budget = Budget(generations=2, population=4, restarts=1)
    config = WorldConfig(episode_hours=12)
    check = headroom.audit_headroom(config, ("flat", "flat"), 2, 4, budget, roles=("spread",))
    assert check.table["headroom"][0] == 0.0
    assert check.more["headroom_regimes"]["regime"].tolist() == ["flat", "flat"]
    assert not check.holds


def test_the_search_of_single_constants_starts_from_the_regime_that_does_best_everywhere(monkeypatch):
    def open_games(config, names, first, count, threads=1):
        return [Game(0.0, np.arange(first, first + count)) for _ in names]

    started, searched = [], headroom.tune
    monkeypatch.setattr(headroom, "open_tapes", open_games)
    monkeypatch.setattr(headroom, "tune", lambda *a, **k: started.append(k["start"]) or searched(*a, **k))
    winners = ((-0.5, 0.0, 0.0, 0.0), (0.4, 0.1, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))  # the best is 0.3
    job = headroom.RoleScore("rate", ("a", "b", "c"), winners, SHORT, 4, 8)
    table = headroom.score_role(SMALL, job)
    assert started[0].tolist() == list(winners[1])
    assert (table["low_default"] > 0.0).all()
    assert not table["gain"].any()  # one and the same regime three times


def test_headroom_counts_what_a_regime_gains_over_the_single_constants():
    scored = [np.array([[0.0, 0.1], [2.0, 2.1], [1.0, 1.3]]), np.array([[0.0, 0.1], [0.0, 0.1], [1.0, 1.1]])]
    rows = headroom.regime_rows("rate", ("one", "two"), scored, best=[1, 2], single=2)
    np.testing.assert_allclose(rows["gain"], [0.9, 0.0])
    assert rows["low"][0] < 0.9 < rows["high"][0]
    row = headroom.role_row(rows)
    assert row["headroom"] == pytest.approx(0.45)
    assert row["tuned_over_default"] == pytest.approx(1.05)
    assert row["holds"]


def test_paired_differences():
    paired = Paired.of(np.array([1.0, 2.0, 3.0]))
    assert (paired.mean, paired.z) == (2.0, pytest.approx(2.0 / (1.0 / 3**0.5)))
    assert Paired.of(np.zeros(3)).z == 0.0
    with pytest.raises(ValueError, match="at least 2"):
        Paired.of(np.ones(1))


def test_the_command_writes_what_it_measured_and_fails_when_a_check_does(tmp_path, capsys):
    asked = ["audit", "balance", "--seeds", "2", "--world.episode-hours", "12", "--scenario", "flat"]
    assert main([*asked, "--out", str(tmp_path)]) == 1  # half a day has no term of 2 bp in every role
    assert "balance fails" in capsys.readouterr().err
    page = (tmp_path / "README.md").read_text()
    assert "balance: fails" in page
    assert "reserve_income" in (tmp_path / "balance.csv").read_text()
    assert main(["audit", "balance", "--seeds", "1"]) == 2
    assert write_checks([], tmp_path / "none", "x")[0].is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["tune", "--scenarios", "jump", "crisis-2020-03", "--out", "OUT"],
        ["audit", "balance", "--scenario", "crisis-2024-08 + pool-drain"],
        ["audit", "headroom", "--regimes", "jump", "crash-heldout"],
    ],
)
def test_nothing_is_tuned_or_audited_on_what_is_kept_for_evaluation(arguments, tmp_path, capsys):
    given = [str(tmp_path / "tuned.json") if one == "OUT" else one for one in arguments]
    assert main(given) == 2
    assert "never trained or tuned on" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_every_audit_draws_what_its_numbers_say(tmp_path, monkeypatch):
    coupled, _ = play_games(monkeypatch, pull=0.5)
    decoupled, _ = play_games(monkeypatch, pull=0.0)
    scored = [np.array([[0.0, 0.1], [2.0, 2.1], [1.0, 1.3]]), np.array([[0.0, 0.1], [0.0, 0.1], [1.0, 1.1]])]
    regimes = headroom.regime_rows("rate", ("one", "two"), scored, [1, 2], 2)
    table = columns([headroom.role_row(regimes)])
    room = Check("headroom", "room", True, "some", table, more={"headroom_regimes": regimes})

    def title(check):
        return DRAW[check.name](check).get_suptitle().replace("\n", " ")

    assert "6 of 6 pairs are coupled: 12 of 12" in title(coupled)
    assert "0 of 6 pairs are coupled: 0 of 12" in title(decoupled)
    assert "pays for rate" in title(room)
    paths = write_checks([coupled, room], tmp_path, "protogov audit")
    assert all(path.is_file() for path in paths)
    assert {path.name for path in tmp_path.glob("*.png")} == {"coupling.png", "headroom.png"}
    assert (tmp_path / "headroom_regimes.csv").is_file()
    page = (tmp_path / "README.md").read_text()
    assert "![coupling](coupling.svg)" in page
