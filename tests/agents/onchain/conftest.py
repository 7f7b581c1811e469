"""Networks of known shape as policies, and a policy's contract run as Python."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.onchain.inputs import LinearFeature, contract_inputs
from protogov.agents.policies import Policy
from protogov.agents.policies.architectures import make_front
from protogov.envs.simulator import Simulator

WORD = 1 << 256


def _make_policy(sizes=(5, 9, 4, 2), seed=0, **changes):
    """A policy with He's weights and small biases: `sizes` are its inputs, hidden layers and outputs."""
    rng, weights = np.random.default_rng(seed), {}
    for index, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        spread = np.sqrt((2.0 if index < len(sizes) - 2 else 0.3) / inputs)
        weights[f"layer_{index}.weight"] = rng.normal(scale=spread, size=(outputs, inputs)).astype(np.float32)
        weights[f"layer_{index}.bias"] = rng.normal(scale=0.1, size=outputs).astype(np.float32)
    fields = {
        "agent": "rate_0",
        "features": tuple(f"feature_{index}" for index in range(sizes[0])),
        "levers": tuple(f"lever_{index}" for index in range(sizes[-1])),
        "hidden_sizes": tuple(sizes[1:-1]),
        "activation": "relu",
        "log_std": (0.0,) * sizes[-1],
        "decision_hours": 6.0,
        "weights": weights,
    }
    return Policy(**{**fields, **changes})


def _make_inputs(policy, fold=True):
    """Inputs of a contract; with `fold` every third one is handed in in a unit of its own."""
    scales = (0.3, 84.0, 1.0, 0.05)
    folded = {
        name: LinearFeature("unit", scales[index % len(scales)])
        for index, name in enumerate(policy.features)
        if fold and index % 3 == 0
    }
    return contract_inputs(policy.features, 10.0, folded)


def _draw_counts(specification, count, seed=0):
    """Counts of all kinds: anywhere, at the ends, near the middle."""
    rng, most = np.random.default_rng(seed), np.array([one.largest for one in specification.inputs])
    anywhere = rng.integers(0, most + 1, size=(count, len(most)))
    ends = np.where(rng.random((count, len(most))) < 0.5, most, 0)
    near = np.clip(most // 2 + rng.integers(-2048, 2049, size=(count, len(most))), 0, most)
    return np.concatenate([anywhere, ends, near])


class _Type:
    def __getitem__(self, length):
        return self


def _run_as_python(source):
    """The contract's function in Python: what Vyper and Python write alike, with Vyper's words of 256 bits.

    Returns a function from the words of an observation to signed outputs; an AssertionError is a revert.
    """
    names = {
        "external": lambda function: function,
        "pure": lambda function: function,
        "uint256": _Type(),
        "int256": _Type(),
        "unsafe_add": lambda a, b: (a + b) % WORD,
        "unsafe_sub": lambda a, b: (a - b) % WORD,
        "unsafe_mul": lambda a, b: a * b % WORD,
        "convert": lambda value, kind: value,
    }
    exec(source, names)
    return lambda words: [y - WORD if y >> 255 else y for y in names["decide"](words)]


def _make_compact(config, agent="rate_0", seed=0, hidden=(32, 32)):
    """A compact policy for an agent of a world, with He's weights."""
    world = Simulator(config, 1)
    stack = _make_policy((32, *hidden, len(world.roles[agent].levers)), seed)
    front = make_front("compact", world.observation_names(agent))
    return replace(stack, agent=agent, features=front.features, levers=world.roles[agent].levers, front=front)


@pytest.fixture
def make_policy():
    return _make_policy


@pytest.fixture
def make_compact():
    return _make_compact


@pytest.fixture
def make_inputs():
    return _make_inputs


@pytest.fixture
def draw_counts():
    return _draw_counts


@pytest.fixture
def run_as_python():
    return _run_as_python


@pytest.fixture
def policy():
    return _make_policy()
