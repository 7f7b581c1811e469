"""The world compared with stated bands: credit market and option pool under default levers; nobody learns.

Bands have sources outside this project. Figures are measured on `between-crises`, `calm` and the training crises up to
2022. Loop gains by kind of hour and the daily regressions of liquidations on returns are reported without a band.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.experiments.commands.options import Member, with_physics
from protogov.experiments.core.options import Repeated
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import concatenate
from protogov.experiments.core.text import aligned
from protogov.experiments.studies.calibration.bands import OUTSIDE, SCENARIOS, failing
from protogov.experiments.studies.calibration.draw import draw_calibration
from protogov.experiments.studies.calibration.hours import BATCH, POPULATIONS, play_hours, play_markets, play_pool
from protogov.experiments.studies.calibration.market import FIRST_SEED, Tapes, play_episodes
from protogov.experiments.studies.calibration.page import calibration_page, figure_rows, headline_of, source_rows
from protogov.experiments.studies.calibration.summary import (
    SIZES,
    figures_in,
    figures_of,
    fits_of,
    response_of,
    sources_of,
    spreads_of,
)

OUTSIDE_TAPES = 4  # tapes of `between-crises` over those of another market: the published regression covers all days
AT_ONCE = BATCH // POPULATIONS  # tapes of a piece of markets
POOL_SEEDS = 8  # worlds in which the pool's loss is measured; an identity needs no more


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Measure the world under default levers and compare it with the stated bands.

    Example: protogov study calibration --out results/calibration
    """

    seeds: int = 512
    """Tapes of every scenario with a band. A quarter of them is read hour by hour for figures without a band. A
    sixteenth plays markets of many populations on one tape, four times as many between crises."""
    first_seed: int = FIRST_SEED
    """The first of the seeds; nothing else plays tapes from 2^43 on."""
    member: Member = ""
    parameters: Annotated[tuple[str, ...], Repeated] = ()
    """Replace a physical parameter, name=value; may be repeated."""
    check: bool = False
    """Exit with 1 if a figure lies outside its band or could not be measured."""
    episode_hours: int = 336
    """Length of an episode."""


def measure(options: Options, how: Running) -> Found:
    """Play every scenario three times, and the pool alone.

    Raises:
        BadInput: an invalid option.
    """
    check_sizes(8, seeds=options.seeds)
    check_sizes(0, first_seed=options.first_seed)
    check_sizes(48, episode_hours=options.episode_hours)  # two days, which the daily regression needs
    config = with_physics(WorldConfig(episode_hours=options.episode_hours), options.member, options.parameters)
    first, quarter = options.first_seed, options.seeds // 4
    wholes = [Piece(name, Tapes(name, first, options.seeds)) for name in SCENARIOS]
    parts = [Piece(name, Tapes(name, first, quarter)) for name in SCENARIOS]
    measured = dict(zip(SCENARIOS, run_pieces(play_episodes, config, wholes, how, "episodes"), strict=True))
    hours = dict(zip(SCENARIOS, run_pieces(play_hours, config, parts, how, "hours"), strict=True))
    asked = [
        (name, Tapes(name, first + POPULATIONS * at, min(AT_ONCE, tapes - at)))
        for name, tapes in ((name, max(2, options.seeds // POPULATIONS) * _longer(name)) for name in SCENARIOS)
        for at in range(0, tapes, AT_ONCE)
    ]
    pieces = [Piece(f"markets_{name}", job) for name, job in asked]
    days = list(zip(asked, run_pieces(play_markets, config, pieces, how, "markets"), strict=True))
    markets = {name: concatenate(table for (own, _), table in days if own == name) for name in SCENARIOS}
    alone = Piece("pool", Tapes(SCENARIOS[0], first, min(POOL_SEEDS, quarter)))
    (pool,) = run_pieces(play_pool, config, [alone], how, "pool")
    accounts, together = int(config.parameters.num_accounts), concatenate(hours.values())
    return Found(
        {
            "figures": figures_of(measured, together, markets, pool, accounts),
            "sources": sources_of(measured, hours, markets, accounts),
            "spreads": spreads_of(together),
            "fits": fits_of(hours, markets),
            "response": response_of(markets[SCENARIOS[0]]),
        },
        {
            "seeds": [first, first + options.seeds - 1], "accounts": accounts, "sizes": list(SIZES),
            "check": options.check, "config": config.to_dict(),
        },
    )  # fmt: skip


def _longer(scenario: str) -> int:
    return OUTSIDE_TAPES if scenario in OUTSIDE else 1


def judge(found: Found) -> Judged:
    """Which figures lie inside their bands; with --check a figure outside fails the study."""
    figures = figures_in(found.tables["figures"])
    missed = [band.name for band in failing(figures)]
    failures = (f"{len(missed)} figures lie outside their band: {', '.join(missed)}",)
    lines = (*aligned(source_rows(found.tables["sources"])), "", *aligned(figure_rows(figures)))
    return Judged((headline_of(figures), *lines), failures if missed and found.facts["check"] else ())


def draw(found: Found) -> Mapping[str, Figure]:
    """Bands, gains, regression and response in one figure."""
    return {"calibration": draw_calibration(found, judge(found).sentences[0])}


STUDY = Study("calibration", "Calibration", Options, measure, judge, draw, calibration_page)
