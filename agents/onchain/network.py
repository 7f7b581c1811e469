"""The networks that a contract can compute: plain stacks of linear layers and ReLU. All others are refused by name.

Of a compact policy the contract computes the stack; its named features are the contract's inputs. A policy that is a
residual around constants has them in its last bias. Of a pricer it computes the quantile head of the generation
`compact`: the median and the steps between quantiles, each held above a floor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.onchain.heads import ACTIONS, QUANTILES, quantile_outputs
from protogov.agents.policies.architectures import Front
from protogov.agents.policies.policy import Policy
from protogov.agents.pricing.learned import PricerFile
from protogov.agents.pricing.quantile_law import MEDIAN

MOST_INPUTS = 32
FITS = (
    f"a plain stack of linear layers and ReLU fits, with at most {MOST_INPUTS} inputs, each a number of the "
    "observation or, of the architecture compact, a named sum of some, and with actions that are targets"
)
FITS_PRICERS = "a pricer of the generation compact fits, whose increments are linear and held above a floor"
# what a policy file may say that a plain stack has not
_BESIDE_THE_STACK = ("incumbent", "change")

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]
Network = Policy | PricerFile


class ExportError(ValueError):
    """A policy or a pricer that cannot become a contract: the message says why, and what would fit."""


@dataclass(frozen=True)
class Stack:
    """What a contract computes, in real numbers: the layers with ReLU between, plus `added`, held within `ends`.

    Attributes:
        name: of whose network it is.
        head: what its outputs are, a name of `heads.py`.
        features: a name for each input.
        outputs: a name for each output.
        layers: weight F32[out, in] and bias F32[out] of each layer.
        added: to each output, F64[out]; exact.
        ends: of each output (lowest, highest); None where there is none.
        act: the network as it is played: outputs [n, out] of F32[n, in].
    """

    name: str
    head: str
    features: tuple[str, ...]
    outputs: tuple[str, ...]
    layers: Layers
    added: NDArray[np.float64]
    ends: tuple[tuple[float | None, float | None], ...]
    act: Callable[[NDArray[np.float32]], NDArray[np.floating]]


def stack_of(network: Network) -> Stack:
    """The stack of a policy or of a pricer.

    Raises:
        ExportError: it is no plain stack of linear layers and ReLU, or has too many inputs.
    """
    return _stack_of_pricer(network) if isinstance(network, PricerFile) else _stack_of_policy(network)


def plain_layers(network: Network) -> Layers:
    """Weight F32[out, in] and bias F32[out] of each layer of the stack.

    Raises:
        ExportError: see `stack_of`.
    """
    return stack_of(network).layers


def contract_stack(policy: Policy) -> Policy:
    """The policy as the contract sees it: a compact one without its front, on its named features."""
    if policy.architecture != "compact":
        return policy
    names = tuple(policy.front.inputs)
    return replace(policy, features=names, front=Front("mlp", names))


def _stack_of_policy(policy: Policy) -> Stack:
    name = f"the policy of {policy.agent}"
    stack = contract_stack(policy)
    depth = len(stack.hidden_sizes)
    if depth and stack.activation != "relu":
        raise ExportError(f"{name} has the activation {stack.activation}; {FITS}")
    if stack.architecture not in ("mlp", "linear"):
        raise ExportError(f"{name} is of the architecture {stack.architecture}; {FITS}")
    constants = stack.incumbent is not None and not stack.incumbent.slopes
    for part in _BESIDE_THE_STACK:
        if getattr(stack, part) is not None and not (part == "incumbent" and constants):
            raise ExportError(f"{name} has {part} = {_short(getattr(stack, part))} beside its layers; {FITS}")
    layers = [(f"layer_{index}.weight", f"layer_{index}.bias") for index in range(depth + 1)]
    unknown = set(stack.weights) - {key for pair in layers for key in pair}
    if unknown:
        raise ExportError(f"{name} has {', '.join(sorted(unknown))} beside its layers; {FITS}")
    if len(stack.features) > MOST_INPUTS:
        raise ExportError(f"{name} has {len(stack.features)} inputs; {FITS}")
    held = np.zeros(len(stack.levers)) if stack.incumbent is None else np.array(stack.incumbent.constants)
    return Stack(
        policy.agent, ACTIONS, stack.features, stack.levers,
        [(stack.weights[weight], stack.weights[bias]) for weight, bias in layers],
        np.clip(held, -1.0, 1.0).astype(np.float32).astype(np.float64),  # as `IncumbentActions` gives them
        ((-1.0, 1.0),) * len(stack.levers), lambda seen: _policy_acts(stack, seen),
    )  # fmt: skip


def _policy_acts(stack: Policy, seen: NDArray[np.float32]) -> NDArray[np.floating]:
    from protogov.agents.policies.policy_governor import PolicyGovernor  # brings torch along

    return PolicyGovernor(stack).act_on(seen)


def _stack_of_pricer(pricer: PricerFile) -> Stack:
    if pricer.shape.generation != "compact":
        raise ExportError(f"the pricer {pricer.name} is of the generation {pricer.shape.generation}; {FITS_PRICERS}")
    from protogov.agents.pricing.networks import FLOOR, load_weights  # brings torch along

    network = load_weights(pricer.shape, pricer.weights)
    depth = sum(name.endswith(".weight") for name in pricer.weights)
    layers = [(pricer.weights[f"layers.{i}.weight"], pricer.weights[f"layers.{i}.bias"]) for i in range(depth)]
    outputs = quantile_outputs()
    added = np.insert(network.start.numpy().astype(np.float64) + FLOOR, MEDIAN, 0.0)
    ends = tuple((None if index == MEDIAN else FLOOR, None) for index in range(len(outputs)))

    def act(seen: NDArray[np.float32]) -> NDArray[np.floating]:
        import torch

        hidden = torch.from_numpy(np.ascontiguousarray(seen, np.float32))
        with torch.no_grad():
            for layer in network.layers[:-1]:
                hidden = torch.relu(layer(hidden))
            raw = network.layers[-1](hidden).double().numpy()
        return np.where(np.arange(len(outputs)) == MEDIAN, raw, np.maximum(raw + added, FLOOR))

    return Stack(pricer.name, QUANTILES, pricer.shape.inputs, outputs, layers, added, ends, act)


def _short(value: Any) -> str:
    text = str(getattr(value, "name", value))
    return text if len(text) <= 60 else f"{text[:57]}..."
