"""`protogov simulate`: worlds under named governors, recorded decision by decision."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.experiments.commands.candle_options import CandleWindow, candle_report
from protogov.experiments.commands.options import WorldOptions, world_of
from protogov.experiments.core.governors import BASELINES, STATIC, GovernorSet, baseline
from protogov.experiments.core.options import Flat, Positional
from protogov.experiments.core.recording import Recording, record
from protogov.experiments.core.results import manifest, write_manifest
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.hooks import hook_file, load_hook
from protogov.experiments.outputs import OutputFile, OutputFolder
from protogov.experiments.training.learned import find_governors


@dataclass(frozen=True, kw_only=True)
class Options:
    """Run worlds under named governors and record what happens.

    GOVERNORS is `static` (levers at their defaults), `random`, `adaptive_curve` or `slope2_oracle` (only rate levers;
    the others stay static), a run's folder, a folder of policies or policy files.
    Writes decisions, hours and events as tables, and figures (a dashboard, the levers, the option pool's profit).
    manifest.json records what was played: command, versions, world, scenario, seeds, population hook.

    Example: protogov simulate static --scenario crash-heldout --out results/runs/a-crash
    """

    governors: Annotated[tuple[str, ...], Positional("GOVERNORS")] = (STATIC,)
    """The governors."""
    scenario: str = "jump"
    """The outside market: a registered scenario, several joined by '+', or a path to candles."""
    candles: Annotated[CandleWindow, Flat] = field(default_factory=CandleWindow)
    """Hours of a file of candles."""
    seeds: tuple[int, ...] = (0,)
    """One world for each of these seeds; the figures show the first."""
    training_seed: int | None = None
    """Training seed of the governors, for a run with several; the first by default."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world; leave it unset for a run's folder, which has its own world."""
    format: Literal["parquet", "csv"] = "parquet"
    """Format of the tables."""
    against: str | None = STATIC
    """Baseline that the dashboard draws dashed for comparison, or None."""
    population_hook: str | None = None
    """Population hook in plain Python, FILE.py:NAME, called before every hour; slow (protogov.envs.population_hook)."""
    record: OutputFile | None = None
    """Parquet file for everybody's payoffs, one row per decision, world and venue (protogov.experiments.payoffs)."""
    out: OutputFolder
    """Output folder."""


def run(options: Options, command: str) -> int:
    """Simulate, write tables and figures, and print their paths."""
    from protogov.experiments.figures import style
    from protogov.experiments.figures.dashboard import draw_dashboard, draw_levers
    from protogov.experiments.figures.pool_profit import draw_pool_profit

    chosen, config = choose(options)
    window = options.candles
    window.check()
    with as_bad_input():
        scenario = get_scenario(options.scenario, begin=window.begin, end=window.end)
        scenario.check_hours(config.episode_hours)
    window.check_used([scenario])
    if not options.seeds or not 0 <= min(options.seeds) <= max(options.seeds) < 2**64:
        raise BadInput(f"seeds are {options.seeds}; whole numbers from 0 to 2**64 - 1 are accepted, at least one")
    beside = None if options.against in (None, chosen.name) else baseline(str(options.against), config)
    seeds = np.array(options.seeds, np.uint64)
    hook = load_hook(options.population_hook) if options.population_hook else None
    for line in candle_report([scenario], config.episode_hours):
        print(line)
    recording = record(config, scenario, seeds, chosen.make(config), payoffs=options.record, hook=hook)
    static = None if beside is None else record(config, scenario, seeds[:1], beside.make(config), hook=hook)
    paths = recording.save(options.out, f".{options.format}")
    about = manifest(command, {path.stem: path.name for path in paths}, facts(options, config, scenario, chosen.name))
    paths.append(write_manifest(options.out, about))
    defaults = {name: float(recording.decisions[name][0]) for name in _lever_names()}
    pictures = {
        "dashboard": draw_dashboard(recording, static, name=chosen.name),
        "levers": draw_levers(recording, defaults),
        "pool_profit": draw_pool_profit(recording),
    }
    paths += [options.record] if options.record else []
    paths += [style.save(figure, options.out, name) for name, figure in pictures.items()]
    for line in summary_lines(recording, scenario.name, chosen.name):
        print(line)
    print("\n".join(str(path) for path in paths))
    return 0


def facts(options: Options, config: WorldConfig, scenario: Scenario, governors: str) -> dict[str, Any]:
    """What was played, JSON-able; a hook is named by its place and the digest of its file."""
    about = {
        "governors": governors, "scenario": scenario.name, "seeds": list(options.seeds), "world": config.to_dict(),
    }  # fmt: skip
    if options.population_hook:
        about["population_hook"] = options.population_hook
        about["population_hook_sha256"] = hashlib.sha256(hook_file(options.population_hook).read_bytes()).hexdigest()
    return about


def choose(options: Options) -> tuple[GovernorSet, WorldConfig]:
    """The governors asked for, and their world.

    Raises:
        BadInput: they are unknown or contradict the other options.
    """
    names = options.governors
    if len(names) == 1 and names[0] in BASELINES:
        config = options.world.make()
        return baseline(names[0], config), config
    if any(name in BASELINES for name in names):
        raise BadInput(f"governors are {' '.join(names)}; one baseline ({', '.join(BASELINES)}) or paths are accepted")
    found = find_governors([Path(name) for name in names])
    config = world_of(found, options.world)
    if options.training_seed is None:
        return found.sets[0], config
    for chosen in found.sets:
        if chosen.training_seed == options.training_seed:
            return chosen, config
    known = ", ".join(str(chosen.training_seed) for chosen in found.sets if found.run is not None) or "none"
    raise BadInput(f"training_seed is {options.training_seed}; seeds with a checkpoint are {known}")


def summary_lines(recording: Recording, scenario: str, name: str) -> list[str]:
    """One sentence about each world."""
    lines = []
    decisions = recording.decisions
    for world in np.unique(decisions["world"]):
        here = decisions["world"] == world
        welfare, bad = decisions["welfare"][here].sum(), decisions["bad_debt"][here].sum()
        hours, price = int(decisions["hour"][here].max()), decisions["tape_price"][here]
        lines.append(
            f"world {world}: {hours} h of {scenario} under {name}: price {price[0]:,.0f} to {price[-1]:,.0f} USD, "
            f"W {welfare:+.1f} bp of K0, liquidated {decisions['liquidated'][here].sum() / 1e6:.2f}M USD, "
            f"bad debt {bad / 1e6:.3f}M USD."
        )
    return lines


def _lever_names() -> list[str]:
    from protogov.envs.world.lever_table import LEVERS

    return [lever.name for lever in LEVERS]
