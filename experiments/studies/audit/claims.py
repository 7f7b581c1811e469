"""Differences in two stages: first on some tapes, then, if these suggest a sign, on as many tapes as a claim needs.

A difference of less than `PROMISING` standard errors on the first tapes is not played further, and no sign is claimed.
A claim uses all tapes together, including the first; the second stage therefore adds no error.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.statistics import Interval, student_t
from protogov.experiments.studies.audit.play import Play, Totals, play_all

SIGNIFICANT = 2.0  # standard errors
PROMISING = 1.0  # standard errors on the first tapes above which a difference is played on the others
NO_SIGN = "not claimed"


def play_claims(
    config: WorldConfig,
    asked: Mapping[str, Play],
    claim: int,
    second_stage: Callable[[str, Sequence[Totals]], set[int]],
    how: Running,
    label: str,
) -> dict[str, list[Totals]]:
    """Play candidates on the tapes asked for, and some of them on up to `claim` tapes from the same first one.

    Args:
        config: the world.
        asked: name -> job of the first stage.
        claim: tapes in the second stage.
        second_stage: (name, totals of its candidates) -> numbers of the candidates of the second stage.
        how: processes, and where finished pieces are kept.
        label: of the progress bar.

    Returns:
        name -> totals of each candidate, F64[tapes] per column, on the tapes of one or of both stages.
    """
    found = {name: by_candidate(totals) for name, totals in play_all(config, asked, how, label).items()}
    chosen = {name: sorted(second_stage(name, found[name])) for name, job in asked.items() if claim > job.count}
    more = {
        name: replace(
            job, points=tuple(job.points[at] for at in chosen[name]), first=job.first + job.count,
            count=claim - job.count,
        )
        for name, job in asked.items() if chosen.get(name)
    }  # fmt: skip
    for name, totals in play_all(config, more, how, f"{label} of a sign").items():
        for at, further in zip(chosen[name], by_candidate(totals), strict=True):
            found[name][at] = {key: np.concatenate([first, further[key]]) for key, first in found[name][at].items()}
    return found


def by_candidate(totals: Totals) -> list[Totals]:
    """Totals F64[candidates, tapes] as those of each candidate."""
    return [dict(zip(totals, rows, strict=True)) for rows in zip(*totals.values(), strict=True)]


def difference(totals: Sequence[Totals], column: str, better: int, worse: int) -> Interval:
    """Difference of two candidates on the tapes that both have played."""
    first, second = totals[better][column], totals[worse][column]
    tapes = min(first.size, second.size)
    return student_t(first[:tapes] - second[:tapes])


def promising(found: Interval) -> bool:
    """Whether more tapes may show a sign."""
    return abs(found.z) > PROMISING


def sign_of(found: Interval, claim: int) -> str:
    """Plus or minus if the whole interval of at least `claim` tapes lies on one side of zero."""
    if found.n < claim or not found.excludes_zero:
        return NO_SIGN
    return "plus" if found.mean > 0.0 else "minus"
