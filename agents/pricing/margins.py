"""A margin engine: what accounts must hold so that 99% of a day's futures leave them solvent.

    futures = draw_futures(pricer.laws(at_horizon(reading)))   # once a decision, for all worlds
    needed = requirements(futures, short_book(worlds))         # every hour, for all worlds and accounts

A future is a return of the price and a factor on option vols. All worlds and accounts meet the same uniform draws, so
that differences between accounts are none of chance. An account owes options that it wrote and a loan, and holds coin;
its requirement is the cash that it needs beside the coin: the 99% quantile of what it owes less what its coin brings,
at least 0. Portfolio margins of exchanges work like this (CME SPAN 2 takes historical futures in the same place).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, exp, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.features import EXPIRY_INPUTS
from protogov.agents.pricing.reader import Reading
from protogov.envs.world.kernels import keep_compiled, source_digest
from protogov.envs.world.margin import minimum_collateral, standard_margins
from protogov.envs.world.pricing import call_and_put
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS
from protogov.envs.world.surface import MAX_VOL, MIN_VOL

Floats = NDArray[np.float64]
DAY = 24.0  # hours that a requirement lasts
LEVEL = 0.99
FUTURES = 4096  # a power of two: they are a scrambled Sobol sequence
VOL_SPREAD = 0.17  # sd of the log of a day's factor on vols: that of the market `jump`, .35 with a half-life of 5 days


@dataclass(frozen=True)
class Futures:
    """What may come within the horizon, equally likely.

    Attributes:
        returns: F64[n, m], log returns of the price of each world.
        vols: F64[m], factors on option vols, the same in all worlds.
        hours: of the horizon.
    """

    returns: Floats
    vols: Floats
    hours: float = DAY


@dataclass(frozen=True)
class Accounts:
    """Accounts of n worlds, at most a in each: arrays [n, a]; where there is none everything is 0.

    Attributes:
        contracts: options written, each on one coin.
        call: 1 for calls, 0 for puts.
        strike: USD.
        hours: to expiry.
        vol: annual, at which the option is bought back.
        coin: that the account holds.
        debt: USD that it owes beside the options.
        spot: F64[n], USD.
        rate: F64[n], annual.
    """

    contracts: Floats
    call: Floats
    strike: Floats
    hours: Floats
    vol: Floats
    coin: Floats
    debt: Floats
    spot: Floats
    rate: Floats


def at_horizon(reading: Reading, hours: float = DAY) -> Reading:
    """The reading with one expiry, `hours` ahead: what a pricer says of it is the law of that time.

    What belongs to an expiry is that of the nearest one.
    """
    expiry = reading.expiry[:, :1].copy()
    expiry[:, :, EXPIRY_INPUTS.index("hours")] = np.log(hours)
    one = np.ones((len(reading.hour), 1))
    return replace(
        reading, expiry=expiry, listed=one > 0.0, hours=hours * one, strike=reading.strike[:, :1],
        node_vol=reading.node_vol[:, :1], flow=reading.flow[:, :, :1],
    )  # fmt: skip


def draw_futures(
    law: Any, *, hours: float = DAY, count: int = FUTURES, vol_spread: float = VOL_SPREAD, seed: int = 0
) -> Futures:
    """Futures under a law with a method `quantile`, such as a `QuantileLaw` or a `GridLaw` of n rows.

    Args:
        law: of the log return over `hours`, a row a world.
        hours: of the horizon.
        count: a power of two.
        vol_spread: standard deviation of the log of the factor on vols, whose mean is 1; 0 keeps vols.
        seed: of the sequence; the same seed gives all laws the same draws.

    Raises:
        ValueError: the count is no power of two.
    """
    from scipy.special import ndtri  # slow to import
    from scipy.stats import qmc

    power = count.bit_length() - 1
    if count < 2 or count != 1 << power:
        raise ValueError(f"count of futures is {count}; a power of two from 2 on is accepted.")
    draws = qmc.Sobol(2, scramble=True, rng=np.random.default_rng(seed)).random_base2(power)
    draws = np.clip(draws, 0.5 / count, 1.0 - 0.5 / count)
    vols = np.exp(vol_spread * ndtri(draws[:, 1]) - 0.5 * vol_spread**2)
    order = np.argsort(draws[:, 0])
    returns = np.empty((len(law), count))
    returns[:, order] = law.quantile(draws[order, 0])
    return Futures(returns, vols, hours)


def requirements(futures: Futures, accounts: Accounts, *, level: float = LEVEL, sale_cost: float = 0.0) -> Floats:
    """Cash [USD] that each account needs beside its coin, F64[n, a]: see the module.

    An option that expires within the horizon settles on the part of the return that its time has of it, by the square
    root of time.

    Args:
        futures: of the same worlds.
        accounts: who is asked.
        level: probability with which the account stays solvent.
        sale_cost: share of the coin's value that its sale loses.

    Raises:
        ValueError: worlds do not fit each other, or a number is out of range.
    """
    a = accounts
    if len(futures.returns) != len(a.contracts) or not 0.0 < level < 1.0 or not 0.0 <= sale_cost < 1.0:
        raise ValueError(
            f"futures are of {len(futures.returns)} worlds and accounts of {len(a.contracts)}, level is {level:g} and "
            f"sale_cost {sale_cost:g}; the same worlds, a level in (0, 1) and a cost from 0 to below 1 are accepted."
        )
    found = np.zeros(a.contracts.shape)
    arrays = (a.contracts, a.call, a.strike, a.hours, a.vol, a.coin, a.debt, a.spot, a.rate)
    _kernels()[0](futures.returns, futures.vols, futures.hours, level, sale_cost, arrays, found)
    return found


def largest_ltv(futures: Futures, *, level: float = LEVEL, sale_cost: float = 0.0) -> Floats:
    """Largest debt over the value of the coin behind it that stays covered, F64[n]: no cash is required up to it."""
    rank = futures.returns.shape[1] - 1 - _rank(level, futures.returns.shape[1])
    lowest = np.partition(futures.returns, rank, axis=1)[:, rank]
    return np.asarray((1.0 - sale_cost) * np.exp(lowest))


def rules_of_today(accounts: Accounts, params: Any, multiplier: Floats) -> dict[str, Floats]:
    """Cash requirement of each short position by the rule sets of ``margin.py``, F64[n, a] by name.

    `avalon` is Lyra's minimum collateral, `derive` the maintenance margin of Derive's standard manager; both times the
    governed `multiplier`, F64[n]. `params` is a recarray [n] of ``parameters.py``.
    """
    a = accounts
    avalon, derive = np.zeros(a.contracts.shape), np.zeros(a.contracts.shape)
    arrays = (a.contracts, a.call, a.strike, a.hours, a.vol, a.coin, a.debt, a.spot, a.rate)
    _kernels()[1](arrays, params, avalon, derive)
    return {"avalon": avalon * multiplier[:, None], "derive": derive * multiplier[:, None]}


def short_book(worlds: NDArray[np.void], params: NDArray[np.void], venue: int = 0) -> Accounts:
    """Every open short position of a venue, as if it held no coin: what its rules ask for in cash.

    `worlds` are rows of `world_dtypes`, as a simulator or a population hook has them; `params` of the same worlds.
    """
    own, p = worlds["venues"][:, venue], params[:, venue]
    rows = np.arange(len(own))[:, None]
    e, k = own["short_expiry"].astype(np.int64), own["short_strike"].astype(np.int64)
    contracts = np.where(np.arange(e.shape[1]) < own["num_shorts"][:, None], own["short_contracts"], 0.0)
    strike, spot = own["strike"][rows, e, k], own["oracle_price"].astype(np.float64)
    hours = (own["expiry"][rows, e] - worlds["substep"][:, None]) / SUBSTEPS
    vol = node_vols(own, p, spot)[rows, e, k]
    there = contracts > 0.0
    zero = np.zeros(e.shape)
    return Accounts(
        contracts, np.where(there, own["short_call"], 0.0), np.where(there, strike, 0.0),
        np.where(there, hours, 0.0), np.where(there, vol, 0.0), zero, zero, spot,
        p["interest_rate"].astype(np.float64),
    )  # fmt: skip


def node_vols(venue: NDArray[np.void], params: NDArray[np.void], spot: Floats) -> Floats:
    """The pool's own vol of every node of a venue's records [n], F64[n, e, k], annual; unlisted nodes mean nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        lean = -np.log(venue["strike"] / spot[:, None, None]) / params["skew_shift_width"][:, None, None]
    lean = np.clip(np.nan_to_num(lean), -1.0, 1.0)
    vol = venue["base_vol"][:, :, None] * venue["skew"] + venue["skew_shift"][:, None, None] * lean
    return np.asarray(np.clip(vol, MIN_VOL, MAX_VOL))


def _rank(level: float, count: int) -> int:
    """Position, in ascending order, of the quantile that at least a share `level` does not exceed."""
    return min(ceil(level * count) - 1, count - 1)


# ---------------------------------------------------------------- kernels


def _requiring(version: str) -> Callable[..., None]:
    def require(returns, vols, horizon, level, sale_cost, arrays, out):  # type: ignore[no-untyped-def]
        _ = version
        contracts, call, strike, hours, vol, coin, debt, spot, rate = arrays
        count = returns.shape[1]
        needed = np.empty(count)
        rank = min(int(np.ceil(level * count)) - 1, count - 1)
        for i in range(contracts.shape[0]):
            for s in range(contracts.shape[1]):
                if contracts[i, s] <= 0.0 and debt[i, s] <= 0.0:
                    continue
                share = sqrt(min(max(hours[i, s], 0.0) / horizon, 1.0)) if contracts[i, s] > 0.0 else 1.0
                years = max(hours[i, s] - horizon, 0.0) / HOURS_PER_YEAR
                for j in range(count):
                    price = spot[i] * exp(share * returns[i, j])
                    owed = debt[i, s] - coin[i, s] * price * (1.0 - sale_cost)
                    if contracts[i, s] > 0.0:
                        value, put = call_and_put(price, strike[i, s], years, vol[i, s] * vols[j], rate[i])
                        owed += contracts[i, s] * (value if call[i, s] > 0.0 else put)
                    needed[j] = owed
                out[i, s] = max(np.partition(needed, rank)[rank], 0.0)

    return require


def _ruling(version: str) -> Callable[..., None]:
    def rule(arrays, params, avalon, derive):  # type: ignore[no-untyped-def]
        _ = version
        contracts, call, strike, hours, vol, _coin, _debt, spot, rate = arrays
        for i in range(contracts.shape[0]):
            p = params[i]
            for s in range(contracts.shape[1]):
                if contracts[i, s] <= 0.0:
                    continue
                years, is_call = max(hours[i, s], 0.0) / HOURS_PER_YEAR, call[i, s] > 0.0
                value, put = call_and_put(spot[i], strike[i, s], years, vol[i, s], rate[i])
                mark = value if is_call else put
                avalon[i, s] = minimum_collateral(spot[i], strike[i, s], years, is_call, contracts[i, s], p)
                derive[i, s] = standard_margins(spot[i], strike[i, s], is_call, mark, p)[1] * contracts[i, s]

    return rule


@cache
def _kernels() -> tuple[Any, Any]:
    digest = f"{source_digest(str(Path(__file__).parent))} {source_digest()}"
    return keep_compiled(_requiring(digest)), keep_compiled(_ruling(digest))
