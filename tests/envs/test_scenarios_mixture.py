"""The training mix: its shares, that each row is the tape of its part, and that no test part hides in it."""

import numpy as np
import pytest

from protogov.envs.scenarios import CRISES, Composed, Crisis, Flat, Mixture, get_scenario, held_out, scenario_names
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


def test_no_test_scenario_is_in_the_mix() -> None:
    assert mix().split == "train"
    assert held_out(mix()) == ()
    assert not {leaf.name for leaf in mix().leaves} & set(scenario_names("test"))


def test_one_test_part_makes_a_test_mixture_however_deep() -> None:
    inner = Mixture("inner", [(Flat(), 1.0), (get_scenario("crisis-2024-08"), 0.001)])
    outer = Mixture("outer", [(get_scenario("jump"), 1.0), (inner + Halved(), 1.0)])
    assert (inner.split, outer.split, (outer + Halved()).split) == ("test", "test", "test")
    assert "crisis-2024-08" in held_out(outer + Halved())


def test_a_test_scenario_is_known_by_its_name_under_another_split() -> None:
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
