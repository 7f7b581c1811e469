"""People in plain Python: a hook that does nothing changes nothing; what it does takes hold; what it breaks is named.

Most of it runs in a process without compilation, where it is the same code and tiny worlds take seconds. What is marked
long runs compiled, in worlds of full size.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from protogov.envs import ConfigError, HookError, Parameters, Simulator, WorldConfig, parallel_env
from protogov.envs.interventions import Interventions
from protogov.envs.population_hook import FIELDS
from protogov.envs.world.state import world_dtypes

ROOT = Path(__file__).parents[2]
UNCOMPILED = bool(numba.config.DISABLE_JIT)
here_uncompiled = pytest.mark.skipif(not UNCOMPILED, reason="runs in the process without compilation")
FEW = Parameters(num_accounts=8, num_suppliers=3, num_expiries=1, num_strikes=1, num_lps=2, num_shorts=2)


def small(count: int = 2, hook: Any = None, venues: int = 1, **fields: Any) -> Simulator:
    config = WorldConfig(
        **{"episode_hours": 9, "decision_hours": 4, "venues": venues, "parameters": FEW, "autonomy": np.inf, **fields}
    )
    world = Simulator(config, count, population_hook=hook)
    world.reset(seeds=0)
    return world


def stand(world: Simulator) -> Any:
    return world.step({name: np.zeros((world.num_worlds, world.action_size(name))) for name in world.agents})


def nothing(worlds: np.recarray, hour: int) -> None:
    assert (worlds.hour == hour).all()


def same_with_a_hook_that_does_nothing(count: int, **fields: Any) -> None:
    plain, hooked = small(count, **fields), small(count, nothing, **fields)
    random = np.random.default_rng(0)
    while not plain.truncated().all():
        levers = {name: random.uniform(-1.0, 1.0, (count, plain.action_size(name))) for name in plain.agents}
        for world in (plain, hooked):
            world.take_actions(levers)
            world.advance(skip_finished=True)
        assert plain.worlds.tobytes() == hooked.worlds.tobytes()
        for read in ("state", "records", "controls", "all_terms", "truncated"):
            np.testing.assert_array_equal(getattr(plain, read)(), getattr(hooked, read)())
        np.testing.assert_equal(plain.events(), hooked.events())


@pytest.mark.skipif(UNCOMPILED, reason="is that process")
def test_it_holds_without_compilation() -> None:
    """The tests of this file that are skipped here."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", __file__]
    done = subprocess.run(
        command, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout and "is that process" in done.stdout


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("venues", [1, 2])
def test_nothing_changes_nothing_compiled(venues: int) -> None:
    same_with_a_hook_that_does_nothing(4, venues=venues, episode_hours=48, decision_hours=5, parameters=Parameters())
    if venues == 2:  # unlike ones, of which some rows wait while others go on
        unlike = [{"oracle_delay": 24.0}, {"lp_size": 5e6, "reserve_factor": 0.3}]
        same_with_a_hook_that_does_nothing(5, venues=2, venue_overrides=unlike, stagger=True, episode_hours=21)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("venues", [1, 2])
def test_what_it_does_is_checked_compiled(venues: int) -> None:
    world = small(3, pay_back, venues=venues)
    plain = small(3, venues=venues)
    for _ in range(2):
        stand(world)
        stand(plain)
    debt = world.venue_feature(0, "debt") / plain.venue_feature(0, "debt")
    assert ((debt > 0.85) & (debt < 0.95)).all() and (world.worlds["book_error"] < 1e-9).all()
    forgetful = small(3, lambda worlds, hour: pay_back(worlds[1:], hour, forget="cash"), venues=venues)
    stand(forgetful)
    with pytest.raises(HookError, match=r"books of world 1 do not balance after the population hook at hour 5"):
        stand(forgetful)


@here_uncompiled
@pytest.mark.parametrize("fields", [{}, {"venues": 2, "stagger": True}, {"decision_hours": 1, "episode_hours": 3}])
def test_nothing_changes_nothing(fields: dict[str, Any]) -> None:
    same_with_a_hook_that_does_nothing(3, **fields)


@here_uncompiled
def test_interventions_reach_worlds_that_stop_every_hour() -> None:
    plain, hooked, alone = small(2), small(2, nothing), small(2)
    for world in (plain, hooked):
        own = Interventions(world).pin("risk_0", [[0.7, np.nan, np.nan, 1.5]] * 2, ([2, 5], 6)).without_impact()
        world.intervene(own.write_off(0, 3, suppliers=0.1, liquidity_providers=0.1))
    for world in (plain, hooked, alone):
        stand(world)
        stand(world)
    assert plain.worlds.tobytes() == hooked.worlds.tobytes() != alone.worlds.tobytes()


@here_uncompiled
def test_it_is_called_before_every_hour_with_the_rows_that_stand_at_it() -> None:
    calls: list[tuple[int, int]] = []
    world = small(3, lambda worlds, hour: calls.append((hour, len(worlds))))
    while not world.truncated().any():
        stand(world)
    assert calls == [(hour, 3) for hour in range(9)]
    calls.clear()
    world.reset(mask=np.array([True, False, True]))  # row 1 waits
    world.take_actions({name: np.zeros((3, world.action_size(name))) for name in world.agents})
    world.advance(skip_finished=True)
    assert calls == [(hour, 2) for hour in range(4)]


def pay_back(worlds: np.recarray, hour: int, *, forget: str = "") -> None:
    """Everybody pays back a tenth of his debt in hour 5."""
    if hour != 5:
        return
    venue = worlds.venues[:, 0]
    scaled = 0.1 * venue.account_scaled_debt
    paid = scaled.sum(axis=1) * venue.borrow_index
    for name, change in (("account_scaled_debt", -scaled), ("scaled_debt", -scaled.sum(axis=1)), ("cash", paid)):
        if name != forget:
            venue[name] += change
    if forget != "outside_cash":
        worlds.outside_cash -= paid


@here_uncompiled
def test_what_it_does_takes_hold_and_the_books_balance() -> None:
    plain, hooked = small(), small(hook=pay_back)
    for world in (plain, hooked):
        stand(world)
    assert plain.worlds.tobytes() == hooked.worlds.tobytes()
    for world in (plain, hooked):
        stand(world)
    ratio = hooked.feature("rate_0", "debt") / plain.feature("rate_0", "debt")
    assert ((ratio > 0.85) & (ratio < 0.95)).all()  # a tenth less, and people react
    assert (hooked.feature("rate_0", "utilisation") < plain.feature("rate_0", "utilisation")).all()
    assert (hooked.worlds["book_error"] < 1e-9).all()


@here_uncompiled
@pytest.mark.parametrize("forget", ["account_scaled_debt", "scaled_debt", "cash", "outside_cash"])
def test_a_transfer_with_one_end_names_world_and_hour(forget: str) -> None:
    def second_world_alone(worlds: np.recarray, hour: int) -> None:
        pay_back(worlds[1:], hour, forget=forget)

    world = small(hook=second_world_alone)
    stand(world)
    with pytest.raises(HookError, match=r"books of world 1 do not balance after the population hook at hour 5"):
        stand(world)


def change(name: str, value: float) -> Callable[[np.recarray, int], None]:
    def hook(worlds: np.recarray, hour: int) -> None:
        if hour == 2:
            (worlds.venues if name in worlds.venues.dtype.names else worlds)[name][1:] = value

    return hook


@here_uncompiled
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("oracle_price", 1.0, r"changed venues.oracle_price of world 1 at hour 2; it may change outside_cash, "),
        ("hour", 0, r"changed hour of world 1 at hour 2"),
        ("base_rate", 0.1, r"changed venues.base_rate of world 1 at hour 2"),
        ("account_level", 1.5, r"set venues.account_level of world 1 to 1.5 at hour 2; finite numbers from 0 to 1 "),
        ("account_safety", np.nan, r"set venues.account_safety of world 1 to nan at hour 2"),
        ("account_collateral", -1.0, r"set venues.account_collateral of world 1 to -1 at hour 2"),
    ],
)
def test_what_it_must_not_change_is_named(name: str, value: float, said: str) -> None:
    with pytest.raises(HookError, match=said):
        stand(small(hook=change(name, value)))


@here_uncompiled
def test_forks_and_the_environments_keep_it() -> None:
    hook = change("account_safety", 2.0)
    world = small(hook=hook)
    copy = world.fork([1, 0, 1])
    assert copy.population_hook is hook and world.with_scenario("flat").population_hook is hook
    stand(copy)
    assert (copy.worlds["venues"]["account_safety"][1:] == 2.0).all()
    env = parallel_env(population_hook=hook, episode_hours=9, parameters=FEW)
    env.reset(seed=0)
    env.step({agent: np.zeros(4) for agent in env.agents})
    assert env.simulator.population_hook is hook


def test_its_fields_are_those_of_the_worlds() -> None:
    names = world_dtypes[1].names or ()
    venue = world_dtypes[1]["venues"].base.names or ()
    assert all(name in names or name.removeprefix("venues.") in venue for name in FIELDS)
    assert len(FIELDS) > 30


def test_it_must_be_a_function() -> None:
    with pytest.raises(ConfigError, match="population_hook = 3 must be a function of"):
        Simulator(population_hook=3)  # type: ignore[arg-type]
