"""The parts of a report that play episodes, each a piece that a kill leaves as it was: task -> what was measured.

A piece's table has one row with one column, a JSON text: samples are nests of arrays of many shapes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.core.evaluation import EpisodeSums
from protogov.experiments.core.governors import NO_SEED
from protogov.experiments.core.play import open_worlds, play
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.studies.emergence import controls, training_paths
from protogov.experiments.studies.emergence.anchors import CORE, Company, constant_game
from protogov.experiments.studies.emergence.cascades import Attribution
from protogov.experiments.studies.emergence.collusion import Collusion
from protogov.experiments.studies.emergence.controls import SideBySide
from protogov.experiments.studies.emergence.crisis import Amplification, TurningPoint
from protogov.experiments.studies.emergence.cross_play import CrossPlay
from protogov.experiments.studies.emergence.dividends import Dividends
from protogov.experiments.studies.emergence.exploitability import Exploitability
from protogov.experiments.studies.emergence.forks import Plan, fork_points
from protogov.experiments.studies.emergence.influence import KINDS, Influence
from protogov.experiments.studies.emergence.interventions import Push, read_crisis
from protogov.experiments.studies.emergence.measure import Control
from protogov.experiments.studies.emergence.reading import WELFARE, Market, market_of
from protogov.experiments.studies.emergence.responses import trained_response
from protogov.experiments.studies.emergence.subjects import baselines_of
from protogov.experiments.studies.emergence.tasks import Task, tapes_of
from protogov.experiments.studies.emergence.tiers import Tier
from protogov.experiments.studies.emergence.tree import Tree

SIGMA = {"offset": 0.3, "linear": 0.03}  # first step of a search of the ladder; slopes are many
OURS, DEFAULTS = "examined", "defaults"  # governors of recorded episodes
BETWEEN = 4  # decisions between the moments at which a way out is looked for first; then those between them


@dataclass(frozen=True)
class Scene:
    """Worlds with governors and a plan."""

    world: Simulator
    governors: Mapping[str, Any]
    plan: Plan
    market: Market


def scene(config: WorldConfig, task: Task, worlds: int, *, steps: int = 0, **reading: bool) -> Scene:
    """Worlds of a task, about so many, whose units are those of its subject.

    Args:
        config: of the worlds.
        task: subject and scenario.
        worlds: rows wanted.
        steps: decisions of a branch; by default to the end, from the opening.
        reading: see `reading.Market`.
    """
    rows = len(task.subject.owners(worlds)) if task.subject.trained else worlds
    seeds = tapes_of(task, rows)
    world = _open(config, task.scenario, rows)
    market = market_of(world, seeds, **reading)
    times: tuple[int, ...] = (0,)
    if steps:
        room = world.horizon - steps
        times = tuple(sorted({max(0, min(room, round(share * world.horizon))) for share in task.tier.moments}))
    plan = Plan(seeds, task.subject.units(seeds), times, steps or world.horizon, market)
    return Scene(world, task.subject.governors(config, rows), plan, market)


def _open(config: WorldConfig, scenario: str, rows: int) -> Simulator:
    with as_bad_input():
        return Simulator(config, rows, scenario=scenario)


def windows_of(config: WorldConfig, tier: Tier) -> tuple[tuple[int, int], ...]:
    """Windows of influence in decisions, of those that end within half an episode."""
    ends = sorted({-(-hours // config.decision_hours) for hours in tier.windows})
    return tuple((1, end) for end in ends if end <= max(1, config.horizon // 2))


# ---------------------------------------------------------------------- parts


def influence(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Effects of one agent's levers on everybody's mandate and on welfare [bp of K0].

    A reward may be a blend with welfare, under which an effect on everybody would pass for one on another governor.
    """
    windows = windows_of(config, task.tier)
    at = scene(config, task, task.tier.worlds, steps=windows[-1][1], rewards=False, mandates=True)
    measure = Influence(windows, task.tier.doses, agents=(task.focus,), push=Push)
    sample = measure.extract(at.world, at.governors, at.plan)
    return asdict(sample)


def fan(config: WorldConfig, task: Task) -> dict[str, Any]:
    """What one push up and one down do to one outcome, decision by decision, also with the others replayed.

    `focus` is agent|lever|outcome|caps.
    """
    agent, lever, outcome, caps = task.focus.split("|")
    windows = windows_of(config, task.tier)
    at = scene(config, task, task.tier.worlds, steps=windows[-1][1], rewards=False, mandates=True)
    found: dict[str, list[Any]] = {"up": [], "down": [], "down, others replayed": []}
    for point in fork_points(at.world, at.governors, at.plan):
        base = point.run(at.plan.steps)
        others = {other: own for other, own in base.asked.items() if other != agent}
        for name in found:
            push = Push(agent, int(lever), float(caps) * (1.0 if name == "up" else -1.0))
            run = point.run(at.plan.steps, others if "replayed" in name else {}, push)
            found[name].append(run.outcomes[outcome] - base.outcomes[outcome])
    return {name: at.plan.by_unit(np.mean(own, axis=0).T) for name, own in found.items()}


def dividends(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Welfare of every coalition of learned governors and baselines."""
    at = scene(config, task, task.tier.episodes, rewards=False)
    sample = Dividends(baselines_of(config)).extract(at.world, at.governors, at.plan)
    return asdict(sample)


def ladder(config: WorldConfig, task: Task) -> dict[str, Any]:
    """A rung of the ladder for one agent; `focus` is agent|rung."""
    agent, rung = task.focus.split("|")
    at = scene(config, task, task.tier.ladder_worlds, welfare=False)
    search, choice = (tapes_of(task, len(at.plan.seeds), use) for use in ("searching", "choosing"))
    measure = Exploitability(
        search, choice, (rung,), SIGMA[rung], task.tier.generations, task.tier.population, (agent,)
    )
    return asdict(measure.extract(at.world, at.governors, at.plan))


def cross_play(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Payoffs with one agent of other training seeds."""
    at = scene(config, task, task.tier.worlds, welfare=False)
    return asdict(CrossPlay(agents=(task.focus,)).extract(at.world, at.governors, at.plan))


def anchors(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Nash and joint optimum of constant strategies of a role's lever, beside those and where `collusion` looks."""
    plan = scene(config, task, task.tier.worlds, steps=windows_of(config, task.tier)[-1][1], welfare=False).plan
    pair = (f"{task.focus}_0", f"{task.focus}_1")
    members = np.split(plan.seeds, len(task.subject.members))

    def others(number: int) -> Mapping[str, Any]:
        own = task.subject.of_member(number, config, any_batch=True)
        return {seat: governor for seat, governor in own.items() if seat not in pair}

    companies = [Company(seeds, partial(others, number)) for number, seeds in enumerate(members)]
    game = constant_game(config, task.scenario, task.focus, task.tier.grid, companies, plan.times, plan.steps)
    game = game.by_unit(plan.labels)
    solved = game.solved()
    mean = game.own.mean(axis=2)
    error = game.own.std(axis=2, ddof=1) / np.sqrt(game.own.shape[2]) if game.own.shape[2] > 1 else 0.0 * mean
    return {**asdict(solved), "push": solved.push(), "actions": game.actions, "own": mean, "own_error": error}


def collusion(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Forced deviations of a role's lever at both venues, and meetings with strangers; `extra` is (size, down).

    What a deviation brings is counted to the end of the episode.
    """
    role, (size, down) = task.focus, task.extra
    pair = (f"{role}_0", f"{role}_1")
    rows = len(task.subject.owners(task.tier.worlds))
    others = task.subject.governors(config, rows, any_batch=True)
    seated = {seat: own for seat, own in others.items() if seat not in pair}
    behind = replace(config, background={**config.background, **seated})
    windows = windows_of(config, task.tier)
    at = scene(behind, task, task.tier.worlds, steps=windows[-1][1], welfare=False)
    lever = at.world.roles[pair[0]].levers.index(CORE[role])
    left = at.world.horizon - max(at.plan.times)
    battery = Collusion(None, myopic=0.0, size=size, down=down, lever=lever, after=left)  # type: ignore[arg-type]
    return asdict(battery.extract(at.world, at.governors, at.plan))


def attribution(config: WorldConfig, task: Task) -> dict[str, Any]:
    """What each governor's decisions contributed to welfare and losses of a crisis [bp of K0], however it is paid."""
    at = scene(config, task, task.tier.crisis_worlds, rewards=False, losses=True)
    return asdict(Attribution(baselines_of(config)).extract(at.world, at.governors, at.plan))


def cascade(config: WorldConfig, task: Task) -> dict[str, Any]:
    """What the price impact of forced sales adds to liquidations, and which sale caused which."""
    at = scene(config, task, task.tier.crisis_worlds, steps=windows_of(config, task.tier)[-1][1])
    plan = replace(at.plan, read=read_crisis)
    amplified = asdict(Amplification().extract(at.world, at.governors, plan))
    try:
        tree = asdict(Tree(most=task.tier.muted).extract(at.world, at.governors, plan))
    except BadInput as error:
        return {"amplification": amplified, "tree": None, "none": str(error)}
    return {"amplification": amplified, "tree": tree, "none": ""}


def turning_point(config: WorldConfig, task: Task) -> dict[str, Any]:
    """The last decision from which some constant setting halves the bad debt of a crisis."""
    at = scene(config, task, task.tier.crisis_worlds)
    plan = replace(at.plan, times=tuple(range(0, at.world.horizon, BETWEEN)), read=read_crisis)
    try:
        sample = TurningPoint(settings=task.tier.settings).extract(at.world, at.governors, plan)
    except BadInput as error:
        return {"none": str(error)}
    return {**asdict(sample), "none": ""}


def control(config: WorldConfig, task: Task) -> dict[str, Any]:
    """A control with these governors in this world."""
    windows = windows_of(config, task.tier)
    at = scene(config, task, task.tier.control_worlds, steps=windows[-1][1], welfare=False)
    made: Control
    if task.focus == "placebo":
        made = controls.placebo(at.world, at.governors, at.plan)
    elif task.focus == "decoupled":
        pair = SideBySide([_open(config, task.scenario, at.world.num_worlds) for _ in range(2)])
        sides = [task.subject.governors(config, at.world.num_worlds) for _ in range(2)]
        both = {f"{agent}@{side}": own for side, of in enumerate(sides) for agent, own in of.items()}
        plan = replace(at.plan, read=_rewards_alone)
        made = controls.decoupled(pair, both, plan)
    else:
        measure = Influence(windows[:1], (1.0,), push=Push)
        made = controls.yoked(at.world, at.governors, replace(at.plan, steps=windows[0][1]), measure)
    return asdict(made)


def episodes(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Whole episodes of those examined, or of the defaults, a row each with everybody's payoff (`core.evaluation`)."""
    rows = len(task.subject.owners(task.tier.worlds)) if task.subject.trained else task.tier.worlds
    seeds = tapes_of(task, rows)
    world = open_worlds(config, task.scenario, seeds)
    ours = task.focus != DEFAULTS
    governors = task.subject.governors(config, rows) if ours else baselines_of(config)
    sums = EpisodeSums(world)
    for step in play(world, governors, seeds):
        sums.add(step)
    numbers = np.array(task.subject.training_seeds)
    seed = numbers[task.subject.owners(rows)] if ours and task.subject.trained else np.full(rows, NO_SEED)
    labels = {"governors": [task.focus] * rows, "training_seed": seed, "scenario": [task.scenario] * rows}
    return {**labels, "tape_seed": seeds, **sums.table()}


def probe(config: WorldConfig, task: Task) -> dict[str, Any]:
    """What one set of governors does in states that the defaults led to."""
    table = training_paths.probe(config, training_paths.ProbeJob(task.subject, task.scenario, task.tier.worlds))
    return {"action": table["action"]}


def _rewards_alone(step: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {f"reward/{agent}": np.asarray(step.rewards[agent], np.float64) for agent in asked}


PARTS: Mapping[str, Callable[[WorldConfig, Task], dict[str, Any]]] = {
    "influence": influence, "fan": fan, "dividends": dividends, "ladder": ladder, "trained": trained_response,
    "cross-play": cross_play, "anchors": anchors, "collusion": collusion, "attribution": attribution,
    "cascade": cascade, "turning-point": turning_point, "control": control, "episodes": episodes,
    "probe": probe,
}  # fmt: skip


def extract(config: WorldConfig, task: Task) -> Table:
    """Play one part."""
    return as_table(PARTS[task.part](config, task))


def as_table(measured: Mapping[str, Any]) -> Table:
    """A piece's table of what was measured."""
    return {"json": np.array([json.dumps(measured, default=_plain)])}


def loaded(table: Table) -> dict[str, Any]:
    """What `extract` measured."""
    found: dict[str, Any] = json.loads(str(table["json"][0]))
    return found


def _plain(value: Any) -> Any:
    return value.tolist()


def arrays(effects: Mapping[str, Any]) -> dict[str, Any]:
    """Nested lists of each kind of effect as arrays."""
    return {kind: np.array(effects[kind]) for kind in KINDS}


def sensible(names: Sequence[str]) -> list[int]:
    """Places of outcomes that are mandates, without welfare."""
    return [place for place, name in enumerate(names) if name != WELFARE]
