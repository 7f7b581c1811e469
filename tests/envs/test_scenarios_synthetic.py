"""Synthetic markets: the same seed gives the same bits, and the statistics are those that were asked for."""

import os
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protogov.envs.scenarios import (
    Conditions,
    JumpProcess,
    PathScenario,
    get_scenario,
)
from protogov.envs.scenarios.base import SOURCE_FOLDERS
from protogov.envs.world.compiled import uncompiled
from protogov.envs.world.kernels import KEPT, source_digest
from protogov.envs.world.state import TAPE

SYNTHETIC = ("jump", "calm", "crash-heldout")
DRAWN = (*SYNTHETIC, "regimes", "self-exciting", "crisis-2020-03", "crisis-2023-03", "mix")
WALKS = {
    "jump_row": "resume_rows", "regimes_row": "resume_rows", "excited_row": "walk_rows", "crisis_row": "walk_rows",
    "bates_row": "walk_rows",
}  # fmt: skip


@pytest.fixture(scope="module")
def jump_tapes() -> np.ndarray:
    return get_scenario("jump").draw(range(1500), 336)


def returns(tapes: np.ndarray) -> np.ndarray:
    return np.diff(np.log(tapes["close"].astype(float)), axis=1)


def log_square(values: np.ndarray) -> np.ndarray:
    # float32 prices repeat now and then
    return np.log(np.maximum(values**2, 1e-12))


# ---- determinism


@pytest.mark.parametrize("name", DRAWN)
def test_same_bits_in_any_batch_and_order(name: str) -> None:
    scenario = get_scenario(name)
    seeds = np.arange(512, dtype=np.uint64) * np.uint64(2**55 - 1)
    whole = scenario.draw(seeds, 48)
    for row in (0, 3, 511):
        assert scenario.draw(seeds[row : row + 1], 48).tobytes() == whole[row : row + 1].tobytes()
    assert scenario.draw(seeds[100:107], 48).tobytes() == whole[100:107].tobytes()
    shuffled = np.random.default_rng(0).permutation(512)
    assert scenario.draw(seeds[shuffled], 48).tobytes() == whole[shuffled].tobytes()
    assert len({row.tobytes() for row in whole}) == 512


@pytest.mark.parametrize("name", DRAWN)
def test_a_longer_tape_begins_with_the_shorter(name: str) -> None:
    scenario = get_scenario(name)
    assert scenario.draw([5], 300)[:, :41].tobytes() == scenario.draw([5], 40).tobytes()


def test_same_bits_without_jitting() -> None:
    # NUMBA_DISABLE_JIT is read at import; warnings are errors: the wrap-around of uint64 must not warn
    code = (
        "import sys; from protogov.envs.scenarios import get_scenario;"
        f"[sys.stdout.buffer.write(get_scenario(name).draw([0, 2**64 - 1], 30).tobytes()) for name in {DRAWN}]"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout == b"".join(get_scenario(name).draw([0, 2**64 - 1], 30).tobytes() for name in DRAWN)


def test_scenarios_of_different_names_share_no_noise() -> None:
    one, two = (PathScenario(name, "free", JumpProcess()) for name in ("one", "two"))
    first, second = (returns(scenario.draw(range(50), 336)).ravel() for scenario in (one, two))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


# ---- compilation


def kernels() -> dict[str, FunctionType]:
    """The Python functions of all kernels that draw markets, by name."""
    functions = [uncompiled(kernel) for kernel in KEPT]
    here = {one.__qualname__: one for one in functions if Path(one.__code__.co_filename).name == "path_rows.py"}
    assert {f"{loop}.{name}" for name, loop in WALKS.items()} <= set(here)
    return here


def test_every_compiled_callee_is_part_of_the_cache_key() -> None:
    for name, kernel in kernels().items():
        met: set[FunctionType] = set()
        waiting = [kernel]
        while waiting:
            function = waiting.pop()
            if function in met:
                continue
            met.add(function)
            source = Path(function.__code__.co_filename)
            assert any(source.is_relative_to(folder) for folder in SOURCE_FOLDERS), function
            names = (function.__globals__.get(name) for name in function.__code__.co_names)
            waiting += [uncompiled(value) for value in names if hasattr(value, "py_func")]
        assert len(met) > 6 or not name.startswith(("walk_rows", "resume_rows"))


def test_one_signature_an_entry_point() -> None:
    get_scenario("jump").draw([1], 24)
    get_scenario("calm").draw(np.arange(3), 30)
    for name in ("regimes", "self-exciting", "crisis-2020-03", "crisis-2023-03", "mix"):
        get_scenario(name).draw(np.arange(40), 30)
    found = kernels()
    for kernel in KEPT:
        if uncompiled(kernel) in found.values():
            assert len(kernel.signatures) <= 1, kernel


def test_cache_runs_no_stale_callee(tmp_path: Path) -> None:
    (tmp_path / "callee.py").write_text("from numba import njit\n\n@njit\ndef value():\n    return 1.0\n")
    (tmp_path / "entry.py").write_text(
        "from pathlib import Path\n"
        "from numba import njit\n"
        "from callee import value\n"
        "def build(digest):\n"
        "    @njit(cache=True)\n"
        "    def run():\n"
        "        _ = digest\n"
        "        return value()\n"
        "    return run\n"
        "run = build(Path('callee.py').read_text())\n"
        "print(run(), sum(run.stats.cache_hits.values()))\n"
    )

    def run() -> str:
        command = [sys.executable, "-B", "entry.py"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True).stdout.strip()

    assert run() == "1.0 0"
    assert run() == "1.0 1"
    callee = tmp_path / "callee.py"
    callee.write_text(callee.read_text().replace("1.0", "2.0"))
    assert run() == "2.0 0"


def test_entry_points_close_over_the_digest_of_all_sources() -> None:
    versions = [[cell.cell_contents for cell in kernel.__closure__ or ()] for kernel in kernels().values()]
    assert all(len(cells) == 1 and cells[0].startswith(source_digest(*SOURCE_FOLDERS)) for cells in versions)
    walks = [cells[0] for cells in versions if " " in cells[0]]
    assert len(set(walks)) == len(walks) > len(WALKS)  # all walks are one loop, told apart by the name of the row's


# ---- statistics


def test_vol_and_its_regimes(jump_tapes: np.ndarray) -> None:
    realised = np.sqrt((returns(jump_tapes) ** 2).mean(axis=1) * 8760)
    # between the calm months (23-67%) and the crises (93-180%) of ETH in 2020-23, with both tails reached
    assert 0.52 < np.median(realised) < 0.68
    assert np.quantile(realised, 0.05) < 0.42
    assert np.quantile(realised, 0.95) > 0.93


def test_price_has_no_trend(jump_tapes: np.ndarray) -> None:
    growth = np.exp(returns(jump_tapes).sum(axis=1))
    assert abs(growth.mean() - 1.0) < 4.0 * growth.std() / np.sqrt(growth.size)
    start = np.log(jump_tapes["close"][:, 0])
    assert abs(np.median(start) - np.log(3000.0)) < 0.03
    assert abs(start.std() - 0.25) < 0.02


def test_vol_is_log_ornstein_uhlenbeck() -> None:
    # nothing but diffusion: the hour's realised variance estimates the vol of the hour
    process = JumpProcess(vol=0.62, vol_spread=0.5, vol_half_life=24.0, leverage=0.0, jump_hazard=0.0, crash_hazard=0.0)
    tapes = PathScenario("test-vol", "free", process).draw(range(1200), 49)
    measured = log_square(returns(tapes))
    centred = measured - measured.mean()
    # autocovariance at lag h is that of 2 log vol: 4 sd^2 / 2^(h/24); the return's own noise is white
    lag_1, lag_24 = ((centred[:, :-h] * centred[:, h:]).mean() for h in (1, 24))
    assert lag_1 == pytest.approx(4 * 0.25 * 2 ** (-1 / 24), rel=0.12)
    assert lag_24 / lag_1 == pytest.approx(0.5, abs=0.1)
    # mean of log chi-square is -1.27036
    assert measured.mean() + 1.27036 == pytest.approx(2 * np.log(0.62) - np.log(8760), abs=0.05)


def test_leverage_effect_has_its_sign() -> None:
    process = JumpProcess(jump_hazard=0.0, crash_hazard=0.0, leverage=-0.9, vol_half_life=12.0)
    move = returns(PathScenario("test-leverage", "free", process).draw(range(400), 336))
    assert np.corrcoef(move[:, :-1].ravel(), log_square(move[:, 1:]).ravel())[0, 1] < -0.08


def test_small_jumps_come_at_their_hazard_and_size() -> None:
    process = JumpProcess(
        vol=0.001, vol_spread=0.0, crash_hazard=0.0, jump_hazard=0.01, jump_mean=-0.01, jump_spread=0.02
    )
    move = returns(PathScenario("test-jumps", "free", process).draw(range(1000), 336))
    jumps = move[np.abs(move - np.median(move)) > 1e-3]
    expected = 0.01 * move.size * (1 - 0.02)  # 2% of sizes lie within the threshold
    assert abs(jumps.size - expected) < 4 * np.sqrt(expected) + 0.03 * expected
    assert jumps.mean() == pytest.approx(-0.01, abs=0.0025)
    assert jumps.std() == pytest.approx(0.02, rel=0.05)


def test_crashes_come_at_their_hazard_size_and_pace() -> None:
    # rebound 0 and hardly any diffusion: a crash is a run of falling hours
    process = JumpProcess(
        vol=1e-4,
        vol_spread=0.0,
        jump_hazard=0.0,
        crash_hazard=0.0005,
        crash_least=0.2,
        crash_most=0.5,
        crash_shortest=3.0,
        crash_longest=30.0,
        crash_vol=1.0,
        rebound=0.0,
    )
    move = returns(PathScenario("test-crash", "free", process).draw(range(3000), 336))
    falling = move < -1e-3
    falling_before = np.pad(falling, ((0, 0), (1, 0)))[:, :-1]
    onsets = np.argwhere(falling & ~falling_before)
    # in the first 30 hours a crash of the past may still be under way
    fresh = onsets[onsets[:, 1] >= 30]
    expected = 0.0005 * 3000 * 306
    assert abs(len(fresh) - expected) < 4.0 * np.sqrt(expected)
    hours, sizes = [], []
    for row, hour in fresh[fresh[:, 1] < 300]:
        length = int(np.argmin(np.r_[falling[row, hour:], False]))
        hours.append(length)
        sizes.append(1.0 - np.exp(move[row, hour : hour + length].sum()))
    assert min(hours) == 3
    assert max(hours) == 30
    assert np.mean(hours) == pytest.approx(16.5, abs=1.5)
    assert min(sizes) == pytest.approx(0.2, abs=0.02)
    assert max(sizes) == pytest.approx(0.5, abs=0.02)
    assert np.mean(sizes) == pytest.approx(0.35, abs=0.02)


def test_one_episode_in_ten_crashes(jump_tapes: np.ndarray) -> None:
    log_close = np.log(jump_tapes["close"].astype(float))
    fall = np.min([(log_close[:, h:] - log_close[:, :-h]).min(axis=1) for h in (6, 12, 24, 36)], axis=0)
    assert 0.06 < (fall < np.log(0.8)).mean() < 0.13


def test_heldout_crash_always_comes_between_day_3_and_day_10() -> None:
    scenario = get_scenario("crash-heldout")
    assert scenario.split == "validation"
    move = returns(scenario.draw(range(600), 336))
    worst_12h = np.array([move[:, h : h + 12].sum(axis=1) for h in range(325)])
    assert (np.exp(np.array([move[:, h : h + 18].sum(axis=1) for h in range(319)]).min(axis=0)) < 0.85).mean() > 0.97
    onset = worst_12h.argmin(axis=0)
    assert ((onset >= 72 - 12) & (onset <= 240 + 18)).mean() > 0.97
    assert onset.min() < 90
    assert onset.max() > 220


def test_calm_never_jumps() -> None:
    move = returns(get_scenario("calm").draw(range(300), 336))
    assert np.abs(move).max() < 0.04
    assert np.sqrt((move**2).mean() * 8760) == pytest.approx(0.365, abs=0.02)


def test_leverage_demand_is_log_ornstein_uhlenbeck_with_momentum(jump_tapes: np.ndarray) -> None:
    demand = np.log(jump_tapes["leverage_demand"].astype(float))
    assert 0.35 <= demand.std() <= 0.40
    for hour in (0, 168, 336):  # stationary from the opening
        assert demand[:, hour].std() == pytest.approx(0.37, abs=0.04)
    assert np.median(demand) == pytest.approx(0.0, abs=0.05)
    # what momentum adds: the demand of the last day follows the return of the week before
    momentum = returns(jump_tapes)[:, 168:].sum(axis=1)
    assert np.corrcoef(momentum, demand[:, -1])[0, 1] > 0.15
    without = PathScenario("test-demand", "free", JumpProcess(), Conditions(demand_loading=0.0)).draw(range(1500), 100)
    log_demand = np.log(without["leverage_demand"].astype(float))
    assert log_demand.std() == pytest.approx(0.35, abs=0.015)
    kept = (log_demand[:, 0] * log_demand[:, 72]).mean() / log_demand.var()
    assert kept == pytest.approx(0.5, abs=0.08)


def test_outside_yield_reverts_and_jumps(jump_tapes: np.ndarray) -> None:
    quiet = PathScenario("test-yield", "free", JumpProcess(), Conditions(yield_hazard=0.0)).draw(range(600), 168)
    assert np.median(quiet["outside_yield"]) == pytest.approx(0.04, abs=0.002)
    assert quiet["outside_yield"].std() == pytest.approx(0.02, abs=0.002)
    # about once in 120 days: a rise of more than 3 points within an hour, to 8-15% give or take the level of before
    rises = np.diff(jump_tapes["outside_yield"], axis=1)
    expected = jump_tapes.shape[0] * 336 / 2880
    assert 0.85 * expected < (rises > 0.03).sum() < 1.15 * expected
    after = jump_tapes["outside_yield"][:, 1:][rises > 0.03]
    assert 0.05 < np.quantile(after, 0.05)
    assert np.quantile(after, 0.95) < 0.19
    # as likely at the opening as later
    high = jump_tapes["outside_yield"] > 0.10
    assert high[:, 0].mean() == pytest.approx(high.mean(), abs=0.01)


def test_flow_regime_has_two_states_of_mean_intensity_one(jump_tapes: np.ndarray) -> None:
    busy = jump_tapes["informed_share"] == np.float32(0.35)
    np.testing.assert_array_equal(busy, jump_tapes["flow_intensity"] == np.float32(1.6))
    np.testing.assert_array_equal(~busy, jump_tapes["informed_share"] == np.float32(0.1))
    np.testing.assert_array_equal(~busy, jump_tapes["flow_intensity"] == np.float32(0.8))
    assert jump_tapes["flow_intensity"].mean() == pytest.approx(1.0, abs=0.03)
    assert busy[:, 0].mean() == pytest.approx(0.25, abs=0.05)
    leaving = (busy[:, :-1] & ~busy[:, 1:]).sum() / busy[:, :-1].sum()
    assert leaving == pytest.approx(1 / 36, rel=0.1)


def test_implied_vol_is_slow_and_at_real_levels(jump_tapes: np.ndarray) -> None:
    implied = jump_tapes["implied_vol"].astype(float)
    assert 0.55 < np.median(implied) < 0.75
    assert np.quantile(implied, 0.01) > 0.4
    assert np.quantile(implied, 0.99) < 1.4
    daily = np.diff(implied[:, ::24], axis=1)
    realised = np.sqrt((returns(jump_tapes) ** 2).reshape(-1, 14, 24).mean(axis=2) * 8760)
    for moves, response in ((np.diff(realised, axis=1), daily[:, 1:]), (np.log(realised), daily)):
        assert np.polyfit(moves.ravel(), response.ravel(), 1)[0] <= 0.3
    move = np.abs(returns(jump_tapes).reshape(-1, 14, 24).sum(axis=2))
    beta = np.polyfit(move.ravel(), daily.ravel(), 1)[0]
    assert 0.02 < beta <= 0.3  # it does answer


def test_stress_thins_depth_and_jams_blocks() -> None:
    tapes = get_scenario("crash-heldout").draw(range(400), 336)
    calm = get_scenario("calm").draw(range(400), 336)
    assert np.median(calm["depth"]) == pytest.approx(0.9e6, rel=0.1)
    worst = returns(tapes).argmin(axis=1) + 1
    rows = np.arange(400)
    assert np.median(tapes["depth"][rows, worst]) < 0.3e6
    assert np.median(tapes["congestion"][rows, worst]) > 0.6
    assert np.median(calm["congestion"]) < 0.12
    later = np.minimum(worst + 48, 336)
    assert np.median(tapes["congestion"][rows, later]) < np.median(tapes["congestion"][rows, worst])


def test_conditions_know_no_later_price() -> None:
    # two markets that differ in the crash alone have the same conditions until it begins
    changed = JumpProcess(crash_from=200.0, crash_to=200.0, crash_least=0.5, crash_most=0.5)
    other = JumpProcess(crash_from=200.0, crash_to=200.0, crash_least=0.2, crash_most=0.2)
    one, two = (PathScenario("test-causal", "free", p).draw(range(20), 300) for p in (changed, other))
    assert one[:, :200].tobytes() == two[:, :200].tobytes()
    assert (one["close"][:, 240] != two["close"][:, 240]).all()


def test_candles_move_within_the_hour(jump_tapes: np.ndarray) -> None:
    np.testing.assert_array_equal(jump_tapes["open"][:, 1:], jump_tapes["close"][:, :-1])
    for field in ("open", "high", "low"):
        np.testing.assert_array_equal(jump_tapes[field][:, 0], jump_tapes["close"][:, 0])
    body = np.abs(returns(jump_tapes))
    spread = np.log(jump_tapes["high"][:, 1:].astype(float) / jump_tapes["low"][:, 1:])
    # for Brownian motion in twelve steps the mean range is about 1.6 times the mean absolute move
    assert 1.4 < spread.mean() / body.mean() < 1.9


# ---- bounds


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vol": -0.1}, r"JumpProcess.vol is -0.1; it must lie in \[0.0001, 5\]"),
        ({"vol": float("nan")}, "JumpProcess.vol is nan"),
        ({"vol": "high"}, "JumpProcess.vol is 'high'"),
        (
            {"crash_least": 0.6, "crash_most": 0.5},
            "JumpProcess.crash_least is 0.6; it must not exceed crash_most, which is 0.5",
        ),
        ({"crash_from": 5.0}, "must not exceed crash_to"),
    ],
)
def test_impossible_processes_name_the_field(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        JumpProcess(**values)


def test_impossible_conditions_name_the_field() -> None:
    with pytest.raises(ValueError, match="Conditions.depth_calm is -1.0"):
        Conditions(depth_calm=-1.0)
    with pytest.raises(ValueError, match="Conditions.vol_low is 2; it must not exceed vol_high"):
        Conditions(vol_low=2.0)


share = st.floats(0.0, 1.0)


@settings(max_examples=60)
@given(
    seeds=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3),
    num_hours=st.integers(1, 60),
    vol=st.floats(0.01, 5.0),
    vol_spread=st.floats(0.0, 2.0),
    leverage=st.floats(-1.0, 1.0),
    jump_hazard=st.floats(0.0, 0.5),
    jump_spread=st.floats(0.0, 0.2),
    crash_hazard=st.floats(0.0, 0.02),
    crash=st.floats(0.0, 0.95),
    rebound=share,
    start_price=st.floats(1e-6, 1e9),
)
def test_tapes_are_sane(
    seeds: list[int],
    num_hours: int,
    vol: float,
    vol_spread: float,
    leverage: float,
    jump_hazard: float,
    jump_spread: float,
    crash_hazard: float,
    crash: float,
    rebound: float,
    start_price: float,
) -> None:
    process = JumpProcess(
        start_price=start_price,
        vol=vol,
        vol_spread=vol_spread,
        leverage=leverage,
        jump_hazard=jump_hazard,
        jump_spread=jump_spread,
        crash_hazard=crash_hazard,
        crash_least=crash,
        crash_most=crash,
        rebound=rebound,
    )
    c = Conditions()
    tapes = PathScenario("test-sane", "free", process, c).draw(seeds, num_hours)
    assert tapes.shape == (len(seeds), num_hours + 1)
    for field in TAPE.names or ():
        assert np.isfinite(tapes[field]).all(), field
    assert (tapes["low"] > 0.0).all()
    assert (tapes["low"] <= np.minimum(tapes["open"], tapes["close"])).all()
    assert (tapes["high"] >= np.maximum(tapes["open"], tapes["close"])).all()
    limits = {
        "implied_vol": (c.vol_low, c.vol_high),
        "depth": (c.depth_low, c.depth_high),
        "congestion": (0.0, 1.0),
        "funding": (-0.75, 0.75),
        "peg": (0.99, 1.01),
        "leverage_demand": (1e-9, 1e9),
        "outside_yield": (0.0, 0.45),
        "informed_share": (0.1, 0.35),
        "flow_intensity": (0.8, 1.6),
    }
    for field, (low, high) in limits.items():
        assert (tapes[field] >= np.float32(low)).all() and (tapes[field] <= np.float32(high)).all(), field
