"""Margin engines that govern worlds: none and one that asks what today's rule asks change nothing, others do."""

from typing import Any

import numpy as np
import pytest

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.interfaces import SnapshotError
from protogov.envs.margin_engine import MarginError, Margins, write_margins
from protogov.envs.simulator import Simulator
from protogov.envs.world.margin_engine import rule_per_contract
from protogov.envs.world.options import years_to_expiry

CONFIG = WorldConfig(episode_hours=48, decision_hours=12).with_parameters(num_accounts=60, short_entry=0.3)
SHAPE = (4, 5)
GOING = np.ones(1, np.bool_)


class Today:
    """Asks `factor` times what the venue's rule asks, and lends up to `ltv`; None leaves a part to today's rule."""

    def __init__(self, factor: float | None = 1.0, ltv: float | None = 0.83) -> None:
        self.factor, self.ltv, self.hours = factor, ltv, []

    def requirements(self, simulator: Simulator) -> Margins:
        worlds = simulator.worlds.view(np.ndarray)
        self.hours.append((worlds["hour"].tolist(), worlds["step_hours"].tolist()))
        ltv = None if self.ltv is None else np.full(simulator.num_worlds, self.ltv)
        if self.factor is None:
            return Margins(None, None, None, ltv)
        found = np.zeros((3, simulator.num_worlds, *SHAPE))
        for i, world in enumerate(simulator.worlds):
            venue, p = world.venues[0], simulator.params[i, 0]
            for e in range(venue.num_expiries):
                for k in range(venue.num_strikes):
                    found[:, i, e, k] = rule_per_contract(venue, e, k, years_to_expiry(world, venue, e), p)
        return Margins(*(self.factor * found), ltv)

    def fork(self, rows: Any) -> "Today":
        return Today(self.factor, self.ltv)


def play(engine: Any, config: WorldConfig = CONFIG, worlds: int = 3, threads: int = 1) -> tuple[Simulator, list[Any]]:
    world = Simulator(
        config, worlds, scenario="crisis-2021-05", seed=1, num_threads=threads,
        margin_engines={} if engine is None else {0: engine},
    )  # fmt: skip
    world.reset()
    return world, [world.step(still(world)) for _ in range(world.horizon)]


def still(world: Simulator) -> dict[str, np.ndarray]:
    return {agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents}


def closed(steps: list[Any]) -> int:
    """Sellers closed by force."""
    kinds = [step.events["kind"][np.arange(step.events.shape[1]) < step.n_events[:, None]] for step in steps]
    return int((np.concatenate(kinds) == 3).sum())


@pytest.mark.parametrize("engine", [Today(None, None), Today(1.0, 0.83), Today(1.0, None)])
@pytest.mark.parametrize("standard", [0.0, 1.0])
def test_an_engine_that_asks_what_the_rule_asks_changes_nothing(engine: Today, standard: float) -> None:
    """Bit for bit, under both rule sets, in a crisis with margin calls and liquidations."""
    config = CONFIG.with_parameters(num_accounts=60, short_entry=0.3, standard_margin=standard)
    plain, steps = play(None, config)
    asked, others = play(engine, config)
    assert closed(steps) > 0 and (plain.worlds["venues"]["account_penalty"] > 0.0).any()
    for one, other in zip(steps, others, strict=True):
        assert one.records.tobytes() == other.records.tobytes()
        for agent in plain.agents:
            np.testing.assert_array_equal(one.obs[agent], other.obs[agent])
            np.testing.assert_array_equal(one.rewards[agent], other.rewards[agent])
        np.testing.assert_array_equal(one.n_events, other.n_events)
    for name in plain.worlds.dtype["venues"].base.names:
        if not name.startswith("engine_"):
            assert plain.worlds["venues"][name].tobytes() == asked.worlds["venues"][name].tobytes(), name
    assert (asked.worlds["venues"]["extra_call"] == 0.0).all()


def test_it_is_asked_before_every_hour_of_all_worlds_at_once() -> None:
    engine = Today()
    play(engine)
    assert engine.hours == [([hour] * 3, [hour % 12] * 3) for hour in range(48)]


def test_an_engine_that_asks_for_more_closes_and_turns_away_and_one_that_asks_for_less_does_not() -> None:
    """The dear one begins in the middle: who wrote before is closed, and fewer write afterwards."""
    counts, open_now = {}, {}
    for factor in (0.6, 1.0, 3.0):
        world = Simulator(CONFIG, 4, scenario="flat", seed=1)
        world.reset()
        for _ in range(2):
            world.step(still(world))
        world.margin_engines = {0: Today(factor, None)}
        counts[factor] = closed([world.step(still(world)) for _ in range(2)])
        open_now[factor] = int((world.worlds["venues"]["short_contracts"] > 0.0).sum())
    assert counts[3.0] > 10 and counts[1.0] == counts[0.6] == 0
    assert open_now[3.0] < open_now[1.0] <= open_now[0.6]


def test_a_limit_below_lends_less_and_liquidates_only_as_it_creeps() -> None:
    debts, hurt = {}, {}
    for ltv in (0.70, 0.83, 0.92):
        world = Simulator(CONFIG, 4, scenario="flat", seed=1, margin_engines={0: Today(None, ltv)})
        world.reset()
        world.step(still(world))
        hurt[ltv] = float(world.worlds["venues"]["account_penalty"].sum())
        np.testing.assert_allclose(world.worlds["venues"]["liquidation_threshold"], np.clip(ltv, 0.77, 0.89))
        for _ in range(3):
            world.step(still(world))
        debts[ltv] = float((world.worlds["venues"]["scaled_debt"] * world.worlds["venues"]["borrow_index"]).sum())
    assert debts[0.70] < debts[0.83] < debts[0.92] and hurt[0.83] == hurt[0.92] == 0.0
    # an engine that stops saying a limit lets the threshold go back to the governed one
    world = Simulator(CONFIG, 1, scenario="flat", seed=1, margin_engines={0: Today(None, 0.81)})
    world.reset()
    world.step(still(world))
    world.margin_engines = {0: Today(None, None)}
    world.step(still(world))
    assert world.worlds["venues"]["liquidation_threshold"][0, 0] == 0.83


def test_forks_and_threads_go_on_alike_and_snapshots_refuse() -> None:
    world, _ = play(Today(1.3, 0.80))
    threads, _ = play(Today(1.3, 0.80), threads=2)
    assert world.worlds.tobytes() == threads.worlds.tobytes()
    world.reset()
    world.step(still(world))
    copy = world.fork([2, 0, 0])
    assert copy.margin_engines[0] is not world.margin_engines[0]
    world.step(still(world))
    copy.step(still(copy))
    assert copy.worlds.tobytes() == world.worlds[[2, 0, 0]].tobytes()
    assert set(world.with_scenario("flat").margin_engines) == {0}
    with pytest.raises(SnapshotError, match="memory of margin engines"):
        world.snapshot()


def good(**parts: Any) -> Margins:
    of_nodes = {name: np.full((1, *SHAPE), 0.1) for name in ("call", "put", "coin")}
    return Margins(**(of_nodes | {"ltv": np.full(1, 0.8)} | parts))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"call": np.full((1, *SHAPE), np.nan)}, "call nan in world 0, expiry 0, strike 0; 0 to "),
        ({"put": np.full((1, *SHAPE), -1.0)}, "put -1 in world 0"),
        ({"call": np.full((1, *SHAPE), 1e9)}, r"call 1e\+09 in world 0"),
        ({"coin": np.full((1, *SHAPE), 11.0)}, "coin 11 in world 0, expiry 0, strike 0; 0 to 10 is accepted"),
        ({"put": np.full((2, *SHAPE), 1.0)}, r"put of shape \(2, 4, 5\); \(1, 4, 5\) is accepted"),
        ({"coin": None}, "lack coin; call, put and coin are accepted together"),
        ({"ltv": np.zeros(1)}, "ltv 0 in world 0; above 0 to 1"),
        ({"ltv": np.full(1, np.nan)}, "ltv nan in world 0"),
        ({"ltv": np.full(2, 0.8)}, r"ltv of shape \(2,\); \(1,\)"),
    ],
)
def test_numbers_that_no_rule_can_have_are_refused(parts: Any, said: str) -> None:
    world = Simulator(CONFIG, 1, scenario="flat")
    world.reset()
    venue = world.worlds.view(np.ndarray)["venues"][:, 0]
    before = venue.tobytes()
    with pytest.raises(MarginError, match=said):
        write_margins(venue, good(**parts), GOING)
    assert venue.tobytes() == before
    write_margins(venue, good(), GOING)
    assert venue["engine_margins"][0] == 1 and venue["engine_ltv"][0] == 0.8


def test_a_venue_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="margin_engines names venue 2; 0 to 0 are accepted"):
        Simulator(CONFIG, 1, margin_engines={2: Today()})
