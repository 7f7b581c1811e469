"""A learner's own random generators, which replace the global ones while it works."""

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
    """Restore all global generators afterwards: stable-baselines3 seeds them when it builds a model."""
    python, numpy, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_rng_state(torch_state)


class RandomState:
    """The state of torch's and numpy's global generators for one learner.

    Exploration draws from torch's generator, the order of minibatches from numpy's. If learners shared them, a
    learner's result would depend on which others learn beside it. A new object copies the present global states.
    """

    def __init__(self) -> None:
        self._torch = torch.get_rng_state()
        self._numpy: Any = np.random.get_state()  # noqa: NPY002

    @contextmanager
    def active(self) -> Iterator[None]:
        """Use this state inside the block, and restore the previous one after it."""
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
        """Continue from `arrays`."""
        position, has_normal, normal = arrays["numpy_scalars"]
        self._torch = torch.from_numpy(np.array(arrays["torch"], np.uint8))
        self._numpy = (
            "MT19937",
            np.array(arrays["numpy_key"], np.uint32),
            int(position),
            int(has_normal),
            float(normal),
        )
