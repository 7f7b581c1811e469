"""Influence of learned governors on each other by forks, at every kept checkpoint, with the laboratory's controls.

Outcomes are mandates, whatever a governor is paid, and W: where all are paid W, an effect on another's reward would be
one on W. In crises worlds are forked when the deepest day of their tape begins, and half a day later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import tape_seeds
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.studies.coexistence.playing import Sources
from protogov.experiments.studies.coexistence.spared import Account, spared
from protogov.experiments.studies.coexistence.tapes import deep_tapes, open_batch
from protogov.experiments.studies.emergence.controls import PLANTED, replay
from protogov.experiments.studies.emergence.extraction import arrays, as_table, extract, loaded
from protogov.experiments.studies.emergence.forks import Plan
from protogov.experiments.studies.emergence.influence import Influence, InfluenceSample
from protogov.experiments.studies.emergence.interventions import Push
from protogov.experiments.studies.emergence.measure import Control, Finding
from protogov.experiments.studies.emergence.reading import WELFARE, market_of
from protogov.experiments.studies.emergence.subjects import Subject
from protogov.experiments.studies.emergence.tasks import Task
from protogov.experiments.studies.emergence.tiers import TIERS, Tier

CONTROLS = ("placebo", "decoupled", "yoked")
MOMENTS = (0.2, 0.55)  # shares of a calm episode after which it is forked
LATER = 12  # hours between the two moments of a crisis
DOSES = (1.0, 2.0)  # caps of a push, up and down
WINDOW = 24  # hours after a push over which outcomes are averaged
FIRST = 2**24  # number of the first tape; line-ups have lower ones
KINDS = {"total": "everybody answers", "policy": "through the others' policies alone"}


@dataclass(frozen=True)
class ForkJob:
    """A piece: the levers of one governor, in one market, at one checkpoint.

    Attributes:
        subject: the governors of a checkpoint, a member a training seed.
        agent: whose levers are pushed.
        scenarios: of the market.
        crisis: whether worlds are forked in the deepest day of their tape.
        worlds: rows wanted.
    """

    subject: Subject
    agent: str
    scenarios: tuple[str, ...]
    crisis: bool
    worlds: int


@spared
def fork(config: WorldConfig, job: ForkJob) -> Table:
    """Effects of an agent's levers on everybody's mandate and on W; see `extraction.as_table`."""
    rows, every = len(job.subject.owners(job.worlds)), config.decision_hours
    steps = window_of(config) // every
    names = tuple(job.scenarios[row % len(job.scenarios)] for row in range(rows))
    latest, times = config.horizon - steps, tuple[int, ...]()
    if job.crisis:
        chosen, begins = deep_tapes(names, FIRST, config.episode_hours, every, latest)
        seeds = np.array(chosen, np.uint64)
        times = (begins, min(begins + LATER // every, latest))
    else:
        seeds = tape_seeds(rows, FIRST)
        times = tuple(min(round(share * config.horizon), latest) for share in MOMENTS)
    world = open_batch(config, names, seeds)
    market = market_of(world, seeds, rewards=False, mandates=True)
    # a training seed is the unit also where there is only one, of which nothing can then be claimed
    plan = Plan(seeds, job.subject.owners(rows), tuple(sorted(set(times))), steps, market)
    measure = Influence(((1, steps),), DOSES, agents=(job.agent,), push=Push)
    return as_table(asdict(measure.extract(world, job.subject.governors(config, rows), plan)))


@spared
def control(config: WorldConfig, task: Task) -> Table:
    """A control with these governors in this world."""
    return extract(config, task)


def window_of(config: WorldConfig) -> int:
    """Hours after a push over which outcomes are averaged; fewer in an episode shorter than two days."""
    every = config.decision_hours
    return max(every, min(WINDOW, every * max(1, config.horizon // 2)) // every * every)


def tier_of(config: WorldConfig, worlds: int) -> Tier:
    """Sizes of the controls."""
    return Tier(**{**vars(TIERS["full"]), "name": "coexistence", "worlds": worlds, "moments": MOMENTS, "doses": DOSES,
                   "windows": (window_of(config),), "control_worlds": max(2, worlds // 4)})  # fmt: skip


def subject_of(name: str, learned: Mapping[int, Sources], files: Sequence[str]) -> Subject:
    """The governors of a checkpoint, a member a training seed."""
    members = tuple(tuple(sources.items()) for sources in learned.values())
    return Subject(name, members, tuple(learned), tuple(files))


def measure_influence(
    config: WorldConfig, name: str, learned: Mapping[int, Sequence[Sources]], files: Sequence[str],
    markets: Mapping[str, Sequence[str]], crisis: str, worlds: int, how: Running, account: Account,
) -> tuple[Table, list[Control]]:  # fmt: skip
    """Links between governors, and the controls with the last policies.

    Args:
        config: the world.
        name: of the cell.
        learned: number of a training seed -> [checkpoint] -> seat -> source.
        files: digests of the policies.
        markets: name -> scenarios.
        crisis: the market that is forked in the deepest day of its tapes.
        worlds: of the forks.
        how: see `Running`.
        account: of costs and failures.

    Returns:
        A row a market, checkpoint and kind: `tested`, number of links from a lever to another governor's mandate or to
        W; `found`, those that are significant (max-T, 8 training seeds or more); the clearest of them and its effect
        with its interval [bp of K0 a decision, for a push of one cap]. A checkpoint of which a piece failed has none.
        And the controls: those of forks in the first market, whether replayed levers stayed where they were in all
        markets, and the planted ones.
    """
    agents = [agent.name for agent in config.learners()]
    asked: list[tuple[str, int, ForkJob]] = []
    for market, scenarios in markets.items():
        for at in range(len(next(iter(learned.values())))):
            subject = subject_of(f"{name} {at}", {seed: of[at] for seed, of in learned.items()}, files)
            asked += [(market, at, ForkJob(subject, agent, tuple(scenarios), market == crisis, worlds))
                      for agent in agents]  # fmt: skip
    pieces = [Piece(f"{name}_influence_{market}_{at}_{job.agent}", job, config) for market, at, job in asked]
    what = [f"forks, {market}, checkpoint {at}, levers of {job.agent}" for market, at, job in asked]
    tables = account.book("forks", what, run_pieces(fork, config, pieces, how, "forks"))
    rows, gap = list[dict[str, Any]](), 0.0
    for market, at in dict.fromkeys((market, at) for market, at, _ in asked):
        own = [table for (of, when, _), table in zip(asked, tables, strict=True) if (of, when) == (market, at)]
        if all(own):
            whole = _joined([loaded(table) for table in own], config)
            gap = max(gap, whole.replay_gap)
            rows += [{"market": market, "checkpoint": at, **row} for row in _links(whole)]
    last = subject_of(f"{name} last", {seed: of[-1] for seed, of in learned.items()}, files)
    found = _controls(config, name, Task("control", last, tier_of(config, worlds), next(iter(markets.values()))[0]),
                      how, account)  # fmt: skip
    nothing = InfluenceSample([], [], (), np.zeros(0), np.zeros(0), {}, gap)
    return columns(rows) if rows else {}, [*found, replay(nothing), *(made() for made in PLANTED)]


def _controls(config: WorldConfig, name: str, task: Task, how: Running, account: Account) -> list[Control]:
    """The controls with a task's governors; one that cannot be run has not passed."""
    tasks = [Task(**{**vars(task), "focus": focus}) for focus in CONTROLS]
    pieces = [Piece(f"{name}_control_{one.focus}", one, config) for one in tasks]
    tables = account.book(
        "forks", [f"control {focus}" for focus in CONTROLS], run_pieces(control, config, pieces, how, "controls")
    )
    found = []
    for focus, table in zip(CONTROLS, tables, strict=True):
        if table:
            about = loaded(table)
            found.append(Control(**{**about, "guards": tuple(about["guards"])}))
        else:
            found.append(Control(focus, "exactly 0", "not run", False, ("influence",)))
    return found


def _joined(parts: Sequence[dict[str, Any]], config: WorldConfig) -> InfluenceSample:
    """One sample of those of all agents' levers."""
    names = {agent.name: agent.role.levers for agent in config.learners()}
    effects = [arrays(part["effects"]) for part in parts]
    return InfluenceSample(
        [(agent, names[agent][int(lever)]) for part in parts for agent, lever in part["levers"]],
        parts[0]["outcomes"],
        tuple((first, last) for first, last in parts[0]["windows"]),
        np.concatenate([np.array(part["movements"]) for part in parts]),
        np.concatenate([np.array(part["pushes"]) for part in parts]),
        {kind: np.concatenate([own[kind] for own in effects], axis=1) for kind in effects[0]},
        max(float(part["replay_gap"]) for part in parts),
    )


def _links(sample: InfluenceSample) -> list[dict[str, Any]]:
    """The links to others, a row a kind."""
    findings = Influence().reduce(sample)
    rows = []
    for kind in KINDS:
        own = [one for one in findings if one.name.startswith(f"{kind} ") and _to_another(one)]
        clear = [one for one in own if one.found]
        best = max(own, key=lambda one: abs(one.interval.z) if np.isfinite(one.interval.z) else 0.0)
        link = best.name.removeprefix(f"{kind} ").partition(" @")[0]
        rows.append(
            {"kind": kind, "tested": len(own), "found": len(clear), "clearest": link,
             "effect": best.value, "effect_low": best.interval.low, "effect_high": best.interval.high,
             "p": best.adjusted_p, "detectable": float(np.median([one.detectable for one in own]))}
        )  # fmt: skip
    return rows


def _to_another(one: Finding) -> bool:
    """Whether the outcome is W or the mandate of somebody else than who is pushed."""
    agent = one.name.split()[1].partition("/")[0]
    outcome = one.name.partition(" -> ")[2].partition(" @")[0]
    return outcome == WELFARE or outcome.partition("/")[2] != agent
