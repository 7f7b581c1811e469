"""Natural frequencies: the shares, the same tapes as the parts' own but for the drift, and no expected return."""

from math import exp

import numpy as np
import pytest

from protogov.envs.scenarios import CRISES, NATURAL, Composed, Drift, Flat, get_scenario, held_out
from protogov.envs.scenarios.natural import LOG_DRIFT

PRICES = ("open", "high", "low", "close")
VERIFYING = 2**46  # beyond the seeds on which the drift was measured


def test_shares_of_natural() -> None:
    assert get_scenario("natural") is NATURAL and NATURAL.split == "train" and held_out(NATURAL) == ()
    shares = {part.name: share for part, share in zip(NATURAL.parts, NATURAL.shares, strict=True)}
    quiet = {"calm + drift": 0.30, "regimes + drift": 0.35, "self-exciting + drift": 0.15, "jump + drift": 0.16}
    crises = {name: 0.04 / 5 for name, crisis in CRISES.items() if crisis.split == "train"}
    assert shares == pytest.approx(quiet | crises)
    counted = np.bincount(NATURAL.part_of(range(20_000)), minlength=len(shares)) / 20_000
    np.testing.assert_allclose(counted, list(shares.values()), atol=0.01)


def test_its_crises_are_the_registered_ones_as_deep_as_they_were() -> None:
    for part in NATURAL.parts:
        if part.name in CRISES:
            assert part is CRISES[part.name]
            assert (part.around.amplitude_low, part.around.amplitude_high) == (1.0, 1.0)


def test_a_quiet_part_is_the_tape_of_its_own_scenario_but_for_the_drift() -> None:
    growth = np.array([exp(LOG_DRIFT * hour) for hour in range(337)])
    for part in NATURAL.parts[:4]:
        assert isinstance(part, Composed) and part.first is get_scenario(part.first.name)
        drifting, plain = part.draw([3, 4], 336), part.first.draw([3, 4], 336)
        np.testing.assert_allclose(drifting["close"] / plain["close"].astype(np.float64), np.tile(growth, (2, 1)), 2e-7)
        for field in plain.dtype.names or ():
            if field not in PRICES:
                np.testing.assert_array_equal(drifting[field], plain[field])


def test_no_expected_return() -> None:
    """On 4,096 tapes on which nothing was measured; without the drift it fails."""
    returns, without = [], []
    for start in range(VERIFYING, VERIFYING + 4096, 512):
        seeds = np.arange(start, start + 512, dtype=np.uint64)
        closes = NATURAL.draw(seeds, 336)["close"].astype(np.float64)
        returns.append(closes[:, -1] / closes[:, 0] - 1.0)
        quiet = NATURAL.part_of(seeds) < 4
        without.append((1.0 + returns[-1]) * np.where(quiet, exp(-336 * LOG_DRIFT), 1.0) - 1.0)
    found, plain = np.concatenate(returns), np.concatenate(without)
    error = found.std(ddof=1) / np.sqrt(found.size)
    assert abs(found.mean()) < 2.0 * error
    assert plain.mean() < -3.0 * error


@pytest.mark.parametrize("log_per_hour", [0.001, -0.001])
def test_a_drift_keeps_candles_whole(log_per_hour: float) -> None:
    drift = Drift(log_per_hour)
    tape = (Flat(price=100.0) + drift).draw([1], 10)[0]  # draw refuses a candle whose close lies outside it
    hours = np.arange(11)
    np.testing.assert_allclose(tape["close"], 100.0 * np.exp(log_per_hour * hours), rtol=1e-6)
    np.testing.assert_allclose(tape["open"][1:], tape["close"][:-1], rtol=1e-6)
    assert tape["open"][0] == tape["close"][0] == 100.0
    (get_scenario("jump") + drift).draw(range(50), 336)


@pytest.mark.parametrize("log_per_hour", [0.02, -0.02, float("nan"), float("inf")])
def test_a_drift_out_of_range_is_refused(log_per_hour: float) -> None:
    with pytest.raises(ValueError, match="log_per_hour of 'drift' is .*; a number from -0.01 to 0.01"):
        Drift(log_per_hour)
