"""The pre-registration: what will be tested, on what, with how much, and what would count, before anything is trained.

Numbers and text are one object. `render` makes the page of it, and its digest stands in every folder that the study
writes: results that were made under another plan are not scored. Whoever changes the plan starts over.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from protogov.experiments.core.text import markdown, paragraph

NATURAL, STRESS, VALIDATION, LONG, LONG_STRESS = "natural", "mix", "validation", "natural-12w", "mix-12w"
CONSTANTS, LINEAR_RULE, SELFISH_CONSTANTS = "tuned constants", "linear rule", "selfish constants"
COOPERATIVE: Final = "cooperative"
JOINT: Final = "joint"
SELFISH: Final = "selfish"


@dataclass(frozen=True)
class Hypothesis:
    """A claim that is tested.

    Attributes:
        name: "H1", "H2" or "H3".
        claim: in words.
        learned: forms of learners, each of which is tested.
        against: who each is compared with: an opponent, or another form of the same learner.
        directed: a claim that the learner is better; otherwise either sign is of interest.
    """

    name: str
    claim: str
    learned: tuple[str, ...]
    against: tuple[str, ...]
    directed: bool = True


HYPOTHESES = (
    Hypothesis(
        "H1",
        "Governors that learn for welfare, three that share the reward (c = 1) or one controller of all levers, reach "
        "a higher W than the best tuned constants and than the linear rule found by CMA-ES.",
        (COOPERATIVE, JOINT), (CONSTANTS, LINEAR_RULE),
    ),
    Hypothesis(
        "H2",
        "Governors that each learn for their own mandate (c = 0) reach a higher W than constants which each role "
        "tuned for its own mandate, in rounds of best responses.",
        (SELFISH,), (SELFISH_CONSTANTS,),
    ),
    Hypothesis(
        "H3", "W differs between governors that learn for their own mandates (c = 0) and for welfare (c = 1).",
        (SELFISH,), (COOPERATIVE,), directed=False,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """Sizes of the study as registered.

    Attributes:
        smallest_effect: of interest, and the margin of equivalence [bp of K0 a fortnight].
        k0: opening deposits, LP value and treasury of the default world [USD].
        level: of all tests together.
        room: share of the room between the best constants and a ceiling that is aimed at.
        size: of the world, first to last; the decision is on the last.
        screening_hours, screening_seeds: of each candidate on each size.
        finalists: candidates that are screened on the sizes after the first, the best of the first.
        hours, seeds: of the candidates that go on.
        crisis_seeds: of each training without one crisis.
        privileged_seeds: of learners that see everything.
        first_seed: purpose -> the first training seed; no two purposes share one.
        tapes: suite -> tapes of each of its scenarios.
        first_tape: purpose -> number of its first tape; none is one of training, tuning or screening.
        long_weeks: length of the long episodes.
        states: where planners and learners go on from, and `branches`, futures that a planner without sight imagines.
        generations: of a search of constants; two searches a market, 12 candidates and 32 fresh tapes each.
        rounds: of best responses of the selfish constants.
    """

    smallest_effect: float = 1.0
    k0: float = 1.111e8
    level: float = 0.05
    room: float = 2.0 / 3.0
    size: tuple[str, ...] = ("core", "full")
    screening_hours: float = 2.5e6
    screening_seeds: int = 4
    finalists: int = 8
    hours: float = 1e7
    seeds: int = 12
    crisis_seeds: int = 3
    privileged_seeds: int = 3
    first_seed: Mapping[str, int] = field(
        default_factory=lambda: {"screening": 1, "training": 100, "crises": 200, "privileged": 220}
    )
    tapes: Mapping[str, int] = field(
        default_factory=lambda: {NATURAL: 1024, STRESS: 1024, VALIDATION: 256, LONG: 256, LONG_STRESS: 256,
                                 "screening": 128, "member": 64, "crisis": 256}
    )  # fmt: skip
    first_tape: Mapping[str, int] = field(
        default_factory=lambda: {"screening": 2**17, "evaluation": 2**18, "picking": 2**19, "states": 3 * 2**18}
    )
    long_weeks: int = 12
    states: int = 200
    branches: int = 8
    generations: int = 48
    rounds: int = 4

    @property
    def smallest_dollars(self) -> float:
        """The smallest effect of interest [USD a fortnight]."""
        return self.smallest_effect * 1e-4 * self.k0


PLAN = Plan()

SELECTION = f"""Candidates learn on the mix, as cooperative governors, and only validation decides. A candidate's
score is its mean gain in W over the best tuned constants of the same size and training market, over seeds, scenarios
of the split validation and tapes. All candidates are screened on the first size; those with the {PLAN.finalists}
highest scores there, and the references, are screened on the next. The score at the last size counts. A candidate's
feedback is the mean of what it gains above both of its controls: constants at its own mean levers, and its own
actions of another tape (yoked). A candidate with a seed that broke off does not go on, nor does one that is marked as
a reference. Of those with feedback above zero (of all, if none has any) the highest score goes on, in every form. A
second one goes on, as cooperative governors alone, if its score is at most the smallest effect of interest behind.
Equal scores go by the order of the table. A network that learns by evolution has the same forms as one that learns by
gradient: as selfish governors, each climbs its own reward."""

ANALYSIS = (
    """The unit is a pair: the same tape under two governors, and for two learners the same training seed. Tapes and
training seeds are two crossed samples. A test generalises to both: the variance of the mean difference is the sum of
its variances over tapes (learners averaged over seeds) and over seeds (averaged over tapes), with Student's t by
Satterthwaite's degrees of freedom, one-sided for a directed claim. Intervals over each sample alone stand beside
it.""",
    """The confirmatory family: H1 to H3 for the first candidate, trained on natural and measured on natural, and
trained on the mix and measured on stress. Holm's step-down over the whole family at 5%. Everything else, the second
candidate among it, is described with intervals and not tested.""",
    """A tie is claimed only by equivalence: two one-sided tests (TOST) at 5% that the difference lies within the
smallest effect of interest. No difference and no equivalence is called undecided, with the smallest effect that the
test detects in four of five cases at its level in the family.""",
    """Beside each test: what is left above own means and yoked, which alone is called adaptation; the difference over
the box of weights lambda 1-5 x kappa 0-1 (dominance: the interval keeps its sign at every point); the share of the
ensemble's members in which the mean difference keeps its sign, and in which its interval excludes zero; expected
shortfall of W at 5%; who bears it, by groups of people; every training seed.""",
    """Room: (W of the learner - W of the best constants) / (W of a ceiling - W of the best constants) on the same
tapes or states, with a percentile interval that resamples them. Ceilings: constants by market in hindsight, by regime
(a crash or none), by tape (the best of all sets on each tape); a planner on forks with sight of the tape, and one
that imagines futures by analogy, both from the same states; the same learner with the features that only the
simulator knows. A ratio is given only if the room is clear of zero.""",
    """What is seen of the crises is conditional on those few: every scenario has its row. In the rounds without one
training crisis, constants are tuned without it too.""",
    """Accepted when measured as stated, whatever the answer. Aim: the learner is better than the best tuned
constants, every controller and the linear rule in W on natural and on the test, intervals clear of zero; two thirds
of the room are captured; expected shortfall is no worse.""",
    """The sealed test is opened once, by --final, after everything else, for the candidates and opponents of the
stage of evaluation. Nothing is trained or tuned after it.""",
)


def render() -> str:
    """The page."""
    seeds = [
        ["screening", f"{PLAN.first_seed['screening']} on", str(PLAN.screening_seeds), _millions(PLAN.screening_hours)],
        ["training", f"{PLAN.first_seed['training']} on", str(PLAN.seeds), _millions(PLAN.hours)],
        ["without one crisis", f"{PLAN.first_seed['crises']} on", str(PLAN.crisis_seeds), _millions(PLAN.hours)],
        ["privileged", f"{PLAN.first_seed['privileged']} on", str(PLAN.privileged_seeds), _millions(PLAN.hours)],
    ]
    tapes = [[name, str(count)] for name, count in PLAN.tapes.items()]
    numbers = [
        ["smallest effect of interest",
         f"{PLAN.smallest_effect:g} bp of K0 a fortnight, ${PLAN.smallest_dollars:,.0f}"],
        ["K0 of the default world", f"${PLAN.k0:,.0f}"],
        ["level of the family", f"{PLAN.level:g}"],
        ["share of the room aimed at", f"{PLAN.room:.3f}"],
        ["sizes", ", then ".join(PLAN.size)],
        ["candidates screened on the later size", f"the best {PLAN.finalists} of the first, and the references"],
        ["long episodes", f"{PLAN.long_weeks} weeks"],
        ["states of planners", f"{PLAN.states}, {PLAN.branches} imagined futures each without sight"],
        ["searches of opponents", f"two a market, {PLAN.generations} generations of 12 candidates on 32 fresh tapes"],
        ["rounds of best responses", str(PLAN.rounds)],
        ["first tapes", ", ".join(f"{name} {first:,}" for name, first in PLAN.first_tape.items())],
    ]  # fmt: skip
    claims = [[one.name, one.claim, ", ".join(one.learned), ", ".join(one.against),
               "better" if one.directed else "either sign"] for one in HYPOTHESES]  # fmt: skip
    analysis = [f"{number}. {' '.join(text.split())}" for number, text in enumerate(ANALYSIS, start=1)]
    lines = [
        "# Pre-registration of the study of learning", "",
        paragraph("Written before anything was trained. `protogov study learning` reads the same numbers, keeps a "
                  "digest of this page in everything that it writes, and refuses to score what was made under another "
                  "one."),
        "", "## Hypotheses", "", *markdown(["", "claim", "learners", "against", "direction"], claims), "",
        "## Numbers", "", *markdown(["", "registered"], numbers), "",
        *markdown(["training seeds", "seeds", "how many", "market hours a seed"], seeds), "",
        paragraph("Candidates are screened on `mix`, the stress mix; those that go on train on `natural` and on `mix`, "
                  "in 512 worlds, twin on. Opponents are tuned on the market that the learner trained on."), "",
        *markdown(["suite", "tapes of each scenario"], tapes), "",
        "## Which candidates go on", "", paragraph(SELECTION), "",
        "## Analysis", "", *analysis, "",
    ]  # fmt: skip
    return "\n".join(lines)


def digest() -> str:
    """SHA-256 of the page."""
    return hashlib.sha256(render().encode()).hexdigest()


def _millions(hours: float) -> str:
    return f"{hours / 1e6:g}M"
