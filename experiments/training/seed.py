"""Training of one seed, in any process: it reports its progress, and stops cleanly on request."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from protogov.envs.simulator import Simulator
from protogov.experiments.errors import BadInput, CheckFailed, as_bad_input
from protogov.experiments.training.run_config import SEED_STRIDE, RunConfig, evaluation_world, training_scenario
from protogov.experiments.training.validation import validation_of


@dataclass(frozen=True)
class SeedJob:
    """One seed to train.

    Attributes:
        run: the whole run.
        seed: this seed.
        folder: folder for its metrics and checkpoints.
        resume: continue from the latest checkpoint there, if there is one.
        tensorboard: also write TensorBoard's files.
        deadline: stop after the rollout that ends after this time (seconds of `time.time()`); None: never.
    """

    run: RunConfig
    seed: int
    folder: Path
    resume: bool = False
    tensorboard: bool = False
    deadline: float | None = None


@dataclass(frozen=True)
class Progress:
    """A seed's report after a rollout."""

    seed: int
    rollout: int
    total_rollouts: int
    market_hours: float
    note: str


@dataclass(frozen=True)
class SeedResult:
    """The result of a seed.

    Attributes:
        seed: its number.
        rollout, total_rollouts: number of finished and of planned rollouts.
        market_hours: hours learned from so far.
        hours_per_second: market hours per second of this call; 0 if nothing was left to do.
        stopped: whether validation ended it before its budget.
        best_rollout: rollouts that the policies with the best validation had learned from; None without validation.
    """

    seed: int
    rollout: int
    total_rollouts: int
    market_hours: float
    hours_per_second: float
    stopped: bool = False
    best_rollout: int | None = None

    @property
    def finished(self) -> bool:
        """Whether the whole budget was used, or the part of it after which validation stopped the run."""
        return self.stopped or self.rollout >= self.total_rollouts


class _Stopped(Exception):
    """Leaves the trainer's loop between two rollouts."""


def make_world(run: RunConfig, seed: int) -> Simulator:
    """The batch of worlds in which one seed learns.

    Raises:
        BadInput: a governor in the world's background is missing or no longer fits.
    """
    scenario = training_scenario(run.scenario)
    with as_bad_input():
        return Simulator(run.world, run.num_worlds, scenario=scenario, seed=seed * SEED_STRIDE)


def rollouts_of(run_hours: float, num_worlds: int, decision_hours: int, num_steps: int) -> int:
    """Number of rollouts that hold at least `run_hours` market hours; at least one."""
    return max(1, -int(-run_hours // (num_worlds * decision_hours * num_steps)))


def train_seed(job: SeedJob, on_progress: Callable[[Progress], None], stop: Callable[[], bool]) -> SeedResult:
    """Train one seed, or continue it. A checkpoint is saved at the end, and when the training is stopped.

    Args:
        job: the seed to train.
        on_progress: called after every rollout.
        stop: called after every rollout; True ends the training there.

    Raises:
        BadInput: the checkpoint to resume from is damaged or of another run.
        CheckFailed: a governor's learning diverged.
    """
    from protogov.agents.ppo import RolloutReport, Trainer, latest_checkpoint  # imports torch
    from protogov.agents.ppo.curriculum import Curriculum

    run, world = job.run, make_world(job.run, job.seed)
    total = run.total_rollouts
    start = time.perf_counter()
    hours = 0.0

    def after(report: RolloutReport) -> None:
        nonlocal hours
        hours += report.metrics["hours_per_second"] * report.seconds
        on_progress(Progress(job.seed, report.rollout, total, report.market_hours, describe(report.metrics)))
        late = job.deadline is not None and time.time() > job.deadline
        if report.rollout < total and (late or stop()):
            raise _Stopped

    validation = validation_of(evaluation_world(run.world), run.validation)
    with as_bad_input():
        curriculum = Curriculum(run.stages()) if run.curriculum else None
    checkpoint = latest_checkpoint(job.folder / "checkpoints") if job.resume else None
    if checkpoint is None:
        with as_bad_input():
            trainer = Trainer(
                world, run.settings, total_rollouts=total, seed=job.seed, folder=job.folder,
                tensorboard=job.tensorboard, callback=after, validation=validation, curriculum=curriculum,
            )  # fmt: skip
    else:
        with as_bad_input():
            trainer = Trainer.resume(
                checkpoint, world, folder=job.folder, tensorboard=job.tensorboard, callback=after,
                validation=validation, curriculum=curriculum,
            )  # fmt: skip
        if trainer.total_rollouts != total or trainer.settings != run.settings or trainer.seed != job.seed:
            raise BadInput(f"{checkpoint}: is a checkpoint of another run than {job.folder}/config.json describes")
        on_progress(Progress(job.seed, trainer.rollout, total, trainer.market_hours, "resumed"))
    try:
        if trainer.rollout < total and not trainer.stopped:
            with _diverging_fails(job.seed):
                trainer.run()
    except _Stopped:
        trainer.save_checkpoint()
    rate = hours / (time.perf_counter() - start)
    found = (trainer.stopped, trainer.best_rollout)
    return SeedResult(job.seed, trainer.rollout, total, trainer.market_hours, rate, *found)


@contextmanager
def _diverging_fails(seed: int) -> Iterator[None]:
    """Turn divergence into an error of one sentence."""
    from protogov.agents.ppo import DivergedError

    try:
        yield
    except DivergedError as error:
        raise CheckFailed(f"seed {seed}: {error}; start another run with a smaller --ppo.learning-rate") from error


def describe(metrics: dict[str, float]) -> str:
    """Each governor's reward minus its twin's, in a few characters."""
    ending = "/over_twin"
    parts = [f"{name.removesuffix(ending)} {value:+.2f}" for name, value in metrics.items() if name.endswith(ending)]
    return ", ".join(parts)


def measure_speed(run: RunConfig) -> float:
    """Market hours per second of training on this machine now: the better of two short rollouts after a first one."""
    from protogov.agents.ppo import RolloutReport, Trainer

    rates: list[float] = []

    def note(report: RolloutReport) -> None:
        rates.append(report.metrics["hours_per_second"])

    short = replace(run.settings, num_steps=_short_rollout(run))
    with _diverging_fails(0):
        Trainer(make_world(run, 0), short, total_rollouts=3, callback=note).run()
    return max(rates[1:])


def _short_rollout(run: RunConfig) -> int:
    """Number of decisions, at least a quarter of the run's rollout, that makes whole minibatches."""
    whole, batch = run.settings.num_steps, run.settings.batch_size
    fitting = (steps for steps in range(max(1, whole // 4), whole) if steps * run.num_worlds % batch == 0)
    return next(fitting, whole)


def progress_of(checkpoint: Path) -> tuple[int, int, float]:
    """(finished rollouts, planned rollouts, market hours) of a checkpoint, from its manifest.

    Raises:
        BadInput: the manifest cannot be read.
    """
    path = checkpoint / "manifest.json"
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return int(about["rollout"]), int(about["total_rollouts"]), float(about["market_hours"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: is not the manifest of a checkpoint ({error})") from None
