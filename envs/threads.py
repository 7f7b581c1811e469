"""Rows of a batch over threads: each thread has rows of its own, and helps the others when it is done.

Whose rows they are matters: a world that is stepped by another core than before comes line by line out of that core's
cache, which cost a fifth of the time of two threads.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_LEAST_ROWS = 4  # of a slice: a few hundred microseconds of work, against some ten for handing it out


def slices(count: int, num_threads: int) -> list[tuple[int, int]]:
    """(start, stop) of consecutive slices of `count` rows: a share for each thread, cut in halves of the rest.

    Worlds in a crash cost more than calm ones, so a thread may be done before the others; the small slices at the end
    of a share are what it can then take over. One thread gets all rows at once.
    """
    cut = []
    for thread in range(num_threads):
        start, stop = -(-count * thread // num_threads), -(-count * (thread + 1) // num_threads)
        while start < stop:
            size = stop - start if num_threads == 1 else min(max((stop - start + 1) // 2, _LEAST_ROWS), stop - start)
            cut.append((start, start + size))
            start += size
    return cut


class RowThreads:
    """Threads that are made when first needed, in the process that needs them: threads do not survive a fork."""

    def __init__(self, num_threads: int) -> None:
        self.num_threads = num_threads
        self._pools: list[ThreadPoolExecutor] = []
        self._process = 0

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """`work` on each item, in the order of items; the calling thread is the first of the threads.

        Thread t of k works off the t-th of k shares of the items from its front, then those of others from their ends;
        so it meets the same items in every call, as far as all take equally long.

        Raises:
            Exception: whatever `work` raised, when no thread works any more.
        """
        if self.num_threads == 1 or len(items) < 2:
            return [work(item) for item in items]
        count = min(self.num_threads, len(items))
        edges = [-(-len(items) * thread // count) for thread in range(count + 1)]
        shares = [deque(range(start, stop)) for start, stop in zip(edges, edges[1:], strict=False)]
        results: dict[int, Result] = {}

        def take(thread: int) -> None:
            for turn in range(count):
                share = shares[(thread + turn) % count]
                while share:
                    try:
                        number = share.pop() if turn else share.popleft()
                    except IndexError:  # somebody else was faster
                        break
                    results[number] = work(items[number])

        others = [pool.submit(take, 1 + k) for k, pool in enumerate(self._threads()[: count - 1])]
        try:
            take(0)
        finally:
            wait(others)
        for other in others:
            other.result()
        return [results[number] for number in range(len(items))]

    def _threads(self) -> list[ThreadPoolExecutor]:
        """One pool for each further thread: a task for thread t is thread t's."""
        if self._process != os.getpid():
            self._pools = [ThreadPoolExecutor(1) for _ in range(self.num_threads - 1)]
            self._process = os.getpid()
        return self._pools

    def __getstate__(self) -> dict[str, int]:
        """Pickling (for worker processes) leaves the threads behind."""
        return {"num_threads": self.num_threads}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.num_threads, self._pools, self._process = state["num_threads"], [], 0
