"""Pieces of an audit over processes: each is kept as soon as it is done, and a rerun takes up what is kept."""

import hashlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tqdm import tqdm

import protogov.agents.baselines
import protogov.agents.tuning
import protogov.envs
import protogov.experiments.evaluation
import protogov.experiments.governors
import protogov.experiments.incidence
import protogov.experiments.play
from protogov.envs.config import WorldConfig
from protogov.envs.ensemble import ENSEMBLE_FILE, EVERY_MEMBER
from protogov.envs.simulator import Simulator
from protogov.envs.world.kernels import source_digest
from protogov.experiments.pieces import play_pieces
from protogov.experiments.tables import Table, read_table, write_table

# what a piece's numbers depend on: roles and scenarios too, not the compiled physics alone
SOURCES = tuple(
    str(Path(path).parent)
    for path in (protogov.envs.__file__, protogov.agents.tuning.__file__, protogov.agents.baselines.__file__)
    if path is not None
)
_FOLDER = Path(__file__).parent
# beside a piece's own module: those that every piece of this folder plays with
SHARED = tuple(_FOLDER / f"{name}.py" for name in ("measurement", "playing", "searching", "suites")) + tuple(
    Path(module.__file__)
    for module in (
        protogov.experiments.evaluation,
        protogov.experiments.governors,
        protogov.experiments.incidence,
        protogov.experiments.play,
    )
    if module.__file__ is not None
)


@dataclass(frozen=True)
class Running:
    """How the pieces of an audit are played.

    Attributes:
        jobs: processes, one thread each.
        keep: folder for finished pieces, from which they are taken when the same ones are asked for again.
        show: a progress bar.
    """

    jobs: int = 1
    keep: Path | None = None
    show: bool = False


HERE = Running()  # in this process, nothing kept


@dataclass(frozen=True)
class Piece:
    """One call: `function(config, job)` of a frozen dataclass that holds all the numbers depend on beside the world.

    Attributes:
        name: of its file, for people; it finds pieces that are kept under the same name alone.
        job: fields that JSON can write.
        config: the world, where it is another than that of the other pieces.
    """

    name: str
    job: Any
    config: WorldConfig | None = None


def run_pieces(
    function: Callable[[WorldConfig, Any], Table],
    config: WorldConfig,
    pieces: Sequence[Piece],
    how: Running,
    label: str,
) -> list[Table]:
    """Play what is not yet kept; returns a table a piece, in their order.

    Args:
        function: of a module, so that a process can import it.
        config: the world of every piece that has none of its own.
        pieces: what is played.
        how: see `Running`.
        label: of the progress bar.

    Raises:
        BadInput: no job.
        CheckFailed: the books of a world do not balance, or a process died.
    """
    tables: dict[int, Table] = {}
    waiting: list[tuple[int, Piece, Path | None]] = []
    firsts: dict[str, int] = {}  # what is asked for twice is played once
    digests = [piece_digest(function, piece.config or config, piece.job) for piece in pieces]
    # a log file gets a line now and then instead of a thousand
    wait = 0.5 if sys.stderr.isatty() else 15.0
    with tqdm(total=len(pieces), desc=label, unit="piece", disable=not how.show, mininterval=wait) as bar:
        for number, piece in enumerate(pieces):
            if firsts.setdefault(digests[number], number) != number:
                bar.update()
                continue
            kept = _kept(how.keep, piece.name, digests[number])
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


def piece_digest(function: Callable[..., Table], config: WorldConfig, job: Any) -> str:
    """Of all that a piece's numbers depend on: the call, the world, and the sources that play it."""
    about: dict[str, Any] = {
        "function": f"{function.__module__}.{function.__qualname__}",
        "config": config.to_dict(),
        "job": asdict(job),
        "candles": _candles(asdict(job)),
        "sources": _sources(),
        "measure": [hashlib.sha256(path.read_bytes()).hexdigest() for path in _played_by(function)],
    }
    if config.member == EVERY_MEMBER:  # of one member the parameters are in the configuration
        about["ensemble"] = hashlib.sha256(ENSEMBLE_FILE.read_bytes()).hexdigest()
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


@cache
def _sources() -> str:
    return source_digest(*SOURCES)


def _played_by(function: Callable[..., Table]) -> list[Path]:
    """The function's own file and, in this folder, those that every audit plays with."""
    own = Path(inspect.getfile(function))
    return [own, *SHARED] if own.parent == _FOLDER else [own]


def _kept(keep: Path | None, name: str, digest: str) -> Path | None:
    if keep is None:
        return None
    words = re.sub("[^A-Za-z0-9_.+-]+", "-", name)
    return keep / f"{words}_{digest}.parquet"


def _candles(fields: Mapping[str, Any]) -> list[str]:
    """Digests of the candle files that are named instead of a registered scenario."""
    listed = [value if isinstance(value, tuple | list) else (value,) for value in fields.values()]
    paths = [Path(name) for names in listed for name in names if isinstance(name, str) and name]
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()]
