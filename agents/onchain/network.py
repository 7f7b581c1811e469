"""The policies that a contract can compute: plain stacks of linear layers and ReLU. All others are refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.policies.policy import Policy

MOST_INPUTS = 32
FITS = f"a plain stack of linear layers and ReLU fits, with at most {MOST_INPUTS} inputs and actions that are targets"
# what a policy file may say that a plain stack has not
_BESIDE_THE_STACK = ("incumbent", "change")

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


class ExportError(ValueError):
    """A policy that cannot become a contract: the message says why, and what would fit."""


def plain_layers(policy: Policy) -> Layers:
    """Weight F32[out, in] and bias F32[out] of each layer.

    Raises:
        ExportError: the policy is no plain stack of linear layers and ReLU, or has too many inputs.
    """
    name = f"the policy of {policy.agent}"
    depth = len(policy.hidden_sizes)
    if depth and policy.activation != "relu":
        raise ExportError(f"{name} has the activation {policy.activation}; {FITS}")
    if policy.architecture not in ("mlp", "linear"):
        raise ExportError(f"{name} is of the architecture {policy.architecture}; {FITS}")
    for part in _BESIDE_THE_STACK:
        if getattr(policy, part) is not None:
            raise ExportError(f"{name} has {part} = {_short(getattr(policy, part))} beside its layers; {FITS}")
    layers = [(f"layer_{index}.weight", f"layer_{index}.bias") for index in range(depth + 1)]
    unknown = set(policy.weights) - {key for pair in layers for key in pair}
    if unknown:
        raise ExportError(f"{name} has {', '.join(sorted(unknown))} beside its layers; {FITS}")
    if len(policy.features) > MOST_INPUTS:
        raise ExportError(
            f"{name} has {len(policy.features)} inputs; {FITS}. This version does not distil a larger policy into one "
            f"that fits: train one on {MOST_INPUTS} features"
        )
    return [(policy.weights[weight], policy.weights[bias]) for weight, bias in layers]


def _short(value: Any) -> str:
    text = str(getattr(value, "name", value))
    return text if len(text) <= 60 else f"{text[:57]}..."
