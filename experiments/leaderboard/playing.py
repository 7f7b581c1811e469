"""Play every baseline on every scenario: a piece a pair, over processes, kept as soon as it is done."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from protogov import envs
from protogov.agents import baselines
from protogov.agents.baselines.tuned import TUNED_FILE
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario, overlay_names, scenario_names
from protogov.envs.simulator import Simulator
from protogov.envs.world.kernels import source_digest
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.evaluation import evaluate
from protogov.experiments.governors import BASELINES, NO_SEED, STATIC, GovernorSet, baseline
from protogov.experiments.measured import HEADLINE, STRESS
from protogov.experiments.pieces import play_pieces
from protogov.experiments.play import tape_seeds
from protogov.experiments.tables import Table, concatenate, read_table, write_table

CEILING = "hindsight-best constants"
ATTACKED = "jump"  # the market in which attacks are played
CODE = (str(Path(envs.__file__).parent), str(Path(baselines.__file__).parent))  # the world, and those who govern it


@dataclass(frozen=True)
class Match:
    """One row of the leaderboard on one scenario.

    Attributes:
        governors: who.
        scenario: registered name.
        seeds: tapes; the same ones for everybody.
        first: number of the first of them.
    """

    governors: GovernorSet
    scenario: str
    seeds: int
    first: int = 0


def suite_scenarios() -> tuple[str, ...]:
    """Natural first, then the stress mix, every other registered scenario and every overlay on one of them.

    Those of the split validation are among them, for nothing is trained here; the sealed test is not.
    """
    first = (HEADLINE, STRESS)
    others = (name for name in scenario_names() if name not in first)
    return (*first, *others, *(f"{ATTACKED} + {overlay}" for overlay in overlay_names()))


def make_matches(
    config: WorldConfig,
    seeds: int,
    scenarios: Sequence[str] = (),
    ceiling: Mapping[str, Mapping[str, float]] | None = None,
    extra: Sequence[GovernorSet] = (),
) -> list[Match]:
    """Every registered baseline, `extra` governors and the ceiling where there is one, on every scenario.

    Args:
        config: of the worlds; baselines that can govern none of its roles are left out.
        seeds: tapes a scenario.
        scenarios: names; those of `suite_scenarios` by default.
        ceiling: scenario -> lever -> value, for those scenarios that have a ceiling.
        extra: further governors, say learned ones.

    Raises:
        BadInput: too few seeds, or a scenario that is unknown or twice there.
    """
    if seeds < 2:
        raise BadInput(f"episodes is {seeds}; a whole number of at least 2 is accepted")
    names = list(scenarios or suite_scenarios())
    if len(set(names)) < len(names):
        raise BadInput(f"scenarios holds a name twice: {', '.join(names)}")
    sets = [baseline(STATIC, config)]
    for name in BASELINES:
        if name != STATIC:
            try:
                sets.append(baseline(name, config))
            except BadInput:  # it can govern none of these roles
                continue
    sets += extra
    matches = []
    for scenario in names:
        with as_bad_input():
            get_scenario(scenario).check_hours(config.episode_hours)
        matches += [Match(chosen, scenario, seeds) for chosen in sets]
        if ceiling is not None and scenario in ceiling:
            matches.append(Match(GovernorSet(CEILING, NO_SEED, {}, ceiling[scenario]), scenario, seeds))
    return matches


def play_match(config: WorldConfig, match: Match) -> Table:
    """A row an episode, with the columns `governors`, `training_seed`, `scenario`, `split` and `tape_seed` first."""
    seeds = tape_seeds(match.seeds, match.first)
    table = evaluate(config, match.scenario, seeds, match.governors.make(config))
    return {
        "governors": np.full(match.seeds, match.governors.name),
        "training_seed": np.full(match.seeds, match.governors.training_seed, np.int64),
        "scenario": np.full(match.seeds, match.scenario),
        "split": np.full(match.seeds, get_scenario(match.scenario).split),
        "tape_seed": seeds,
    } | table


def run_matches(
    config: WorldConfig,
    matches: Sequence[Match],
    *,
    jobs: int = 2,
    keep: Path | None = None,
    show: bool = True,
    label: str = "suite",
) -> Table:
    """Play all matches; returns a row an episode, in the order of the matches.

    Args:
        config: of the worlds.
        matches: what is played.
        jobs: processes.
        keep: folder for finished matches, from which they are taken when the same ones are asked for again.
        show: a progress bar.
        label: of the bar.

    Raises:
        BadInput: no job.
        CheckFailed: the books of a world do not balance, or a process died.
    """
    tables: dict[int, Table] = {}
    waiting = []
    Simulator(config, 1).reset()  # compile before any process is made
    with tqdm(
        total=sum(match.seeds for match in matches), desc=label, unit="episode", disable=not show, mininterval=0.5
    ) as bar:
        for number, match in enumerate(matches):
            kept = None if keep is None else keep / _name(config, match)
            if kept is not None and kept.is_file():
                tables[number] = read_table(kept)
                bar.update(match.seeds)
            else:
                waiting.append(number)
        for at, table in play_pieces(play_match, [(config, matches[number]) for number in waiting], jobs):
            number = waiting[at]
            if keep is not None:
                write_table(keep / _name(config, matches[number]), table)
            tables[number] = table
            bar.update(matches[number].seeds)
    return concatenate(tables[number] for number in range(len(matches)))


def _name(config: WorldConfig, match: Match) -> str:
    """Of a match's file: who and where, and a digest of what its numbers depend on."""
    chosen = match.governors
    about = {
        "config": config.to_dict(),
        "scenario": match.scenario,
        "seeds": match.seeds,
        "first": match.first,
        "sources": {agent: _digest(source) for agent, source in chosen.sources.items()},
        "values": dict(chosen.values or {}),
        "training_seed": chosen.training_seed,
        "code": source_digest(*CODE),
        "tuned": _digest(str(TUNED_FILE)),
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]
    words = re.sub("[^A-Za-z0-9_.+-]+", "-", f"{chosen.name}_{match.scenario}")
    return f"{words}_{digest}.parquet"


def _digest(source: str) -> str:
    return hashlib.sha256(Path(source).read_bytes()).hexdigest() if Path(source).is_file() else source
