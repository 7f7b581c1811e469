"""Quotes an option pool with a pricer: reads the market, asks for the laws, writes anchors. One call a decision.

    pricer = PoolPricer(load_pricer(path), greeks="market")
    world = Simulator(num_worlds=512, scenario="heston", pricers={0: pricer})

Only reading and laws remember rows; forks copy both.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.learned import LearnedPricer
from protogov.agents.pricing.pricer import Pricer
from protogov.agents.pricing.prices import NO_PREMIUM, Premium
from protogov.agents.pricing.quantile_law import Floats, QuantileLaw
from protogov.agents.pricing.reader import MarketReader, Reading
from protogov.agents.pricing.smiles import Smiles, smiles
from protogov.envs.pricer import Anchors
from protogov.envs.simulator import Simulator
from protogov.envs.world.state import HOURS_PER_YEAR
from protogov.envs.world.surface import MAX_VOL, MIN_VOL

Greeks = Literal["black-scholes", "law", "market"]


@runtime_checkable
class GreekPricer(Pricer, Protocol):
    """A pricer that knows what its laws do when the spot moves."""

    def laws_and_slopes(self, reading: Reading) -> tuple[QuantileLaw, Floats]:
        """`laws`, and the derivative of each quantile by the log of the spot, F64[n * e, levels]."""
        ...


class TrueVol(Protocol):
    """What informed traders know."""

    def vols(self, simulator: Simulator, reading: Reading, moneyness: Floats) -> Floats:
        """Annual vol at log(strike / spot), F64[n, e, k], of every node of a reading."""
        ...


class PoolPricer:
    """Anchors of one venue's option pool.

    Args:
        pricer: whose laws price; None leaves the pool to its rule (then only `truth` is written).
        venue: whose pool.
        greeks: what hedge and limits follow: Black-Scholes at the pricer's vols; the smile of its law, which moves with
            the spot and is otherwise as it is; or the pricer's answer to a market whose spot has just moved.
        lean: vol that is added to the anchor of the node with the most gamma while the pool is short so much gamma that
            a move of 1% makes it trade the depth of 1%, and taken off while it is long; other nodes get their share.
            At most twice this. 0: gamma is left to the half-spread and the limits.
        premium: what is asked beyond the law.
        truth: what informed traders know instead of the tape's implied vol.

    Raises:
        ValueError: unknown `greeks`, those of the market of a pricer that has none, or `lean` out of range.
    """

    def __init__(
        self,
        pricer: Pricer | None,
        venue: int = 0,
        *,
        greeks: Greeks = "black-scholes",
        lean: float = 0.0,
        premium: Premium = NO_PREMIUM,
        truth: TrueVol | None = None,
    ) -> None:
        if greeks not in get_args(Greeks):
            raise ValueError(f"greeks is {greeks!r}; accepted: {', '.join(get_args(Greeks))}")
        if greeks == "market" and not isinstance(pricer, GreekPricer):
            raise ValueError(
                f"greeks of the market are asked of {_name(pricer)}; what has laws_and_slopes is accepted."
            )
        if not 0.0 <= lean <= 1.0:
            raise ValueError(f"lean is {lean!r}; 0 to 1 of vol is accepted.")
        self.pricer, self.venue, self.greeks, self.lean = pricer, venue, greeks, lean
        self.premium, self.truth = premium, truth
        reads_nodes = not isinstance(pricer, LearnedPricer) or bool(pricer.file.shape.node_inputs)
        self._reader = MarketReader(venue, tokens=reads_nodes)

    def anchors(self, simulator: Simulator) -> Anchors:
        """See `protogov.envs.pricer.Pricer`."""
        reading = self._reader.read(simulator)
        world = simulator.worlds.view(np.ndarray)
        venue = world["venues"][:, self.venue]
        spot = quoted_spots(simulator, self.venue)
        shown = reading.strike > 0.0
        moneyness = np.where(shown, np.log(np.where(shown, reading.strike, 1.0) / spot[:, None, None]), 0.0)
        rows, back = np.arange(len(spot))[:, None], np.argsort(reading.slot, axis=1)

        def placed(values: Floats) -> Floats:
            return np.asarray(values[rows, back])

        found = {"moneyness": placed(moneyness)}
        if self.pricer is not None:
            own = self.smiles(reading, moneyness)
            vol = own.vol
            if self.lean > 0.0:
                needed = -venue["net_gamma"] * spot * spot * 0.01 / world["depth"]
                vol = np.clip(vol + self._leaning(needed, reading, moneyness, vol), MIN_VOL, MAX_VOL)
            found["vol"] = placed(vol)
            if self.greeks != "black-scholes":
                found |= {"slope": placed(own.slope), "gamma": placed(own.gamma)}
        if self.truth is not None:
            found["law"] = placed(np.where(shown, self.truth.vols(simulator, reading, moneyness), MIN_VOL))
        return Anchors(**found)

    def smiles(self, reading: Reading, moneyness: Floats) -> Smiles:
        """Vols and greeks at log(strike / spot), F64[n, e, k], of every expiry of a reading."""
        assert self.pricer is not None
        slopes: Floats | None = None
        if self.greeks == "market":
            assert isinstance(self.pricer, GreekPricer)
            law, slopes = self.pricer.laws_and_slopes(reading)
        else:
            law = self.pricer.laws(reading)
            slopes = np.zeros_like(law.quantiles) if self.greeks == "law" else None
        if self.premium.width != 1.0:
            law = law.stretched(self.premium.width)
            slopes = None if slopes is None else _stretched(slopes, self.premium.width)
        return smiles(law, moneyness, reading.hours / HOURS_PER_YEAR, reading.rate, slopes)

    def _leaning(self, needed: Floats, reading: Reading, moneyness: Floats, vol: Floats) -> Floats:
        """What inventory adds to each node's vol, F64[n, e, k]: its share of the gamma, times how short the pool is."""
        deviation = vol * np.sqrt(np.maximum(reading.hours, 1.0) / HOURS_PER_YEAR)[:, :, None]
        gamma = np.where(reading.strike > 0.0, np.exp(-0.5 * (moneyness / deviation) ** 2) / deviation, 0.0)
        share = gamma / np.maximum(gamma.max(axis=(1, 2), keepdims=True), 1e-9)
        return np.asarray(self.lean * np.clip(needed, -2.0, 2.0)[:, None, None] * share)

    def state_dict(self) -> dict[str, Any]:
        """What reading and laws remember, a row a world, for snapshots."""
        state: dict[str, Any] = {"reader": self._reader.state_dict(), "name": _name(self.pricer)}
        return state | ({"laws": self.pricer.state_dict()} if isinstance(self.pricer, LearnedPricer) else {})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what a pricer of the same laws remembered.

        Raises:
            ValueError: it has other laws.
        """
        if state.get("name") != _name(self.pricer):
            raise ValueError(
                f"the laws are those of {_name(self.pricer)}, and those of {state.get('name')} were stored."
            )
        if isinstance(self.pricer, LearnedPricer):
            self.pricer.load_state_dict(state["laws"])
        self._reader.load_state_dict(state["reader"])

    def fork(self, rows: NDArray[np.int64]) -> PoolPricer:
        """See `protogov.envs.pricer.Pricer`."""
        copy = deepcopy(self)
        copy._reader = self._reader.fork(rows)
        if isinstance(copy.pricer, LearnedPricer):
            copy.pricer.pick(rows)
        return copy


def quoted_spots(simulator: Simulator, venue: int) -> Floats:
    """Spot of the quotes of a venue's option pool, F64[n], USD: see `quotes_from_pool`."""
    record = simulator.worlds.view(np.ndarray)["venues"][:, venue]
    switched = simulator.params.view(np.ndarray)[:, venue]["quotes_from_pool"] > 0.0
    return np.where(switched, record["quote_price"], record["oracle_price"]).astype(np.float64)


def _name(pricer: Pricer | None) -> str:
    return "nobody" if pricer is None else pricer.name


def _stretched(slopes: Floats, width: float) -> Floats:
    middle = slopes[:, slopes.shape[1] // 2, None]
    return np.asarray(middle + width * (slopes - middle))
