"""A new walk is a playable scenario: ten lines say how the price moves, `PathScenario` does the rest."""

import pickle
from typing import Any

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import MARKETS, Conditions, PathScenario, SimulatedWalk, get_scenario, register
from protogov.envs.scenarios.conditions import WARM_UP
from protogov.envs.scenarios.path import BLOCK, Floats, Keys, Path, keys_of, over_rows, uniforms
from protogov.envs.simulator import Simulator
from protogov.envs.world.compiled import compiled
from protogov.envs.world.kernels import KEPT
from protogov.envs.world.noise import Purpose, key, uniform

ZERO, PRICE = np.uint64(0), np.uint64(Purpose.TAPE_PRICE)


class Coin(SimulatedWalk):
    def walk(self, path: Path, keys: Keys) -> Floats:
        for row, each in enumerate(keys):
            for i in range(1, path.close.shape[1]):
                up = uniform(each, ZERO, np.uint64(i), ZERO, PRICE) < 0.5
                path.close[row, i] = path.close[row, i - 1] + (0.01 if up else -0.01)
        path.high[:, 1:] = np.maximum(path.close[:, 1:], path.close[:, :-1])
        path.low[:, 1:] = np.minimum(path.close[:, 1:], path.close[:, :-1])
        return np.asarray(np.log(3000.0) - path.close[:, WARM_UP])


@compiled
def coin_row(path: Path, seed: np.uint64, swing: float) -> float:
    for i in range(1, path.close.size):
        up = uniform(seed, ZERO, np.uint64(i), ZERO, PRICE) < 0.5
        path.close[i] = path.close[i - 1] + (swing if up else -swing)
        path.high[i], path.low[i] = max(path.close[i], path.close[i - 1]), min(path.close[i], path.close[i - 1])
        path.marks[i] = 1 if up else -1
    return float(np.log(3000.0) - path.close[WARM_UP])


walk_coins = over_rows(coin_row)


class CompiledCoin(SimulatedWalk):
    def __init__(self, swing: float = 0.01) -> None:
        self.swing = swing

    def walk(self, path: Path, keys: Keys) -> Floats:
        return walk_coins(path, keys, self.swing)


def test_ten_lines_are_a_market_that_a_world_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protogov.envs.scenarios.base._registry", dict(MARKETS))
    register(PathScenario("coin", "train", Coin()))
    tapes = get_scenario("coin").draw([1, 2, 3], 48)
    assert tapes.shape == (3, 49)
    moves = np.diff(np.log(tapes["close"].astype(float)), axis=1)
    np.testing.assert_allclose(np.abs(moves), 0.01, atol=1e-6)
    assert (tapes["close"][:, 0] == np.float32(3000.0)).all() and 0.0 < (moves > 0.0).mean() < 1.0
    np.testing.assert_array_equal(tapes["open"][:, 1:], tapes["close"][:, :-1])
    for field in ("open", "high", "low"):
        np.testing.assert_array_equal(tapes[field][:, 0], tapes["close"][:, 0])
    # every hour moves by 1%, so that a past of 30 days has nearly settled at the implied vol of sqrt(8760) %
    level = 0.70 * (0.01 * np.sqrt(8760) / 0.62) ** 0.75
    assert tapes["implied_vol"][:, 0] == pytest.approx(level, rel=0.02)
    assert len(np.unique(tapes["leverage_demand"])) == tapes.size  # drawn beside it
    world = Simulator(WorldConfig(episode_hours=48), 2, scenario="coin")
    world.reset()
    for _ in range(world.horizon):
        step = world.step({name: np.zeros((2, len(role.levers)), np.float32) for name, role in world.roles.items()})
    assert all(np.isfinite(reward).all() for reward in step.rewards.values())


def test_a_compiled_row_is_the_same_market_and_is_not_kept_outside_the_package() -> None:
    seeds = [0, 5, 2**64 - 1]
    plain, fast = (PathScenario("coin", "free", walk) for walk in (Coin(), CompiledCoin()))
    assert fast.draw(seeds, 30).tobytes() == plain.draw(seeds, 30).tobytes()
    assert not [kernel for kernel in KEPT if "coin_row" in kernel.py_func.__qualname__]  # a change would go unnoticed
    assert [kernel for kernel in KEPT if "jump_row" in kernel.py_func.__qualname__]


def test_parameters_name_and_conditions_are_the_scenarios_own() -> None:
    one = PathScenario("coin", "free", CompiledCoin()).draw([1], 30)
    for other in (
        PathScenario("coin", "free", CompiledCoin(0.02)),
        PathScenario("other", "free", CompiledCoin()),
        PathScenario("coin", "free", CompiledCoin(), Conditions(peg_spread=0.01)),
    ):
        assert other.draw([1], 30).tobytes() != one.tobytes()
    again = pickle.loads(pickle.dumps(PathScenario("coin", "validation", CompiledCoin())))
    assert again.draw([1], 30).tobytes() == one.tobytes()


def test_marks_are_what_the_walk_says_and_rows_are_independent_over_blocks() -> None:
    market = PathScenario("coin", "free", CompiledCoin())
    seeds = np.arange(BLOCK + 9, dtype=np.uint64)
    tapes, marks = market.draw(seeds, 20), market.marks(seeds, 20)
    np.testing.assert_array_equal(np.sign(np.diff(tapes["close"], axis=1)), marks[:, 1:])
    np.testing.assert_array_equal(market.draw(seeds[BLOCK - 1 :], 20), tapes[BLOCK - 1 :])
    assert len({row.tobytes() for row in tapes}) == seeds.size


def test_a_walk_that_must_reach_further_than_its_tape_is_given_the_hours() -> None:
    class Far(Coin):
        least_hours = 100
        seen: tuple[int, ...] = ()

        def walk(self, path: Path, keys: Keys) -> Any:
            type(self).seen = path.close.shape
            return super().walk(path, keys)

    far = PathScenario("coin", "free", Far())
    np.testing.assert_array_equal(far.draw([3], 10), PathScenario("coin", "free", Coin()).draw([3], 10))
    assert Far.seen == (1, WARM_UP + 101)


def test_keys_and_draws_are_those_of_the_noise() -> None:
    salt = np.uint64(7)
    keys = keys_of([3, 2**64 - 1], salt)
    assert keys.tolist() == [key(np.uint64(3), salt), key(np.uint64(2**64 - 1), salt)]
    assert uniforms(keys, PRICE).tolist() == [uniform(each, ZERO, ZERO, ZERO, PRICE) for each in keys]


def test_an_impossible_walk_is_refused() -> None:
    class Inverted(Coin):
        def walk(self, path: Path, keys: Keys) -> Floats:
            origins = super().walk(path, keys)
            path.high[:], path.low[:] = path.low.copy(), path.high.copy()
            return origins

    with pytest.raises(ValueError, match="'coin' drew high = .* at row 0, hour 1; it must be at least open and close"):
        PathScenario("coin", "free", Inverted()).draw([1], 3)
