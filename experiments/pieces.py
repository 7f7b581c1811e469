"""Pieces of a long computation over processes: each is kept as soon as it is done, so that nothing is done twice."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from protogov.experiments.errors import BadInput, CheckFailed


def play_pieces(
    function: Callable[..., Any], pieces: Sequence[tuple[Any, ...]], jobs: int
) -> Iterator[tuple[int, Any]]:
    """Call `function(*piece)` for every piece; yields (number of the piece, result) as they get done.

    Args:
        function: of a module, so that a process can import it.
        pieces: arguments that can be pickled.
        jobs: processes, spawned with one thread each; 1 runs everything here.

    Raises:
        BadInput: no job.
        CheckFailed: a process died.
    """
    if jobs < 1:
        raise BadInput(f"jobs is {jobs}; a whole number of at least 1 is accepted")
    if jobs == 1 or len(pieces) < 2:
        for number, piece in enumerate(pieces):
            yield number, function(*piece)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # inherited: must be set before a worker imports numpy
    context: Any = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(pieces)), mp_context=context) as pool:
        futures = {pool.submit(function, *piece): number for number, piece in enumerate(pieces)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise CheckFailed("a process died; finished pieces are kept, run the same command again") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
