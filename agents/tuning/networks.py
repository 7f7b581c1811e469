"""A neural policy for every governor, as one vector of weights: a search over parameters can then search policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.linear_feedback import WEIGHTS, LinearFeedback
from protogov.agents.policies.execution import Execution
from protogov.agents.policies.incumbent import Incumbent
from protogov.agents.policies.policy import Policy
from protogov.agents.tuning.evolution import Floats
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_BY_NAME

Rule = Mapping[str, Sequence[float]]  # lever -> its four weights in the linear rule

HIDDEN = (32, 32)
FIRST_SEED = 0  # of the first weights: the same in every search
LOG_STD = -2.5  # written to a policy's file, for users who want random draws: the final value of PPO by default


@dataclass(frozen=True)
class _Actor:
    """One governor's network: its inputs and levers, and how outputs become actions."""

    agent: str
    features: tuple[str, ...]
    levers: tuple[str, ...]
    execution: Execution

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of each layer."""
        sizes = (len(self.features), *HIDDEN, len(self.levers))
        return tuple(zip(sizes, sizes[1:], strict=False))

    @property
    def size(self) -> int:
        """Number of weights and biases."""
        return sum((inputs + 1) * outputs for inputs, outputs in self.layers)


class Networks:
    """Policies of all learning governors of a world: 32 x 32 ReLU each, in the form of a policy's file.

    A parameter vector holds, governor by governor and layer by layer, the weights [out, in] and then the biases [out].
    Actions are those of `PolicyGovernor`, to about 1e-6. With a rule, outputs are added to its actions: a search then
    starts at the rule, if its networks start with outputs of zero, and looks for what the rule lacks.

    Args:
        config: of the world.
        rule: weights of every lever (`protogov.agents.baselines.linear_feedback`); None: outputs are the actions.

    Raises:
        ValueError: the rule lacks a lever, has not four weights for one, or reads a feature that is not observed.
    """

    def __init__(self, config: WorldConfig, rule: Rule | None = None) -> None:
        world = Simulator(config, 1)
        self._decision_hours = float(config.decision_hours)
        self._actors = []
        for agent in world.agents:
            features, levers = tuple(world.observation_names(agent)), tuple(world.roles[agent].levers)
            execution = Execution(levers, features, None if rule is None else _incumbent(levers, rule))
            self._actors.append(_Actor(agent, features, levers, execution))

    @property
    def levers(self) -> tuple[str, ...]:
        """Levers of all governors, in their order."""
        return tuple(lever for actor in self._actors for lever in actor.levers)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of weights and biases of each governor, by name."""
        return {actor.agent: actor.size for actor in self._actors}

    @property
    def size(self) -> int:
        """Number of weights and biases of all governors."""
        return sum(self.sizes.values())

    def start(self, actions: Floats) -> Floats:
        """Weights of policies whose outputs are always these, F64[levers] to F64[size].

        Outputs are the actions, or with a rule what is added to its own. Hidden layers are drawn as in He and others
        (2015) for ReLU, so every feature can become important. The last layer's weights are zero.
        """
        generator, parts, at = np.random.default_rng(FIRST_SEED), list[Floats](), 0
        for actor in self._actors:
            for inputs, outputs in actor.layers[:-1]:
                parts += [generator.normal(0.0, np.sqrt(2.0 / inputs), inputs * outputs), np.zeros(outputs)]
            inputs, outputs = actor.layers[-1]
            parts += [np.zeros(inputs * outputs), np.asarray(actions[at : at + outputs], np.float64)]
            at += outputs
        return np.concatenate(parts)

    def actions(self, world: Simulator, points: Floats) -> Floats:
        """Actions F64[c * m, levers] of candidates F64[c, size], each with m consecutive rows of the world."""
        columns, at = [], 0
        for actor in self._actors:
            own, at = points[:, at : at + actor.size], at + actor.size
            seen = world.view(actor.agent).obs
            hidden = seen.reshape(len(points), -1, len(actor.features))
            layers = _unpack(own, actor.layers)
            for weight, bias in layers[:-1]:
                hidden = np.maximum(hidden @ weight.transpose(0, 2, 1) + bias[:, None, :], np.float32(0.0))
            weight, bias = layers[-1]
            mean = hidden @ weight.transpose(0, 2, 1) + bias[:, None, :]
            columns.append(actor.execution.actions(seen, mean.reshape(-1, len(actor.levers))))
        return np.concatenate(columns, axis=1).astype(np.float64)

    def policies(self, point: Floats) -> list[Policy]:
        """The policy of each governor, for saving."""
        found, at = [], 0
        for actor in self._actors:
            layers = _unpack(np.asarray(point)[None, at : at + actor.size], actor.layers)
            at += actor.size
            weights = {}
            for number, (weight, bias) in enumerate(layers):
                weights[f"layer_{number}.weight"], weights[f"layer_{number}.bias"] = weight[0].copy(), bias[0].copy()
            found.append(
                Policy(
                    agent=actor.agent, features=actor.features, levers=actor.levers, hidden_sizes=HIDDEN,
                    activation="relu", log_std=(LOG_STD,) * len(actor.levers), decision_hours=self._decision_hours,
                    weights=weights, incumbent=actor.execution.incumbent,
                )
            )  # fmt: skip
        return found

    def point(self, policies: Sequence[Policy]) -> Floats:
        """Inverse of `policies`, F64[size].

        Raises:
            ValueError: the policies do not belong to this world's governors, or deviate from another rule.
        """
        expected = [
            (actor.agent, actor.features, actor.levers, HIDDEN, actor.execution.incumbent) for actor in self._actors
        ]
        given = [(one.agent, one.features, one.levers, one.hidden_sizes, one.incumbent) for one in policies]
        if expected != given:
            raise ValueError(
                f"policies are of {', '.join(one.agent for one in policies)}; those of "
                f"{', '.join(actor.agent for actor in self._actors)} with this world's features and levers, around the "
                "same rule, are accepted"
            )
        parts = [
            one.weights[f"layer_{number}.{part}"].ravel()
            for one in policies
            for number in range(len(HIDDEN) + 1)
            for part in ("weight", "bias")
        ]
        return np.concatenate(parts).astype(np.float64)


def _incumbent(levers: Sequence[str], rule: Rule) -> Incumbent:
    """The rule of these levers as it stands in a policy's file, without slopes of zero."""
    for name in levers:
        count = len(rule.get(name, ()))
        if count != WEIGHTS:
            raise ValueError(f"rule has {count} weights of {name}; {WEIGHTS} of every lever are accepted.")
    weights = np.array([rule[name] for name in levers], np.float64)
    whole = LinearFeedback([LEVER_BY_NAME[name] for name in levers], weights).incumbent()
    return replace(whole, slopes=tuple(slope for slope in whole.slopes if slope.weight != 0.0))


def _unpack(points: Floats, layers: Sequence[tuple[int, int]]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Weights F32[c, out, in] and biases F32[c, out] of each layer, from vectors F64[c, size]."""
    found, at, single = [], 0, points.astype(np.float32)
    for inputs, outputs in layers:
        weight, at = single[:, at : at + inputs * outputs].reshape(-1, outputs, inputs), at + inputs * outputs
        bias, at = single[:, at : at + outputs], at + outputs
        found.append((weight, bias))
    return found
