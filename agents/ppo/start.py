"""Where a governor's learning starts: at the defaults, at a baseline, or at a policy that was trained before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from protogov.agents.baselines import governor_names, make_governor
from protogov.agents.baselines.baseline import Baseline
from protogov.agents.policies.architectures import Front, make_front
from protogov.agents.policies.execution import Change, Execution
from protogov.agents.policies.incumbent import Incumbent
from protogov.agents.policies.policy import Policy, load_policy_file
from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.ppo.sharing import groups_of
from protogov.agents.ppo.world import TrainingWorld, decision_hours, lever_names, observation_names, role_of
from protogov.agents.zoo import zoo_policies
from protogov.envs.world.features import FEATURES

DEFAULTS = "defaults"
SHORT_NAMES = {"linear": "linear_feedback"}


@dataclass(frozen=True)
class Start:
    """Where one governor starts.

    Attributes:
        incumbent: the rule to which its outputs are added; None for the defaults, which are an action of 0.
        policy: the policy whose weights its actor copies; None for new weights.
    """

    incumbent: Incumbent | None = None
    policy: Policy | None = None


def find_start(settings: PPOSettings, world: TrainingWorld, agent: str) -> Start:
    """The meaning of `settings.start` for a governor.

    Raises:
        ValueError: it is neither a name nor a file, the baseline has more than constants and slopes, or the policy does
            not fit the governor or the settings.
    """
    if settings.start == DEFAULTS:
        return Start()
    shipped = zoo_policies(settings.start)
    place = shipped.get(agent, Path(settings.start)) if shipped else Path(settings.start)
    if place.suffix == ".json" or place.is_dir():
        policy = load_policy_file(place / f"policy_{agent}.json" if place.is_dir() else place)
        _check_fit(policy, settings, world, agent)
        return Start(policy.incumbent, policy)
    name, role = SHORT_NAMES.get(settings.start, settings.start), role_of(world, agent)
    incumbent = None
    if name in governor_names() and role is not None:
        governor = make_governor(name, role, defaults=getattr(getattr(world, "config", None), "defaults", None))
        incumbent = governor.incumbent() if isinstance(governor, Baseline) else None
    if incumbent is None:
        raise ValueError(
            f"start is {settings.start!r}; accepted: defaults, tuned or another baseline of constants, linear, an "
            "entry of the zoo, the path of a policy's .json file, or a folder of such files"
        )
    if settings.action_form == "change":
        raise ValueError(
            f"start is {settings.start!r}; accepted where action_form is change: defaults, or the path of a policy"
        )
    return Start(incumbent)


def common_start(group: Sequence[str], starts: Mapping[str, Start]) -> Start:
    """Where the learner of some agents starts.

    Raises:
        ValueError: they share a learner, and would start as different policies.
    """
    first, *others = (starts[agent] for agent in group)
    for agent, other in zip(group[1:], others, strict=True):
        if not _alike(first, other):
            raise ValueError(
                f"shared_parameters is True; accepted where agents of a role start alike, and {agent} starts as "
                f"another policy than {group[0]}"
            )
    return first


def _alike(one: Start, other: Start) -> bool:
    ours, theirs = ({} if start.policy is None else start.policy.weights for start in (one, other))
    return (
        one.incumbent == other.incumbent
        and ours.keys() == theirs.keys()
        and all(np.array_equal(ours[name], theirs[name]) for name in ours)
    )


def make_execution(settings: PPOSettings, world: TrainingWorld, agent: str, start: Start) -> Execution:
    """How the outputs of a governor's network become actions.

    Raises:
        ValueError: the governor does not observe a number that is needed.
    """
    change = None
    if settings.action_form == "change":
        units = (FEATURES[name].scale for name in ("lever_executed", "lever_pending"))
        change = Change(settings.change_size, *units)
    try:
        return Execution(lever_names(world, agent), observation_names(world, agent), start.incumbent, change)
    except ValueError as error:
        raise ValueError(f"{agent} cannot learn so: {error}") from None


def front_of(settings: PPOSettings, world: TrainingWorld, agent: str) -> Front:
    """The part before the hidden layers of a governor's network.

    Raises:
        ValueError: the governor does not observe a number that is needed.
    """
    try:
        return make_front(settings.architecture, observation_names(world, agent))
    except ValueError as error:
        raise ValueError(f"{agent} cannot learn so: {error}") from None


def check_learners(settings: PPOSettings, world: TrainingWorld) -> None:
    """Refuse settings that do not fit the governors of a world, before anything else is built.

    Raises:
        ValueError: see `find_start`, `front_of`, `make_execution` and those of `protogov.agents.ppo.sharing`.
    """
    starts = {agent: find_start(settings, world, agent) for agent in world.agents}
    for agent in world.agents:
        front_of(settings, world, agent)
        make_execution(settings, world, agent, starts[agent])
    for group in groups_of(settings, world):
        common_start(group, starts)


def _check_fit(policy: Policy, settings: PPOSettings, world: TrainingWorld, agent: str) -> None:
    policy.check_features(observation_names(world, agent))
    form = "target" if policy.change is None else "change"
    has = {
        "levers": (", ".join(policy.levers), ", ".join(lever_names(world, agent))),
        "decision_hours": (policy.decision_hours, decision_hours(world)),
        "architecture": (policy.architecture, settings.architecture),
        "hidden_sizes": (policy.hidden_sizes, () if settings.architecture == "linear" else settings.hidden_sizes),
        "activation": (policy.activation, settings.activation),
        "action_form": (form, settings.action_form),
    }
    if policy.change is not None:
        has["change_size"] = (policy.change.size, settings.change_size)
    for field, (theirs, ours) in has.items():
        if theirs != ours:
            raise ValueError(
                f"{agent} cannot start as the policy of {policy.agent} in {settings.start}: its {field} is {theirs}, "
                f"here it is {ours}"
            )
