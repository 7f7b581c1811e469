"""Own levers and physics for each row of a batch, which make a stress grid one batch."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.world.lever_table import LEVER_BY_NAME, LEVER_INDEX
from protogov.envs.world.parameters import PARAMS, Parameters

Floats = NDArray[np.float64]


def own_levers(defaults: Floats, given: Mapping[str, ArrayLike]) -> None:
    """Write lever defaults of single rows into `defaults`, float64 [n, levers].

    Args:
        defaults: of every row, in the order and units of the table; written in place.
        given: lever name -> float [n], each within the lever's range.

    Raises:
        ConfigError: an unknown lever, another shape, a value out of range, or a loan-to-value of zero.
    """
    for name, values in given.items():
        if name not in LEVER_INDEX:
            raise ConfigError(f"lever_defaults names the lever {name!r}, known levers are {', '.join(LEVER_INDEX)}.")
        lever = LEVER_BY_NAME[name]
        defaults[:, LEVER_INDEX[name]] = _rows("lever_defaults", name, values, len(defaults), lever.low, lever.high)
    threshold, gap = (defaults[:, LEVER_INDEX[name]] for name in ("liquidation_threshold", "ltv_gap"))
    if (threshold <= gap).any():
        row = int(np.argmax(threshold <= gap))
        raise ConfigError(
            f"lever_defaults['ltv_gap'] of row {row} is {gap[row]:g}, it must stay below that row's liquidation "
            f"threshold {threshold[row]:g}: a loan-to-value of zero lends to nobody."
        )


def venue_rows(config: WorldConfig) -> np.ndarray:
    """Parameters of a world's venues, `PARAMS` [venues]."""
    return np.concatenate([config.venue_parameters(venue).record() for venue in range(config.venues)], dtype=PARAMS)


def own_parameters(params: np.recarray, config: WorldConfig, given: Mapping[str, ArrayLike]) -> None:
    """Write physical parameters of single rows into `params`, `PARAMS` [n, venues]: the same at every venue.

    Args:
        params: of every row; written in place.
        config: its parameters give all other values of each row.
        given: parameter name -> float [n], each within the parameter's range.

    Raises:
        ConfigError: an unknown parameter, another shape, a value out of range, values that contradict each other, or a
            parameter that the configuration sets for single venues.
    """
    common = config.populations()
    known = {spec.name: spec for spec in fields(Parameters)}
    for name, values in given.items():
        if name not in known:
            raise ConfigError(f"parameters names {name!r}, which is not a parameter; known are {', '.join(known)}.")
        if any(name in changes for changes in config.venue_overrides):
            raise ConfigError(f"parameters names {name!r}, which venue_overrides also set; leave one of the two out.")
        limits = known[name].metadata
        params[name] = _rows("parameters", name, values, len(params), limits["low"], limits["high"])[:, None]
    if not given:
        return
    own = np.stack([np.asarray(params[name])[:, 0] for name in given], axis=1)
    for row in np.unique(own, axis=0):  # checks beyond single numbers: whole numbers, and pairs in their order
        changed = {
            name: int(value) if known[name].type in (int, "int") and value == int(value) else float(value)
            for name, value in zip(given, row, strict=True)
        }
        for rest, own_of_venue in product(common, config.venue_overrides or ({},)):
            try:
                Parameters(**{**asdict(rest), **own_of_venue, **changed})
            except ValueError as error:
                raise ConfigError(str(error)) from None


def _rows(option: str, name: str, values: ArrayLike, count: int, low: float, high: float) -> Floats:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise ConfigError(f"{option}[{name!r}] = {values!r} must be {count} numbers, one per row.") from None
    if array.shape != (count,):
        raise ConfigError(f"{option}[{name!r}] has shape {array.shape}, expected {(count,)}: one value per row.")
    outside = ~((array >= low) & (array <= high) & np.isfinite(array))
    if outside.any():
        row = int(np.argmax(outside))
        raise ConfigError(
            f"{option}[{name!r}] of row {row} is {array[row]:g}, it must be a finite number between {low:g} "
            f"and {high:g}."
        )
    return array
