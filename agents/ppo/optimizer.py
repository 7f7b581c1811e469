"""Weight decay that applies only to weight matrices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch


class MatrixDecay(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter 2019) with decay of matrices only: not of biases, nor of the exploration's log_std.

    Args:
        params: parameters, one by one, as stable-baselines3 passes them.
        weight_decay: share of its weight that a matrix loses per step, at a learning rate of 1.
        options: options of AdamW.
    """

    def __init__(self, params: Iterable[torch.nn.Parameter], weight_decay: float, **options: Any) -> None:
        every = list(params)
        matrices, others = ([one for one in every if (one.ndim > 1) == matrix] for matrix in (True, False))
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
        super().__init__(groups, **options)
