"""Numbers that the reader works out of a market: windows of returns, the shape of a smile, concentration."""

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.state import HOURS_PER_YEAR, MAX_EXPIRIES, NEVER

Floats = NDArray[np.float64]
WEEK = 168  # hours
_LEAST_VOL = 0.02


def nearest_first(
    expiry: NDArray[np.int64], now: NDArray[np.int64], count: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Slots by time left, I64[n, e], and which of them are listed."""
    used = (np.arange(MAX_EXPIRIES) < count[:, None]) & (expiry > now[:, None]) & (expiry < NEVER)
    order = np.argsort(np.where(used, expiry, NEVER), axis=1, kind="stable")
    return order, np.take_along_axis(used, order, axis=1)


def taken(values: NDArray, order: NDArray[np.int64]) -> NDArray:
    """[n, e, ...] in another order of expiries."""
    return values[np.arange(len(values))[:, None], order]


def hourly_logs(closes: Floats, hour: NDArray[np.int64]) -> Floats:
    """Logs of the last 169 hourly closes over the newest, F64[n, 169], newest first; the past is like the opening."""
    ages = np.minimum(np.arange(WEEK + 1), hour[:, None])
    logs = np.log(np.take_along_axis(closes, (hour[:, None] - ages) % closes.shape[1], axis=1))
    return np.asarray(logs - logs[:, :1])


def realised(logs: Floats, hour: NDArray[np.int64], unseen: Floats) -> dict[int | str, Floats]:
    """Annual vols over windows of hourly returns, and of 6-hour returns over a week; `unseen` before any hour."""
    found: dict[int | str, Floats] = {}
    young = bool((hour < WEEK).any())  # the past is like the opening: only then some moves do not count
    for name, lag, window in ((6, 1, 6), (24, 1, 24), (72, 1, 72), (168, 1, WEEK), ("coarse", 6, WEEK)):
        moves = logs[:, : window + 1 - lag] - logs[:, lag : window + 1]
        seen = np.clip(hour - lag + 1, 0, window + 1 - lag)
        if young:
            moves *= np.arange(lag, window + 1) <= hour[:, None]
        mean = np.einsum("ij,ij->i", moves, moves) / np.maximum(seen, 1)
        vol = np.where(seen > 0, np.sqrt(mean * HOURS_PER_YEAR / lag), unseen)
        # a few long returns say less than the hourly ones of that time
        found[name] = vol if lag == 1 else np.where(seen >= 24, vol, found[WEEK])
    return found


def log_vol(vol: Floats, typical: float) -> Floats:
    """Log of an annual vol over a typical one."""
    return np.asarray(np.log(np.maximum(vol, _LEAST_VOL) / typical))


def smile(moneyness: Floats, vol: Floats, open_node: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Log vol at the money, its slope and half its second derivative in log(strike / spot), F64[n, e] each.

    By least squares over the listed strikes of an expiry: a parabola with three or more, a line with two.
    """
    count = open_node.sum(axis=2)
    target = np.where(open_node, np.log(np.maximum(vol, 0.05)), 0.0)
    x = np.where(open_node, moneyness, 0.0)
    line, bent = count >= 2, count >= 3
    # normal equations with a ridge of 1e-9, solved by hand: this runs once a decision for thousands of expiries
    square = x * x
    a, b, c = count + 1e-9, np.where(line, x.sum(axis=2), 0.0), square.sum(axis=2)
    bend = np.where(bent, c, 0.0)
    c = np.where(line, c, 0.0) + 1e-9
    d, e = np.where(bent, (square * x).sum(axis=2), 0.0), np.where(bent, (square * square).sum(axis=2), 0.0) + 1e-9
    u, v = target.sum(axis=2), np.where(line, (x * target).sum(axis=2), 0.0)
    w = np.where(bent, (square * target).sum(axis=2), 0.0)
    first, second, third = c * e - d * d, bend * d - b * e, b * d - c * bend
    whole = a * first + b * second + bend * third
    level = (u * first + v * second + w * third) / whole
    slope = (u * second + v * (a * e - bend * bend) + w * (b * bend - a * d)) / whole
    curve = (u * third + v * (b * bend - a * d) + w * (a * c - b * b)) / whole
    return level, slope, curve


def term_slope(level: Floats, listed: NDArray[np.bool_]) -> Floats:
    """Log vol at the money of the farthest listed expiry less that of the nearest, F64[n]."""
    last = np.maximum(listed.sum(axis=1) - 1, 0)
    return np.asarray(level[np.arange(len(level)), last] - level[:, 0])


def herfindahl(contracts: Floats) -> Floats:
    """Concentration of open interest over nodes, F64[n] from 0 (none) to 1 (one node)."""
    total = contracts.sum(axis=(1, 2))
    return np.asarray((contracts**2).sum(axis=(1, 2)) / np.maximum(total, 1e-9) ** 2)
