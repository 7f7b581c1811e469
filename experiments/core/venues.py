"""Venues together: what is in basis points of each one's K0 counts by that K0, and is then in bp of the common one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table


def by_k0(values: ArrayLike, capital: ArrayLike) -> Floats:
    """The mean over venues, weighted by their K0; with equal K0 the plain mean, with one venue its own.

    Args:
        values: F64[..., venues], bp of each one's K0.
        capital: F64[..., venues], K0 [USD].

    Returns:
        F64[...], bp of their common K0.
    """
    capital = np.asarray(capital, np.float64)
    return np.asarray((np.asarray(values) * (capital / capital.sum(axis=-1, keepdims=True))).sum(axis=-1), np.float64)


def venues_of(table: Table) -> list[int]:
    """Numbers of the venues of an evaluation."""
    return sorted(int(name.split("/")[1]) for name in table if name.startswith("welfare/") and name.count("/") == 1)


def all_venues(table: Table, values: Sequence[ArrayLike]) -> Floats:
    """`by_k0` of every row of an evaluation, F64[n].

    Args:
        table: of `protogov.experiments.core.evaluation`.
        values: F64[n] of each venue, in order [bp of its K0].
    """
    if len(values) == 1:
        return np.asarray(values[0], np.float64)
    capital = np.stack([table[f"opening_value/{v}"] for v in range(len(values))], axis=-1)
    return by_k0(np.stack([np.asarray(one) for one in values], axis=-1), capital)
