"""Differences in expected shortfall: to other tapes and to other training seeds at once.

A mean of the lowest twentieth has no simple variance over two crossed samples. Both are resampled, each by itself
(Owen 2007, 'The pigeonhole bootstrap'): this counts what belongs to single pairs of seed and tape more than once, so
that the interval is rather too wide than too narrow.
"""

from math import ceil

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.core.statistics import RESAMPLES, TAIL, Floats, Interval, lowest_mean, percentile


def tape_counts(tapes: int) -> NDArray[np.int64]:
    """How often each resample holds each tape, I64[resamples, tapes]; always the same, so that pairs stay pairs."""
    return np.random.default_rng(0).multinomial(tapes, np.full(tapes, 1.0 / tapes), RESAMPLES)


def resampled_shortfall(values: Floats, counts: NDArray[np.int64], share: float = TAIL) -> Floats:
    """`lowest_mean` of every row, as it is in every resample of the tapes, F64[training seeds, resamples].

    Args:
        values: F64[training seeds, tapes].
        counts: of `tape_counts`.
        share: of the tapes in the tail, within (0, 1].
    """
    tapes = values.shape[1]
    tail = share * tapes
    found = np.empty((len(values), len(counts)))
    for at, (row, order) in enumerate(zip(values, np.argsort(values, axis=1), strict=True)):
        # only the lowest values matter: hardly ever more than twice the tail
        for most in (min(ceil(2.0 * tail) + 50, tapes), tapes):
            held = counts[:, order[:most]]
            ends = held.cumsum(axis=1)
            if (ends[:, -1] >= tail).all():
                break
        found[at] = np.clip(tail - (ends - held), 0.0, held) @ row[order[:most]] / tail
    return found


def shortfall_difference(own: Floats, other: Floats, own_again: Floats, other_again: Floats) -> Interval:
    """How much higher the expected shortfall at 5% is than an opponent's, with a percentile interval.

    Args:
        own: W of the learner, F64[training seeds, tapes].
        other: of the opponent on the same tapes; one that was not trained has one row.
        own_again: `resampled_shortfall` of the learner.
        other_again: of the opponent, on the same resamples of the tapes.
    """
    found = np.asarray(lowest_mean(own) - lowest_mean(other))
    again = own_again - other_again
    # another stream than that of the tapes; with one seed there is nothing to draw
    draws = np.random.default_rng(1).integers(0, len(again), (again.shape[1], len(again)))
    return percentile(float(found.mean()), again[draws, np.arange(again.shape[1])[:, None]].mean(axis=1), own.shape[1])
