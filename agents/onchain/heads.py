"""What the outputs of a contract are, by the name of its head, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.quantile_law import LEVELS, MEDIAN

ACTIONS, QUANTILES = "actions", "quantiles"
# in a manifest; `one` is its output_of_one
DECODING: Mapping[str, str] = {
    ACTIONS: "action = output / one, within +-1: -1 is the low end of a lever's range, 0 its default, 1 its high end",
    QUANTILES: "x = output / one. q[median] = x[median]; upwards q[k] = q[k - 1] + x[k], downwards q[k] = q[k + 1] - "
    "x[k], for the levels in the order of the outputs. A quantile of log(settlement / spot) is q[k] * reference_vol * "
    "sqrt(hours to expiry / 8760); the caller computes reference_vol, an annual vol, as "
    "protogov.agents.pricing.reader.Reading.reference_vol does, and an expiry nearer than an hour counts as an hour. "
    "Quantiles never cross: no step is below the lowest output",
}


def quantile_outputs() -> tuple[str, ...]:
    """A name for each output of a quantile head: the median, and the steps from each quantile to the next inwards."""
    below = [f"step from {LEVELS[k]:g} to {LEVELS[k + 1]:g}" for k in range(MEDIAN)]
    above = [f"step from {LEVELS[k - 1]:g} to {LEVELS[k]:g}" for k in range(MEDIAN + 1, len(LEVELS))]
    return (*below, "median", *above)


def quantiles(outputs: NDArray[np.number]) -> NDArray[np.float64]:
    """Quantiles [n, levels] of the outputs [n, levels] of a quantile head, in the outputs' unit."""
    x = np.asarray(outputs, np.float64)
    middle = x[:, MEDIAN : MEDIAN + 1]
    lower = middle - np.cumsum(x[:, MEDIAN - 1 :: -1], axis=1)[:, ::-1]
    return np.concatenate([lower, middle, middle + np.cumsum(x[:, MEDIAN + 1 :], axis=1)], axis=1)
