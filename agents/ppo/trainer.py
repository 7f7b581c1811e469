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
from tqdm import tqdm

from protogov.agents.policies.policy import Policy, load_policy_file
from protogov.agents.policies.policy_governor import PolicyGovernor
from protogov.agents.ppo import checkpoint as checkpoints
from protogov.agents.ppo.checkpoint import CheckpointError
from protogov.agents.ppo.curriculum import Curriculum
from protogov.agents.ppo.early_stopping import EarlyStopping, Validation
from protogov.agents.ppo.export import export_policy
from protogov.agents.ppo.learner import Learner, NotFiniteError, learner_seed
from protogov.agents.ppo.report import RolloutReport
from protogov.agents.ppo.rollout import JointRollout
from protogov.agents.ppo.run_logs import RunLogs
from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.ppo.sharing import groups_of
from protogov.agents.ppo.sights import critic_size
from protogov.agents.ppo.start import DEFAULTS, Start, common_start, find_start, front_of, make_execution
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
    "train/twin_share": "twin_share",
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
        starts: where each governor starts; by default as in `settings.start`.
        validation: scores policies at intervals, keeps the best and may end the run; see `early_stopping`.
        curriculum: scenarios that follow one another instead of the world's own.

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
        validation: Validation | None = None,
        curriculum: Curriculum | None = None,
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
        self._curriculum = curriculum
        if curriculum is not None:
            curriculum.set_scenario([world], 1, total_rollouts)
        self._stopping = None if validation is None else EarlyStopping(validation)
        self._joint = JointRollout(
            world,
            twin=self.settings.twin,
            bootstrap=self.settings.bootstrap != "none",
            central=self.settings.critic == "central",
            clock=self.settings.critic_sees_time,
            window=self.learners[0].front.window,
        )
        board = None if self.folder is None else self.folder / TENSORBOARD
        self._logs = RunLogs(self.learners, board, writes=tensorboard)
        self._progress = progress
        self._callback = callback

    def _make_learners(self, starts: Mapping[str, Start]) -> list[Learner]:
        world, settings = self.world, self.settings
        beyond_own = critic_size(settings, world)
        fronts = {agent: front_of(settings, world, agent) for agent in world.agents}
        found = {agent: starts.get(agent) or find_start(settings, world, agent) for agent in world.agents}
        groups = groups_of(settings, world)
        shared = [common_start(group, found) for group in groups]
        return [
            Learner(
                agent,
                settings,
                seed=learner_seed(self.seed, world.agents.index(agent)),
                num_worlds=world.num_worlds,
                front=fronts[agent],
                observation_size=world.observation_size(agent) * fronts[agent].window + beyond_own,
                action_size=world.action_size(agent),
                decision_hours=decision_hours(world),
                execution=make_execution(settings, world, agent, start),
                start=start,
                others=tuple(others),
            )
            for (agent, *others), start in zip(groups, shared, strict=True)
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

    @property
    def stopped(self) -> bool:
        """Whether validation has ended the run."""
        return self._stopping is not None and self._stopping.stopped

    @property
    def best_rollout(self) -> int | None:
        """Rollouts that the best policies of the validation had learned from; None without one."""
        return None if self._stopping is None else self._stopping.best_rollout

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
        if self._stopping is not None and self._stopping.best_gain is None:
            self._validate(self._stopping)
        with tqdm(total=last, initial=self.rollout, unit="rollout", disable=not self._progress) as bar:
            while self.rollout < last and not self.stopped:
                report = self._learn()
                if self._stopping is not None and self._stopping.is_due(self.rollout, self.total_rollouts):
                    self._validate(self._stopping)
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

    def _validate(self, stopping: EarlyStopping) -> None:
        stopping.look(self.policies(), self.rollout, self.num_steps, self.market_hours)

    def _set_stage(self, rollout: int) -> None:
        """Set the scenario of episodes that begin in that rollout, in the world and its twin."""
        if self._curriculum is not None:
            twin = [] if self._joint.twin is None else [self._joint.twin.world]
            self._curriculum.set_scenario([self.world, *twin], rollout, self.total_rollouts)

    def collect(self) -> None:
        """Play one rollout into the learners' buffers, as `run` does before each update; nothing is learned from it."""
        self._joint.collect(self.learners, self.settings.num_steps)

    def _learn(self) -> RolloutReport:
        """One rollout, one update per learner, one line in the logs."""
        start = time.perf_counter()
        number = self.rollout + 1
        remaining = 1.0 - float(number) / float(self.total_rollouts)
        rate = self.learners[0].model.lr_schedule(remaining)
        self._set_stage(number)
        try:
            self.collect()
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
        for agent in self.agents:
            logged = losses[self._learner(agent).agent]
            own = means[agent] | {name: logged.get(key, math.nan) for key, name in _LOSSES.items()}
            metrics |= {f"{agent}/{name}": value for name, value in own.items()}
        metrics |= means[""]
        self._logs.write(metrics, means, losses, self.num_steps)
        return RolloutReport(
            self.rollout, self.num_steps, self.market_hours, seconds, metrics, self._joint.meter.episodes()
        )

    def _summary(self, report: RolloutReport) -> dict[str, str]:
        """Text of the progress bar: each governor's mean reward, less the twin's if there is one."""
        rewards = {agent: f"{report.metrics[f'{agent}/over_twin']:+.4f}" for agent in self.agents}
        return rewards | {"h/s": f"{report.metrics['hours_per_second']:,.0f}"}

    def _open_logs(self) -> None:
        if self.folder is None or self._logs.is_open:
            return
        self._logs.open(self.folder / "metrics.csv", self.rollout, self.num_steps)
        if self._stopping is not None:
            self._stopping.open(self.folder, self.rollout, self._logs.writers("validation"))

    def governor(self, agent: str) -> PolicyGovernor:
        """The present policy of an agent, deterministic."""
        return PolicyGovernor(export_policy(self._learner(agent), self.world, agent))

    def save_policies(self, folder: Path) -> list[Path]:
        """Write policy_<agent>.json and policy_<agent>.safetensors of every agent; returns the paths."""
        folder.mkdir(parents=True, exist_ok=True)
        return [path for policy in self.policies() for path in policy.save(folder)]

    def policies(self) -> list[Policy]:
        """The present policies of all agents; copies, which further training does not change."""
        return [export_policy(self._learner(agent), self.world, agent) for agent in self.agents]

    def _learner(self, agent: str) -> Learner:
        for learner in self.learners:
            if agent in learner.agents:
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
        validation = {} if self._stopping is None else {"validation": self._stopping.state()}
        return {
            "rollout": self.rollout,
            "total_rollouts": self.total_rollouts,
            "steps": self.num_steps,
            "market_hours": self.market_hours,
            "seed": self.seed,
            "settings": asdict(self.settings),
            "world": self._world_facts(),
            **validation,
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
        if self._stopping is not None:
            self._stopping.save(folder)

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
        validation: Validation | None = None,
        curriculum: Curriculum | None = None,
    ) -> Trainer:
        """Continue from a checkpoint, bit for bit. Unpickles the learners' archives: trusted folders only.

        Args:
            checkpoint: a folder that `save_checkpoint` wrote; `latest_checkpoint` finds one.
            world: made in the same way as the checkpoint's world.
            folder: the run's folder; its metrics.csv and TensorBoard's files are cut to the checkpoint.
            tensorboard: as for a new trainer.
            progress: as for a new trainer.
            callback: as for a new trainer.
            validation: that of the run.
            curriculum: that of the run.

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
                validation=validation,
                curriculum=curriculum,
            )
            theirs, rollout = about["world"], int(about["rollout"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{manifest}: does not describe a run ({error})") from error
        if theirs != trainer._world_facts():
            raise CheckpointError(f"{manifest}: is of a world {theirs}; the one given is {trainer._world_facts()}")
        trainer.rollout = rollout
        trainer._load(checkpoint, about.get("validation"))
        return trainer

    def _load(self, checkpoint: Path, validated: Mapping[str, Any] | None) -> None:
        path = checkpoint / checkpoints.MANIFEST
        if (validated is None) != (self._stopping is None):
            whose = ("one", "a run without") if validated is None else ("none", "a run with")
            raise CheckpointError(f"{path}: is of {whose[1]} validation; the trainer has {whose[0]}")
        try:
            if self._stopping is not None and validated is not None and self.rollout:
                self._stopping.load(validated, checkpoint)
            path = checkpoint / "world.npz"
            self._set_stage(max(self.rollout, 1))  # a snapshot knows the scenario that it was made under
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
