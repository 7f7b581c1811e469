"""The drift of the scenario `natural`, measured: it adds, hour by hour, what its parts lose on average.

Crises fall, and the other parts lose a little. The constant of `protogov.envs.scenarios.natural` solves

    sum over quiet parts of share * E[1 + r] * exp(336 * drift)  +  sum over crises of share * E[1 + r]  =  1

where r is the simple return of a 336-hour tape. Each part's mean is taken on tapes of that part alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Composed
from protogov.envs.scenarios.natural import NATURAL
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes, no_figure
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.core.text import aligned, markdown, rows_of
from protogov.experiments.studies.natural import HOURS, closes_of, simple_return

FIRST_MEASURING = 2**45  # first tape seed on which the drift is measured
FIRST_VERIFYING = 2**46  # first tape seed on which it is verified
WHOLE = -1  # as the number of a part: the mixture


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Measure the hourly drift that makes the expected return of `natural` zero, and verify the one in the code.

    Example: protogov study natural_drift
    """

    tapes: int = 32768
    """Tapes of each part."""
    verify: int = 4096
    """Tapes of the mixture."""


@dataclass(frozen=True)
class Tapes:
    """Tapes of a part of `natural`, without its drift, or of the whole with it; 0 is the first part."""

    part: int
    count: int


def play_returns(config: WorldConfig, job: Tapes) -> Table:
    """Simple returns of the tapes. Nothing is simulated: the world does not matter here."""
    if job.part == WHOLE:
        return {"return": simple_return(closes_of(NATURAL, job.count, FIRST_VERIFYING))}
    part = NATURAL.parts[job.part]
    bare = part.first if isinstance(part, Composed) else part
    return {"return": simple_return(closes_of(bare, job.count, FIRST_MEASURING))}


def measure(options: Options, how: Running) -> Found:
    """One row per part and one for the whole; the drift that follows."""
    check_sizes(2, tapes=options.tapes, verify=options.verify)
    jobs = [Tapes(part, options.tapes) for part in range(len(NATURAL.parts))] + [Tapes(WHOLE, options.verify)]
    pieces = [Piece(f"part_{job.part}", job) for job in jobs]
    returns = [table["return"] for table in run_pieces(play_returns, WorldConfig(), pieces, how, "tapes")]
    rows, quiet, crises, variance = [], 0.0, 0.0, 0.0
    parts = [*zip(NATURAL.parts, NATURAL.shares, strict=True), (NATURAL, 1.0)]
    for (part, share), found in zip(parts, returns, strict=True):
        one = student_t(found)
        rows.append({"part": part.name, "share": float(share), "return": one.mean, "error": one.error, "tapes": one.n})
        if part is NATURAL:
            break
        variance += (share * one.error) ** 2
        if isinstance(part, Composed):
            quiet += share * (1.0 + one.mean)
        else:
            crises += share * (1.0 + one.mean)
    facts = {"drift": log((1.0 - crises) / quiet) / HOURS, "error": float(sqrt(variance) / quiet / HOURS)}
    return Found({"parts": columns(rows)}, facts)


def judge(found: Found) -> Judged:
    """The drift, and the mean return with the drift in the code."""
    parts, facts = found.tables["parts"], found.facts
    return Judged(
        (
            f"A drift of {facts['drift']:.3e} ± {facts['error']:.1e} per hour makes the mean return of `natural` zero; "
            f"with the code's drift its mean return is {parts['return'][-1]:+.5f} ± {parts['error'][-1]:.5f}.",
            *aligned([list(parts), *rows_of(parts)]),
        )
    )


def page(found: Found, judged: Judged) -> Sequence[str]:
    """Mean returns of the parts, without their drift, and of the whole with it."""
    parts = found.tables["parts"]
    return [
        f"Simple returns of {HOURS} hours: parts without their drift, seeds from {FIRST_MEASURING} on; the whole with "
        f"it, from {FIRST_VERIFYING} on.",
        "", *markdown(list(parts), rows_of(parts)),
    ]  # fmt: skip


STUDY = Study("natural_drift", "The drift of `natural`", Options, measure, judge, no_figure, page)
