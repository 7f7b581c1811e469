"""An entry of the zoo that is a pricer: a compact one, trained on simulated markets and scored on validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from protogov.agents.pricing.learned import LearnedPricer
from protogov.agents.pricing.opponents import ImpliedPricer
from protogov.agents.pricing.pricer import Pricer
from protogov.agents.pricing.recording import Recording, Spot, record, record_world
from protogov.agents.pricing.shape import InputSet, make_shape
from protogov.agents.pricing.training import Effort, Fitted, fit
from protogov.agents.zoo.entries import FORMAT, MANIFEST, VERSION
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios.natural import CRISIS_SHARE
from protogov.experiments.core.files import write_json
from protogov.experiments.core.statistics import Floats, interval_columns, student_t
from protogov.experiments.core.versions import commit, now
from protogov.experiments.studies.pricing.plan import (
    FIRST_LEARNING,
    STRIDE,
    TRAINING,
    UNSEEN,
    recording,
    shares,
)

FIRST_CHOOSING = FIRST_LEARNING + 2**42  # first tape on which a pricer of the zoo is scored; no study plays these


def make_pricer(
    name: str,
    about: str,
    command: str,
    place: Path,
    *,
    inputs: InputSet,
    seed: int,
    learn: int,
    tapes: int,
    epochs: int,
) -> None:
    """Train a compact pricer, score it and write its entry into the folder `place`.

    Crises are as much of what it learns as they are of `natural`.
    """
    config = record_world(WorldConfig())
    spot: Spot = "pool" if inputs == "chain" else "oracle"
    print(f"recording {len(TRAINING)} markets, {learn} tapes each", flush=True)
    played = [recording(config, market, learn, training=True) for market in TRAINING]
    print("fitting", flush=True)
    parts, effort = shares(TRAINING, CRISIS_SHARE), Effort(epochs=epochs)
    fitted = fit(name, make_shape("compact", inputs), played, spot=spot, seed=seed, effort=effort, shares=parts)
    print(f"scoring on {len(UNSEEN)} markets, {tapes} tapes each", flush=True)
    scores = {market: over_implied(config, market, fitted, spot, tapes) for market in UNSEEN}
    place.mkdir(parents=True)
    fitted.file.save(place)
    hours = sum(one.log_close.shape[0] for one in played) * config.episode_hours
    write_json(
        place / MANIFEST,
        {
            "format": FORMAT, "version": VERSION, "name": name, "kind": "pricer", "about": about, "command": command,
            "made": now(), "commit": commit(), "scenario": "+".join(TRAINING), "market_hours": hours, "seeds": [seed],
            "rows": fitted.rows, "epochs": len(fitted.learned), "world": config.to_dict(),
            "validation": {
                "what": "CRPS over that of implied vol as it stands, less 1 [%], on the same tapes, with its 95% "
                "interval over tapes; below 0 is better",
                "tapes": tapes, "first_tape": FIRST_CHOOSING, "by_scenario": scores,
            },
        },
    )  # fmt: skip


def over_implied(config: WorldConfig, market: str, fitted: Fitted, spot: Spot, tapes: int) -> dict[str, Any]:
    """Mean CRPS of a pricer over that of implied vol on a market, less 1 [%], with its 95% interval over tapes."""
    one = record(config, market, FIRST_CHOOSING, tapes, training=False)
    own, other = (crps_by_tape(one, pricer, spot) for pricer in (LearnedPricer(fitted.file), ImpliedPricer()))
    return interval_columns("mean", student_t(100.0 * (own - other) / other.mean()))


def crps_by_tape(one: Recording, pricer: Pricer, spot: Spot) -> Floats:
    """Mean CRPS of each tape, F64[n], over every STRIDE-th decision and all expiries whose outcome is known."""
    total, count = np.zeros(len(one.keys)), np.zeros(len(one.keys))
    for decision, reading in enumerate(one.readings[:-1:STRIDE]):
        outcome, known = one.outcomes(decision * STRIDE, spot)
        tape = np.repeat(np.arange(len(one.keys)), reading.hours.shape[1])[known]
        crps = pricer.laws(reading).rows(known).crps(outcome[known])
        total += np.bincount(tape, crps, len(total))
        count += np.bincount(tape, minlength=len(count))
    return np.asarray(total / np.maximum(count, 1.0))
