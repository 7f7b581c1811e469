"""Pieces of a long measurement over processes: each finished piece is kept, so nothing is computed twice.

A piece is one call `function(config, job)` of a frozen dataclass. Its digest covers everything that its numbers depend
on: the call, the world, the sources of envs and agents, the function's own module and the modules that it uses. A
rerun reuses kept pieces with the same digest.
"""

import hashlib
import inspect
import json
import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tqdm import tqdm

import protogov.agents
import protogov.envs
from protogov.envs.config import WorldConfig
from protogov.envs.ensemble import ENSEMBLE_FILE, EVERY_MEMBER
from protogov.envs.simulator import Simulator
from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.tables import Table, read_table, write_table
from protogov.experiments.errors import BadInput, CheckFailed

# roles, scenarios and governors too, not only the compiled physics
_SOURCES = tuple(str(Path(place).parent) for place in (protogov.envs.__file__, protogov.agents.__file__) if place)


@dataclass(frozen=True)
class Running:
    """How pieces are played.

    Attributes:
        jobs: processes, one thread each.
        keep: folder for finished pieces, which later runs reuse.
        show: show a progress bar.
    """

    jobs: int = 1
    keep: Path | None = None
    show: bool = False


HERE = Running()  # in this process, nothing kept


@dataclass(frozen=True)
class Piece:
    """One call.

    Attributes:
        name: name of its file, for people; only pieces with the same name are reused.
        job: fields that JSON can write.
        config: the world, if it differs from that of the other pieces.
    """

    name: str
    job: Any
    config: WorldConfig | None = None


def run_pieces(
    function: Callable[[WorldConfig, Any], Table],
    config: WorldConfig,
    pieces: Sequence[Piece],
    how: Running = HERE,
    label: str = "pieces",
) -> list[Table]:
    """Play the pieces that are not yet kept; returns one table per piece, in order.

    Args:
        function: of a module, importable by a process.
        config: the world of every piece without its own.
        pieces: to play.
        how: see `Running`.
        label: of the progress bar.

    Raises:
        BadInput: no job.
        CheckFailed: the books of a world do not balance, or a process died.
    """
    tables: dict[int, Table] = {}
    waiting: list[tuple[int, Piece, Path | None]] = []
    firsts: dict[str, int] = {}  # equal pieces are played once
    digests = [piece_digest(function, piece.config or config, piece.job) for piece in pieces]
    # a log file gets few lines instead of thousands
    wait = 0.5 if sys.stderr.isatty() else 15.0
    with tqdm(total=len(pieces), desc=label, unit="piece", disable=not how.show, mininterval=wait) as bar:
        for number, piece in enumerate(pieces):
            if firsts.setdefault(digests[number], number) != number:
                bar.update()
                continue
            kept = _place(how.keep, piece.name, digests[number])
            if kept is not None and kept.is_file():
                tables[number] = read_table(kept)
                bar.update()
            else:
                waiting.append((number, piece, kept))
        if how.jobs > 1 and len(waiting) > 1:
            Simulator(config).compile()  # several processes would each wait for it
        calls = [(piece.config or config, piece.job) for _, piece, _ in waiting]
        for at, table in play_pieces(function, calls, how.jobs):
            number, piece, kept = waiting[at]
            if kept is not None:
                write_table(kept, table)
            tables[number] = table
            bar.set_postfix_str(piece.name, refresh=False)
            bar.update()
    return [tables[firsts[digest]] for digest in digests]


def play_pieces(
    function: Callable[..., Any], pieces: Sequence[tuple[Any, ...]], jobs: int
) -> Iterator[tuple[int, Any]]:
    """Call `function(*piece)` for every piece; yields (number of the piece, result) as they finish.

    Args:
        function: of a module, importable by a process.
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


def piece_digest(function: Callable[..., Table], config: WorldConfig, job: Any) -> str:
    """Digest of everything that a piece's numbers depend on."""
    about: dict[str, Any] = {
        "function": f"{function.__module__}.{function.__qualname__}",
        "config": config.to_dict(),
        "job": asdict(job),
        "candles": _candles(asdict(job)),
        "sources": _sources(),
        "played by": _modules(function),
    }
    if config.member == EVERY_MEMBER:  # for a single member the configuration holds the parameters
        about["ensemble"] = hashlib.sha256(ENSEMBLE_FILE.read_bytes()).hexdigest()
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


@cache
def _sources() -> str:
    return source_digest(*_SOURCES)


@cache
def _modules(function: Callable[..., Table]) -> dict[str, str]:
    """Digests of the function's own file and of all files of this package that it imports, directly or not."""
    found: dict[str, str] = {}
    waiting = [inspect.getmodule(function)]
    while waiting:
        module = waiting.pop()
        path = getattr(module, "__file__", None)
        if module is None or path is None or module.__name__ in found:
            continue
        found[module.__name__] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        for value in vars(module).values():
            name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
            if isinstance(name, str) and name.startswith("protogov.experiments.") and _measures(name):
                waiting.append(sys.modules.get(name))
    return found


def _measures(name: str) -> bool:
    """Whether a module can change a number; modules that write, print or draw results cannot."""
    silent = ("core.text", "core.results", "core.study", "core.files", "core.versions", "figures", "commands", "cli")
    return not any(name.startswith(f"protogov.experiments.{one}") for one in silent)


def _place(keep: Path | None, name: str, digest: str) -> Path | None:
    if keep is None:
        return None
    words = re.sub("[^A-Za-z0-9_.+-]+", "-", name)
    return keep / f"{words}_{digest}.parquet"


def _candles(fields: Mapping[str, Any]) -> list[str]:
    """Digests of candle files that are named instead of a registered scenario."""
    listed = [value if isinstance(value, tuple | list) else (value,) for value in fields.values()]
    paths = [Path(name) for names in listed for name in names if isinstance(name, str) and name]
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()]
