"""The logs of a run after each rollout: a row of metrics.csv, and TensorBoard's curves in one folder per governor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from stable_baselines3.common.logger import KVWriter, Logger

from protogov.agents.ppo.learner import Learner
from protogov.agents.ppo.report import MetricsFile
from protogov.agents.ppo.tensorboard_files import TensorBoardFile, drop_events_after

WORLD = "world"  # TensorBoard's folder of metrics that belong to no governor


class RunLogs:
    """Writes nothing until it is opened.

    Args:
        learners: of the run.
        tensorboard: folder of TensorBoard's files in the run's; None where there are none.
        writes: whether to write TensorBoard's files; older ones are cut to the checkpoint in any case.
    """

    def __init__(self, learners: Sequence[Learner], tensorboard: Path | None, *, writes: bool) -> None:
        self._learners, self._board, self._writes = learners, tensorboard, writes
        self._file: MetricsFile | None = None
        self._world = Logger(None, [])
        self._others: dict[str, Logger] = {}  # of governors that share the learner of another

    @property
    def is_open(self) -> bool:
        """Whether `open` was called."""
        return self._file is not None

    def open(self, metrics: Path, rollout: int, steps: int) -> None:
        """Write from now on; delete what was written after so many rollouts and decisions."""
        self._file = MetricsFile(metrics, keep_rollouts=rollout)
        if self._board is not None and self._board.is_dir():
            drop_events_after(self._board, steps)
        for learner in self._learners if self._writes else ():
            learner.log_to(self.writers(learner.agent))
            self._others |= {agent: Logger(None, self.writers(agent)) for agent in learner.agents[1:]}
        self._world = Logger(None, self.writers(WORLD))

    def writers(self, name: str) -> list[KVWriter]:
        """Writers to one of TensorBoard's folders; an empty list if TensorBoard's files are not written."""
        return [TensorBoardFile(self._board / name)] if self._writes and self._board is not None else []

    def write(
        self,
        metrics: dict[str, float],
        means: Mapping[str, Mapping[str, float]],
        losses: Mapping[str, Mapping[str, float]],
        steps: int,
    ) -> None:
        """Write the numbers of a rollout.

        Args:
            metrics: the row of metrics.csv.
            means: by agent; under "" those that belong to none.
            losses: of each learner, by its first agent.
            steps: decisions so far.
        """
        for learner in self._learners:
            more = {"value_mean": losses[learner.agent]["value_mean"]}
            learner.flush_log({**means[learner.agent], **more}, steps)
        for log, numbers in [
            *((log, means[agent]) for agent, log in self._others.items()),
            (self._world, {name: metrics[name] for name in ("hours_per_second", *means[""])}),
        ]:
            for name, value in numbers.items():
                log.record(name, value)
            log.dump(steps)
        if self._file is not None:
            self._file.append(metrics)
