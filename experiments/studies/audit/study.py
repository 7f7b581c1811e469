"""`protogov study audit`: what governors can do in the present world, measured; nothing passes or fails.

Each measurement has its own folder, and each may be made by its own command. The page over them shows all finished
measurements.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from matplotlib.figure import Figure

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.commands.seats import check_all_held
from protogov.experiments.core.options import Flat, Positional
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions
from protogov.experiments.core.tables import num_rows
from protogov.experiments.core.text import markdown, paragraph, rows_of
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.audit import (
    balance,
    cheaters,
    coupling,
    ensemble,
    optima,
    rivals,
    room,
    tuned,
    worth,
)
from protogov.experiments.studies.audit.plan import Audit, Sizes
from protogov.experiments.studies.audit.suites import SUITES, find_suite

# in the order of the page; each module has QUESTION, say(found), draw(found) and measure(audit): tables, one of its own
# name, and the fact "notes"; the ensemble yields what is known after each member
MEASUREMENTS: dict[str, Any] = {
    "cheaters": cheaters, "tuned": tuned, "optima": optima, "worth": worth, "room": room, "coupling": coupling,
    "rivals": rivals, "ensemble": ensemble, "balance": balance,
}  # fmt: skip
# optima and room reuse the searches of tuned
ALL = ("tuned", "cheaters", "optima", "rivals", "worth", "room", "balance", "coupling")
LONGEST = 40  # maximum rows of a table on the page; longer tables are only in their file
INTRODUCTION = """\
These measurements show what governors can do in this world. Nothing here passes or fails: unwelcome results are printed
like all others, and no parameter is moved to change them. `natural` draws fortnights at their natural frequency,
`stress` the training crises in equal shares, with their historical depth. Searching, picking and scoring use different
tapes. Money is in basis points of K0 per episode. Brackets and bars are 95% intervals over paired tapes unless a figure
says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Measure what governors can do in this world: each measurement gives a table, a figure and sentences.

    cheaters: W of the defaults, and of governors that try to exploit the rules. balance: the size of the terms of the
    mandates. tuned: the gain of constants by CMA-ES, and the option pool's market profit. optima: where W is best along
    each lever. worth: the range of W over each role's levers. room: constants for each market against one set for all.
    coupling, rivals: effects of others' moves, on one venue and on two. ensemble: for what share of the ensemble's
    worlds these results hold, member by member. Each measurement has a folder below --out; several commands may fill
    it, and the page lists what is not measured yet. The same command resumes an interrupted run. optima, room and
    ensemble reuse the searches of tuned.

    Example: protogov study audit coupling rivals --jobs 2 --out results/audit
    """

    names: Annotated[
        tuple[Literal["tuned", "cheaters", "optima", "rivals", "worth", "room", "balance", "coupling", "ensemble",
                      "all"], ...],
        Positional("NAMES"),
    ] = ()  # fmt: skip
    """Measurements; all means all except ensemble."""
    suites: tuple[str, ...] = SUITES
    """Sources of tapes: natural, stress (the training crises), or any scenario that may be trained on."""
    sizes: Annotated[Sizes, Flat] = field(default_factory=Sizes)
    members: tuple[str, ...] = ()
    """Members of the ensemble; all by default."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world; it has one venue, and rivals adds the second."""


def measure(options: Options, how: Running) -> Iterator[Found]:
    """Measure one after another; yields each result, for the ensemble after every member.

    Raises:
        BadInput: nothing to measure, a size that is too small, or a suite that is kept for evaluation.
    """
    names = [name for given in options.names for name in (ALL if given == "all" else (given,))]
    if not names:
        raise BadInput(f"names are missing; accepted are {', '.join(MEASUREMENTS)}, all")
    options.sizes.check()
    config = options.world.make()
    if config.venues != 1:
        raise BadInput(f"world.venues is {config.venues}; 1 is accepted, and rivals adds the second venue")
    check_all_held(config, "audit")
    if not options.suites:
        raise BadInput("suites is empty; at least one scenario is accepted")
    for suite in options.suites:
        find_suite(suite)  # never on scenarios kept for evaluation
    audit = Audit(config, options.suites, options.sizes, options.members, how)
    for name in dict.fromkeys(names):
        found = MEASUREMENTS[name].measure(audit)
        for part in [found] if isinstance(found, Found) else found:
            yield Found(part.tables, {name: {**part.facts, "tables": list(part.tables)}})


def measured(found: Found) -> dict[str, Found]:
    """Results, measurement by measurement in the order of the page."""
    return {name: Found(found.tables, found.facts[name]) for name in MEASUREMENTS if name in found.facts}


def judge(found: Found) -> Judged:
    """All sentences.

    Raises:
        BadInput: tables of another version.
    """
    sentences: list[str] = []
    for name, own in measured(found).items():
        try:
            sentences += [f"{name}: {one}" for one in MEASUREMENTS[name].summarise(own)]
        except KeyError as error:
            raise BadInput(
                f"{name} is of another version: its tables lack {error}; run protogov study audit {name} again"
            ) from None
    return Judged(tuple(sentences))


def draw(found: Found) -> dict[str, Figure]:
    """One figure per measurement."""
    return {name: MEASUREMENTS[name].draw(own) for name, own in measured(found).items()}


def page(found: Found, judged: Judged) -> list[str]:
    """Of one measurement: question, answers, figure, table."""
    lines = ["A measurement of [the audit](../README.md). That page explains what all measurements have in common.", ""]
    for name, own in measured(found).items():
        table = found.tables[name]
        lines += [*_section(name, own, f"{name}.png", skip=1), ""]  # the first answer is the page's headline
        if num_rows(table) <= LONGEST:
            lines += [*markdown(list(table), rows_of(table)), ""]
        lines += [paragraph(f"{note[:1].upper()}{note[1:]}.") + "  " for note in own.facts["notes"]]
        others = [other for other in own.facts["tables"] if other != name or num_rows(table) > LONGEST]
        lines += [f"Also in files: {', '.join(others)}."] if others else []
    return lines


def index(parts: Mapping[str, Found]) -> list[str]:
    """The page over all measurements: question, answers and figure of each, in order; then what is missing."""
    lines = [INTRODUCTION, ""]
    for name in MEASUREMENTS:
        if name in parts:
            own = Found(parts[name].tables, parts[name].facts[name])
            lines += [f"## [{name}]({name}/README.md)", "", *_section(name, own, f"{name}/{name}.png"), ""]
    missing = [name for name in MEASUREMENTS if name not in parts]
    if missing:
        lines += ["## Not measured yet", "", f"{', '.join(missing)}: `protogov study audit NAME` measures each."]
    return lines


def _section(name: str, found: Found, figure: str, skip: int = 0) -> list[str]:
    """Question, answers but for the first `skip`, figure."""
    chosen = MEASUREMENTS[name]
    answers = [f"- {sentence}" for sentence in chosen.summarise(found)[skip:]]
    return [chosen.QUESTION, "", *([*answers, ""] if answers else []), f"![{name}]({figure})"]


STUDY = Study("audit", "What governors can do", Options, measure, judge, draw, page, index=index)
