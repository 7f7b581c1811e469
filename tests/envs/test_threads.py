"""Rows over threads: every row once, results in order, failures after all have stopped."""

import pickle
import threading
import time

import pytest

from protogov.envs.threads import RowThreads, slices


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 63, 512, 1001])
def test_slices_are_a_partition(count: int, threads: int) -> None:
    cut = slices(count, threads)
    assert [row for start, stop in cut for row in range(start, stop)] == list(range(count))
    assert all(stop > start for start, stop in cut)
    if threads == 1:
        assert len(cut) == min(count, 1)


def test_each_share_ends_in_small_slices() -> None:
    cut = slices(1025, 2)
    sizes = [stop - start for start, stop in cut]
    assert cut[0] == (0, 257) and cut[len(cut) // 2 - 1][1] == 513
    assert sizes[: len(cut) // 2] == [257, 128, 64, 32, 16, 8, 4, 4]
    assert sizes[len(cut) // 2 :] == [256, 128, 64, 32, 16, 8, 4, 4]


def test_a_thread_has_the_same_items_again_and_helps_when_it_is_done() -> None:
    together = threading.Barrier(3, timeout=30.0)
    workers = RowThreads(3)

    def even(item: int) -> int:
        together.wait()  # all three are at work on one item each
        return threading.get_ident()

    first = workers.map(even, range(9))
    assert len(set(first)) == 3 and first[0] == threading.get_ident()
    assert [first[k] for k in range(0, 9, 3)] == [first[k] for k in range(2, 9, 3)]  # three in a row are one thread's
    assert workers.map(even, range(9)) == first

    done = threading.Event()

    def uneven(item: int) -> int:
        if item == 0:
            assert done.wait(30.0)  # until the last of this thread's own share was taken by another
        elif item == 1:
            done.set()
        return threading.get_ident()

    again = workers.map(uneven, range(9))
    assert again[0] == threading.get_ident() and again[1] != again[0] and again[2] != again[0]


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("count", [0, 1, 2, 200])
def test_results_come_in_the_order_of_the_items(threads: int, count: int) -> None:
    workers = RowThreads(threads)
    for _ in range(3):
        assert workers.map(lambda item: item * item, range(count)) == [item * item for item in range(count)]


def test_all_threads_take_part_and_the_caller_is_one_of_them() -> None:
    meeting = threading.Barrier(3, timeout=30.0)  # passes only when three work at the same time

    def work(_: int) -> int:
        meeting.wait()
        return threading.get_ident()

    met = set(RowThreads(3).map(work, range(3)))
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

    workers = RowThreads(threads)
    with pytest.raises(KeyError, match=str(bad)):
        workers.map(work, range(30))
    assert not running
    assert workers.map(str, range(4)) == ["0", "1", "2", "3"]


def test_a_failure_of_the_caller_waits_for_the_others() -> None:
    begun, finished = threading.Event(), threading.Event()

    def work(item: int) -> None:
        if item == 0:
            assert begun.wait(30.0)
            raise KeyError(item)
        begun.set()
        time.sleep(0.05)  # still at work when the caller has failed
        finished.set()

    with pytest.raises(KeyError):
        RowThreads(2).map(work, range(2))
    assert finished.is_set()


def test_a_pickle_leaves_the_threads_behind() -> None:
    workers = RowThreads(2)
    workers.map(str, range(4))
    copy = pickle.loads(pickle.dumps(workers))
    assert copy.num_threads == 2 and copy.map(str, range(4)) == ["0", "1", "2", "3"]
