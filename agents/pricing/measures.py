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
    return np.take_along_axis(values, order.reshape(order.shape + (1,) * (values.ndim - 2)), axis=1)


def hourly_logs(closes: Floats, hour: NDArray[np.int64]) -> Floats:
    """Logs of the last 169 hourly closes over the newest, F64[n, 169], newest first; the past is like the opening."""
    ages = np.minimum(np.arange(WEEK + 1), hour[:, None])
    logs = np.log(np.take_along_axis(closes, (hour[:, None] - ages) % closes.shape[1], axis=1))
    return np.asarray(logs - logs[:, :1])


def realised(logs: Floats, hour: NDArray[np.int64], unseen: Floats) -> dict[int | str, Floats]:
    """Annual vols over windows of hourly returns, and of 6-hour returns over a week; `unseen` before any hour."""
    found: dict[int | str, Floats] = {}
    for name, lag, window in ((6, 1, 6), (24, 1, 24), (72, 1, 72), (168, 1, WEEK), ("coarse", 6, WEEK)):
        moves = logs[:, : window + 1 - lag] - logs[:, lag : window + 1]
        valid = np.arange(lag, window + 1) <= hour[:, None]
        seen = valid.sum(axis=1)
        mean = np.where(valid, moves * moves, 0.0).sum(axis=1) / np.maximum(seen, 1)
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
    weight = open_node.astype(np.float64)
    count = weight.sum(axis=2)
    target = np.where(open_node, np.log(np.maximum(vol, 0.05)), 0.0)
    basis = np.stack([np.ones_like(moneyness), moneyness, moneyness**2], axis=-1) * weight[..., None]
    basis[..., 2] *= (count >= 3)[:, :, None]
    basis[..., 1] *= (count >= 2)[:, :, None]
    normal = np.einsum("neki,nekj->neij", basis, basis) + 1e-9 * np.eye(3)
    fitted = np.linalg.solve(normal, np.einsum("neki,nek->nei", basis, target)[..., None])[..., 0]
    return fitted[..., 0], fitted[..., 1], fitted[..., 2]


def term_slope(level: Floats, listed: NDArray[np.bool_]) -> Floats:
    """Log vol at the money of the farthest listed expiry less that of the nearest, F64[n]."""
    last = np.maximum(listed.sum(axis=1) - 1, 0)
    return np.asarray(level[np.arange(len(level)), last] - level[:, 0])


def herfindahl(contracts: Floats) -> Floats:
    """Concentration of open interest over nodes, F64[n] from 0 (none) to 1 (one node)."""
    total = contracts.sum(axis=(1, 2))
    return np.asarray((contracts**2).sum(axis=(1, 2)) / np.maximum(total, 1e-9) ** 2)
