"""A benchmark of detectors of interaction: how often each finds the behaviour that was planted in governors.

Every organism (`emergence.organisms`) sits at a seat of the second venue beside a governor that wanders at random.
Whether it answers that governor, and how strongly, is known. Each detector is scored by its rate of detection against
strength, and by its alarms where nothing is planted for it. Fork measures give one verdict a replicate, on tapes of its
own; detectors of records one an episode. Cross-play and collusion are looked for in pairs of an organism: collusion in
a calm market whose venues are paid their profit, by base rates, because only these have a joint optimum of constants
clearly above their equilibrium.

A look at a world whose books do not balance would fail again in every rerun: it counts as withheld, with the reason.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import Interval, share_of
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, concatenate, groups, rounded, select, write_table
from protogov.experiments.core.text import listed, markdown, paragraph
from protogov.experiments.core.user_code import digest_of, load_callable, place_of
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, headline, new_figure
from protogov.experiments.outputs import OutputFile
from protogov.experiments.studies.coexistence.spared import CPU, FAILED, books_checked, spared
from protogov.experiments.studies.emergence.anchors import Company, constant_game
from protogov.experiments.studies.emergence.collusion import Anchors
from protogov.experiments.studies.emergence.organisms import FAMILIES, ORGANISMS, Organism
from protogov.experiments.studies.emergence.organisms.detectors import RECORD_DETECTORS, Record, alarms_of
from protogov.experiments.studies.emergence.organisms.looks import BY_FORKS, CARTEL, Look, colluding, record_of
from protogov.experiments.studies.emergence.organisms.power import OTHERS, TRUTHS, counted, failed_checks
from protogov.experiments.studies.emergence.subjects import baselines_of

KNOWN = (*BY_FORKS, *RECORD_DETECTORS)
COLOURS = dict(zip(KNOWN, (BLUE, GREEN, ORANGE, "saddlebrown", PURPLE, VERMILLION, GREY, SKY), strict=True))
MARKERS = "os^pDvPX"


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Score detectors of interaction on governors whose behaviour is planted.

    Your own detector is one function of records, see `emergence/organisms/detectors.py`.

    Example: protogov study organisms --replicates 20 --out results/organisms
    """

    organisms: tuple[str, ...] = ()
    """Some of the organisms, or of their families; all by default."""
    detectors: tuple[str, ...] = KNOWN
    """Names of detectors, or FILE.py:NAME of a function of records."""
    replicates: int = 10
    """Times that each organism is examined, on other tapes."""
    tapes: int = 10
    """Worlds of each time: the units of a fork measure."""
    scenario: str = "mix"
    """The outside market."""
    crisis: str = "crisis-2022-06"
    """That of attribution."""
    calm: str = "calm"
    """That of collusion."""
    grid: int = 9
    """Constants a venue, of which the anchors of collusion are made."""
    world: WorldOptions = field(default_factory=lambda: WorldOptions(size="rivals", autonomy=6.0))
    """The world, of two venues. At an autonomy of 6, the default here, a change of the threshold is announced 12 hours
    before, which a front-runner needs; for collusion it is 72."""
    store: OutputFile | None = None
    """Write the rates of fork measures to this file too, from which reports of emergence quote their power. Give --out
    too: only there finished pieces are kept, so that a kill loses none."""


@dataclass(frozen=True)
class Job:
    """One replicate of an organism, and the detectors; `digests` are of the files that detectors are in."""

    organism: str
    look: Look
    detectors: tuple[str, ...]
    digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnchorJob:
    """The game of constants of the base rate."""

    scenario: str
    grid: int
    tapes: int


def examine(config: WorldConfig, job: Job) -> Table:
    """One row a detector: alarms of so many looks.

    A look at which nothing can be said is none: it is `withheld`, and `why` says the reason if it failed. `failed` are
    the checks of the battery that do not hold, joined by commas.
    """
    organism, rows = ORGANISMS[job.organism], []
    records: list[Record] = []  # made once, if a detector asks
    for name in job.detectors:
        alarms, looks, failed, why = 0, 0, "", ""
        try:
            with books_checked():
                alarms, looks, failed = _looked(config, job.look, organism, name, records)
        except CheckFailed as error:
            why = str(error)
        rows.append(
            {"organism": job.organism, "family": organism.family, "strength": organism.strength,
             "answers": FAMILIES[organism.family].answers, "replicate": job.look.replicate, "detector": name,
             "alarms": alarms, "looks": looks, "withheld": int(looks == 0), "failed": failed, "why": why}
        )  # fmt: skip
    return columns(rows)


def _looked(
    config: WorldConfig, look: Look, organism: Organism, name: str, records: list[Record]
) -> tuple[int, int, str]:
    """Alarms of a detector, its looks, and the checks that do not hold."""
    if name in BY_FORKS:
        seen = BY_FORKS[name](config, look, organism)
        return int(bool(seen.alarm)), int(seen.alarm is not None), ", ".join(seen.failed)
    if not records:
        records.append(record_of(config, look, organism))
    detector = RECORD_DETECTORS.get(name) or load_callable(name, "detectors")
    found = alarms_of(detector, records[0], name)
    return int(found.sum()), found.size, ""


@spared
def find_anchors(config: WorldConfig, job: AnchorJob) -> Table:
    """Anchors of the base rate, a row: beside the defaults and in the decisions that a look is at, on tapes of none."""
    pair = (f"{CARTEL}_0", f"{CARTEL}_1")

    def others() -> dict[str, Governor]:
        return {seat: own for seat, own in baselines_of(config).items() if seat not in pair}

    look = Look(0, job.tapes, job.scenario, job.scenario)
    time, steps = look.moment(config.horizon)
    company = Company(look.seeds("searching"), others)
    solved = constant_game(config, job.scenario, CARTEL, job.grid, [company], [time], steps).solved()
    size, down = solved.push()
    return columns([{**asdict(solved.anchors), "size": size, "down": down}])


def measure(options: Options, how: Running) -> Found:
    """Examine every organism by every detector.

    Raises:
        BadInput: a name is unknown, a size too small, or a world without two venues.
    """
    check_sizes(1, replicates=options.replicates)
    check_sizes(2, tapes=options.tapes)
    check_sizes(4, grid=options.grid)
    names = _named(options.organisms)
    for name in options.detectors:
        if name not in KNOWN:
            load_callable(name, "detectors")
    config = options.world.make()
    if config.venues != 2:
        raise BadInput(f"the world has {config.venues} venue; organisms watch a rival, so 2 are needed")
    look, failed = Look(0, options.tapes, options.scenario, options.crisis, options.calm), ""
    if "collusion" in options.detectors:
        game = AnchorJob(options.calm, options.grid, options.tapes)
        (table,) = run_pieces(find_anchors, colluding(config), [Piece("anchors", game)], how, "anchors")
        failed = str(table[FAILED][0]) if FAILED in table else ""
        if not failed:
            own = {name: column[0].item() for name, column in table.items() if name != CPU}
            push = (own.pop("size"), own.pop("down"))
            look = replace(look, anchors=Anchors(**own), push=push)
    files = [Path(place_of(name)[0]) for name in options.detectors]
    digests = tuple(digest_of(file) for file in files if file.is_file())
    jobs = [
        Job(name, replace(look, replicate=number), options.detectors, digests)
        for name in names for number in range(options.replicates)
    ]  # fmt: skip
    pieces = [Piece(f"{job.organism}_{job.look.replicate}", job) for job in jobs]
    found = concatenate(run_pieces(examine, config, pieces, how, "organisms"))
    rates = rounded(rates_of(found), 4)
    if options.store is not None:
        print(write_table(options.store, kept_rates(rates, options.tapes)))
    facts = {
        "replicates": options.replicates, "tapes": options.tapes, "scenario": options.scenario,
        "crisis": options.crisis, "calm": options.calm, "reduced": reduced(options),
        "anchors": asdict(look.anchors) if look.anchors else None,
        "refusal": look.anchors.refusal() if look.anchors else failed, "failed": _failures(found),
        "detectors": list(options.detectors),
    }  # fmt: skip
    return Found({"organisms": rates}, facts)


def _failures(found: Table) -> list[str]:
    """Of every detector whose looks failed: how many, and why the first."""
    said = []
    for key, own in groups(select(found, found["why"] != ""), ["detector"]):
        where = f"{own['organism'][0]}, replicate {own['replicate'][0]}"
        said.append(f"{key['detector']}: {len(own['why'])} looks failed; the first, at {where}: {own['why'][0]}")
    return said


def kept_rates(rates: Table, tapes: int) -> Table:
    """Rows of measures by forks alone, with the tapes of a look: what `emergence.organisms.power` reads."""
    table = select(rates, np.isin(rates["detector"], list(BY_FORKS)))
    names = ("organism", "family", "strength", "detector", "rate", "looks", "withheld", "failed")
    return {name: table[name] for name in names} | {"tapes": np.full(len(table["rate"]), tapes)}


def reduced(options: Options) -> list[str]:
    """What is smaller than by default, in words."""
    whole = Options()
    sizes = [f"{getattr(options, name)} {name} instead of {getattr(whole, name)}" for name in
             ("replicates", "tapes", "grid") if getattr(options, name) < getattr(whole, name)]  # fmt: skip
    left = [name for name in KNOWN if name not in options.detectors]
    return [*sizes, *([f"without {listed(left)}"] if left else []), *(["some organisms"] if options.organisms else [])]


def _named(given: tuple[str, ...]) -> list[str]:
    known = [*ORGANISMS, *FAMILIES]
    for name in given:
        if name not in known:
            raise BadInput(f"organisms holds {name!r}; {', '.join(known)} are accepted")
    return [name for name, own in ORGANISMS.items() if not given or name in given or own.family in given]


def rates_of(found: Table) -> Table:
    """Alarms of each detector on each organism, over all replicates, with their exact interval; NaN without a look.

    `failed` are the checks that do not hold, each with the number of looks.
    """
    rows = []
    for key, own in groups(found, ["organism", "family", "strength", "answers", "detector"]):
        alarms, looks, withheld = (int(own[name].sum()) for name in ("alarms", "looks", "withheld"))
        share = share_of(alarms, looks) if looks else Interval(np.nan, np.nan, np.nan)
        ends = {"rate_low": share.low, "rate_high": share.high}
        failed = Counter(name for one in own["failed"].tolist() for name in one.split(", ") if name)
        words = ", ".join(f"{name} {count}" for name, count in failed.items())
        rows.append({**key, "rate": share.mean, **ends, "looks": looks, "withheld": withheld, "failed": words})
    return columns(rows)


def judge(found: Found) -> Judged:
    """Detections of what is planted, and false alarms, detector by detector."""
    table, sentences = found.tables["organisms"], []
    for name in dict.fromkeys(table["detector"].tolist()):
        truth = TRUTHS.get(name, OTHERS)
        every = counted(table, name, tuple(FAMILIES))
        if every.withheld:
            sentences.append(f"{name}: withheld in {every.withheld} looks, which count neither as alarms nor as none.")
        if not every.looks:
            continue
        if not truth.planted:
            sentences.append(f"{name}: alarms in {every.words()} looks; nothing of a known size is planted for it.")
            continue
        hits, alarms = counted(table, name, truth.planted), counted(table, name, truth.nothing)
        sentences.append(
            f"{name}: finds {truth.what} in {hits.words()} looks at governors that have it; false alarms in "
            f"{alarms.words()} looks at governors that have nothing of the kind."
            + f" But {truth.caveat}."
            * bool(truth.caveat)
        )
    if found.facts["refusal"]:
        sentences.append(f"The battery is withheld here: {found.facts['refusal']}.")
    sentences += [f"{one}." for one in found.facts["failed"]]
    if found.facts["reduced"]:
        sentences.append(f"Reduced: {listed(found.facts['reduced'])}.")
    return Judged(tuple(sentences))


def draw(found: Found) -> Mapping[str, Figure]:
    """A panel a family: rate of each detector against strength."""
    table = found.tables["organisms"]
    families = list(dict.fromkeys(table["family"].tolist()))
    across = min(4, len(families))
    down = -(-len(families) // across)
    figure = new_figure(2.3 * across + 0.4, 1.9 * down + 1.0)
    panels = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    detectors = list(dict.fromkeys(table["detector"].tolist()))
    for axes, family in zip(panels, families, strict=False):
        for place, name in enumerate(detectors):
            own = (table["family"] == family) & (table["detector"] == name)
            look = {"color": COLOURS.get(name, "black"), "label": name.rpartition(":")[2], "markersize": 3.5}
            shift = 0.02 * (place - (len(detectors) - 1) / 2)  # so that equal rates do not hide each other
            axes.plot(table["strength"][own] + shift, table["rate"][own], marker=MARKERS[place % len(MARKERS)], **look)
        answers = bool(table["answers"][table["family"] == family][0])
        axes.set_title(family if answers else f"{family} (answers nobody)", fontsize=8)
        axes.set_xlim(-0.12, 1.12)
        axes.set_ylim(-0.05, 1.05)
    for axes in panels[len(families) :]:
        axes.set_axis_off()
    for axes in panels[(down - 1) * across :]:
        axes.set_xlabel("strength")
    for axes in panels[::across]:
        axes.set_ylabel("rate of alarms")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    headline(figure, judge(found).sentences[0], 9.0)
    return {"organisms": figure}


def page(found: Found, judged: Judged) -> list[str]:
    """What each detector found of each organism."""
    table = found.tables["organisms"]
    detectors = list(dict.fromkeys(table["detector"].tolist()))
    rows = []
    for key, own in groups(table, ["organism", "family", "strength"]):
        cells = {
            name: f"{own['rate'][place]:.0%}" if own["looks"][place] else "withheld"
            for place, name in enumerate(own["detector"].tolist())
        }
        words = "yes" if own["answers"][0] else "no"
        rows.append(
            [str(key["organism"]), FAMILIES[str(key["family"])].about, words, *(cells[name] for name in detectors)]
        )
    facts = found.facts
    about = f"""Each organism sits at the second venue; the other governor wanders at random. This is played
{facts["replicates"]} times, on {facts["tapes"]} tapes of {facts["scenario"]} each. Rates are those of alarms: a fork
measure gives at most one each time, a detector of records at most one a tape. For cross-play and collusion an organism
sits at both venues, in {facts["tapes"]} sessions: for collusion on {facts["calm"]}, where venues are paid their profit
and its moves are those of the base rate; the battery's last check, retraining, is left out. Not everything is planted
for every detector: an alarm at a governor that has something like it, such as attribution at one that only wanders, is
not false."""
    return [
        "![Rates of alarms](organisms.png)", "", *(f"- {line}" for line in judged.sentences), "", paragraph(about), "",
        *markdown(["organism", "what it does", "answers", *detectors], rows), *_checks_of(table),
    ]  # fmt: skip


def _checks_of(table: Table) -> list[str]:
    """Of every organism the looks at which each check of the battery does not hold; nothing without such looks."""
    families = list(dict.fromkeys(table["family"].tolist()))
    names = list(failed_checks(table, "collusion", tuple(families)))
    rows = []
    for key, own in groups(select(table, table["detector"] == "collusion"), ["organism", "family"]):
        found = failed_checks(own, "collusion", (str(key["family"]),))
        rows.append([str(key["organism"]), str(own["looks"][0]), *(str(found.get(name, 0)) for name in names)])
    head = "Checks of the collusion battery: the looks at which each does not hold."
    return ["", head, "", *markdown(["organism", "looks", *names], rows)] if names else []


STUDY = Study("organisms", "Detectors on governors whose behaviour is planted", Options, measure, judge, draw, page)
