"""Futures that a planner without sight imagines: continuations of similar moments of other tapes.

Forecasting by analogues (Lorenz 1969). A library holds tapes of the same scenario. The tapes are taken whose state at
this hour is nearest to the present one, in numbers that everybody can see: the return of the last day and week, the
fall from the high, implied vol, depth and outside yield. Their later hours are appended, scaled to the present price,
vol and depth. The library is drawn from keys that nothing else uses, so that it does not contain the true future; the
worlds' keyed noise is replaced too.
"""

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios import get_scenario
from protogov.envs.simulator import Simulator
from protogov.experiments.core.statistics import Floats
from protogov.experiments.studies.learning.planner import Imagine

LIBRARY = 256  # tapes
FIRST_LIBRARY = 2**43  # key of the first; no other tape's key is a small number
PRICES = ("open", "high", "low", "close")
CARRIED = ("implied_vol", "depth")  # scaled to their present level, within the bounds below
LEAST, MOST = 0.25, 4.0  # factor on what is carried
DAY, WEEK = 24, 168


class Imagination:
    """Imagined futures of worlds of one scenario.

    Args:
        scenario: registered name.
        hours: length of an episode.
        library: tapes.
    """

    def __init__(self, scenario: str, hours: int, library: int = LIBRARY) -> None:
        keys = np.arange(FIRST_LIBRARY, FIRST_LIBRARY + library, dtype=np.uint64)
        self._tapes = get_scenario(scenario).draw(keys, hours)

    def __call__(self, world: Simulator) -> Imagine:
        """The function that gives forks of these worlds, all at one hour, a future: number k is of the k-th tape."""
        hour = int(world.worlds["hour"][0])
        known, present = look(self._tapes, hour), look(world.tape, hour)
        scale = np.maximum(known.std(axis=0), 1e-6)
        distance = (((present[:, None, :] - known[None, :, :]) / scale) ** 2).sum(axis=2)
        nearest = np.argsort(distance, axis=1, kind="stable")

        def imagine(fork: Simulator, rows: NDArray[np.int64], number: int) -> None:
            chosen = self._tapes[nearest[rows, number % nearest.shape[1]]]
            for name in fork.tape.dtype.names:
                now, then, later = fork.tape[name][:, hour], chosen[name][:, hour], chosen[name][:, hour + 1 :]
                if name in PRICES:
                    now, then = fork.tape["close"][:, hour], chosen["close"][:, hour]
                if name in (*PRICES, *CARRIED):
                    factor = now / np.maximum(then, 1e-12)
                    later = later * (factor if name in PRICES else np.clip(factor, LEAST, MOST))[:, None]
                fork.tape[name][:, hour + 1 :] = later
            fork.worlds["seed"] ^= np.uint64(number + 1)

        return imagine


def look(tapes: np.ndarray, hour: int) -> Floats:
    """The numbers by which tapes are compared, at the end of an hour, F64[n, 6]; see the head of this file."""
    closes = tapes["close"][:, : hour + 1].astype(np.float64)
    now = closes[:, -1]

    def move(hours: int) -> Floats:
        return np.asarray(np.log(now / closes[:, max(hour - hours, 0)]))

    high = closes[:, max(hour - WEEK, 0) :].max(axis=1)
    levels = [np.log(np.maximum(tapes[name][:, hour].astype(np.float64), 1e-12)) for name in CARRIED]
    return np.stack([move(DAY), move(WEEK), now / high - 1.0, *levels, tapes["outside_yield"][:, hour]], axis=1)
