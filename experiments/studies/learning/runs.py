"""Training of a candidate in one form, on one market and size: policies of every seed, along its way and at its end.

A candidate that learns by gradient has an ordinary folder of a run, which `protogov train --resume`, `evaluate` and
`report` accept. One that learns by evolution is a search of `studies.tuning`, whose results are written as policy
files. Both continue from where they stopped.
"""

import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from protogov.agents.baselines.linear_feedback import WEIGHTS
from protogov.agents.policies.policy import Policy
from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.tuning.networks import HIDDEN
from protogov.envs.config import WorldConfig
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.fresh_tapes import Effort, search_tapes
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table, read_csv
from protogov.experiments.errors import BadInput, CheckFailed, as_bad_input
from protogov.experiments.studies.learning.candidates import EVOLUTION, GRADIENT, LINEAR, SEARCH_OPTIONS, Candidate
from protogov.experiments.studies.learning.preregistration import COOPERATIVE, JOINT, SELFISH
from protogov.experiments.studies.tuning.searches import (
    FAMILIES,
    LEVERS,
    SHARES,
    Search,
    effort_of,
    family_of,
    linear_start,
    networks_around,
    search_piece,
)
from protogov.experiments.studies.tuning.study import Options as TuneOptions
from protogov.experiments.training import train as training
from protogov.experiments.training.learned import latest, load_run, policy_files
from protogov.experiments.training.run_config import RunConfig, evaluation_world
from protogov.experiments.training.seed import progress_of

WAY, FINISHED = "way", "finished"  # folder of the policies along a seed's way, and the mark that it is complete
STEPS = 8  # checkpoints of a run; those at `SHARES` of it are kept as policies
# options of a run that the study sets for every candidate, so that they are compared on equal terms
OF_THE_STUDY = ("name", "runs", "scenario", "seeds", "market_hours", "worlds", "resume", "config")


@dataclass(frozen=True)
class Learner:
    """What is trained.

    Attributes:
        candidate: a row of the table.
        size: of the world.
        form: "cooperative", "joint" or "selfish".
        scenario: on which it learns.
        seeds: of training.
        hours: market hours a seed.
        worlds: side by side, for what learns by gradient.
        privileged: it sees what only the simulator knows.
    """

    candidate: Candidate
    size: str
    form: str
    scenario: str
    seeds: tuple[int, ...]
    hours: float
    worlds: int
    privileged: bool = False

    @property
    def name(self) -> str:
        """For tables; the size apart, which has its own column."""
        sight = "privileged " if self.privileged else ""
        return f"{self.candidate.name} {sight}{self.form} on {self.scenario}"

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return f"{self.size}_{self.name}_{self.seeds[0]}".replace(" ", "-")

    @property
    def world(self) -> WorldOptions:
        """The world that it learns in."""
        roles = ("joint",) if self.form == JOINT else ()
        base = WorldOptions(
            size=self.size, roles=roles, cooperation=float(self.form == COOPERATIVE), privileged=self.privileged
        )
        return _changed(base, self.candidate, "world.")

    def config(self) -> WorldConfig:
        """The world of its evaluation: its own observation and levers, complete episodes, the default population."""
        return replace(evaluation_world(self.world.make()), member="")


@dataclass(frozen=True)
class Start:
    """Constants and a linear rule that were tuned for a market: F64[12] actions, F64[12, 4] weights."""

    constants: Floats
    linear: Floats


@dataclass(frozen=True)
class Trained:
    """A seed that was trained.

    Attributes:
        learner: of which it is a seed.
        seed: its number.
        way: (market hours, policies' folder) along the way; the last is the end.
        seconds: that its training took; NaN if that was not kept.
    """

    learner: Learner
    seed: int
    way: tuple[tuple[float, Path], ...]
    seconds: float = math.nan

    def governors(self, step: int = -1, name: str = "") -> GovernorSet:
        """The set at a step of its way, by default the end, under its learner's name or another one."""
        return GovernorSet(name or self.learner.name, self.seed, policy_files(self.way[step][1]))


def forms_of(candidate: Candidate, forms: Sequence[str]) -> tuple[str, ...]:
    """Forms in which it can learn. CMA-ES has one score, welfare, and no selfish form."""
    return tuple(form for form in forms if form != SELFISH or candidate.algorithm != LINEAR)


def train_learner(learner: Learner, start: Start, out: Path, how: Running) -> list[Trained]:
    """Train every seed, or continue its training.

    Raises:
        BadInput: the candidate's options are refused, or the folder holds another run.
        CheckFailed: a seed's learning diverged, a process died, or the disk filled up.
        KeyboardInterrupt: Ctrl-C; everything is saved.
    """
    folder = RunFolder(out / "runs" / learner.folder)
    if learner.candidate.algorithm != GRADIENT:
        return _evolve(learner, start, folder, how)
    options = train_options(learner, start, folder.path)
    config = _folder_of(folder, options)
    places = [folder.seed_folder(seed, len(config.seeds)) for seed in config.seeds]
    if not all((place / WAY / FINISHED).is_file() for place in places):
        results = training.train(folder, config, how.jobs, resume=True)
        if len(results) < len(config.seeds) or not all(one.finished for one in results):
            raise KeyboardInterrupt
    return [
        Trained(learner, seed, _keep_way(place), float(read_csv(place / "metrics.csv")["seconds"].sum()))
        for seed, place in zip(config.seeds, places, strict=True)
    ]


def train_options(learner: Learner, start: Start, folder: Path) -> training.Options:
    """The options of `protogov train` of one learner; policies to start from are written to `folder`.

    Raises:
        BadInput: a row of the table names an option that there is not, or that is refused.
    """
    _check_options(learner.candidate)
    settings = _changed(PPOSettings(), learner.candidate, "ppo.")
    if learner.candidate.start != "defaults":
        if settings.architecture != "mlp" or settings.hidden_sizes != HIDDEN or settings.action_form != "target":
            raise BadInput(
                f"candidate {learner.candidate.name} starts at {learner.candidate.start}; the architecture mlp of "
                f"{HIDDEN} with targets is accepted there"
            )
        settings = replace(settings, start=str(write_start(learner, start, folder / "start")))
    options = _changed(training.Options(name=folder.name, runs=folder.parent), learner.candidate, "")
    options = replace(
        options, scenario=learner.scenario, seeds=learner.seeds, market_hours=learner.hours, worlds=learner.worlds,
        world=learner.world, ppo=settings,
    )  # fmt: skip
    every = max(training.configure(options, "").total_rollouts // STEPS, 1)
    return replace(options, ppo=replace(settings, checkpoint_every=every, keep_checkpoints=0))


def _check_options(candidate: Candidate) -> None:
    """Refuse options of a candidate that would be ignored, or that would make its score incomparable.

    Raises:
        BadInput: an option that the study sets, of validation, or of a section that a row has not; a value that a
            search has not.
    """
    searched = {f"search.{name}": check for name, check in SEARCH_OPTIONS.get(candidate.algorithm, {}).items()}
    others = ", ".join(searched) or f"those of ppo and of a run except {', '.join(OF_THE_STUDY)}"
    sections = ("world",) if searched else ("", "ppo", "world")
    for name, value in candidate.options.items():
        section = name.rpartition(".")[0]
        if "validation" in (section, name):
            raise BadInput(
                f"candidate {candidate.name} sets {name}; candidates are scored on validation; none may learn from it"
            )
        if (section not in sections and name not in searched) or name in OF_THE_STUDY:
            raise BadInput(f"candidate {candidate.name} sets {name}; options of world are accepted, and {others}")
        if name in searched and not searched[name][1](value):
            raise BadInput(f"candidate {candidate.name} sets {name} to {value!r}; {searched[name][0]} is accepted")


def _changed(base: Any, candidate: Candidate, prefix: str) -> Any:
    """An options object with the candidate's options of that section."""
    own = {
        name.removeprefix(prefix): value
        for name, value in candidate.options.items()
        if name.startswith(prefix) and "." not in name.removeprefix(prefix)
    }
    try:
        return replace(base, **own)
    except (TypeError, ValueError) as error:
        raise BadInput(f"candidate {candidate.name} cannot be trained: {error}") from None


def _folder_of(folder: RunFolder, options: training.Options) -> RunConfig:
    """The run's configuration, written or found.

    Raises:
        BadInput: the folder holds a run with other options.
    """
    config = training.configure(options, "protogov study learning")
    if not folder.config.exists():
        training.write_configuration(folder, options, config)
        return config
    stored = load_run(folder)
    if replace(stored, command="", started="") != replace(config, command="", started=""):
        raise BadInput(f"{folder.path}: holds a run with other options than these; give the same, or another --out")
    return training.run_to_resume(folder)


def _keep_way(seed_folder: Path) -> tuple[tuple[float, Path], ...]:
    """Keep the policies of the checkpoints at `SHARES` of a finished run, and its last checkpoint whole."""
    if (seed_folder / WAY / FINISHED).is_file():
        return _way_in(seed_folder)
    last = latest(seed_folder)
    assert last is not None, "a finished run has a checkpoint"
    found = sorted((int(path.name), path) for path in last.parent.iterdir() if path.name.isdigit())
    for _, path in found:
        done, total, hours = progress_of(path)
        near = any(done == max(round(share * STEPS), 1) * max(total // STEPS, 1) for share in SHARES[:-1])
        place = seed_folder / WAY / f"{hours:.0f}"
        if near or path == last:
            place.mkdir(parents=True, exist_ok=True)
            for file in path.glob("policy_*"):
                shutil.copy2(file, place / file.name)
        if path != last:
            shutil.rmtree(path)  # its worlds are large
    (seed_folder / WAY / FINISHED).touch()
    return _way_in(seed_folder)


def _way_in(seed_folder: Path) -> tuple[tuple[float, Path], ...]:
    places = (path for path in (seed_folder / WAY).iterdir() if path.is_dir())
    return tuple(sorted((float(path.name), path) for path in places))


# ---------------------------------------------------------------------- evolution


def effort(learner: Learner, episode_hours: int) -> Effort:
    """Generations within the learner's market hours, each as large as one of `protogov tune` or as its row says."""
    default, candidate = TuneOptions(), learner.candidate
    one = effort_of(candidate.algorithm, 1, default.population, default.tapes)
    own = {
        name.removeprefix("search."): value for name, value in candidate.options.items() if name.startswith("search.")
    }
    if "pairs" in own:
        own["population"] = 2 * own.pop("pairs")
    one = replace(one, **own)
    generations = int(learner.hours / (episode_hours * one.population * one.tapes))
    return replace(one, generations=max(generations, 1))


def _evolve(learner: Learner, start: Start, folder: RunFolder, how: Running) -> list[Trained]:
    _check_options(learner.candidate)
    kind, config = learner.candidate.algorithm, learner.config()
    own = effort(learner, config.episode_hours)
    point, rule = _first(learner.candidate, start, config)
    jobs = [
        Search(learner.scenario, kind, seed, own, point, selfish=learner.form == SELFISH, rule=rule)
        for seed in learner.seeds
    ]
    with as_bad_input():  # the rule may read what this world does not show; a search has so many tapes and no more
        family = family_of(config, jobs[0])
        search_tapes(max(learner.seeds), own)
    pieces = [Piece(f"search_{learner.folder}_{job.number}", job) for job in jobs]
    found = []
    tables = run_pieces(timed_search, config, pieces, how, learner.name)
    for seed, table in zip(learner.seeds, tables, strict=True):
        seed_folder = folder.seed_folder(seed, len(learner.seeds))
        shutil.rmtree(seed_folder / WAY, ignore_errors=True)  # of another search, if the row has changed since
        for share in SHARES:
            hours = max(round(share * own.generations), 1) * own.population * own.tapes * config.episode_hours
            place = seed_folder / WAY / f"{hours:.0f}"
            place.mkdir(parents=True, exist_ok=True)
            after = table[f"after_{share:g}"]
            policies = family.policies(after) if kind == EVOLUTION else linear_policies(config, after)
            for policy in policies:
                policy.save(place)
        (seed_folder / WAY / FINISHED).touch()
        found.append(Trained(learner, seed, _way_in(seed_folder), float(table["seconds"][0])))
    return found


def timed_search(config: WorldConfig, job: Search) -> Table:
    """What the search offers, and the seconds that it took, in every row."""
    began = time.perf_counter()
    table = search_piece(config, job)
    return {**table, "seconds": np.full(len(job.start), time.perf_counter() - began)}


def _first(candidate: Candidate, start: Start, config: WorldConfig) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The first point of a search, and the weights of the rule to which its networks add."""
    rule = tuple(start.linear.ravel().tolist()) if candidate.start == "linear" else ()
    if rule and candidate.algorithm == LINEAR:
        return rule, ()
    actions = start.constants if candidate.start == "constants" else np.zeros(len(LEVERS))
    kind = FAMILIES[candidate.algorithm]
    return tuple(kind.start(kind.make(config), actions).tolist()), rule


def linear_policies(config: WorldConfig, weights: Floats) -> list[Policy]:
    """The linear rule as policies of every governor: an incumbent, and a network that adds nothing.

    Args:
        config: of the world.
        weights: F64[12, 4], or as a vector, lever by lever in the order of all levers.
    """
    rows = np.asarray(weights, np.float64).reshape(-1, WEIGHTS)
    return [
        replace(policy, weights={name: np.zeros_like(values) for name, values in policy.weights.items()})
        for policy in _around(config, rows)
    ]


def write_start(learner: Learner, start: Start, folder: Path) -> Path:
    """Write policies that equal the constants or the linear rule, as the start of a training; returns the folder."""
    rows = start.linear
    if learner.candidate.start == "constants":
        rows = linear_start(start.constants).reshape(-1, WEIGHTS)
    folder.mkdir(parents=True, exist_ok=True)
    for policy in _around(learner.config(), rows):
        policy.save(folder)
    return folder


def _around(config: WorldConfig, rows: Floats) -> list[Policy]:
    """Networks whose output is zero, around the rule of weights F64[12, 4]."""
    networks = networks_around(config, rows)
    return networks.policies(networks.start(np.zeros(len(networks.levers))))


def broken(error: CheckFailed) -> bool:
    """Whether the learning of a seed diverged, which is a result, and not a fault of the machine."""
    return str(error).startswith("seed ")
