"""Compare what the world does with stated bands: `python -m protogov.experiments.calibration`.

The credit market and the option pool on `between-crises`, `calm` and the training crises up to 2022, held against bands
whose sources lie outside this project; beside them, without a band, loop gains by kind of hour and the daily
regressions of liquidations on returns. Default levers throughout, nobody learns.
"""

import sys
import time
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import tyro

from protogov.envs.config import WorldConfig
from protogov.experiments import cli
from protogov.experiments.calibration_bands import OUTSIDE, SCENARIOS, failing
from protogov.experiments.calibration_figures import all_figures
from protogov.experiments.calibration_market import FIRST_SEED, measure_scenarios
from protogov.experiments.calibration_measure import (
    POPULATIONS,
    Markets,
    Sample,
    all_sources,
    measure,
    measure_markets,
    pool_loss,
)
from protogov.experiments.calibration_report import format_figures, format_sources
from protogov.experiments.commands.options import Member, with_physics
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.outputs import OutputFolder

PROGRAM = "python -m protogov.experiments.calibration"
OUTSIDE_TAPES = 4  # of `between-crises` over those of another market: the regression that was published is of all days
POOL_SEEDS = 8  # worlds in which the pool's loss is measured: an identity needs no more


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure the world under default levers and compare it with the stated bands.

    Exit code: 0 done; 1 with --check when a figure lies outside its band or could not be measured; 2 bad input.
    """

    seeds: int = 512
    """Tapes of every scenario that bands are measured on; a quarter of them is read hour by hour for what is reported
    beside, and a sixteenth plays markets of many populations on one tape, four times as many between crises."""
    first_seed: int = FIRST_SEED
    """The first of the seeds: 2^43, from which on nothing else plays."""
    member: Member = ""
    parameters: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Replace a physical parameter, name=value; may be given several times."""
    out: OutputFolder | None = None
    """Write the page, the figure (SVG, PNG) and the numbers (JSON) to this folder."""
    check: bool = False
    """Exit with 1 when a figure lies outside its band."""
    episode_hours: int = 336
    """Length of an episode."""


def run(options: Options, command: str = PROGRAM) -> int:
    """Measure, print, and write what was asked for.

    Raises:
        BadInput: an option that cannot be.
        CheckFailed: with --check, a figure outside its band.
    """
    for name, value, low in (("seeds", options.seeds, 8), ("first-seed", options.first_seed, 0)):
        if value < low:
            raise BadInput(f"{name} is {value}; a whole number from {low} is accepted")
    if options.episode_hours < 48:
        raise BadInput(f"episode-hours is {options.episode_hours}; the daily regression needs at least 48")
    config = with_physics(WorldConfig(episode_hours=options.episode_hours), options.member, options.parameters)
    began = time.perf_counter()
    measured = measure_scenarios(config, dict.fromkeys(SCENARIOS, options.seeds), options.first_seed)
    print(f"[{time.perf_counter() - began:6.1f} s] {options.seeds} tapes of each scenario", flush=True)
    seeds = np.arange(options.first_seed, options.first_seed + options.seeds // 4)
    tapes = max(2, options.seeds // POPULATIONS)
    sources = all_sources()
    samples: list[Sample] = []
    markets: list[Markets] = []
    for source in sources:
        samples.append(measure(source, seeds, config))
        shared = OUTSIDE_TAPES * tapes if source.name in OUTSIDE else tapes
        markets.append(measure_markets(source, shared, options.first_seed, config))
        print(
            f"[{time.perf_counter() - began:6.1f} s] {source.name}: {seeds.size} episodes hour by hour, {shared} tapes "
            f"of {POPULATIONS} populations",
            flush=True,
        )
    pool = pool_loss(sources[0], seeds[:POOL_SEEDS], config)
    figures = all_figures(measured, samples, markets, pool)
    print(f"\n{format_sources(measured, samples, markets)}\n\n{format_figures(figures)}")
    missed = failing(figures)
    print(f"\n{len(missed)} figures outside their band{': ' if missed else ''}{', '.join(b.name for b in missed)}")
    if options.out is not None:
        from protogov.experiments.calibration_drawing import write_calibration  # matplotlib only when drawn

        for path in write_calibration(options.out, measured, samples, markets, figures, options, config, command):
            print(f"wrote {path}")
    if options.check and missed:
        raise CheckFailed(f"{len(missed)} figures lie outside their band: {', '.join(band.name for band in missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(cli.run_command(sys.modules[__name__], sys.argv[1:], PROGRAM))
