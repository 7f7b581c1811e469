"""What the study plays and fits: markets, seeds, contestants, and the pieces that they are measured in."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from protogov.agents.pricing.recording import Recording, record
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios.natural import CRISIS_SHARE, TRAINING_CRISES
from protogov.envs.scenarios.sealed import FIRST_SEED as FIRST_SEALED
from protogov.envs.scenarios.sealed import sealed_names

KNOWN = ("gbm", "merton", "heston")  # their law is known in closed form
FUTURES = ("jump", "regimes")  # their law is told by futures of a state
CRISES = tuple(crisis.name for crisis in TRAINING_CRISES)
TRAINING = (*KNOWN, *FUTURES, "calm", "self-exciting", *CRISES)
UNSEEN = ("crash-heldout", "crisis-2020-03", "crisis-2023-03", "crisis-2024-08", "crisis-2025-10")  # validation
EVALUATION = (*KNOWN, *FUTURES, *CRISES, *UNSEEN)

FIRST_LEARNING = 2**49  # first tape seed that pricers learn on; nothing else plays these tapes
FIRST_JUDGING = FIRST_LEARNING + 2**40  # and on which they are judged
FIRST_FUTURE = FIRST_LEARNING + 2**41
STRIDE = 4  # decisions from one that is scored to the next

TRUTH, IMPLIED, LYRA, EWMA, GARCH = "truth", "implied", "lyra", "ewma", "garch"
OPPONENTS = (IMPLIED, LYRA, EWMA, GARCH)


@dataclass(frozen=True)
class Contestant:
    """Who is judged.

    Attributes:
        name: of its rows.
        kind: a generation, an opponent, or "truth".
        inputs: of a generation.
        spot: what returns start from.
        left_out: scenario that it did not learn on.
        alike: every training market is as frequent in what it learned as any other, crises too.
    """

    name: str
    kind: str
    inputs: str = "feed"
    spot: str = "oracle"
    left_out: str = ""
    alike: bool = False


@dataclass(frozen=True)
class Sizes:
    """How much is played and learned.

    Attributes:
        learn: tapes of each training market.
        judge: tapes of each market that is judged.
        epochs: passes over the samples at most.
        states: of each market in `FUTURES`.
        futures: of each state.
        crises: share of all crises together in what is learned.
    """

    learn: int = 96
    judge: int = 64
    epochs: int = 24
    states: int = 6
    futures: int = 10_000
    crises: float = CRISIS_SHARE


@dataclass(frozen=True)
class Contest:
    """A piece: one contestant, fitted if it learns, on all markets."""

    contestant: Contestant
    training: tuple[str, ...]
    markets: tuple[str, ...]
    sizes: Sizes = field(default_factory=Sizes)


def shares(markets: Sequence[str], crises: float) -> tuple[float, ...] | None:
    """Share of each market in what is learned: crises together have theirs, all others equal parts of the rest.

    A pricer can only expect crises as often as it met them. None where there are no crises, or nothing else.
    """
    count = sum(market in CRISES for market in markets)
    if count in (0, len(markets)):
        return None
    return tuple(crises / count if market in CRISES else (1.0 - crises) / (len(markets) - count) for market in markets)


def recorded_name(market: str) -> str:
    """What rows call a market: a scenario's name, or the name of the file that they need."""
    return Path(market).name


@lru_cache(maxsize=32)
def _recordings(config: str, market: str, seed: int, tapes: int, training: bool) -> Recording:
    return record(WorldConfig.from_dict(json.loads(config)), market, seed, tapes, training=training)


def recording(config: WorldConfig, market: str, tapes: int, *, training: bool) -> Recording:
    """The recording of a market, played once a process.

    The tapes of the sealed test are those of its list; they can be played only inside `opened`.

    Raises:
        ValueError: it is for training and the market is held out.
    """
    first = FIRST_LEARNING if training else FIRST_SEALED if market in sealed_names() else FIRST_JUDGING
    return _recordings(json.dumps(config.to_dict(), sort_keys=True), market, first, tapes, training)
