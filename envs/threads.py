"""Rows of a batch over threads: each thread has its own rows, and helps the others when it is done.

The assignment of rows matters: a world that moves to another core must be loaded line by line from the first core's
cache, which cost a fifth of the time of two threads.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_LEAST_ROWS = 4  # of a slice: a few hundred microseconds of work; assigning it takes about ten


def slices(count: int, num_threads: int) -> list[tuple[int, int]]:
    """(start, stop) of consecutive slices of `count` rows: one share per thread, repeatedly cut in halves.

    Worlds in a crash cost more than calm ones, so a thread may finish before the others. It then takes small slices
    from the end of another share. A single thread gets all rows at once.
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
    """Threads, created when first needed, in the process that needs them: threads do not survive a fork."""

    def __init__(self, num_threads: int) -> None:
        self.num_threads = num_threads
        self._pools: list[ThreadPoolExecutor] = []
        self._process = 0

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """`work` on each item, in the order of items; the calling thread is the first of the threads.

        Thread t of k takes the items of the t-th of k shares from the front, then those of other shares from the end.
        If all items take equally long, a thread gets the same items in every call.

        Raises:
            Exception: any exception of `work`, after all threads have stopped.
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
                    except IndexError:  # another thread was faster
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
        """One pool per additional thread: thread t runs the tasks of thread t."""
        if self._process != os.getpid():
            self._pools = [ThreadPoolExecutor(1) for _ in range(self.num_threads - 1)]
            self._process = os.getpid()
        return self._pools

    def __getstate__(self) -> dict[str, int]:
        """Pickling (for worker processes) leaves out the threads."""
        return {"num_threads": self.num_threads}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.num_threads, self._pools, self._process = state["num_threads"], [], 0
