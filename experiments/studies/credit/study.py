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
from protogov.experiments.studies.credit.summary import share_of, summarise
from protogov.experiments.training.run_config import training_scenario
from protogov.experiments.training.train import RANDOMISE_LEVERS, STAGGER

DIGITS = 3  # of committed tables


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

    policies = GIVEN.replace("defaults", "policies")
    forks = [name for name in dict.fromkeys(row["estimator"] for row in judged) if name.startswith(EVERYBODY)]
    best = max(
        forks, key=lambda name: np.nan_to_num(middle(row["reduction"] for row in judged if row["estimator"] == name))
    )
    first, last = ([row["repeated"] for row in arrival if row["after"] == at] for at in (1, found.facts["decisions"]))
    lasting = [share_of(row["push"], row["deviation"]) for row in effects]
    cut = best.removeprefix(EVERYBODY).removeprefix(", ") or "whole"
    return Judged(
        (
            f"Of the variance of what an update is told (gamma .95, twin at the defaults), "
            f"{of(GIVEN, 'signal', 100.0)}% is the effect of the governor's own noise on that tape, and "
            f"{of(GIVEN, 'common', 100.0)}% the part that comes again in another future (median, least and most over "
            f"worlds and roles); with a twin of the policies {of(policies, 'signal', 100.0)}% and "
            f"{of(policies, 'common', 100.0)}%.",
            f"For equal market hours, forks of the noise of all three ({cut}) have {of(best, 'reduction')} times less "
            f"variance than that update, a twin of the policies {of(policies, 'reduction')} times less, whole forks "
            f"{of(EVERYBODY, 'reduction')} times.",
            f"Half of the absolute effect is there after {ranged([row['half'] / 4.0 for row in effects])} days, nine "
            f"tenths after {ranged([row['most'] / 4.0 for row in effects])}. Another future of the same state has "
            f"{ranged([100.0 * share for share in first])}% of the effect's variance in common with it after the first "
            f"decision, and {ranged([100.0 * share for share in last])}% after all.",
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
    return page_beside(
        __file__, **tables, facts=found.facts, more=judged.sentences[1:], critics=list(CRITICS),
        std=np.exp(CRITICS["gamma .95"].log_std_init),
    )  # fmt: skip


STUDY = Study("credit", "Credit for one decision's exploration", Options, measure, judge, draw, page)
