"""Training: rollouts that all learners share, one update each, logs, and checkpoints from which a run can resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.logger import KVWriter, Logger
from tqdm import tqdm

from protogov.agents.policies.policy import load_policy_file
from protogov.agents.policies.policy_governor import PolicyGovernor
from protogov.agents.ppo import checkpoint as checkpoints
from protogov.agents.ppo.checkpoint import CheckpointError
from protogov.agents.ppo.export import export_policy
from protogov.agents.ppo.learner import Learner, NotFiniteError, learner_seed
from protogov.agents.ppo.report import MetricsFile, RolloutReport
from protogov.agents.ppo.rollout import JointRollout
from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.ppo.start import DEFAULTS, Start, find_start, front_of, make_execution
from protogov.agents.ppo.tensorboard_files import TensorBoardFile, drop_events_after
from protogov.agents.ppo.world import TrainingWorld, decision_hours
from protogov.envs.scenarios import Scenario, check_trainable

TENSORBOARD = "tensorboard"  # subfolder of a run's folder
_LOSSES = {
    "train/std": "std",
    "train/policy_gradient_loss": "loss/policy",
    "train/value_loss": "loss/value",
    "train/entropy_loss": "loss/entropy",
    "train/approx_kl": "approx_kl",
    "train/clip_fraction": "clip_fraction",
    "train/explained_variance": "explained_variance",
    "value_mean": "value_mean",
}


class DivergedError(ArithmeticError):
    """A governor's learning diverged. The message names the governor, the rollout and the learning rate."""


def rollouts_for(market_hours: float, world: TrainingWorld, settings: PPOSettings) -> int:
    """Number of rollouts that simulate at least `market_hours`; at least one."""
    hours = settings.num_steps * world.num_worlds * decision_hours(world)
    return max(1, math.ceil(market_hours / hours))


class Trainer:
    """Trains one governor for each agent of a world.

    Between two rollouts `save_checkpoint` stores everything, and `resume` continues from it bit for bit. Sets torch to
    one thread: its operations here are too small to divide, and runs are spread over processes instead.

    Args:
        world: a batch of worlds, usually a `Simulator`. The trainer resets it; nobody else should use it afterwards.
        settings: hyperparameters.
        total_rollouts: length of the run, over which the schedules fall; see `rollouts_for`.
        seed: of first weights and exploration. The world's episodes have their own seeds.
        folder: where metrics.csv, tensorboard/ and checkpoints/ are written; None writes nothing.
        tensorboard: whether to write TensorBoard's files, one folder per governor.
        progress: whether to show a progress bar.
        callback: called with each rollout's report, after everything is written.
        starts: where each governor starts; by default as `settings.start` says.

    Raises:
        ValueError: `total_rollouts` is below 1, the world's scenario is held out from training, or a setting does not
            fit a governor of this world.
    """

    def __init__(
        self,
        world: TrainingWorld,
        settings: PPOSettings | None = None,
        *,
        total_rollouts: int,
        seed: int = 0,
        folder: Path | None = None,
        tensorboard: bool = False,
        progress: bool = False,
        callback: Callable[[RolloutReport], None] | None = None,
        starts: Mapping[str, Start] | None = None,
    ) -> None:
        if total_rollouts < 1:
            raise ValueError(f"total_rollouts is {total_rollouts}; accepted: a whole number of at least 1")
        scenario = getattr(world, "scenario", None)  # an analytic world has none
        if isinstance(scenario, Scenario):
            check_trainable(scenario)
        torch.set_num_threads(1)
        self.world = world
        self.settings = settings or PPOSettings()
        self.total_rollouts = total_rollouts
        self.seed = seed
        self.rollout = 0
        self.folder = None if folder is None else Path(folder)
        self.learners = self._make_learners(starts or {})
        self._joint = JointRollout(
            world,
            twin=self.settings.twin,
            central=self.settings.critic == "central",
            window=self.learners[0].front.window,
        )
        self._tensorboard = tensorboard and self.folder is not None
        self._progress = progress
        self._callback = callback
        self._file: MetricsFile | None = None
        self._world_log = Logger(None, [])

    def _make_learners(self, starts: Mapping[str, Start]) -> list[Learner]:
        world, settings = self.world, self.settings
        beyond_own = world.state_size if settings.critic == "central" else 0
        fronts = {agent: front_of(settings, world, agent) for agent in world.agents}
        found = {agent: starts.get(agent) or find_start(settings, world, agent) for agent in world.agents}
        return [
            Learner(
                agent,
                settings,
                seed=learner_seed(self.seed, index),
                num_worlds=world.num_worlds,
                front=fronts[agent],
                observation_size=world.observation_size(agent) * fronts[agent].window + beyond_own,
                action_size=world.action_size(agent),
                decision_hours=decision_hours(world),
                execution=make_execution(settings, world, agent, found[agent]),
                start=found[agent],
            )
            for index, agent in enumerate(world.agents)
        ]

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the governors."""
        return tuple(self.world.agents)

    @property
    def num_steps(self) -> int:
        """Decisions of all worlds so far."""
        return self.rollout * self.settings.num_steps * self.world.num_worlds

    @property
    def market_hours(self) -> float:
        """Market hours learned from so far, twins not counted."""
        return self.num_steps * decision_hours(self.world)

    def run(self, stop_after: int | None = None) -> None:
        """Train to the end of the run, or for `stop_after` rollouts; then save a checkpoint if there is a folder.

        Args:
            stop_after: number of rollouts; by default all that are left.

        Raises:
            DivergedError: a learner's numbers are no longer finite. Nothing of that rollout is written.
            OSError: for example, the disk is full. Checkpoints that were written before stay complete.
        """
        last = self.total_rollouts
        if stop_after is not None:
            last = min(last, self.rollout + stop_after)
        self._open_logs()
        saved = self.rollout if self.rollout else -1
        with tqdm(total=last, initial=self.rollout, unit="rollout", disable=not self._progress) as bar:
            while self.rollout < last:
                report = self._learn()
                every = self.settings.checkpoint_every
                if self.folder is not None and every and self.rollout % every == 0:
                    self.save_checkpoint()
                    saved = self.rollout
                bar.set_postfix(self._summary(report), refresh=False)
                bar.update()
                if self._callback is not None:
                    self._callback(report)
        if self.folder is not None and saved != self.rollout:
            self.save_checkpoint()

    def _learn(self) -> RolloutReport:
        """One rollout, one update per learner, one line in the logs."""
        start = time.perf_counter()
        number = self.rollout + 1
        remaining = 1.0 - float(number) / float(self.total_rollouts)
        rate = self.learners[0].model.lr_schedule(remaining)
        try:
            self._joint.collect(self.learners, self.settings.num_steps)
            self.rollout = number
            losses = {learner.agent: learner.update(remaining, self.num_steps) for learner in self.learners}
        except NotFiniteError as error:
            raise DivergedError(
                f"{error.agent} diverged in rollout {number} at learning rate {rate:g}: its {error.what} are no longer "
                "finite numbers"
            ) from error
        means = self._joint.meter.metrics()
        seconds = time.perf_counter() - start
        hours = self.market_hours - (self.market_hours / self.rollout) * (self.rollout - 1)
        metrics: dict[str, float] = {
            "rollout": self.rollout,
            "steps": self.num_steps,
            "market_hours": self.market_hours,
            "seconds": seconds,
            "hours_per_second": hours / seconds,
            "learning_rate": rate,
        }
        for learner in self.learners:
            own = means[learner.agent] | {
                name: losses[learner.agent].get(key, math.nan) for key, name in _LOSSES.items()
            }
            metrics |= {f"{learner.agent}/{name}": value for name, value in own.items()}
        metrics |= means[""]
        for learner in self.learners:
            more = {"value_mean": losses[learner.agent]["value_mean"]}
            learner.flush_log(means[learner.agent] | more, self.num_steps)
        for name in ("hours_per_second", *means[""]):
            self._world_log.record(name, metrics[name])
        self._world_log.dump(self.num_steps)
        if self._file is not None:
            self._file.append(metrics)
        return RolloutReport(
            self.rollout, self.num_steps, self.market_hours, seconds, metrics, self._joint.meter.episodes()
        )

    def _summary(self, report: RolloutReport) -> dict[str, str]:
        """Text of the progress bar: each governor's mean reward, minus the twin's if there is one."""
        rewards = {agent: f"{report.metrics[f'{agent}/over_twin']:+.4f}" for agent in self.agents}
        return rewards | {"h/s": f"{report.metrics['hours_per_second']:,.0f}"}

    def _open_logs(self) -> None:
        if self.folder is None or self._file is not None:
            return
        self._file = MetricsFile(self.folder / "metrics.csv", keep_rollouts=self.rollout)
        if (self.folder / TENSORBOARD).is_dir():
            drop_events_after(self.folder / TENSORBOARD, self.num_steps)
        if self._tensorboard:
            for learner in self.learners:
                learner.log_to(self._writers(learner.agent))
            self._world_log = Logger(None, self._writers("world"))

    def _writers(self, name: str) -> list[KVWriter]:
        assert self.folder is not None
        return [TensorBoardFile(self.folder / TENSORBOARD / name)]

    def governor(self, agent: str) -> PolicyGovernor:
        """The present policy of an agent, deterministic."""
        return PolicyGovernor(export_policy(self._learner(agent), self.world))

    def save_policies(self, folder: Path) -> list[Path]:
        """Write policy_<agent>.json and policy_<agent>.safetensors of every agent; returns the paths."""
        folder.mkdir(parents=True, exist_ok=True)
        return [path for learner in self.learners for path in export_policy(learner, self.world).save(folder)]

    def _learner(self, agent: str) -> Learner:
        for learner in self.learners:
            if learner.agent == agent:
                return learner
        raise ValueError(f"agent is {agent!r}; accepted: {', '.join(self.agents)}")

    def save_checkpoint(self) -> Path:
        """Write checkpoints/<steps> into the run's folder, and delete the oldest ones beyond `keep_checkpoints`.

        Raises:
            ValueError: the trainer has no folder.
        """
        if self.folder is None:
            raise ValueError("folder is None; accepted: a folder, given to the trainer, to write checkpoints into")
        place = self.folder / "checkpoints"
        path = checkpoints.write_checkpoint(place, self.num_steps, self._about(), self._fill)
        checkpoints.prune(place, self.settings.keep_checkpoints)
        return path

    def _about(self) -> dict[str, Any]:
        return {
            "rollout": self.rollout,
            "total_rollouts": self.total_rollouts,
            "steps": self.num_steps,
            "market_hours": self.market_hours,
            "seed": self.seed,
            "settings": asdict(self.settings),
            "world": self._world_facts(),
        }

    def _world_facts(self) -> dict[str, Any]:
        """Facts in which a world must agree with the checkpoint's, beyond what its own snapshot checks."""
        sizes = {agent: [self.world.observation_size(agent), self.world.action_size(agent)] for agent in self.agents}
        return {"num_worlds": self.world.num_worlds, "decision_hours": decision_hours(self.world), "sizes": sizes}

    def _fill(self, folder: Path) -> None:
        np.savez(folder / "world.npz", **self._joint.arrays())  # type: ignore[arg-type]
        generators: dict[str, Any] = {}
        for learner in self.learners:
            generators |= {f"{learner.agent}/{name}": array for name, array in learner.arrays().items()}
        np.savez(folder / "rng.npz", **generators)
        for learner in self.learners:
            learner.save(folder / f"learner_{learner.agent}.zip")
        self.save_policies(folder)

    @classmethod
    def resume(
        cls,
        checkpoint: Path,
        world: TrainingWorld,
        *,
        folder: Path | None = None,
        tensorboard: bool = False,
        progress: bool = False,
        callback: Callable[[RolloutReport], None] | None = None,
    ) -> Trainer:
        """Continue from a checkpoint, bit for bit. Unpickles the learners' archives: trusted folders only.

        Args:
            checkpoint: a folder that `save_checkpoint` wrote; `latest_checkpoint` finds one.
            world: made in the same way as the checkpoint's world.
            folder: the run's folder; its metrics.csv and TensorBoard's files are cut to the checkpoint.
            tensorboard: as for a new trainer.
            progress: as for a new trainer.
            callback: as for a new trainer.

        Raises:
            CheckpointError: the checkpoint is damaged, in another format, or of another world.
        """
        checkpoint = Path(checkpoint)
        about = checkpoints.read_manifest(checkpoint)
        manifest = checkpoint / checkpoints.MANIFEST
        try:
            settings = PPOSettings(**about["settings"])
            starts = {}
            if settings.start != DEFAULTS:  # that file may have changed; the checkpoint has a copy
                for agent in world.agents:
                    starts[agent] = Start(load_policy_file(checkpoint / f"policy_{agent}.json").incumbent)
            trainer = cls(
                world,
                settings,
                total_rollouts=about["total_rollouts"],
                seed=about["seed"],
                folder=folder,
                tensorboard=tensorboard,
                progress=progress,
                callback=callback,
                starts=starts,
            )
            theirs, rollout = about["world"], int(about["rollout"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{manifest}: does not describe a run ({error})") from error
        if theirs != trainer._world_facts():
            raise CheckpointError(f"{manifest}: is of a world {theirs}; the one given is {trainer._world_facts()}")
        trainer._load(checkpoint)
        trainer.rollout = rollout
        return trainer

    def _load(self, checkpoint: Path) -> None:
        path = checkpoint / "world.npz"
        try:
            self._joint.load_arrays(checkpoints.read_arrays(path))
            path = checkpoint / "rng.npz"
            states = checkpoints.read_arrays(path)
            for learner in self.learners:
                names = [name for name in states if name.startswith(f"{learner.agent}/")]
                learner.load_arrays({name.partition("/")[2]: states[name] for name in names})
                path = checkpoint / f"learner_{learner.agent}.zip"
                learner.load(path)
        except CheckpointError:
            raise
        except Exception as error:  # an archive in another format can raise any exception
            raise CheckpointError(f"{path}: does not fit this run ({error})") from error
