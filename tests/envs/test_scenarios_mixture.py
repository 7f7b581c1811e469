"""Mixtures: their shares, that each row is the tape of its part, that nothing held out hides in one, and weights."""

import numpy as np
import pytest

from protogov.envs.scenarios import (
    CRISES,
    Composed,
    Crisis,
    Flat,
    Mixture,
    effective_sample_size,
    get_scenario,
    held_out,
    scenario_names,
)
from protogov.envs.scenarios.base import Overlay, Seeds, Tapes


class Halved(Overlay):
    name, split = "halved", "free"

    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        tapes["depth"] *= 0.5


def mix() -> Mixture:
    found = get_scenario("mix")
    assert isinstance(found, Mixture)
    return found


def test_shares_of_the_mix() -> None:
    parts = np.bincount(mix().part_of(range(20_000)), minlength=len(mix().parts)) / 20_000
    names = [part.name for part in mix().parts]
    by_name = dict(zip(names, parts, strict=True))
    assert by_name["regimes"] == pytest.approx(0.40, abs=0.015)
    assert by_name["jump"] + by_name["self-exciting"] == pytest.approx(0.30, abs=0.015)
    crises = {name: share for name, share in by_name.items() if name.startswith("crisis-")}
    assert sum(crises.values()) == pytest.approx(0.30, abs=0.015)
    assert set(crises) == {name for name, crisis in CRISES.items() if crisis.split == "train"}
    assert min(crises.values()) > 0.05


def test_every_row_is_the_tape_of_its_part() -> None:
    seeds = np.arange(60, dtype=np.uint64) * np.uint64(2**58 - 3)
    tapes, chosen = mix().draw(seeds, 72), mix().part_of(seeds)
    assert len(set(chosen)) > 4
    for row, part in enumerate(chosen):
        np.testing.assert_array_equal(tapes[row], mix().parts[part].draw(seeds[row : row + 1], 72)[0])


def test_training_crises_come_in_all_strengths() -> None:
    for part in mix().parts:
        if isinstance(part, Crisis):
            assert (part.around.amplitude_low, part.around.amplitude_high) == (0.7, 1.3)
            assert part.around.onset_from == 48
            assert part.around.onset_to == min(216, 336 - part.story.length)
            assert part.split == "train"


def test_nothing_held_out_is_in_the_mix() -> None:
    assert mix().split == "train" and "stress mix" in mix().about
    assert held_out(mix()) == ()
    assert not {leaf.name for leaf in mix().leaves} & set(scenario_names("validation"))


def test_one_validation_part_makes_a_validation_mixture_however_deep() -> None:
    inner = Mixture("inner", [(Flat(), 1.0), (get_scenario("crisis-2024-08"), 0.001)])
    outer = Mixture("outer", [(get_scenario("jump"), 1.0), (inner + Halved(), 1.0)])
    assert (inner.split, outer.split, (outer + Halved()).split) == ("validation",) * 3
    assert "crisis-2024-08" in held_out(outer + Halved())


def test_a_validation_scenario_is_known_by_its_name_under_another_split() -> None:
    disguised = Crisis("crisis-2024-08", "train", CRISES["crisis-2024-08"].story)
    sum_of_it = disguised + Halved()
    assert isinstance(sum_of_it, Composed)
    assert sum_of_it.split == "train"
    assert held_out(sum_of_it) == ("crisis-2024-08",)
    assert held_out(Mixture("m", [(Flat(), 1.0), (disguised, 1.0)])) == ("crisis-2024-08",)


def test_mixtures_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shares of mixture 'm' are \[\]"):
        Mixture("m", [])
    with pytest.raises(ValueError, match="all must be positive"):
        Mixture("m", [(Flat(), 0.0)])
    with pytest.raises(ValueError, match="'halved', which changes a tape and draws none"):
        Mixture("m", [(Halved(), 1.0)])


def test_shares_need_not_add_up() -> None:
    np.testing.assert_allclose(Mixture("m", [(Flat(), 3.0), (Flat("other"), 1.0)]).shares, [0.75, 0.25])


def three_parts() -> Mixture:
    return Mixture("three", [(Flat("one"), 0.5), (Flat("two"), 0.3), (Flat("three"), 0.2)])


def test_weights_are_exact_on_what_is_constant_within_a_part() -> None:
    """Seeds picked so that the parts fill the sample in exactly their shares: then no chance is left."""
    mixture, values = three_parts(), np.array([1.0, 10.0, -4.0])
    chosen = mixture.part_of(range(2000))
    seeds = np.concatenate([np.flatnonzero(chosen == part)[:count] for part, count in enumerate((50, 30, 20))])
    shares = {"one": 1.0, "two": 1.0, "three": 2.0}
    weights = mixture.weights(seeds, shares)
    mean = (weights * values[mixture.part_of(seeds)]).sum() / weights.sum()
    assert mean == pytest.approx(0.25 * 1.0 + 0.25 * 10.0 + 0.5 * -4.0, abs=1e-12)
    assert weights.mean() == pytest.approx(1.0, abs=1e-12)
    assert effective_sample_size(weights) == pytest.approx(100.0**2 / (50 * 0.5**2 + 30 / 1.2**2 + 20 * 2.5**2))


def test_a_part_that_is_not_named_counts_nothing_and_equal_shares_count_alike() -> None:
    mixture = three_parts()
    weights = mixture.weights(range(300), {"two": 7.0})
    np.testing.assert_array_equal(weights > 0.0, mixture.part_of(range(300)) == 1)
    same = mixture.weights(range(300), {"one": 5.0, "two": 3.0, "three": 2.0})
    np.testing.assert_allclose(same, 1.0)
    assert effective_sample_size(same) == pytest.approx(300.0)
    assert effective_sample_size(np.zeros(3)) == 0.0


def test_weighted_tapes_have_the_mean_of_the_mixture_in_other_shares() -> None:
    parts = [(get_scenario("calm"), 0.5), (get_scenario("jump"), 0.3), (get_scenario("crisis-2022-06"), 0.2)]
    shares = {"calm": 0.2, "jump": 0.3, "crisis-2022-06": 0.5}
    mixture = Mixture("here", parts)
    other = Mixture("there", [(part, shares[part.name]) for part, _ in parts])

    def moves(which: Mixture) -> np.ndarray:
        closes = which.draw(range(1024), 168)["close"].astype(np.float64)
        return np.log(closes[:, -1] / closes[:, 0])

    weights, own, there = mixture.weights(range(1024), shares), moves(mixture), moves(other)
    weighted = (weights * own).sum() / weights.sum()
    error = np.hypot(own.std() / np.sqrt(effective_sample_size(weights)), there.std() / np.sqrt(there.size))
    assert abs(weighted - there.mean()) < 3.0 * error
    assert abs(own.mean() - there.mean()) > 6.0 * error  # without weights it is another number


def test_weights_that_mean_nothing_are_refused() -> None:
    mixture = three_parts()
    with pytest.raises(ValueError, match="'three' has no part 'four' of its own; known are one, two, three"):
        mixture.weights([1], {"four": 1.0})
    with pytest.raises(ValueError, match="share of 'one' is -0.5; a number from 0 on"):
        mixture.weights([1], {"one": -0.5})
    with pytest.raises(ValueError, match="share of 'one' is nan"):
        mixture.weights([1], {"one": float("nan")})
    for nothing in ({}, {"one": 0.0}):
        with pytest.raises(ValueError, match="at least one must be positive"):
            mixture.weights([1], nothing)
