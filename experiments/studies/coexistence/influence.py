"""Influence of learned governors on each other by forks, at every kept checkpoint, with the laboratory's controls."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.studies.coexistence.playing import Sources
from protogov.experiments.studies.emergence.extraction import arrays, extract, loaded
from protogov.experiments.studies.emergence.influence import Influence, InfluenceSample
from protogov.experiments.studies.emergence.measure import Control, Finding
from protogov.experiments.studies.emergence.reading import WELFARE
from protogov.experiments.studies.emergence.subjects import Subject
from protogov.experiments.studies.emergence.tasks import Task
from protogov.experiments.studies.emergence.tiers import TIERS, Tier

CONTROLS = ("placebo", "decoupled", "yoked")
MOMENTS = (0.2, 0.55)  # shares of an episode after which it is forked
WINDOW = 24  # hours after a push over which outcomes are averaged
KEPT = 3  # clearest links of a kind that the table keeps
KINDS = {"total": "everybody answers", "policy": "through the others' policies alone"}


def tier_of(config: WorldConfig, worlds: int) -> Tier:
    """Sizes of the forks; an episode shorter than two days has a shorter window."""
    full, window = TIERS["full"], min(WINDOW, config.decision_hours * max(1, config.horizon // 2))
    return Tier(**{**vars(full), "name": "coexistence", "worlds": worlds, "moments": MOMENTS, "windows": (window,),
                   "control_worlds": max(2, worlds // 4)})  # fmt: skip


def subject_of(name: str, learned: Sequence[Sources], seeds: Sequence[int], files: Sequence[str]) -> Subject:
    """The governors of a checkpoint, a member a training seed."""
    members = tuple(tuple(sources.items()) for sources in learned)
    return Subject(name, members, tuple(seeds), tuple(files))


def measure_influence(
    config: WorldConfig, name: str, learned: Sequence[Sequence[Sources]], seeds: Sequence[int], files: Sequence[str],
    scenarios: Sequence[tuple[str, str]], worlds: int, how: Running,
) -> tuple[Table, list[Control]]:  # fmt: skip
    """Links between governors, and the controls with the last policies.

    Args:
        config: the world.
        name: of the cell.
        learned: [seed][checkpoint] -> seat -> source.
        seeds: training seeds.
        files: digests of the policies.
        scenarios: (market, scenario) of each market.
        worlds: of the forks.
        how: see `Running`.

    Returns:
        A row a market, checkpoint and kind: `tested`, number of links from a lever to another governor's reward or to
        welfare; `found`, those that are significant (max-T, 8 training seeds or more); the clearest of them and its
        effect with its interval.
        And the controls.
    """
    tier = tier_of(config, worlds)
    agents = [agent.name for agent in config.learners()]
    checkpoints = range(len(learned[0]))
    tasks: list[tuple[str, int, Task]] = []
    for stratum, (market, scenario) in enumerate(scenarios):
        for at in checkpoints:
            subject = subject_of(f"{name} {at}", [of[at] for of in learned], seeds, files)
            tasks += [(market, at, Task("influence", subject, tier, scenario, stratum, agent)) for agent in agents]
    last = subject_of(f"{name} last", [of[-1] for of in learned], seeds, files)
    controls = [Task("control", last, tier, scenarios[0][1], 0, focus) for focus in CONTROLS]
    pieces = [Piece(f"{name}_influence_{market}_{at}_{task.focus}", task, config) for market, at, task in tasks]
    pieces += [Piece(f"{name}_control_{task.focus}", task, config) for task in controls]
    tables = run_pieces(extract, config, pieces, how, "forks")
    rows = []
    for market, _ in scenarios:
        for at in checkpoints:
            own = [loaded(table) for (of, when, _), table in zip(tasks, tables, strict=False)
                   if (of, when) == (market, at)]  # fmt: skip
            rows += [{"market": market, "checkpoint": at, **row} for row in _links(own, config)]
    found = [Control(**{**loaded(table), "guards": tuple(loaded(table)["guards"])}) for table in tables[len(tasks) :]]
    return columns(rows), found


def _links(parts: Sequence[dict[str, Any]], config: WorldConfig) -> list[dict[str, Any]]:
    """Of the samples of all agents' levers, the links to others; a row a kind."""
    names = {agent.name: agent.role.levers for agent in config.learners()}
    samples = [
        InfluenceSample(
            [(agent, names[agent][int(lever)]) for agent, lever in part["levers"]], part["outcomes"],
            tuple((first, last) for first, last in part["windows"]), np.array(part["movements"]),
            np.array(part["pushes"]), arrays(part["effects"]),
        )
        for part in parts
    ]  # fmt: skip
    whole = InfluenceSample(
        [lever for one in samples for lever in one.levers], samples[0].outcomes, samples[0].windows,
        np.concatenate([one.movements for one in samples]), np.concatenate([one.pushes for one in samples]),
        {kind: np.concatenate([one.effects[kind] for one in samples], axis=1) for kind in samples[0].effects},
    )  # fmt: skip
    findings = Influence().reduce(whole)
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
    """Whether the outcome is welfare or the reward of somebody else than who is pushed."""
    agent = one.name.split()[1].partition("/")[0]
    outcome = one.name.partition(" -> ")[2].partition(" @")[0]
    return outcome == WELFARE or outcome.partition("/")[2] != agent
