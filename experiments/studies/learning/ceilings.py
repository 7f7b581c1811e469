"""Ceilings: possible gains over the best constants by hindsight, sight and more features, and the captured share.

Constants in hindsight are played on the tapes of the evaluation. Planners and learners play the rest of episodes from
states to which the best constants have led. Learners with privileged features are trained like the first candidate.
What was measured in either way on a market is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVER_BY_NAME
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import open_worlds, play, tape_seeds
from protogov.experiments.core.statistics import Floats, interval_columns, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.studies.learning.analysis import captured
from protogov.experiments.studies.learning.candidates import find_candidates
from protogov.experiments.studies.learning.imagination import Imagination
from protogov.experiments.studies.learning.kept import Rows, Unit
from protogov.experiments.studies.learning.kept_suites import SuitePlace
from protogov.experiments.studies.learning.opponents import PARTS, Opponents, tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.planner import Planner, play_planned
from protogov.experiments.studies.learning.played import CRASH, part_names
from protogov.experiments.studies.learning.playing import MARKETS, Match, Tapes, matrix, play_matches, suites
from protogov.experiments.studies.learning.preregistration import CONSTANTS, COOPERATIVE, PLAN
from protogov.experiments.studies.learning.runs import Learner, Trained
from protogov.experiments.studies.learning.training import failures, policies_of, train_kept, trained_before
from protogov.experiments.training.open_test import describe

NAMES = (*MARKETS, *PARTS)  # markets whose constants play in hindsight
MOMENTS = (0.0, 0.25, 0.5, 0.75)  # of an episode at which states are taken
TOGETHER = 25  # states of one piece
PLANNER = Planner(branches=PLAN.branches)


@dataclass(frozen=True)
class Rest:
    """The rest of episodes from states that constants led to.

    Attributes:
        scenario, first, count: the tapes.
        decision: at which the states are taken.
        constants: lever -> value, of those who govern until then, and of the incumbent of a planner.
        governors: who plays the rest; None for a planner.
        files: digests of their policies.
        sight: whether the planner sees the tape; without it, it imagines futures.
        planner: how it looks ahead.
    """

    scenario: str
    first: int
    count: int
    decision: int
    constants: Mapping[str, float]
    governors: GovernorSet | None
    files: Mapping[str, str]
    sight: bool
    planner: Planner


def play_rest(config: WorldConfig, job: Rest) -> Table:
    """W of the rest of the episode from every state [bp of K0]."""
    seeds = tape_seeds(job.count, job.first)
    world = open_worlds(config, job.scenario, seeds)
    constants = {
        name: np.array([LEVER_BY_NAME[lever].action(job.constants[lever]) for lever in role.levers])
        for name, role in world.roles.items()
    }
    for _ in range(job.decision):
        world.step({name: np.tile(actions, (job.count, 1)) for name, actions in constants.items()})
    if job.governors is None:
        imagine = None if job.sight else Imagination(job.scenario, config.episode_hours)
        welfare = play_planned(world, np.concatenate(list(constants.values())), job.planner, imagine=imagine)
    else:
        welfare = np.zeros(job.count)
        for step in play(world, job.governors.make(config), seeds):
            welfare += step.welfare(0)
    return {"welfare": welfare}


def measure(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> Found:
    """Every ceiling on both markets, and the share of each that every learner of the market captures."""
    trained = [of for of in trained_before(options, opponents, chosen) if of[0].learner.candidate.name == chosen[0]]
    sighted = train_sighted(options, how, opponents, chosen)
    rivals = [opponents.named(options.last_size, name, tuned_on(CONSTANTS, name)) for name in NAMES]
    rows = Rows()
    for market in MARKETS:
        own = [of for of in trained if of[0].learner.scenario == market]
        seeing = [of for of in sighted if of[0].learner.scenario == market]
        learned, incumbent = [one.governors() for of in own for one in of], rivals[NAMES.index(market)]
        sets = [*rivals, *learned, *(one.governors() for of in seeing for one in of)]
        rows += _once(options, f"hindsight on {market}", suites(options)[market], sets, {},
                      partial(in_hindsight, options, how, rivals, market, own, seeing))  # fmt: skip
        states = Tapes("states", (market,), options.states, PLAN.first_tape["states"])
        rows += _once(options, f"states of {market}", states, [incumbent, *learned], asdict(PLANNER),
                      partial(by_planning, options, how, opponents, market, own))  # fmt: skip
    failed = failures(options, opponents, sighted_learners(options, chosen))
    return Found({"room": columns(rows), **failed}, {"chosen": list(chosen)})


def _once(
    options: Options, label: str, tapes: Tapes, sets: Sequence[GovernorSet], settings: Mapping[str, Any],
    measured: Callable[[], Rows],
) -> Rows:  # fmt: skip
    """Rows of the table, unless they are kept."""
    place = SuitePlace(options.check(), options.last_size, f"ceilings {label}", tapes, sets, options.reduced(),
                       settings=settings)  # fmt: skip
    return place.once(lambda: Unit({"room": measured()})).tables["room"]


def sighted_learners(options: Options, chosen: Sequence[str]) -> list[Learner]:
    """The first candidate, with the features that only the simulator knows, on both markets."""
    (candidate,) = find_candidates((chosen[0],))
    return [Learner(candidate, options.last_size, COOPERATIVE, market, options.seeds_of("privileged"), options.hours,
                    options.worlds, privileged=True) for market in MARKETS]  # fmt: skip


def train_sighted(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> list[list[Trained]]:
    """Seeds of every learner of `sighted_learners`, without those that diverged."""
    learners = sighted_learners(options, chosen)
    for one in learners:
        train_kept(options, how, opponents, one)
    return [of for of in (policies_of(options, opponents, one) for one in learners) if of]


def _rows(market: str, unit: str, ceilings: Mapping[str, Floats], learners: Mapping[str, Floats]) -> Rows:
    """One row per ceiling and learner, from gains over the constants on the same tapes or states, F64[n] each."""
    return [
        {"market": market, "ceiling": ceiling, "unit": unit, "n": room.size, "learner": name,
         **interval_columns("room", student_t(room)), **interval_columns("gain", student_t(gain)),
         **interval_columns("captured", captured(gain, room))}
        for ceiling, room in ceilings.items() for name, gain in learners.items()
    ]  # fmt: skip


def in_hindsight(
    options: Options, how: Running, sets: Sequence[GovernorSet], market: str, trained: Sequence[Sequence[Trained]],
    sighted: Sequence[Sequence[Trained]],
) -> Rows:  # fmt: skip
    """Constants by market, regime and tape, and learners with privileged features, on the tapes of the evaluation.

    Args:
        options: of the study.
        how: to play.
        sets: constants of each of `NAMES`.
        market: the suite.
        trained: seeds of every learner of the market.
        sighted: the same of privileged ones.
    """
    tapes = suites(options)[market]
    config = WorldOptions(size=options.last_size).make()
    matches = [Match(config, one, tapes) for one in sets]
    matches += [Match(one.learner.config(), one.governors(), tapes) for of in (*trained, *sighted) for one in of]
    played = play_matches(matches, how, f"ceilings: {market}")
    welfare = np.stack([matrix(played, market, one.name)[0] for one in sets])
    other = replace(tapes, first=PLAN.first_tape["picking"])
    picking = play_matches([Match(config, one, other) for one in sets], how, f"ceilings: picking on {market}")
    picked = np.stack([matrix(picking, market, one.name)[0] for one in sets])
    single = NAMES.index(market)
    here, there = (_crashes(table, market, sets[single].name) for table in (played, picking))
    regime = np.full(welfare.shape[1], single)
    for crash in (True, False):
        if (there == crash).any():
            regime[here == crash] = int(picked[:, there == crash].mean(axis=1).argmax())
    mask = played["governors"] == sets[single].name
    order = np.argsort(played["tape_seed"][mask], kind="stable")
    parts = part_names({name: played[name][mask][order] for name in ("scenario", "tape_seed")})
    by_market = np.array([NAMES.index(name.removesuffix(" + drift")) for name in parts])
    column = np.arange(welfare.shape[1])
    ceilings = {
        "constants by market": welfare[by_market, column], "constants by regime": welfare[regime, column],
        "constants by tape": welfare.max(axis=0),
    }  # fmt: skip
    for of in sighted:
        ceilings["privileged learner"] = matrix(played, market, of[0].learner.name).mean(axis=0)
    learners = {of[0].learner.name: matrix(played, market, of[0].learner.name).mean(axis=0) for of in trained}

    def over(values: Mapping[str, Floats]) -> dict[str, Floats]:
        return {name: one - welfare[single] for name, one in values.items()}

    return _rows(market, "tapes", over(ceilings), over(learners))


def _crashes(table: Table, suite: str, governors: str) -> Any:
    return matrix(table, suite, governors, lambda rows: rows["price_drawdown"])[0] <= CRASH


def by_planning(
    options: Options, how: Running, opponents: Opponents, market: str, trained: Sequence[Sequence[Trained]]
) -> Rows:
    """Planners with and without sight, and learners, from the same states."""
    constants = opponents.values(options.last_size, market)
    incumbent = opponents.named(options.last_size, market, tuned_on(CONSTANTS, market))
    config = WorldOptions(size=options.last_size).make()
    ceilings = {
        "planner with sight": _from_states(options, how, config, market, constants, None, True),
        "planner without sight": _from_states(options, how, config, market, constants, None, False),
    }
    base = _from_states(options, how, config, market, constants, incumbent)
    learners = {
        of[0].learner.name: np.mean(
            [_from_states(options, how, one.learner.config(), market, constants, one.governors()) for one in of], axis=0
        )
        for of in trained
    }
    over = [{name: one - base for name, one in values.items()} for values in (ceilings, learners)]
    return _rows(market, "states", *over)


def _from_states(
    options: Options, how: Running, config: WorldConfig, market: str, constants: Mapping[str, float],
    governors: GovernorSet | None, sight: bool = True,
) -> Floats:  # fmt: skip
    """W of the rest from every state, F64[states]."""
    (about,) = describe([governors]) if governors is not None else ({"files": {}},)
    decisions = -(-config.episode_hours // config.decision_hours)
    first, jobs = PLAN.first_tape["states"], []
    for at, moment in enumerate(MOMENTS):
        own = len(range(at, options.states, len(MOMENTS)))
        for start in range(0, own, TOGETHER):
            jobs.append(
                Rest(market, first + at * PLAN.states + start, min(TOGETHER, own - start), int(moment * decisions),
                     constants, governors, about["files"], sight, PLANNER)
            )  # fmt: skip
    who = governors.name if governors is not None else f"planner_{'sight' if sight else 'none'}"
    seed = governors.training_seed if governors is not None else 0
    pieces = [Piece(f"rest_{market}_{who}_{seed}", job) for job in jobs]
    return np.concatenate([table["welfare"] for table in run_pieces(play_rest, config, pieces, how, f"states: {who}")])
