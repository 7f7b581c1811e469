"""The fronts of `architectures.py` as torch modules, for learners and for loaded policies."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from protogov.agents.policies.architectures import GRU_SIZE, TOKEN_SIZE, Front


class WindowGRU(nn.Module):
    """Reads a window of observations F32[n, window * d], oldest first; returns the GRU's last state F32[n, 32].

    Source: Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder", in torch's form. The window
    replaces a state that is carried on. Each sample is then complete by itself, as stock PPO needs it.
    """

    def __init__(self, front: Front) -> None:
        super().__init__()
        self._shape = (front.window, len(front.features))
        self.gru = nn.GRU(self._shape[1], GRU_SIZE, batch_first=True)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """See the class."""
        _, last = self.gru(observations.view(-1, *self._shape))
        return last[0]


class TokenAttention(nn.Module):
    """One query to the tokens of one group: softmax(key . query / sqrt(16)), applied to their values.

    Source: Vaswani et al. (2017), "Attention Is All You Need", one head. A learned vector marks the place of each
    token.
    """

    columns: torch.Tensor

    def __init__(self, columns: torch.Tensor, rest: int) -> None:
        super().__init__()
        self.register_buffer("columns", columns, persistent=False)
        count, numbers = columns.shape
        self.place = nn.Parameter(0.1 * torch.randn(count, TOKEN_SIZE))
        self.embed = nn.Linear(numbers, TOKEN_SIZE)
        self.key, self.value = nn.Linear(TOKEN_SIZE, TOKEN_SIZE), nn.Linear(TOKEN_SIZE, TOKEN_SIZE)
        self.query = nn.Linear(rest, TOKEN_SIZE)

    def forward(self, observations: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        """The answer F32[n, 16] for observations F32[n, d]; `rest` are their numbers that belong to no token."""
        tokens = torch.tanh(self.embed(observations[:, self.columns]) + self.place)
        scores = (self.key(tokens) * self.query(rest)[:, None, :]).sum(-1) / TOKEN_SIZE**0.5
        return (torch.softmax(scores, dim=1)[:, :, None] * self.value(tokens)).sum(1)


class GroupAttention(nn.Module):
    """The numbers that belong to no token, then the answer of each group: F32[n, rest + 32] of F32[n, d]."""

    rest: torch.Tensor

    def __init__(self, front: Front) -> None:
        super().__init__()
        self.register_buffer("rest", torch.from_numpy(front.rest()), persistent=False)
        tokens = {group: torch.from_numpy(columns) for group, columns in front.tokens().items()}
        self.surface = TokenAttention(tokens["surface"], len(self.rest))
        self.accounts = TokenAttention(tokens["accounts"], len(self.rest))

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """See the class."""
        rest = observations[:, self.rest]
        return torch.cat([rest, self.surface(observations, rest), self.accounts(observations, rest)], dim=1)


class NamedInputs(nn.Module):
    """The named features of `compact` or `few`, F32[n, names] of F32[n, d]; they are fixed and not learned."""

    matrix: torch.Tensor

    def __init__(self, front: Front) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.from_numpy(front.matrix()), persistent=False)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return functional.linear(observations, self.matrix)


_NETWORKS: dict[str, type[nn.Module]] = {
    "recurrent": WindowGRU,
    "attention": GroupAttention,
    "compact": NamedInputs,
    "few": NamedInputs,
}


def make_network(front: Front) -> nn.Module | None:
    """A front with new weights; None if the architecture has no front."""
    kind = _NETWORKS.get(front.architecture)
    return None if kind is None else kind(front)
