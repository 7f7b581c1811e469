"""Best responses that are trained: the upper rungs of the ladder, and the battery's retraining.

One network learns against the frozen others, as `protogov train` would let it: from the policy that it is to beat
(`warm`), or from nothing (`scratch`). It is chosen, scored and trained on three different sets of tapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.envs.simulator import Simulator
from protogov.experiments.core.play import open_worlds, play
from protogov.experiments.errors import as_bad_input
from protogov.experiments.studies.emergence.forks import Floats, Seeds
from protogov.experiments.studies.emergence.subjects import governor_of
from protogov.experiments.studies.emergence.tasks import Task, Use, tapes_of
from protogov.experiments.training.run_config import SEED_STRIDE, training_scenario

TRAINED_RUNGS = ("warm", "scratch")
TAPES: Mapping[str, Use] = {"gains": "scoring", "chosen": "choosing"}
RANDOMISE_LEVERS = 0.25  # as `protogov train` does


def trained_response(config: WorldConfig, task: Task) -> dict[str, Any]:
    """Train, and score beside the policy that it answers for.

    Args:
        config: of the worlds.
        task: `focus` is agent|rung|number of the member; `extra` is (market hours, worlds side by side).

    Returns:
        `gains`, F64[tapes] over the agent's own policy on the plan's tapes; `chosen`, their mean on the tapes on which
        rungs are compared.
    """
    from protogov.agents.ppo.settings import PPOSettings
    from protogov.agents.ppo.trainer import Trainer, rollouts_for

    agent, rung, member = task.focus.split("|")
    hours, worlds = task.extra
    sources = dict(task.subject.members[int(member)])
    seats = {seat.name: seat for seat in config.learners()}
    others: dict[str, Governor] = {
        name: governor_of(sources.get(name, "constant"), seat, config, seed=int(member), any_batch=True)
        for name, seat in seats.items()
        if name != agent
    }
    behind = replace(config, background={**config.background, **others})
    learning = replace(behind, randomise_levers=RANDOMISE_LEVERS, stagger=True)
    source = sources.get(agent, "constant")
    with as_bad_input():
        settings = PPOSettings(**(warm_options(source) if rung == "warm" else {}))
        training = Simulator(
            learning, int(worlds), scenario=training_scenario(task.scenario), seed=(int(member) + 1) * SEED_STRIDE
        )
        trainer = Trainer(training, settings, total_rollouts=rollouts_for(hours, training, settings), seed=int(member))
    trainer.run()
    learned = trainer.governor(agent)
    own = governor_of(source, seats[agent], config, seed=int(member))
    count = max(1, task.tier.ladder_worlds // len(task.subject.members))
    tapes = {name: _of_member(task, count, int(member), use) for name, use in TAPES.items()}
    gains = {
        name: _earned(behind, task.scenario, agent, learned, seeds) - _earned(behind, task.scenario, agent, own, seeds)
        for name, seeds in tapes.items()
    }
    return {"gains": gains["gains"], "chosen": float(gains["chosen"].mean())}


def _of_member(task: Task, count: int, member: int, use: Use) -> Seeds:
    """The tapes of one member's rows."""
    return tapes_of(task, count * len(task.subject.members), use)[member * count : (member + 1) * count]


def _earned(config: WorldConfig, scenario: str, agent: str, governor: Governor, seeds: Seeds) -> Floats:
    """Reward of whole episodes, F64[tapes]."""
    world = open_worlds(config, scenario, seeds)
    return np.asarray(sum(step.rewards[agent] for step in play(world, {agent: governor}, seeds)), np.float64)


def warm_options(source: str) -> dict[str, Any]:
    """Options of learning with which a network begins as a governor: its own family, sizes and form of actions.

    Raises:
        ValueError: its file is damaged.
    """
    if not source.endswith(".json"):
        return {}
    from protogov.agents.policies.policy import load_policy_file

    policy = load_policy_file(Path(source))
    options: dict[str, Any] = {
        "start": source, "architecture": policy.architecture, "activation": policy.activation,
    }  # fmt: skip
    if policy.architecture != "linear":  # which has no hidden layers in its actor
        options["hidden_sizes"] = policy.hidden_sizes
    if policy.change is not None:
        options |= {"action_form": "change", "change_size": policy.change.size}
    return options


def can_start_from(source: str) -> bool:
    """Whether a network can begin as this governor: a policy's file, or the defaults; a contract has whole numbers."""
    return source == "constant" or (source.endswith(".json") and Path(source).name != "manifest.json")
