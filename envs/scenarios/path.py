"""A price path as a market: the common part of all scenarios that draw their own path.

A :class:`Walk` describes how the price moves. :class:`PathScenario` does the rest: the keys of the noise, the prices on
the tape, and the conditions that are derived from them or drawn beside them. A walk of ten lines makes a scenario::

    class Coin(SimulatedWalk):
        def walk(self, path, keys):
            for row, each in enumerate(keys):
                for i in range(1, path.close.shape[1]):
                    up = uniform(each, ZERO, np.uint64(i), ZERO, PRICE) < 0.5
                    path.close[row, i] = path.close[row, i - 1] + (0.01 if up else -0.01)
            path.high[:, 1:] = np.maximum(path.close[:, 1:], path.close[:, :-1])
            path.low[:, 1:] = np.minimum(path.close[:, 1:], path.close[:, :-1])
            return np.full(keys.size, np.log(3000.0))

    PathScenario("coin", "free", Coin()).draw([1, 2, 3], num_hours=336)  # TAPE[3, 337]

A compiled walk passes a function of one row to :func:`over_rows`, as the walks of this folder do.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from protogov.envs.scenarios.base import DERIVED, Scenario, Seeds, Split, Tapes, as_seeds
from protogov.envs.scenarios.conditions import WARM_UP, Conditions
from protogov.envs.scenarios.path_rows import (
    NEVER,
    Branch,
    Floats,
    Indices,
    Keys,
    Past,
    Path,
    bend_over_rows,
    condition_rows,
    kernel_of,
    keys_of,
    noise_of,
    origin_of,
    over_rows,
    over_rows_with_branch,
    price_rows,
    uniforms,
)

BLOCK = 256  # rows that are simulated at once: what bounds the memory

__all__ = [
    "BLOCK", "Branch", "Floats", "Indices", "Keys", "Past", "Path", "PathScenario", "ResumableWalk",
    "SimulatedWalk", "Walk", "bend_over_rows", "kernel_of", "keys_of", "noise_of", "origin_of", "over_rows",
    "over_rows_with_branch", "uniforms",
]  # fmt: skip


class Walk(ABC):
    """How the price of a market moves, before the opening and after it."""

    derived: tuple[str, ...] = DERIVED  # channels that follow from the price only, see `Scenario.provenance`

    @abstractmethod
    def draw(self, tapes: Tapes, keys: Keys) -> Past:
        """Write the four prices of `tapes` (TAPE[n, hours + 1], a recarray), row by row. Returns their history."""

    def draw_on(self, tapes: Tapes, keys: Keys, branch: Branch) -> Past:
        """The same with other noise after the hour of the branch; up to it, bit for bit what :meth:`draw` writes.

        Raises:
            ValueError: this walk cannot go on with other noise.
        """
        raise ValueError(
            f"{type(self).__name__} cannot be resumed; accepted: a ResumableWalk, such as those of jump, regimes, gbm, "
            "merton and heston."
        )

    def bend(self, tapes: Tapes, marks: Indices, keys: Keys) -> None:  # noqa: B027  (most walks have no more to say)
        """Change the filled conditions where the walk knows more about them than the price; by default nothing."""


class SimulatedWalk(Walk):
    """A walk of the log price, simulated hour by hour from 30 days before the opening: a world opens with a past."""

    least_hours = 0  # hours after the opening that it simulates even if the tape is shorter

    @abstractmethod
    def walk(self, path: Path, keys: Keys) -> Floats:
        """Write the `path` and return the log of the price [USD] at its origin, F64[n].

        Row i depends only on `keys[i]` and is drawn with ``protogov.envs.world.noise``. Hour h uses nothing from later
        hours.
        """

    def draw(self, tapes: Tapes, keys: Keys) -> Past:
        """Simulate a path per key."""
        return self._simulate(tapes, keys, self.walk)

    def _simulate(self, tapes: Tapes, keys: Keys, walk: Callable[[Path, Keys], Floats]) -> Past:
        used = WARM_UP + tapes.shape[1]
        shape = keys.size, max(used, WARM_UP + self.least_hours + 1)
        path = Path(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))
        price_rows(tapes, path, walk(path, keys))
        close, marks = np.ascontiguousarray(path.close[:, :used]), np.ascontiguousarray(path.marks[:, :used])
        return Past(close, path.high[:, :used] - path.low[:, :used], marks, np.zeros(keys.size, np.int64))


class ResumableWalk(SimulatedWalk):
    """A simulated walk that can go on with other noise: :meth:`PathScenario.resume`."""

    @abstractmethod
    def walk(self, path: Path, keys: Keys, branch: Branch | None = None) -> Floats:
        """As that of `SimulatedWalk`; what comes after the hour of a branch is drawn with the branch's keys."""

    def draw_on(self, tapes: Tapes, keys: Keys, branch: Branch) -> Past:
        """Simulate a path for each key, with other noise after the hour of the branch."""
        return self._simulate(tapes, keys, partial(self.walk, branch=branch))


class PathScenario(Scenario):
    """A market whose price is a walk.

    Args:
        name: name of the scenario; part of the noise's key.
        split: "train", "validation", "test" or "free": the only field that decides who may use it.
        walk: how the price moves.
        conditions: parameters of everything else.
        kind: one word for lists.
        about: one line for lists.
    """

    def __init__(
        self,
        name: str,
        split: Split,
        walk: Walk,
        conditions: Conditions | None = None,
        *,
        kind: str = "synthetic",
        about: str = "",
    ) -> None:
        self.name, self.split, self.walk, self.kind, self.about = name, split, walk, kind, about
        self.conditions = conditions or Conditions()
        self.derived = walk.derived

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Draw one path and its conditions per seed."""
        self._run(tapes, seeds)

    def marks(self, seeds: Sequence[int] | Seeds, num_hours: int) -> Indices:
        """The walk's marks of each hour, I64[n, num_hours + 1]: for observers, not for governors.

        Raises:
            ValueError: as :meth:`draw`.
        """
        return np.asarray(self._drawn(seeds, num_hours, self._run)[1])

    def resume(self, seed: int, hour: int, fresh: Sequence[int] | Seeds, num_hours: int) -> Tapes:
        """Futures of one market: its tape up to an hour, then another one for each fresh seed.

        Args:
            seed: of the tape.
            hour: the last one that all of them share, 0 to num_hours - 1.
            fresh: U64[n] seeds of what comes later; `seed` itself goes on as the tape does.
            num_hours: hours after the opening, 1 to 8784.

        Returns:
            TAPE[n, num_hours + 1], fresh; rows 0 to `hour` are those of `draw([seed], num_hours)`, bit for bit, later
            ones are drawn by keys of the row's own, conditions too.

        Raises:
            ValueError: as :meth:`draw`, an hour out of range, or a walk that cannot be resumed.
        """
        if not 0 <= hour < num_hours:
            raise ValueError(f"hour of resume is {hour}; 0 to num_hours - 1 = {num_hours - 1} are accepted.")
        later = keys_of(fresh, self.salt)
        seeds = np.full(later.size, as_seeds([seed])[0], np.uint64)

        def fill(tapes: Tapes, seeds: Seeds) -> Indices:
            return self._run(tapes, seeds, branch=Branch(later, hour))

        return np.asarray(self._drawn(seeds, num_hours, fill)[0].view(np.ndarray))

    def _run(self, tapes: Tapes, seeds: Seeds, bent: bool = True, branch: Branch | None = None) -> Indices:
        self.check_open()  # also if the whole scenario claims another split
        keys, conditions_of = keys_of(seeds, self.salt), self.conditions.as_record()
        later, last = (keys, NEVER) if branch is None else branch
        marks = np.empty(tapes.shape, np.int64)
        for start in range(0, keys.size, BLOCK):
            rows = slice(start, start + BLOCK)
            if branch is None:
                past = self.walk.draw(tapes[rows], keys[rows])
            else:
                past = self.walk.draw_on(tapes[rows], keys[rows], Branch(later[rows], last))
            condition_rows(tapes[rows], past, keys[rows], later[rows], last, conditions_of)
            if bent:
                self.walk.bend(tapes[rows], past.marks, keys[rows])
            marks[rows] = past.marks[:, WARM_UP:]
        return marks
