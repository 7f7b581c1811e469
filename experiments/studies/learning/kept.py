"""What every learner of the study has left, in files that may be committed: another machine goes on from there.

    kept/NAME.json  what was measured of the learner, and everything that it depends on
    kept/NAME.zip   the policies at the end of its training, ordinary policy files, a folder a seed

Tuned controllers, suites of an evaluation and ceilings leave such a description too. A stage takes longer than a
machine is free. It measures one after the other, in the stage of training a few seeds after the other, and skips what
is kept. Policies are rounded to half precision before anything is measured: what is kept is what was played.
"""

import hashlib
import json
import math
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from protogov.agents.files import read_format
from protogov.agents.policies.policy import load_policy_file
from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.files import whole, write_text
from protogov.experiments.core.versions import now, versions
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.studies.learning import preregistration
from protogov.experiments.studies.learning.runs import Learner, Start, Trained, broken

FOLDER = "kept"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # of every file in an archive, so that equal policies give equal archives

NOT_FINITE = {str(value): value for value in (math.nan, math.inf, -math.inf)}  # which JSON lacks

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Unit:
    """What is kept of a learner, or of tuned controllers.

    Attributes:
        tables: name -> rows.
        failed: why its training broke off; empty if it did not.
        archive: SHA-256 of its archive of policies; empty without one.
    """

    tables: Mapping[str, Rows] = field(default_factory=dict)
    failed: str = ""
    archive: str = ""


class Kept(ABC):
    """A file of what was measured of one thing, and of everything that it depends on; a subclass says what these are.

    A subclass has the folder of the study as `out`, and `reduced`, the differences from the registered sizes. Whoever
    changes what is measured raises its `version`, because sources of this study are no part of `made_with`.
    """

    out: Path
    reduced: Sequence[str]
    format: ClassVar[str]
    version: ClassVar[int] = 1

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the file."""

    @abstractmethod
    def depends(self) -> dict[str, Any]:
        """What its numbers depend on, JSON-able; world, registration and sizes of the study apart."""

    @property
    def path(self) -> Path:
        """Of the description."""
        return self.out / FOLDER / f"{self.name}.json"

    def made_with(self) -> dict[str, Any]:
        """Everything that its numbers depend on, except the sources of agents and of this study."""
        about = {
            **self.depends(), "physics": source_digest(), "preregistration": preregistration.digest(),
            "reduced": list(self.reduced),
        }  # fmt: skip
        plain: dict[str, Any] = json.loads(json.dumps(about))  # tuples as JSON gives them back
        return plain

    def write(self, unit: Unit) -> Unit:
        """Keep what was measured; returns it as it can be read."""
        about = {"format": self.format, "version": self.version, "made": now(), "versions": versions()}
        about |= {"made_with": self.made_with(), **asdict(unit), "tables": _each(unit.tables, _written)}
        write_text(self.path, json.dumps(about, separators=(",", ":"), allow_nan=False) + "\n")  # there are many
        found = self.read()
        assert found is not None, "it was written"
        return found

    def once(self, measure: Callable[[], Unit]) -> Unit:
        """What is kept, or else what `measure` finds, which is kept."""
        kept = self.read()
        return kept if kept is not None else self.write(measure())

    def read(self) -> Unit | None:
        """What is kept, or None.

        Raises:
            BadInput: it is damaged, or was made with something else.
        """
        if not self.path.exists():
            return None
        about = read_format(self.path, BadInput, self.format, self.version)
        wanted, given = self.made_with(), about.get("made_with")
        given = given if isinstance(given, dict) else {}
        if given != wanted:
            names = ", ".join(name for name in wanted if given.get(name) != wanted[name]) or "more than this study has"
            raise BadInput(f"{self.path}: was made with another {names}; delete it to make it again, or give another "
                           "--out")  # fmt: skip
        try:
            return Unit(_each(about["tables"], lambda value: NOT_FINITE.get(value, value)), about["failed"],
                        about["archive"])  # fmt: skip
        except KeyError as error:
            raise BadInput(f"{self.path}: has no {error}; delete it to make it again") from None


@dataclass(frozen=True)
class Place(Kept):
    """Where a learner of this study is kept.

    Attributes:
        out: folder of the study.
        learner: which one.
        start: where it began.
        reduced: differences from the registered sizes.
    """

    out: Path
    learner: Learner
    start: Start
    reduced: Sequence[str]

    format = "protogov-learner"

    @property
    def name(self) -> str:
        """Of the file: that of its run's folder."""
        return self.learner.folder

    @property
    def archive(self) -> Path:
        """Of the policies."""
        return self.path.with_suffix(".zip")

    def depends(self) -> dict[str, Any]:
        """The learner, but not the words about its candidate, and its start."""
        start = np.concatenate([self.start.constants.ravel(), self.start.linear.ravel()])
        learner = asdict(self.learner)
        del learner["candidate"]["about"]
        return {"learner": learner, "start": hashlib.sha256(start.astype("<f8").tobytes()).hexdigest()[:16]}

    def once(self, measure: Callable[[], Unit]) -> Unit:
        """What is kept of the learner, or else what `measure` finds, which is kept; that a seed diverged is kept too.

        The same seed would diverge again, so that nothing would come after it.
        """
        try:
            return super().once(measure)
        except CheckFailed as error:
            if not broken(error):
                raise
            return self.write(Unit(failed=str(error)))

    def keep_policies(self, trained: Sequence[Trained]) -> tuple[list[Trained], str]:
        """Round the policies at the end of every seed, and put them into the archive.

        Returns:
            The seeds, whose last step are the rounded policies, and the SHA-256 of the archive.

        Raises:
            CheckFailed: a weight is too large for half precision, which is a seed that diverged.
        """
        rounded = [replace(one, way=(*one.way[:-1], (one.way[-1][0], self._round(one)))) for one in trained]
        with whole(self.archive) as unfinished, zipfile.ZipFile(unfinished, "w") as archive:
            for one in rounded:
                for file in sorted(one.way[-1][1].iterdir()):
                    entry = zipfile.ZipInfo(f"{one.seed}/{one.way[-1][0]:.0f}/{file.name}", LONG_AGO)
                    archive.writestr(entry, file.read_bytes(), zipfile.ZIP_LZMA)
        return rounded, hashlib.sha256(self.archive.read_bytes()).hexdigest()

    def _round(self, one: Trained) -> Path:
        hours, place = one.way[-1]
        folder = self._unpacked / str(one.seed) / f"{hours:.0f}"
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(place.glob("policy_*.json")):
            policy = load_policy_file(path)
            with np.errstate(over="ignore"):
                weights = {name: array.astype(np.float16).astype(np.float32) for name, array in policy.weights.items()}
            if not all(np.isfinite(array).all() for array in weights.values()):
                raise CheckFailed(
                    f"seed {one.seed}: a weight of {path.name} is larger than half precision holds "
                    f"({np.finfo(np.float16).max})"
                )
            replace(policy, weights=weights).save(folder)
        return folder

    def policies(self, unit: Unit) -> list[Trained]:
        """The policies at the end of every seed, as files.

        Raises:
            BadInput: the archive is missing or damaged.
        """
        ends = unpack(self.path, unit.archive, self._unpacked)
        return [Trained(self.learner, seed, (ends[seed],)) for seed in self.learner.seeds]

    @property
    def _unpacked(self) -> Path:
        return self.out / "runs" / self.learner.folder / FOLDER


def unpack(path: Path, digest: str, folder: Path) -> dict[int, tuple[float, Path]]:
    """Unpack the archive of a learner.

    Args:
        path: of the learner's description; the archive lies beside it.
        digest: SHA-256 of the archive.
        folder: to unpack to.

    Returns:
        Seed -> market hours at the end of its training, and the folder of its policies.

    Raises:
        BadInput: the archive is missing or damaged.
    """
    packed = path.with_suffix(".zip")
    try:
        data = packed.read_bytes()
    except OSError as error:
        raise BadInput(f"{packed}: cannot be read ({error.strerror}); restore it, or delete {path.name} to train "
                       "again") from None  # fmt: skip
    if hashlib.sha256(data).hexdigest() != digest:
        raise BadInput(f"{packed}: does not match its SHA-256 in {path.name}; restore it")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
        places = dict.fromkeys(Path(name).parent for name in archive.namelist())
    return {int(place.parent.name): (float(place.name), folder / place) for place in places}


def _each(tables: Mapping[str, Rows], change: Callable[[Any], Any]) -> dict[str, Rows]:
    return {
        name: [{column: change(value) for column, value in row.items()} for row in rows]
        for name, rows in tables.items()
    }


def _written(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
