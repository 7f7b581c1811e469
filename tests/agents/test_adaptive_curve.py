"""The adaptive-curve baseline: its memory a row, what it aims for, and a whole episode of it in the world."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from protogov.agents.baselines import make_governor
from protogov.agents.baselines.adaptive_curve import AdaptiveCurve
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.envs.world.adaptive_curve import INITIAL_RATE_AT_TARGET, adapted_rate, kinked_form, utilisation_error
from protogov.experiments.core.governors import baseline
from protogov.experiments.core.play import open_worlds, play, tape_seeds
from protogov.experiments.errors import BadInput

RATE = ROLES["rate"]
ROWS = np.arange(3)
SEEDS = np.zeros(3, np.uint64)
DOUBLING_HOURS = 24 * 365 * np.log(2.0) / 50.0  # 5.06 days


def seen(utilisation, hours=6):
    utilisation = np.asarray(utilisation, float)
    return SimpleNamespace(
        obs=np.zeros((utilisation.size, 2), np.float32), decision_hours=hours, raw={"utilisation": utilisation}.get
    )


def test_doubles_in_five_days_at_full_utilisation_and_halves_at_none():
    governor = AdaptiveCurve(RATE.lever_rows())
    governor.reset(ROWS, SEEDS)
    for _ in range(1 + 12):
        governor.act(seen([1.0, 0.9, 0.0], hours=DOUBLING_HOURS / 12))
    assert governor.rates == pytest.approx([0.08, 0.04, 0.02], rel=1e-12)


def test_moves_by_the_mean_of_the_errors_at_both_ends():
    governor = AdaptiveCurve(RATE.lever_rows())
    governor.act(seen([0.9, 1.0]))
    assert governor.rates == pytest.approx([0.04, 0.04])  # nothing has been seen yet
    governor.act(seen([1.0, 0.0]))
    assert governor.rates == pytest.approx([0.04 * np.exp(50 * 0.5 * 6 / 8760), 0.04], rel=1e-12)


def test_aims_for_the_curve_within_the_ranges_of_the_levers():
    levers = RATE.lever_rows()
    for rate in (0.01, 0.04, 0.1, 0.25, 1.5):
        action = AdaptiveCurve(levers, gains={"initial_rate": rate}).act(seen([0.5]))[0]
        for lever, share, wanted in zip(levers, action, kinked_form(rate), strict=True):
            assert lever.value(share) == pytest.approx(np.clip(wanted, lever.low, lever.high), rel=1e-5, abs=1e-8)
    # at a tenth, nothing is clipped
    assert all(lever.low < wanted < lever.high for lever, wanted in zip(levers, kinked_form(0.1), strict=True))


def test_measures_from_the_worlds_own_defaults():
    moved = make_governor("adaptive_curve", RATE, defaults={"slope2": 1.0, "base_rate": 0.03})
    levers = WorldConfig(defaults={"slope2": 1.0, "base_rate": 0.03})
    action = moved.act(seen([0.9]))[0]
    assert action[0] == pytest.approx((0.01 - 0.03) / (0.03 - 0.0))
    assert levers.lever_default("slope2") == 1.0 and action[2] == -1.0


def test_with_the_default_gains_it_is_the_contract_bit_for_bit():
    governor, rng = AdaptiveCurve(RATE.lever_rows()), np.random.default_rng(1)
    rates, last = [INITIAL_RATE_AT_TARGET] * 40, None
    for hours in rng.choice([1, 6, 24, 8760 * 3], 30):  # over years it meets its bounds
        utilisation = rng.choice([0.0, 0.5, 0.9, 0.97, 1.0], 40) * rng.uniform(0.9, 1.0, 40)
        errors = [utilisation_error(one) for one in utilisation]
        if last is not None:
            means = [(one + other) / 2.0 for one, other in zip(last, errors, strict=True)]
            rates = [adapted_rate(rate, mean, hours / 8760.0) for rate, mean in zip(rates, means, strict=True)]
        last = errors
        action = governor.act(seen(utilisation, hours=hours))
        assert governor.rates.tolist() == rates
        for column, (lever, wanted) in enumerate(
            zip(RATE.lever_rows(), np.array([kinked_form(rate) for rate in rates]).T, strict=True)
        ):
            aimed = lever.action(np.clip(wanted, lever.low, lever.high)).astype(np.float32)
            assert np.array_equal(action[:, column], aimed)
    assert min(rates) < 0.01 and len(set(rates)) > 10


def test_rows_are_independent_and_start_over_alone():
    together, alone = AdaptiveCurve(RATE.lever_rows()), AdaptiveCurve(RATE.lever_rows())
    rng = np.random.default_rng(0)
    for step in range(8):
        utilisation = rng.uniform(0.3, 1.0, 3)
        if step == 4:
            together.reset(ROWS[1:2], SEEDS[:1])
        actions = together.act(seen(utilisation))
        assert np.array_equal(actions[2], alone.act(seen(utilisation[2:]))[0])
        assert (step == 4) == (together.rates[1] == 0.04 and step > 0)


def test_state_round_trip():
    one, other = AdaptiveCurve(RATE.lever_rows()), AdaptiveCurve(RATE.lever_rows())
    one.act(seen([0.7, 0.95]))
    state = one.state_dict()
    after = one.act(seen([0.99, 0.5]))
    other.load_state_dict(state)
    assert np.array_equal(other.act(seen([0.99, 0.5])), after)
    assert not np.shares_memory(state["rates"], one.rates)


def test_refuses_roles_and_rates_that_it_cannot_govern():
    with pytest.raises(ValueError, match="sets base_rate, slope1, .*; this role sets half_spread"):
        make_governor("adaptive_curve", ROLES["spread"])
    with pytest.raises(ValueError, match="initial_rate is 3.0; accepted of adaptive_curve: 0.001 to 2.0"):
        AdaptiveCurve(RATE.lever_rows(), gains={"initial_rate": 3.0})
    with pytest.raises(BadInput, match="'adaptive_curve' cannot govern as any of risk_0, spread_0"):
        baseline("adaptive_curve", WorldConfig(roles=("risk", "spread")))


@pytest.mark.parametrize("roles", [("rate", "risk", "spread"), ("joint",)])
def test_plays_an_episode_in_every_venue(roles):
    config = WorldConfig(roles=roles, venues=2)
    governors = baseline("adaptive_curve", config).make(config)
    seeds = tape_seeds(4)
    world = open_worlds(config, "jump", seeds)
    places = {name: i for i, name in enumerate(ROLES[roles[0]].levers)}
    agent = f"{roles[0]}_1"
    utilisation, executed = [world.feature(agent, "utilisation")], []
    for step in play(world, governors, seeds):
        utilisation.append(world.feature(agent, "utilisation"))
        executed.append(step.executed[agent])
    rates, last = governors[agent].rates, executed[-1]
    # the rate at target followed utilisation, row by row, as far as it was seen: the end is not
    gap = np.array(utilisation[:-1]) - 0.9
    error = np.where(gap > 0.0, gap / 0.1, gap / 0.9)
    error = (error[:-1] + error[1:]).sum(axis=0) / 2.0
    assert rates == pytest.approx(0.04 * np.exp(50.0 * 6.0 / 8760.0 * error), rel=1e-9)
    assert np.ptp(rates) > 0.002
    # and the curve in force followed it through the shield
    for row, rate in enumerate(rates):
        wanted = dict(zip(("base_rate", "slope1", "slope2", "optimal_utilisation"), kinked_form(rate), strict=True))
        for lever in ROLES["rate"].lever_rows():
            value = np.clip(wanted[lever.name], lever.low, lever.high)
            assert last[row, places[lever.name]] == pytest.approx(value, abs=0.3 * lever.cap)
    # what is no part of the curve stands still
    if roles == ("joint",):
        assert (last[:, 4:] == executed[0][:, 4:]).all()
    else:
        assert type(governors["risk_1"]).__name__ == "Constant"
