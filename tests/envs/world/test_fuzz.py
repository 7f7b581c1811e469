"""Random actions in worlds whose every parameter and switch is random too, over all scenarios and shapes.

A batch holds a world a row, each with parameters of its own, drawn anew for each episode. `Watch` of conftest.py says
what is checked. The marked tier plays a million decisions of a world; a slice of them runs always.
"""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import scenario_names
from protogov.envs.simulator import Simulator
from protogov.envs.world.parameters import VENUE_PARAMETERS

CAMPAIGN = "jump + pool-drain + oracle-push + griefing-borrower + supplier-run + price-agent-error + vol-push"
SCENARIOS = (*scenario_names(), CAMPAIGN)
AUTONOMIES = (0.0, 1.0, 72.0, inf)
LENGTHS = {1: 60, 6: 336, 24: 336}  # hours of an episode at each length of a decision [h]
MILLION = 1_000_000
SHARE = -(-MILLION // (len(SCENARIOS) * 2 * len(LENGTHS) * len(AUTONOMIES)))  # of one simulator, in world-decisions


@pytest.fixture(name="fuzz", scope="session")
def fuzz_fixture(
    shake: Callable[..., Any], watch: Any, books: Any, draw_parameters: Callable[..., Any]
) -> Callable[..., int]:
    """`fuzz(scenario, venues, hours, autonomy, num_worlds, steps)`: the number of world-decisions played."""

    def fuzz(scenario: str, venues: int, hours: int, autonomy: float, num_worlds: int, steps: int) -> int:
        seed = [SCENARIOS.index(scenario), venues, hours, AUTONOMIES.index(autonomy)]
        rng = np.random.default_rng(seed)
        config = WorldConfig(
            venues=venues, decision_hours=hours, autonomy=autonomy, episode_hours=LENGTHS[hours], stagger=True,
            randomise_levers=float(rng.choice([0.0, 0.25, 1.0])), cooperation=float(rng.uniform()),
            roles=("joint",) if rng.random() < 0.3 else ("rate", "risk", "spread"),
        )  # fmt: skip
        simulator = Simulator(config, num_worlds, scenario=scenario, seed=int(rng.integers(2**31)))

        def begin(rows: np.ndarray) -> None:
            for row in np.flatnonzero(rows):
                simulator.params[row] = draw_parameters(rng).record()[0]
                if venues == 2 and rng.random() < 0.5:  # unlike ones
                    other = draw_parameters(rng).record()[0]
                    for name in VENUE_PARAMETERS:
                        simulator.params[name][row, 1] = other[name]
            simulator.reset(mask=rows if (simulator.episodes >= 0).all() else None)
            watcher.check_state()
            watcher.remember()

        watcher = watch(simulator)
        begin(np.ones(num_worlds, np.bool_))
        for _ in range(steps):
            if simulator.truncated().any():
                begin(simulator.truncated())
            watcher.check(simulator.step(shake(simulator, rng)))
        for world in simulator.worlds:
            gross = watcher.BOOKS * world.gross_cash
            assert books.cash(world) == pytest.approx(world.opening_cash, abs=gross)
            assert books.coin(world) == pytest.approx(world.opening_coin, abs=watcher.BOOKS * world.gross_coin)
            for v in range(venues):
                assert books.lending(world.venues[v]) == pytest.approx(world.venues[v].opening_net, abs=gross)
        return steps * num_worlds

    return fuzz


@pytest.mark.parametrize("venues", [1, 2])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_slice_of_random_worlds(fuzz: Callable[..., int], scenario: str, venues: int) -> None:
    hours = 1 if (SCENARIOS.index(scenario) + venues) % 2 else 6
    played = sum(fuzz(scenario, venues, hours, autonomy, 25, 25) for autonomy in AUTONOMIES)
    assert played == 2500


@pytest.mark.long
@pytest.mark.parametrize("autonomy", AUTONOMIES)
@pytest.mark.parametrize("hours", LENGTHS)
@pytest.mark.parametrize("venues", [1, 2])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_million_steps(fuzz: Callable[..., int], scenario: str, venues: int, hours: int, autonomy: float) -> None:
    num_worlds = 64
    assert fuzz(scenario, venues, hours, autonomy, num_worlds, -(-SHARE // num_worlds)) >= SHARE
