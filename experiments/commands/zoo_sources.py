"""Where trained governors lie that can become an entry of the zoo: one reader for each format.

A run of `protogov train` is config.json in its folder; a learner of `protogov study learning` OUT/kept/NAME.json with
NAME.zip beside it; some seeds of a cell of `protogov study coexistence` OUT/policies/NAME.json with NAME.safetensors
beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from protogov.agents.files import read_format
from protogov.envs.config import WorldConfig
from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.files import read_json
from protogov.experiments.core.governors import LEARNED, GovernorSet
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.versions import commit
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.coexistence import store
from protogov.experiments.studies.learning import kept
from protogov.experiments.studies.learning.candidates import Candidate
from protogov.experiments.studies.learning.runs import Learner
from protogov.experiments.training import run_config
from protogov.experiments.training.learned import learned_sets, load_run, policy_files

LAST, BEST = "last", "best"


@dataclass(frozen=True)
class Source:
    """Trained governors that may become an entry.

    Attributes:
        what: what they are, in words.
        sets: "last" or "best" -> the governors of each training seed.
        world: in which they learned; `evaluation_world` of it is the one in which they are measured.
        scenario: on which they learned, names joined by "+".
        market_hours: of each seed.
        command: by which they were trained.
        commit: at which.
    """

    what: str
    sets: Mapping[str, Sequence[GovernorSet]]
    world: WorldConfig
    scenario: str
    market_hours: float
    command: str
    commit: str


def read_source(path: Path, policies: Sequence[str], seeds: Sequence[int], scratch: Path) -> Source:
    """The trained governors at a path.

    Args:
        path: the folder of a run, or the .json file of a learner or a cell.
        policies: "last", "best" or both.
        seeds: of training; all of them if there are none.
        scratch: an empty folder that holds what is unpacked for as long as the governors are used.

    Raises:
        BadInput: the path is none of these, its files are missing or damaged, it has no such policies or seeds, or its
            governors see what only the simulator knows.
    """
    described = RunFolder(path).config if path.is_dir() else path
    form = str(read_json(described).get("format"))
    if form not in READERS:
        raise BadInput(f"{described}: is of the format {form!r}; {', '.join(READERS)} are accepted: the folder of a "
                       "run, or the .json file of a learner or a cell")  # fmt: skip
    found = READERS[form](described, policies, scratch)
    if found.world.privileged:
        raise BadInput(f"{path}: its governors see what only the simulator knows (privileged is true); governors that "
                       "can sit in any world are accepted")  # fmt: skip
    known = dict.fromkeys(one.training_seed for sets in found.sets.values() for one in sets)
    for seed in seeds:
        if seed not in known:
            raise BadInput(f"seeds holds {seed}; {', '.join(map(str, known))} are accepted, which {path} has")
    chosen = {name: [one for one in sets if not seeds or one.training_seed in seeds]
              for name, sets in found.sets.items()}  # fmt: skip
    return replace(found, sets=chosen)


def _run(path: Path, policies: Sequence[str], scratch: Path) -> Source:
    folder = RunFolder(path.parent)
    config = load_run(folder)
    sets = {name: learned_sets(folder, config, best=name == BEST) for name in policies}
    at = read_json(folder.versions).get("commit", commit()) if folder.versions.is_file() else commit()
    return Source(f"run {config.name}", sets, config.world, "+".join(config.trained_on), config.market_hours,
                  config.command, str(at))  # fmt: skip


def _learner(path: Path, policies: Sequence[str], scratch: Path) -> Source:
    """A learner of the study of learning, as it was at the end of its training.

    Its file has no command, but the sizes in which a reduced study differs from the registered one, in words such as
    "hours 224 instead of 1e+07": they are given back as options.
    """
    about = read_format(path, BadInput, kept.Place.format, kept.Place.version)
    with describing(path, "a learner"):
        made, failed, digest = about["made_with"], about["failed"], about["archive"]
        learner = _learner_of(made["learner"])
        physics, at = made["physics"], str(about["versions"]["commit"])
        options = [f"--{one.partition(' instead of ')[0]}" for one in made["reduced"]]
        world = learner.config()
    _refuse(path, policies, physics)
    if not digest:
        why = f"its training broke off ({failed})" if failed else "its stage keeps none"
        raise BadInput(f"{path}: has no policies, {why}; learners of --stage training are accepted")
    ends = kept.unpack(path, digest, scratch)
    sets = [GovernorSet(LEARNED, seed, policy_files(place)) for seed, (_, place) in ends.items()]
    command = " ".join(["protogov study learning --stage training", *options])
    return Source(f"learner {path.stem} of the study of learning", {LAST: sets}, world, learner.scenario, learner.hours,
                  command, at)  # fmt: skip


def _learner_of(given: Mapping[str, Any]) -> Learner:
    """The learner of a file, without the words about its candidate, which the file lacks."""
    candidate = dict(given["candidate"])
    candidate["options"] = {name: tuple(value) if isinstance(value, list) else value
                            for name, value in candidate["options"].items()}  # fmt: skip
    return Learner(**{**given, "candidate": Candidate(**candidate, about=""), "seeds": tuple(given["seeds"])})


def _cell(path: Path, policies: Sequence[str], scratch: Path) -> Source:
    """A cell of the study of coexistence, as it was at the last checkpoint."""
    about = read_format(path, BadInput, store.FORMAT, store.VERSION)
    with describing(path, "a cell"):
        made, world = about["made_with"], WorldConfig.from_dict(about["config"])
        scenario, hours, command = str(made["scenario"]), float(made["hours"]), str(about["command"])
        physics, at = about["physics"], str(about["versions"]["commit"])
    _refuse(path, policies, physics)
    whole = store.read_cell(path.parent, path.stem, world, made)
    last = store.Kept(whole.weights[:, -1:], whole.about)
    paths = store.unpack(last, path.stem, world, scratch)
    sets = [GovernorSet(LEARNED, seed, own) for seed, (own,) in zip(whole.seeds, paths, strict=True)]
    return Source(f"cell {path.stem} of the study of coexistence", {LAST: sets}, world, scenario, hours, command, at)


def _refuse(path: Path, policies: Sequence[str], physics: str) -> None:
    """Raise BadInput if policies are asked for that a study does not keep, or were trained in another world."""
    if tuple(policies) != (LAST,):
        raise BadInput(f"policies is {' '.join(policies)}, but {path} has no best ones; last is accepted")
    if physics != source_digest():
        raise BadInput(f"{path}: was trained in another world than this one; train it again")


@contextmanager
def describing(path: Path, what: str) -> Iterator[None]:
    """Raise BadInput, naming the file and what it should describe, where a field is missing or of another kind."""
    try:
        yield
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path}: does not describe {what} ({error})") from None


READERS: Mapping[str, Callable[[Path, Sequence[str], Path], Source]] = {
    run_config.FORMAT: _run, kept.Place.format: _learner, store.FORMAT: _cell,
}  # fmt: skip
