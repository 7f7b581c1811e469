"""One world, one governor: the Gymnasium environment and its ids."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.adapters import (
    Episodes,
    action_space,
    one_action,
    only_agent,
    single_governor_config,
)
from protogov.envs.infos import InfoReader
from protogov.envs.observations import FeatureTable, ObservationForm, feature_table
from protogov.envs.population_hook import PopulationHook
from protogov.envs.seeds import row_seeds
from protogov.envs.simulator import Simulator
from protogov.envs.sizes import SIZES

_ROLES = {"Rates": "rate", "Thresholds": "risk", "Spreads": "spread", "Joint": "joint"}
# id -> keywords of its environment: every size, every role
IDS: dict[str, dict[str, str]] = {
    f"protogov/{size.prefix}{title}-v0": {"role": role, "size": name}
    for name, size in SIZES.items()
    for title, role in _ROLES.items()
}
_OPENED = np.ones(1, np.bool_)  # the only row, after a reset


def register_all() -> None:
    """Register the ids of `IDS` with Gymnasium, each with its native vector form; entry points load when used."""
    for name, keywords in IDS.items():
        if name not in gym.registry:
            gym.register(
                name,
                entry_point="protogov.envs.gymnasium_env:GovernorEnv",
                vector_entry_point="protogov.envs.vector_env:GovernorVectorEnv",
                kwargs=dict(keywords),
            )


class GovernorEnv(gym.Env[Any, Any]):
    """One protocol in one world, with one learning governor.

    All other levers stay at their defaults, also those of a rival protocol (`venues=2`), unless `background` puts a
    governor there: `background={"risk_0": "steward_var", "rate_1": "pi"}`.

    Ids: `protogov/Rates-v0` (4 levers of the rate model), `protogov/Thresholds-v0` (4 of risk), `protogov/Spreads-v0`
    (4 of the options AMM), `protogov/Joint-v0` (all 12). `protogov/CoreRates-v0` etc. have one lever per role,
    `protogov/RivalsRates-v0` etc. govern venue 0 of two, and `protogov/TinyRates-v0` etc. are for tests
    (`protogov.envs.sizes`).

    - Observation: Box(-10, 10, (98,), float32), normalised features; `feature_names` names each entry, and
      `feature_table` gives its group, unit and range. With `observation="dict"` a Dict with one entry per feature. A
      rival protocol adds its levers one decision ago.
    - Action: Box(-1, 1, (levers,), float32), a target for each lever: -1 low, 0 default, +1 high. The shield moves the
      lever toward it by at most one cap per delay. Finite values beyond are clipped.
    - Reward: the role's mandate of this decision divided by its daily standard deviation (Joint: welfare W divided by
      its own), or the reward set by `mandates` or `reward_fn`.
    - Termination: never; insolvency does not end an episode. Truncation: after `episode_hours` (default 336 h, that is
      56 decisions of 6 h).
    - Info: plain floats under the same keys after a reset and a step; see :class:`protogov.envs.infos.InfoReader`.

    `reset(seed=s)` starts the first episode of world s; `reset()` starts the next one. An unseeded first reset draws
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
        observation: str = "vector",
        population_hook: PopulationHook | None = None,
        render_mode: str | None = None,
        **config: Any,
    ) -> None:
        """Make the environment.

        Args:
            role: rate, risk, spread or joint; with `roles`, the role that governs; the others' levers stay at their
                defaults.
            scenario: a registered name, a path to candles, or a `Scenario`.
            observation: "vector", or "dict" with one entry per feature, which flattens to the vector.
            population_hook: people in plain Python, called once an hour; see `protogov.envs.population_hook`.
            render_mode: None or "rgb_array".
            config: fields of `WorldConfig`, for instance `size`, `roles`, `mandates`, `background`.

        Raises:
            TypeError: a keyword is not a field.
            ConfigError: an invalid value.
            ValueError: an unknown scenario or a bad candle file.
        """
        self.simulator = Simulator(
            single_governor_config(type(self), role, config), scenario=scenario, population_hook=population_hook
        )
        self._episodes = Episodes(self.simulator, render_mode)
        self.render_mode = render_mode
        self.agent = only_agent(self.simulator)
        self._form = ObservationForm(self.simulator, self.agent, observation)
        self.observation_space = self._form.space
        self.action_space = action_space(self.simulator, self.agent)
        self._info = InfoReader(self.simulator, self.agent)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Name of every entry of the observation."""
        return self.simulator.observation_names(self.agent)

    @property
    def feature_table(self) -> FeatureTable:
        """Name, group, unit and range of every entry of the observation; `print` shows it as a table."""
        return feature_table(self.simulator, self.agent)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start the first episode of world `seed`, or the next episode; returns (observation, info).

        Raises:
            ValueError: a seed is not a whole number from 0 to 2**64 - 1. Nothing has changed.
        """
        (world,) = row_seeds(seed, 1)
        super().reset(seed=world)
        obs = self._episodes.begin(world, self.np_random)[self.agent][0]
        return self._form.one(obs), self._info.rows(_OPENED)[0]

    def step(self, action: ArrayLike) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Run one decision; (observation, reward, False, truncated, info).

        Raises:
            ActionError: a wrong shape or a non-finite value. Nothing has changed.
            RuntimeError: the episode is over or has not started.
            RewardError: `reward_fn` returned an invalid reward.
        """
        simulator, agent = self.simulator, self.agent
        self._episodes.play({agent: one_action(simulator, agent, action)})
        obs = self._form.one(simulator.observe()[agent][0])
        reward, truncated = float(simulator.rewards(agent)[0]), bool(simulator.truncated()[0])
        return obs, reward, False, truncated, self._info.rows()[0]

    def render(self) -> NDArray[np.uint8] | None:
        """The current frame, uint8 [500, 800, 3]; None with a warning when no render mode was asked for."""
        return self._episodes.frame()
