"""Self-exciting jumps: as many as the branching ratio says, and in bursts that no Poisson process has."""

import numpy as np
import pytest

from protogov.envs.scenarios import HawkesProcess, PathScenario, get_scenario

HOURS = 336


def fano(process: HawkesProcess, hours: float) -> float:
    """Variance over mean of the number of jumps in `hours` of a stationary Hawkes process with exponential kernel.

    With k = 1 / (1 - branching): k^2 + (1 - k^2) (1 - exp(-hours d)) / (hours d), d = (1 - branching) / memory.
    """
    k2 = 1.0 / (1.0 - process.branching) ** 2
    decay = (1.0 - process.branching) / process.jump_memory * hours
    return float(k2 + (1.0 - k2) * (1.0 - np.exp(-decay)) / decay)


@pytest.mark.parametrize("branching", [0.0, 0.5, 0.8])
def test_mean_and_overdispersion_of_counts_are_the_closed_forms(branching: float) -> None:
    process = HawkesProcess(jump_base=0.02, branching=branching, jump_memory=4.0)
    counts = PathScenario(f"test-{branching}", "free", process).marks(range(3000), HOURS)
    assert (counts[:, 0] == 0).all()
    total = counts[:, 1:].sum(axis=1)
    expected = 0.02 / (1.0 - branching) * HOURS
    assert total.mean() == pytest.approx(expected, abs=4 * total.std() / np.sqrt(total.size))
    assert total.var() / total.mean() == pytest.approx(fano(process, HOURS), rel=0.12)


def test_a_jump_is_followed_by_jumps() -> None:
    process = HawkesProcess(jump_base=0.01, branching=0.8, jump_memory=4.0)
    counts = PathScenario("test-burst", "free", process).marks(range(2000), HOURS)
    rate = counts.mean()
    after = counts[:, 2:][counts[:, 1:-1] > 0].mean()
    assert after > 4.0 * rate
    alone = PathScenario("test-alone", "free", HawkesProcess(jump_base=0.05, branching=0.0)).marks(range(2000), HOURS)
    assert alone[:, 2:][alone[:, 1:-1] > 0].mean() == pytest.approx(alone[:, 1:].mean(), rel=0.1)


def test_price_has_no_trend_in_spite_of_falling_jumps() -> None:
    process = HawkesProcess(jump_mean=-0.02, jump_spread=0.01)
    tapes = PathScenario("test-trend", "free", process).draw(range(3000), HOURS)
    growth = tapes["close"][:, -1].astype(float) / tapes["close"][:, 0]
    assert growth.mean() == pytest.approx(1.0, abs=4 * growth.std() / np.sqrt(growth.size))


def test_jumps_have_their_sizes() -> None:
    process = HawkesProcess(vol=1e-4, vol_spread=0.0, jump_base=0.02, branching=0.0, jump_mean=-0.01, jump_spread=0.002)
    market = PathScenario("test-size", "free", process)
    move = np.diff(np.log(market.draw(range(500), HOURS)["close"].astype(float)), axis=1)
    one = move[market.marks(range(500), HOURS)[:, 1:] == 1]
    assert one.mean() == pytest.approx(-0.01, abs=4e-4)
    assert one.std() == pytest.approx(0.002, rel=0.08)


def test_registered_market_bursts() -> None:
    found = get_scenario("self-exciting")
    assert isinstance(found, PathScenario)
    assert found.split == "train"
    total = found.marks(range(2000), HOURS)[:, 1:].sum(axis=1)
    assert total.var() / total.mean() > 8.0
