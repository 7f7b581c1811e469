"""Hyperparameters of joint PPO. This file imports no learning library, so the command line can show them at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from protogov.agents.policies.architectures import ARCHITECTURES, COMPACT_HIDDEN, Architecture

REFERENCE_HOURS = 6.0  # the decision interval for which `gamma` and `gae_lambda` are given


@dataclass(frozen=True)
class PPOSettings:
    """How every learner learns. The same for all governors of a run.

    Attributes:
        num_steps: decisions a world makes in one rollout.
        batch_size: samples in a minibatch; a smaller rollout is one minibatch.
        num_epochs: passes over a rollout.
        learning_rate: Adam's step size at the start, falling linearly over the run to `final_learning_rate`, which is
            above zero because PPO makes its last update at the very end of the schedule.
        gamma: discount for six hours; a world that decides every h hours uses gamma ** (h / 6).
        gae_lambda: lambda of generalised advantage estimation (Schulman et al. 2016) for six hours, scaled likewise.
        clip_range: PPO's clip of the probability ratio (Schulman et al. 2017).
        entropy_coefficient: weight of the entropy bonus.
        value_coefficient: weight of the value loss.
        weight_decay: share of its weights that a matrix loses per step at a learning rate of 1 (AdamW); not for biases
            and exploration. 0 is Adam.
        observation_noise: standard deviation of noise added to every number that a learner sees in a rollout, in
            units of the normalised observation; there is no noise when a policy is played.
        max_grad_norm: global norm at which gradients are clipped.
        target_kl: stop a rollout's updates above 1.5 times this divergence; None never stops.
        architecture: of the network. "mlp" has only hidden layers; "linear" has none of them in the actor; "recurrent"
            reads the last 24 observations with a GRU, at 24 times the memory of a rollout; "attention" reads the groups
            surface and accounts, which the world must show, node by node and bucket by bucket; "compact" reads 32 named
            features and fits a contract; "few" reads only the six features of the linear rule, as does its critic.
        hidden_sizes: widths of the hidden layers, in the actor (unless it is linear) and in the critic.
        activation: "relu" or "tanh".
        log_std_init: log of the exploration's standard deviation at the start, in units of the action.
        log_std_final: final value of the ceiling on log_std. The parameter is learned freely between this floor and a
            ceiling that falls linearly from `log_std_init`; before each rollout it is clamped to that band. None sets
            no limits.
        exploration_correlation: correlation of an action's noise with that of the world's last decision, from 0 (white
            noise) to below 1: an AR(1) process with the same standard deviation, which begins anew in each episode.
            Probabilities stay those of stock PPO, which is a bias; `protogov.agents.ppo.exploration` explains it.
        state_dependent_exploration: explore by a random function of the last hidden layer instead of by independent
            noise in each decision (gSDE, Raffin et al. 2021, from stable-baselines3); log_std is that of its weights,
            -2 is usual.
        exploration_every: decisions after which state-dependent exploration draws new functions; 0 draws them once per
            rollout.
        parameter_noise: let every world act with a last layer of its own. It is perturbed so that mean actions move by
            about this distance, root mean square in units of the action (Plappert et al. 2018); the scale adapts. 0
            perturbs nothing. Its module explains the probabilities.
        parameter_noise_every: decisions after which a world draws another perturbation; 0 keeps one per episode.
        start: where governors start. "defaults" is a new network, whose first mean action is about that of the
            defaults. "tuned", another baseline of constants, or "linear", the tuned linear rule: the network is a
            residual, action = clip(baseline's action + output), so its first mean action is the baseline's: exactly for
            constants, to about 1e-7 for the rule, which reads float32. The path of a policy's .json file, of a folder
            with one for each governor, or a name such as zoo/headline: the actor continues from it, with a new critic
            and new exploration.
        action_form: meaning of an output: a "target" for the lever, or a "change" of the value that it moves to.
        change_size: largest change per decision, in units of the action: 1 is the way from a lever's default to an end.
        critic: "own" sees what its actor sees; "central" also sees the global state (MAPPO, Yu et al. 2022).
        critic_sees_time: let the critic, and never the actor, also see the share of the episode that is left: what an
            episode can still earn depends on it (the remaining time of time-aware agents, Pardo et al. 2018, "Time
            Limits in Reinforcement Learning"). Only where `bootstrap` is "none": a value beyond the end has no clock.
        shared_parameters: on two venues, all governors of a role are one policy with one critic, which learns from the
            experience of each of them (parameter sharing, Gupta et al. 2017). Every governor has its own policy file.
        risk_aversion: how much more a bad surprise counts than a good one, from 0 (the same) to below 1: their weights
            are 1 + risk_aversion and 1 - risk_aversion (Mihatsch and Neuneier 2002). Values become expectiles at the
            level (1 - risk_aversion) / 2 instead of means.
        bootstrap: value of the last state of an episode that reached its time limit: "rows" computes one at a time like
            stable-baselines3, bit for bit; "batch" computes all at once, which agrees to about 1e-6; "none" adds no
            value: what counts is the episode, as in an evaluation, and not a world that would have continued.
        twin: take from each advantage that of the same decision in a copy of the world on the same tape, by as much as
            lowers the variance most. The copy does not depend on the action, so the gradient stays unbiased, and most
            of the variance of prices cancels. The copy's levers stay at the "defaults", or its governors are the
            "policies" of the rollout, which do not explore there; "none" has no copy. It costs a second simulation.
        checkpoint_every: rollouts between checkpoints; 0 makes one only at the end of a run.
        keep_checkpoints: number of checkpoints that are kept, newest first; 0 keeps all.

    Raises:
        ValueError: a field has a value that is not accepted; the message names the field.
    """

    num_steps: int = 28
    batch_size: int = 2048
    num_epochs: int = 5
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-4
    gamma: float = 0.95
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    entropy_coefficient: float = 0.0
    value_coefficient: float = 0.5
    weight_decay: float = 0.0
    observation_noise: float = 0.0
    max_grad_norm: float = 0.5
    target_kl: float | None = None
    architecture: Architecture = "mlp"
    hidden_sizes: tuple[int, ...] = (32, 32)
    activation: Literal["relu", "tanh"] = "relu"
    log_std_init: float = -1.0
    log_std_final: float | None = -2.5
    exploration_correlation: float = 0.0
    state_dependent_exploration: bool = False
    exploration_every: int = 0
    parameter_noise: float = 0.0
    parameter_noise_every: int = 0
    start: str = "defaults"
    action_form: Literal["target", "change"] = "target"
    change_size: float = 0.25
    critic: Literal["own", "central"] = "own"
    critic_sees_time: bool = False
    shared_parameters: bool = False
    risk_aversion: float = 0.0
    bootstrap: Literal["rows", "batch", "none"] = "rows"
    twin: Literal["none", "defaults", "policies"] = "defaults"
    checkpoint_every: int = 0
    keep_checkpoints: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden_sizes", tuple(self.hidden_sizes))
        for field, least in (("num_steps", 1), ("batch_size", 2), ("num_epochs", 1)):
            self._require(field, getattr(self, field) >= least, f"a whole number of at least {least}")
        for field in ("exploration_every", "parameter_noise_every", "checkpoint_every", "keep_checkpoints"):
            self._require(field, getattr(self, field) >= 0, "a whole number of at least 0")
        for field in ("learning_rate", "final_learning_rate", "clip_range", "max_grad_norm"):
            value = getattr(self, field)
            self._require(field, math.isfinite(value) and value > 0, "a finite number above 0")
        for field in ("gamma", "gae_lambda"):
            self._require(field, 0 <= getattr(self, field) <= 1, "a number from 0 to 1")
        for field in (
            "entropy_coefficient",
            "value_coefficient",
            "weight_decay",
            "observation_noise",
            "parameter_noise",
        ):
            value = getattr(self, field)
            self._require(field, math.isfinite(value) and value >= 0, "a finite number of at least 0")
        self._require("target_kl", self.target_kl is None or self.target_kl > 0, "a number above 0, or None")
        self._require("hidden_sizes", all(size >= 1 for size in self.hidden_sizes), "widths of at least 1")
        self._require("architecture", self.architecture in ARCHITECTURES, ", ".join(ARCHITECTURES))
        if self.architecture == "compact":
            self._require("hidden_sizes", self.hidden_sizes == COMPACT_HIDDEN, f"{COMPACT_HIDDEN} where it is compact")
            self._require("activation", self.activation == "relu", "relu where it is compact")
        self._require("activation", self.activation in ("relu", "tanh"), "relu or tanh")
        self._require("critic", self.critic in ("own", "central"), "own or central")
        self._require("bootstrap", self.bootstrap in ("rows", "batch", "none"), "rows, batch or none")
        self._require(
            "critic_sees_time",
            not self.critic_sees_time or self.bootstrap == "none",
            "True where bootstrap is none, or False",
        )
        self._require("twin", self.twin in ("none", "defaults", "policies"), "none, defaults or policies")
        self._require("log_std_init", math.isfinite(self.log_std_init), "a finite number")
        if self.log_std_final is not None:
            self._require("log_std_final", self.log_std_final <= self.log_std_init, "at most log_std_init, or None")
        self._require("start", bool(self.start), "defaults, tuned, linear, or the path of a policy")
        self._require("action_form", self.action_form in ("target", "change"), "target or change")
        self._require("change_size", 0 < self.change_size <= 2, "a number above 0 and at most 2")
        self._require("exploration_correlation", 0 <= self.exploration_correlation < 1, "a number from 0 to below 1")
        self._require("risk_aversion", 0 <= self.risk_aversion < 1, "a number from 0 to below 1")
        self._require(
            "parameter_noise_every",
            not self.parameter_noise_every or self.parameter_noise > 0,
            "0 unless parameter_noise is above 0",
        )
        if self.state_dependent_exploration:
            self._require("parameter_noise", not self.parameter_noise, "0 where exploration is state-dependent")
            self._require("weight_decay", not self.weight_decay, "0 where exploration is state-dependent")
            self._require("exploration_correlation", not self.exploration_correlation, "0 where it is state-dependent")
        else:
            self._require("exploration_every", not self.exploration_every, "0 unless it is state-dependent")

    def _require(self, field: str, holds: bool, accepted: str) -> None:
        if not holds:
            raise ValueError(f"{field} is {getattr(self, field)!r}; accepted: {accepted}")

    def log_std_ceiling(self, progress_remaining: float) -> float:
        """Highest log_std allowed when `progress_remaining` of the run is left (1 at the start, 0 at the end)."""
        if self.log_std_final is None:
            return math.inf
        return self.log_std_final + (self.log_std_init - self.log_std_final) * progress_remaining
