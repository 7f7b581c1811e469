"""Bad prints in hourly prices: an hour that leaps away and is back in the next one, far beyond what the market does."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TIMES = 12.0  # typical hourly moves that a leap must exceed, there and back
BACK = 0.2  # share of the leap that may be left after the hour that follows


def clean_spikes(logs: Floats, times: float = TIMES) -> tuple[Floats, NDArray[np.int64]]:
    """Log prices F64[n, hours] with every spike replaced by the mean of its neighbours, and spikes a row, I64[n].

    An hour is a spike if it lies more than `times` typical moves (the median of |hourly moves| of the row, at least a
    basis point) from both neighbours, on the same side of both, and these lie close to each other. The first and the
    last hour have one neighbour and stay. A crash that does not come back within the hour is no spike.
    """
    prices = np.array(logs, np.float64)
    if prices.shape[1] < 3:
        return prices, np.zeros(len(prices), np.int64)
    moves = np.diff(prices, axis=1)
    typical = np.maximum(np.median(np.abs(moves), axis=1, keepdims=True), 1e-4)
    there, back = moves[:, :-1], moves[:, 1:]
    leap = np.minimum(np.abs(there), np.abs(back))
    found = (there * back < 0.0) & (leap > times * typical) & (np.abs(there + back) < BACK * leap)
    middle = prices[:, 1:-1]
    middle[found] = (0.5 * (prices[:, :-2] + prices[:, 2:]))[found]
    return prices, found.sum(axis=1)
