"""Attacks as overlays: where they write, when they begin, that they go with any path, and the named failures."""

import numpy as np
import pytest

from protogov.envs.scenarios import Flat, Pulse, StakedDiscount, get_scenario, held_out, overlay_names, scenario_names
from protogov.envs.world.state import ATTACKS, TAPE

OVERLAYS = (
    "drawn-market",
    "griefing-borrower",
    "oracle-push",
    "oracle-push-down",
    "pool-drain",
    "price-agent-error",
    "staked-discount",
    "supplier-run",
    "vol-push",
)
SEEDS = range(300)


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_attack_goes_with_any_path_and_writes_its_channels_alone(name: str) -> None:
    attack = get_scenario(name)
    assert isinstance(attack, Pulse) and attack.is_overlay
    for path in ("flat", "crisis-2022-11", "mix"):
        plain, attacked = get_scenario(path).draw(SEEDS, 336), get_scenario(f"{path} + {name}").draw(SEEDS, 336)
        touched = {*attack.sets, *attack.scales}
        for field in TAPE.names or ():
            same = plain[field].tobytes() == attacked[field].tobytes()
            assert same == (field not in touched), field
    with pytest.raises(ValueError, match="changes a tape and draws none"):
        attack.draw([1], 5)


@pytest.mark.parametrize("name", scenario_names())
def test_nothing_but_attacks_uses_their_channels(name: str) -> None:
    scenario = get_scenario(name)
    tapes = scenario.draw([1, 2], 300)
    attacked = name in ("misprice-2026-03", "slope2-2026-02")
    assert any(tapes[channel].any() for channel in ATTACKS) == attacked


def test_overlays_are_listed_apart_from_what_can_be_played() -> None:
    assert overlay_names() == OVERLAYS
    assert not set(OVERLAYS) & set(scenario_names())
    with pytest.raises(ValueError, match=r"with '\+' also .*oracle-push, .*vol-push; or a path"):
        get_scenario("oracle-pusch")


def test_a_pulse_has_its_hours_rise_and_way_back() -> None:
    scenario = Flat() + Pulse("p", 4, rise=2, sets={"supplier_exit": 0.6}, scales={"depth": 0.25}, onset=10)
    tape = scenario.draw([1], 24)[0]
    np.testing.assert_allclose(tape["supplier_exit"][8:16], [0, 0, 0.3, 0.6, 0.6, 0.6, 0, 0])
    # the factor 1/4 rises within two hours, stays to the fourth, and wears off over four more
    weight = [0, 0, 0.5, 1, 1, 1, 0.75, 0.5, 0.25, 0, 0]
    np.testing.assert_allclose(tape["depth"][8:19] / 0.8e6, 0.25 ** np.array(weight), rtol=1e-6)


def test_a_staked_coin_trades_below_the_coin_that_the_oracle_reports() -> None:
    for path in ("flat", "crisis-2022-06"):
        plain = get_scenario(path).draw(SEEDS, 336)
        staked = get_scenario(f"{path} + staked-discount").draw(SEEDS, 336)
        worth = staked["close"].astype(float) / plain["close"]
        assert worth.min() == pytest.approx(0.94, abs=1e-6) and worth.max() <= 1.0 + 1e-6
        assert ((worth < 0.95).sum(axis=1) >= 48).all()
        # what reporters read is the coin
        np.testing.assert_allclose(staked["close"] * (1.0 + staked["oracle_error"]), plain["close"], rtol=1e-6)
        # no gap between two hours that had none
        joined = np.isclose(plain["open"][:, 1:], plain["close"][:, :-1], rtol=1e-6)
        np.testing.assert_allclose(staked["open"][:, 1:][joined], staked["close"][:, :-1][joined], rtol=1e-6)
    with pytest.raises(ValueError, match="discount of 's' is 1.0; a share from 0 to below 1"):
        StakedDiscount("s", 1.0, 10, rise=5)


def test_onsets_are_drawn_and_shared_by_a_campaign() -> None:
    push, drain = get_scenario("oracle-push"), get_scenario("pool-drain")
    assert isinstance(push, Pulse) and isinstance(drain, Pulse)
    onsets = push.onsets(np.arange(2000, dtype=np.uint64))
    assert (onsets == drain.onsets(np.arange(2000, dtype=np.uint64))).all()
    assert onsets.min() == 48 and onsets.max() == 216
    assert onsets.mean() == pytest.approx(132, abs=4)
    tapes = (Flat() + push + drain).draw(SEEDS, 336)
    assert ((tapes["oracle_push"] > 0).argmax(axis=1) == (tapes["arbitrage_away"] > 0).argmax(axis=1)).all()


def test_attacks_take_the_split_of_their_path() -> None:
    assert get_scenario("jump + oracle-push").split == "train"
    assert get_scenario("crisis-2024-08 + oracle-push + pool-drain").split == "validation"
    assert held_out(get_scenario("crisis-2024-08 + oracle-push")) == (
        "crisis-2024-08 + oracle-push",
        "crisis-2024-08",
    )


def test_wrong_pulses_are_refused() -> None:
    with pytest.raises(ValueError, match="overlay 'p' has no channel 'dept'; known are open"):
        Pulse("p", 3, scales={"dept": 0.5})
    with pytest.raises(ValueError, match="rises for 5 of 3 hours"):
        Pulse("p", 3, rise=5)
    with pytest.raises(ValueError, match=r"from \(9, 4\)"):
        Pulse("p", 3, onset=(9, 4))
    with pytest.raises(ValueError, match=r"drew supplier_exit = 1.5\d* at row 0, hour 4; it must be between 0 and 1"):
        (Flat() + Pulse("p", 3, sets={"supplier_exit": 1.5}, onset=4)).draw([1], 10)
    with pytest.raises(ValueError, match="drew oracle_error = -1.0 .* it must be above -1"):
        (Flat() + Pulse("p", 3, sets={"oracle_error": -1.0}, onset=4)).draw([1], 10)


def test_the_two_failures_of_automated_governors() -> None:
    wrong = get_scenario("misprice-2026-03").draw(SEEDS, 336)
    assert wrong["oracle_error"].min() == np.float32(-0.0285)
    assert ((wrong["oracle_error"] < 0).sum(axis=1) == 8).all()
    run = get_scenario("slope2-2026-02").draw(SEEDS, 336)
    assert (run["supplier_exit"].max(axis=1) > 0.8).all()
    hours = (run["supplier_exit"] > 0.8).sum(axis=1)
    assert (hours >= 90).all()
    fall = run["close"].min(axis=1) / run["close"][:, 0] - 1.0
    assert np.median(fall) < -0.12
    assert {get_scenario(name).split for name in ("misprice-2026-03", "slope2-2026-02")} == {"free"}
