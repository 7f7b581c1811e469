"""The policies that a contract can compute: plain stacks of linear layers and ReLU. All others are refused by name.

Of a compact policy the contract computes the stack; its named features are the contract's inputs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.policies.architectures import Front
from protogov.agents.policies.policy import Policy

MOST_INPUTS = 32
FITS = (
    f"a plain stack of linear layers and ReLU fits, with at most {MOST_INPUTS} inputs, each a number of the "
    "observation or, of the architecture compact, a named sum of some, and with actions that are targets"
)
# what a policy file may say that a plain stack has not
_BESIDE_THE_STACK = ("incumbent", "change")

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


class ExportError(ValueError):
    """A policy that cannot become a contract: the message says why, and what would fit."""


def contract_stack(policy: Policy) -> Policy:
    """The policy as the contract sees it: a compact one without its front, on its named features."""
    if policy.architecture != "compact":
        return policy
    names = tuple(policy.front.inputs)
    return replace(policy, features=names, front=Front("mlp", names))


def plain_layers(policy: Policy) -> Layers:
    """Weight F32[out, in] and bias F32[out] of each layer of the stack.

    Raises:
        ExportError: the policy is no plain stack of linear layers and ReLU, or has too many inputs.
    """
    name = f"the policy of {policy.agent}"
    stack = contract_stack(policy)
    depth = len(stack.hidden_sizes)
    if depth and stack.activation != "relu":
        raise ExportError(f"{name} has the activation {stack.activation}; {FITS}")
    if stack.architecture not in ("mlp", "linear"):
        raise ExportError(f"{name} is of the architecture {stack.architecture}; {FITS}")
    for part in _BESIDE_THE_STACK:
        if getattr(stack, part) is not None:
            raise ExportError(f"{name} has {part} = {_short(getattr(stack, part))} beside its layers; {FITS}")
    layers = [(f"layer_{index}.weight", f"layer_{index}.bias") for index in range(depth + 1)]
    unknown = set(stack.weights) - {key for pair in layers for key in pair}
    if unknown:
        raise ExportError(f"{name} has {', '.join(sorted(unknown))} beside its layers; {FITS}")
    if len(stack.features) > MOST_INPUTS:
        raise ExportError(f"{name} has {len(stack.features)} inputs; {FITS}")
    return [(stack.weights[weight], stack.weights[bias]) for weight, bias in layers]


def _short(value: Any) -> str:
    text = str(getattr(value, "name", value))
    return text if len(text) <= 60 else f"{text[:57]}..."
