"""Messages about compilation: that it runs and how long it took, for every interface.

Kernels are compiled when a process first needs them and the cache lacks them; this takes one to three minutes. A
terminal shows a moving line; a log gets a line at the start and one at the end. One process compiles at a time. Others
that need the same kernels wait and then load the result. If the cache holds everything, nothing is printed.
"""

import logging
import multiprocessing
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numba
from numba.core import event

from protogov.envs.world.kernels import KEPT

log = logging.getLogger("protogov")

LOCK = "protogov.lock"  # in the cache's folder; the compiling process holds it
PATIENCE = 1800.0  # a process stops waiting for another one after these seconds: the other may have been stopped
_WAKE = 0.2  # seconds between two checks of the lock, and between two movements of the line

Call = tuple[Any, tuple[Any, ...]]  # a kernel, and arguments for a call without effect

_this_process = threading.RLock()
_telling: set[int] = set()  # threads that tell already


def compile_kernels(calls: Sequence[Call], what: str) -> float:
    """Load kernels from their cache, or compile them, by calling each; loaded kernels are skipped.

    Args:
        calls: in the order of compilation: a cache that holds the last one holds all.
        what: name of the compiled code, for the user.

    Returns:
        Seconds of compilation; 0 when the cache held everything.
    """
    with _this_process:
        missing = [(kernel, arguments) for kernel, arguments in calls if not kernel.signatures]
        if not missing:
            return 0.0
        last, arguments = missing[-1]
        with _turn(None if _is_kept(last, arguments) else last.stats.cache_path, what):
            with Compiling(f"compiling {what} (usually 1 to 3 minutes)", f"compiled {what}") as compiling:
                for kernel, arguments in missing:
                    kernel(*arguments)
    return compiling.seconds


def _is_kept(kernel: Any, arguments: tuple[Any, ...]) -> bool:
    holds = getattr(kernel._cache, "holds", None)  # without a writable folder there is no cache
    return holds is not None and holds(tuple(map(numba.typeof, arguments)), kernel.targetctx)


@contextmanager
def _turn(folder: str | None, what: str) -> Iterator[None]:
    """Hold the lock of a cache's folder, if there is one; without a lock all processes compile at the same time."""
    if folder is None:
        yield
        return
    from filelock import FileLock, Timeout  # only the compiling process needs it

    lock, line, began = FileLock(Path(folder) / LOCK), _Line(logging.WARNING), perf_counter()
    try:
        while not lock.is_locked and perf_counter() - began < PATIENCE:
            try:
                lock.acquire(timeout=_WAKE, poll_interval=_WAKE)
            except Timeout:
                if multiprocessing.parent_process() is None:  # of many workers, only the compiling one prints
                    line.move(f"waiting for another process, which compiles {what}")
    except (OSError, NotImplementedError):
        pass
    line.close()
    try:
        yield
    finally:
        lock.release()


class Compiling(event.Listener):
    """A context that informs the user when this thread compiles a kernel: every compiled function moves the line.

    Args:
        doing: text during the compilation.
        done: text afterwards, followed by the seconds.
        level: of the log messages without a terminal.

    Attributes:
        seconds: from the start of the first kernel to the end of the last one; 0 before the first.
    """

    def __init__(self, doing: str, done: str, level: int = logging.WARNING) -> None:
        self._doing, self._done, self._line = doing, done, _Line(level)
        self._thread = threading.get_ident()
        self._began: float | None = None
        self.seconds = 0.0

    def __enter__(self) -> "Compiling":
        self._outermost = self._thread not in _telling
        if self._outermost:
            _telling.add(self._thread)
            event.register("numba:compile", self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        if self._outermost:
            event.unregister("numba:compile", self)
            _telling.discard(self._thread)
            self._line.close(f"{self._done} in {self.seconds:.0f} s" if kind is None else "")

    def on_start(self, event: event.Event) -> None:
        """Numba begins to compile a function."""
        if threading.get_ident() != self._thread:
            return
        if self._began is None:
            if not any(event.data["dispatcher"] is kernel for kernel in KEPT):
                return  # a small function called from Python: compiled in every process
            self._began = perf_counter()
        self._line.move(self._doing)

    def on_end(self, event: event.Event) -> None:
        """Numba has compiled it."""
        if self._began is not None:
            self.seconds = perf_counter() - self._began


class _Line:
    """A line on a terminal that counts seconds; without a terminal, messages of Python's logging.

    Without a setup of logging users see only warnings. Therefore the message about minutes of work is a warning.
    """

    def __init__(self, level: int) -> None:
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._level = logging.INFO if self._terminal else level
        self._began: float | None = None
        self._moved, self._width = 0.0, 0

    def move(self, text: str) -> None:
        """Print `text` the first time, and update the clock."""
        now = perf_counter()
        if self._began is None:
            self._began = now
            log.log(self._level, "protogov: %s.", text)
        if self._terminal and now - self._moved > _WAKE:
            self._moved = now
            seconds = int(now - self._began)
            self._show(f"protogov: {text}: {seconds // 60}:{seconds % 60:02d}")

    def close(self, text: str = "") -> None:
        """Replace the line by `text`, or remove it; no effect if nothing was printed."""
        if self._began is None:
            return
        if self._terminal:
            self._show(f"protogov: {text}." if text else "", "\n" if text else "\r")
        if text:
            log.log(self._level, "protogov: %s.", text)

    def _show(self, text: str, end: str = "\r") -> None:
        """Overwrite the line; the cursor returns to the left, so other messages cover the line."""
        self._width = max(self._width, len(text))
        sys.stderr.write(f"{text:<{self._width}}{end}")
        sys.stderr.flush()
