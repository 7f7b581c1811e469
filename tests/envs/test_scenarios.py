"""What every scenario has in common: names, splits, composition, seeds, the checks of what it drew."""

import ast
import graphlib
import pickle
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.scenarios import (
    Flat,
    Overlay,
    Replay,
    Scenario,
    Split,
    get_scenario,
    held_out,
    held_out_splits,
    load_candles,
    register,
    scenario_names,
)
from protogov.envs.scenarios.base import SOURCE_FOLDERS, Seeds, Tapes
from protogov.envs.world.state import TAPE


class Scaled(Overlay):
    def __init__(self, name: str, field: str, factor: float, split: Split = "free") -> None:
        self.name, self.field, self.factor, self.split = name, field, factor, split

    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        tapes[self.field] *= self.factor


class Added(Scaled):
    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        tapes[self.field] += self.factor


def test_names_and_splits() -> None:
    assert {"jump", "calm", "flat", "crash-heldout"} <= set(scenario_names())
    assert scenario_names() == tuple(sorted(scenario_names()))
    assert "crash-heldout" in scenario_names("validation")
    assert "crash-heldout" not in scenario_names("train")
    assert "jump" in scenario_names("train")
    for name in scenario_names():
        assert get_scenario(name).name == name


def test_get_scenario_returns_a_scenario_as_it_is() -> None:
    flat = Flat()
    assert get_scenario(flat) is flat


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(
        ValueError, match=r"'jmup' is not known; known are between-crises, calm, .*flat, gbm, heston, jump.*\.csv"
    ):
        get_scenario("jmup")
    with pytest.raises(ValueError, match="must be a name, a path or a Scenario"):
        get_scenario(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_gives_a_replay(tmp_path: Path, kind: type) -> None:
    file = tmp_path / "some candles.csv"
    hours = "".join(f"{3600 * i},10,11,9,10\n" for i in range(30))
    file.write_text("time,open,high,low,close\n" + hours)
    scenario = get_scenario(kind(file))
    assert isinstance(scenario, Replay)
    assert scenario.name == "some candles"
    with pytest.raises(ValueError, match="there is no such file"):
        get_scenario("nowhere.CSV")


@pytest.mark.parametrize("name", ["jump", "", "a + b", "prices.csv"])
def test_register_refuses_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match="scenario"):
        register(Flat(name))


def test_registered_scenario_is_found_alone_and_in_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protogov.envs.scenarios.base._registry", {"flat": get_scenario("flat")})
    register(Scaled("thin", "depth", 0.5))
    tape = get_scenario("flat+thin").draw([1], 3)
    assert (tape["depth"] == 0.4e6).all()


def test_overlays_apply_from_left_to_right_however_grouped() -> None:
    path, half, more = Flat(), Scaled("half", "depth", 0.5), Added("more", "depth", 100.0)
    expected = np.float32(0.8e6 * 0.5 + 100.0)
    for scenario in ((path + half) + more, path + (half + more)):
        assert scenario.name == "flat + half + more"
        assert (scenario.draw([1, 2], 4)["depth"] == expected).all()
    assert (path.draw([1], 4)["depth"] == np.float32(0.8e6)).all()


def test_split_of_a_sum_is_the_stricter_one() -> None:
    rising: tuple[Split, ...] = ("free", "train", "validation", "test")
    for i, a in enumerate(rising):
        for j, b in enumerate(rising):
            assert (Flat(split=a) + Scaled("s", "depth", 1.0, split=b)).split == rising[max(i, j)]


def test_scenarios_of_the_validation_split_by_name() -> None:
    seen = {"crisis-2020-03", "crisis-2023-03", "crisis-2024-08", "crisis-2025-10", "crash-heldout"}
    assert set(scenario_names("validation")) == seen
    for name in scenario_names():
        assert bool(held_out(get_scenario(name))) == (name in seen)


def test_held_out_parts_are_told_with_their_split() -> None:
    both = Flat("mine", "test") + Scaled("s", "depth", 1.0, split="validation")
    assert held_out_splits(both) == {"mine + s": "test", "mine": "test", "s": "validation"}
    assert held_out(both) == ("mine + s", "mine", "s")
    assert held_out_splits(Flat("test-bates", "free")) == {"test-bates": "test"}  # by its name


def test_sums_that_mean_nothing_are_refused() -> None:
    half = Scaled("half", "depth", 0.5)
    with pytest.raises(ValueError, match="draws a price path of its own"):
        Flat() + Flat("other")
    with pytest.raises(ValueError, match="the path comes first"):
        half + Flat()
    with pytest.raises(ValueError, match="write a path first: 'jump \\+ half'"):
        half.draw([1], 3)
    with pytest.raises(TypeError):
        Flat() + 1  # type: ignore[operator]


def test_sum_passes_on_the_limits_of_its_path(tmp_path: Path) -> None:
    file = tmp_path / "short.csv"
    file.write_text("time,open,high,low,close\n" + "".join(f"{3600 * i},10,11,9,10\n" for i in range(30)))
    with pytest.raises(ValueError, match="holds 30 hourly candles"):
        (Replay(file) + Scaled("half", "depth", 0.5)).check_hours(30)


@pytest.mark.parametrize(
    "seeds", [[-1], [2**64], [0.5], [[1, 2]], 3, np.array([1.0]), np.array([-1]), np.ones((2, 2), int)]
)
def test_seeds_that_are_none_are_refused(seeds: object) -> None:
    with pytest.raises(ValueError, match="seeds"):
        Flat().draw(seeds, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("num_hours", [0, -3, 10_000, 1.5, "3", True])
def test_impossible_lengths_are_refused(num_hours: object) -> None:
    with pytest.raises(ValueError, match="num_hours"):
        Flat().draw([1], num_hours)  # type: ignore[arg-type]


def test_seeds_of_any_integer_kind_mean_the_same() -> None:
    jump = get_scenario("jump")
    expected = jump.draw(np.array([0, 7, 2**64 - 1], np.uint64), 5)
    np.testing.assert_array_equal(jump.draw([0, 7, 2**64 - 1], 5), expected)
    np.testing.assert_array_equal(jump.draw(np.array([0, 7], np.int8), 5), expected[:2])
    np.testing.assert_array_equal(jump.draw(np.array([0, 1, 7, 1], np.uint64)[::2], 5), expected[:2])
    assert jump.draw([], 5).shape == (0, 6)


def test_tapes_are_fresh_plain_and_contiguous() -> None:
    one, two = Flat().draw([1], 3), Flat().draw([1], 3)
    one["depth"] = 0.0
    assert two["depth"].min() > 0.0
    assert type(two) is np.ndarray
    assert two.dtype == TAPE
    assert two.flags.c_contiguous and two.flags.writeable


@pytest.mark.parametrize(
    ("field", "value", "accepted"),
    [
        ("close", np.nan, "finite"),
        ("funding", np.inf, "finite"),
        ("low", 0.0, "positive"),
        ("depth", -1.0, "positive"),
        ("congestion", 1.5, "between 0 and 1"),
        ("informed_share", -0.1, "between 0 and 1"),
        ("high", 2999.0, "at least open and close"),
        ("low", 3001.0, "at most open and close"),
    ],
)
def test_impossible_tapes_are_refused(field: str, value: float, accepted: str) -> None:
    class Broken(Flat):
        def fill(self, tapes: Tapes, seeds: Seeds) -> None:
            super().fill(tapes, seeds)
            tapes[field][1, 2] = value

    with pytest.raises(ValueError, match=f"'flat' drew {field} = .* at row 1, hour 2; it must be {accepted}"):
        Broken().draw([1, 2], 3)


def test_flat_is_flat_and_takes_values() -> None:
    tape = Flat(price=100.0, depth=5e5, implied_vol=0.4).draw([1, 2], 5)
    assert tape.shape == (2, 6)
    for field, value in {"open": 100.0, "high": 100.0, "low": 100.0, "close": 100.0, "depth": 5e5, "peg": 1.0}.items():
        assert (tape[field] == value).all()
    assert (tape["implied_vol"] == np.float32(0.4)).all()
    with pytest.raises(ValueError, match="no field 'dept'; known are price, implied_vol, depth"):
        Flat(dept=1.0)


def test_scenarios_travel_to_other_processes(tmp_path: Path) -> None:
    file = tmp_path / "candles.csv"
    file.write_text("time,open,high,low,close\n" + "".join(f"{3600 * i},10,11,9,{10 + i / 50}\n" for i in range(30)))
    drawn = ["jump", "regimes", "self-exciting", "crisis-2020-03", "mix", "misprice-2026-03", "calm + staked-discount"]
    scenarios: list[Scenario] = [
        *map(get_scenario, drawn),
        Flat() + Scaled("s", "depth", 0.5),
        Replay(load_candles(file)),
    ]
    for scenario in scenarios:
        copy = pickle.loads(pickle.dumps(scenario))
        np.testing.assert_array_equal(copy.draw([3], 10), scenario.draw([3], 10))


def test_no_module_of_scenarios_imports_in_a_circle() -> None:
    """Imports inside functions count too."""
    package = "protogov.envs.scenarios"
    imports: dict[str, set[str]] = {}
    for path in Path(SOURCE_FOLDERS[0]).glob("*.py"):
        if path.stem == "__init__":
            continue
        found = imports.setdefault(path.stem, set())
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package):
                inner = (node.module or "").removeprefix(package).lstrip(".")
                found |= {inner} if inner else {name.name for name in node.names}
    assert imports["lookup"] >= {"base", "replay"}
    assert set(graphlib.TopologicalSorter(imports).static_order()) == set(imports)  # CycleError otherwise
