"""Model organisms: governors whose behaviour towards others is planted, at known strengths, and placebos.

Detectors are tried on them (`protogov study organisms`): whether an organism reacts to a rival, and how much, is known,
because it was written so. They sit in the full two-venue world; `make` gives one for a role.

    trigger-cartel, follower, undercutter, run-amplifier, front-runner, oscillator    four strengths each
    q-learner, myopic                                                 pairs that learned in the logit duopoly
    still, wanderer, weather                                          placebos: they answer nobody

To add one: a class in `behaviours.py` and a row in `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protogov.envs.world.lever_table import Lever
from protogov.experiments.studies.emergence.organisms.behaviours import (
    Behaviour,
    Follower,
    FrontRunner,
    Oscillator,
    RunAmplifier,
    Still,
    TriggerCartel,
    Undercutter,
    Wanderer,
    Weather,
)
from protogov.experiments.studies.emergence.organisms.learners import Learner


@dataclass(frozen=True)
class Family:
    """Organisms of one behaviour.

    Attributes:
        kind: class.
        role: that it sits at.
        watches: role whose move it answers, at the other venue unless `own_venue`.
        strengths: of its members.
        answers: whether it answers that move at all: placebos and the oscillator do not.
        own_venue: whether who is watched sits at the same venue.
        about: in words.
    """

    kind: type[Behaviour]
    role: str
    watches: str
    strengths: tuple[float, ...]
    answers: bool
    about: str
    own_venue: bool = False


GRADES = (0.25, 0.5, 0.75, 1.0)
FAMILIES: dict[str, Family] = {
    "trigger-cartel": Family(
        TriggerCartel, "spread", "spread", GRADES, True, "keeps a wide spread; punishes a rival who undercuts"
    ),
    "follower": Family(Follower, "spread", "spread", (0.1, 0.3, 0.6, 1.0), True, "keeps a share of a rival's spread"),
    "undercutter": Family(Undercutter, "spread", "spread", GRADES, True, "stays below the rival's half-spread"),
    "run-amplifier": Family(
        RunAmplifier, "rate", "rate", GRADES, True, "pays suppliers less as cash grows scarce"
    ),
    "front-runner": Family(
        FrontRunner, "spread", "risk", GRADES, True, "widens before an announced threshold", own_venue=True
    ),
    "oscillator": Family(Oscillator, "spread", "spread", GRADES, False, "swings with a period of eight decisions"),
    "q-learner": Family(Learner, "spread", "spread", (0.95,), True, "a seller who learned beside another to punish"),
    "myopic": Family(Learner, "spread", "spread", (0.0,), True, "the same with a discount of 0"),
    "still": Family(Still, "spread", "spread", (0.0,), False, "keeps the defaults"),
    "wanderer": Family(Wanderer, "spread", "spread", (0.25, 0.5, 1.0), False, "walks at random"),
    "weather": Family(Weather, "spread", "spread", (0.5, 1.0), False, "answers the outside implied vol alone"),
}  # fmt: skip


@dataclass(frozen=True)
class Organism:
    """One organism.

    Attributes:
        name: `<family>` or `<family>-<strength>`.
        family: a key of `FAMILIES`.
        strength: of the behaviour; of learners the discount.
    """

    name: str
    family: str
    strength: float

    @property
    def seat(self) -> str:
        """Where it sits."""
        return f"{FAMILIES[self.family].role}_1"

    @property
    def watched(self) -> str:
        """Whose moves it answers, if it answers any."""
        own = FAMILIES[self.family]
        return f"{own.watches}_{1 if own.own_venue else 0}"

    def make(self, levers: Sequence[Lever], seed: int = 0, lever: str | None = None) -> Behaviour:
        """A governor of a role with these levers.

        Args:
            levers: of the role.
            seed: of its randomness; of learners the number of the session.
            lever: that it moves, where it is another than usual.

        Raises:
            ValueError: the role lacks the lever that it moves.
        """
        return FAMILIES[self.family].kind(levers, seed=seed, strength=self.strength, lever=lever)


def _all() -> dict[str, Organism]:
    found = {}
    for family, own in FAMILIES.items():
        for strength in own.strengths:
            name = family if len(own.strengths) == 1 else f"{family}-{strength:g}"
            found[name] = Organism(name, family, strength)
    return found


ORGANISMS: dict[str, Organism] = _all()
