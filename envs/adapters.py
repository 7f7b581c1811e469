"""Shared code of all adapters: keywords, spaces, and episodes with seeds and frames."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from protogov.envs.config import FIELDS, ConfigError, WorldConfig
from protogov.envs.interfaces import ActionError
from protogov.envs.rendering import Renderer, check_render_mode
from protogov.envs.roles import make_agents
from protogov.envs.seats import seat_background
from protogov.envs.seeds import row_seeds
from protogov.envs.simulator import Simulator


def keyword_config(caller: type, keywords: Mapping[str, Any]) -> WorldConfig:
    """The configuration that the keywords of an adapter's constructor describe.

    Raises:
        TypeError: a keyword is not a field; the message has Python's own words, which libraries look for.
        ConfigError: a field does not accept its value.
    """
    for name in keywords:
        if name not in FIELDS:
            raise TypeError(
                f"{caller.__name__}.__init__() got an unexpected keyword argument {name!r}; fields of a world's "
                f"configuration are {', '.join(FIELDS)}"
            )
    return WorldConfig.from_dict(keywords)


def single_governor_config(caller: type, role: str, keywords: Mapping[str, Any]) -> WorldConfig:
    """The same for a world in which one governor learns, on venue 0; nobody governs where the background has nobody.

    Args:
        caller: whose keywords they are.
        role: of the governor: one of `roles` if the keywords have it, else a role of the size.
        keywords: fields of a configuration.

    Raises:
        TypeError: a keyword is not a field.
        ConfigError: a bad value, an unknown role, or a background that does not fit.
    """
    own = keywords if "roles" in keywords else {**keywords, "roles": (role,)}
    config = keyword_config(caller, {**own, "background": {}})
    if role not in config.roles:
        raise ConfigError(f"role = {role!r} must be one of roles, which are {', '.join(config.roles)}.")
    named = keywords.get("background", {})
    asked = {str(key).rpartition("_")[0] or str(key) for key in named} if isinstance(named, Mapping) else set()
    config = replace(config, roles={name: one for name, one in config.roles.items() if name == role or name in asked})
    agents = make_agents(config.roles, config.venues)
    try:
        background = seat_background(named, config.known_roles(), agents, config.venues, learner=f"{role}_0")
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return replace(config, background=background)


def only_agent(simulator: Simulator) -> str:
    """Name of the one agent of a simulator.

    Raises:
        ConfigError: there are several.
    """
    if len(simulator.agents) != 1:
        raise ConfigError(
            f"a single-agent environment needs one governor that learns, this configuration has "
            f"{', '.join(simulator.agents)}; put the others into background."
        )
    return simulator.agents[0]


def action_space(simulator: Simulator, agent: str) -> spaces.Box:
    """Float32 Box [levers]: -1 low, 0 default, +1 high."""
    return spaces.Box(-1.0, 1.0, (simulator.action_size(agent),), np.float32)


def one_action(simulator: Simulator, agent: str, action: ArrayLike) -> NDArray[np.float64]:
    """An action [levers] as a batch of one.

    Raises:
        ActionError: it is not an array of that many numbers.
    """
    expected = (simulator.action_size(agent),)
    try:
        value = np.asarray(action, np.float64)
    except (TypeError, ValueError):
        raise ActionError(f"action of {agent} is {action!r}, expected numbers of shape {expected}.") from None
    if value.shape != expected:
        raise ActionError(f"action of {agent} has shape {value.shape}, expected {expected}.")
    return value[None]


class Episodes:
    """The episodes of an adapter's worlds: starts from seeds, decisions, and frames."""

    def __init__(self, simulator: Simulator, render_mode: str | None) -> None:
        """Raise ConfigError unless the render mode is None or "rgb_array"."""
        self._simulator = simulator
        self._renderer = Renderer(simulator) if check_render_mode(render_mode) else None

    def begin(
        self, seeds: Any, generator: np.random.Generator, mask: NDArray[np.bool_] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Start episodes in the rows of `mask`, bool [n] (all by default); returns observations of all rows.

        Args:
            seeds: None: rows start their next episode; a whole number: row i restarts as world `seeds + i`; or a
                sequence with either for each row.
            generator: draws the worlds of rows that never had a seed.
            mask: rows.

        Raises:
            ValueError: seeds or mask have another shape, or a seed is not a whole number of 64 bits. Nothing has
                changed.
        """
        new = self._simulator.episodes < 0
        if seeds is not None or new.any():
            seeds = row_seeds(seeds, new.size)
            unknown = [row for row, seed in enumerate(seeds) if seed is None and new[row]]
            if unknown:
                first = int(generator.integers(2**32))
                for row in unknown:
                    seeds[row] = first + row
        obs = self._simulator.reset(seeds=seeds, mask=mask)
        if self._renderer:
            self._renderer.restart(mask)
        return obs

    def play(self, actions: Mapping[str, ArrayLike], *, skip_finished: bool = False) -> None:
        """Run one decision; see `Simulator.take_actions` and `Simulator.advance` for errors."""
        self._simulator.take_actions(actions)
        self._simulator.advance(skip_finished=skip_finished)
        if self._renderer:
            self._renderer.record()

    def frame(self, row: int = 0) -> NDArray[np.uint8] | None:
        """Current frame of one row, uint8 [height, width, 3]; None with a warning where there is no render mode.

        Raises:
            RuntimeError: there was no reset.
        """
        if self._renderer is None:
            gym.logger.warn('render() returns nothing: make the environment with render_mode="rgb_array".')
            return None
        return self._renderer.frame(row)


def of_rows(env: Any, episodes: Episodes, rows: Sequence[int], name: str, *arguments: Any) -> list[Any]:
    """Attribute `name` of a single environment for each of `rows`, or the result of its method there.

    Rows are one simulator and share its attributes; the spaces are those of one row. The methods are `render`, which
    gives one frame per row, and `get_wrapper_attr`.

    Raises:
        AttributeError: no such attribute, or another method: it cannot reset or step single rows.
    """
    if name == "render":
        return [episodes.frame(row) for row in rows]
    if name == "get_wrapper_attr" and len(arguments) == 1:
        return of_rows(env, episodes, rows, arguments[0])
    value = getattr(env, f"single_{name}" if hasattr(env, f"single_{name}") else name)
    if callable(value):
        raise AttributeError(
            f"rows of {type(env).__name__} have no method {name!r} of their own, known are render and get_wrapper_attr."
        )
    return [value for _ in rows]
