"""One governor's learner: a stock stable-baselines3 PPO that gets its rollout instead of collecting it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.utils import LinearSchedule

from protogov.agents.policies.architectures import Front
from protogov.agents.policies.execution import Execution
from protogov.agents.ppo.actor import actor_layers, silence, take_weights
from protogov.agents.ppo.central_critic import CentralCriticPolicy
from protogov.agents.ppo.exploration import LastingNoise
from protogov.agents.ppo.extractor import FrontExtractor
from protogov.agents.ppo.gather_buffer import GatherRolloutBuffer
from protogov.agents.ppo.optimizer import MatrixDecay
from protogov.agents.ppo.parameter_noise import ParameterNoise
from protogov.agents.ppo.random_state import RandomState, isolated
from protogov.agents.ppo.risk import compute_returns
from protogov.agents.ppo.settings import REFERENCE_HOURS, PPOSettings
from protogov.agents.ppo.spaces import SpacesOnly
from protogov.agents.ppo.start import Start


class NotFiniteError(ArithmeticError):
    """A learner's numbers are no longer finite.

    Attributes:
        agent: name of the governor.
        what: which of its numbers.
    """

    def __init__(self, agent: str, what: str) -> None:
        super().__init__(f"{agent}: {what} are no longer finite")
        self.agent, self.what = agent, what


ACTIVATIONS: dict[str, type[torch.nn.Module]] = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}


def learner_seed(seed: int, index: int) -> int:
    """Seed of the learner at position `index` in a run's agents, 31 bits.

    With the same seed, learners would start from the same weights and explore alike.
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
    """Arguments of `stable_baselines3.PPO`, except the environment.

    Args:
        settings: hyperparameters, for decisions six hours apart.
        seed: of the first weights and of exploration.
        decision_hours: hours between two decisions; the discount and lambda are scaled by it.
        own_size: length of the learner's own observation, the actor's input.
        rollout_size: samples in a rollout, decisions times worlds.
        front: the part before the hidden layers, or None.
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
        # One kernel for all parameters. eps is stable-baselines3's default for Adam; it is lost if any option is given.
        "optimizer_kwargs": {"fused": True, "eps": 1e-5},
    }
    if settings.weight_decay:
        policy_arguments["optimizer_class"] = MatrixDecay
        policy_arguments["optimizer_kwargs"]["weight_decay"] = settings.weight_decay
    if front is not None and front.architecture not in ("linear", "mlp"):
        policy_arguments["features_extractor_class"] = FrontExtractor
        policy_arguments["features_extractor_kwargs"] = {"front": front}
        own_size = front.size
    if settings.critic == "central" or settings.critic_sees_time:
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
    """Keep the exploration between its floor and its falling ceiling, in place; do nothing if it is not annealed."""
    if settings.log_std_final is not None:
        ceiling = settings.log_std_ceiling(progress_remaining)
        with torch.no_grad():
            policy.log_std.clamp_(settings.log_std_final, ceiling)


class Learner:
    """A governor that learns: it acts, stores the result, and updates when the rollout is full.

    The steps are those of `OnPolicyAlgorithm.collect_rollouts` and `learn`, separated so that several learners can
    share one simulator. With one learner the weights equal those of `PPO.learn`, bit for bit.

    Args:
        agent: name of the governor.
        settings: hyperparameters.
        seed: of the first weights and of exploration; see `learner_seed`.
        num_worlds: worlds in the batch.
        front: the part before the hidden layers; it names the numbers of the governor's own observation.
        observation_size: length of the learner's input: the own observation (a window of it if the front has one), and
            then what the critic alone reads; see `protogov.agents.ppo.sights`.
        action_size: number of levers.
        decision_hours: hours between two decisions.
        execution: how the network's outputs become actions.
        start: the policy or rule from which it starts.
        others: further governors with the same policy; see `protogov.agents.ppo.sharing`. All arrays that the learner
            gets then have a row for each world of the first governor, of the next, and so on.
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
        others: tuple[str, ...] = (),
    ) -> None:
        self.execution = execution
        self.agent = agent
        self.agents = (agent, *others)
        num_worlds *= len(self.agents)
        self.front = front
        own_size = front.window * len(front.features)
        self._newest = slice(own_size - len(front.features), own_size)  # the governor's present observation
        self._settings = settings
        arguments = ppo_arguments(
            settings,
            seed=seed,
            decision_hours=decision_hours,
            own_size=own_size,
            rollout_size=settings.num_steps * num_worlds,
            front=front,
        )
        self._spaces = SpacesOnly(num_worlds, observation_size, action_size)
        with isolated():
            self.model = PPO(env=self._spaces, **arguments)
            self.random_state = RandomState()
        if start.policy is not None:
            take_weights(self.policy, start.policy.weights)
        elif start.incumbent is not None:
            silence(self.policy)
        correlation = settings.exploration_correlation
        self._noise = LastingNoise(correlation, num_worlds, action_size) if correlation else None
        self._parameter_noise: ParameterNoise | None = None
        if settings.parameter_noise:
            hidden = actor_layers(self.policy)[-1].in_features
            self._parameter_noise = ParameterNoise(
                settings.parameter_noise, settings.parameter_noise_every, num_worlds, hidden, action_size
            )
        self._decision = 0  # of the rollout
        self._acted: tuple[NDArray[np.float32], NDArray[np.float32], torch.Tensor, torch.Tensor] | None = None
        self._writers: list[KVWriter] = []
        self.log_to([])

    def log_to(self, writers: list[KVWriter]) -> None:
        """Send everything that `flush_log` gets to these writers."""
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
        if self._parameter_noise is not None:
            self._parameter_noise.begin_rollout()
        self._draw_functions()

    def act(self, observations: NDArray[np.float32], episode_starts: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Explore from F32[n, d]. Returns actions, F32[n, k] in [-1, 1], and stores the draw before it is clipped.

        Args:
            observations: F32[n, d].
            episode_starts: bool[n], whether each observation is the first of an episode.

        Raises:
            NotFiniteError: an action is not a finite number.
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
            offsets = self._offsets(seen, episode_starts)
        actions = drawn.numpy()
        outputs = actions if offsets is None else actions + offsets.numpy()
        if not np.isfinite(outputs).all():
            raise NotFiniteError(self.agent, "actions")
        self._acted = (observations, actions, values, log_probs)  # less the offsets, to which the probabilities belong
        return self.execution.actions(now, outputs)

    def _draw_functions(self) -> None:
        """Draw the functions of state-dependent exploration; do nothing if it is off."""
        if self._settings.state_dependent_exploration:
            with self.random_state.active():
                self.policy.reset_noise(self._spaces.num_envs)

    def _explore(
        self, observations: torch.Tensor, episode_starts: NDArray[np.bool_]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions, values and log-probabilities, as the policy's own `forward` returns them."""
        if self._noise is None:
            return self.policy(observations)
        spread = self.policy.get_distribution(observations)
        normal = spread.distribution
        assert isinstance(normal, torch.distributions.Normal)
        actions = normal.mean + normal.stddev * self._noise.draw(episode_starts)
        return actions, self.policy.predict_values(observations), spread.log_prob(actions)

    def _offsets(self, observations: torch.Tensor, episode_starts: NDArray[np.bool_]) -> torch.Tensor | None:
        """What parameter noise adds to outputs, F32[n, k]; None without it."""
        if self._parameter_noise is None:
            return None
        features = self.policy.extract_features(observations)
        assert isinstance(features, torch.Tensor)  # actor and critic share what stands before them
        return self._parameter_noise.offsets(self.policy.mlp_extractor.forward_actor(features), episode_starts)

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
            episode_starts: bool[n], whether the observation that was acted on was the first of an episode.
            ended: rows whose episode has reached its time limit, I64[m]. Unless the settings say otherwise, the value
                of their last state is added: the world would have continued.
            last_observations: last observations of these rows, F32[m, d].
        """
        assert self._acted is not None, "remember() follows act()"
        observations, actions, values, log_probs = self._acted
        self._acted = None
        if ended.size and self._settings.bootstrap != "none":
            rewards = rewards.copy()
            rewards[ended] += self.model.gamma * self._values(last_observations)
        self.model.rollout_buffer.add(observations, actions, rewards, episode_starts, values, log_probs)

    def act_still(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Actions without exploration, F32[n, k] in [-1, 1], from F32[n, d]; nothing is stored or drawn."""
        return self.execution.actions(observations[:, self._newest], self.means(observations))

    def means(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs without exploration, F32[n, k], from F32[n, d]: what exploration is added to."""
        with torch.no_grad(), self._distributions():
            return self.policy.get_distribution(torch.from_numpy(observations)).mode().numpy()

    def values(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """The critic's values F32[m] of F32[m, d]."""
        with torch.no_grad():
            return self.policy.predict_values(torch.from_numpy(observations)).numpy()[:, 0]

    def _values(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values F32[m] of F32[m, d], row by row or in one batch; the last bits of the two differ."""
        tensor = torch.from_numpy(observations)
        rows = tensor.split(1) if self._settings.bootstrap == "rows" else (tensor,)
        with torch.no_grad():
            return torch.cat([self.policy.predict_values(row) for row in rows]).numpy()[:, 0]

    def end_rollout(self, observations: NDArray[np.float32], truncated: NDArray[np.bool_]) -> None:
        """Compute advantages; `observations` F32[n, d] and `truncated` bool[n] are those after the last step."""
        with torch.no_grad():
            values = self.policy.predict_values(torch.from_numpy(observations))
        if self._parameter_noise is not None:
            self._parameter_noise.end_rollout()
        if self._settings.risk_aversion:
            compute_returns(self.model.rollout_buffer, values, truncated, self._settings.risk_aversion)
        else:
            self.model.rollout_buffer.compute_returns_and_advantage(last_values=values, dones=truncated)

    def subtract(self, others: NDArray[np.float32]) -> None:
        """Take the twin's advantages, F32[t, n], from the rollout's, by as much as lowers their variance most."""
        advantages = self.model.rollout_buffer.advantages
        own, other = advantages - advantages.mean(), others - others.mean()
        covariance, variance = float(np.mean(own * other)), float(np.mean(other**2))
        share = 0.0
        if variance > 0.0:
            advantages -= np.float32(covariance / variance) * other
            share = covariance**2 / (variance * float(np.mean(own**2)))
        self.model.logger.record("train/twin_share", share)  # of the variance that the twin removes

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
        if self._parameter_noise is not None:
            self.model.logger.record("train/parameter_noise_scale", self._parameter_noise.scale)
            self.model.logger.record("train/parameter_noise_distance", self._parameter_noise.distance)
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
        """Run code that makes torch's distributions, which refuse means and deviations that are not numbers."""
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
        """The state of its random numbers, for a checkpoint; the archive of `save` holds the rest."""
        arrays = self.random_state.arrays()
        for noise in (self._noise, self._parameter_noise):
            arrays |= {} if noise is None else noise.arrays()
        return arrays

    def load_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Continue from `arrays`.

        Raises:
            KeyError, ValueError: the arrays belong to another learner.
        """
        self.random_state.load_arrays(arrays)
        for noise in (self._noise, self._parameter_noise):
            if noise is not None:
                noise.load_arrays(arrays)

    def save(self, path: Path) -> None:
        """Write stable-baselines3's archive of the learner. Loading it unpickles: load only files that you trust."""
        self.model.save(path)

    def load(self, path: Path) -> None:
        """Load weights, optimiser and counters from an archive that `save` wrote. Unpickles: trusted files only."""
        with isolated():
            self.model = PPO.load(path, env=self._spaces, device="cpu")
        self.log_to(self._writers)
