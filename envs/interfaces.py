"""The types between a batch of worlds and its users: a step's result, a governor's view, errors, protocols."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.roles import Agent
from protogov.envs.world.features import FEATURES, Feature
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.envs.world.welfare import WELFARE_PARTS


class ActionError(ValueError):
    """An invalid action; the message names agent and value. Nothing has changed."""


class HiddenFeatureError(KeyError):
    """A governor asks for a feature that its world does not show; the message names it and the reason."""

    def __str__(self) -> str:
        """The message, without the quotes of a KeyError."""
        return str(self.args[0])


class SnapshotError(ValueError):
    """Bytes that are not a snapshot of this kind of simulator. Nothing has changed."""


class Step(NamedTuple):
    """The result of one decision of n worlds. Arrays are fresh; keys are agent names unless stated otherwise.

    Attributes:
        obs: float32 [n, d] observations after the decision, of the learning governors; all other fields also cover
            governors in the background.
        rewards: float64 [n], blended and scaled (see `Role.daily_sd`), or the result of `WorldConfig.reward_fn`.
        terms: float64 [n, k], unweighted terms of the agent's mandate in `role.terms` order [bp of K0, except counts];
            key `welfare_<venue>`: `WELFARE_PARTS` [bp of K0].
        truncated: bool [n], the episode is over and the row needs a reset.
        proposed, executed: float64 [n, levers], proposals and values in force [the lever's unit].
        reason: int8 [n, levers], `protogov.envs.world.levers.Reason` of each lever.
        records: RECORD [n, venues], both loop gains and the extent of cascades and losses in this decision; see
            `protogov.envs.world.records.RECORD` for every field and its unit.
        events: EVENT [n, m]; the first `n_events[i]` of row i are valid. `parent`, `root` and `generation` give its
            place in its cascade, which may have started in an earlier decision. m is the largest of `n_events` (at
            least 1, at most 256 * decision_hours).
        n_events: int64 [n].
    """

    obs: dict[str, NDArray[np.float32]]
    rewards: dict[str, NDArray[np.float64]]
    terms: dict[str, NDArray[np.float64]]
    truncated: NDArray[np.bool_]
    proposed: dict[str, NDArray[np.float64]]
    executed: dict[str, NDArray[np.float64]]
    reason: dict[str, NDArray[np.int8]]
    records: NDArray[np.void]
    events: NDArray[np.void]
    n_events: NDArray[np.int64]

    def welfare(self, venue: int = 0) -> NDArray[np.float64]:
        """Welfare W of a venue, float64 [n], bp of K0."""
        return self.terms[f"welfare_{venue}"][:, WELFARE_PARTS.index("welfare")]


@runtime_checkable
class ForkableWorld(Protocol):
    """The interface of a world for learners and measurements; analytic test worlds implement it too."""

    agents: tuple[str, ...]

    def reset(self, *, seeds: Any = None, mask: Any = None) -> dict[str, NDArray[np.float32]]:
        """Begin episodes."""
        ...

    def step(self, actions: Mapping[str, Any]) -> Any:
        """Run one decision."""
        ...

    def fork(self, rows: Any) -> "ForkableWorld":
        """Copy rows into a new world that continues with the same tape and noise."""
        ...


class Readable(Protocol):
    """The part of a simulator that a view reads."""

    places: dict[str, Agent]
    config: WorldConfig

    def feature(self, agent: str, name: str) -> NDArray[np.float64]:
        """A feature in its physical unit."""
        ...

    def lever_values(self, venue: int) -> NDArray[np.float64]:
        """Executed levers of a venue."""
        ...

    def observation_names(self, agent: str) -> tuple[str, ...]:
        """Name of every entry of an agent's observation."""
        ...


class Governor(Protocol):
    """Sets one role's levers, for every world of a batch at once.

    A governor may keep memory per world (row); it erases the memory of a row that is reset. It sees its role only
    through the `RoleView`, and returns targets in [-1, 1]: -1 is a lever's low end, 0 its default, +1 its high end.

    Baselines, learned policies and hand-written rules all implement this. A governor in the background of worlds
    (`WorldConfig.background`) is copied with their rows: see `state_dict`.
    """

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start a new episode in some worlds.

        Args:
            rows: indices of the worlds that start over, I64[m].
            seeds: keys of the governor's randomness in those worlds, U64[m].
        """
        ...

    def act(self, view: "RoleView") -> NDArray[np.float32]:
        """Decide for all worlds of the view: F32[n, k] in [-1, 1], one column a lever of the role."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Its memory: everything that a later `load_state_dict` needs to continue as if nothing had happened.

        A nest of dicts, lists and tuples. Every array has one row per world along its first axis; values for all worlds
        are numbers, strings or None. Arguments of the constructor (such as weights) are not included.
        """
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        ...


class RoleView:
    """One governor's view of the worlds: its normalised observation, and physical values by name."""

    def __init__(self, agent: str, simulator: "Readable", obs: NDArray[np.float32]) -> None:
        self.agent = agent
        self.obs = obs
        self._simulator = simulator

    def raw(self, name: str) -> NDArray[np.float64]:
        """Feature `name` in its physical unit, float64 [n] or [n, *shape] by the feature's shape.

        Any role may ask for any feature that the world shows to governors.

        Raises:
            HiddenFeatureError: governors of this world cannot see it.
            KeyError: no such feature; the message lists the known ones.
        """
        if name in FEATURES and not self._simulator.config.shows(FEATURES[name]):
            raise HiddenFeatureError(f"feature {name!r} cannot be seen by governors: {_why_hidden(FEATURES[name])}.")
        return self._simulator.feature(self.agent, name)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Name of every column of `obs`."""
        return self._simulator.observation_names(self.agent)

    @property
    def decision_hours(self) -> int:
        """Hours between two decisions [h]; an episode's last may be shorter."""
        return self._simulator.config.decision_hours

    @property
    def levers(self) -> dict[str, NDArray[np.float64]]:
        """Executed value of every lever of the venue, float64 [n], in its unit."""
        rows = self._simulator.lever_values(self._simulator.places[self.agent].venue)
        return {name: rows[:, index].copy() for name, index in LEVER_INDEX.items()}


def _why_hidden(feature: Feature) -> str:
    if feature.group == "latent":
        return "only the simulator knows it (privileged = True shows it)"
    if feature.needs_feeds:
        return f"it needs the groups {feature.group!r} and 'feeds' in observe"
    return f"it is of the group {feature.group!r}, which observe leaves out"
