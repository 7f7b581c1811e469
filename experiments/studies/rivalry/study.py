"""`protogov study rivalry`: what two venues do to each other and to everybody, from constants to learners."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from matplotlib.figure import Figure

from protogov.experiments.core.options import Positional
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.play import FIRST_SCORING
from protogov.experiments.core.statistics import ENOUGH_SEEDS
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import groups, records, rounded, select
from protogov.experiments.core.text import listed, markdown, number, paragraph, rows_of, signed
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.audit.suites import find_suite
from protogov.experiments.studies.rivalry.cells import CORE, OBJECTIVES
from protogov.experiments.studies.rivalry.drawing import (
    draw_learners,
    draw_pairing,
    draw_runs,
    learners_in_words,
    next_door,
)
from protogov.experiments.studies.rivalry.games import GAMES, Game, play_games
from protogov.experiments.studies.rivalry.learners import measure_learners
from protogov.experiments.studies.rivalry.pairings import (
    DEFAULTS,
    JOINT,
    NASH,
    PLANNER,
    measured,
    point_rows,
    sentences,
)
from protogov.experiments.studies.rivalry.runs import AT, OUTCOMES, PLACEBO, SWITCHED, measure_runs

PARTS = ("alike", "unlike", "runs", "learners")
ALL = ("alike", "unlike", "runs")  # learners are trained on request
QUESTIONS = {
    "alike": "Two equal venues, one lever each, the same at both: where do rivals end, and what does it cost?",
    "unlike": "A lender beside an options protocol, the lender's lever against the other's half-spread.",
    "runs": "Deposits at one venue are stolen, or half of its suppliers run: what happens there and next door?",
    "learners": "Do independent networks learn to stay above Nash, and more so if they value the future?",
}
INTRODUCTION = """\
Two venues, and one lever of each at constants on a grid; all other levers are at their defaults, and limits on changes
are lifted. Nash is that of the finite game of constants, not of the dynamic game. Joint is the best cell for both
governors together, planner the best one for W of both venues, each weighted by K0. Money is in bp of K0 per episode,
intervals are 95%, of each number alone. Nothing here passes or fails."""
RACE = """The race to the bottom: the best constant without a rival, and at Nash (the mean over equilibria; `stable`:
share of resampled tapes on which the same cells are equilibria)."""
ANARCHY = """The price of anarchy: `lost` is W of the planner less W of the worst equilibrium, `planner` what the
planner gains over the defaults, `share` their ratio. Points are chosen on one half of the tapes and paid on the other,
both ways round."""
SHOCKS = """At hour {hour} a share of the suppliers' deposits is stolen (of the LPs' stakes at the options protocol), or
every second supplier wants all its money back: to take it out of the market (run away) or to put it into the rival.
{tapes} tapes; levers stay at their defaults. The ways are closed where nobody may change the venue and no forced sale
or hedge moves the price. Differences from the same episode without the shock: """
FILES = """`points.csv`: payoffs at every point with intervals; `parties.csv`: by party. The data set of all cells:
`protogov.experiments.studies.rivalry.dataset.read_cells(FOLDER)`, whose module describes the columns. Git keeps its
short form, `cells_*.csv` and, rounded, `by_party_*.csv`, one a market and game; the study also writes the long one."""
LEARNED = """{training_seeds} pairs of independent networks a discount, each {hours} million market hours in {worlds}
worlds; then they play the {tapes} tapes of the table without exploration. Nash (0) and joint optimum (1) are those of
the table's smoothed surface. A gain of the patient pairs over those with discount 0 may be collusion; the battery of
`protogov emergence` says whether it is."""
TAKES = "A lever's constant takes effect in the first hours: a low threshold cuts it under the loans of the opening."


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Measure what two rival venues do to each other: each part has a folder below --out.

    alike, unlike: payoffs of constants on a grid by party (a data set), Nash, joint optimum and planner, the race to
    the bottom, the price of anarchy; for equal venues, and for a lender beside an options protocol. runs: deposits are
    stolen at one venue, or half of its suppliers run. learners: independent networks at two discounts, on the scale
    between Nash and joint; they are trained, which takes hours, each pair of them a piece that a rerun keeps, its
    failure too. all means all but learners. The same command resumes an interrupted run.

    Example: protogov study rivalry all --jobs 2 --out results/rivalry
    """

    names: Annotated[tuple[Literal["alike", "unlike", "runs", "learners", "all"], ...], Positional("NAMES")] = ()
    """Parts; all means all except learners."""
    markets: tuple[str, ...] = ("calm", "stress")
    """Sources of tapes: calm, natural, stress (the training crises), or any scenario that may be trained on."""
    grid: int = 15
    """Constants of a lever, an odd number: the default is the middle one."""
    tapes: int = 64
    """Tapes, the same in every cell."""
    episode_hours: int = 336
    """Length of an episode."""
    levers: tuple[str, ...] = ("base_rate",)
    """Levers that learners learn, some of base_rate, liquidation_threshold, half_spread. Only base rates under profit
    have a joint optimum clearly above their equilibrium, so that a gain can be given."""
    objectives: tuple[str, ...] = ("profit",)
    """What learners are paid, mandate or profit."""
    discounts: tuple[float, ...] = (0.0, 0.95)
    """Discounts of learners, for six hours; 0 is the myopic control."""
    training_seeds: int = ENOUGH_SEEDS
    """Pairs of learners a discount; the training seed is the unit of inference."""
    market_hours: float = 2e6
    """Budget of a pair of learners."""
    worlds: int = 128
    """Worlds side by side in which a pair learns."""


def measure(options: Options, how: Running) -> Iterator[Found]:
    """Measure the parts one after another.

    Raises:
        BadInput: nothing to measure, a size that is too small, an unknown lever, or a market kept for evaluation.
    """
    names = [name for given in options.names for name in (ALL if given == "all" else (given,))]
    _check(options, names)
    common: dict[str, Any] = {
        "markets": list(options.markets), "grid": options.grid, "tapes": options.tapes,
        "episode_hours": options.episode_hours,
    }  # fmt: skip
    size = (options.grid, FIRST_SCORING, options.tapes, how, options.episode_hours)
    for name in dict.fromkeys(names):
        if name == "runs":
            table = measure_runs(options.markets, FIRST_SCORING, options.tapes, how, options.episode_hours)
            yield Found({"runs": rounded(table, 5)}, {name: common})
        elif name == "learners":
            games = [game for game in GAMES["alike"] if game.levers[0] in options.levers]
            table = measure_learners(
                list(play_games(games, options.markets, *size)), options.objectives, options.discounts,
                options.training_seeds, options.market_hours, options.worlds, FIRST_SCORING, how,
                options.episode_hours,
            )  # fmt: skip
            learned = {
                "training_seeds": options.training_seeds, "market_hours": options.market_hours,
                "worlds": options.worlds, "reduced": _reduced(options),
            }  # fmt: skip
            yield Found({"learners": table}, {name: {**common, **learned}})
        else:
            played = list(play_games(GAMES[name], options.markets, *size))
            facts = {**common, "shares": played[0].shares.tolist(), "episodes": _episodes(GAMES[name], options)}
            yield measured(name, played, facts)


def _reduced(options: Options) -> list[str]:
    """Sizes of learners below the defaults, in words."""
    whole = Options()
    return [
        f"{getattr(options, name):g} {words} instead of {getattr(whole, name):g}"
        for name, words in (("training_seeds", "training seeds"), ("market_hours", "market hours"), ("tapes", "tapes"),
                            ("grid", "constants"), ("episode_hours", "hours an episode"))
        if getattr(options, name) < getattr(whole, name)
    ]  # fmt: skip


def _check(options: Options, names: Sequence[str]) -> None:
    if not names:
        raise BadInput(f"names are missing; accepted are {', '.join(PARTS)}, all")
    check_sizes(3, grid=options.grid)
    check_sizes(4, tapes=options.tapes)
    check_sizes(1, training_seeds=options.training_seeds, worlds=options.worlds)
    check_sizes(AT + 48, episode_hours=options.episode_hours)
    if options.grid % 2 == 0:
        raise BadInput(f"grid is {options.grid}; an odd number is accepted, with the default in its middle")
    if not options.markets:
        raise BadInput("markets is empty; at least one scenario is accepted")
    for market in options.markets:
        find_suite(market)  # never one kept for evaluation
    for name, given, known in (("levers", options.levers, CORE), ("objectives", options.objectives, OBJECTIVES)):
        for one in given:
            if one not in known:
                raise BadInput(f"{name} holds {one!r}; some of {', '.join(known)} are accepted")
        if not given:
            raise BadInput(f"{name} is empty; some of {', '.join(known)} are accepted")
    for discount in options.discounts:
        if not 0.0 <= discount < 1.0:
            raise BadInput(f"discounts holds {discount}; numbers from 0 to below 1 are accepted")
    if not options.discounts or not 0.0 < options.market_hours < 1e12:
        raise BadInput("discounts are empty or market-hours not above 0; at least one discount and hours are accepted")


def _episodes(games: Sequence[Game], options: Options) -> int:
    grid, cells = options.grid, 0
    for game in games:
        pairs = grid * (grid + 1) // 2 if game.pairing == "alike" else grid * grid
        cells += pairs + grid * len(game.sides)
    return cells * options.tapes * len(options.markets)


def _part(found: Found) -> str:
    (name,) = found.facts
    return str(name)


def judge(found: Found) -> Judged:
    """The answers of a part."""
    name = _part(found)
    if name == "runs":
        said = _runs_in_words(found)
    elif name == "learners":
        said = learners_in_words(found)
    else:
        said = sentences(found)
    return Judged(tuple(f"{name}: {one}" for one in said))


def _runs_in_words(found: Found) -> list[str]:
    table = found.tables["runs"]
    largest = max(float(table[f"{name}_largest"][table["shock"] == PLACEBO].max()) for name in OUTCOMES)
    own = [row for row in records(table) if row["venue"] == row["hit"] and row["shock"] not in (PLACEBO, SWITCHED)]
    most = max(own, key=lambda row: float(row["unpaid"]))
    return [
        f"what the venue next door feels of a theft or a run: {next_door(found)}",
        f"the longest queue at a venue that was hit: {most['unpaid']:.3g}% of its opening deposits "
        f"({most['pairing']}, {most['market']}, {most['shock']})",
        f"placebo: a theft of nothing changes {'nothing, in every bit' if largest == 0.0 else f'up to {largest:g}'}",
    ]


def draw(found: Found) -> Mapping[str, Figure]:
    """One figure a part."""
    name = _part(found)
    if name in ("runs", "learners"):
        return {name: (draw_runs if name == "runs" else draw_learners)(found)}
    return {name: draw_pairing(name, found)}


def page(found: Found, judged: Judged) -> list[str]:
    """Of one part: question, answers, figure, tables."""
    name = _part(found)
    facts = found.facts[name]
    lines = ["A part of [rivalry](../README.md).", "", QUESTIONS[name], ""]
    said = [one.removeprefix(f"{name}: ") for one in judged.sentences[1:]]
    lines += [f"- {one}" for one in said] + ["", f"![{name}]({name}.png)", ""]
    if name in ("alike", "unlike"):
        lines += [
            "Levers of venue 0 / venue 1 at each point, in brackets W of both venues [bp of K0]:", "",
            *markdown(["game", "market", "objective", DEFAULTS, NASH, JOINT, PLANNER], point_rows(found)), "",
            paragraph(RACE), "", *_table(found, "race"), "", paragraph(ANARCHY), "", *_table(found, "anarchy"), "",
            paragraph(
                f"{facts['episodes']:,} episodes of {facts['episode_hours']} h, {facts['tapes']} tapes, the same in "
                f"every cell. {TAKES} {FILES}"
            ),
        ]  # fmt: skip
    elif name == "runs":
        lines += [
            paragraph(
                SHOCKS.format(hour=AT, tapes=facts["tapes"])
                + "; ".join(f"{key}: {unit}" for key, unit in OUTCOMES.items()) + "."
            ), "",
            *_runs_table(found),
        ]  # fmt: skip
    else:
        pairs = groups(found.tables["learners"], ["game", "market", "objective", "discount"])
        few = min(int((own["failed"] == "").sum()) for _, own in pairs) < ENOUGH_SEEDS
        lines += [
            paragraph(
                LEARNED.format(hours=number(facts["market_hours"] / 1e6), **{name: facts[name] for name in
                               ("training_seeds", "worlds", "tapes")})
            ), "",
            *([f"**Reduced:** {listed(facts['reduced'])}.", ""] if facts["reduced"] else []),
            *(["**Underpowered:** fewer than 8 training seeds; no claim is made.", ""] if few else []),
            *_table(found, "learners"),
        ]  # fmt: skip
    return lines


def _table(found: Found, name: str) -> list[str]:
    return markdown(list(found.tables[name]), rows_of(found.tables[name]))


def _runs_table(found: Found) -> list[str]:
    table = found.tables["runs"]
    table = select(table, table["shock"] != PLACEBO)
    rows = [
        [str(row[key]) for key in ("pairing", "market", "hit", "shock", "venue")]
        + [f"{signed(row[name])} [{signed(row[f'{name}_low'])}, {signed(row[f'{name}_high'])}]" for name in OUTCOMES]
        for row in records(table)
    ]
    return markdown(["pairing", "market", "hit", "shock", "venue", *OUTCOMES], rows)


def index(parts: Mapping[str, Found]) -> list[str]:
    """The page over all parts."""
    lines = [INTRODUCTION, ""]
    for name in PARTS:
        if name in parts:
            own = Found(parts[name].tables, parts[name].facts)
            said = [f"- {one.removeprefix(f'{name}: ')}" for one in judge(own).sentences]
            lines += [f"## [{name}]({name}/README.md)", "", QUESTIONS[name], "", *said, ""]
            lines += [f"![{name}]({name}/{name}.png)", ""]
    missing = [name for name in PARTS if name not in parts]
    if missing:
        lines += ["## Not measured yet", "", f"{listed(missing)}: `protogov study rivalry NAME` measures each."]
    return lines


STUDY = Study("rivalry", "Two rival venues", Options, measure, judge, draw, page, index=index)
