"""Pricers of the option pool by name, for `WorldConfig.pricers` and the command line.

A name quotes the law as it is, without a premium, hedged by Black-Scholes' delta. For a premium, other greeks or a pool
that leans against its gamma give a `PoolPricer` as an object.
"""

from __future__ import annotations

from pathlib import Path

from protogov.agents.pricing.features import FEATURES
from protogov.agents.pricing.learned import load_pricer
from protogov.agents.pricing.opponents import EwmaPricer, ImpliedPricer
from protogov.agents.pricing.pool_pricer import PoolPricer
from protogov.agents.pricing.pricer import Pricer
from protogov.agents.zoo import entries, zoo_pricer

NAMES: dict[str, type[Pricer]] = {"implied": ImpliedPricer, "ewma": EwmaPricer}


def named_pricer(source: str, venue: int) -> PoolPricer:
    """What quotes a venue's option pool, by name.

    Args:
        source: a name of `NAMES`, a pricer of the zoo, or the path of a pricer_<name>.json file.
        venue: whose pool.

    Raises:
        ValueError: it is none of these, the file is damaged, or the pricer reads the vols of the pool that it would
            quote.
    """
    if source in NAMES:
        return PoolPricer(NAMES[source](), venue)
    path = zoo_pricer(source) or Path(source)
    if path.suffix != ".json":
        shipped = [f"zoo/{name}" for name, entry in entries().items() if entry.kind == "pricer"]
        raise ValueError(
            f"it is no pricer; accepted: {', '.join([*NAMES, *shipped])}, or the path of a pricer_<name>.json file."
        )
    pricer = load_pricer(path)
    own = [name for name in pricer.file.shape.inputs if FEATURES[name].group == "surface"]
    if own or pricer.file.shape.node_inputs:
        raise ValueError(
            f"it reads {', '.join(own) or 'the nodes of the surface'}, vols of the pool that it would quote; a pricer "
            "that was trained without them is accepted (protogov zoo --pricer prices)."
        )
    return PoolPricer(pricer, venue)
