"""What passes between a batch of worlds and its users: a step's result, a governor's view, errors, the protocol."""

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
    """An action that no governor can take; the message names agent and value. Nothing has changed."""


class HiddenFeatureError(KeyError):
    """A governor asks for a feature that its world does not show; the message says which and why."""

    def __str__(self) -> str:
        """The sentence, without the quotes of a key."""
        return str(self.args[0])


class SnapshotError(ValueError):
    """Bytes that are no snapshot of this kind of simulator. Nothing has changed."""


class Step(NamedTuple):
    """What one decision of n worlds returned. Arrays are fresh; keys are agent names unless said otherwise.

    Attributes:
        obs: float32 [n, d] observations after the decision, of the governors that learn; all else is told of those in
            the background too.
        rewards: float64 [n], blended and scaled (see `Role.daily_sd`), or what the configuration's `reward_fn` says.
        terms: float64 [n, k], unweighted terms of the agent's mandate in `role.terms` order [bp of K0, except counts];
            key `welfare_<venue>`: `WELFARE_PARTS` [bp of K0].
        truncated: bool [n], the episode is over and the row needs a reset.
        proposed, executed: float64 [n, levers], what was asked for and what is in force [the lever's unit].
        reason: int8 [n, levers], `protogov.envs.world.levers.Reason` of each lever.
        records: RECORD [n, venues], both loop gains and the extent of cascades and losses in this decision; see
            `protogov.envs.world.records.RECORD` for every field and its unit.
        events: EVENT [n, m]; the first `n_events[i]` of row i are valid. `parent`, `root` and `generation` place each
            in its cascade, which may have begun in an earlier decision. m is the largest of `n_events` (at least 1, at
            most 256 * decision_hours).
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
    """What learners and measures need of a world; the analytic fixtures of the laboratory implement it too."""

    agents: tuple[str, ...]

    def reset(self, *, seeds: Any = None, mask: Any = None) -> dict[str, NDArray[np.float32]]:
        """Begin episodes."""
        ...

    def step(self, actions: Mapping[str, Any]) -> Any:
        """Run one decision."""
        ...

    def fork(self, rows: Any) -> "ForkableWorld":
        """Copy rows into a world of their own that runs on with the same tape and noise."""
        ...


class Readable(Protocol):
    """What a view reads of a simulator."""

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

    A governor may keep memory per world (a row); it forgets a row when that row is reset. It sees its role only through
    the `RoleView`, and answers with targets in [-1, 1]: -1 is a lever's low end, 0 its default, +1 its high end.

    Baselines, learners' policies and hand-written rules are all this. One that governs in the background of worlds
    (`WorldConfig.background`) is copied with their rows: see `state_dict`.
    """

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start a new episode in some worlds.

        Args:
            rows: indices of the worlds that start over, I64[m].
            seeds: what any randomness of the governor in those worlds is keyed by, U64[m].
        """
        ...

    def act(self, view: "RoleView") -> NDArray[np.float32]:
        """Decide for all worlds of the view: F32[n, k] in [-1, 1], one column a lever of the role."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What it remembers: all that a later `load_state_dict` needs to go on as if nothing had happened.

        A nest of dicts, lists and tuples. Every array has a row a world along its first axis; what belongs to all
        worlds is a number, a string or None. What a governor was made with (weights, say) is not among it.
        """
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        ...


class RoleView:
    """What one governor sees of the worlds: its normalised observation, and physical values by name."""

    def __init__(self, agent: str, simulator: "Readable", obs: NDArray[np.float32]) -> None:
        self.agent = agent
        self.obs = obs
        self._simulator = simulator

    def raw(self, name: str) -> NDArray[np.float64]:
        """Feature `name` in its physical unit, float64 [n] or [n, *shape] by the feature's shape.

        Any role may ask for any that the world shows to governors.

        Raises:
            HiddenFeatureError: governors of this world cannot see it.
            KeyError: no such feature; the message lists those there are.
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
