"""The trees of events in a recording: which sale caused which liquidation, their depth and size."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.state import EventKind
from protogov.experiments.core.tables import Table

_LIQUIDATION = (EventKind.LIQUIDATION.value, EventKind.LIQUIDATION.name.lower())


def cascades(events: Mapping[str, NDArray] | NDArray[np.void]) -> Table:
    """One row per tree, in the order of worlds and first events.

    Args:
        events: records of dtype EVENT [n] of one world's episode, or the `events` of a recording, where a column
            `world` identifies the world.

    Returns:
        Columns `world`, `root` (serial of the first event), `substep` (of the first event, or of the first event
        present), `size` (events), `depth` (deepest generation; 0 if nothing was caused), `liquidations`, `repaid`
        [USD] and `caused` [USD] (the part repaid in liquidations with a parent), `bad_debt` [USD].
    """
    root = np.asarray(events["root"], np.int64)
    named = getattr(getattr(events, "dtype", None), "names", None) or events
    world = np.asarray(events["world"], np.int64) if "world" in named else np.zeros_like(root)
    keys, tree = np.unique(np.stack([world, root]), axis=1, return_inverse=True)
    tree, count = tree.reshape(-1), keys.shape[1]
    depth, began = np.zeros(count, np.int64), np.full(count, np.iinfo(np.int64).max)
    np.maximum.at(depth, tree, events["generation"])
    np.minimum.at(began, tree, events["substep"])

    def total(values: NDArray) -> NDArray:
        return np.bincount(tree, values, minlength=count)

    kind = np.asarray(events["kind"])
    words = kind.dtype.kind in "UO"  # a recording's column has words; a step's own events have numbers
    liquidation = kind == (EventKind.LIQUIDATION.name.lower() if words else EventKind.LIQUIDATION.value)
    return {
        "world": keys[0],
        "root": keys[1],
        "substep": began,
        "size": np.bincount(tree, minlength=count),
        "depth": depth,
        "liquidations": total(liquidation).astype(np.int64),
        "repaid": total(events["repaid"]),
        "caused": total(np.where(liquidation & (events["parent"] >= 0), events["repaid"], 0.0)),
        "bad_debt": total(events["bad_debt"]),
    }
