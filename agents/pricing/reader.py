"""Reads a market once a decision: what the pricers' features need, from what the simulator records and observes.

Nothing is written into the worlds. Two things are remembered between decisions, a row a world: what was held at each
node, whose change is the order flow by side and node, and funding of the last 7 days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.features import (
    EXPIRY_INPUTS,
    FEATURES,
    LIMIT,
    NODE_INPUTS,
    WORLD_INPUTS,
    Floats,
    normalised,
    signed_log,
)
from protogov.agents.pricing.measures import (
    WEEK,
    herfindahl,
    hourly_logs,
    log_vol,
    nearest_first,
    realised,
    smile,
    taken,
    term_slope,
)
from protogov.envs.simulator import Simulator
from protogov.envs.world.state import HOURS_PER_YEAR, MAX_EXPIRIES, MAX_STRIKES, SUBSTEPS

SIDES = ("long_calls", "long_puts", "short_calls", "short_puts")  # bought from the pool, written to it
AVERAGE = 6  # hours over which the pool's price is averaged
TYPICAL_VOL = 0.6  # annual
_SHAPE = (MAX_EXPIRIES, MAX_STRIKES)
_MEMORY = ("_held", "_expiries", "_funding", "_pool", "_seen")  # attributes of a reader, arrays with a row a world


@dataclass(frozen=True)
class Reading:
    """A market as pricers see it: n worlds, e expiries (the nearest first), k strikes (the lowest first).

    Attributes:
        world: F64[n, WORLD_INPUTS], in the units of `features.py`.
        expiry: F64[n, e, EXPIRY_INPUTS]; zeros where nothing is listed.
        nodes: F64[n, e, k, NODE_INPUTS], without unit.
        listed: bool [n, e].
        hours: F64[n, e], to settlement; 0 where nothing is listed.
        strike: F64[n, e, k], USD; nodes that are not listed have 0.
        node_vol: F64[n, e, k], annual: the pool's own, before any trade.
        flow: F64[n, sides, e, k], contracts opened less closed since the last reading, by side (`SIDES`) and node.
        spot: F64[n], USD: the oracle's price.
        pool_average: F64[n], USD: the spot pool's price, an average over time, see `MarketReader`.
        rate: F64[n], annual.
        realised: F64[n, 3], annual vols of hourly returns over 24, 72 and 168 hours, fewer at the start.
        returns: F64[n, 168], hourly log returns of the oracle's price, the newest first; 0 before the opening.
        implied_vol: F64[n], annual: the public index.
        hour: I64[n], since the opening.
        slot: I64[n, e], where each expiry stands in the venue's record.
    """

    world: Floats
    expiry: Floats
    nodes: Floats
    listed: NDArray[np.bool_]
    hours: Floats
    strike: Floats
    node_vol: Floats
    flow: Floats
    spot: Floats
    pool_average: Floats
    rate: Floats
    realised: Floats
    returns: Floats
    implied_vol: Floats
    hour: NDArray[np.int64]
    slot: NDArray[np.int64]

    def reference_vol(self) -> Floats:
        """A plain annual vol, F64[n], that pricers measure returns in: of the last three days and the last week.

        At the start of an episode it leans on the typical vol, as if that had been seen for a day.
        """
        seen = np.minimum(self.hour[:, None], (72, 168))
        squares = (seen * self.realised[:, 1:] ** 2 + 24.0 * TYPICAL_VOL**2) / (seen + 24.0)
        return np.asarray(np.sqrt(squares.mean(axis=1)))

    def inputs(self, names: tuple[str, ...]) -> Floats:
        """Normalised inputs by name, F64[n, e, names]."""
        columns = []
        for name in names:
            if FEATURES[name].of_expiry:
                columns.append(normalised(name, self.expiry[:, :, EXPIRY_INPUTS.index(name)]))
            else:
                value = normalised(name, self.world[:, WORLD_INPUTS.index(name)])
                columns.append(np.broadcast_to(value[:, None], self.hours.shape))
        return np.stack(columns, axis=-1)


class MarketReader:
    """Reads one simulator, decision by decision.

    The spot pool's average is the world's own of the last 80 minutes where its oracle or its quotes keep one
    (`oracle_pool_average`, `quotes_from_pool`); elsewhere the geometric mean of what was read within the last 6 hours:
    where decisions are 6 hours apart, the price of that moment.

    Args:
        venue: whose option pool and oracle.
        tokens: fill `Reading.nodes`, which only `attention` reads.
    """

    def __init__(self, venue: int = 0, *, tokens: bool = True) -> None:
        self.venue, self.tokens = venue, tokens
        self._held = np.zeros((0, len(SIDES), *_SHAPE))
        self._expiries = np.zeros((0, MAX_EXPIRIES), np.int64)
        self._funding = np.zeros((0, WEEK))  # of hour h at h % WEEK; between decisions the last one stays
        self._pool = np.zeros((0, AVERAGE))  # log pool price of hour h at h % AVERAGE; NaN where none was read
        self._seen = np.zeros(0, np.int64)  # hour of the last reading, -1 before the first

    def read(self, simulator: Simulator) -> Reading:
        """The market after the last decision, or at the opening; call it once a decision.

        A world whose hour has not gone on has begun anew: what it held at its opening is no flow.
        """
        world = simulator.worlds.view(np.ndarray)
        venue = world["venues"][:, self.venue]
        n, hour = simulator.num_worlds, world["hour"].astype(np.int64)
        if len(self._seen) != n:
            self._held, self._expiries = np.zeros((n, len(SIDES), *_SHAPE)), np.zeros((n, MAX_EXPIRIES), np.int64)
            self._funding, self._seen = np.zeros((n, WEEK)), np.full(n, -1, np.int64)
            self._pool = np.full((n, AVERAGE), np.nan)
        fresh = (self._seen < 0) | (hour <= self._seen)
        flow = self._flow(venue, fresh)
        funding = self._funding_over_week(world["funding"], hour, fresh)
        average = self._pool_average(simulator, world, venue, hour, fresh)
        self._seen = hour
        return self._assemble(simulator, world, venue, flow, funding, average, hour)

    def fork(self, rows: NDArray[np.int64]) -> "MarketReader":
        """A reader of copies of `rows` I64[m], with its memory of them."""
        copy = MarketReader(self.venue, tokens=self.tokens)
        if len(self._seen):
            for name in _MEMORY:
                setattr(copy, name, getattr(self, name)[rows])
        return copy

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """What is remembered, a row a world."""
        return {name: getattr(self, name).copy() for name in _MEMORY}

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what another reader of the same worlds remembered."""
        for name in _MEMORY:
            setattr(self, name, np.array(state[name]))

    # ------------------------------------------------------------------ what is remembered

    def _flow(self, venue: NDArray[np.void], fresh: NDArray[np.bool_]) -> Floats:
        """Contracts opened less closed by side and slot since the last reading, F64[n, sides, e, k].

        What was held of an expiry that has settled is no flow: its slot holds another expiry now, which began empty.
        """
        held = np.stack([venue[side].astype(np.float64) for side in SIDES], axis=1)
        same = venue["expiry"] == self._expiries
        before = np.where(same[:, None, :, None], self._held, 0.0)
        before[fresh] = held[fresh]
        self._held, self._expiries = held, venue["expiry"].astype(np.int64)
        return held - before

    def _funding_over_week(self, funding: Floats, hour: NDArray[np.int64], fresh: NDArray[np.bool_]) -> Floats:
        """Funding less its mean of the last 7 days, of fewer at the start, F64[n]."""
        self._funding[fresh] = funding[fresh, None]
        since = np.where(fresh, 0, np.minimum(hour - self._seen, WEEK))
        ages = np.arange(since.max(initial=0))
        # hours since the last reading, the present one last
        recent = ages[None, :] < since[:, None]
        places = (hour[:, None] - ages) % WEEK
        rows, columns = np.nonzero(recent)
        self._funding[rows, places[rows, columns]] = funding[rows]
        return np.asarray(funding - self._funding.mean(axis=1))

    def _pool_average(
        self,
        simulator: Simulator,
        world: NDArray[np.void],
        venue: NDArray[np.void],
        hour: NDArray[np.int64],
        fresh: NDArray[np.bool_],
    ) -> Floats:
        """See the class; USD, F64[n]."""
        since = np.where(fresh, AVERAGE, np.minimum(hour - self._seen, AVERAGE))
        rows, ages = np.nonzero(np.arange(AVERAGE) < since[:, None])
        self._pool[rows, (hour[rows] - ages) % AVERAGE] = np.nan
        self._pool[np.arange(len(hour)), hour % AVERAGE] = np.log(world["pool_cash"] / world["pool_coin"])
        own = venue["opening_price"] * np.exp(venue["pool_seen"].mean(axis=1))
        rules = simulator.params.view(np.ndarray)[:, self.venue]
        kept = (rules["oracle_pool_average"] > 0.0) | (rules["quotes_from_pool"] > 0.0)
        return np.where(kept, own, np.exp(np.nanmean(self._pool, axis=1)))

    # ------------------------------------------------------------------ what is read

    def _assemble(
        self,
        simulator: Simulator,
        world: NDArray[np.void],
        venue: NDArray[np.void],
        flow: Floats,
        funding: Floats,
        average: Floats,
        hour: NDArray[np.int64],
    ) -> Reading:
        def seen(name: str) -> Floats:
            return simulator.venue_feature(self.venue, name)

        parameters = simulator.params.view(np.ndarray)[:, self.venue]
        spot = venue["oracle_price"].astype(np.float64)
        count, strikes = venue["num_expiries"].astype(np.int64), venue["num_strikes"].astype(np.int64)
        order, listed = nearest_first(venue["expiry"], world["substep"], count)
        hours = np.where(listed, (taken(venue["expiry"], order) - world["substep"][:, None]) / SUBSTEPS, 0.0)
        open_node = listed[:, :, None] & (np.arange(MAX_STRIKES) < strikes[:, None])[:, None, :]
        strike = np.where(open_node, taken(venue["strike"], order), 0.0)
        moneyness = np.where(open_node, np.log(np.maximum(strike, 1e-9) / spot[:, None, None]), 0.0)
        width = parameters["skew_shift_width"][:, None, None]
        shift = venue["skew_shift"][:, None, None] * np.clip(-moneyness / width, -1.0, 1.0)
        vol = np.clip(taken(venue["base_vol"], order)[:, :, None] * taken(venue["skew"], order) + shift, 0.05, 5.0)
        vol = np.where(open_node, vol, 0.0)
        flow = np.where(open_node[:, None], np.stack([taken(flow[:, side], order) for side in range(4)], 1), 0.0)
        held = sum(taken(venue[side].astype(np.float64), order) for side in SIDES)
        nav = np.maximum(seen("option_nav"), 1e-3) * venue["opening_value"]
        share = (spot / nav)[:, None, None]
        moves = hourly_logs(venue["hourly_close"].astype(np.float64), hour)
        vols = realised(moves, hour, seen("realised_72h"))
        level, slope, bend = smile(moneyness, vol, open_node)
        contracts = np.where(open_node, held, 0.0)
        puts = taken(venue["long_puts"] + venue["short_puts"], order)
        bought = flow[:, 0] + flow[:, 1]
        columns = {
            "vol_6h": log_vol(vols[6], 0.6), "vol_24h": log_vol(vols[24], 0.6),
            "vol_72h": log_vol(vols[72], 0.6), "vol_168h": log_vol(vols[168], 0.6),
            "coarse_vol_168h": log_vol(vols["coarse"], 0.6), "seen_hours": np.log1p(np.minimum(hour, WEEK)),
            "return_1h": seen("return_1h"), "return_6h": seen("return_6h"), "return_24h": seen("return_24h"),
            "drawdown_week": seen("drawdown_week"), "congestion": seen("congestion"),
            "term_slope": term_slope(level, listed),
            "flow_calls": (flow[:, 0] * share).sum(axis=(1, 2)), "flow_puts": (flow[:, 1] * share).sum(axis=(1, 2)),
            "flow_written": ((flow[:, 2] + flow[:, 3]) * share).sum(axis=(1, 2)),
            "flow_toxicity": seen("flow_toxicity"),
            "interest_concentration": herfindahl(contracts),
            "put_share": np.where(open_node, puts, 0.0).sum(axis=(1, 2)) / np.maximum(contracts.sum(axis=(1, 2)), 1e-9),
            "depth": seen("depth"), "depth_over_week": seen("depth_over_week"), "spot_gap": np.log(average / spot),
            "utilisation": seen("utilisation"), "at_risk": seen("at_risk"),
            "implied_vol": log_vol(world["implied_vol"], 0.7), "funding_over_week": funding,
        }  # fmt: skip
        of_expiry = {
            "hours": np.where(listed, np.log(np.maximum(hours, 1.0)), 0.0),
            "at_money_vol": np.where(listed, level - np.log(0.7), 0.0), "skew": slope, "curvature": bend,
            "flow_expiry": (bought * share).sum(axis=2), "interest_expiry": (contracts * share).sum(axis=2),
        }  # fmt: skip
        years = np.sqrt(np.maximum(hours, 1.0) / HOURS_PER_YEAR)[:, :, None]
        nodes = np.zeros((*vol.shape, len(NODE_INPUTS)))
        if self.tokens:
            nodes[..., 0] = np.where(open_node, np.log(np.maximum(vol, 0.05) / 0.7), 0.0)
            nodes[..., 1] = moneyness / years
            nodes[..., 2] = of_expiry["hours"][:, :, None] / 6.0
            nodes[..., 3:7] = np.moveaxis(signed_log(flow * share[:, None] / 0.01), 1, -1)
            nodes[..., 7] = signed_log(contracts * share / 0.05)
            np.clip(nodes, -LIMIT, LIMIT, out=nodes)
        return Reading(
            world=np.stack([np.asarray(columns[name], np.float64) for name in WORLD_INPUTS], axis=1),
            expiry=np.stack([of_expiry[name] for name in EXPIRY_INPUTS], axis=2),
            nodes=nodes, listed=listed, hours=hours, strike=strike,
            node_vol=vol, flow=flow, spot=spot, pool_average=average,
            rate=parameters["interest_rate"].astype(np.float64),
            realised=np.stack([vols[window] for window in (24, 72, 168)], axis=1),
            returns=moves[:, :-1] - moves[:, 1:],
            implied_vol=world["implied_vol"].astype(np.float64), hour=hour, slot=order,
        )  # fmt: skip
