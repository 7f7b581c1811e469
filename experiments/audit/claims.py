"""Differences in two stages: on some tapes first, and where these leave a sign open, on as many as a claim takes.

What the first tapes tell from nothing by less than `PROMISING` standard errors goes no further, and no sign is claimed
for it: a claim is made on all tapes together, the first included, so that going on costs nothing in error.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.audit.measurement import PROMISING, Floats, Paired
from protogov.experiments.audit.playing import Play, play_pieces_of
from protogov.experiments.audit.running import Running

Totals = dict[str, Floats]  # of one candidate: column -> F64[tapes]
NO_SIGN = "not claimed"


def play_claims(
    config: WorldConfig,
    asked: Mapping[str, Play],
    claim: int,
    goes_on: Callable[[str, Sequence[Totals]], set[int]],
    how: Running,
    label: str,
) -> dict[str, list[Totals]]:
    """Play candidates on the tapes asked for, and some of them on up to `claim` tapes from the same first one.

    Args:
        config: the world.
        asked: name -> what is played first.
        claim: tapes of those that go on.
        goes_on: of (name, totals of its candidates), the numbers of candidates that do.
        how: processes, and where finished pieces are kept.
        label: of the progress bar.

    Returns:
        name -> totals of each candidate, on fewer or more tapes.
    """
    played = play_pieces_of(config, asked, how, label)
    found = {
        name: [{column: values[at] for column, values in totals.items()} for at in range(len(asked[name].points))]
        for name, totals in played.items()
    }
    chosen = {name: sorted(goes_on(name, found[name])) for name, job in asked.items() if claim > job.count}
    more = {
        name: Play(
            asked[name].suite, tuple(asked[name].points[at] for at in numbers), asked[name].first + asked[name].count,
            claim - asked[name].count,
        )
        for name, numbers in chosen.items() if numbers
    }  # fmt: skip
    for name, totals in play_pieces_of(config, more, how, f"{label} of a sign").items():
        for row, at in enumerate(chosen[name]):
            found[name][at] = {
                column: np.concatenate([first, totals[column][row]]) for column, first in found[name][at].items()
            }
    return found


def difference(totals: Sequence[Totals], column: str, better: int, worse: int) -> Paired:
    """Of two candidates on the tapes that both have played."""
    first, second = totals[better][column], totals[worse][column]
    tapes = min(first.size, second.size)
    return Paired.of(first[:tapes] - second[:tapes])


def promising(found: Paired) -> bool:
    """Whether a sign may be claimed on more tapes."""
    return abs(found.z) > PROMISING


def sign_of(found: Paired, claim: int) -> str:
    """Plus or minus where the whole interval of at least `claim` tapes lies on one side of zero."""
    if found.n < claim or found.low <= 0.0 <= found.high:
        return NO_SIGN
    return "plus" if found.mean > 0.0 else "minus"
