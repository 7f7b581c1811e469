"""The generations of `shape.py` as torch modules, and their head: from numbers to rising quantiles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import nn
from torch.nn import functional

from protogov.agents.pricing.quantile_law import LEVELS, MEDIAN
from protogov.agents.pricing.shape import GRU_SIZE, HIDDEN, TOKEN_SIZE, Shape

FLOOR = 1e-3  # least increment, in reference deviations
_STEPS = np.diff(ndtri(np.array(LEVELS)))  # increments of the normal law, with which every network begins


class PricerNetwork(nn.Module):
    """Quantiles of log return / (reference vol * root of years), F64[b, levels], rising."""

    start: torch.Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        size = len(shape.inputs)
        if shape.generation == "recurrent":
            self.gru = nn.GRU(len(shape.sequence), GRU_SIZE, batch_first=True)
            size += GRU_SIZE
        if shape.generation == "attention":
            self.embed = nn.Linear(len(shape.node_inputs), TOKEN_SIZE)
            self.key, self.value = nn.Linear(TOKEN_SIZE, TOKEN_SIZE), nn.Linear(TOKEN_SIZE, TOKEN_SIZE)
            self.query = nn.Linear(size, TOKEN_SIZE)
            size += TOKEN_SIZE
        widths = [size, *([] if shape.generation == "linear" else [HIDDEN, HIDDEN]), len(LEVELS)]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:], strict=False))
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight.mul_(0.1)
            last.bias.zero_()
        start = _STEPS if shape.generation == "compact" else np.log(np.expm1(_STEPS))  # softplus of these is those
        self.register_buffer("start", torch.tensor(start, dtype=torch.float32), persistent=False)

    def forward(self, inputs: torch.Tensor, sequence: torch.Tensor, nodes: torch.Tensor) -> torch.Tensor:
        """Quantiles of a batch.

        Args:
            inputs: F32[b, inputs], normalised.
            sequence: F32[b, window, sequence], oldest first, zeros before the opening; of `recurrent`.
            nodes: F32[b, tokens, node_inputs]; of `attention`.
        """
        x = inputs
        if self.shape.generation == "recurrent":
            _, last = self.gru(sequence)
            x = torch.cat([x, last[0]], dim=1)
        if self.shape.generation == "attention":
            tokens = torch.tanh(self.embed(nodes))
            scores = (self.key(tokens) * self.query(inputs)[:, None, :]).sum(-1) / TOKEN_SIZE**0.5
            x = torch.cat([x, (torch.softmax(scores, dim=1)[:, :, None] * self.value(tokens)).sum(1)], dim=1)
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.rising(self.layers[-1](x))

    def rising(self, raw: torch.Tensor) -> torch.Tensor:
        """Quantiles F64[b, levels] of what the last layer puts out: the median, and steps from it to both sides."""
        raw = raw.double()  # in single precision a small step may vanish beside a far quantile
        middle = raw[:, MEDIAN : MEDIAN + 1]
        steps = torch.cat([raw[:, :MEDIAN], raw[:, MEDIAN + 1 :]], dim=1) + self.start
        steps = torch.relu(steps) if self.shape.generation == "compact" else functional.softplus(steps)
        steps = steps + FLOOR
        upper = middle + torch.cumsum(steps[:, MEDIAN:], dim=1)
        lower = middle - torch.flip(torch.cumsum(torch.flip(steps[:, :MEDIAN], [1]), dim=1), [1])
        return torch.cat([lower, middle, upper], dim=1)


def make_network(shape: Shape, seed: int) -> PricerNetwork:
    """A network with fresh weights, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PricerNetwork(shape)


def load_weights(shape: Shape, weights: Mapping[str, NDArray[np.float32]]) -> PricerNetwork:
    """A network with given weights."""
    network = make_network(shape, 0)
    network.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in weights.items()})
    return network.eval()
