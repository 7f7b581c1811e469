"""One world, one governor: the Gymnasium environment, and what all adapters share (spaces, infos)."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.interfaces import ActionError
from protogov.envs.rendering import Renderer, check_render_mode
from protogov.envs.simulator import Simulator
from protogov.envs.world.features import LIMIT

IDS: dict[str, str] = {
    "protogov/Rates-v0": "rate",
    "protogov/Thresholds-v0": "risk",
    "protogov/Spreads-v0": "spread",
    "protogov/Joint-v0": "joint",
}


def register_all() -> None:
    """Register the ids of `IDS` with Gymnasium, each with its native vector form; entry points load when used."""
    for name, role in IDS.items():
        if name not in gym.registry:
            gym.register(
                name,
                entry_point="protogov.envs.gymnasium_env:GovernorEnv",
                vector_entry_point="protogov.envs.vector_env:GovernorVectorEnv",
                kwargs={"role": role},
            )


def single_governor_config(role: str, fields: dict[str, Any]) -> WorldConfig:
    """The configuration of a world with one governor of one venue.

    Raises:
        ConfigError: an unknown field, a bad value, or a field that would add governors.
    """
    if "roles" in fields:
        raise ConfigError(f"roles = {fields['roles']!r} is set by the environment's id; parallel_env takes several.")
    if fields.get("venues", 1) != 1:
        raise ConfigError(f"venues = {fields['venues']!r} must be 1 with a single governor; parallel_env takes 2.")
    return WorldConfig.from_dict({**fields, "roles": (role,)})


def only_agent(simulator: Simulator) -> str:
    """Name of the one agent of a simulator.

    Raises:
        ConfigError: there are several.
    """
    if len(simulator.agents) != 1:
        raise ConfigError(
            f"a single-agent environment needs one governor, this configuration has {', '.join(simulator.agents)}."
        )
    return simulator.agents[0]


def observation_space(simulator: Simulator, agent: str) -> spaces.Box:
    """Float32 Box [d]: normalised features within +-10."""
    return spaces.Box(-LIMIT, LIMIT, (simulator.observation_size(agent),), np.float32)


def action_space(simulator: Simulator, agent: str) -> spaces.Box:
    """Float32 Box [levers]: -1 low, 0 default, +1 high."""
    return spaces.Box(-1.0, 1.0, (simulator.action_size(agent),), np.float32)


def one_action(simulator: Simulator, agent: str, action: ArrayLike) -> NDArray[np.float64]:
    """An action [levers] as a batch of one.

    Raises:
        ActionError: it is no array of that many numbers.
    """
    expected = (simulator.action_size(agent),)
    try:
        value = np.asarray(action, np.float64)
    except (TypeError, ValueError):
        raise ActionError(f"action of {agent} is {action!r}, expected numbers of shape {expected}.") from None
    if value.shape != expected:
        raise ActionError(f"action of {agent} has shape {value.shape}, expected {expected}.")
    return value[None]


class InfoReader:
    """What an agent's info holds, as plain floats by name.

    `terms` of its mandate in the last decision [bp of K0, except counts], `executed` levers [their unit], `welfare` of
    its venue [bp of K0]. After a reset there are `executed` levers alone.
    """

    def __init__(self, simulator: Simulator, agent: str) -> None:
        self._simulator, self._agent = simulator, agent
        place = simulator.places[agent]
        self._venue = place.venue
        self._terms = [term.name for term in place.role.terms]
        self._levers = place.role.levers

    def first(self) -> dict[str, Any]:
        """Info of row 0 after a decision."""
        simulator, agent = self._simulator, self._agent
        return {
            "terms": dict(zip(self._terms, simulator.terms(agent)[0].tolist(), strict=True)),
            "executed": dict(zip(self._levers, simulator.executed(agent)[0].tolist(), strict=True)),
            "welfare": float(simulator.welfare(self._venue)[0]),
        }

    def first_opening(self) -> dict[str, Any]:
        """Info of row 0 after a reset."""
        return {"executed": dict(zip(self._levers, self._simulator.executed(self._agent)[0].tolist(), strict=True))}

    def rows(self) -> list[dict[str, Any]]:
        """Info of every row after a decision."""
        terms = self._simulator.terms(self._agent).tolist()
        welfare = self._simulator.welfare(self._venue).tolist()
        infos = self.row_openings()
        for info, term_row, welfare_row in zip(infos, terms, welfare, strict=True):
            info["terms"] = dict(zip(self._terms, term_row, strict=True))
            info["welfare"] = welfare_row
        return infos

    def row_openings(self) -> list[dict[str, Any]]:
        """Info of every row after a reset."""
        rows = self._simulator.executed(self._agent).tolist()
        return [{"executed": dict(zip(self._levers, row, strict=True))} for row in rows]

    def batch(self, decided: NDArray[np.bool_], opened: NDArray[np.bool_]) -> dict[str, Any]:
        """Infos in Gymnasium's vector form, each `key` beside its mask `_key`, of rows that decided and that opened."""
        infos: dict[str, Any] = {}
        if decided.any():
            terms = self._simulator.terms(self._agent)
            infos.update(_masked("terms", _columns(self._terms, terms, decided), decided))
            infos.update(_masked("welfare", self._simulator.welfare(self._venue), decided))
        either = decided | opened
        if either.any():
            executed = self._simulator.executed(self._agent)
            infos.update(_masked("executed", _columns(self._levers, executed, either), either))
        return infos


def _masked(name: str, values: Any, mask: NDArray[np.bool_]) -> dict[str, Any]:
    if isinstance(values, np.ndarray):
        values = np.where(mask, values, 0.0)
    return {name: values, f"_{name}": mask.copy()}


def _columns(names: Any, table: NDArray[np.float64], mask: NDArray[np.bool_]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, values in zip(names, table.T, strict=True):
        columns.update(_masked(name, values, mask))
    return columns


class GovernorEnv(gym.Env[Any, Any]):
    """One protocol in one world, one governor of it; levers of other roles stay at their defaults.

    Ids: `protogov/Rates-v0` (4 levers of the rate model), `protogov/Thresholds-v0` (4 of risk), `protogov/Spreads-v0`
    (4 of the options AMM), `protogov/Joint-v0` (all 12).

    - Observation: Box(-10, 10, (98,), float32), normalised features; `feature_names` names each entry.
    - Action: Box(-1, 1, (levers,), float32), a target for each lever: -1 low, 0 default, +1 high. The shield moves the
      lever toward it by at most one cap per delay. Finite values beyond are clipped.
    - Reward: the role's mandate of this decision over its daily standard deviation (Joint: welfare W over its own).
    - Termination: never; insolvency must not be a way out. Truncation: after `episode_hours` (default 336 h, that is 56
      decisions of 6 h).
    - Info: see :class:`InfoReader`.

    `reset(seed=s)` begins the first episode of world s; `reset()` begins the next one. An unseeded first reset draws
    its world from the system's entropy. Unknown reset options are ignored.

    Example:
        >>> import gymnasium as gym, protogov.envs
        >>> env = gym.make("protogov/Rates-v0", scenario="jump", decision_hours=6)
        >>> obs, info = env.reset(seed=7)
        >>> obs, reward, terminated, truncated, info = env.step(env.action_space.sample())
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4}

    def __init__(
        self,
        role: str = "joint",
        scenario: Any = "jump",
        *,
        render_mode: str | None = None,
        **config: Any,
    ) -> None:
        """Make the environment.

        Args:
            role: rate, risk, spread or joint.
            scenario: a registered name, a path to candles, or a `Scenario`.
            render_mode: None or "rgb_array".
            config: fields of `WorldConfig` other than `roles` and `venues`.

        Raises:
            ConfigError: a field is unknown or its value impossible.
            ValueError: an unknown scenario or a bad candle file.
        """
        self.render_mode = check_render_mode(render_mode)
        self.simulator = Simulator(single_governor_config(role, config), scenario=scenario)
        self.agent = only_agent(self.simulator)
        self.observation_space = observation_space(self.simulator, self.agent)
        self.action_space = action_space(self.simulator, self.agent)
        self._info = InfoReader(self.simulator, self.agent)
        self._renderer = Renderer(self.simulator) if render_mode else None
        self._seeded = False

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Name of every entry of the observation."""
        return self.simulator.observation_names(self.agent)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin the first episode of world `seed`, or the next episode; (observation, info)."""
        super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**32))
        self._seeded = True
        obs = self.simulator.reset(seeds=None if seed is None else [seed])[self.agent][0]
        if self._renderer:
            self._renderer.restart()
        return obs, self._info.first_opening()

    def step(self, action: ArrayLike) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Run one decision; (observation, reward, False, truncated, info).

        Raises:
            ActionError: a wrong shape or a non-finite value. Nothing has changed.
            RuntimeError: the episode is over, or never began.
        """
        simulator, agent = self.simulator, self.agent
        simulator.take_actions({agent: one_action(simulator, agent, action)})
        simulator.advance()
        if self._renderer:
            self._renderer.record()
        obs = simulator.observe()[agent][0]
        return obs, float(simulator.rewards(agent)[0]), False, bool(simulator.truncated()[0]), self._info.first()

    def render(self) -> NDArray[np.uint8] | None:
        """The current frame, uint8 [500, 800, 3]; None with a warning when no render mode was asked for."""
        if self._renderer is None:
            gym.logger.warn('render() returns nothing: make the environment with render_mode="rgb_array".')
            return None
        return self._renderer.frame(0)
