"""A benchmark of detectors of interaction: governors whose behaviour is planted, and how often each detector finds it.

Every organism (`emergence.organisms`) sits at a seat of the second venue beside a governor that wanders at random.
Whether it answers that governor, and how strongly, is known. Each detector is scored by its rate of detection against
strength, and by its alarms where there is no answer. Fork measures give one verdict a replicate, on tapes of its own;
detectors of records one an episode.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.envs.simulator import Simulator
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import EVALUATION_SEEDS, FIRST_SELECTION
from protogov.experiments.core.statistics import share_of
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, concatenate, groups
from protogov.experiments.core.text import markdown
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, headline, new_figure
from protogov.experiments.studies.emergence.anchors import CORE, constant_game
from protogov.experiments.studies.emergence.cascades import Attribution
from protogov.experiments.studies.emergence.collusion import Anchors, Collusion
from protogov.experiments.studies.emergence.dividends import Dividends
from protogov.experiments.studies.emergence.exploitability import Exploitability
from protogov.experiments.studies.emergence.forks import Plan, Seeds, fork_points
from protogov.experiments.studies.emergence.influence import Influence
from protogov.experiments.studies.emergence.organisms import FAMILIES, ORGANISMS, Organism
from protogov.experiments.studies.emergence.organisms.behaviours import Wanderer
from protogov.experiments.studies.emergence.organisms.detectors import (
    RECORD_DETECTORS,
    Record,
    alarms_of,
    load_detector,
)
from protogov.experiments.studies.emergence.populations import Population
from protogov.experiments.studies.emergence.reading import market_of

FORKS = ("influence", "dividends", "exploitability", "attribution", "collusion")
# where an organism that answers nobody must set nothing off: forks see answers, records what looks like them
EXACT = ("influence", "granger")
WINDOWS = ((1, 1), (1, 4), (1, 10))
STEPS, MOMENT = 10, 16  # decisions of a branch, and before it
STRIDE = 4096  # tapes of a replicate
COLOURS = dict(zip(("influence", "dividends", "exploitability", "attribution", "collusion", "granger", "spectrum"),
                   (BLUE, GREEN, ORANGE, PURPLE, VERMILLION, GREY, SKY), strict=True))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Score detectors of interaction on governors whose behaviour is planted.

    A stranger's detector is one function of records, see `emergence/organisms/detectors.py`.

    Example: protogov study organisms --replicates 20 --out results/organisms
    """

    organisms: tuple[str, ...] = ()
    """Some of the organisms, or of their families; all by default."""
    detectors: tuple[str, ...] = (*FORKS, *RECORD_DETECTORS)
    """Names of detectors, or FILE.py:NAME of a function of records."""
    replicates: int = 10
    """Times that each organism is examined, on other tapes."""
    tapes: int = 10
    """Worlds of each time: the units of a fork measure."""
    scenario: str = "mix"
    """The outside market."""
    crisis: str = "crisis-2022-06"
    """That of attribution."""
    grid: int = 9
    """Constants a venue, of which the anchors of collusion are made."""
    world: WorldOptions = field(default_factory=lambda: WorldOptions(size="rivals", autonomy=6.0))
    """The world, of two venues. At an autonomy of 6, the default here, a change of the threshold is announced 12 hours
    before, which a front-runner needs."""


@dataclass(frozen=True)
class Job:
    """One replicate of an organism, and the detectors; anchors of collusion are (nash, joint, error, unique, size)."""

    organism: str
    replicate: int
    detectors: tuple[str, ...]
    tapes: int
    scenario: str
    crisis: str
    anchors: tuple[float, ...] = ()


@dataclass(frozen=True)
class AnchorJob:
    """The game of constants of the half-spread."""

    scenario: str
    grid: int
    tapes: int


@dataclass(frozen=True)
class _Scene:
    """The two seats that matter, all others at the defaults."""

    world: Simulator
    governors: dict[str, Governor]
    seats: tuple[str, str]  # the other, the subject
    lever: str  # that the subject moves
    plan: Plan


def _seeds(job: Job, searching: bool = False) -> Seeds:
    first = (FIRST_SELECTION if searching else EVALUATION_SEEDS) + job.replicate * STRIDE
    return np.uint64(first) + np.arange(job.tapes, dtype=np.uint64)


def _scene(config: WorldConfig, job: Job, organism: Organism, scenario: str) -> _Scene:
    seats = (organism.watched, organism.seat)
    others = {agent.name: "constant" for agent in config.learners() if agent.name not in seats}
    world = Simulator(replace(config, background=others), job.tapes, scenario=scenario)
    levers = {seat: world.roles[seat].lever_rows() for seat in seats}
    lever = CORE[FAMILIES[organism.family].watches]
    subject = organism.make(levers[seats[1]], job.replicate)
    governors: dict[str, Governor] = {
        seats[0]: Wanderer(levers[seats[0]], seed=1, strength=0.5, lever=lever),
        seats[1]: subject,
    }
    moment = min(MOMENT, max(0, world.horizon - STEPS - 1))
    plan = Plan(_seeds(job), times=(moment,), steps=min(STEPS, world.horizon - moment))
    return _Scene(world, governors, seats, subject.lever, plan)


def _still(at: _Scene) -> dict[str, Governor]:
    from protogov.agents.baselines import make_governor

    return {seat: make_governor("constant", at.world.roles[seat]) for seat in at.seats}


def influence(config: WorldConfig, job: Job, organism: Organism) -> bool:
    """Whether a push of the other's levers is found to move the subject's lever, through its policy."""
    at = _scene(config, job, organism, job.scenario)
    other, subject = at.seats
    column = at.world.roles[subject].levers.index(at.lever)

    def read(step: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {f"action/{subject}/{column}": asked[subject][:, column]}

    windows = tuple(window for window in WINDOWS if window[1] <= at.plan.steps)
    measure = Influence(windows, agents=(other,))
    sample = measure.extract(at.world, at.governors, replace(at.plan, read=read))
    return any(one.found for one in measure.reduce(sample) if one.name.startswith("policy"))


def dividends(config: WorldConfig, job: Job, organism: Organism) -> bool:
    """Whether the two are found to do more, or less, to welfare together than each does alone."""
    at = _scene(config, job, organism, job.scenario)
    market = market_of(at.world, at.plan.seeds, rewards=False)
    measure = Dividends(_still(at))
    sample = measure.extract(at.world, at.governors, replace(at.plan, times=(0,), steps=at.world.horizon, read=market))
    return any(one.found for one in measure.reduce(sample) if "+" in one.name)


def exploitability(config: WorldConfig, job: Job, organism: Organism) -> bool:
    """Whether another constant beside its own policy is found to pay the subject."""
    at = _scene(config, job, organism, job.scenario)
    measure = Exploitability(_seeds(job, True), ("offset",), generations=4, population=5, agents=(at.seats[1],))
    sample = measure.extract(at.world, at.governors, replace(at.plan, times=(0,), steps=at.world.horizon))
    return measure.reduce(sample)[0].found


def attribution(config: WorldConfig, job: Job, organism: Organism) -> bool:
    """Whether the subject's decisions are found to change welfare or losses of a crisis."""
    at = _scene(config, job, organism, job.crisis)
    market = market_of(at.world, at.plan.seeds, rewards=False, losses=True)
    measure = Attribution(_still(at))
    plan = replace(at.plan, times=(0,), steps=at.world.horizon, read=market)
    return any(
        one.found for one in measure.reduce(measure.extract(at.world, at.governors, plan))
        if one.name.startswith(f"{at.seats[1]}'s")
    )  # fmt: skip


def collusion(config: WorldConfig, job: Job, organism: Organism) -> bool:
    """Whether pairs of such organisms, one a session, pass all checks of the battery but retraining."""
    nash, joint, error, unique, size = job.anchors
    anchors = Anchors(nash, joint, error, bool(unique))
    if anchors.refusal() or FAMILIES[organism.family].role != "spread":
        return False
    pair = ("spread_0", "spread_1")
    others = {agent.name: "constant" for agent in config.learners() if agent.name not in pair}
    world = Simulator(replace(config, background=others), job.tapes, scenario=job.scenario)
    levers = world.roles[pair[0]].lever_rows()
    rows = np.arange(job.tapes)
    first = 1000 * job.replicate  # numbers of sessions
    governors: dict[str, Governor] = {
        seat: Population([organism.make(levers, first + int(session)) for session in rows], rows) for seat in pair
    }
    lever = world.roles[pair[0]].levers.index(CORE["spread"])
    battery = Collusion(anchors, myopic=0.0, size=abs(size), down=float(np.sign(size)), lever=lever)
    moment = min(MOMENT, max(0, world.horizon - STEPS - 1))
    plan = Plan(_seeds(job), times=(moment,), steps=min(STEPS, world.horizon - moment))
    head, *checks = battery.reduce(battery.extract(world, governors, plan))
    return all(check.found for check in checks)


def record_of(config: WorldConfig, job: Job, organism: Organism) -> Record:
    """The record of whole episodes."""
    at = _scene(config, job, organism, job.scenario)
    other, subject = at.seats
    names = at.world.observation_names(subject)
    column = names.index("return_6h")

    def read(step: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
        rewards = {f"reward/{seat}": step.rewards[seat] for seat in at.seats}
        return {**rewards, "return": step.obs[subject][:, column].astype(np.float64)}

    plan = Plan(at.plan.seeds, read=read)
    branch = next(fork_points(at.world, at.governors, plan)).run(at.world.horizon)
    levers = {
        f"{seat}/{lever}": branch.executed[seat][:, :, place]
        for seat in at.seats for place, lever in enumerate(at.world.roles[seat].levers)
    }  # fmt: skip
    watched = CORE[FAMILIES[organism.family].watches]
    return Record(
        levers[f"{other}/{watched}"], levers[f"{subject}/{at.lever}"], levers,
        {seat: branch.outcomes[f"reward/{seat}"] for seat in at.seats}, branch.outcomes["return"],
    )  # fmt: skip


BY_FORKS = dict(zip(FORKS, (influence, dividends, exploitability, attribution, collusion), strict=True))


def examine(config: WorldConfig, job: Job) -> Table:
    """One row a detector: alarms of so many looks."""
    organism, rows = ORGANISMS[job.organism], []
    record: Record | None = None
    for name in job.detectors:
        if name in BY_FORKS:
            alarms, looks = int(BY_FORKS[name](config, job, organism)), 1
        else:
            record = record or record_of(config, job, organism)
            detector = RECORD_DETECTORS.get(name) or load_detector(name)
            found = alarms_of(detector, record, name)
            alarms, looks = int(found.sum()), found.size
        rows.append(
            {"organism": job.organism, "family": organism.family, "strength": organism.strength,
             "answers": FAMILIES[organism.family].answers, "replicate": job.replicate, "detector": name,
             "alarms": alarms, "looks": looks}
        )  # fmt: skip
    return columns(rows)


def find_anchors(config: WorldConfig, job: AnchorJob) -> Table:
    """Anchors of the half-spread, a row."""
    solved = constant_game(config, job.scenario, "spread", job.grid, job.tapes).solved()
    own = solved.anchors
    return columns(
        [{"nash": own.nash, "joint": own.joint, "error": own.error, "unique": float(own.unique),
          "size": solved.deviation - solved.joint}]
    )  # fmt: skip


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
        if name not in BY_FORKS and name not in RECORD_DETECTORS:
            load_detector(name)
    config = options.world.make()
    if config.venues != 2:
        raise BadInput(f"the world has {config.venues} venue; organisms watch a rival, so 2 are needed")
    anchors: tuple[float, ...] = ()
    if "collusion" in options.detectors:
        asked = AnchorJob(options.scenario, options.grid, options.tapes)
        (table,) = run_pieces(find_anchors, config, [Piece("anchors", asked)], how, "anchors")
        anchors = tuple(float(table[name][0]) for name in ("nash", "joint", "error", "unique", "size"))
    jobs = [
        Job(name, number, options.detectors, options.tapes, options.scenario, options.crisis, anchors)
        for name in names for number in range(options.replicates)
    ]  # fmt: skip
    pieces = [Piece(f"{job.organism}_{job.replicate}", job) for job in jobs]
    found = concatenate(run_pieces(examine, config, pieces, how, "organisms"))
    facts = {
        "replicates": options.replicates, "tapes": options.tapes, "scenario": options.scenario,
        "crisis": options.crisis, "anchors": list(anchors), "refusal": _refusal(anchors),
        "detectors": list(options.detectors),
    }  # fmt: skip
    return Found({"organisms": rates_of(found)}, facts)


def _refusal(anchors: tuple[float, ...]) -> str:
    if not anchors:
        return ""
    nash, joint, error, unique, _ = anchors
    return Anchors(nash, joint, error, bool(unique)).refusal()


def _named(given: tuple[str, ...]) -> list[str]:
    known = [*ORGANISMS, *FAMILIES]
    for name in given:
        if name not in known:
            raise BadInput(f"organisms holds {name!r}; {', '.join(known)} are accepted")
    return [name for name, own in ORGANISMS.items() if not given or name in given or own.family in given]


def rates_of(found: Table) -> Table:
    """Alarms of each detector on each organism, over all replicates, with their exact interval."""
    rows = []
    for key, own in groups(found, ["organism", "family", "strength", "answers", "detector"]):
        share = share_of(int(own["alarms"].sum()), int(own["looks"].sum()))
        rows.append({**key, "rate": share.mean, "rate_low": share.low, "rate_high": share.high, "looks": share.n})
    return columns(rows)


def _rate(table: Table, mask: np.ndarray) -> tuple[int, int]:
    looks = table["looks"][mask]
    return int(np.rint(table["rate"][mask] * looks).sum()), int(looks.sum())


def judge(found: Found) -> Judged:
    """Detections of answers and false alarms, detector by detector."""
    table, sentences = found.tables["organisms"], []
    for name in dict.fromkeys(table["detector"].tolist()):
        own = table["detector"] == name
        hits, looks = _rate(table, own & table["answers"])
        alarms, chances = _rate(table, own & ~table["answers"])
        kind = "false alarms" if name in EXACT or name not in COLOURS else "alarms"
        sentences.append(
            f"{name}: {hits} of {looks} looks at governors that answer, {alarms} of {chances} {kind} at those that do "
            "not."
        )
    if found.facts["refusal"]:
        sentences.append(f"The battery is withheld here: {found.facts['refusal']}.")
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
            shift = 0.008 * (place - len(detectors) / 2)
            axes.plot(table["strength"][own] + shift, table["rate"][own], marker="os^DvPX"[place % 7], **look)
        answers = bool(table["answers"][table["family"] == family][0])
        axes.set_title(family if answers else f"{family} (answers nobody)", fontsize=8)
        axes.set_xlim(-0.08, 1.08)
        axes.set_ylim(-0.05, 1.05)
    for axes in panels[len(families) :]:
        axes.set_axis_off()
    for axes in panels[(down - 1) * across :]:
        axes.set_xlabel("strength")
    panels[0].set_ylabel("rate of alarms")
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
        cells = {name: f"{own['rate'][place]:.0%}" for place, name in enumerate(own["detector"].tolist())}
        words = "yes" if own["answers"][0] else "no"
        rows.append(
            [str(key["organism"]), FAMILIES[str(key["family"])].about, words, *(cells[name] for name in detectors)]
        )
    facts = found.facts
    about = f"""Each organism sits at the second venue beside a governor that wanders at random;
{facts["replicates"]} times, {facts["tapes"]} tapes of {facts["scenario"]} each. Rates are of alarms: of a fork measure
one a time, of a detector of records one a tape. Influence asks whether the organism answers the other; dividends,
exploitability and attribution ask other questions, which may have the answer yes without an answer to anybody."""
    return [
        "![Rates of alarms](organisms.png)", "", *(f"- {line}" for line in judged.sentences), "", about, "",
        *markdown(["organism", "what it does", "answers", *detectors], rows),
    ]  # fmt: skip


STUDY = Study("organisms", "Detectors on governors whose behaviour is planted", Options, measure, judge, draw, page)
