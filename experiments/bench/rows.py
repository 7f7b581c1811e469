"""A figure of merit and its timing: wall clock and processor time, medians of repeats.

A user waits for wall time; processor time hardly changes when something else uses the machine. Both are shown.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from protogov.envs.simulator import Simulator


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much to measure.

    Attributes:
        worlds: worlds in a batch.
        repeats: timings; the median is shown.
        decisions: decisions of 6 h in one timing of the simulator; 56 are an episode.
        usual_worlds: environments of the usual way; each is its own world in Python.
    """

    worlds: int = 512
    repeats: int = 5
    decisions: int = 56
    usual_worlds: int = 512

    @classmethod
    def quick(cls, worlds: int = 512) -> "Plan":
        """A plan that shows large errors but cannot compare versions."""
        return cls(worlds=worlds, repeats=2, decisions=14, usual_worlds=min(worlds, 64))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of merit.

    Attributes:
        what: the measured quantity.
        unit: of the values.
        wall: by wall clock, or the value itself if it does not depend on time; None if it could not be measured.
        cpu: the same by processor time; None if that has no meaning.
        target: target; None if the row is only for comparison.
        sense: whether the target is a minimum or a maximum.
        note: explanation, or why there is no value.
        reference: rounds per second of the reference loop (`reference.py`) in the same minute; only for rates.
        machine: those rounds divided by those of the machine on which the targets were set.
    """

    what: str
    unit: str
    wall: float | None
    cpu: float | None = None
    target: float | None = None
    sense: Literal["at least", "at most"] = "at least"
    note: str = ""
    reference: float | None = None
    machine: float = 1.0

    @property
    def asked(self) -> float | None:
        """The target on this machine; a slower machine reduces the target of a rate in proportion."""
        if self.target is None or self.reference is None:
            return self.target
        return self.target * min(self.machine, 1.0)

    @property
    def per_round(self) -> float | None:
        """The rate by processor time divided by that of the reference loop, comparable across machines."""
        return None if self.reference is None or self.cpu is None else self.cpu / self.reference

    def meets(self, value: float | None) -> bool:
        """Whether a value reaches the target on this machine."""
        if value is None or self.asked is None:
            return False
        return value >= self.asked if self.sense == "at least" else value <= self.asked

    @property
    def verdict(self) -> str:
        """'met', 'met in processor time', 'missed', '-' without a target, 'not measured' without a value."""
        if self.wall is None:
            return "not measured"
        if self.target is None:
            return "-"
        if self.meets(self.wall):
            return "met"
        return "met in processor time" if self.meets(self.cpu) else "missed"


@dataclass(frozen=True)
class Timing:
    """Seconds of one piece of work."""

    wall: float
    cpu: float


def timed(work: Callable[[], object]) -> Timing:
    """Run `work` once; processor time is that of all threads of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def rates(work: Callable[[], object], amount: float, repeats: int) -> tuple[float, float]:
    """(amount per wall second, amount per processor second): medians over repeats."""
    timings = [timed(work) for _ in range(repeats)]
    return median(amount / t.wall for t in timings), median(amount / max(t.cpu, 1e-9) for t in timings)


def random_actions(world: Simulator, seed: int = 0, sets: int = 8) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Endless uniform actions for every agent, from a few sets drawn beforehand: drawing costs no time."""
    random = np.random.default_rng(seed)
    drawn = [
        {
            agent: random.uniform(-1.0, 1.0, (world.num_worlds, world.action_size(agent))).astype(np.float32)
            for agent in world.agents
        }
        for _ in range(sets)
    ]
    while True:
        yield from drawn
