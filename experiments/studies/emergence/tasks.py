"""What is to be measured: where a subject is examined, the parts of that, and their tapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.core.play import EVALUATION_SEEDS, FIRST_SELECTION
from protogov.experiments.studies.emergence.forks import Seeds
from protogov.experiments.studies.emergence.subjects import Subject
from protogov.experiments.studies.emergence.tiers import Tier

# of each training seed its checkpoints: (market hours, governors); and how they are found, from the seeds' numbers
Paths = Mapping[int, Sequence[tuple[float, Subject]]]
CheckpointsOf = Callable[[Sequence[int]], Paths]
STRIDE = 2**20  # between the first tapes of two scenarios
Use = Literal["scoring", "searching", "choosing"]
# first tapes on which something is scored, searched, and chosen from what was found; none of one use is one of another
FIRST: dict[Use, int] = {
    "scoring": EVALUATION_SEEDS, "searching": FIRST_SELECTION, "choosing": FIRST_SELECTION + 2**30,
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """Where governors are examined.

    Attributes:
        world: of all parts.
        calm, stress: scenarios of the two strata of forks; collusion is measured on `calm`, all else on `stress`.
        crisis: scenario whose losses are attributed.
        train_responses: whether networks are trained as best responses, on `stress` for the ladder and on `calm` for
            collusion, which have to be trainable then.
        response_hours: market hours of each.
        controls: whether the self-test's controls are run too.
        response_worlds: side by side while one learns.
        optional: names of measures beside the six, `optional.parts.OPTIONAL`.
        checkpoints: where the subject was while it learned; raises BadInput where too little was kept. None of
            governors that were not trained.
    """

    world: WorldConfig
    calm: str = "calm"
    stress: str = "mix"
    crisis: str = "crisis-2022-06"
    train_responses: bool = False
    response_hours: float = 1e6
    controls: bool = True
    response_worlds: int = 512
    optional: tuple[str, ...] = ()
    checkpoints: CheckpointsOf | None = None


@dataclass(frozen=True)
class Task:
    """One part.

    Attributes:
        part: a key of `extraction.PARTS`.
        subject: who is examined.
        tier: how much.
        scenario: the outside market.
        stratum: number of the scenario, which keeps tapes apart.
        focus: what the part is about: an agent, a role, or several words with `|` between them; see the part.
        extra: numbers that the part needs from an earlier one, or of the setting; see the part.
    """

    part: str
    subject: Subject
    tier: Tier
    scenario: str
    stratum: int = 0
    focus: str = ""
    extra: tuple[float, ...] = ()


def tapes_of(task: Task, count: int, use: Use = "scoring") -> Seeds:
    """Seeds of a task's tapes, U64[count]; see `FIRST`."""
    return np.uint64(FIRST[use] + task.stratum * STRIDE) + np.arange(count, dtype=np.uint64)
