"""Why gradients find little: what one decision's exploration brings, when, and how well learners are told of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from protogov.agents.ppo.start import check_learners
from protogov.envs.simulator import Simulator
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import concatenate, records, rounded
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import number
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.studies.credit.drawing import draw
from protogov.experiments.studies.credit.plan import CRITICS, EVERYBODY, GIVEN, WORLDS, Job
from protogov.experiments.studies.credit.playing import visit
from protogov.experiments.studies.credit.summary import DAY, share_of, summarise
from protogov.experiments.training.run_config import training_scenario
from protogov.experiments.training.train import RANDOMISE_LEVERS, STAGGER

DIGITS = 2  # of committed tables


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """What the exploration of one decision brings about, when it arrives, and how well an update is told of it.

    Governors start where --start says, share welfare as their reward, and explore as PPO does; only their critics
    learn. States of their rollout are forked: with and without the noise of one decision, on the same tape with the
    same keyed noise.

    Example: protogov study credit --out results/credit
    """

    sizes: tuple[str, ...] = ("core", "full")
    """Sizes of the world."""
    markets: tuple[str, ...] = ("natural", "mix")
    """Markets of `protogov train` on which critics learn and states are visited."""
    start: str = "tuned"
    """Where policies stand, as --ppo.start of `protogov train`."""
    market_hours: float = 2e5
    """That each critic learns [simulated hours]."""
    tapes: int = 64
    """Fresh tapes of each market."""
    states: int = 4
    """Visited on each tape, evenly over the part of the episode that leaves --decisions."""
    decisions: int = 40
    """That are played after each state."""


def measure(options: Options, how: Running) -> Found:
    """Visit the states of each size and market; a piece each.

    Raises:
        BadInput: a size is out of range, a market is kept for evaluation, or policies cannot start so.
    """
    check_sizes(2, tapes=options.tapes, decisions=options.decisions)
    check_sizes(1, states=options.states)
    if not options.sizes or not options.markets:
        raise BadInput("sizes or markets names none; one or more are accepted")
    if not options.market_hours >= 1.0:
        raise BadInput(f"market-hours is {options.market_hours:g}; a number of at least 1 is accepted")
    pieces: list[Piece] = []
    names: list[dict[str, str]] = []
    for size in options.sizes:
        config = WorldOptions(size=size, cooperation=1.0).make(randomise_levers=RANDOMISE_LEVERS, stagger=STAGGER)
        check_sizes(1, config.horizon, decisions=options.decisions)
        for settings in CRITICS.values():
            with as_bad_input():
                check_learners(replace(settings, start=options.start), Simulator(config))
        for market in options.markets:
            training_scenario(market)
            job = Job(
                market, options.start, options.market_hours, WORLDS, options.tapes, options.states, options.decisions
            )
            pieces.append(Piece(f"{size}_{market}", job, config))
            names.append({"size": size, "market": market})
    found = [
        summarise(table, name, options.decisions)
        for table, name in zip(run_pieces(visit, config, pieces, how, "worlds"), names, strict=True)
    ]
    tables = {kind: rounded(concatenate(one[kind] for one in found), DIGITS) for kind in found[0]}
    facts = {name: getattr(options, name) for name in ("start", "market_hours", "tapes", "states", "decisions")}
    return Found(tables, facts)


def judge(found: Found) -> Judged:
    """How little of an update's advantage is the effect, what forks would change, and when the effect arrives."""
    effects, judged, arrival = (records(found.tables[name]) for name in ("effects", "estimators", "arrival"))

    def of(name: str, column: str, factor: float = 1.0) -> str:
        return ranged([factor * row[column] for row in judged if row["estimator"] == name])

    def repeats(after: int) -> str:
        return ranged([100.0 * row["repeats"] for row in arrival if row["after"] == after])

    policies = GIVEN.replace("defaults", "policies")
    forks = [name for name in dict.fromkeys(row["estimator"] for row in judged) if name.startswith(EVERYBODY)]
    best = max(
        forks, key=lambda name: np.nan_to_num(middle(row["reduction"] for row in judged if row["estimator"] == name))
    )
    lasting = [share_of(row["push"], row["deviation"]) for row in effects]
    cut = best.removeprefix(EVERYBODY).removeprefix(", ") or "whole"
    ends = sorted({row["after"] for row in arrival})
    day = max(after for after in ends if after <= DAY)
    return Judged(
        (
            f"Of the variance of what an update is told (gamma .95, twin at the defaults), {of(GIVEN, 'day', 100.0)}% "
            f"is what the governor's own noise of that decision brings within a day, and {of(GIVEN, 'common', 100.0)}% "
            f"the part of this that comes again in another future (median, least and most over worlds and roles); with "
            f"a twin of the policies {of(policies, 'day', 100.0)}% and {of(policies, 'common', 100.0)}%.",
            f"For equal market hours, forks of the noise of all three ({cut}) have {of(best, 'reduction')} times less "
            f"variance than that update, a twin of the policies {of(policies, 'reduction')} times less, whole forks "
            f"{of(EVERYBODY, 'reduction')} times.",
            f"Two branches drift apart on their tape: half of the absolute difference is there after "
            f"{ranged([row['half'] / 4.0 for row in effects])} days, nine tenths after "
            f"{ranged([row['most'] / 4.0 for row in effects])}. Of what noise brings within a day, "
            f"{repeats(day)}% of the variance comes again in another future, of what it brings in all "
            f"{repeats(ends[-1])}%.",
            f"Noise that lasts (.9) has an effect {ranged(lasting)} times as large as noise of one decision.",
        )
    )


def middle(values: Iterable[float]) -> float:
    """Median of those that are numbers; nan without any."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.median(finite)) if finite else float("nan")


def ranged(values: Sequence[float]) -> str:
    """Median, and in brackets the least and the most; a dash if nothing was measured."""
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        return number(float("nan"))
    return f"{number(middle(finite))} [{number(min(finite))} to {number(max(finite))}]"


def page(found: Found, judged: Judged) -> Sequence[str]:
    """The page from `page.md.j2`."""
    tables = {name: records(table) for name, table in found.tables.items()}

    def over(kind: str, by: str, names: Sequence[str]) -> list[list[str]]:
        """A row for each value of a column: medians and ends over worlds and roles."""
        values = dict.fromkeys(row[by] for row in tables[kind])
        return [
            [str(value), *(ranged([row[name] for row in tables[kind] if row[by] == value]) for name in names)]
            for value in values
        ]

    return page_beside(
        __file__, effects=tables["effects"], facts=found.facts, more=judged.sentences[1:], critics=list(CRITICS),
        std=np.exp(CRITICS["gamma .95"].log_std_init), over=over,
    )  # fmt: skip


STUDY = Study("credit", "Credit for one decision's exploration", Options, measure, judge, draw, page)
