"""Recorded, derived or invented: every scenario answers for every channel of the tape."""

import numpy as np
import pytest

from protogov.envs.scenarios import (
    Flat,
    Mixture,
    Named,
    Overlay,
    Pulse,
    Scenario,
    StakedDiscount,
    get_scenario,
    overlay_names,
    scenario_names,
)
from protogov.envs.scenarios.base import CHANNELS, ORIGINS, either
from protogov.envs.world.state import ATTACKS, TAPE

PRICES = ("open", "high", "low", "close")


class Dollar(Flat):
    """A path whose price is a fact, for mixtures."""

    recorded = ("price",)


def test_channels_are_those_of_the_tape() -> None:
    assert CHANNELS[0] == "price"
    assert {*CHANNELS[1:], *PRICES, *ATTACKS} == set(TAPE.names or ())


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_answers_for_every_channel(name: str) -> None:
    words = get_scenario(name).provenance()
    assert set(words) == set(CHANNELS)
    for word in words.values():
        parts = word.split(" or ")
        assert parts == [origin for origin in ORIGINS if origin in parts], word


@pytest.mark.parametrize("name", overlay_names())
def test_an_overlay_answers_for_what_it_changes(name: str) -> None:
    words = get_scenario(name).provenance()
    assert set(words.values()) <= {"invented"} and set(words) <= set(CHANNELS)
    path, changed = (
        scenario.draw(range(8), 336) for scenario in (get_scenario("jump"), get_scenario(f"jump + {name}"))
    )
    found = {field for field in TAPE.names or () if path[field].tobytes() != changed[field].tobytes()} - set(ATTACKS)
    assert found == {field for channel in words for field in (PRICES if channel == "price" else (channel,))}


@pytest.mark.parametrize("name", ["jump", "calm", "regimes", "self-exciting"])
def test_synthetic_markets_invent_a_price_and_derive_what_follows_from_it(name: str) -> None:
    words = get_scenario(name).provenance()
    assert words["price"] == words["funding"] == words["leverage_demand"] == "invented"
    assert words["implied_vol"] == words["congestion"] == "derived"
    assert words["depth"] == ("invented" if name == "regimes" else "derived")  # its regimes bend depth


def test_flat_is_all_ours() -> None:
    assert set(Flat().provenance().values()) == {"invented"}


def test_sums_names_and_mixtures_pass_it_on() -> None:
    path = Dollar("path")
    thin, staked = Pulse("thin", 3, scales={"depth": 0.5}), StakedDiscount("staked", 0.1, 4, rise=1)
    jump = get_scenario("jump")
    assert (path + thin).provenance() == path.provenance() | {"depth": "invented"}
    assert (jump + thin).provenance() == jump.provenance() | {"depth": "invented"}
    assert (path + staked).provenance()["price"] == "invented"
    assert (path + (thin + staked)).provenance() == path.provenance() | {"depth": "invented", "price": "invented"}
    assert Named("other", path + thin).provenance() == (path + thin).provenance()
    mixed = Mixture("mixed", [(path, 1.0), (jump, 2.0), (jump + thin, 1.0)]).provenance()
    assert tuple(mixed) == CHANNELS
    assert mixed["price"] == "recorded or invented" and mixed["depth"] == mixed["congestion"] == "derived or invented"
    assert mixed["funding"] == "invented"


def test_what_says_nothing_has_invented_all() -> None:
    class Silent(Scenario):
        name, split = "silent", "free"

        def fill(self, tapes: np.ndarray, seeds: np.ndarray) -> None:
            raise NotImplementedError

    class Unknown(Overlay):
        name, split = "unknown", "free"

        def change(self, tapes: np.ndarray, seeds: np.ndarray) -> None:
            raise NotImplementedError

    assert Silent().provenance() == dict.fromkeys(CHANNELS, "invented")
    assert (Dollar() + Unknown()).provenance() == dict.fromkeys(CHANNELS, "invented")


def test_words_are_joined_in_one_order() -> None:
    assert either(("invented", "derived", "invented")) == "derived or invented"
    assert either(("recorded or invented", "derived")) == "recorded or derived or invented"
    with pytest.raises(ValueError):
        either(("guessed",))
