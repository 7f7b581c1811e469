"""The scales that rewards are divided by, and the price of variance that follows from the return that LPs ask.

A scale is the standard deviation of 24-hour sums under default levers [bp of K0]. The scales of the presets are frozen
in `envs/mandates.py`: a reward means the same in every experiment. `--weights` measures the scale of your own mandate,
its "daily_sd". The study also measures the hourly variance of the option pool's net book and the `variance_aversion`
that follows from it. LPs ask `lp_premium` above the outside yield for a book of that variance,

    variance_aversion = lp_premium * lp_size / (8760 * hourly variance)                                   [per USD]

so a year of that variance costs what they ask. Run this study after the physics changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.mandates import PRESETS, Mandate, mandate_of
from protogov.envs.world.state import HOURS_PER_YEAR
from protogov.envs.world.welfare import TERM_NAMES
from protogov.experiments.commands.options import Member, pairs, with_physics
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import still
from protogov.experiments.core.statistics import (
    Floats,
    Interval,
    bootstrap_mean,
    interval_columns,
    percentile,
    seed_draws,
)
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes, no_figure
from protogov.experiments.core.tables import Table, columns, records
from protogov.experiments.core.text import aligned, cell, markdown
from protogov.experiments.errors import BadInput, as_bad_input

VARIANCE, AVERSION = "variance", "variance_aversion"
WELFARE, OWN = "welfare", "own"  # names of scales other than "preset/role"


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Measure the daily standard deviation of every mandate and of welfare, and the variance of the pool's book.

    Example: protogov study scales
    """

    seeds: int = 512
    """Episodes, one seed each."""
    scenario: str = "natural"
    """A scenario that may be trained on."""
    member: Member = ""
    weights: tuple[str, ...] = ()
    """Also measure the scale of your own mandate: term=weight for each of its terms."""


@dataclass(frozen=True)
class Episodes:
    """Episodes of a scenario, seeds 0, 1, ...; and the weights of a mandate that is measured with the presets."""

    scenario: str
    seeds: int
    weights: tuple[tuple[str, float], ...] = ()


def play_days(config: WorldConfig, job: Episodes) -> Table:
    """One row per world and whole day, world by world.

    Args:
        config: one venue, with a `variance_aversion` above zero.
        job: what is played.

    Returns:
        "seed"; the 24-hour sum of each mandate of `mandates_of` [bp of K0]; "variance": that of the option pool's net
        book, mean over the hours of the day [USD^2].

    Raises:
        BadInput: `variance_aversion` is zero: the variance is computed from its charge.
    """
    aversion = config.parameters.variance_aversion
    if aversion == 0.0:
        raise BadInput("variance_aversion = 0 must be above zero: the book's variance is computed from its charge.")
    decisions = 24 // config.decision_hours
    shape = (job.seeds, config.horizon // decisions)
    mandates = mandates_of(job.weights)
    found = {name: np.zeros(shape) for name in (*mandates, VARIANCE)}
    for number, (world, _) in enumerate(still(config, job.scenario, np.arange(job.seeds, dtype=np.uint64))):
        day = number // decisions
        if day == shape[1]:
            break
        terms = world.world_terms()
        for name, mandate in mandates.items():
            found[name][:, day] += sum(term.weight * terms[term.source] for term in mandate.terms)
        found[VARIANCE][:, day] += world.worlds["venues"]["sum_variance_charge"][:, 0] / (24.0 * aversion)
    return {"seed": np.repeat(np.arange(job.seeds), shape[1])} | {name: one.ravel() for name, one in found.items()}


def mandates_of(weights: Sequence[tuple[str, float]] = ()) -> dict[str, Mandate]:
    """Names of all scales: "preset/role" of every row of `PRESETS` except W, "welfare", and "own" with `weights`.

    Raises:
        ValueError: `weights` is not a mandate.
    """
    rows = {f"{preset}/{role}": row for preset, table in PRESETS.items() for role, row in table.items()}
    found = {name: row for name, row in rows.items() if row != PRESETS[WELFARE]["joint"]}
    found[WELFARE] = PRESETS[WELFARE]["joint"]
    return found | ({OWN: mandate_of(OWN, dict(weights))} if weights else {})


def implied_aversion(variance: float, premium: float, size: float) -> float:
    """The `variance_aversion` [per USD] at which a year of an hourly variance [USD^2] costs `premium` of `size` USD."""
    return premium * size / (HOURS_PER_YEAR * variance)


def measure(options: Options, how: Running) -> Found:
    """Play the episodes, and compare the measured scales with those in the code."""
    check_sizes(2, seeds=options.seeds)
    config = with_physics(WorldConfig(), options.member)
    job = Episodes(options.scenario, options.seeds, tuple(pairs("weights", options.weights, TERM_NAMES).items()))
    with as_bad_input():
        mandates_of(job.weights)
    (days,) = run_pieces(play_days, config, [Piece("days", job)], how, "episodes")
    return Found({"scales": scales_of(days, config)}, {"seeds": options.seeds, "scenario": options.scenario})


def scales_of(days: Table, config: WorldConfig) -> Table:
    """One row per scale: measured value with its interval (bootstrap over episodes), value in the code, unit."""
    rows = []
    frozen = {name: mandate.daily_sd for name, mandate in mandates_of().items()}
    episodes = len(np.unique(days["seed"]))
    draws = seed_draws(episodes)
    for name in days:
        if name not in ("seed", VARIANCE):
            found = _deviation(days[name].reshape(episodes, -1), draws)
            rows.append(_row(name, found, frozen.get(name, np.nan), "bp of K0, sd of 24 h"))
    people = config.parameters
    book = bootstrap_mean(days[VARIANCE].reshape(episodes, -1).mean(axis=1), draws)
    rows.append(_row(VARIANCE, book, np.nan, "USD^2 an hour"))
    # the larger the variance, the lower the price at which it costs what LPs ask
    mean, high, low = (
        implied_aversion(one, people.lp_premium, people.lp_size) for one in (book.mean, book.low, book.high)
    )
    rows.append(_row(AVERSION, Interval(mean, low, high, book.n), people.variance_aversion, "per USD"))
    return columns(rows)


def _deviation(values: Floats, draws: NDArray[np.int64]) -> Interval:
    """Standard deviation of float64 [episodes, days]: days of one episode hang together, so episodes are resampled."""
    first, second = values.mean(axis=1), (values**2).mean(axis=1)
    resampled = np.sqrt(np.maximum(second[draws].mean(axis=1) - first[draws].mean(axis=1) ** 2, 0.0))
    return percentile(float(values.std()), resampled, len(values))


def _row(name: str, measured: Interval, in_force: float, unit: str) -> dict[str, str | float]:
    return {"name": name, **interval_columns("measured", measured), "in_force": in_force, "unit": unit}


def _cells(found: Found) -> list[list[str]]:
    head = ["scale", "measured", "95% interval", "in force", "unit"]
    rows = [
        [row["name"], cell(row["measured"]), f"[{cell(row['measured_low'])}, {cell(row['measured_high'])}]",
         cell(row["in_force"]), row["unit"]]
        for row in records(found.tables["scales"])
    ]  # fmt: skip
    return [head, *rows]


def judge(found: Found) -> Judged:
    """Values in the code and measured values."""
    about = f"Scales of rewards and the price of variance, {found.facts['seeds']} seeds on {found.facts['scenario']}."
    return Judged((about, *aligned(_cells(found))))


def page(found: Found, judged: Judged) -> Sequence[str]:
    """The same table."""
    head, *rows = _cells(found)
    return [
        *markdown(head, rows),
        "",
        "Standard deviations are over all world-days, their 95% intervals from a bootstrap over episodes. With",
        "`variance_aversion` a year of the book's variance costs `lp_premium` of `lp_size`.",
    ]


STUDY = Study("scales", "Scales of rewards", Options, measure, judge, no_figure, page)
