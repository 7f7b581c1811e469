"""The margin engine that governs worlds: exact quantiles, laws once a decision, an engine of today's rule, forks."""

from typing import Any

import numpy as np
import pytest

from protogov.agents.pricing.margin_engine import Nodes, PredictiveMargins, listed_nodes, node_margins
from protogov.agents.pricing.margins import (
    Accounts,
    Futures,
    draw_futures,
    largest_ltv,
    requirements,
    rules_of_today,
    short_book,
)
from protogov.agents.pricing.opponents import EwmaPricer, ImpliedPricer
from protogov.agents.pricing.quantile_law import QuantileLaw, normal_law
from protogov.agents.pricing.reader import Reading
from protogov.agents.pricing.truth import KnownDay
from protogov.envs.config import WorldConfig
from protogov.envs.laws import known_law
from protogov.envs.margin_engine import Margins
from protogov.envs.scenarios import PathScenario, get_scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.pricing import call_and_put

CONFIG = WorldConfig(episode_hours=48, decision_hours=12).with_parameters(num_accounts=40, short_entry=0.3)
SHAPE = (2, 3, 5)


def some_nodes() -> Nodes:
    """Two worlds; the first expiry of the first one settles within the day, one node is not listed."""
    hours = np.array([[7.0, 90.0, 400.0], [0.0, 24.0, 168.0]])
    strike = 100.0 * np.exp(np.linspace(-0.25, 0.25, 5)) * np.ones(SHAPE)
    vol = 0.4 + 0.1 * np.arange(5) + np.zeros(SHAPE)
    listed = np.ones(SHAPE, np.bool_)
    listed[1, 2, 4] = False
    return Nodes(listed, hours, strike, vol, np.array([100.0, 104.0]), np.array([0.0, 0.03]))


@pytest.mark.parametrize("vol_spread", [0.0, 0.17, 0.6])
@pytest.mark.parametrize("level", [0.5, 0.99, 0.9999])
def test_quantiles_are_those_of_every_future(level: float, vol_spread: float) -> None:
    """What is left out could not matter: the same numbers as from all futures, node by node."""
    nodes = some_nodes()
    law = normal_law(np.array([-0.01, 0.0]), np.array([0.08, 0.002]))
    futures = draw_futures(law, count=1024, vol_spread=vol_spread)
    call, put, coin = node_margins(futures, nodes, level=level)
    many = (2, 15)
    values = (np.broadcast_to(nodes.hours[:, :, None], SHAPE), nodes.strike, nodes.vol)
    hours, strike, vol = (np.array(value, np.float64).reshape(many) for value in values)
    one, none = np.ones(many), np.zeros(many)
    for is_call, found in ((1.0, call), (0.0, put)):
        book = Accounts(one, is_call * one, strike, hours, vol, none, none, nodes.spot, nodes.rate)
        expected = np.where(nodes.listed, requirements(futures, book, level=level).reshape(SHAPE), 0.0)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)
    share = np.sqrt(np.minimum(nodes.hours[0, 0] / 24.0, 1.0))
    price = 100.0 * np.exp(share * futures.returns[0])
    owed = [call_and_put(s, float(nodes.strike[0, 0, 1]), 0.0, 0.5, 0.0)[0] / s for s in price]
    rank = min(int(np.ceil(level * 1024)) - 1, 1023)
    assert coin[0, 0, 1] == pytest.approx(np.sort(owed)[rank], rel=1e-11)
    assert (coin <= 1.0).all() and coin[1, 2, 4] == call[1, 2, 4] == 0.0


class Counted(EwmaPricer):
    """Counts how often it is asked for laws."""

    asked: int = 0

    def laws(self, reading: Reading) -> QuantileLaw:
        type(self).asked += 1
        return super().laws(reading)


def still(world: Simulator) -> dict[str, np.ndarray]:
    return {agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents}


def opened(engine: Any, scenario: str = "crisis-2021-05", count: int = 3) -> Simulator:
    world = Simulator(CONFIG, count, scenario=scenario, seed=5, margin_engines={} if engine is None else {0: engine})
    world.reset()
    return world


def test_the_law_is_renewed_once_a_decision_and_requirements_every_hour() -> None:
    Counted.asked = 0
    world = opened(PredictiveMargins(Counted(), count=256))
    for _ in range(2):
        world.step(still(world))
    assert Counted.asked == 2
    venue = world.worlds.view(np.ndarray)["venues"][:, 0]
    nodes = listed_nodes(world.worlds.view(np.ndarray), world.params.view(np.ndarray))
    asked = world.margin_engines[0].requirements(world)
    assert Counted.asked == 2  # within the decision the futures stay, at the price of now
    assert asked.call is not None and asked.ltv is not None
    np.testing.assert_allclose(asked.call, node_margins(world.margin_engines[0]._futures, nodes)[0])
    assert (asked.call[nodes.listed] != venue["engine_call"][nodes.listed]).any()
    np.testing.assert_allclose(asked.ltv, 0.95 * largest_ltv(world.margin_engines[0]._futures))
    assert (np.abs(venue["liquidation_threshold"] - 0.83) <= 24 * 0.005 + 1e-12).all()
    # an option needs at least what the pool asks for it now, and a call at most the coin
    listed = nodes.listed & (nodes.hours[:, :, None] > 24.0)
    assert (asked.call[listed] > 0.98 * venue["mark_call"][listed]).all()


def test_what_knows_the_law_gives_the_law() -> None:
    world = opened(PredictiveMargins(KnownDay("heston")), "heston", 2)
    world.step(still(world))
    scenario = get_scenario("heston")
    assert isinstance(scenario, PathScenario)
    marks = scenario.marks(world.worlds.view(np.ndarray)["seed"].astype(np.uint64), 48)[:, 12]
    law = known_law(scenario, marks, np.full(2, 24.0))
    found = KnownDay("heston").law(world, 24.0)
    np.testing.assert_array_equal(found.quantile(np.array([0.01, 0.5])), law.quantile(np.array([0.01, 0.5])))
    with pytest.raises(ValueError, match="jump"):
        KnownDay("jump")


def test_the_known_law_is_that_of_the_tapes_that_are_played() -> None:
    """Each tape of `gbm` has its own vol: the law's spread goes with what the tape does."""
    world = opened(None, "gbm", 64)
    law = KnownDay("gbm").law(world, 24.0)
    spread = np.diff(law.quantile(np.array([0.16, 0.84])), axis=1)[:, 0]
    moves = np.diff(np.log(world.tape.view(np.ndarray)["close"].astype(np.float64)), axis=1)
    assert np.corrcoef(spread, moves.std(axis=1))[0, 1] > 0.9


def test_forks_go_on_alike_and_rows_do_not_depend_on_their_batch() -> None:
    world = opened(PredictiveMargins(EwmaPricer(), count=256))
    world.step(still(world))
    copy = world.fork([2, 0])
    for _ in range(2):
        world.step(still(world))
        copy.step(still(copy))
    assert copy.worlds.tobytes() == world.worlds[[2, 0]].tobytes()


class RulesOfToday:
    """An engine that asks what `rules_of_today` says of a million contracts, a contract."""

    def requirements(self, simulator: Simulator) -> Margins:
        params = simulator.params.view(np.ndarray)
        nodes = listed_nodes(simulator.worlds.view(np.ndarray), params)
        n, many = len(nodes.spot), (len(nodes.spot), nodes.strike[0].size)
        hours = np.broadcast_to(nodes.hours[:, :, None], nodes.strike.shape)
        strike, hours, vol = (np.array(value).reshape(many) for value in (nodes.strike, hours, nodes.vol))
        million = np.where(nodes.listed.reshape(many), 1e6, 0.0)
        cash = []
        for is_call in (1.0, 0.0):
            book = Accounts(
                million, np.full(many, is_call), strike, hours, vol, 0.0 * vol, 0.0 * vol, nodes.spot, nodes.rate
            )
            rule = rules_of_today(book, simulator.params[:, 0], np.ones(n))["avalon"]
            cash.append(rule.reshape(nodes.strike.shape) / 1e6)
        shocked = nodes.spot * params["shock_up"][:, 0]
        return Margins(cash[0], cash[1], cash[0] / shocked[:, None, None], np.full(n, 0.83))

    def fork(self, rows: Any) -> "RulesOfToday":
        return self


def test_an_engine_of_todays_rule_is_todays_rule() -> None:
    """The numbers of `rules_of_today` govern as the rule of the world does: the same sellers fall in the same hours.

    They are worked out elsewhere, from hours instead of sub-steps, so that amounts agree to rounding.
    """
    plain, asked = opened(None), opened(RulesOfToday())
    closed = 0
    for _ in range(plain.horizon):
        one, other = plain.step(still(plain)), asked.step(still(asked))
        assert one.n_events.tolist() == other.n_events.tolist()
        there = np.arange(one.events.shape[1]) < one.n_events[:, None]
        closed += int((there & (one.events["kind"] == 3)).sum())
        for name in ("kind", "substep", "account", "parent"):
            np.testing.assert_array_equal(one.events[name][there], other.events[name][there])
        for name in ("repaid", "seized", "bad_debt"):
            np.testing.assert_allclose(one.events[name][there], other.events[name][there], rtol=1e-6, atol=1e-6)
    assert closed > 0
    venues, others = (world.worlds.view(np.ndarray)["venues"] for world in (plain, asked))
    assert np.abs(others["extra_call"]).max() < 1e-6
    for name in ("short_collateral", "short_coin", "option_cash", "account_scaled_debt"):
        np.testing.assert_allclose(venues[name], others[name], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(venues["liquidation_threshold"], others["liquidation_threshold"])


def test_a_higher_level_asks_for_more_and_lends_less() -> None:
    world = opened(None)
    world.step(still(world))
    asked = [PredictiveMargins(ImpliedPricer(), level=level, count=512).requirements(world) for level in (0.9, 0.995)]
    listed = listed_nodes(world.worlds.view(np.ndarray), world.params.view(np.ndarray)).listed
    for name in ("call", "put", "coin"):
        low, high = (getattr(one, name)[listed] for one in asked)
        assert (low <= high).all() and (low < high).mean() > 0.9
    assert asked[0].ltv is not None and asked[1].ltv is not None and (asked[0].ltv > asked[1].ltv).all()
    assert short_book(world.worlds.view(np.ndarray), world.params.view(np.ndarray)).contracts.any()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"level is 1\.0; above 0 to below 1 is accepted"):
        PredictiveMargins(ImpliedPricer(), level=1.0)
    with pytest.raises(ValueError, match="futures are of 1 worlds and nodes of 2"):
        node_margins(Futures(np.zeros((1, 4)), np.ones(4)), some_nodes())
