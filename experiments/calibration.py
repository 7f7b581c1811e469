"""Compare what the world reproduces with stated bands: `python -m protogov.experiments.calibration`.

Loop gains by kind of hour, the daily regression of liquidations on returns, how concentrated liquidators' profits are,
the loss of the spot pool to arbitrage. Default levers throughout, nobody learns. Sources: the training scenarios, and
the calibration windows among recorded candles when they lie beside the repository or where --history says.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from protogov.envs.config import WorldConfig
from protogov.experiments.calibration_bands import failing
from protogov.experiments.calibration_figures import all_figures
from protogov.experiments.calibration_measure import (
    POPULATIONS,
    Markets,
    Sample,
    Source,
    history_sources,
    measure,
    measure_markets,
    pool_loss,
    synthetic_sources,
)
from protogov.experiments.calibration_report import format_figures, format_sources
from protogov.experiments.errors import BadInput
from protogov.experiments.paths import shared_data
from protogov.experiments.sweeps import parse_parameters

POOL_SEEDS = 8  # worlds in which the pool's loss is measured: an identity needs no more


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """Measure the world under default levers and compare it with the stated bands.

    Exit code: 0 done; 1 with --check when a figure lies outside its band or could not be measured; 2 bad input.
    """

    history: Path | None = None
    """Folder of recorded candles with the calibration windows. Default: ../shared/data/crises, if there."""
    synthetic: bool = False
    """Leave recorded candles out even where they are found."""
    seeds: int = 256
    """Episodes of every source, one population each; and as many again in markets of many populations on one tape."""
    first_seed: int = 0
    """The first of the seeds."""
    parameters: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Replace a physical parameter, name=value; may be given several times."""
    out: Path | None = None
    """Write the page, the figure (SVG, PNG) and the numbers (JSON) to this folder."""
    check: bool = False
    """Exit with 1 when a figure lies outside its band."""
    episode_hours: int = 336
    """Length of an episode."""


def chosen_sources(options: CalibrationOptions) -> list[Source]:
    """The training scenarios and, where there are any, the recorded calibration windows.

    Raises:
        BadInput: --history names a place without such windows.
    """
    sources = synthetic_sources()
    if options.synthetic:
        return sources
    place = options.history if options.history is not None else shared_data() / "crises"
    if options.history is None and not place.is_dir():
        print(f"no recorded candles at {place}: synthetic scenarios alone", flush=True)
        return sources
    return sources + history_sources(place)


def run(options: CalibrationOptions) -> int:
    """Measure, print, and write what was asked for; returns the exit code.

    Raises:
        ValueError: an option that cannot be; see the message.
    """
    for name, value, low in (("seeds", options.seeds, 2), ("first-seed", options.first_seed, 0)):
        if value < low:
            raise BadInput(f"{name} is {value}; a whole number from {low} is accepted")
    if options.episode_hours < 48:
        raise BadInput(f"episode-hours is {options.episode_hours}; the daily regression needs at least 48")
    config = WorldConfig(episode_hours=options.episode_hours).with_parameters(**parse_parameters(options.parameters))
    sources = chosen_sources(options)
    seeds = np.arange(options.first_seed, options.first_seed + options.seeds)
    began = time.perf_counter()
    samples: list[Sample] = []
    markets: list[Markets] = []
    tapes = max(2, options.seeds // POPULATIONS)
    for source in sources:
        samples.append(measure(source, seeds, config))
        markets.append(measure_markets(source, tapes, options.first_seed, config))
        print(
            f"[{time.perf_counter() - began:6.1f} s] {source.name}: {seeds.size} episodes, {tapes} tapes of "
            f"{POPULATIONS} populations",
            flush=True,
        )
    pool = pool_loss(sources[0], seeds[:POOL_SEEDS], config)
    figures = all_figures(samples, markets, pool)
    print(f"\n{format_sources(samples, markets)}\n\n{format_figures(figures)}")
    missed = failing(figures)
    print(f"\n{len(missed)} figures outside their band{': ' if missed else ''}{', '.join(b.name for b in missed)}")
    if options.out is not None:
        from protogov.experiments.calibration_drawing import write_calibration  # matplotlib only when drawn

        for path in write_calibration(options.out, samples, markets, figures, options, config):
            print(f"wrote {path}")
    return 1 if options.check and missed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; bad input is one line on stderr and exit code 2."""
    try:
        return run(tyro.cli(CalibrationOptions, prog="calibration", args=arguments))
    except ValueError as error:
        print(f"calibration: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
