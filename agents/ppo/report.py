"""The result of one rollout: the numbers that are logged, and the episodes that ended in it."""

from __future__ import annotations

import csv
import io
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.files import naming
from protogov.agents.ppo.world import StepResult, TrainingWorld, lever_names, term_names
from protogov.envs.world.welfare import WELFARE_PARTS


@dataclass(frozen=True)
class RolloutReport:
    """One rollout and the update after it.

    Attributes:
        rollout: its number, from 1.
        steps: decisions of all worlds since the start of the run.
        market_hours: hours simulated since the start of the run, without twins.
        seconds: time of this rollout, including the update.
        metrics: the row of metrics.csv by column; NaN if there is no value.
        episodes: episodes that ended in this rollout, one row each: "world", "length" (decisions), "return/<agent>"
            and "welfare/<venue>" (bp of K0).
    """

    rollout: int
    steps: int
    market_hours: float
    seconds: float
    metrics: dict[str, float]
    episodes: dict[str, NDArray[Any]]


WELFARE = "welfare"


def welfare_names(count: int) -> tuple[str, ...]:
    """Column names of a step's welfare; "welfare" is their sum. Other worlds get numbered names."""
    if count == len(WELFARE_PARTS):
        return tuple(name.removeprefix("welfare_") for name in WELFARE_PARTS)
    return (*(f"part_{index}" for index in range(count - 1)), WELFARE)


class RolloutMeter:
    """Sums what happens in the worlds. Episodes continue across rollouts; means begin anew with each rollout."""

    def __init__(self, world: TrainingWorld) -> None:
        self._agents = world.agents
        self._world = world
        self._full_length = int(getattr(world, "horizon", 0))
        self._num_worlds = world.num_worlds
        self.running: dict[str, NDArray[np.float64]] = {
            f"return/{agent}": np.zeros(world.num_worlds) for agent in world.agents
        }
        self.length = np.zeros(world.num_worlds, np.int64)
        self.begin()

    def begin(self) -> None:
        """Start a rollout."""
        self._steps = 0
        self._sums: dict[str, Any] = {}
        self._ended: list[dict[str, NDArray[Any]]] = []

    def add(self, step: StepResult, over_twin: dict[str, NDArray[Any]]) -> None:
        """Count one step; `over_twin` holds the rewards less the twin's, F[n] per agent."""
        self._steps += 1
        self.length += 1
        for agent in self._agents:
            self._sum(f"{agent}/reward", step.rewards[agent].mean())
            self._sum(f"{agent}/over_twin", over_twin[agent].mean())
            self._sum(f"{agent}/term", step.terms[agent].mean(axis=0))
            self._sum(f"{agent}/lever", step.executed[agent].mean(axis=0))
            self.running[f"return/{agent}"] += step.rewards[agent]
        for name, parts in step.terms.items():
            if name.startswith("welfare_"):
                column = "welfare/" + name.removeprefix("welfare_")
                self._sum(column, parts.mean(axis=0))
                self.running.setdefault(column, np.zeros(self._num_worlds))
                self.running[column] += parts[:, welfare_names(parts.shape[1]).index(WELFARE)]
        if step.truncated.any():
            self._close(np.flatnonzero(step.truncated))

    def _sum(self, name: str, value: Any) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + value

    def _close(self, rows: NDArray[np.int64]) -> None:
        totals = {name: values[rows] for name, values in self.running.items()}
        self._ended.append({"world": rows, "length": self.length[rows], **totals})
        self.length[rows] = 0
        for values in self.running.values():
            values[rows] = 0.0

    def episodes(self) -> dict[str, NDArray[Any]]:
        """Episodes that ended since `begin`, one row each."""
        if not self._ended:
            empty = {name: np.empty(0) for name in self.running}
            return {"world": np.empty(0, np.int64), "length": np.empty(0, np.int64), **empty}
        return {name: np.concatenate([part[name] for part in self._ended]) for name in self._ended[0]}

    def metrics(self) -> dict[str, dict[str, float]]:
        """Means of the rollout, by agent and then by name; values that belong to no agent are under ""."""
        episodes = self.episodes()
        full = episodes["length"] >= self._full_length
        result: dict[str, dict[str, float]] = {}
        for agent in self._agents:
            returns = episodes[f"return/{agent}"][full]
            own = {"return": float(returns.mean()) if returns.size else math.nan}
            own["reward"] = float(self._sums[f"{agent}/reward"]) / self._steps
            own["over_twin"] = float(self._sums[f"{agent}/over_twin"]) / self._steps
            terms = self._sums[f"{agent}/term"] / self._steps
            levers = self._sums[f"{agent}/lever"] / self._steps
            own |= {
                f"term/{name}": float(x)
                for name, x in zip(term_names(self._world, agent, len(terms)), terms, strict=True)
            }
            own |= {f"lever/{name}": float(x) for name, x in zip(lever_names(self._world, agent), levers, strict=True)}
            result[agent] = own
        result[""] = {}
        for name in [name for name in self._sums if name.startswith("welfare/")]:
            means = self._sums[name] / self._steps
            parts = dict(zip(welfare_names(len(means)), means.tolist(), strict=True))
            result[""][name] = parts.pop(WELFARE)
            result[""] |= {f"{name}/{part}": mean for part, mean in parts.items()}
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Episodes that have not ended, for a checkpoint."""
        return {"length": self.length.copy(), **{name: values.copy() for name, values in self.running.items()}}

    def load_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Continue from `arrays`."""
        self.length = np.array(arrays["length"], np.int64)
        self.running = {name: np.array(values, np.float64) for name, values in arrays.items() if name != "length"}


class MetricsFile:
    """metrics.csv: one row per rollout. A resumed run removes the rows after its checkpoint.

    It also removes the part of a row that a full disk or a killed process left.
    """

    def __init__(self, path: Path, keep_rollouts: int) -> None:
        self._path = path
        self._columns: list[str] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        if keep_rollouts == 0 or not path.exists():
            path.write_text("", encoding="utf-8")
            return
        with path.open(newline="", encoding="utf-8") as file:
            text = file.read()
        reader = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline=""))
        self._columns = list(reader.fieldnames or [])
        rows = [row for row in reader if int(row["rollout"]) <= keep_rollouts]
        temporary = path.with_suffix(".tmp")
        with naming(path), temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(rows)
        os.replace(temporary, path)

    def append(self, metrics: dict[str, float]) -> None:
        """Write one row; the first row decides the columns."""
        header = not self._columns
        self._columns = self._columns or list(metrics)
        with naming(self._path), self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns, restval="", extrasaction="ignore")
            if header:
                writer.writeheader()
            writer.writerow({name: "" if math.isnan(value) else f"{value:.9g}" for name, value in metrics.items()})
