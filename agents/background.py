"""Governors for the background of worlds: makes them from a name or a path, and checks that they fit the seat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protogov.agents.baselines import governor_fits, governor_names, governor_reads, make_governor
from protogov.agents.baselines.zoo import Zoo
from protogov.envs.layout import Layout
from protogov.envs.world.features import FEATURES

if TYPE_CHECKING:
    from protogov.envs.config import WorldConfig
    from protogov.envs.interfaces import Governor
    from protogov.envs.roles import Agent, Role


def background_governor(source: str, seat: Agent, world: WorldConfig, *, seed: int = 0) -> Governor:
    """A governor of a seat that acts the same in a batch of any size.

    Args:
        source: a name, several joined by "+", or the path of a policy's .json file; see `make_governor`.
        seat: to govern.
        world: configuration of its world.
        seed: of its randomness.

    Raises:
        ValueError: it is unknown, damaged, or does not fit the role or the observations of this world.
    """
    governor = make_governor(source, seat.role, agent=seat.name, seed=seed, defaults=world.defaults)
    parts = getattr(governor, "parts", [governor])
    for part in parts:
        check_policy(part, seat, world)
    for part in source.split("+"):
        hidden = unseen(part, seat.role, world) if part in governor_names() and governor_fits(part, seat.role) else []
        if hidden:
            raise ValueError(
                f"it reads {', '.join(hidden)}, which governors of this world, whose observe is "
                f"{', '.join(world.observe)}, cannot see"
            )
    policy = getattr(governor, "policy", None)
    if policy is None:
        for part in parts:
            if isinstance(part, Zoo):
                part.in_any_batch()
        return governor
    from protogov.agents.policies import PolicyGovernor  # torch is already loaded

    return PolicyGovernor(policy, seed=seed, any_batch=True)


def check_policy(governor: Governor, seat: Agent, world: WorldConfig) -> None:
    """Refuse a policy, or a policy's contract, that reads other numbers or has other decision hours than the world.

    Raises:
        ValueError: the policy does not fit the seat or the world; other governors pass.
    """
    policy: Any = getattr(governor, "policy", governor)
    if not hasattr(policy, "check_features"):
        return
    if policy.decision_hours != world.decision_hours:
        raise ValueError(
            f"the policy of {policy.agent} decides every {policy.decision_hours:g} hours; "
            f"the world's decision_hours is {world.decision_hours}"
        )
    if policy.agent.rpartition("_")[0] != seat.role.name:
        raise ValueError(f"the policy is for {policy.agent}; it cannot govern as {seat.name}")
    policy.check_features(Layout(world, {seat.name: seat}).observation_names(seat.name))


def unseen(name: str, role: Role, world: WorldConfig) -> list[str]:
    """Features that a baseline reads in a role but governors of this world cannot see."""
    return [feature for feature in governor_reads(name, role) if not world.shows(FEATURES[feature])]
