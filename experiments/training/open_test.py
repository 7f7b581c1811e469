"""Open the sealed test: record who opened it for whom, then play its tapes.

The record is written first: an interrupted test also counts as opened. Only a commit without changes may open it,
because the record must name code that others can check out. The record itself is a change, so it must be committed
before the test can be opened again.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protogov.agents.baselines.tuned import TUNED_FILE
from protogov.agents.zoo import zoo_policies
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario
from protogov.envs.scenarios.base import SOURCE_FOLDERS
from protogov.envs.scenarios.seal import SealedError, opened
from protogov.envs.scenarios.sealed import SealedTest, read_sealed
from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.evaluation import Suite
from protogov.experiments.core.files import read_json, write_json
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.paths import RunFolder, repository
from protogov.experiments.core.play import EVALUATION_SEEDS
from protogov.experiments.core.versions import commit, now
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import check_folder
from protogov.experiments.training.comparison import Comparison
from protogov.experiments.training.measured import run_evaluation

OPENINGS = "openings.json"
SUITE = "sealed test"


@dataclass(frozen=True)
class Opening:
    """One entry of the record.

    Attributes:
        when: ISO-8601 time, UTC.
        commit: of the code.
        command: as typed.
        sealed: SHA-256 of the list that was played.
        sources: digest of the code that draws and plays, equal on any machine for the same files.
        governors: name, training seed, sources, constants, and the digest of each of their files (`describe`).
    """

    when: str
    commit: str
    command: str
    sealed: str
    sources: str
    governors: list[dict[str, Any]]


def default_folder() -> Path:
    """Default folder for the record of openings and for results."""
    return repository() / "results" / "test"


def clean_commit() -> str:
    """The commit of this code.

    Raises:
        BadInput: it is unknown, or files differ from it.
    """
    found = commit()
    if found == "unknown" or found.endswith("+changes"):
        raise BadInput(
            f"the commit is {found}; the sealed test opens only for a commit without changes, because its record must "
            f"name code that others can run: commit everything, also the record of an earlier opening"
        )
    return found


def earlier_openings(folders: Iterable[Path]) -> list[dict[str, Any]]:
    """All openings recorded in these folders, each once.

    Raises:
        BadInput: a record is damaged.
    """
    found: list[dict[str, Any]] = []
    for path in dict.fromkeys((folder / OPENINGS).resolve() for folder in folders):
        if path.is_file():
            openings = read_json(path).get("openings")
            if not isinstance(openings, list):
                raise BadInput(f"{path}: is not a record of openings")
            found += [one for one in openings if one not in found]
    return found


def describe(sets: Sequence[GovernorSet]) -> list[dict[str, Any]]:
    """Names of governors, constants that they keep, and digests of their files: policies, weights, the tuned file."""
    about = []
    for chosen in sets:
        files: dict[str, str] = {}
        for agent, source in chosen.sources.items():
            for part in source.split("+"):
                shipped = zoo_policies(part).get(agent)
                for one in () if shipped is None else (shipped, shipped.with_suffix(".safetensors")):
                    files[f"{part}/{one.name}"] = _digest(one)
            path = Path(source)
            if path.is_file():
                for one in (path, path.with_suffix(".safetensors")):
                    if one.is_file():
                        files[str(one)] = _digest(one)
            elif "tuned" in source or "linear" in source:
                files[TUNED_FILE.name] = _digest(TUNED_FILE)
        about.append(
            {
                "name": chosen.name,
                "training_seed": chosen.training_seed,
                "sources": dict(chosen.sources),
                "values": dict(chosen.values or {}),
                "files": files,
            }
        )
    return about


def identity(described: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What `describe` found without places of files: equal governors have the same wherever their policies lie."""
    about = []
    for one in described:
        files = one["files"]
        sources = {agent: files.get(str(Path(source)), source) for agent, source in one["sources"].items()}
        about.append({**one, "sources": sources, "files": sorted(files.values())})
    return about


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def warning(earlier: Sequence[dict[str, Any]]) -> list[str]:
    """Warning if the test has been opened before."""
    if not earlier:
        return []
    times = "time" if len(earlier) == 1 else "times"
    lines = [
        f"The sealed test has been opened before, {len(earlier)} {times}: earlier results may have influenced choices."
    ]
    for one in earlier:
        names = ", ".join(dict.fromkeys(str(chosen["name"]) for chosen in one["governors"]))
        lines.append(f"  {one['when']} at {one['commit']} for {names}: {one['command']}")
    return lines


def open_test(
    folder: Path | None,
    config: WorldConfig,
    sets: Sequence[GovernorSet],
    command: str,
    *,
    controls: bool = True,
    sealed: SealedTest | None = None,
    show: bool = True,
) -> tuple[list[Comparison], RunFolder]:
    """Record the opening, then play the sealed tapes under all sets.

    Args:
        folder: holds openings.json and gets a folder `opening-<n>` for the results; `default_folder()` by default.
        config: of the worlds.
        sets: the static set and others.
        command: what was typed.
        controls: also play constants at the governors' own mean levers, and their actions of another tape.
        sealed: what is played; the sealed list of this package, checked, by default.
        show: a progress bar.

    Raises:
        BadInput: the commit is unknown or changed, the list differs from the sealed one, or a record is damaged.
    """
    place, test = record_opening(folder, sets, command, sealed)
    results = RunFolder(place)
    with opened():
        # one by one: a mean over four crises and a process describes no market
        suites = [
            Suite(f"{SUITE}: {name}", (get_scenario(name),), test.episodes, first=test.first_seed - EVALUATION_SEEDS)
            for name in test.scenarios
        ]
        return run_evaluation(results, config, suites, sets, controls=controls, command=command, show=show), results


def record_opening(
    folder: Path | None, sets: Sequence[GovernorSet], command: str, sealed: SealedTest | None = None
) -> tuple[Path, SealedTest]:
    """Record that the test is opened now, for whom; returns the folder for results, and what may be played.

    Raises:
        BadInput: as of `open_test`; nothing was recorded.
    """
    place = folder if folder is not None else default_folder()
    check_folder(place)
    version = clean_commit()
    try:
        test = sealed if sealed is not None else read_sealed()
    except SealedError as error:
        raise BadInput(str(error)) from None
    earlier = earlier_openings([default_folder(), place])
    for line in warning(earlier):
        print(line)
    own = earlier_openings([place])
    opening = Opening(now(), version, command, test.digest, source_digest(*SOURCE_FOLDERS), describe(sets))
    write_json(place / OPENINGS, {"openings": [*own, asdict(opening)]})
    return place / f"opening-{len(own) + 1}", test
