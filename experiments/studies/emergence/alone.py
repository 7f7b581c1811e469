"""A governor that learned on one venue, seated beside a rival, whose levers it does not see as it did not there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.background import check_policy
from protogov.agents.baselines.zoo import Zoo
from protogov.envs.config import WorldConfig
from protogov.envs.layout import Layout
from protogov.envs.roles import Agent

RIVAL = "rival_"  # with which names of a rival's numbers begin; they are the last of an observation


@dataclass(frozen=True)
class OwnVenue:
    """What a world of one venue would show: the observation without the rival's levers, F32[n, d]."""

    obs: NDArray[np.float32]
    feature_names: tuple[str, ...]


class Alone:
    """A governor of one venue in a world of two.

    Args:
        inner: it; has a `policy`.
        names: of the numbers that it learned from.
    """

    def __init__(self, inner: Any, names: tuple[str, ...]) -> None:
        self.inner, self._names = inner, names

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """As the other's."""
        self.inner.reset(rows, seeds)

    def act(self, view: Any) -> NDArray[Any]:
        """Without a look at the rival, F32[n, k]."""
        return np.asarray(self.inner.act(OwnVenue(view.obs[:, : len(self._names)], self._names)))

    def state_dict(self) -> dict[str, Any]:
        """As the other's."""
        state: dict[str, Any] = self.inner.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As the other's."""
        self.inner.load_state_dict(state)


def learned_alone(governor: Any, seat: Agent, world: WorldConfig) -> tuple[str, ...]:
    """Names of the numbers that it learned from, if these are what the seat sees without a rival; else nothing."""
    policy: Any = getattr(governor, "policy", governor)
    names = Layout(world, {seat.name: seat}).observation_names(seat.name)
    own = tuple(name for name in names if not name.startswith(RIVAL))
    return own if own != names and tuple(getattr(policy, "features", ())) == own else ()


def seated_alone(
    governor: Any, names: tuple[str, ...], seat: Agent, world: WorldConfig, *, any_batch: bool = False
) -> Alone:
    """A governor that `learned_alone` in a seat beside a rival.

    Args:
        governor: it.
        names: what `learned_alone` returned.
        seat: to govern.
        world: of two venues.
        any_batch: whether it has to act the same, bit for bit, in a batch of any size.

    Raises:
        ValueError: it is of another role, or decides after other hours.
    """
    check_policy(governor, seat, replace(world, venues=1, venue_overrides=(), background={}))
    if any_batch and isinstance(governor, Zoo):
        governor.in_any_batch()
    elif any_batch and hasattr(governor, "any_batch"):
        governor.any_batch = True
    return Alone(governor, names)
