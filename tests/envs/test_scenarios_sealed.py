"""The sealed test: its process and stories on free copies, its seal, and that nobody can change it unnoticed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import (
    Crisis,
    Mixture,
    Named,
    PathScenario,
    Scenario,
    base,
    get_scenario,
    held_out,
    overlay_names,
    scenario_names,
    sealed,
)
from protogov.envs.scenarios.base import Seeds, Tapes
from protogov.envs.scenarios.bates import BatesProcess
from protogov.envs.scenarios.other_coins import STORIES
from protogov.envs.scenarios.seal import SealedError, is_open, opened
from protogov.envs.scenarios.sealed import free_copy, read_sealed, sealed_list, sealed_names
from protogov.envs.simulator import Simulator
from protogov.experiments.bates_fit import moments

PAGE = Path(__file__).parents[2] / "results" / "test" / "README.md"
NAMES = ("test-bates", "test-btc-2021-04", "test-luna-2021-05", "test-xrp-2020-12", "test-sol-2022-11")
# of the table in bates.py: recorded, fitted
TARGETS: dict[str, tuple[float, float]] = {
    "vol": (0.683, 0.652),
    "kurtosis": (27.7, 24.9),
    "daily kurtosis": (24.7, 18.9),
    "leverage 24 h": (-0.064, -0.048),
    "autocorrelation of squares, 1 h": (0.281, 0.224),
    "autocorrelation of squares, 6 h": (0.174, 0.208),
    "autocorrelation of squares, 24 h": (0.144, 0.155),
    "autocorrelation of squares, 72 h": (0.106, 0.071),
}


# ---- the process


def test_the_process_has_the_moments_that_it_was_fitted_to() -> None:
    closes = free_copy("test-bates").draw(np.arange(1024, dtype=np.uint64), 1056)["close"].astype(np.float64)
    found = moments(list(np.diff(np.log(closes), axis=1)), np.full(1024, 1.0 / 1024))
    assert set(found) == set(TARGETS)
    for name, (recorded, fitted) in TARGETS.items():
        scale = 1.0 if name in ("vol", "kurtosis", "daily kurtosis") else 0.0
        assert found[name] == pytest.approx(fitted, rel=0.30 * scale, abs=0.0 if scale else 0.04), name
        assert found[name] == pytest.approx(recorded, rel=0.45 * scale, abs=0.0 if scale else 0.08), name


def test_the_price_has_no_trend() -> None:
    closes = free_copy("test-bates").draw(np.arange(4096, dtype=np.uint64), 336)["close"].astype(np.float64)
    returns = closes[:, -1] / closes[:, 0] - 1.0
    assert abs(returns.mean()) < 3.0 * returns.std(ddof=1) / np.sqrt(returns.size)


def test_without_noise_and_jumps_it_is_black_and_scholes() -> None:
    plain = BatesProcess(vol=0.5, vol_of_vol=0.0, jump_hazard=0.0, variance_jump=0.0)
    closes = PathScenario("plain", "free", plain).draw(range(512), 336)["close"].astype(np.float64)
    returns = np.diff(np.log(closes), axis=1)
    assert returns.std() * np.sqrt(8760) == pytest.approx(0.5, rel=0.01)
    assert (returns**4).mean() / (returns**2).mean() ** 2 == pytest.approx(3.0, abs=0.05)


def test_jumps_lift_variance_and_leverage_ties_it_to_falls() -> None:
    process = BatesProcess(vol_of_vol=0.0, jump_hazard=0.01, jump_mean=-0.05, jump_spread=0.0, variance_jump=2.0)
    closes = PathScenario("jumps", "free", process).draw(range(512), 336)["close"].astype(np.float64)
    returns = np.diff(np.log(closes), axis=1)
    after = returns[:, 1:][returns[:, :-1] < -0.045]
    assert after.std() > 1.5 * returns[np.abs(returns) < 0.045].std()
    tied = replace(BatesProcess(), leverage=-0.9, jump_hazard=0.0)
    markets = [PathScenario("l", "free", one) for one in (tied, replace(tied, leverage=0.9))]
    drawn = [market.draw(range(256), 720)["close"].astype(float) for market in markets]
    found = [moments(list(np.diff(np.log(one), axis=1)), np.full(256, 1 / 256))["leverage 24 h"] for one in drawn]
    assert found[0] < -0.05 < 0.05 < found[1]


# ---- the stories


@pytest.mark.parametrize("name", NAMES[1:])
def test_every_known_price_is_met_and_the_crisis_ends_within_the_episode(name: str) -> None:
    crisis = free_copy(name)
    assert isinstance(crisis, Crisis)
    story, seeds = STORIES[name], range(64)
    tapes, onsets = crisis.draw(seeds, 336), crisis.onsets(seeds)
    assert (onsets + story.length <= 336).all()
    for row, onset in enumerate(onsets):
        for hour, price in story.closes:
            assert tapes["close"][row, onset + int(hour)] == pytest.approx(price, rel=2e-7)
        for hour, price in story.lows:
            assert tapes["low"][row, onset + int(hour)] == pytest.approx(price, rel=2e-7)


@pytest.mark.parametrize(
    ("name", "fall"),
    [("test-btc-2021-04", -0.222), ("test-luna-2021-05", -0.757), ("test-xrp-2020-12", -0.686),
     ("test-sol-2022-11", -0.660)],
)  # fmt: skip
def test_falls_from_the_first_price_to_the_low(name: str, fall: float) -> None:
    assert STORIES[name].low / STORIES[name].closes[0][1] - 1.0 == pytest.approx(fall, abs=0.001)
    assert STORIES[name].began[:7] == name[-7:] and len(STORIES[name].facts) == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_world_lives_through_a_free_copy(name: str) -> None:
    world = Simulator(WorldConfig(episode_hours=336, decision_hours=24), 4, scenario=free_copy(name))
    world.reset()
    step = None
    for _ in range(world.horizon):
        step = world.step({agent: np.zeros((4, len(role.levers)), np.float32) for agent, role in world.roles.items()})
    assert step is not None and all(np.isfinite(reward).all() for reward in step.rewards.values())


# ---- the seal


def test_the_sealed_names_are_listed_for_their_split_alone() -> None:
    assert sealed_names() == NAMES
    assert set(scenario_names("test")) == set(NAMES)
    assert not set(NAMES) & {*scenario_names(), *scenario_names("validation"), *overlay_names()}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_draws_the_sealed_test_while_it_is_sealed(name: str) -> None:
    for asked in (name, f"{name} + oracle-push"):
        with pytest.raises(SealedError, match=f"'{name}' belongs to the sealed test, which nothing plays but"):
            get_scenario(asked)
    with pytest.raises(ValueError, match="sealed test"):
        Simulator(WorldConfig(), 2, scenario=name)
    with opened():
        kept = get_scenario(name)
        assert kept.split == "test" and kept.name == name
    assert not is_open()
    with pytest.raises(SealedError, match="sealed test"):  # whoever kept the object cannot draw it either
        kept.draw([1], 3)


def test_the_seal_closes_after_an_error() -> None:
    with pytest.raises(KeyError), opened():
        raise KeyError
    assert not is_open()


def test_a_free_copy_is_keyed_by_another_name() -> None:
    """Told without drawing a sealed tape: the salt of the noise is that of the name."""
    for name in NAMES:
        copy = free_copy(name)
        assert copy.split == "validation" and held_out(copy) and copy.name == f"free-{name}"
        assert copy.salt != PathScenario(name, "free", BatesProcess()).salt
    with pytest.raises(ValueError, match="'jump' is not in the sealed test; known are test-bates"):
        free_copy("jump")


def test_list_digest_definitions_and_page_belong_together() -> None:
    test = read_sealed()
    assert tuple(test.scenarios) == NAMES
    assert test.first_seed == sealed.FIRST_SEED and test.episodes == sealed.EPISODES
    assert sealed.SEALED_FILE.read_text() == sealed_list()
    assert sealed.SEALED_DIGEST == test.digest and sealed.SEALED_DIGEST in PAGE.read_text()


def test_its_seeds_are_of_nobody_else() -> None:
    from protogov.experiments.core.play import EVALUATION_SEEDS, FIRST_SCORING, FIRST_SELECTION
    from protogov.experiments.studies.natural import FIRST_COUNTING
    from protogov.experiments.training.run_config import SEED_STRIDE

    others = (EVALUATION_SEEDS, FIRST_SELECTION, FIRST_SCORING, FIRST_COUNTING, 2**45, 2**46, 2**48)
    assert all(sealed.FIRST_SEED - other > 2**40 for other in others)
    assert sealed.FIRST_SEED > SEED_STRIDE * 2**30  # a billion training seeds


def test_a_changed_list_or_definition_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SealedError, match="cannot be read"):
        read_sealed(tmp_path / "none.json")
    changed = json.loads(sealed.SEALED_FILE.read_text()) | {"episodes": 2}
    path = tmp_path / "list.json"
    path.write_text(json.dumps(changed))
    with pytest.raises(SealedError, match="its SHA-256 is .* was sealed; the sealed test has been changed"):
        read_sealed(path)
    other = PathScenario("test-bates", "test", replace(BatesProcess(), vol=0.99))
    monkeypatch.setitem(base._registry, "test-bates", other)
    with pytest.raises(SealedError, match="test-bates was sealed as .* the test has been changed"):
        read_sealed()


def test_every_number_of_a_definition_counts_and_its_words_do_not() -> None:
    crisis = free_copy("test-sol-2022-11")
    assert isinstance(crisis, Crisis)
    digest = sealed.definition_digest(crisis)
    moved = replace(crisis.story, implied_vol=((0.0, 0.96), *crisis.story.implied_vol[1:]))
    assert sealed.definition_digest(Crisis(crisis.name, "free", moved)) != digest
    assert sealed.definition_digest(Crisis(crisis.name, "free", crisis.story, amplitude=1.1)) != digest
    assert sealed.definition_digest(Crisis("other", "free", crisis.story)) != digest
    assert (
        sealed.definition_digest(Crisis(crisis.name, "free", replace(crisis.story, facts=("other words",)))) == digest
    )
    with pytest.raises(TypeError, match="no definition"):
        sealed.definition(get_scenario("flat"))


class Wrapped(Scenario):
    """A whole that says nothing of its part."""

    name, split = "wrapped", "free"

    def __init__(self, part: Scenario) -> None:
        self.part = part

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        self.part.fill(tapes, seeds)


def test_a_part_of_the_split_test_closes_whatever_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told on a twin of other noise: alone, in a sum, in a mixture, under another name, and by what it marks."""
    twin = PathScenario("test-twin", "test", BatesProcess())
    monkeypatch.setattr(base, "_registry", base._registry | {"test-twin": twin})
    assert "test-twin" in scenario_names("test") and "test-twin" not in scenario_names()
    push, flat = get_scenario("oracle-push"), get_scenario("flat")
    for ask in (
        lambda: get_scenario("test-twin"),
        lambda: twin.draw([1], 3),
        lambda: twin.marks([1], 3),
        lambda: (twin + push).draw([1], 3),
        lambda: Mixture("half", [(flat, 1.0), (twin, 1.0)]).draw([1], 3),
        lambda: Named("renamed", twin + push).draw([1], 3),
        lambda: PathScenario("test-twin", "free", BatesProcess()).draw([1], 3),  # by its name
        lambda: Wrapped(twin).draw([1], 3),
    ):
        with pytest.raises(SealedError, match="'(test-twin|half)' belongs to the sealed test"):
            ask()
    with opened():
        assert get_scenario("test-twin + oracle-push").draw([1], 3).shape == (1, 4)
    twin.split = "free"
    assert get_scenario("test-twin").draw([1], 3).shape == (1, 4)
