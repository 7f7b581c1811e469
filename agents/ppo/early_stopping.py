"""Early stopping: policies are scored on other tapes than they learn from, and the best are kept.

A run that no longer gains ends. validation.csv has one row per score. The best policies are in `best/` of every
checkpoint, beside the last ones. The state of the rule is also part of the checkpoint, so that a resumed run stops
where the uninterrupted run stops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import KVWriter, Logger

from protogov.agents.policies.policy import Policy, load_policy_file
from protogov.agents.policies.policy_governor import PolicyGovernor
from protogov.agents.ppo.checkpoint import BEST
from protogov.agents.ppo.report import MetricsFile

CURVE = "validation.csv"  # in a run's folder, beside metrics.csv


@dataclass(frozen=True)
class Score:
    """The score of some policies.

    Attributes:
        gain: is maximised; in the unit of the score, such as bp of K0 per episode.
        low, high: ends of its interval.
        more: further columns of the curve.
    """

    gain: float
    low: float
    high: float
    more: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Validation:
    """How a run is validated.

    Attributes:
        score: of the deterministic policies of all agents; it must give the same numbers for the same policies.
        every: rollouts from one score to the next, at least 1. The first and the last policies of a run are scored too.
        patience: the run stops after so many scores in a row that are not above the best one; 0 never stops it.

    Raises:
        ValueError: `every` or `patience` is out of range.
    """

    score: Callable[[Mapping[str, PolicyGovernor]], Score]
    every: int
    patience: int = 0

    def __post_init__(self) -> None:
        for name, least in (("every", 1), ("patience", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; accepted: a whole number of at least {least}")


class EarlyStopping:
    """The rule, the best policies so far, and the curve.

    Attributes:
        best_gain, best_rollout: of the best policies; None before the first score.
        waited: scores since then.
    """

    def __init__(self, validation: Validation) -> None:
        self._validation = validation
        self.best_gain: float | None = None
        self.best_rollout: int | None = None
        self.waited = 0
        self._best: Sequence[Policy] = ()
        self._file: MetricsFile | None = None
        self._log = Logger(None, [])

    @property
    def stopped(self) -> bool:
        """Whether the run is over."""
        return 0 < self._validation.patience <= self.waited

    def is_due(self, rollout: int, total_rollouts: int) -> bool:
        """Whether policies are scored after that rollout."""
        return rollout == total_rollouts or rollout % self._validation.every == 0

    def open(self, folder: Path, keep_rollouts: int, writers: list[KVWriter]) -> None:
        """Write the curve to a run's folder from now on, and delete its rows after `keep_rollouts`."""
        self._file = MetricsFile(folder / CURVE, keep_rollouts)
        self._log = Logger(None, writers)

    def look(self, policies: Sequence[Policy], rollout: int, steps: int, market_hours: float) -> Score:
        """Score a run's present policies, keep them if they are the best, and append the score to the curve."""
        score = self._validation.score({policy.agent: PolicyGovernor(policy) for policy in policies})
        if self.best_gain is None or score.gain > self.best_gain:
            self.best_gain, self.best_rollout, self.waited = score.gain, rollout, 0
            self._best = policies
        else:
            self.waited += 1
        found = {"gain": score.gain, "low": score.low, "high": score.high, "best": self.best_gain, **score.more}
        for name, value in found.items():
            self._log.record(f"validation/{name}", value)
        self._log.dump(steps)
        if self._file is not None:
            at = {"rollout": rollout, "steps": steps, "market_hours": market_hours}
            self._file.append({**at, **found, "waited": self.waited})
        return score

    def state(self) -> dict[str, Any]:
        """The entry of a checkpoint's manifest, JSON-able."""
        every, patience = self._validation.every, self._validation.patience
        own = {"best_gain": self.best_gain, "best_rollout": self.best_rollout, "waited": self.waited}
        return {"every": every, "patience": patience, **own}

    def save(self, checkpoint: Path) -> None:
        """Write the best policies into a checkpoint."""
        if self._best:
            (checkpoint / BEST).mkdir()
            for policy in self._best:
                policy.save(checkpoint / BEST)

    def load(self, state: Mapping[str, Any], checkpoint: Path) -> None:
        """Continue from a checkpoint.

        Raises:
            KeyError, ValueError: it is of another rule, or its policies cannot be read.
        """
        for name in ("every", "patience"):
            if state[name] != getattr(self._validation, name):
                raise ValueError(f"{name} is {getattr(self._validation, name)}, and the checkpoint's is {state[name]}")
        self.best_gain, self.best_rollout, self.waited = (
            state[name] for name in ("best_gain", "best_rollout", "waited")
        )
        files = sorted((checkpoint / BEST).glob("policy_*.json"))
        self._best = [load_policy_file(path) for path in files]
