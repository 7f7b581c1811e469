"""Who the people are when an episode opens, and that it opens sound."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.world.state import MAX_ACCOUNTS


def opened(simulate: Callable[..., Any], num_worlds: int = 64, **parameters: float) -> tuple[Any, Any]:
    simulator = simulate("jump", num_worlds, seed=100, parameters=parameters)
    return simulator, simulator.worlds["venues"][:, 0]


def test_sizes_are_bounded_pareto(simulate: Callable[..., Any]) -> None:
    _, venues = opened(simulate, account_tail=1.2, account_size_ratio=400.0)
    size = (venues["account_collateral"] + venues["account_home"]) * venues["account_leverage"]
    size = size[:, :MAX_ACCOUNTS]  # behind them are the accounts of attackers
    size /= size.min(axis=1, keepdims=True)
    assert size.max() <= 400.0 * (1 + 1e-9)
    # the smallest of 128 draws is 1 up to a per cent, so the pooled sample follows the law with bounds 1 and 400
    smallest = 400.0**-1.2
    assert size.max(axis=1).mean() > 50.0  # a few whales hold most
    for level in (2.0, 5.0, 20.0, 100.0):
        expected = (level**-1.2 - smallest) / (1.0 - smallest)
        assert (size > level).mean() == pytest.approx(expected, rel=0.15)


def test_people_differ_as_told(simulate: Callable[..., Any]) -> None:
    simulator, venues = opened(
        simulate, reservation_median=0.09, reservation_spread=0.4, leverage_low=0.3, leverage_high=0.8, idle_share=0.25,
        idle_activity=0.1, attentive_activity=0.5, supply_half_life_low=10.0, supply_half_life_high=40.0,
        leverage_taste=0.3,
    )  # fmt: skip
    people = {
        name: venues[f"account_{name}"][:, :MAX_ACCOUNTS] for name in ("leverage", "reservation_rate", "activity")
    }
    # the most levered value a loan by 0.3 (log) more, the least by as much less
    place = (people["leverage"] - 0.3) / 0.5
    rates = np.log(people["reservation_rate"] / 0.09) - 0.3 * (2.0 * place - 1.0)
    assert rates.mean() == pytest.approx(0.0, abs=0.02) and rates.std() == pytest.approx(0.4, rel=0.05)
    leverage = people["leverage"]
    assert leverage.min() >= 0.3 and leverage.max() <= 0.8 and leverage.mean() == pytest.approx(0.55, abs=0.01)
    assert set(np.unique(people["activity"])) == {0.05, 0.5}
    assert (people["activity"] == 0.05).mean() == pytest.approx(0.25, abs=0.02)
    half_life = np.log(0.5) / np.log1p(-venues["supplier_patience"][:, : int(venues["num_suppliers"].max())])
    assert half_life.min() >= 10.0 - 1e-9 and half_life.max() <= 40.0 + 1e-9
    assert np.log(half_life).mean() == pytest.approx(math.log(20.0), abs=0.05)


def test_a_few_whales_hold_most_debt(simulate: Callable[..., Any]) -> None:
    # the largest 13 of 128 accounts, on average over seeds: when the episode opens and two weeks later
    simulator = simulate("calm", 96, seed=1000, decision_hours=24, autonomy=0.0)
    for hours in (0, 336):
        while simulator.worlds["hour"][0] < hours:
            simulator.step({agent: np.zeros((96, simulator.action_size(agent))) for agent in simulator.agents})
        debt = np.sort(np.asarray(simulator.worlds["venues"]["account_scaled_debt"][:, 0]), axis=1)
        share = debt[:, -13:].sum(axis=1) / debt.sum(axis=1)
        assert share.mean() > 0.5


def test_an_episode_opens_at_rest(simulate: Callable[..., Any]) -> None:
    # what borrowers owe and suppliers hold does not drift in the first day of a calm market, 128 worlds
    simulator = simulate("calm", 128, seed=1000, decision_hours=24, autonomy=0.0)
    venues = simulator.worlds["venues"]
    before = [np.asarray(venues[name][:, 0]).copy() for name in ("scaled_debt", "scaled_deposits")]
    simulator.step({agent: np.zeros((128, simulator.action_size(agent))) for agent in simulator.agents})
    for opening, name, most in zip(before, ("scaled_debt", "scaled_deposits"), (0.015, 0.05), strict=True):
        drift = np.log(np.asarray(venues[name][:, 0]) / opening)
        assert abs(drift.mean()) < most + 3.0 * drift.std() / math.sqrt(128)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_an_episode_opens_sound(simulate: Callable[..., Any], noise: float) -> None:
    simulator = simulate("jump", 256, seed=5, randomise_levers=noise, venues=2)
    venues = simulator.worlds["venues"]
    debt = venues["account_scaled_debt"]
    value = venues["account_collateral"] * venues["oracle_price"][:, :, None]
    assert (debt <= value * venues["loan_to_value"][..., None] * (1 + 1e-12)).all()  # nobody beyond the limit
    assert (venues["cash"] >= -1e-6).all()
    assert (venues["utilisation"] >= 0.0).all() and (venues["utilisation"] <= 1.0 + 1e-12).all()
    level, home = venues["account_level"], venues["account_home"]
    assert set(np.unique(level)) == {0.0, 0.25, 0.5, 0.75, 1.0}
    # who wants nothing is gone, with all it has; who likes the other venue alone has nothing here
    here = venues["account_share"] > 0.0
    assert ((here & (level == 0.0)) == (home > 0.0)).all()
    assert ((here & (level > 0.0)) == (venues["account_collateral"] > 0.0)).all()
    assert ((here & (level > 0.0)) == (debt > 0.0)).all()
    assert (venues["deficit"] == 0.0).all() and (venues["reserve"] == 0.0).all()
    assert (simulator.worlds["book_error"] == 0.0).all()
    # the same people, who like one venue better than the other
    assert np.array_equal(venues["account_reservation_rate"][:, 0], venues["account_reservation_rate"][:, 1])
    assert not np.array_equal(debt[:, 0], debt[:, 1])
