"""Who pushes the vol surface around the issue of his shares: when he comes, what he gains, what stops him."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.scenarios import get_scenario
from protogov.envs.scenarios.attacks import Pulse
from protogov.envs.simulator import Simulator

OPEN = {"standard_size": 60e3, "breaker_variance": 10.0, "lp_choice": 0.0}


def attacked(simulate: Callable[..., Simulator], hold: Any, hours: int = 120, **parameters: float) -> Any:
    """Worlds after an attack of 20 vol points from hour 12 on; their last records."""
    scenario = get_scenario("calm") + Pulse("vol-push", hours, sets={"vol_push": 0.2}, onset=12)
    simulator = simulate(scenario, 8, decision_hours=6, autonomy=0.0, episode_hours=216, parameters=parameters)
    while not simulator.truncated().any():
        step = simulator.step(hold(simulator))
    return simulator.worlds["venues"][:, 0], step.records[:, 0]["attacker_profit"]


def test_the_round_trip_pays_at_the_vols_of_the_moment_and_loses_at_averages(
    simulate: Callable[..., Simulator], hold: Any
) -> None:
    spot, gain = attacked(simulate, hold, gwav_on=0.0, **OPEN)
    average, loss = attacked(simulate, hold, gwav_on=1.0, **OPEN)
    # he has come, got his shares and taken all of it home, in both worlds
    assert (spot["surface_attack"] == 3).all() and (average["surface_attack"] == 3).all()
    assert (spot["lp_shares"][:, 8] == 0.0).all() and (spot["lp_waiting_sum"] == 0.0).all()
    assert (gain > loss + 30e3).all() and gain.mean() > 0.0 and (loss < 0.0).all()


def test_the_breaker_stops_the_issue_while_he_pushes(simulate: Callable[..., Simulator], hold: Any) -> None:
    venues, profit = attacked(simulate, hold, gwav_on=0.0, **(OPEN | {"breaker_variance": 0.1}))
    # every push stops shares for 36 hours: he gets his a day and a half after the last one, and waits for his money
    assert (venues["surface_attack"] == 2).all() and (venues["lp_queued"][:, 8] > 9e6).all()
    assert ((profit < -10.05e6) & (profit > -11e6)).all()


def test_an_attack_that_ends_before_the_cooldown_pushes_nothing(simulate: Callable[..., Simulator], hold: Any) -> None:
    venues, profit = attacked(simulate, hold, hours=24, gwav_on=0.0, **OPEN)
    # he got his shares all the same, and his money back, less the exit fee and what the pool has earned since
    assert (venues["surface_attack"] == 3).all()
    assert profit == pytest.approx(-30e3, abs=60e3)


def test_without_an_attack_there_is_no_ninth_lp(simulate: Callable[..., Simulator], hold: Any) -> None:
    simulator = simulate("calm", 4)
    simulator.step(hold(simulator))
    assert np.all(simulator.worlds["venues"]["num_lps"] == 8)
