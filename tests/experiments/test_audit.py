"""The audits at small size, each with a world or a governor planted that must turn its verdict."""

import numpy as np
import pytest

from protogov.agents.baselines import Constant
from protogov.agents.tuning import Budget
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.experiments.audit import coupling, headroom
from protogov.experiments.audit.balance import audit_balance
from protogov.experiments.audit.cheaters import audit_cheaters, below
from protogov.experiments.audit.check import Paired
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


def test_a_cheater_is_caught_by_its_whole_interval():
    assert below(Interval(-2.0, -3.0, -1.0, 8))
    assert not below(Interval(-1.0, -3.0, 1.0, 8))


def test_balance_names_the_term_that_is_outside():
    check = audit_balance(SMALL, "jump", 4, low=0.0, high=1e6)
    assert all(check.table["within"])
    narrow = audit_balance(SMALL, "jump", 4, low=1e5, high=1e6)
    assert not narrow.holds
    assert "rate_0 reserve_income" in narrow.verdict


class Game:
    """Tapes of a game of three roles: each gains by matching `pull` times the mean of what the others' levers do."""

    def __init__(self, pull, seeds):
        self.pull, self.seeds, self.scenario = pull, seeds, "toy"

    def play(self, family, points, held=None):
        from protogov.agents.tuning import Episodes
        from protogov.envs.world.levers import LEVER_INDEX, LEVERS

        others = np.zeros((len(points), len(LEVERS)))
        others[:] = 0.0 if held is None else held
        own = [LEVER_INDEX[name] for name in family.levers]
        others[:, own] = 0.0
        target = self.pull * np.sign(others.sum(axis=1))
        noise = np.random.default_rng(self.seeds).normal(size=len(self.seeds))
        score = -((points[:, 0] - target) ** 2)[:, None] * (1.0 + 0.1 * noise)[None, :]
        return Episodes({"rate": score, "risk": score, "spread": score, "welfare": score})


@pytest.mark.parametrize(("pull", "holds"), [(0.5, True), (0.0, False)])
def test_coupled_optima_are_found_and_decoupled_ones_are_not(monkeypatch, pull, holds):
    def opened(config, names, first, count, threads):
        return [Game(pull, np.arange(first, first + count)) for _ in names]

    monkeypatch.setattr(coupling, "open_tapes", opened)
    check = coupling.audit_coupling(SMALL, ("toy",), num_seeds=4, scoring_seeds=16, count=0)
    assert check.holds is holds
    assert len(check.table["regret"]) == 12
    if not holds:  # influence without strategy: the stale response stays the best, its regret exactly nothing
        assert not check.table["regret"].any()


def test_coupling_plays_the_world_itself():
    check = coupling.audit_coupling(WorldConfig(episode_hours=12), ("jump",), 2, 2, count=1, roles=("rate", "risk"))
    assert np.isfinite(check.table["regret"]).all()
    assert set(check.table["answerer"]) == {"rate", "risk"}


def test_headroom_of_one_regime_twice_is_none():
    budget = Budget(generations=2, population=4, restarts=1)
    config = WorldConfig(episode_hours=12)
    check = headroom.audit_headroom(config, ("flat", "flat"), 2, 4, budget, roles=("spread",))
    assert check.table["headroom"][0] == 0.0
    assert not check.holds


def test_headroom_counts_what_a_regime_gains_over_the_single_constants():
    scored = [np.array([[0.0, 0.1], [2.0, 2.1], [1.0, 1.3]]), np.array([[0.0, 0.1], [0.0, 0.1], [1.0, 1.1]])]
    row = headroom._row("rate", scored, best=np.array([1, 2]), single=2)
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
