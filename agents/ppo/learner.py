"""One governor's learner: a stock stable-baselines3 PPO that is handed its rollout instead of collecting it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv

from protogov.agents.policies.architectures import Front
from protogov.agents.policies.execution import Execution
from protogov.agents.ppo.actor import silence, take_weights
from protogov.agents.ppo.central_critic import CentralCriticPolicy
from protogov.agents.ppo.exploration import LastingNoise
from protogov.agents.ppo.extractor import FrontExtractor
from protogov.agents.ppo.gather_buffer import GatherRolloutBuffer
from protogov.agents.ppo.optimizer import MatrixDecay
from protogov.agents.ppo.random_state import RandomState, isolated
from protogov.agents.ppo.settings import REFERENCE_HOURS, PPOSettings
from protogov.agents.ppo.start import Start


class NotFiniteError(ArithmeticError):
    """A learner's numbers ran away.

    Attributes:
        agent: whose.
        what: is no longer finite.
    """

    def __init__(self, agent: str, what: str) -> None:
        super().__init__(f"{agent}: {what} are no longer finite")
        self.agent, self.what = agent, what


ACTIVATIONS: dict[str, type[torch.nn.Module]] = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}


def learner_seed(seed: int, index: int) -> int:
    """Seed of the learner at that index of a run's agents, 31 bits.

    Learners given the same seed would start from the same weights and explore alike.
    """
    return int(np.random.SeedSequence(seed, spawn_key=(index,)).generate_state(1)[0] >> 1)


def ppo_arguments(
    settings: PPOSettings,
    *,
    seed: int,
    decision_hours: float,
    own_size: int,
    rollout_size: int,
    front: Front | None = None,
) -> dict[str, Any]:
    """Arguments of `stable_baselines3.PPO`, all but the environment.

    Args:
        settings: hyperparameters, for decisions six hours apart.
        seed: of the first weights and the exploration.
        decision_hours: hours between two decisions; scales the discount and lambda.
        own_size: length of the learner's own observation, its actor's input.
        rollout_size: samples in a rollout, decisions times worlds.
        front: what stands before the hidden layers, if anything.
    """
    exponent = decision_hours / REFERENCE_HOURS
    policy: str | type[CentralCriticPolicy] = "MlpPolicy"
    policy_arguments: dict[str, Any] = {
        "net_arch": {
            "pi": [] if settings.architecture == "linear" else list(settings.hidden_sizes),
            "vf": list(settings.hidden_sizes),
        },
        "activation_fn": ACTIVATIONS[settings.activation],
        "log_std_init": settings.log_std_init,
        # One kernel for all parameters; eps is stable-baselines3's own default for Adam, which naming any option drops.
        "optimizer_kwargs": {"fused": True, "eps": 1e-5},
    }
    if settings.weight_decay:
        policy_arguments["optimizer_class"] = MatrixDecay
        policy_arguments["optimizer_kwargs"]["weight_decay"] = settings.weight_decay
    if front is not None and front.architecture not in ("linear", "mlp"):
        policy_arguments["features_extractor_class"] = FrontExtractor
        policy_arguments["features_extractor_kwargs"] = {"front": front}
        own_size = front.size
    if settings.critic == "central":
        policy = CentralCriticPolicy
        policy_arguments["own_size"] = own_size
    return {
        "policy": policy,
        "policy_kwargs": policy_arguments,
        "learning_rate": LinearSchedule(settings.learning_rate, settings.final_learning_rate, 1.0),
        "n_steps": settings.num_steps,
        "batch_size": min(settings.batch_size, rollout_size),
        "n_epochs": settings.num_epochs,
        "gamma": settings.gamma**exponent,
        "gae_lambda": settings.gae_lambda**exponent,
        "clip_range": settings.clip_range,
        "ent_coef": settings.entropy_coefficient,
        "vf_coef": settings.value_coefficient,
        "max_grad_norm": settings.max_grad_norm,
        "target_kl": settings.target_kl,
        "use_sde": settings.state_dependent_exploration,
        "sde_sample_freq": settings.exploration_every or -1,
        "rollout_buffer_class": GatherRolloutBuffer,
        "seed": seed,
        "device": "cpu",
    }


def clamp_log_std(policy: ActorCriticPolicy, settings: PPOSettings, progress_remaining: float) -> None:
    """Hold the exploration between its floor and its falling ceiling, in place; nothing if it is not annealed."""
    if settings.log_std_final is not None:
        ceiling = settings.log_std_ceiling(progress_remaining)
        with torch.no_grad():
            policy.log_std.clamp_(settings.log_std_final, ceiling)


class _Spaces(VecEnv):
    """The spaces and the count of worlds, all that a PPO needs that does not collect its own rollouts."""

    def __init__(self, num_worlds: int, observation_size: int, action_size: int) -> None:
        observations = spaces.Box(-np.inf, np.inf, (observation_size,), np.float32)
        super().__init__(num_worlds, observations, spaces.Box(-1.0, 1.0, (action_size,), np.float32))

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None] * self.num_envs  # asked for `render_mode` by the constructor

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs

    def reset(self) -> Any:
        raise NotImplementedError

    def step_async(self, actions: NDArray[Any]) -> None:
        raise NotImplementedError

    def step_wait(self) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        pass


class Learner:
    """A governor that learns: it acts, remembers what came of it, and updates once the rollout is full.

    The steps are those of `OnPolicyAlgorithm.collect_rollouts` and `learn`, taken apart so that several learners share
    one simulator; with one learner the weights come out bit for bit as from `PPO.learn`.

    Args:
        agent: name of the governor.
        settings: hyperparameters.
        seed: of the first weights and the exploration; see `learner_seed`.
        num_worlds: worlds in the batch.
        front: what stands before the hidden layers; names the governor's own observation.
        observation_size: length of what the learner is given: own, a window of own for a front that has one, and then
            the global state for a central critic.
        action_size: number of levers.
        decision_hours: hours between two decisions.
        execution: what becomes of the network's outputs.
        start: where it starts.
    """

    def __init__(
        self,
        agent: str,
        settings: PPOSettings,
        *,
        seed: int,
        num_worlds: int,
        front: Front,
        observation_size: int,
        action_size: int,
        decision_hours: float,
        execution: Execution,
        start: Start,
    ) -> None:
        self.execution = execution
        self.agent = agent
        self.front = front
        own_size = front.window * len(front.features)
        self._newest = slice(own_size - len(front.features), own_size)  # what the governor sees now
        self._settings = settings
        arguments = ppo_arguments(
            settings,
            seed=seed,
            decision_hours=decision_hours,
            own_size=own_size,
            rollout_size=settings.num_steps * num_worlds,
            front=front,
        )
        self._spaces = _Spaces(num_worlds, observation_size, action_size)
        with isolated():
            self.model = PPO(env=self._spaces, **arguments)
            self.random_state = RandomState()
        if start.policy is not None:
            take_weights(self.policy, start.policy.weights)
        elif start.incumbent is not None:
            silence(self.policy)
        correlation = settings.exploration_correlation
        self._noise = LastingNoise(correlation, num_worlds, action_size) if correlation else None
        self._decision = 0  # of the rollout
        self._acted: tuple[NDArray[np.float32], NDArray[np.float32], torch.Tensor, torch.Tensor] | None = None
        self._writers: list[KVWriter] = []
        self.log_to([])

    def log_to(self, writers: list[KVWriter]) -> None:
        """Send what `flush_log` is given to these writers."""
        self._writers = writers
        self.model.set_logger(Logger(None, writers))  # train() logs, and fails without a logger

    @property
    def policy(self) -> ActorCriticPolicy:
        """Actor and critic."""
        return self.model.policy

    def begin_rollout(self) -> None:
        """Empty the buffer, and anneal the exploration."""
        clamp_log_std(self.policy, self._settings, self.model._current_progress_remaining)
        self.policy.set_training_mode(False)
        self.model.rollout_buffer.reset()
        self._decision = 0
        self._draw_functions()

    def act(self, observations: NDArray[np.float32], episode_starts: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Explore from F32[n, d]; returns what to do, F32[n, k] in [-1, 1], and remembers the draw as it was.

        Args:
            observations: F32[n, d].
            episode_starts: bool[n], whether they are an episode's first.

        Raises:
            NotFiniteError: an action is no finite number.
        """
        every = self._settings.exploration_every
        if every and self._decision % every == 0:
            self._draw_functions()
        self._decision += 1
        now = observations[:, self._newest]
        with self.random_state.active(), torch.no_grad(), self._distributions():
            seen = torch.from_numpy(observations)
            if self._settings.observation_noise:
                seen = seen + self._settings.observation_noise * torch.randn_like(seen)
                observations = seen.numpy()
            drawn, values, log_probs = self._explore(seen, episode_starts)
        actions = drawn.numpy()
        if not np.isfinite(actions).all():
            raise NotFiniteError(self.agent, "actions")
        self._acted = (observations, actions, values, log_probs)
        return self.execution.actions(now, actions)

    def _draw_functions(self) -> None:
        """Draw what state-dependent exploration adds to the mean as a function of the state; nothing without it."""
        if self._settings.state_dependent_exploration:
            with self.random_state.active():
                self.policy.reset_noise(self._spaces.num_envs)

    def _explore(
        self, observations: torch.Tensor, episode_starts: NDArray[np.bool_]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions, values and log-probabilities as the policy's own `forward` returns them."""
        if self._noise is None:
            return self.policy(observations)
        spread = self.policy.get_distribution(observations)
        normal = spread.distribution
        assert isinstance(normal, torch.distributions.Normal)
        actions = normal.mean + normal.stddev * self._noise.draw(episode_starts)
        return actions, self.policy.predict_values(observations), spread.log_prob(actions)

    def remember(
        self,
        rewards: NDArray[np.float32],
        episode_starts: NDArray[np.bool_],
        ended: NDArray[np.int64],
        last_observations: NDArray[np.float32],
    ) -> None:
        """Store the step that `act` began.

        Args:
            rewards: F32[n].
            episode_starts: bool[n], whether the observation acted on was an episode's first.
            ended: rows whose episode has run out of time, I64[m]; the value of their last state is added, since the
                world would have gone on.
            last_observations: what those rows saw last, F32[m, d].
        """
        assert self._acted is not None, "remember() follows act()"
        observations, actions, values, log_probs = self._acted
        self._acted = None
        if ended.size:
            rewards = rewards.copy()
            rewards[ended] += self.model.gamma * self._values(last_observations)
        self.model.rollout_buffer.add(observations, actions, rewards, episode_starts, values, log_probs)

    def _values(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values F32[m] of F32[m, d]; row by row or in one batch, whose last bits differ."""
        tensor = torch.from_numpy(observations)
        rows = tensor.split(1) if self._settings.bootstrap == "rows" else (tensor,)
        with torch.no_grad():
            return torch.cat([self.policy.predict_values(row) for row in rows]).numpy()[:, 0]

    def end_rollout(self, observations: NDArray[np.float32], truncated: NDArray[np.bool_]) -> None:
        """Compute advantages; `observations` F32[n, d] follow the last step, `truncated` bool[n] is that step's."""
        with torch.no_grad():
            values = self.policy.predict_values(torch.from_numpy(observations))
        self.model.rollout_buffer.compute_returns_and_advantage(last_values=values, dones=truncated)

    def update(self, progress_remaining: float, num_timesteps: int) -> dict[str, float]:
        """Train on the rollout; `progress_remaining` falls from 1 to 0 over the run.

        Returns:
            What `PPO.train` logged, and the mean value of the rollout's states.

        Raises:
            NotFiniteError: a weight is no longer a finite number.
        """
        self.model.num_timesteps = num_timesteps
        self.model._current_progress_remaining = progress_remaining
        value_mean = float(self.model.rollout_buffer.values.mean())
        with self.random_state.active(), self._distributions():
            self.model.train()
        if not all(bool(torch.isfinite(weights).all()) for weights in self.policy.parameters()):
            raise NotFiniteError(self.agent, "weights")
        return {
            **{key: float(value) for key, value in self.model.logger.name_to_value.items()},
            "value_mean": value_mean,
        }

    @contextmanager
    def _distributions(self) -> Iterator[None]:
        """Around what makes torch's distributions, which refuse means and deviations that are no numbers."""
        try:
            yield
        except ValueError as error:
            if "constraint" not in str(error):
                raise
            raise NotFiniteError(self.agent, "action means") from error

    def flush_log(self, metrics: dict[str, float], step: int) -> None:
        """Write metrics, beside what training logged, to the writers of `log_to`."""
        for name, value in metrics.items():
            self.model.logger.record(name, value)
        self.model.logger.dump(step)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Where what is random in it stands, for a checkpoint; the archive of `save` holds the rest."""
        return self.random_state.arrays() | ({} if self._noise is None else self._noise.arrays())

    def load_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Go on from `arrays`.

        Raises:
            KeyError, ValueError: they are of another learner.
        """
        self.random_state.load_arrays(arrays)
        if self._noise is not None:
            self._noise.load_arrays(arrays)

    def save(self, path: Path) -> None:
        """Write stable-baselines3's archive of the learner. Its `load` unpickles: for one's own files alone."""
        self.model.save(path)

    def load(self, path: Path) -> None:
        """Take weights, optimiser and counters from an archive that `save` wrote. Unpickles: trusted files only."""
        with isolated():
            self.model = PPO.load(path, env=self._spaces, device="cpu")
        self.log_to(self._writers)
