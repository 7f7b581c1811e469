"""What the study plays: markets, rules, and the pieces that they are measured in."""

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.learned import LearnedPricer
from protogov.agents.pricing.opponents import EwmaPricer, ImpliedPricer
from protogov.agents.pricing.pricer import Pricer
from protogov.agents.pricing.recording import record
from protogov.agents.pricing.shape import make_shape
from protogov.agents.pricing.training import Effort, fit
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios.natural import CRISIS_SHARE
from protogov.experiments.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION
from protogov.experiments.studies.pricing.plan import FIRST_LEARNING, KNOWN, TRUTH, shares

FIRST_MARGIN = FIRST_LEARNING + 2**43  # first tape seed; nothing else plays these tapes
HOURS = 24
READ = 6  # hours from one law to the next; requirements follow the price every hour
LEARNED, ALIKE = (
    "mlp",
    "mlp-alike",
)  # the second learns from all markets alike, the first from crises as rare as they are
RULES = ("avalon", "derive")  # of short sellers today
THRESHOLD = "threshold"  # of borrowers today
PRICERS = ("implied", "ewma", LEARNED, ALIKE)
WORDS = {
    "avalon": "Lyra (today)", "derive": "Derive (today)", THRESHOLD: "today", "implied": "engine (implied vol)",
    "ewma": "engine (EWMA)", LEARNED: "engine (learned law)", ALIKE: "engine (learned law, crises alike)",
    TRUTH: "engine (true law)",
}  # fmt: skip
COLOURS = {
    "avalon": VERMILLION, "derive": GREEN, THRESHOLD: VERMILLION, "implied": BLUE, "ewma": GREY, LEARNED: "#7a3fa0",
    ALIKE: ORANGE, TRUTH: BLACK,
}  # fmt: skip
Floats = NDArray[np.float64]
BP = 1e4


@dataclass(frozen=True)
class Learning:
    """How the learned law is fitted: tapes of each market that is learned from, epochs at most."""

    training: tuple[str, ...]
    tapes: int
    epochs: int


@dataclass(frozen=True)
class Asked:
    """A piece: a market in which all rules are asked and today's are in force."""

    market: str
    tapes: int
    pricers: tuple[str, ...]
    learning: Learning


@dataclass(frozen=True)
class Governed:
    """A piece: a market with one rule in force."""

    market: str
    rule: str
    tapes: int
    learning: Learning


def pricer_of(name: str, learning: Learning, config: WorldConfig) -> Pricer:
    """The pricer of a name; a learned one is fitted once a process, in worlds of `config`."""
    if name in (LEARNED, ALIKE):
        return _learned(learning, name == ALIKE, json.dumps(config.to_dict(), sort_keys=True))
    return {"implied": ImpliedPricer, "ewma": EwmaPricer}[name]()


def rules_in_force(market: str, pricers: tuple[str, ...]) -> tuple[str, ...]:
    """What may govern a market: today's rules, an engine on each law, and on the true one where it is known."""
    return (*RULES, *pricers, *((TRUTH,) if market in KNOWN else ()))


def tapes_of(count: int) -> NDArray[np.uint64]:
    """Seeds of the tapes that are played, U64 [count]."""
    return np.uint64(FIRST_MARGIN) + np.arange(count, dtype=np.uint64)


@lru_cache(maxsize=4)
def _learned(learning: Learning, alike: bool, config: str) -> LearnedPricer:
    """Fitted on tapes that the study of pricing also learns from; `config` is JSON, which can be a key."""
    world = WorldConfig.from_dict(json.loads(config))
    played = [record(world, name, FIRST_LEARNING, learning.tapes, training=True) for name in learning.training]
    found = fit(
        LEARNED, make_shape(LEARNED, "feed"), played, effort=Effort(epochs=learning.epochs),
        shares=None if alike else shares(learning.training, CRISIS_SHARE),
    )  # fmt: skip
    return LearnedPricer(found.file)
