"""Futures of a state: the same tape up to an hour, bit for bit, then fresh noise."""

import numpy as np
import pytest

from protogov.envs.scenarios import JumpProcess, MertonProcess, PathScenario, get_scenario

AT, HOURS = 30, 60


def path_scenario(name: str) -> PathScenario:
    found = get_scenario(name)
    assert isinstance(found, PathScenario)
    return found


@pytest.mark.parametrize("name", ["jump", "regimes", "heston"])
def test_futures_share_the_past_and_nothing_else(name: str) -> None:
    scenario = path_scenario(name)
    (tape,) = scenario.draw([7], HOURS)
    futures = scenario.resume(7, AT, [7, 100, 101], HOURS)
    np.testing.assert_array_equal(futures[0], tape)  # its own noise goes on as it did
    for row in futures[1:]:
        np.testing.assert_array_equal(row[: AT + 1], tape[: AT + 1])
    later = futures["close"][:, AT + 1 :]
    assert (later[0] != later[1]).all() and (later[1] != later[2]).all()
    assert (futures["leverage_demand"][1, AT + 1 :] != tape["leverage_demand"][AT + 1 :]).all()
    # an hour's noise is its own: what comes after a fresh hour does not change that hour
    longer = scenario.resume(7, AT, [100], HOURS + 5)
    np.testing.assert_array_equal(longer[0, : HOURS + 1], futures[1])
    np.testing.assert_array_equal(scenario.resume(7, AT, [100], HOURS)[0], futures[1])  # alone or in a batch


def test_what_cannot_be_resumed_is_refused() -> None:
    with pytest.raises(ValueError, match="hour of resume is 60; 0 to num_hours - 1 = 59"):
        path_scenario("jump").resume(7, HOURS, [1], HOURS)
    with pytest.raises(ValueError, match="HawkesProcess cannot be resumed"):
        path_scenario("self-exciting").resume(7, AT, [1], HOURS)
    certain = PathScenario("certain", "free", JumpProcess(crash_from=10.0, crash_to=20.0))
    with pytest.raises(ValueError, match="crash_to is 20"):
        certain.resume(7, AT, [1], HOURS)


def test_jumps_come_as_often_and_as_large_as_asked() -> None:
    """Without a Brownian motion what is left of an hour is its jumps."""
    process = MertonProcess(vol=1e-3, jump_hazard=0.2, jump_mean=-0.05, jump_spread=0.0)
    tapes = PathScenario("jumps", "free", process).draw(np.arange(40), 500)
    moves = np.diff(np.log(tapes["close"].astype(np.float64)), axis=1)
    drift = 0.2 * (1.0 - np.exp(-0.05))
    counts = np.rint((drift - moves) / 0.05)
    np.testing.assert_allclose(moves, drift - 0.05 * counts, atol=1e-4)
    assert counts.mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.2 / counts.size))
    assert counts.var() == pytest.approx(0.2, rel=0.06) and counts.max() >= 2
