"""Rows of a batch over threads: slices that shrink toward the end, taken by whoever is free."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_LEAST_ROWS = 4  # of a slice: a few hundred microseconds of work, against some ten for handing it out


def slices(count: int, num_threads: int) -> list[tuple[int, int]]:
    """(start, stop) of consecutive slices of `count` rows; one thread gets them all at once.

    Worlds in a crash cost more than calm ones, so equal shares would leave threads idle; large slices first and small
    ones last let them end together at little cost.
    """
    edges = [0]
    while edges[-1] < count:
        left = count - edges[-1]
        share = left if num_threads == 1 else max(-(-left // (2 * num_threads)), _LEAST_ROWS)
        edges.append(edges[-1] + min(share, left))
    return list(zip(edges, edges[1:], strict=False))


class Workers:
    """A thread pool that is made when first needed, in the process that needs it: threads do not survive a fork."""

    def __init__(self, num_threads: int) -> None:
        self.num_threads = num_threads
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """`work` on each item, in the order of items; the calling thread takes its share of them.

        Raises:
            Exception: whatever `work` raised, when no thread works any more.
        """
        if self.num_threads == 1 or len(items) < 2:
            return [work(item) for item in items]
        results: dict[int, Result] = {}
        numbers = iter(range(len(items)))  # shared: a thread that is done takes the next

        def take() -> None:
            for number in numbers:
                results[number] = work(items[number])

        pool = self._threads()
        others = [pool.submit(take) for _ in range(min(self.num_threads, len(items)) - 1)]
        try:
            take()
        finally:
            wait(others)
        for other in others:
            other.result()
        return [results[number] for number in range(len(items))]

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None or self._process != os.getpid():
            self._pool, self._process = ThreadPoolExecutor(self.num_threads - 1), os.getpid()
        return self._pool

    def __getstate__(self) -> dict[str, int]:
        """Pickling (for worker processes) leaves the threads behind."""
        return {"num_threads": self.num_threads}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.num_threads, self._pool, self._process = state["num_threads"], None, 0
