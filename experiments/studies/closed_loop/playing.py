"""Plays pieces: pools that a pricer quotes, seed by seed."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.features import FEATURES, input_names
from protogov.agents.pricing.learned import LearnedPricer, PricerFile
from protogov.agents.pricing.opponents import EwmaPricer
from protogov.agents.pricing.pool_pricer import Greeks, PoolPricer
from protogov.agents.pricing.prices import Premium
from protogov.agents.pricing.recording import record_world
from protogov.agents.pricing.shape import Shape
from protogov.agents.pricing.training import Effort, fit
from protogov.agents.pricing.truth import KnownVols
from protogov.envs.config import WorldConfig
from protogov.envs.pricer import Anchors, Pricer
from protogov.envs.simulator import Simulator
from protogov.envs.world.surface import MAX_VOL, MIN_VOL
from protogov.experiments.core.play import hold_still, open_worlds, tape_seeds
from protogov.experiments.core.tables import Table
from protogov.experiments.studies.closed_loop.plan import (
    CHAIN,
    EWMA,
    LAW,
    LEARNED_FROM,
    MANAGED,
    OWN,
    PLAIN,
    RULE,
    SMILE,
    TOLD,
    Attack,
    Learning,
    Loop,
    attack_scenario,
    attack_world,
    loop_scenario,
    loop_world,
)
from protogov.experiments.studies.pricing.plan import recording

Floats = NDArray[np.float64]


@lru_cache(maxsize=4)
def trained(name: str, learning: Learning) -> PricerFile:
    """The learned pricer `feed` or `chain`, fitted once a process; the same on one machine.

    Neither reads the pool's own vols, which it makes itself.
    """
    config = record_world(WorldConfig())
    tapes = [recording(config, market, learning.learn, training=True) for market in LEARNED_FROM]
    inputs = input_names("chain" if name == CHAIN else "feed")
    shape = Shape("compact", tuple(one for one in inputs if FEATURES[one].group != "surface"))
    spot = "pool" if name == CHAIN else "oracle"
    return fit(name, shape, tapes, spot=spot, effort=Effort(epochs=learning.epochs)).file  # type: ignore[arg-type]


class LawQuotes:
    """A pool that quotes the law that makes the path."""

    def __init__(self, market: str, width: float, *, told: bool) -> None:
        self.market, self.width, self.told = market, width, told
        self._known = PoolPricer(None, truth=KnownVols(market))

    def anchors(self, simulator: Simulator) -> Anchors:
        """The law's vols at every node, times the premium."""
        found = self._known.anchors(simulator)
        assert found.law is not None
        return found._replace(
            vol=np.clip(self.width * found.law, MIN_VOL, MAX_VOL), law=found.law if self.told else None
        )

    def fork(self, rows: NDArray[np.int64]) -> "LawQuotes":
        """A fresh one: it remembers nothing of value."""
        return LawQuotes(self.market, self.width, told=self.told)


def pricer_of(job: Loop | Attack) -> Pricer | None:
    """What quotes the pool of a piece."""
    told = isinstance(job, Loop) and job.informed == TOLD
    if isinstance(job, Loop) and job.pricer == LAW:
        return LawQuotes(job.market, job.width, told=told)
    truth = KnownVols(job.market) if isinstance(job, Loop) and told else None
    if job.pricer == RULE:
        return None if truth is None else PoolPricer(None, truth=truth)
    model = EwmaPricer() if job.pricer == EWMA else LearnedPricer(trained(job.pricer, job.learning))
    hedge = job.hedge if isinstance(job, Loop) else PLAIN
    greeks: Greeks = "market" if hedge == OWN else "law" if hedge == SMILE else "black-scholes"
    lean = MANAGED[job.gamma].lean if isinstance(job, Loop) else 0.0
    return PoolPricer(model, greeks=greeks, lean=lean, premium=Premium(job.width), truth=truth)


def opened(job: Loop | Attack, config: WorldConfig) -> Simulator:
    """The worlds of a piece at their opening; the same tapes and noise whatever quotes."""
    if isinstance(job, Loop):
        world = open_worlds(loop_world(job, config), loop_scenario(job), tape_seeds(job.seeds, job.first))
    else:
        world = open_worlds(attack_world(job, config), attack_scenario(job), tape_seeds(job.seeds))
    pricer = pricer_of(job)
    world.pricers = {} if pricer is None else {0: pricer}
    return world


def _owned(venue: NDArray[np.void]) -> Floats:
    """What the pool has besides its book [USD]."""
    lent = venue["option_scaled"] * venue["supply_index"]
    return np.asarray(
        venue["option_cash"] + lent + venue["hedge_coin"] * venue["oracle_price"] - venue["option_unpaid"]
    )


def play_loop(config: WorldConfig, job: Loop) -> Table:
    """A row a seed, in thousand USD: realised cash of the pool, of it options and hedge, and what the tape's vol says.

    edge is what traders paid beyond the fair value at the tape's implied vol. swing is the standard deviation of a
    decision's change of NAV0 while options trade.
    """
    world = opened(job, config)
    venue = world.worlds.view(np.ndarray)["venues"][:, 0]
    start = _owned(venue)
    edge, informed, hedging, contracts, gap = np.zeros((5, job.seeds))
    profits: list[Floats] = []
    for step in hold_still(world):
        edge += venue["sum_edge"]
        informed += venue["sum_informed_profit"]
        contracts += venue["sum_option_contracts"] * venue["opening_price"]
        hedging -= step.records["pool_hedging"][:, 0]
        if len(profits) * world.config.decision_hours < job.hours:
            profits.append(step.records["pool_profit"][:, 0])
            gap += venue["base_vol"].mean(axis=1) - world.worlds["implied_vol"]
    held = sum(venue[side].sum(axis=(1, 2)) for side in ("long_calls", "long_puts", "short_calls", "short_puts"))
    total, options = _owned(venue) - start, -world.worlds.view(np.ndarray)["trader_cash"].astype(np.float64)
    money = {
        "realised": total, "options": options, "hedge": total - options, "hedging_cost": hedging, "edge": edge,
        "informed": informed, "traded": contracts, "swing": np.std(profits, axis=0),
    }  # fmt: skip
    found = {name: value / 1e3 for name, value in money.items()}
    return {
        "seed": np.arange(job.seeds),
        **found,
        "vol_over_tape": 100.0 * gap / len(profits),
        "left": np.asarray(held),
    }


def play_attack(config: WorldConfig, job: Attack) -> Table:
    """A row a seed, in thousand USD: what the attacker has gained, takers of quotes, and the LPs.

    attacker is its own account, with pool shares at their last price. capital is the most that it had brought and not
    yet taken back at the end of a decision. takers is what informed traders gained by their own reckoning. pool is the
    change of NAV0 without interest, which loses deposits and has nothing to do with quotes.
    others is what all LPs but the attacker own at the share price.
    """
    world = opened(job, config)
    venue = world.worlds.view(np.ndarray)["venues"][:, 0]
    takers, pool, capital = np.zeros((3, job.seeds))
    last = int(world.config.parameters.num_lps)
    step = None
    for step in hold_still(world):
        brought = world.worlds.view(np.ndarray)["attacker_brought"].sum(axis=1)
        capital = np.maximum(capital, brought - venue["lp_received"][:, last] * (venue["surface_attack"] > 0))
        takers += venue["sum_informed_profit"]
        records = step.records[:, 0]
        pool += records["pool_profit"] - records["pool_interest"]
    assert step is not None
    waiting = venue["lp_waiting"][:, last] + venue["lp_shares"][:, last] * venue["lp_price"]
    others = (venue["lp_total"] - venue["lp_shares"][:, last]) * venue["lp_price"]
    attacker = step.records["attacker_profit"][:, 0] + waiting * (venue["surface_attack"] > 0)
    money = {"attacker": attacker, "capital": capital, "takers": takers, "pool": pool, "others": others}
    served = (venue["surface_attack"] >= 2).astype(np.float64)
    return {"seed": np.arange(job.seeds), **{name: value / 1e3 for name, value in money.items()}, "served": served}
