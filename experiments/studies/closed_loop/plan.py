"""What the study plays: markets, pricers, hedges, attacks, worlds, and the pieces that they are measured in."""

from dataclasses import dataclass, field

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Overlay, Scenario, Split, get_scenario
from protogov.envs.scenarios.base import Seeds, Tapes
from protogov.experiments.studies.pricing.plan import KNOWN

MARKETS = KNOWN
FIRST_MANAGED = 2**16  # tape of the part `gamma`: how much each way does was set on tapes from 0 on
LEARNED_FROM = (*KNOWN, "jump", "regimes", "calm")  # training scenarios, on seeds that nothing else plays

RULE, EWMA, FEED, CHAIN, LAW = "rule", "ewma", "feed", "chain", "law"
PRICERS = (RULE, EWMA, FEED, CHAIN, LAW)
ABOUT = {
    RULE: "the public index and a fixed slope: the pool of today",
    EWMA: "a normal law of weighted past returns",
    FEED: "a learned law (compact: 32 x 32, linear quantiles) of all inputs but the pool's own vols",
    CHAIN: "the same of inputs from the chain alone",
    LAW: "the law that makes the path: what no pricer can know",
}

TAPE, TOLD = "tape", "law"  # what vol arbitrageurs know: the tape's implied vol of the coming hours, or the law
UNHEDGED, PLAIN, SMILE, OWN = "unhedged", "black-scholes", "smile", "market"
HEDGES = (UNHEDGED, PLAIN, SMILE, OWN)


@dataclass(frozen=True)
class Managed:
    """What a pool does about its gamma.

    Attributes:
        widening: extra half-spread, as a share of it, on trades that add to it, at a hedge gain of 1.
        limit: hedge gain beyond which no trade may add to it.
        lean: vol that the anchors rise by where gamma is, see `PoolPricer`.
    """

    widening: float
    limit: float
    lean: float


NO_LIMIT = 1e9  # hedge gain
TODAY, NOTHING, BY_SPREAD, BY_LIMIT, BY_SKEW, BY_ALL = "today", "nothing", "half-spread", "limit", "skew", "all three"
MANAGED = {
    TODAY: Managed(0.2, 3.0, 0.0),  # the defaults of the world
    NOTHING: Managed(0.0, NO_LIMIT, 0.0),
    BY_SPREAD: Managed(1.0, NO_LIMIT, 0.0),
    BY_LIMIT: Managed(0.0, 0.5, 0.0),
    BY_SKEW: Managed(0.0, NO_LIMIT, 0.1),
    BY_ALL: Managed(1.0, 0.5, 0.1),
}
GAMMA_GREEKS = (PLAIN, SMILE)  # whose gamma is managed, and whose delta hedges

NONE, PUSH, DRAIN, SURFACE = "none", "oracle-push", "pool-drain", "vol-push"
QUOTE_ATTACKS = (NONE, PUSH, DRAIN, f"{DRAIN} + {PUSH}")
BASE = "heston"  # market under attack
ATTACKED = (RULE, FEED, CHAIN)
ATTACK_HOURS, SHARE_HOURS = 336, 402  # a vol-push takes two cooldowns of three days
# takers of wrong quotes, who know the outside price, have the money and hands that an attack brings: a dozen times the
# arrivals, most of them takers, so that other traders are about as many as usual
TAKERS = {"arrivals": 200.0, "informed_scale": 9.0, "latency_share": 1.0, "informed_cap": 50e6}

RUN_OFF = 4 * 168 + 6  # hours until the farthest expiry that traders could buy has settled


@dataclass(frozen=True)
class Learning:
    """How the learned pricers are fitted: tapes of each market that is learned from, epochs at most."""

    learn: int = 32
    epochs: int = 16


@dataclass(frozen=True)
class Loop:
    """A piece: one pool that trades for some hours and holds all options to expiry.

    Attributes:
        market: whose law is known.
        pricer: what quotes.
        informed: what vol arbitrageurs know.
        hedge: whose greeks are hedged.
        seeds: worlds.
        hours: in which options trade.
        width: premium of pricers on all distances from the median.
        reversion: half-life of the surface's return to its anchors, h.
        learning: of a learned pricer.
        gamma: what the pool does about its gamma, a name of `MANAGED`.
        first: number of the first tape.
    """

    market: str
    pricer: str
    informed: str
    hedge: str
    seeds: int
    hours: int
    width: float
    reversion: float = 24.0
    learning: Learning = field(default_factory=Learning)
    gamma: str = TODAY
    first: int = 0


@dataclass(frozen=True)
class Attack:
    """A piece: one kind of pool under one attack, or under none.

    Attributes:
        attack: an overlay, several, or "none".
        pricer: what quotes; `chain` quotes at the spot pool's average.
        gwav: whether shares are priced at average vols.
        shares: the attack is on the share price: LPs stand still and the episode is longer.
        seeds: worlds.
        width: see `Loop`.
        learning: of a learned pricer.
    """

    attack: str
    pricer: str
    gwav: bool
    shares: bool
    seeds: int
    width: float
    learning: Learning = field(default_factory=Learning)


class Closing(Overlay):
    """Nobody asks for options any more from an hour on: what was traded is held to its expiry."""

    split: Split = "free"
    changes = ("flow_intensity",)

    def __init__(self, hour: int) -> None:
        self.name, self.hour = f"closing at {hour}", hour

    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        """No arrivals from that hour on."""
        tapes["flow_intensity"][:, self.hour :] = np.float32(1e-9)  # a tape must have some


def loop_scenario(job: Loop) -> Scenario:
    """A market in which options trade for some hours."""
    return get_scenario(job.market) + Closing(job.hours)


def loop_world(job: Loop, config: WorldConfig) -> WorldConfig:
    """The world of a loop: an empty book, no short sellers, no loans and no interest, LPs that stand still.

    All that the pool has in the end is then the cash of its options and of its hedge. People do not move the outside
    price: options settle on the price whose law is known.
    """
    hedges = {"hedge_ratio": 0.0} if job.hedge == UNHEDGED else {}
    world = WorldConfig(episode_hours=job.hours + RUN_OFF, decision_hours=config.decision_hours, defaults=hedges)
    managed = MANAGED[job.gamma]
    return world.with_parameters(
        opening_notional=0.0, num_shorts=0, put_look=0.0, debt_size=0.0, lend_share=0.0, lp_choice=0.0,
        lasting_share=0.0, vol_reversion=job.reversion, gamma_widening=managed.widening, gamma_limit=managed.limit,
    )  # fmt: skip


def attack_scenario(job: Attack) -> Scenario:
    """The market under attack."""
    scenario = get_scenario(BASE)
    return scenario if job.attack == NONE else scenario + get_scenario(job.attack)


def attack_world(job: Attack, config: WorldConfig) -> WorldConfig:
    """The world under attack: that of the gym, in which takers of wrong quotes have money."""
    changed: dict[str, float] = {"quotes_from_pool": float(job.pricer == CHAIN), "gwav_on": float(job.gwav)}
    if job.shares:
        changed["lp_choice"] = 0.0
    else:
        changed |= TAKERS
    hours = SHARE_HOURS if job.shares else ATTACK_HOURS
    return WorldConfig(episode_hours=hours, decision_hours=config.decision_hours).with_parameters(**changed)
