"""Seeds of worlds: a whole number of 64 bits for each row of a batch, or None for a row that continues."""

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np


def row_seeds(seeds: Any, count: int) -> list[int | None]:
    """The seed of each of `count` rows.

    Args:
        seeds: None for no seeds; a whole number: row i has `seeds + i`; or a sequence with either for each row.
        count: rows.

    Raises:
        ValueError: a wrong number of seeds, or a seed is not a whole number from 0 to 2**64 - 1.
    """
    # one by one: numpy turns a list of small and very large integers into floats
    values = seeds.tolist() if isinstance(seeds, np.ndarray | np.generic) else seeds
    try:
        if values is None:
            return [None] * count
        if not isinstance(values, Sequence):
            values = range(index(values), index(values) + count)
        found = [None if seed is None else index(seed) for seed in values]
    except TypeError:
        found = []
    if len(found) != count or not all(seed is None or 0 <= seed < 2**64 for seed in found):
        wanted = "a whole number from 0 to 2**64 - 1 or None"
        if count == 1:
            raise ValueError(f"seed = {seeds!r} must be {wanted}.")
        raise ValueError(f"seeds = {seeds!r} must be {wanted} for each of {count} rows (one number counts up by row).")
    return found
