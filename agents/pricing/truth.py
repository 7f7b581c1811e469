"""What somebody knows who knows the law of the market: the vol at which Black-Scholes gives each option's fair price.

The law of `gbm`, `merton` and `heston` depends on the variance now and the hours left. Its vols are worked out once on
a grid of both and of moneyness in standard deviations, and read between its points: within 0.3 vol points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.prices import implied_vol
from protogov.agents.pricing.quantile_law import Floats
from protogov.agents.pricing.reader import Reading
from protogov.envs.laws import GridLaw, known_law
from protogov.envs.scenarios import PathScenario, Scenario, get_scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.state import HOURS_PER_YEAR

_HOURS = np.geomspace(1.0, 1400.0, 20)
_VARIANCES = 14  # points, from the lowest to the highest of the tapes that are played
_DEVIATIONS = np.linspace(-4.0, 4.0, 33)  # beyond them the vol is flat


class KnownVols:
    """Fair vols of a market whose law is known in closed form; see `TrueVol` of `pool_pricer.py`.

    Args:
        scenario: `gbm`, `merton`, `heston` or another with a walk of theirs: the base of the one that is played.

    Raises:
        ValueError: its law is not known.
    """

    def __init__(self, scenario: str | Scenario) -> None:
        self._marks = _Marks(scenario)
        self._variances = np.zeros(0)

    def vols(self, simulator: Simulator, reading: Reading, moneyness: Floats) -> Floats:
        """Annual vols, F64[n, e, k] at log(strike / spot)."""
        marks, fresh = self._marks.of(simulator)
        if fresh:
            self._make_table(int(marks.min()), int(marks.max()))
        now = marks[np.arange(len(marks)), reading.hour]
        return self.at(now, reading.hours, moneyness)

    def at(self, marks: np.ndarray, hours: Floats, moneyness: Floats) -> Floats:
        """The same of marks I64[n] and hours F64[n, e]; marks must lie within those of the tapes."""
        from scipy.ndimage import map_coordinates

        n, e, k = moneyness.shape
        held = np.maximum(hours, _HOURS[0])
        time = np.interp(np.log(held), np.log(_HOURS), np.arange(len(_HOURS)))
        level = np.interp(marks, self._variances, np.arange(len(self._variances)))
        places = np.stack([time, np.broadcast_to(level[:, None], (n, e))])
        deviation = np.exp(map_coordinates(self._deviations, places, order=1, mode="nearest"))
        wide = np.broadcast_to(deviation[:, :, None], (n, e, k))
        step = _DEVIATIONS[1] - _DEVIATIONS[0]
        across = np.clip((moneyness / wide - _DEVIATIONS[0]) / step, 0.0, len(_DEVIATIONS) - 1.0)
        grid = np.stack([*(np.broadcast_to(place[:, :, None], (n, e, k)) for place in places), across])
        return np.asarray(map_coordinates(self._table, grid, order=1, mode="nearest"))

    def _make_table(self, low: int, high: int) -> None:
        self._variances = np.unique(np.rint(np.linspace(np.sqrt(low), np.sqrt(high), _VARIANCES) ** 2)).astype(np.int64)
        shape = len(_HOURS), len(self._variances)
        hours = np.repeat(_HOURS, shape[1])
        law = known_law(self._marks.scenario, np.tile(self._variances, shape[0]), hours)
        deviations = _deviations_of(law)
        calls = _calls(law, _DEVIATIONS * deviations[:, None])
        vols = implied_vol(calls, _DEVIATIONS * deviations[:, None], (hours / HOURS_PER_YEAR)[:, None])
        self._table = vols.reshape(*shape, len(_DEVIATIONS))
        self._deviations = np.log(deviations).reshape(shape)


class KnownDay:
    """The law of the return of a market whose law is known, from the tape's state now; a `MarketLaw`.

    Args:
        scenario: as of `KnownVols`.

    Raises:
        ValueError: its law is not known.
    """

    def __init__(self, scenario: str | Scenario) -> None:
        self._marks = _Marks(scenario)

    def law(self, simulator: Simulator, hours: float) -> GridLaw:
        """Law of the log return over `hours`, a row a world."""
        now = simulator.worlds.view(np.ndarray)["hour"].astype(np.int64)
        marks = self._marks.of(simulator)[0]
        return known_law(self._marks.scenario, marks[np.arange(len(now)), now], np.full(len(now), hours))


class _Marks:
    """What the law of a market depends on, hour by hour of the tapes of a batch."""

    def __init__(self, scenario: str | Scenario) -> None:
        base = get_scenario(scenario)
        known_law(base, np.array([10**8]), np.array([24.0]))  # refuses what it does not know
        assert isinstance(base, PathScenario)
        self.scenario = base
        self._keys = np.zeros(0, np.uint64)
        self._marks = np.zeros((0, 0), np.int64)

    def of(self, simulator: Simulator) -> tuple[NDArray[np.int64], bool]:
        """(marks I64[n, hours + 1], whether they are of other tapes than those of the last call)."""
        keys = simulator.worlds.view(np.ndarray)["seed"].astype(np.uint64)
        fresh = not np.array_equal(keys, self._keys)
        if fresh:
            self._keys, self._marks = keys, self.scenario.marks(keys, simulator.config.episode_hours)
        return self._marks, fresh


def _grid(law: GridLaw) -> Floats:
    return np.asarray(law.low[:, None] + np.arange(law.cdf_at.shape[1]) * law.step[:, None])


def _deviations_of(law: GridLaw) -> Floats:
    grid, mass = _grid(law), np.diff(law.cdf_at, axis=1)
    middle = 0.5 * (grid[:, 1:] + grid[:, :-1])
    mean = (mass * middle).sum(axis=1)
    return np.asarray(np.sqrt((mass * (middle - mean[:, None]) ** 2).sum(axis=1)))


def _calls(law: GridLaw, moneyness: Floats) -> Floats:
    """Calls over the forward at log(strike / forward), F64[m, k]: the integral of exp(y) (1 - F(y)) from there on."""
    grid, growth = _grid(law), law.mean_growth()
    above = np.exp(grid) * (1.0 - law.cdf_at)
    pieces = 0.5 * (above[:, 1:] + above[:, :-1]) * law.step[:, None]
    rest = np.concatenate([np.cumsum(pieces[:, ::-1], axis=1)[:, ::-1], np.zeros((len(grid), 1))], axis=1)
    shifted = moneyness + np.log(growth)[:, None]
    found = [np.interp(x, own, value) for x, own, value in zip(shifted, grid, rest, strict=True)]
    return np.asarray(np.array(found) / growth[:, None])
