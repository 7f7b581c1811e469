"""One world with all of its governors: the PettingZoo parallel environment."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from numpy.typing import ArrayLike, NDArray
from pettingzoo import ParallelEnv

from protogov.envs.adapters import Episodes, action_space, keyword_config, one_action
from protogov.envs.config import OF_SIZE
from protogov.envs.infos import InfoReader
from protogov.envs.interfaces import ActionError
from protogov.envs.observations import FeatureTable, ObservationForm, feature_table
from protogov.envs.population_hook import PopulationHook
from protogov.envs.seeds import row_seeds
from protogov.envs.simulator import Simulator
from protogov.envs.world.features import LIMIT

Observations = dict[str, Any]
Infos = dict[str, dict[str, Any]]


class GovernorsParallelEnv(ParallelEnv):
    """The governors of one world, named by role and venue (`rate_0`, `risk_0`, `spread_0`, `rate_1`, …).

    - Observation of each agent: Box(-10, 10, (d,), float32); it includes rivals' levers, one decision late. With
      `observation="dict"` a Dict with one entry per feature.
    - Action of each agent: Box(-1, 1, (levers,), float32), a target for each lever: -1 low, 0 default, +1 high.
    - Reward: (1 - cooperation) * the role's mandate + cooperation * welfare, each divided by its daily standard
      deviation, or the reward set by `mandates` or `reward_fn`.
    - `state()`: Box(-10, 10, (g,), float32), every feature of the world and of every venue once.
    - All agents are truncated together after `episode_hours`; nobody is ever terminated.
    - Info of each agent: plain floats under the same keys after a reset and a step; see
      `protogov.envs.infos.InfoReader`.

    `reset(seed=s)` starts the first episode of world s, `reset()` the next one. An unseeded first reset draws its world
    from the system's entropy. Unknown reset options are ignored.
    """

    metadata: dict[str, Any] = {
        "name": "protogov_v0",
        "render_modes": ["rgb_array"],
        "render_fps": 4,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        scenario: Any = "jump",
        venues: int = OF_SIZE,
        *,
        observation: str = "vector",
        population_hook: PopulationHook | None = None,
        render_mode: str | None = None,
        **config: Any,
    ) -> None:
        """Make the environment; see :func:`parallel_env`."""
        self.simulator = Simulator(
            keyword_config(type(self), {**config, "venues": venues}), scenario=scenario, population_hook=population_hook
        )
        self._episodes = Episodes(self.simulator, render_mode)
        self.render_mode = render_mode
        self.possible_agents = list(self.simulator.agents)
        self.agents: list[str] = []
        self._forms = {agent: ObservationForm(self.simulator, agent, observation) for agent in self.possible_agents}
        self.observation_spaces = {agent: form.space for agent, form in self._forms.items()}
        self.action_spaces = {agent: action_space(self.simulator, agent) for agent in self.possible_agents}
        self.state_space = spaces.Box(-LIMIT, LIMIT, (self.simulator.state_size,), np.float32)
        self._infos = {agent: InfoReader(self.simulator, agent) for agent in self.possible_agents}
        self._np_random: np.random.Generator | None = None

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Space of `agent`'s observation, the same object every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Box:
        """Space of `agent`'s action, the same object every call."""
        return self.action_spaces[agent]

    def feature_names(self, agent: str) -> tuple[str, ...]:
        """Name of every entry of `agent`'s observation."""
        return self.simulator.observation_names(agent)

    def feature_table(self, agent: str) -> FeatureTable:
        """Name, group, unit and range of every entry of `agent`'s observation; `print` shows it as a table."""
        return feature_table(self.simulator, agent)

    @property
    def np_random(self) -> np.random.Generator:
        """Random numbers for wrappers of this environment, seeded by `reset(seed=...)` as in Gymnasium.

        The world uses them only for the seed of an unseeded first reset.
        """
        if self._np_random is None:
            self._np_random, _ = seeding.np_random()
        return self._np_random

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observations, Infos]:
        """Start the first episode of world `seed`, or the next episode; returns (observations, infos).

        Raises:
            ValueError: a seed is not a whole number from 0 to 2**64 - 1. Nothing has changed.
        """
        (world,) = row_seeds(seed, 1)
        if world is not None:
            self._np_random, _ = seeding.np_random(world)
        rows = self._episodes.begin(world, self.np_random)
        self.agents = list(self.possible_agents)
        opened = np.ones(1, np.bool_)
        return self._first(rows), {agent: self._infos[agent].rows(opened)[0] for agent in self.agents}

    def step(
        self, actions: Mapping[str, ArrayLike]
    ) -> tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Run one decision; (observations, rewards, terminations, truncations, infos), each by agent.

        Without agents and without actions all five are empty.

        Raises:
            ActionError: a missing or unknown agent, a wrong shape, a non-finite value. Nothing has changed.
            RuntimeError: actions after the episode is over, or before the first reset.
            RewardError: `reward_fn` returned an invalid reward.
        """
        if not self.agents and not actions:
            return {}, {}, {}, {}, {}
        simulator = self.simulator
        for agent in actions:
            if agent not in simulator.agents:
                raise ActionError(f"actions name {agent!r}, agents are {', '.join(simulator.agents)}.")
        self._episodes.play({agent: one_action(simulator, agent, action) for agent, action in actions.items()})
        over = bool(simulator.truncated()[0])
        agents = self.possible_agents
        rewards = {agent: float(simulator.rewards(agent)[0]) for agent in agents}
        infos = {agent: self._infos[agent].rows()[0] for agent in agents}
        if over:
            self.agents = []
        return (
            self._first(simulator.observe()),
            rewards,
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, over),
            infos,
        )

    def state(self) -> NDArray[np.float32]:
        """Global state, float32 [g]: every feature of the world and of every venue once, normalised."""
        return self.simulator.state()[0]

    def render(self) -> NDArray[np.uint8] | None:
        """The current frame, uint8 [500, 800, 3]; None with a warning when no render mode was asked for."""
        return self._episodes.frame()

    def close(self) -> None:
        """Nothing to release."""

    def _first(self, rows: Mapping[str, NDArray[np.float32]]) -> Observations:
        return {agent: self._forms[agent].one(batch[0]) for agent, batch in rows.items()}


def parallel_env(
    scenario: Any = "jump",
    venues: int = OF_SIZE,
    *,
    observation: str = "vector",
    population_hook: PopulationHook | None = None,
    render_mode: str | None = None,
    **config: Any,
) -> GovernorsParallelEnv:
    """All governors of one world as a PettingZoo parallel environment.

    Args:
        scenario: a registered name, a path to candles, or a `Scenario`.
        venues: rival protocols in the world, 1 or 2; by default those of `size`.
        observation: "vector", or "dict" with one entry per feature, which flattens to the vector.
        population_hook: people in plain Python, called once an hour; see `protogov.envs.population_hook`.
        render_mode: None or "rgb_array".
        config: further fields of `WorldConfig`, for instance `size`, `roles`, `mandates`, `reward_fn`, `background`
            (whose governors are not agents here).

    Raises:
        TypeError: a keyword is not a field.
        ConfigError: an invalid value.
        ValueError: an unknown scenario or a bad candle file.

    Example:
        >>> import protogov.envs
        >>> env = protogov.envs.parallel_env(scenario="jump", venues=1)
        >>> observations, infos = env.reset(seed=7)
        >>> actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        >>> observations, rewards, terminations, truncations, infos = env.step(actions)
    """
    return GovernorsParallelEnv(
        scenario,
        venues,
        observation=observation,
        population_hook=population_hook,
        render_mode=render_mode,
        **config,
    )
