"""Each phenomenon appears with its mechanism and vanishes with its switch; a false claim is refused."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.ensemble import shipped_ensemble
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.envs.world.state import EVENT, EventKind
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.play import still, tape_seeds
from protogov.experiments.core.results import LARGEST_FOLDER
from protogov.experiments.core.statistics import interval_of, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.phenomena import oracle_lag, study
from protogov.experiments.studies.phenomena.phenomenon import (
    ACTIVE,
    SWITCHED,
    Change,
    Measure,
    Phenomenon,
    Sample,
    Seeds,
)
from protogov.experiments.studies.phenomena.study import PHENOMENA, STUDY, chosen, look_for, play_all
from protogov.experiments.studies.phenomena.toxic_spiral import liquidations_of
from protogov.experiments.studies.phenomena.worlds import Shock

SEEDS = 32
# what it takes to tell them from their least effects
MORE_SEEDS = {"adverse-selection": 64, "lockup": 128, "skipping": 128, "surface-manipulation": 128}


@pytest.fixture(scope="module", params=list(PHENOMENA))
def phenomenon(request: pytest.FixtureRequest) -> Phenomenon:
    return PHENOMENA[request.param]


def alone(one: Phenomenon, **changes: Any) -> Phenomenon:
    """Without the further worlds of its figure."""
    return replace(one, shown=(), dosed=(), curves={}, **changes)


def verdict(found: Found) -> str:
    """Of the first phenomenon."""
    return str(found.tables["phenomena"]["verdict"][0])


def test_it_appears_with_its_mechanism_and_vanishes_with_its_switch(phenomenon: Phenomenon) -> None:
    found = look_for([alone(phenomenon)], MORE_SEEDS.get(phenomenon.name, SEEDS))
    assert verdict(found) == "appears, vanishes"
    assert not STUDY.judge(found).failed


def test_without_its_mechanism_in_either_world_the_claim_fails(phenomenon: Phenomenon) -> None:
    # the switch is on in both worlds; the other change is of no account to what is played
    off = phenomenon.switch.apply(phenomenon.config)
    idle = Change(words="nothing that is played", world={"cooperation": 0.5})
    found = look_for([alone(phenomenon, config=off, switch=idle)], 8)
    assert "DOES NOT APPEAR" in verdict(found)
    assert found.tables["phenomena"]["effect"][0] == 0.0  # the same seeds, tapes and noise in both


def test_a_switch_that_switches_nothing_off_fails_the_claim(phenomenon: Phenomenon) -> None:
    idle = Change(words="nothing that is played", world={"cooperation": 0.5})
    found = look_for([alone(phenomenon, switch=idle)], SEEDS)
    assert "DOES NOT VANISH" in verdict(found)
    assert STUDY.judge(found).failed


def test_latency_traders_gain_more_from_a_later_and_a_coarser_oracle() -> None:
    corners = {at: oracle_lag.lag(*at) for at in ((0.0025, 0), (0.0025, 12), (0.02, 0), (0.02, 12))}
    one = replace(PHENOMENA["oracle-lag"], shown=tuple(corners.values()))
    played = play_all([one], SEEDS)["oracle-lag"]
    gain = {at: played[change.words]["latency"] for at, change in corners.items()}
    for less, more in (((0.0025, 0), (0.0025, 12)), ((0.02, 0), (0.02, 12)), ((0.0025, 0), (0.02, 0))):
        assert student_t(gain[more] - gain[less]).low > 0.0, (less, more)


# ---------------------------------------------------------------------- the rule, on numbers that are known


def planted(monkeypatch: pytest.MonkeyPatch, active: list[float], switched: list[float], **limits: float) -> Phenomenon:
    """A phenomenon whose worlds give these values, whatever the market does; it stands in the cascade's place."""

    def play(config: WorldConfig, scenario: Scenario, seeds: Seeds) -> Sample:
        values = switched if config.cooperation else active
        return {"value": np.array(values)[(seeds - tape_seeds(1)[0]).astype(int)]}

    switch = Change(words="none", world={"cooperation": 1.0})
    about = {"smallest": 1.0, "band": 0.0} | limits
    measures = (Measure("value", "value", "USD"),)
    one = alone(PHENOMENA["cascade"], switch=switch, measures=measures, play=play, panels=(nothing,), **about)
    one = replace(one, headline=lambda seen: "planted")
    monkeypatch.setitem(PHENOMENA, "cascade", one)
    return one


def nothing(axes: Any, seen: Any) -> None:
    """A panel."""


@pytest.mark.parametrize(
    ("active", "switched", "limits", "said"),
    [
        ([3.0, 3.1] * 4, [0.0] * 8, {}, "appears, vanishes"),
        ([0.90, 0.91] * 4, [0.0] * 8, {}, "DOES NOT APPEAR, vanishes"),  # significant, and too small to matter
        ([40.0, -30.0] * 4, [0.0] * 8, {}, "DOES NOT APPEAR, vanishes"),  # large, and not significant
        ([3.0, 3.1] * 4, [0.0] * 7 + [1e-9], {}, "appears, DOES NOT VANISH"),  # exactly zero means exactly
        ([3.0, 3.1] * 4, [0.0] * 7 + [1e-9], {"band": 0.1}, "appears, vanishes"),
        ([90.0, 91.0] * 4, [0.9, -0.9] * 4, {"band": 0.5}, "appears, DOES NOT VANISH"),  # mean 0, but who knows
        ([-3.0, -3.1] * 4, [0.0] * 8, {}, "DOES NOT APPEAR, vanishes"),  # the other way round
    ],
)
def test_the_verdict_follows_the_rule(
    monkeypatch: pytest.MonkeyPatch, active: list[float], switched: list[float], limits: dict[str, float], said: str
) -> None:
    found = look_for([planted(monkeypatch, active, switched, **limits)], 8)
    assert verdict(found) == said
    assert (not STUDY.judge(found).failed) == (said == "appears, vanishes")


def test_effects_are_paired_seed_by_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    # both worlds differ by 2 on every seed, and seeds by far more
    spread = [float(100 * k) for k in range(8)]
    found = look_for([planted(monkeypatch, [value + 2.0 for value in spread], spread)], 8)
    table = found.tables["phenomena"]
    effect = interval_of(table, 0, "effect")
    assert (effect.mean, effect.low, effect.high, table["seeds"][0]) == (2.0, 2.0, 2.0, 8)
    assert interval_of(table, 0, "with").half_width > 100.0


def test_batches_and_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cascade = alone(PHENOMENA["cascade"])
    whole = play_all([cascade], 12)["cascade"]
    monkeypatch.setattr(study, "BATCH", 5)
    how = Running(1, tmp_path)
    for pieces in (play_all([cascade], 12, how)["cascade"], play_all([cascade], 12, how)["cascade"]):
        for world in (ACTIVE, SWITCHED):
            same(pieces[world], whole[world])


def same(one: Table, other: Table) -> None:
    """Every column alike to the last bit."""
    assert list(one) == list(other) and "growing.47" in one
    for name, column in other.items():
        np.testing.assert_array_equal(one[name], column)


def test_claims_that_no_run_could_test_are_refused() -> None:
    cascade = PHENOMENA["cascade"]
    with pytest.raises(ValueError, match="never trained or tuned on"):
        replace(cascade, scenario=get_scenario("crash-heldout"))
    with pytest.raises(ValueError, match="smallest"):
        replace(cascade, smallest=0.0)
    with pytest.raises(ValueError, match="band"):
        replace(cascade, band=cascade.smallest)
    with pytest.raises(ValueError, match="changes nothing"):
        replace(cascade, switch=Change(words="the default", parameters={"depth_scale": 1.0}))
    with pytest.raises(ConfigError, match="depth_scales"):
        replace(cascade, switch=Change(words="a slip of the pen", parameters={"depth_scales": 1.0}))
    with pytest.raises(BadInput, match="at least 8"):
        look_for([cascade], 7)


# ---------------------------------------------------------------------- worlds


def test_a_shock_is_one_fall_keyed_by_its_seed() -> None:
    shock = get_scenario("flat") + Shock("fall", hour=5, least=0.2, most=0.4, congestion=0.5)
    tapes = shock.draw(tape_seeds(64), 10)
    before, after = tapes["close"][:, :5], tapes["close"][:, 5:]
    assert (before == 3000.0).all()
    lost = 1.0 - after / 3000.0
    assert lost.min() >= 0.2 and lost.max() <= 0.4 + 1e-6 and np.unique(lost[:, 0]).size == 64
    np.testing.assert_allclose(lost, lost[:, :1] * np.ones(6), rtol=1e-5)
    assert (tapes["open"][:, 5] == 3000.0).all() and (tapes["high"][:, 5] == 3000.0).all()
    np.testing.assert_array_equal(tapes["low"][:, 5], tapes["close"][:, 5])
    assert (tapes["congestion"][:, :5] == 0.0).all() and (tapes["congestion"][:, 5:] == 0.5).all()
    np.testing.assert_array_equal(shock.draw(tape_seeds(1, 7), 10)["close"][0], tapes["close"][7])


@pytest.mark.parametrize(
    "wrong", [{"hour": 0}, {"least": 0.5, "most": 0.4}, {"most": 1.0}, {"close": 1.0}], ids=lambda wrong: str(wrong)
)
def test_a_shock_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Shock("fall", **({"hour": 5, "least": 0.2, "most": 0.4} | wrong))  # type: ignore[arg-type]


def test_episodes_end_with_the_world() -> None:
    config = WorldConfig(episode_hours=5, decision_hours=1)
    hours = [int(world.worlds["hour"][0]) for world, _ in still(config, get_scenario("flat"), tape_seeds(2))]
    assert hours == [1, 2, 3, 4, 5]


def test_an_hour_is_walked_back_liquidation_by_liquidation() -> None:
    # a loan of 1,000 USD on 1.0 coin at 1,040 USD: LTV 96.2%. At a bonus of 5% repaying 104 USD takes 0.105 coin
    # and leaves 896 USD on 0.895 coin: 96.3%. All that is left is then taken for 0.895 * 1,040 / 1.05 = 886.48 USD.
    last = 0.895 * 1040.0 / 1.05
    events = np.zeros(4, EVENT)
    events["kind"] = [EventKind.LIQUIDATION, EventKind.LIQUIDATION, EventKind.LIQUIDATION, EventKind.BAD_DEBT]
    events["account"] = [7, 3, 7, 7]
    events["repaid"] = [104.0, 50.0, last, 0.0]
    events["seized"] = [0.105, 0.1, 0.895, 0.0]
    events["bad_debt"][3] = 896.0 - last
    events["price"] = 1040.0
    debts, collaterals = np.zeros(8), np.zeros(8)
    debts[3], collaterals[3] = 400.0, 0.5
    found = list(liquidations_of(events, debts, collaterals))[::-1]
    np.testing.assert_allclose([repaid for repaid, _, _ in found], [104.0, 50.0, last])
    np.testing.assert_allclose([before for _, before, _ in found], [1000 / 1040, 450 / 624, 896 / 930.8])
    np.testing.assert_allclose([after for _, _, after in found], [896 / 930.8, 400 / 520, np.inf])
    assert (debts[3], collaterals[3], debts[7]) == (400.0, 0.5, 0.0)  # what was given is left alone


# ---------------------------------------------------------------------- command


def test_command_writes_tables_figures_and_page_and_draws_them_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["study", "phenomena", "--seeds", "8", "--jobs", "1", "--out", str(tmp_path)]
    assert main(command) in (0, 1)
    printed = capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "phenomena.csv").open()))
    about = json.loads((tmp_path / "manifest.json").read_text())
    page = tmp_path / "README.md"
    text = page.read_text()
    assert about["command"] == f"protogov {' '.join(command)}"
    assert not list(tmp_path.glob("*.parquet"))  # git keeps all that a page needs
    for one in PHENOMENA.values():
        mine = [row for row in rows if row["phenomenon"] == one.name]
        assert [row["measure"] for row in mine] == [measure.name for measure in one.measures]
        assert [bool(row["verdict"]) for row in mine] == [True] + [False] * (len(one.measures) - 1)
        assert float(mine[0]["effect_low"]) <= float(mine[0]["effect"]) <= float(mine[0]["effect_high"])
        assert one.claim in text and one.name in printed
        assert (tmp_path / f"{one.name}.png").read_bytes().startswith(b"\x89PNG")
        for name, value in one.switch.parameters.items():
            assert about["facts"]["phenomena"][one.name]["switch"][name] == value
    kept = [file for file in tmp_path.iterdir() if file.is_file()]
    assert sum(file.stat().st_size for file in kept) <= LARGEST_FOLDER
    pictures = {file: file.read_bytes() for file in kept if file.suffix == ".png"}
    for file in (page, *pictures):
        file.unlink()
    assert main(["study", "phenomena", "--redraw", "--out", str(tmp_path)]) in (0, 1)
    assert page.read_text() == text
    assert all(file.read_bytes() == picture for file, picture in pictures.items())


def test_command_fails_when_a_claim_does(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    planted(monkeypatch, [0.0] * 8, [0.0] * 8)
    assert main(["study", "phenomena", "cascade", "--seeds", "8", "--jobs", "1"]) == 1
    assert "1 of 1 phenomena do not behave as claimed: cascade DOES NOT APPEAR" in capsys.readouterr().err


def test_command_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "phenomena", "--list"]) == 0
    printed = capsys.readouterr().out
    for one in PHENOMENA.values():
        assert one.claim in printed and one.switch.words in printed
    assert main(["study", "phenomena", "gold-rush"]) == 2
    assert "gold-rush" in capsys.readouterr().err
    assert main(["study", "phenomena", "--seeds", "3"]) == 2


def test_a_phenomenon_is_looked_for_in_a_member_but_for_what_it_says_itself_of_its_world():
    values = shipped_ensemble().members["w02"]
    (plain,), (found,) = chosen(("surface-manipulation",)), chosen(("surface-manipulation",), "w02")
    assert plain.config.parameters.lp_choice == found.config.parameters.lp_choice == 0.0 != values["lp_choice"]
    assert found.config.parameters.supplier_need == values["supplier_need"] != plain.config.parameters.supplier_need
    assert found.config.parameters.gwav_on == 0.0
    with pytest.raises(BadInput, match="member is 'ensemble'; accepted are w01"):
        chosen((), "ensemble")
