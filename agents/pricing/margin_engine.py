"""A margin engine that governs a venue: requirements from a predictive law, renewed every hour for all worlds at once.

    engine = PredictiveMargins(load_pricer(path))
    world = Simulator(num_worlds=64, scenario="heston", margin_engines={0: engine})

The law of the next day is renewed with every decision, the requirements follow price and vols hour by hour. Each
position is asked for alone: a short option for what buys it back in 99% of the futures, a loan for coin that pays it
in 99% of them after the liquidation bonus. Only reading and laws remember rows; forks copy both.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from math import exp, log, sqrt
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.learned import LearnedPricer
from protogov.agents.pricing.margins import (
    DAY,
    FUTURES,
    LEVEL,
    VOL_SPREAD,
    Futures,
    at_horizon,
    draw_futures,
    largest_ltv,
    node_vols,
)
from protogov.agents.pricing.pricer import Pricer
from protogov.agents.pricing.quantile_law import Floats
from protogov.agents.pricing.reader import MarketReader
from protogov.envs.margin_engine import Margins
from protogov.envs.simulator import Simulator
from protogov.envs.world.compiled import compiled
from protogov.envs.world.kernels import keep_compiled, source_digest
from protogov.envs.world.pricing import expiry_factors, quote_node
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS


@runtime_checkable
class MarketLaw(Protocol):
    """A source of laws that looks at the simulator itself, such as `KnownDay` of ``truth.py``."""

    def law(self, simulator: Simulator, hours: float) -> Any:
        """Law of the log return over `hours`, with a method `quantile`, a row a world."""
        ...


@dataclass(frozen=True)
class Nodes:
    """Every node that a venue lists, in the order of its record.

    Attributes:
        listed: bool [n, e, k].
        hours: F64[n, e], to expiry.
        strike: F64[n, e, k], USD.
        vol: F64[n, e, k], annual, at which an option is bought back.
        spot: F64[n], USD.
        rate: F64[n], annual.
    """

    listed: NDArray[np.bool_]
    hours: Floats
    strike: Floats
    vol: Floats
    spot: Floats
    rate: Floats


class PredictiveMargins:
    """Requirements of one venue's positions.

    Args:
        source: whose law of the next day; a pricer, or what knows the law of the market.
        venue: whose positions.
        level: probability with which a position stays solvent for a day.
        count: futures, a power of two.
        vol_spread: see `draw_futures`.

    Raises:
        ValueError: the level is out of range.
    """

    def __init__(
        self,
        source: Pricer | MarketLaw,
        venue: int = 0,
        *,
        level: float = LEVEL,
        count: int = FUTURES,
        vol_spread: float = VOL_SPREAD,
    ) -> None:
        if not 0.0 < level < 1.0:
            raise ValueError(f"level is {level!r}; above 0 to below 1 is accepted.")
        self.source, self.venue, self.level, self.count, self.vol_spread = source, venue, level, count, vol_spread
        reads_nodes = isinstance(source, LearnedPricer) and bool(source.file.shape.node_inputs)
        self._reader = MarketReader(venue, tokens=reads_nodes)
        self._futures: Futures | None = None

    def requirements(self, simulator: Simulator) -> Margins:
        """See `protogov.envs.margin_engine.MarginEngine`."""
        world = simulator.worlds.view(np.ndarray)
        going = (world["hour"] < world["length"]) & (world["step_hours"] < world["decision_hours"])
        if self._futures is None or (world["step_hours"][going] == 0).any():
            self._futures = self._draw(simulator)
        nodes = listed_nodes(world, simulator.params.view(np.ndarray), self.venue)
        call, put, coin = node_margins(self._futures, nodes, level=self.level)
        bonus = world["venues"]["liquidation_bonus"][:, self.venue].astype(np.float64)
        return Margins(call, put, coin, (1.0 - bonus) * largest_ltv(self._futures, level=self.level))

    def fork(self, rows: NDArray[np.int64]) -> PredictiveMargins:
        """See `protogov.envs.margin_engine.MarginEngine`."""
        copy = deepcopy(self)
        copy._reader = self._reader.fork(rows)
        if self._futures is not None:
            copy._futures = Futures(self._futures.returns[rows], self._futures.vols, self._futures.hours)
        if isinstance(copy.source, LearnedPricer):
            copy.source.pick(rows)
        return copy

    def _draw(self, simulator: Simulator) -> Futures:
        if isinstance(self.source, MarketLaw):
            law = self.source.law(simulator, DAY)
        else:
            law = self.source.laws(at_horizon(self._reader.read(simulator), DAY))
        return draw_futures(law, count=self.count, vol_spread=self.vol_spread)


def listed_nodes(worlds: NDArray[np.void], params: NDArray[np.void], venue: int = 0) -> Nodes:
    """Every node of a venue at the pool's own vols; from rows of `world_dtypes` and the parameters of these worlds."""
    own, p = worlds["venues"][:, venue], params[:, venue]
    shape = own["strike"].shape
    listed = np.arange(shape[1])[:, None] < own["num_expiries"][:, None, None]
    listed = listed & (np.arange(shape[2]) < own["num_strikes"][:, None, None])
    spot = own["oracle_price"].astype(np.float64)
    hours = np.maximum(own["expiry"] - worlds["substep"][:, None], 0) / SUBSTEPS
    vol = np.where(listed, node_vols(own, p, spot), 0.0)
    return Nodes(listed, hours, own["strike"].astype(np.float64), vol, spot, p["interest_rate"].astype(np.float64))


def node_margins(futures: Futures, nodes: Nodes, *, level: float = LEVEL) -> tuple[Floats, Floats, Floats]:
    """What one short contract of each node must hold, F64[n, e, k] each: USD of a call, USD of a put, coin of a call.

    The first two are `requirements` of one contract without coin. The third is the coin that pays for a call in as many
    futures, at the price of the same future. Nodes that are not listed have zeros.

    Raises:
        ValueError: futures and nodes are of other worlds, or the level is out of range.
    """
    if len(futures.returns) != len(nodes.spot) or not 0.0 < level < 1.0:
        raise ValueError(
            f"futures are of {len(futures.returns)} worlds and nodes of {len(nodes.spot)}, level is {level:g}; "
            "the same worlds and a level above 0 to below 1 are accepted."
        )
    call, put, coin = (np.zeros(nodes.strike.shape) for _ in range(3))
    arrays = (nodes.listed, nodes.hours, nodes.strike, nodes.vol, nodes.spot, nodes.rate)
    _kernel()(futures.returns, futures.vols, futures.hours, level, arrays, call, put, coin)
    return call, put, coin


# ---------------------------------------------------------------- kernels

_CALL, _PUT, _COIN = range(3)
_TIERS = np.array([0.25, 0.5, 0.75, 0.9, 0.97, 1.0])  # quantiles of the factors on vols that end each tier


@compiled
def _owed(kind, back, years, root, discount, strike, spot, vol, rate):  # type: ignore[no-untyped-def]
    """What one contract costs at `spot` = strike * exp(back): USD of a call or a put, or coin of a call."""
    call, put, _, _, _ = quote_node(spot, strike, back, years, root, discount, vol, rate)
    if kind == _PUT:
        return put
    return call / spot if kind == _COIN else call


@compiled
def _quantile(kind, top, rising, share, start, strike, years, rate, vol, factors, tiers, tier, room):  # type: ignore[no-untyped-def]
    """The `top`-th largest cost of one contract over all futures, whose returns `rising` are in order with `factors`.

    A cost moves one way with the return and rises with the vol. After some futures with the worst returns, others
    matter only if they could cost more than those at the highest factor of their `tier`: the result is exact.
    """
    count = len(rising)
    root, discount = expiry_factors(years, rate)
    found = min(2 * top, count)
    for place in range(found):
        j = place if kind == _PUT else count - 1 - place
        back = start + share * rising[j]
        room[place] = _owed(kind, back, years, root, discount, strike, strike * exp(back), vol * factors[j], rate)
    bar = np.partition(room[:found], found - top)[found - top]
    looked = found
    for t in range(len(tiers)):
        below, above = looked, count  # bisection: futures of this tier before `below` may matter, from `above` on none
        while below < above:
            middle = (below + above) // 2
            back = start + share * (rising[middle] if kind == _PUT else rising[count - 1 - middle])
            worst = _owed(kind, back, years, root, discount, strike, strike * exp(back), vol * tiers[t], rate)
            if worst > bar:
                below = middle + 1
            else:
                above = middle
        for place in range(looked, above):
            j = place if kind == _PUT else count - 1 - place
            if tier[j] == t:
                back = start + share * rising[j]
                cost = _owed(kind, back, years, root, discount, strike, strike * exp(back), vol * factors[j], rate)
                if cost > bar:
                    room[found] = cost
                    found += 1
    return np.partition(room[:found], found - top)[found - top]


def _asking(version: str) -> Callable[..., None]:
    def ask(returns, vols, horizon, level, arrays, calls, puts, coins):  # type: ignore[no-untyped-def]
        _ = version
        listed, hours, strike, vol, spot, rate = arrays
        count = returns.shape[1]
        top = count - min(int(np.ceil(level * count)) - 1, count - 1)
        room, tiers = np.empty(count), np.quantile(vols, _TIERS)
        for i in range(listed.shape[0]):
            order = np.argsort(returns[i])
            rising, factors = returns[i][order], vols[order]
            tier = np.searchsorted(tiers, factors)
            for e in range(listed.shape[1]):
                share = sqrt(min(max(hours[i, e], 0.0) / horizon, 1.0))
                years = max(hours[i, e] - horizon, 0.0) / HOURS_PER_YEAR
                for k in range(listed.shape[2]):
                    if not listed[i, e, k]:
                        continue
                    start = log(spot[i] / strike[i, e, k])
                    for kind, out in ((_CALL, calls), (_PUT, puts), (_COIN, coins)):
                        out[i, e, k] = _quantile(
                            kind, top, rising, share, start, strike[i, e, k], years, rate[i], vol[i, e, k], factors,
                            tiers, tier, room,
                        )  # fmt: skip

    return ask


@cache
def _kernel() -> Any:
    return keep_compiled(_asking(f"{source_digest(str(Path(__file__).parent))} {source_digest()}"))
