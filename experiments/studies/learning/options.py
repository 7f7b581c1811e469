"""Options of the study, the sizes that follow from them, and how they differ from the registered ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Annotated, Final, Literal

from protogov.envs.ensemble import shipped_ensemble
from protogov.envs.sizes import SIZES
from protogov.experiments.core.options import Once
from protogov.experiments.core.study import StudyOptions, check_sizes
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning.candidates import find_candidates
from protogov.experiments.studies.learning.preregistration import COOPERATIVE, JOINT, PLAN, SELFISH

REGISTER: Final = "preregistration"
OPPONENTS: Final = "opponents"
CONTROLLERS: Final = "controllers"
SCREENING: Final = "screening"
TRAINING: Final = "training"
EVALUATION: Final = "evaluation"
CEILINGS: Final = "ceilings"
CRISES: Final = "crises"
FINAL: Final = "final"
STAGES: Final = (REGISTER, OPPONENTS, CONTROLLERS, SCREENING, TRAINING, EVALUATION, CEILINGS, CRISES)
WORLDS = 512
FEWEST_TAPES = 2


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Whether governors that learn beat honest opponents, stage by stage, as registered in preregistration.md.

    preregistration writes the registration; all other stages need it, and refuse another one. opponents tunes
    constants, a linear rule and selfish constants, unless OUT/opponents holds them. controllers tunes the gains of
    controllers. screening trains every candidate briefly and selects at most two, on validation. training trains these.
    evaluation compares them on natural, stress, validation and long episodes. ceilings measures how much could be
    gained at most. crises leaves out one training crisis at a time. --final needs all of them and opens the sealed
    test, once; nothing is trained after it. Every stage has a folder below --out and continues where it stopped, with
    the next learner, the next four seeds of one, or the next suite, also on another machine: what each has left is a
    file in OUT/kept.

    The pages of a run with other sizes than the registered ones begin with that fact, and claim nothing.

    Example: protogov study learning --stage opponents screening --out results/learning
    """

    stage: tuple[
        Literal[
            "preregistration", "opponents", "controllers", "screening", "training", "evaluation", "ceilings", "crises"
        ],
        ...,
    ] = STAGES
    """Stages, in any order; they run in that of the study."""
    final: Annotated[bool, Once] = False
    """Only open the sealed test, for all governors of the evaluation."""
    size: tuple[str, ...] = PLAN.size
    """Sizes of the world, in their order; candidates are selected on the last one."""
    candidates: tuple[str, ...] = ()
    """Rows of the table of candidates; all by default."""
    forms: tuple[Literal["cooperative", "joint", "selfish"], ...] = (COOPERATIVE, JOINT, SELFISH)
    """Forms in which candidates are trained."""
    hours: float = PLAN.hours
    """Market hours per seed of a training; a screening has a quarter of them."""
    seeds: int = PLAN.seeds
    """Seeds of a training; a screening has a third of them, a training without a crisis a quarter, rounded up."""
    tapes: int = PLAN.tapes["natural"]
    """Tapes of the suite natural; other suites in proportion."""
    states: int = PLAN.states
    """States from which planners and learners play the rest of an episode."""
    members: tuple[str, ...] = ()
    """Members of the ensemble in which results are repeated; all by default."""
    generations: int = PLAN.generations
    """Generations of a search of opponents."""
    worlds: int = WORLDS
    """Worlds simulated at the same time in a training."""

    @property
    def last_size(self) -> str:
        """The size on which candidates are selected."""
        return self.size[-1]

    @property
    def screening_hours(self) -> float:
        """Market hours a seed of a screening."""
        return self.hours * PLAN.screening_hours / PLAN.hours

    def seeds_of(self, purpose: str) -> tuple[int, ...]:
        """Training seeds of a purpose, a key of `Plan.first_seed`."""
        registered = {
            "screening": PLAN.screening_seeds, "training": PLAN.seeds, "crises": PLAN.crisis_seeds,
            "privileged": PLAN.privileged_seeds,
        }[purpose]  # fmt: skip
        count = ceil(self.seeds * registered / PLAN.seeds)
        return tuple(range(PLAN.first_seed[purpose], PLAN.first_seed[purpose] + count))

    def tapes_of(self, suite: str) -> int:
        """Tapes of a scenario of a suite, a key of `Plan.tapes`."""
        return max(self.tapes * PLAN.tapes[suite] // PLAN.tapes["natural"], FEWEST_TAPES)

    @property
    def chosen_members(self) -> tuple[str, ...]:
        """Members of the ensemble."""
        return self.members or shipped_ensemble().names

    def reduced(self) -> list[str]:
        """Differences from the registered sizes, in words; empty for the registered study."""
        registered: Mapping[str, object] = {
            "size": PLAN.size, "candidates": (), "forms": (COOPERATIVE, JOINT, SELFISH), "hours": PLAN.hours,
            "seeds": PLAN.seeds, "tapes": PLAN.tapes["natural"], "states": PLAN.states, "members": (),
            "generations": PLAN.generations, "worlds": WORLDS,
        }  # fmt: skip
        return [
            f"{name} {_words(getattr(self, name))} instead of {_words(wanted)}"
            for name, wanted in registered.items()
            if getattr(self, name) != wanted
        ]

    def check(self) -> Path:
        """The folder of the study.

        Raises:
            BadInput: an option out of range, or no folder.
        """
        if self.out is None:
            raise BadInput("out is missing; what is trained must be kept somewhere: --out FOLDER")
        check_sizes(1, seeds=self.seeds, worlds=self.worlds, size=len(self.size), forms=len(self.forms))
        check_sizes(1, generations=self.generations, states=self.states)
        check_sizes(FEWEST_TAPES, tapes=self.tapes)
        if not 0.0 < self.hours < 1e12:
            raise BadInput(f"hours is {self.hours}; a number between 0 and 1e12 is accepted")
        for name in self.size:
            if name not in SIZES or SIZES[name].venues != 1:
                known = ", ".join(one for one, row in SIZES.items() if row.venues == 1)
                raise BadInput(f"size holds {name!r}; {known} are accepted")
        find_candidates(self.candidates)
        for name in self.members:
            if name not in shipped_ensemble().names:
                raise BadInput(f"members holds {name!r}; {', '.join(shipped_ensemble().names)} are accepted")
        return self.out


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "all"
    return f"{value:g}" if isinstance(value, float) else str(value)
