"""What no world can be: refused at construction, in one sentence with field, value and what would be accepted."""

import json
from dataclasses import fields
from math import inf, nan
from typing import Any

import pytest

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVERS
from protogov.envs.world.parameters import Parameters


def one_sentence(error: BaseException) -> str:
    text = str(error)
    assert text.endswith(".") and "\n" not in text and ". " not in text, text
    return text


# ---------------------------------------------------------------- the physics


@pytest.mark.parametrize("spec", fields(Parameters), ids=lambda spec: spec.name)
def test_every_parameter_refuses_what_is_out_of_its_range(spec: Any) -> None:
    low, high = spec.metadata["low"], spec.metadata["high"]
    bad: list[Any] = [low - 1e-3 - abs(low), nan, inf, -inf, "1", None, True]
    if high < inf:
        bad.append(high * 1.001 + 1e-3)
    if spec.type in (int, "int"):
        bad.append(low + 0.5)
    for value in bad:
        with pytest.raises(ValueError) as error:
            Parameters(**{spec.name: value})
        text = one_sentence(error.value)
        assert text.startswith(f"{spec.name} = {value!r}") and f"between {low:g} and {high:g}" in text
        with pytest.raises(ConfigError, match=f"^{spec.name} = "):
            WorldConfig().with_parameters(**{spec.name: value})
        with pytest.raises(ConfigError, match=f"^{spec.name} = "):
            WorldConfig.from_dict({"parameters": {spec.name: value}})


@pytest.mark.parametrize("spec", fields(Parameters), ids=lambda spec: spec.name)
def test_every_parameter_accepts_the_ends_of_its_range_and_has_a_unit(spec: Any) -> None:
    low, high = spec.metadata["low"], spec.metadata["high"]
    assert spec.metadata["unit"] and spec.metadata["help"]
    pairs = ("leverage", "safety", "supply_half_life")
    partner = {f"{name}_low": f"{name}_high" for name in pairs}
    for value in (low, spec.default, high):
        if value < inf:
            others = {partner[spec.name]: max(value, 1.0)} if spec.name in partner else {}
            # the other end of a pair at the least that it accepts
            others |= {
                name: bound.metadata["low"] for name in partner for bound in fields(Parameters)
                if partner[name] == spec.name and bound.name == name
            }  # fmt: skip
            arguments: dict[str, Any] = {spec.name: value} | others
            assert getattr(Parameters(**arguments), spec.name) == value


@pytest.mark.parametrize("name", ["leverage", "supply_half_life"])
def test_parameters_that_contradict_each_other(name: str) -> None:
    bounds: dict[str, Any] = {f"{name}_low": 0.9, f"{name}_high": 0.8}
    with pytest.raises(ValueError) as error:
        Parameters(**bounds)
    assert one_sentence(error.value) == f"{name}_low = 0.9 must not exceed {name}_high = 0.8."


@pytest.mark.parametrize("without", [{"lp_size": 0.0}, {"options_on": 0}])
def test_a_venue_without_money_is_refused(without: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as error:
        Parameters(supply_size=0.0, **without)
    assert one_sentence(error.value).startswith("supply_size = 0 must be positive")
    assert Parameters(supply_size=0.0).supply_size == 0.0  # an option pool alone is a venue


# ---------------------------------------------------------------- the configuration

BAD: list[tuple[str, Any, str]] = [
    ("venues", 0, "venues = 0 must be a whole number between 1 and 2."),
    ("venues", 3, "venues = 3 must be a whole number between 1 and 2."),
    ("venues", 1.5, "venues = 1.5 must be a whole number between 1 and 2."),
    ("venues", True, "venues = True must be a whole number between 1 and 2."),
    ("decision_hours", 0, "decision_hours = 0 must be a whole number between 1 and 24."),
    ("decision_hours", 25, "decision_hours = 25 must be a whole number between 1 and 24."),
    ("decision_hours", "6", "decision_hours = '6' must be a whole number between 1 and 24."),
    ("episode_hours", 0, "episode_hours = 0 must be a whole number between 1 and 8760."),
    ("episode_hours", 8761, "episode_hours = 8761 must be a whole number between 1 and 8760."),
    ("cooperation", -0.1, "cooperation = -0.1 must be a number between 0 and 1."),
    ("cooperation", 1.1, "cooperation = 1.1 must be a number between 0 and 1."),
    ("cooperation", nan, "cooperation = nan must be a number between 0 and 1."),
    ("cooperation", None, "cooperation = None must be a number between 0 and 1."),
    ("randomise_levers", 2.0, "randomise_levers = 2.0 must be a number between 0 and 1."),
    ("randomise_levers", nan, "randomise_levers = nan must be a number between 0 and 1."),
    ("autonomy", -1.0, "autonomy = -1.0 must be a number from 0 (frozen) to inf (no limits)."),
    ("autonomy", nan, "autonomy = nan must be a number from 0 (frozen) to inf (no limits)."),
    ("roles", (), "roles = () must be at least one role, and no two of them may share a lever."),
    ("roles", ("rate", "rate"), "roles = ('rate', 'rate') must be at least one role, and no two of them may share"),
    ("roles", ("rate", "joint"), "roles = ('rate', 'joint') must be at least one role, and no two of them may share"),
    ("roles", ("rates",), "roles contains 'rates', known roles are rate, risk, spread, joint."),
    ("defaults", {"spread": 0.1}, "defaults names the lever 'spread', known levers are base_rate, slope1,"),
    ("defaults", {"half_spread": 0.5}, "defaults['half_spread'] = 0.5 must be a number between 0.0025 and 0.12."),
    ("defaults", {"base_rate": nan}, "defaults['base_rate'] = nan must be a number between 0 and 0.1."),
    ("observe", ("chains",), "observe names the group 'chains', known groups are chain, feeds, surface, accounts."),
    ("observe", (), "observe = () must name at least one of chain, feeds, surface, accounts."),
    ("background", {"rate_2": "pi"}, "background names 'rate_2', known are the seats rate_0, risk_0, spread_0,"),
    ("background", {"rate": 3}, "background['rate'] = 3 must be a governor's name, the path of a policy's .json file,"),
    ("pricers", {1: "ewma"}, "pricers names venue 1; 0 to 0 are accepted."),
    ("pricers", {0: 3}, "pricers[0] = 3 must be a pricer's name, the path of a pricer_<name>.json file, or an object"),
    ("venue_overrides", [{}, {}], "venue_overrides has 2 mappings, but venues = 1: give one for each venue."),
    ("venue_overrides", [{"lp_size": 1e6}], "venue_overrides says how venues differ, but venues = 1: set parameters"),
    ("member", "w00", "member = 'w00' must be '' for the parameters as given, 'ensemble' for one drawn each episode,"),
]  # fmt: skip
WRONG_TYPES: list[tuple[str, Any]] = [
    ("autonomy", "fast"),
    ("autonomy", None),
    ("roles", None),
    ("size", 3),
    ("reward_fn", 3),
    ("defaults", 3),
    ("stagger", "yes"),
    ("parameters", {"gas_cost": 1.0}),
    ("parameters", None),
    ("observe", "chain"),
    ("privileged", 1),
    ("venue_overrides", 3),
    ("venue_overrides", [3]),
    ("venue_overrides", {"supply_size": 1.0}),
    ("background", 3),
    ("pricers", 3),
    ("pricers", ["ewma"]),
    ("member", None),
    ("member", ["w01"]),
]


@pytest.mark.parametrize(("field", "value", "text"), BAD, ids=[f"{f}={v!r}" for f, v, _ in BAD])
def test_every_field_refuses_what_no_world_can_have(field: str, value: Any, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        WorldConfig(**{field: value})
    assert one_sentence(error.value).startswith(text.rstrip("."))


def test_every_field_is_tried() -> None:
    tried = {field for field, *_ in BAD} | {field for field, _ in WRONG_TYPES}
    assert tried == {spec.name for spec in fields(WorldConfig)}


@pytest.mark.parametrize(("field", "value"), WRONG_TYPES, ids=[f"{f}={v!r}" for f, v in WRONG_TYPES])
def test_a_wrong_type_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{field} = "):
        WorldConfig(**{field: value})


@pytest.mark.parametrize("name", ["liquidation_threshold", "base_rate"])
@pytest.mark.parametrize("end", ["low", "high"])
def test_a_default_at_an_end_of_its_range_is_a_world(name: str, end: str) -> None:
    lever = next(lever for lever in LEVERS if lever.name == name)
    config = WorldConfig(defaults={name: getattr(lever, end)})
    assert config.lever_default(name) == getattr(lever, end)
    simulator = Simulator(config, 2, scenario="flat")
    for obs in simulator.reset().values():
        assert (abs(obs) <= 10.0).all()


def test_an_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(ConfigError) as error:
        WorldConfig.from_dict({"venue": 2})
    assert one_sentence(error.value).startswith(
        "'venue' is not a field of a world's configuration, known are autonomy,"
    )
    for build in (
        lambda: WorldConfig().with_parameters(gas=1.0),
        lambda: WorldConfig.from_dict({"parameters": {"gas": 1.0}}),
    ):
        with pytest.raises(ConfigError, match="gas"):
            build()


def test_a_configuration_survives_a_round_trip() -> None:
    config = WorldConfig(
        roles=("joint",), venues=2, decision_hours=3, autonomy=inf, episode_hours=100, cooperation=0.5,
        defaults={"half_spread": 0.03}, randomise_levers=0.25, stagger=True,
    ).with_parameters(gas_cost=7.5, num_accounts=5)  # fmt: skip
    assert WorldConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert WorldConfig.from_dict(config.to_dict()) == config
    assert config.horizon == 34  # a hundred hours in threes


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"num_worlds": 0}, "num_worlds = 0 must be a whole number from 1."),
        ({"num_worlds": 2.0}, "num_worlds = 2.0 must be a whole number from 1."),
        ({"num_threads": 0}, "num_threads = 0 must be a whole number from 1."),
        ({"seed": -1}, "seed = -1 must be a whole number from 0 to 2**64 - 1."),
    ],
)
def test_a_simulator_refuses_what_it_cannot_hold(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as error:
        Simulator(WorldConfig(), **arguments)
    assert one_sentence(error.value) == text


def test_an_unknown_scenario_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'jmp'.*known are .*jump"):
        Simulator(WorldConfig(), scenario="jmp")
