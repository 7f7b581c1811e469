"""What a pricer sees of a move of the spot: the slopes of its inputs, from which its own greeks follow.

The question is: the spot rises now, the newest hour's return with it, and nothing else has happened yet. What prices
say (returns, realised vols, the fall from the week's high, the distance to the spot pool's average) moves. Flow,
funding, the pool's vols at their moneyness and what people hold stand still. `moved` answers with another reading, as
a bump; `input_slopes` with the derivatives, which one forward pass of a network carries along.
"""

from dataclasses import replace

import numpy as np

from protogov.agents.pricing.features import (
    EXPIRY_INPUTS,
    FEATURES,
    LIMIT,
    NODE_INPUTS,
    WORLD_INPUTS,
    Floats,
    signed_log,
)
from protogov.agents.pricing.measures import WEEK, log_vol, realised
from protogov.agents.pricing.pricer import LEAST_HOURS
from protogov.agents.pricing.reader import Reading
from protogov.envs.world.state import HOURS_PER_YEAR

_WINDOWS = {"vol_6h": 6, "vol_24h": 24, "vol_72h": 72, "vol_168h": WEEK}
_COARSE = 6  # hours of a return of `coarse_vol_168h`
_FEWEST = 24  # of them, below which it is `vol_168h`


def moved(reading: Reading, by: float) -> Reading:
    """The market if the spot had just moved by this log: a bump of everything that `input_slopes` differentiates."""
    returns = reading.returns.copy()
    seen = reading.hour > 0
    returns[:, 0] += np.where(seen, by, 0.0)
    logs = np.concatenate([np.zeros((len(returns), 1)), -np.cumsum(returns, axis=1)], axis=1)
    vols = realised(logs, reading.hour, reading.realised[:, 1])
    world, nodes = reading.world.copy(), reading.nodes.copy()
    for name in ("return_1h", "return_6h", "return_24h"):
        world[:, WORLD_INPUTS.index(name)] += by
    fall = WORLD_INPUTS.index("drawdown_week")
    world[:, fall] = (1.0 + world[:, fall]) * np.exp(by) - 1.0
    world[:, WORLD_INPUTS.index("spot_gap")] -= by
    windows: dict[str, int | str] = {**_WINDOWS, "coarse_vol_168h": "coarse"}
    for name, window in windows.items():
        column = WORLD_INPUTS.index(name)
        world[:, column] = np.where(seen, log_vol(vols[window], 0.6), world[:, column])
    at, roots = list(NODE_INPUTS).index("node_moneyness"), _roots(reading)
    nodes[..., at] = np.clip(
        nodes[..., at] - np.where(reading.strike > 0.0, by / roots[:, :, None], 0.0), -LIMIT, LIMIT
    )
    known = np.stack([vols[window] for window in (24, 72, WEEK)], axis=1)
    return replace(
        reading, world=world, nodes=nodes, returns=returns, spot=reading.spot * np.exp(by),
        realised=np.where(seen[:, None], known, reading.realised),
    )  # fmt: skip


def input_slopes(reading: Reading, names: tuple[str, ...]) -> Floats:
    """Derivatives of `Reading.inputs` by the log of the spot, F64[n, e, names]."""
    raw: dict[str, float | Floats] = {
        "return_1h": 1.0,
        "return_6h": 1.0,
        "return_24h": 1.0,
        "spot_gap": -1.0,
        **_vol_slopes(reading),
    }
    raw["drawdown_week"] = 1.0 + reading.world[:, WORLD_INPUTS.index("drawdown_week")]
    n, e = reading.hours.shape
    found = np.zeros((n, e, len(names)))
    for number, name in enumerate(names):
        if name in raw:
            row = FEATURES[name]
            x = reading.world[:, WORLD_INPUTS.index(name)] / row.scale
            slope = raw[name] / row.scale / ((1.0 + np.abs(x)) if row.symlog else 1.0)
            seen = np.abs(signed_log(x) if row.symlog else x) < LIMIT
            found[:, :, number] = np.where(seen, slope, 0.0)[:, None]
    assert not set(raw) & set(EXPIRY_INPUTS)
    return found


def node_slopes(reading: Reading, names: tuple[str, ...]) -> Floats:
    """Derivatives of the surface's tokens by the log of the spot, F64[n, e, k, names]: only moneyness moves."""
    found = np.zeros((*reading.strike.shape, len(names)))
    if "node_moneyness" in names:
        inside = np.abs(reading.nodes[..., list(NODE_INPUTS).index("node_moneyness")]) < LIMIT
        slope = np.where((reading.strike > 0.0) & inside, -1.0 / _roots(reading)[:, :, None], 0.0)
        found[..., names.index("node_moneyness")] = slope
    return found


def reference_slope(reading: Reading) -> Floats:
    """Derivative of `Reading.reference_vol` by the log of the spot, F64[n]."""
    slopes, total = _vol_slopes(reading), np.zeros(len(reading.hour))
    for column, name, hours in ((1, "vol_72h", 72), (2, "vol_168h", WEEK)):
        seen = np.minimum(reading.hour, hours)
        total += seen * reading.realised[:, column] ** 2 * slopes[name] / (seen + 24.0)
    return np.asarray(0.5 * total / reading.reference_vol())


def _roots(reading: Reading) -> Floats:
    return np.asarray(np.sqrt(np.maximum(reading.hours, LEAST_HOURS) / HOURS_PER_YEAR))


def _vol_slopes(reading: Reading) -> dict[str, Floats]:
    """Derivatives of the logs of realised vols by the log of the spot: the newest return over the sum of squares."""
    newest, found = reading.returns[:, 0], {}
    floor = np.log(0.02 / 0.6)  # below which the feature stands still
    for name, window in _WINDOWS.items():
        column = reading.world[:, WORLD_INPUTS.index(name)]
        squares = np.minimum(reading.hour, window) * (0.6 * np.exp(column)) ** 2 / HOURS_PER_YEAR
        found[name] = np.where((reading.hour > 0) & (column > floor), newest / np.maximum(squares, 1e-12), 0.0)
    count = np.clip(reading.hour - _COARSE + 1, 0, WEEK - _COARSE + 1)
    column = reading.world[:, WORLD_INPUTS.index("coarse_vol_168h")]
    squares = count * (0.6 * np.exp(column)) ** 2 * _COARSE / HOURS_PER_YEAR
    coarse = np.where(column > floor, reading.returns[:, :_COARSE].sum(axis=1) / np.maximum(squares, 1e-12), 0.0)
    return {**found, "coarse_vol_168h": np.where(count >= _FEWEST, coarse, found["vol_168h"])}
