"""`protogov study audit`: what the game shows, measured in the world as it is; nothing passes or fails.

Each measurement has a folder of its own and may be made by a command of its own; the page over them shows all that
there are by now.
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
# searches of tuned are taken up by optima and room
ALL = ("tuned", "cheaters", "optima", "rivals", "worth", "room", "balance", "coupling")
LONGEST = 40  # rows of a table on the page; longer ones are in their file
INTRODUCTION = """\
What governors can do in this world, measured. Nothing here passes or fails: a result that is not as hoped is printed
like any other, and no parameter is moved for it. `natural` draws fortnights as they come, `stress` the training crises
in equal shares, as deep as they were. Whatever is searched or picked is searched and picked on other tapes than it is
scored on. Money in basis points of K0 an episode; brackets and bars are 95% intervals over paired tapes unless a figure
says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Measure what governors can do in this world: a table, a figure and a sentence each.

    cheaters: W of the defaults, and what governors that look for a mistake in the rules do to it. balance: how large
    the terms of the mandates are. tuned: what constants by CMA-ES gain, beside the option pool's market profit. optima:
    where W is best along each lever. worth: how far W ranges over each role's levers. room: constants for each market
    against one set for all. coupling, rivals: what others' moves do, on one venue and on two. ensemble: in what share
    of the ensemble's worlds these hold, member by member. Each is a folder below --out, which several commands may
    fill; what was not measured yet is named on its page. A run that was cut off goes on with the same command; the
    searches of tuned are taken up by optima, room and ensemble.

    Example: protogov study audit coupling rivals --jobs 2 --out results/audit
    """

    names: Annotated[
        tuple[Literal["tuned", "cheaters", "optima", "rivals", "worth", "room", "balance", "coupling", "ensemble",
                      "all"], ...],
        Positional("NAMES"),
    ] = ()  # fmt: skip
    """Which; all is all but ensemble."""
    suites: tuple[str, ...] = SUITES
    """What is drawn from: natural, stress (the training crises), or any scenario that may be trained on."""
    sizes: Annotated[Sizes, Flat] = field(default_factory=Sizes)
    members: tuple[str, ...] = ()
    """Of the ensemble; all by default."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world; it has one venue, rivals adds the second."""


def measure(options: Options, how: Running) -> Iterator[Found]:
    """Measure one after the other; yields each, the ensemble after every member.

    Raises:
        BadInput: nothing to measure, a size that is too small, or a suite that is kept for evaluation.
    """
    names = [name for given in options.names for name in (ALL if given == "all" else (given,))]
    if not names:
        raise BadInput(f"names are not given; accepted are {', '.join(MEASUREMENTS)}, all")
    options.sizes.check()
    config = options.world.make()
    if config.venues != 1:
        raise BadInput(f"world.venues is {config.venues}; 1 is accepted, rivals adds the second venue")
    check_all_held(config, "audit")
    if not options.suites:
        raise BadInput("suites is empty; at least one scenario is accepted")
    for suite in options.suites:
        find_suite(suite)  # never on what is kept for evaluation
    audit = Audit(config, options.suites, options.sizes, options.members, how)
    for name in dict.fromkeys(names):
        found = MEASUREMENTS[name].measure(audit)
        for part in [found] if isinstance(found, Found) else found:
            yield Found(part.tables, {name: {**part.facts, "tables": list(part.tables)}})


def measured(found: Found) -> dict[str, Found]:
    """What was found, measurement by measurement in the order of the page."""
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
    """A figure a measurement."""
    return {name: MEASUREMENTS[name].draw(own) for name, own in measured(found).items()}


def page(found: Found, judged: Judged) -> list[str]:
    """Of one measurement: question, answers, figure, table."""
    lines = ["A measurement of [the audit](../README.md), which says what all have in common.", ""]
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
    """Over all measurements: what each asks, says and draws, in order; then what is missing."""
    lines = [INTRODUCTION, ""]
    for name in MEASUREMENTS:
        if name in parts:
            own = Found(parts[name].tables, parts[name].facts[name])
            lines += [f"## [{name}]({name}/README.md)", "", *_section(name, own, f"{name}/{name}.png"), ""]
    missing = [name for name in MEASUREMENTS if name not in parts]
    if missing:
        lines += ["## Not measured yet", "", f"{', '.join(missing)}: `protogov study audit NAME` makes each."]
    return lines


def _section(name: str, found: Found, figure: str, skip: int = 0) -> list[str]:
    """Question, answers but for the first `skip`, figure."""
    chosen = MEASUREMENTS[name]
    answers = [f"- {sentence}" for sentence in chosen.summarise(found)[skip:]]
    return [chosen.QUESTION, "", *([*answers, ""] if answers else []), f"![{name}]({figure})"]


STUDY = Study("audit", "What the game shows", Options, measure, judge, draw, page, index=index)
