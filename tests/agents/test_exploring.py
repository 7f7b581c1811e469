"""Noise on any governor: as large and as lasting as it says, the same in any batch, and forked with its rows."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from protogov.agents.exploring import Exploring
from protogov.agents.row_noise import RowNoise

LEVERS = 2


class Still:
    """Holds one action."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def reset(self, rows: Any, seeds: Any) -> None:
        pass

    def act(self, view: Any) -> NDArray[np.float64]:
        return np.full((len(view.obs), LEVERS), self.value)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class View:
    """As many rows as there are worlds."""

    def __init__(self, rows: int) -> None:
        self.obs = np.zeros((rows, 1), np.float32)


def played(governor: Exploring, rows: int, decisions: int, seeds: Any = None) -> NDArray[np.float64]:
    """Actions [decisions, rows, levers] from fresh episodes."""
    given = np.arange(rows, dtype=np.uint64) if seeds is None else np.asarray(seeds, np.uint64)
    governor.reset(np.arange(rows), given)
    return np.stack([governor.act(View(rows)) for _ in range(decisions)])  # type: ignore[arg-type]


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_it_is_as_large_and_as_lasting_as_it_says(memory: float) -> None:
    found = played(Exploring(Still(), LEVERS, deviation=0.1, memory=memory), 4000, 6)
    # of every decision, the first one too: it begins from its stationary law
    np.testing.assert_allclose(found.std(axis=1), 0.1, rtol=0.05)
    np.testing.assert_allclose(found.mean(axis=1), 0.0, atol=0.008)
    for lag in (1, 3):
        pairs = np.corrcoef(found[0, :, 0], found[lag, :, 0])[0, 1]
        assert pairs == pytest.approx(memory**lag, abs=0.05)
    assert np.corrcoef(found[0, :, 0], found[0, :, 1])[0, 1] == pytest.approx(0.0, abs=0.05)  # levers apart


def test_without_deviation_it_is_the_governor_clipped() -> None:
    np.testing.assert_array_equal(played(Exploring(Still(0.3), LEVERS, deviation=0.0), 3, 4), np.float32(0.3))
    found = played(Exploring(Still(1.5), LEVERS, deviation=0.2), 200, 4)
    assert found.max() == 1.0 and (found < 1.0).any()  # the noise acts on the action, not on what lies beyond it


def test_a_row_is_the_same_in_any_batch() -> None:
    together = played(Exploring(Still(), LEVERS, deviation=0.2, seed=4), 5, 6, seeds=[10, 11, 12, 13, 14])
    alone = played(Exploring(Still(), LEVERS, deviation=0.2, seed=4), 1, 6, seeds=[13])
    np.testing.assert_array_equal(together[:, 3], alone[:, 0])
    other = played(Exploring(Still(), LEVERS, deviation=0.2, seed=5), 1, 6, seeds=[13])
    assert (other != alone).all()


def test_it_shares_nothing_with_a_governor_that_is_random_itself() -> None:
    own = RowNoise(4)
    own.reset(np.arange(2000), np.arange(2000, dtype=np.uint64))
    drawn = own.normal(2000, LEVERS)
    noise = played(Exploring(Still(), LEVERS, deviation=0.1, seed=4), 2000, 1)[0]
    assert np.corrcoef(drawn[:, 0], noise[:, 0])[0, 1] == pytest.approx(0.0, abs=0.07)


def test_a_row_that_is_reset_begins_anew_and_others_go_on() -> None:
    whole, parted = (Exploring(Still(), LEVERS, deviation=0.2) for _ in range(2))
    expected = played(whole, 2, 5)
    first = played(parted, 2, 3)
    parted.reset(np.array([0]), np.array([0], np.uint64))
    after = np.stack([parted.act(View(2)) for _ in range(2)])  # type: ignore[arg-type]
    np.testing.assert_array_equal(after[:, 0], expected[:2, 0])
    np.testing.assert_array_equal(np.concatenate([first, after])[:, 1], expected[:, 1])


def test_its_state_can_be_kept() -> None:
    first, second = (Exploring(Still(), LEVERS, deviation=0.2) for _ in range(2))
    played(first, 3, 4)
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(first.act(View(3)), second.act(View(3)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "said"),
    [({"deviation": -0.1}, "deviation is -0.1"), ({"deviation": float("nan")}, "deviation is nan"),
     ({"deviation": 0.1, "memory": 1.0}, "memory is 1.0"), ({"deviation": 0.1, "memory": -0.5}, "memory is -0.5")],
)  # fmt: skip
def test_what_is_out_of_range_is_refused(values: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Exploring(Still(), LEVERS, **values)
