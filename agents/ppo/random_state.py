"""A learner's own random generators, swapped in while it works."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


@contextmanager
def isolated() -> Iterator[None]:
    """Put all global generators back afterwards: stable-baselines3 seeds them when it builds a model."""
    python, numpy, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_rng_state(torch_state)


class RandomState:
    """The state of torch's and numpy's global generators as one learner sees them.

    Exploration draws from torch's, the order of minibatches from numpy's. Were they shared, a learner's result would
    depend on which others learn beside it. Made from the generators as they are at that moment.
    """

    def __init__(self) -> None:
        self._torch = torch.get_rng_state()
        self._numpy: Any = np.random.get_state()  # noqa: NPY002

    @contextmanager
    def active(self) -> Iterator[None]:
        """Draw from this state within the block, and from what was there before after it."""
        outer_torch, outer_numpy = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
        torch.set_rng_state(self._torch)
        np.random.set_state(self._numpy)  # noqa: NPY002
        try:
            yield
        finally:
            self._torch, self._numpy = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
            torch.set_rng_state(outer_torch)
            np.random.set_state(outer_numpy)  # noqa: NPY002

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state as plain arrays: torch, numpy_key, numpy_scalars."""
        _, key, position, has_normal, normal = self._numpy
        return {
            "torch": self._torch.numpy().copy(),
            "numpy_key": np.asarray(key, np.uint32).copy(),
            "numpy_scalars": np.array([position, has_normal, normal], np.float64),
        }

    def load_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Go on from `arrays`."""
        position, has_normal, normal = arrays["numpy_scalars"]
        self._torch = torch.from_numpy(np.array(arrays["torch"], np.uint8))
        self._numpy = (
            "MT19937",
            np.array(arrays["numpy_key"], np.uint32),
            int(position),
            int(has_normal),
            float(normal),
        )
