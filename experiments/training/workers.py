"""Seeds in parallel: one process per seed, a progress bar for each, and a Ctrl-C after which every seed can resume."""

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Any

from tqdm import tqdm

from protogov.envs.simulator import Simulator
from protogov.experiments.errors import CheckFailed, as_bad_input
from protogov.experiments.training.run_config import RunConfig
from protogov.experiments.training.seed import Progress, SeedJob, SeedResult, measure_speed, train_seed

# in a worker process: the queue for its reports, and the event on which it stops
_progress: Any = None
_stop: Event | None = None


def _start_worker(progress: Any, stop: Event) -> None:
    global _progress, _stop
    _progress, _stop = progress, stop
    # Ctrl-C reaches the whole process group; only the parent decides what to do
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _asked_to_stop() -> bool:
    parent = multiprocessing.parent_process()
    return (_stop is not None and _stop.is_set()) or (parent is not None and not parent.is_alive())


def _train_in_worker(job: SeedJob) -> SeedResult:
    return train_seed(job, _progress.put, _asked_to_stop)


class SeedProcesses:
    """A number of processes that train seeds. With one, everything runs in this process.

    Processes are spawned, not forked: torch and thread pools do not survive a fork. Use it as a context manager.

    Attributes:
        interrupted: whether Ctrl-C was pressed. Running seeds then stop after their rollout and save a checkpoint.
    """

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self.interrupted = False
        self._stop_here = threading.Event()
        self._pool: ProcessPoolExecutor | None = None
        if processes > 1:
            os.environ.setdefault("OMP_NUM_THREADS", "1")  # inherited: must be set before a worker imports numpy
            context = multiprocessing.get_context("spawn")
            self._progress = context.Queue()
            self._stop = context.Event()
            self._pool = ProcessPoolExecutor(
                processes, mp_context=context, initializer=_start_worker, initargs=(self._progress, self._stop)
            )

    def __enter__(self) -> "SeedProcesses":
        return self

    def __exit__(self, *details: object) -> None:
        if self._pool is not None:
            self._stop.set()
            self._pool.shutdown(cancel_futures=True)

    def measure_speed(self, run: RunConfig) -> float:
        """Market hours per second of the slowest process while all of them train."""
        if self._pool is None:
            return measure_speed(run)
        return min(self._results([self._pool.submit(measure_speed, run) for _ in range(self.processes)]))

    def train(self, jobs: Sequence[SeedJob], *, show: bool = True) -> list[SeedResult]:
        """Train all jobs, at most one per process at a time.

        Returns:
            One result per job, in order. Jobs that had not begun when Ctrl-C was pressed are missing.

        Raises:
            CheckFailed: a process died, or a governor's learning diverged. All other seeds have been trained then.
        """
        if jobs:
            with as_bad_input():
                Simulator(jobs[0].run.world).compile()  # before any bar, and before several processes need it
        with _bars(jobs, show) as bars, self._interruptible():
            if self._pool is None:
                return self._train_here(jobs, bars)
            futures = [self._pool.submit(_train_in_worker, job) for job in jobs]
            while not all(future.done() for future in futures):
                try:
                    bars.show(self._progress.get(timeout=0.2))
                except queue.Empty:
                    pass
                if self.interrupted:
                    for future in futures:
                        future.cancel()
            while True:
                try:
                    bars.show(self._progress.get(timeout=0.05))
                except queue.Empty:
                    break
            return self._results([future for future in futures if not future.cancelled()])

    def _train_here(self, jobs: Sequence[SeedJob], bars: "_Bars") -> list[SeedResult]:
        results, failed = [], None
        for job in jobs:
            if not self._stop_here.is_set():
                try:
                    results.append(train_seed(job, bars.show, self._stop_here.is_set))
                except CheckFailed as error:  # as with several processes: a failed seed does not stop the others
                    failed = failed or error
        if failed is not None:
            raise failed
        return results

    def _results(self, futures: Sequence[Future[Any]]) -> list[Any]:
        try:
            return [future.result() for future in futures]
        except BrokenProcessPool:
            raise CheckFailed(
                "a training process died; with --resume its seed continues from the last checkpoint"
            ) from None

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first Ctrl-C stops the training after the present rollout, the second one ends the program."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def stop(number: int, frame: FrameType | None) -> None:
            self.interrupted = True
            self._stop_here.set()
            if self._pool is not None:
                self._stop.set()
            signal.signal(signal.SIGINT, before)
            tqdm.write(
                "Stopping after this rollout and saving a checkpoint; Ctrl-C again ends at once.", file=sys.stderr
            )

        signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


class _Bars:
    """One progress bar per seed."""

    def __init__(self, jobs: Sequence[SeedJob], show: bool) -> None:
        # a log file gets a line every few seconds instead of a thousand
        interval = 0.5 if sys.stderr.isatty() else 15.0
        self._bars = {
            job.seed: tqdm(
                total=job.run.total_rollouts, desc=f"seed {job.seed}", unit="rollout", position=position,
                mininterval=interval, disable=not show, dynamic_ncols=True, file=sys.stderr,
            )
            for position, job in enumerate(jobs)
        }  # fmt: skip

    def show(self, progress: Progress) -> None:
        """Update the bar of the seed that reported."""
        bar = self._bars[progress.seed]
        bar.set_postfix_str(f"{progress.market_hours / 1e6:.2f}M h; over the twin: {progress.note}", refresh=False)
        bar.update(progress.rollout - bar.n)

    def close(self) -> None:
        """Leave the bars on the screen as they are."""
        for bar in self._bars.values():
            bar.close()


@contextmanager
def _bars(jobs: Sequence[SeedJob], show: bool) -> Iterator[_Bars]:
    bars = _Bars(jobs, show)
    try:
        yield bars
    finally:
        bars.close()
