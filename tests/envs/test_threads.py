"""Rows over threads: every row once, results in order, failures after all have stopped."""

import pickle
import threading
from itertools import pairwise

import pytest

from protogov.envs.threads import Workers, slices


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 63, 512, 1001])
def test_slices_are_a_partition(count: int, threads: int) -> None:
    cut = slices(count, threads)
    assert [row for start, stop in cut for row in range(start, stop)] == list(range(count))
    sizes = [stop - start for start, stop in cut]
    assert all(size > 0 for size in sizes)
    assert all(one >= other for one, other in pairwise(sizes))
    if threads == 1:
        assert len(cut) == min(count, 1)


def test_the_last_slices_are_small() -> None:
    sizes = [stop - start for start, stop in slices(512, 2)]
    assert sizes[0] == 128 and sizes[-1] <= 4 and len(sizes) < 30
    # nobody can be left with more than a quarter of what there is when it is taken
    left = 512
    for size in sizes:
        assert size <= max(-(-left // 4), 4)
        left -= size


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("count", [0, 1, 2, 200])
def test_results_come_in_the_order_of_the_items(threads: int, count: int) -> None:
    workers = Workers(threads)
    for _ in range(3):
        assert workers.map(lambda item: item * item, range(count)) == [item * item for item in range(count)]


def test_all_threads_take_part_and_the_caller_is_one_of_them() -> None:
    meeting = threading.Barrier(3, timeout=30.0)  # passes only when three work at the same time

    def work(_: int) -> int:
        meeting.wait()
        return threading.get_ident()

    met = set(Workers(3).map(work, range(3)))
    assert len(met) == 3 and threading.get_ident() in met


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("bad", [0, 7, 29])
def test_a_failure_is_raised_when_nobody_works_any_more(threads: int, bad: int) -> None:
    running: set[int] = set()

    def work(item: int) -> None:
        running.add(item)
        try:
            if item == bad:
                raise KeyError(item)
        finally:
            running.discard(item)

    workers = Workers(threads)
    with pytest.raises(KeyError, match=str(bad)):
        workers.map(work, range(30))
    assert not running
    assert workers.map(str, range(4)) == ["0", "1", "2", "3"]


def test_a_pickle_leaves_the_threads_behind() -> None:
    workers = Workers(2)
    workers.map(str, range(4))
    copy = pickle.loads(pickle.dumps(workers))
    assert copy.num_threads == 2 and copy.map(str, range(4)) == ["0", "1", "2", "3"]
