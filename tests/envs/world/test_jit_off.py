"""With jitting off the same sources give the same bits: what a debugger and a coverage report see is the physics."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# Runs in this process with compiled kernels and in another one without. A crash, so that there are liquidations, bad
# debt and margin calls; an expiry; both venues; every lever moving; five accounts, so that Python can do it.
SCRIPT = """
import numpy as np
from protogov.envs.config import WorldConfig
from protogov.envs.interventions import Interventions
from protogov.envs.margin_engine import Margins
from protogov.envs.scenarios import Scenario
from protogov.envs.simulator import Simulator

class Crash(Scenario):
    name, split = "crash in a day", "free"

    def fill(self, tapes, seeds):
        rng = np.random.default_rng(4)
        hours = tapes.shape[1]
        close = 1000.0 * np.exp(np.cumsum(rng.normal(-0.04, 0.03, hours)))
        open_ = np.concatenate([close[:1], close[:-1]])
        tapes["open"], tapes["close"] = open_, close
        tapes["high"], tapes["low"] = np.maximum(open_, close) * 1.01, np.minimum(open_, close) * 0.99
        # differences of float32 are exact within a factor of two, and only there
        tapes["high"][:, 2:7] *= np.linspace(2.1, 7.7, 5, dtype=np.float32)
        for name in ("open", "high", "low"):
            tapes[name][:, 0] = close[0]
        values = dict(implied_vol=(0.5, 1.0), depth=(2e5, 9e5), congestion=(0.0, 1.0), funding=(-0.1, 0.3),
                      peg=(0.97, 1.01), leverage_demand=(0.5, 2.0), outside_yield=(0.02, 0.2),
                      informed_share=(0.0, 0.6), flow_intensity=(0.5, 2.0))
        for name, (low, high) in values.items():
            tapes[name] = rng.uniform(low, high, hours)
        for name, first, last, value in (("oracle_push", 8, 12, 0.2), ("oracle_push", 17, 19, -0.2),
                                         ("griefing", 10, 16, 0.99), ("supplier_exit", 12, 20, 0.5),
                                         ("arbitrage_away", 8, 14, 0.6), ("oracle_error", 5, 7, 0.02)):
            tapes[name][:, first:last] = value

class Engine:
    # of the last venue of two: what it asks changes from hour to hour and from node to node
    def requirements(self, simulator):
        venue = simulator.worlds.view(np.ndarray)["venues"][:, -1]
        share = 0.05 + 0.01 * (np.arange(60) % 7).reshape(3, 4, 5)
        cash = share[:, None] * venue["oracle_price"][:, None, None]
        hour = simulator.worlds.view(np.ndarray)["hour"]
        return Margins(cash[0], cash[1], share[2] + 0.0 * cash[2], np.where(hour % 5 < 2, 0.7, 0.9))

    def fork(self, rows):
        return self

def run(venues, hours):
    parameters = dict(num_accounts=5, num_suppliers=2, num_expiries=2, num_strikes=2, num_shorts=2, arrivals=6.0,
                      short_entry=0.5, leverage_low=0.9, leverage_high=1.0, attentive_activity=0.5, debt_size=3e6,
                      supply_size=5e6, lp_size=2e6, opening_notional=20e6, losses_socialised=1.0, treasury_share=1e-4)
    if venues == 1:
        parameters |= dict(oracle_ignores_peg=1.0, oracle_pause_from=20.0, oracle_pause_hours=8.0, oracle_floor=0.15)
    else:
        parameters |= dict(oracle_average_window=5)
    # two venues are unlike: each reads its own row
    own = dict(debt_size=1e6, supply_size=2e6, lp_size=1e6, reserve_factor=0.5, option_fee=0.02, hedge_interval=2.0,
               close_factor=1.0, oracle_deviation=0.02)
    overrides = [] if venues == 1 else [dict(oracle_pool_average=1.0), own]
    config = WorldConfig(venues=venues, decision_hours=3, autonomy=72.0, randomise_levers=0.5,
                         venue_overrides=overrides)
    engines = {1: Engine()} if venues == 2 else {}
    config = config.with_parameters(**parameters)
    simulator = Simulator(config, 2, scenario=Crash(), seed=12, margin_engines=engines)
    obs = simulator.reset()
    # everything that an experimenter may do, to the second world
    done = Interventions(simulator).pin("risk_0", [[0.7, np.nan, 0.03, np.nan]] * 2, (4, 11)).mute([-1, 3])
    done.without_impact(["deleverage"]).mute_hedges(0, (5, 14))
    done.write_off(0, 7, suppliers=[0.3, 0.0], option_pool=0.2, liquidity_providers=0.1)
    done.record[0] = 0
    simulator.intervene(done)
    # calls that are covered by coin, deep in the money, so that an expiry sells some of it
    venues = simulator.worlds["venues"]
    venues["strike"][:, :, 0, 0] = 20.0
    venues["short_contracts"][:, :, 0] = venues["short_calls"][:, :, 0, 0] = 3.0
    venues["short_call"][:, :, 0], venues["short_kind"][:, :, 0], venues["short_coin"][:, :, 0] = 1, 1, 3.0
    venues["short_coin_sum"] = 3.0
    simulator.worlds["outside_coin"] -= 3.0 * simulator.config.venues
    # and puts with less behind them than the least there must be: the first margin call closes them
    venues["short_contracts"][:, :, 1] = venues["short_puts"][:, :, 0, 0] = 2.0
    venues["short_collateral"][:, :, 1] = venues["short_collateral_sum"] = 1.0
    simulator.worlds["trader_cash"] -= simulator.config.venues
    # a settlement within the run, for buyers and sellers
    simulator.worlds["venues"]["expiry"][:, :, 0] = 12 * (hours // 2)
    simulator.worlds["venues"]["next_expiry"] = 12 * (hours // 2)
    rng = np.random.default_rng(5)
    kinds = set()
    parts = [np.concatenate([obs[a].ravel() for a in simulator.agents]).tobytes()]
    for _ in range(hours // 3):
        actions = {a: rng.uniform(-1, 1, (2, simulator.action_size(a))) for a in simulator.agents}
        step = simulator.step(actions)
        for name in step.terms:
            parts.append(step.terms[name].tobytes())
        for agent in simulator.agents:
            parts.append(step.obs[agent].tobytes())
            parts.append(step.rewards[agent].tobytes())
        parts += [np.ascontiguousarray(step.records[name]).tobytes() for name in step.records.dtype.names]
        for i in range(2):
            valid = step.events[i][: step.n_events[i]]
            kinds |= set(valid["kind"].tolist())
            parts += [np.ascontiguousarray(valid[name]).tobytes() for name in valid.dtype.names]
    return {"worlds": simulator.worlds.view(np.ndarray), "record": np.frombuffer(b"".join(parts), np.uint8),
            "kinds": np.array(sorted(kinds))}
"""


def run_compiled(venues: int, hours: int) -> dict[str, np.ndarray]:
    scope: dict[str, object] = {}
    exec(SCRIPT, scope)
    result: dict[str, np.ndarray] = scope["run"](venues, hours)  # type: ignore[operator]
    return result


def run_interpreted(venues: int, hours: int, folder: Path) -> dict[str, np.ndarray]:
    out = folder / "interpreted.npz"
    code = f"{SCRIPT}\nimport sys, numba\nassert numba.config.DISABLE_JIT\n"
    code += "with np.errstate(over='ignore'):\n    result = run(int(sys.argv[1]), int(sys.argv[2]))\n"
    code += "result['worlds'] = result['worlds'].view(np.uint8)\nnp.savez(sys.argv[3], **result)\n"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(venues), str(hours), str(out)],
        env=environment, capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(out) as file:
        return {name: file[name] for name in file.files}


def differing(ours: np.ndarray, theirs: np.ndarray, prefix: str = "") -> list[str]:
    """Names of the fields whose bits differ, with the first two values."""
    out: list[str] = []
    for name in ours.dtype.names or ():
        a, b = ours[name], theirs[name]
        if a.dtype.names:
            out += differing(a, b, f"{prefix}{name}.")
        elif np.ascontiguousarray(a).tobytes() != np.ascontiguousarray(b).tobytes():
            where = np.flatnonzero(np.ascontiguousarray(a).ravel() != np.ascontiguousarray(b).ravel())
            first = where[0] if where.size else 0
            out.append(f"{prefix}{name}: {a.ravel()[first]!r} compiled, {b.ravel()[first]!r} interpreted")
    return out


@pytest.mark.parametrize(("venues", "hours"), [(1, 72), (2, 24)])
def test_compiled_and_interpreted_worlds_are_equal_bit_for_bit(tmp_path: Path, venues: int, hours: int) -> None:
    compiled = run_compiled(venues, hours)
    interpreted = run_interpreted(venues, hours, tmp_path)
    worlds = interpreted["worlds"].view(compiled["worlds"].dtype).reshape(compiled["worlds"].shape)
    assert not differing(compiled["worlds"], worlds)
    if venues == 2:  # of which a margin engine governs the second
        assert (worlds["venues"]["extra_call"][:, 1] != 0.0).any() and not worlds["venues"]["extra_call"][:, 0].any()
    assert compiled["record"].tobytes() == interpreted["record"].tobytes()
    assert np.array_equal(compiled["kinds"], interpreted["kinds"])
    if hours >= 72:  # liquidations, bad debt, closed shorts and forced sales were among it
        assert {1, 2, 3, 4, 7} <= set(compiled["kinds"].tolist())
