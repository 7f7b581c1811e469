"""Venues of one world with parameters of their own: sizes, rules, lending alone against options alone."""

import json
from collections.abc import Callable
from dataclasses import fields
from math import log
from typing import Any

import numpy as np
import pytest

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world.options import trade_terms
from protogov.envs.world.parameters import VENUE_PARAMETERS, Parameters, parameter_names
from protogov.envs.world.population.option_trades import better_here, other_pool
from protogov.envs.world.population.venue_choice import NOT_HERE, pull_of
from protogov.envs.world.ticket import Ticket

LENDING_ALONE: dict[str, float] = {"options_on": 0}
OPTIONS_ALONE: dict[str, float] = {"supply_size": 0.0, "debt_size": 0.0}
SMALL: dict[str, float] = {"supply_size": 9e6, "debt_size": 7.1e6, "lp_size": 2e6}


def unlike(*overrides: dict[str, float], **fields: Any) -> WorldConfig:
    return WorldConfig(venues=2, venue_overrides=overrides, **fields)


def test_the_pull_of_a_venue_is_the_log_of_its_size() -> None:
    assert pull_of(3e6, 3e6) == pull_of(0.0, 0.0) == 0.0
    assert pull_of(9e6, 3e6) == pytest.approx(log(3.0)) == pytest.approx(-pull_of(3e6, 9e6))
    assert (pull_of(0.0, 3e6), pull_of(3e6, 0.0)) == (-NOT_HERE, NOT_HERE)


def test_each_venue_opens_at_its_size() -> None:
    batch = Simulator(unlike({}, SMALL), 256)
    batch.reset()
    venues = batch.worlds.view(np.ndarray)["venues"]
    # K0 = deposits + LP value + a treasury of 1% of both
    assert venues["opening_value"] == pytest.approx(np.tile([1.01 * 110e6, 1.01 * 11e6], (256, 1)))
    alike = Simulator(WorldConfig(venues=2), 256)
    alike.reset()
    usual = alike.worlds.view(np.ndarray)["venues"]
    for name in ("supplier_scaled", "account_scaled_debt"):
        held, before = venues[name].sum(axis=2).mean(axis=0), usual[name].sum(axis=2).mean(axis=0)
        # people are the same: the first venue is what it was, and the other a tenth of it
        assert held[0] == pytest.approx(before[0], rel=0.05)
        assert held[1] == pytest.approx(0.1 * before[1], rel=0.15)
    # what both hold of a supplier's money, when both pay alike, is all of it
    assert venues["supplier_size"].sum(axis=2) == pytest.approx(np.full((256, 2), 0.5 * (90e6 + 9e6)))
    assert (venues["account_share"][:, 0] + venues["account_share"][:, 1] == 1.0)[:, :128].all()


@pytest.mark.parametrize("overrides", [(LENDING_ALONE, OPTIONS_ALONE), (OPTIONS_ALONE, LENDING_ALONE)])
def test_lending_alone_against_options_alone(
    shake: Callable[..., Any], watch: Any, overrides: tuple[dict[str, float], dict[str, float]]
) -> None:
    lending = overrides.index(LENDING_ALONE)
    world = Simulator(unlike(*overrides, stagger=False), 8, scenario="crash-heldout")
    world.reset()
    watcher, rng, traded, events = watch(world), np.random.default_rng(3), 0.0, 0
    while not world.truncated().any():
        watcher.check(world.step(shake(world, rng)))
        venues = world.worlds.view(np.ndarray)["venues"]
        traded += venues["sum_option_contracts"][:, 1 - lending].sum()
        events += venues["sum_events"][:, lending].sum()
        assert not venues["sum_option_contracts"][:, lending].any() and not venues["option_cash"][:, lending].any()
        assert (
            not venues["account_scaled_debt"][:, 1 - lending].any()
            and not venues["account_collateral"][:, 1 - lending].any()
        )
        assert not venues["supplier_scaled"][:, 1 - lending].any()
        assert (venues["scaled_debt"][:, lending] > 0.0).all()
    assert traded > 0.0 and events > 0
    assert world.worlds["book_error"].max() <= watcher.BOOKS


def test_each_venue_has_its_own_reserve_factor(hold: Callable[..., Any]) -> None:
    world = Simulator(unlike({"reserve_factor": 0.5}, {"reserve_factor": 0.0}), 4)
    world.reset()
    for _ in range(4):
        world.step(hold(world))
    for venue, kept in enumerate((0.5, 0.0)):
        rate, used = (world.venue_feature(venue, name) for name in ("borrow_rate", "utilisation"))
        assert world.venue_feature(venue, "supply_rate") == pytest.approx(rate * used * (1.0 - kept))
    income = world.all_terms()["reserve_income"]
    assert (income[:, 1] < 1e-3 * income[:, 0]).all()  # what compounding leaves


def test_overrides_that_repeat_what_holds_anyway_change_no_bit(shake: Callable[..., Any]) -> None:
    def played(config: WorldConfig) -> bytes:
        world, rng = Simulator(config, 2, scenario="crash-heldout", seed=4), np.random.default_rng(0)
        world.reset()
        for _ in range(12):
            world.step(shake(world, rng))
        return world.worlds.tobytes()

    own = Parameters()
    same = {name: getattr(own, name) for name in VENUE_PARAMETERS}
    assert played(unlike(same, {})) == played(unlike({}, same)) == played(WorldConfig(venues=2))
    assert played(unlike({}, {"option_fee": 0.004})) != played(WorldConfig(venues=2))


def test_a_trader_compares_each_quote_under_its_own_venues_rules(blank: Callable[..., Any]) -> None:
    bench = blank(num_venues=2, interest_rate=0.0, option_fee=0.0, vega_fee_rate=0.0, variance_fee=0.0, spot_fee=0.0)
    world, params, ticket = bench.world, bench.params, Ticket(0, 0, True, 2.0, 1.0)
    for venue in world.venues:
        venue.num_expiries = venue.num_strikes = 1
        venue.expiry[0], venue.strike[0, 0], venue.base_vol[0], venue.skew[0, 0] = 2016, 1000.0, 0.7, 1.0
        venue.half_spread, venue.last_nav = 0.02, 1e6
    assert better_here(world, 0, ticket, params) == 0.0
    params[1].spot_fee = 0.003
    # a week from expiry a fee counts once: 0.003 of the spot price for each contract, over its vega
    vega = trade_terms(world, world.venues[0], ticket, params[0]).vega
    assert better_here(world, 0, ticket, params) == pytest.approx(0.003 * 1000.0 / vega, rel=0.05)
    assert better_here(world, 1, ticket, params) == pytest.approx(-better_here(world, 0, ticket, params))
    assert (other_pool(world, 0, params), other_pool(world, 1, params)) == (1, 0)
    params[1].options_on = 0.0
    assert other_pool(world, 0, params) == 0  # nobody to compare with


# ---------------------------------------------------------------- the configuration


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ({}, {"option_pool": 0}),
            r"^venue_overrides\[1\] sets 'option_pool', which is not a parameter; venues may differ",
        ),
        (
            ({"oracle_delay": 2.0}, {}),
            r"^venue_overrides\[0\] sets 'oracle_delay', but all venues read one oracle; venues",
        ),
        (
            ({}, {"num_accounts": 9}),
            r"^venue_overrides\[1\] sets 'num_accounts', but it is the same at all venues; venues",
        ),
        (({}, {"close_factor": 2.0}), r"^venue_overrides\[1\]: close_factor = 2.0 .* between 0.01 and 1"),
        (({}, {"close_factor": "2"}), r"^venue_overrides\[1\]: close_factor = '2' .* between 0.01 and 1"),
        (({}, {"supply_size": 0.0, "options_on": 0}), r"^venue_overrides\[1\]: supply_size = 0 must be positive"),
        (({},), "^venue_overrides has 1 mappings, but venues = 2: give one for each venue"),
    ],
)
def test_what_no_venue_can_have_is_refused(overrides: tuple[dict[str, Any], ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        unlike(*overrides)


def test_what_an_ensemble_or_single_rows_set_too_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"sets 'lp_choice', which member = 'w01' also sets; leave one of the two out"
    ):
        unlike({}, {"lp_choice": 1.0}, member="w01")
    with pytest.raises(ConfigError, match="parameters names 'lp_size', which venue_overrides also set"):
        Simulator(unlike({}, SMALL), 2, parameters={"lp_size": [1e6, 2e6]})
    with pytest.raises(ConfigError, match="supply_size = 0 must be positive"):  # at the second venue, in row 1
        Simulator(unlike({}, OPTIONS_ALONE), 2, parameters={"options_on": [1, 0]})


def test_a_written_configuration_holds_the_overrides() -> None:
    config = unlike({}, SMALL, member="w03")
    written = json.loads(json.dumps(config.to_dict()))
    assert written["venue_overrides"] == [{}, SMALL]
    assert WorldConfig.from_dict(written) == config
    assert "venue_overrides" not in WorldConfig(venues=2).to_dict()
    assert unlike({}, {}) == WorldConfig(venues=2)
    assert config.venue_parameters(0) == config.parameters and config.venue_parameters(1).lp_size == 2e6


def test_an_ensemble_copies_and_another_scenario_keep_the_overrides(shake: Callable[..., Any]) -> None:
    config = unlike({}, SMALL, member="ensemble")
    world, rng = Simulator(config, 6, seed=3), np.random.default_rng(0)
    world.reset()
    world.step(shake(world, rng))
    assert len(set(world.params["supplier_need"][:, 0].tolist())) > 1  # a member each, the same at both venues
    assert (world.params["supplier_need"][:, 0] == world.params["supplier_need"][:, 1]).all()
    other = Simulator(config, 6)
    other.restore(world.snapshot())
    fork = world.fork([4, 1])
    elsewhere = world.with_scenario("flat")
    for one in (world, other, fork, elsewhere):
        assert (one.params["lp_size"] == [20e6, 2e6]).all()
    actions = shake(world, rng)
    world.step(actions)
    other.step(actions)
    fork.step({name: value[[4, 1]] for name, value in actions.items()})
    assert other.worlds.tobytes() == world.worlds.tobytes()
    assert fork.worlds.tobytes() == world.worlds[[4, 1]].tobytes()


def test_every_parameter_is_of_the_world_or_of_a_venue() -> None:
    scopes = {spec.name: spec.metadata["scope"] for spec in fields(Parameters)}
    assert set(scopes.values()) == {"world", "venue"}
    assert {name for name in parameter_names() if scopes[name] == "venue"} == set(VENUE_PARAMETERS)
    assert not {name for name in VENUE_PARAMETERS if name.startswith(("oracle_", "arbitrage_", "liquidator"))}
