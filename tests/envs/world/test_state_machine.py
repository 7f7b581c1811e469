"""A simulator in any order of steps, forks, snapshots, restores and resets: copies agree bit for bit, always.

Hypothesis draws the worlds (parameters a row, shape, autonomy) and the order of calls. After every one, `Watch` of
conftest.py checks books, finiteness, balances, the shield's limits and the count of events.
"""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import SnapshotError, Step
from protogov.envs.scenarios import scenario_names
from protogov.envs.simulator import Simulator
from protogov.envs.world.parameters import VENUE_PARAMETERS

SEEDS = st.integers(0, 2**32 - 1)
MASKS = st.lists(st.booleans(), min_size=3, max_size=3)


def raw(array: np.ndarray) -> bytes:
    """The bytes of an array's values, without the padding between fields, which nobody writes."""
    if array.dtype.names:
        return b"".join(raw(array[name]) for name in array.dtype.names)
    return np.ascontiguousarray(array).tobytes()


def contents(step: Step, rows: Any = slice(None)) -> dict[str, bytes]:
    """What a step returned for some rows, by name: every array's bytes, of the events the valid ones."""
    out = {}
    for name, value in step._asdict().items():
        for key, array in value.items() if isinstance(value, dict) else [("", value)]:
            out[f"{name} {key}"] = raw(array[rows])
    valid = zip(step.events[rows], step.n_events[rows], strict=True)
    out["events "] = b"|".join(raw(events[:count]) for events, count in valid)
    return out


class Machine(RuleBasedStateMachine):
    """Three worlds in any order of calls; a call that makes a copy also holds it against them."""

    watch: Any
    shake: Callable[..., Any]
    draw_parameters: Callable[..., Any]

    @initialize(
        seed=SEEDS, scenario=st.sampled_from(scenario_names()), venues=st.integers(1, 2),
        hours=st.sampled_from([1, 2, 6, 24]), autonomy=st.sampled_from([0.0, 1.0, 12.0, 72.0, inf]),
        decisions=st.integers(2, 6), stagger=st.booleans(), noise=st.sampled_from([0.0, 0.25, 1.0]),
        odd=st.booleans(),
    )  # fmt: skip
    def begin(
        self, seed: int, scenario: str, venues: int, hours: int, autonomy: float, decisions: int, stagger: bool,
        noise: float, odd: bool,
    ) -> None:  # fmt: skip
        config = WorldConfig(
            venues=venues, decision_hours=hours, autonomy=autonomy, stagger=stagger, randomise_levers=noise,
            # the last decision of an episode may be shorter
            episode_hours=decisions * hours - (hours > 1 and seed % 2),
        )  # fmt: skip
        self.simulator = Simulator(config, 3, scenario=scenario, seed=seed)
        rng = np.random.default_rng(seed)
        for row in range(3 * odd):
            self.simulator.params[row] = type(self).draw_parameters(rng).record()[0]
            if venues == 2:  # unlike ones: another size, rules and an oracle of its own
                other = type(self).draw_parameters(rng).record()[0]
                for name in VENUE_PARAMETERS:
                    self.simulator.params[name][row, 1] = other[name]
        self.simulator.reset()
        self.watcher = type(self).watch(self.simulator)
        self.saved: list[tuple[bytes, bytes]] = []

    def actions(self, seed: int) -> dict[str, np.ndarray]:
        return type(self).shake(self.simulator, np.random.default_rng(seed))

    def state(self) -> bytes:
        s = self.simulator
        return b"".join(
            np.ascontiguousarray(x).tobytes() for x in (s.worlds, s.tape, s.params, s.base_seeds, s.episodes)
        )

    def running(self) -> bool:
        return not self.simulator.truncated().any()

    # ---------------------------------------------------------------- steps and resets

    @precondition(running)
    @rule(seed=SEEDS)
    def step(self, seed: int) -> None:
        step = self.simulator.step(self.actions(seed))
        assert np.array_equal(step.truncated, self.simulator.truncated())
        self.watcher.check(step)

    @rule(mask=MASKS)
    def reset_some(self, mask: list[bool]) -> None:
        chosen = np.array(mask)
        worlds, episodes = self.simulator.worlds.copy(), self.simulator.episodes.copy()
        obs = self.simulator.reset(mask=chosen)
        assert raw(self.simulator.worlds[~chosen]) == raw(worlds[~chosen])
        assert np.array_equal(self.simulator.episodes, episodes + chosen)
        assert (self.simulator.worlds["hour"][chosen] == 0).all()
        assert all(np.array_equal(obs[agent], now) for agent, now in self.simulator.observe().items())
        self.watcher.remember()

    @precondition(lambda self: not self.running())
    @rule()
    def reset_finished(self) -> None:
        self.reset_some(self.simulator.truncated().tolist())

    @rule(seed=st.integers(0, 5), mask=MASKS)
    def reset_to_seeds(self, seed: int, mask: list[bool]) -> None:
        seeds, chosen = np.array([seed, seed, seed + 1], np.uint64), np.array(mask)
        self.simulator.reset(seeds=seeds, mask=chosen)
        fresh = Simulator(self.simulator.config, 3, scenario=self.simulator.scenario)
        fresh.params[:] = self.simulator.params
        fresh.reset(seeds=seeds)
        assert raw(self.simulator.worlds[chosen]) == raw(fresh.worlds[chosen])
        assert (self.simulator.episodes[chosen] == 0).all()
        self.watcher.remember()

    # ---------------------------------------------------------------- copies

    @precondition(running)
    @rule(seed=SEEDS, rows=st.lists(st.integers(0, 2), min_size=1, max_size=5))
    def fork_agrees(self, seed: int, rows: list[int]) -> None:
        before, actions = self.state(), self.actions(seed)
        fork = self.simulator.fork(rows)
        assert raw(fork.worlds) == raw(self.simulator.worlds[rows])
        forked = fork.step({agent: action[rows] for agent, action in actions.items()})
        assert self.state() == before  # a fork shares nothing
        step = self.simulator.step(actions)
        assert contents(step, rows) == contents(forked)
        assert raw(fork.worlds) == raw(self.simulator.worlds[rows])
        self.watcher.check(step)

    @precondition(running)
    @rule(seed=SEEDS)
    def rewind_and_replay(self, seed: int) -> None:
        data, before = self.simulator.snapshot(), self.state()
        actions = self.actions(seed)
        first = contents(self.simulator.step(actions))
        after = self.state()
        self.simulator.restore(data)
        assert self.state() == before
        other = Simulator(self.simulator.config, 3, scenario=self.simulator.scenario, seed=99)
        other.restore(data)
        assert contents(other.step(actions)) == first
        step = self.simulator.step(actions)
        assert contents(step) == first and self.state() == after
        self.watcher.check(step)

    @rule()
    def save(self) -> None:
        self.saved = [*self.saved[-2:], (self.simulator.snapshot(), self.state())]

    @precondition(lambda self: self.saved)
    @rule(which=st.integers(0, 2), cut=st.integers(1, 50))
    def restore(self, which: int, cut: int) -> None:
        data, state = self.saved[which % len(self.saved)]
        now = self.state()
        with pytest.raises(SnapshotError):
            self.simulator.restore(data[: len(data) * cut // 51])
        assert self.state() == now  # a damaged snapshot changes nothing
        self.simulator.restore(data)
        assert self.state() == state
        self.watcher.remember()

    @invariant()
    def sound(self) -> None:
        if hasattr(self, "simulator"):
            self.watcher.check_state()


@pytest.fixture(name="machine", scope="module")
def machine_fixture(watch: Any, shake: Callable[..., Any], draw_parameters: Callable[..., Any]) -> type[Machine]:
    parts = {"watch": watch, "shake": staticmethod(shake), "draw_parameters": staticmethod(draw_parameters)}
    return type("Worlds", (Machine,), parts)


def test_any_order_of_calls(machine: type[Machine]) -> None:
    # without shrinking, which takes minutes; the seed of what fails is told
    found = settings(max_examples=15, stateful_step_count=12, phases=[Phase.reuse, Phase.generate])
    run_state_machine_as_test(machine, settings=found)


@pytest.mark.long
def test_any_order_of_calls_at_length(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=400, stateful_step_count=40))
