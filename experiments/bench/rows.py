"""What a figure of merit is, and how it is timed: wall clock and processor time, medians of repeats.

Wall time is what a user waits for; processor time hardly changes when something else uses the machine. Both are shown.
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
        repeats: timings, of which the median is shown.
        decisions: decisions of 6 h in one timing of the simulator; 56 are an episode.
        usual_worlds: environments that the usual way gets; each is a world in Python of its own.
    """

    worlds: int = 512
    repeats: int = 5
    decisions: int = 56
    usual_worlds: int = 512

    @classmethod
    def quick(cls, worlds: int = 512) -> "Plan":
        """Enough to see an accident, not to compare versions."""
        return cls(worlds=worlds, repeats=2, decisions=14, usual_worlds=min(worlds, 64))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of merit.

    Attributes:
        what: what was measured.
        unit: of the values.
        wall: by the wall clock, or the value itself where time is no part of it; None when it could not be measured.
        cpu: the same by processor time; None where that says nothing.
        target: what is asked for; None when the row is there for comparison.
        sense: whether the target is a floor or a ceiling.
        note: how to read it, or why there is no value.
        reference: rounds a second of the reference loop (`reference.py`) in the same minute; of rates alone.
        machine: those rounds over those of the machine that the targets were set on.
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
        """The target on this machine: of a rate, in proportion where the machine is slower than that of the targets."""
        if self.target is None or self.reference is None:
            return self.target
        return self.target * min(self.machine, 1.0)

    @property
    def per_round(self) -> float | None:
        """The rate by processor time over that of the reference loop, which another machine can be compared by."""
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
    """(amount a wall second, amount a processor second): medians over repeats."""
    timings = [timed(work) for _ in range(repeats)]
    return median(amount / t.wall for t in timings), median(amount / max(t.cpu, 1e-9) for t in timings)


def random_actions(world: Simulator, seed: int = 0, sets: int = 8) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Uniform actions for every agent, for ever, from a few sets drawn beforehand so that drawing costs nothing."""
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
