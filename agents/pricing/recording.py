"""A market as pricers learn and are judged on it: readings of every decision, and the prices that came."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.reader import MarketReader, Reading
from protogov.agents.pricing.spikes import clean_spikes
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import PathScenario, Scenario, check_trainable, get_scenario
from protogov.envs.simulator import Simulator

Spot = Literal["oracle", "pool"]
Floats = NDArray[np.float64]
LONGEST = 4 * 168 + 168  # hours to the farthest expiry, at most


@dataclass(frozen=True)
class Recording:
    """One batch of markets.

    Attributes:
        scenario: name, or the name of the candle file.
        keys: U64[n], of the tapes: `Scenario.draw(keys, hours)` draws them again.
        readings: one a decision, the opening first.
        log_close: F64[n, hours + 1], of the tape, without spikes; hours go beyond the episode where the scenario can.
        spikes: I64[n], hours of each tape that were replaced.
        marks: I64[n, episode hours + 1], what the walk says of each hour; None for other scenarios.
    """

    scenario: str
    keys: NDArray[np.uint64]
    readings: tuple[Reading, ...]
    log_close: Floats
    spikes: NDArray[np.int64]
    marks: NDArray[np.int64] | None

    def outcomes(self, decision: int, spot: Spot) -> tuple[Floats, NDArray[np.bool_]]:
        """Log of the tape's close at each expiry over the spot at a decision, and which are known: [n * e] each.

        Expiries that are not listed, within the hour, or beyond the tape are not known.
        """
        reading = self.readings[decision]
        end = reading.hour[:, None] + np.rint(reading.hours).astype(np.int64)
        known = reading.listed & (reading.hours >= 1.0) & (end < self.log_close.shape[1])
        start = np.log(reading.spot if spot == "oracle" else reading.pool_average)
        last = self.log_close.shape[1] - 1
        close = np.take_along_axis(self.log_close, np.minimum(end, last), axis=1)
        return np.where(known, close - start[:, None], 0.0).ravel(), known.ravel()

    def basis(self, decision: int, spot: Spot) -> Floats:
        """Log of the spot over the tape's close at a decision, F64[n]: by how much a pricer's start is off."""
        reading = self.readings[decision]
        start = np.log(reading.spot if spot == "oracle" else reading.pool_average)
        return np.asarray(start - self.log_close[np.arange(len(start)), reading.hour])


def record_world(config: WorldConfig) -> WorldConfig:
    """The world in which pricers are taught: that of `config`, in which people do not move the outside price.

    The price that options settle on is then the tape's, whose law is known in some scenarios.
    """
    return replace(config, parameters=replace(config.parameters, lasting_share=0.0))


def record(
    config: WorldConfig, scenario: str | Scenario, seed: int, tapes: int, *, training: bool, venue: int = 0
) -> Recording:
    """Play `tapes` markets under the default levers and record them.

    Args:
        config: of the world, see `record_world`.
        scenario: its market.
        seed: of the first tape.
        tapes: worlds.
        training: whether something learns from it.
        venue: whose option pool is read.

    Raises:
        ValueError: it is for training and the scenario, or a part of it, is held out, or the scenario is unknown.
    """
    found = get_scenario(scenario)
    if training:
        check_trainable(found)
    simulator = Simulator(config, tapes, scenario=found, seed=seed)
    simulator.reset(seeds=seed)
    reader = MarketReader(venue)
    readings = [reader.read(simulator)]
    still = {agent: np.zeros((tapes, simulator.action_size(agent))) for agent in simulator.agents}
    for _ in range(simulator.horizon):
        simulator.take_actions(still)
        simulator.advance()
        readings.append(reader.read(simulator))
    keys = simulator.worlds["seed"].astype(np.uint64)
    played = np.log(simulator.tape["close"].astype(np.float64))
    log_close, spikes = clean_spikes(_longer(found, keys, played))
    walked = isinstance(found, PathScenario)
    marks = found.marks(keys, config.episode_hours) if isinstance(found, PathScenario) and walked else None
    return Recording(found.name, keys, tuple(readings), log_close, spikes, marks)


def _longer(scenario: Scenario, keys: NDArray[np.uint64], played: Floats) -> Floats:
    """Log closes with hours after the episode, if the scenario has them and their tape begins with what was played."""
    hours = played.shape[1] - 1
    try:
        longer = np.log(scenario.draw(keys, hours + LONGEST)["close"].astype(np.float64))
    except ValueError:  # recorded candles end
        return played
    return longer if np.array_equal(longer[:, : hours + 1], played) else played


def settled_apart(starts: Sequence[float], ends: Sequence[float]) -> list[int]:
    """Positions of windows that do not overlap: the one that ends first, then the next to end that begins after it."""
    order = sorted(range(len(ends)), key=lambda i: (ends[i], -starts[i]))
    chosen, free = [], -np.inf
    for i in order:
        if starts[i] >= free:
            chosen.append(i)
            free = ends[i]
    return chosen
