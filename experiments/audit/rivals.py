"""Two venues: what a rival's same role does to a venue by its moves, and whether it has to be answered.

Externality: what the other venue's move changes in one's own mandate and W while one stands at the defaults. Regret:
what one's role loses in its own mandate by keeping the response that is best beside a rival at its defaults
(`coupling`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVERS
from protogov.experiments.audit.claims import NO_SIGN, Totals, difference, play_claims, promising, sign_of
from protogov.experiments.audit.coupling import (
    LEVEL,
    MOVES,
    ROLES,
    Answers,
    Sizes,
    held_actions,
    measure_regrets,
    no_reply,
)
from protogov.experiments.audit.measurement import FIRST_SCORING, Floats, Measurement, columns
from protogov.experiments.audit.playing import WELFARE, Play, as_points
from protogov.experiments.audit.running import HERE, Running
from protogov.experiments.audit.suites import SUITES
from protogov.experiments.core.tables import Table, num_rows

QUESTION = "On two venues: what does a rival's same role do to a venue by its moves, and must it be answered?"
SIZES = Sizes()


def rival_moves(moves: Mapping[str, Mapping[str, Mapping[str, float]]] = MOVES) -> dict[tuple[str, str], Floats]:
    """(role, move) -> actions of both venues, F64[24]: venue 0 at its defaults, venue 1 moved."""
    still = np.zeros(len(LEVERS))
    return {
        (role, name): np.concatenate([still, held_actions(move)])
        for role, of in moves.items()
        for name, move in of.items()
    }


def externality_points(moves: Mapping[tuple[str, str], Floats]) -> Floats:
    """Nobody moved, then each move: F64[1 + moves, 24]."""
    return np.array([np.zeros(2 * len(LEVERS)), *moves.values()])


def externality_rows(
    suite: str, moves: Mapping[tuple[str, str], Floats], totals: Sequence[Totals], claim: int
) -> list[dict[str, object]]:
    """A row a move: what it changes for the venue that stood still [bp of K0]; totals of nobody's move, then each.

    A sign is claimed on `claim` tapes or more.
    """
    rows: list[dict[str, object]] = []
    for number, (role, name) in enumerate(moves, start=1):
        own, all_ = (difference(totals, column, number, 0) for column in _columns(role))
        rows.append(
            {
                "suite": suite, "role": role, "move": name, "mandate": own.mean, "low": own.low, "high": own.high,
                "welfare": all_.mean, "welfare_low": all_.low, "welfare_high": all_.high, "tapes": all_.n,
                "mandate_sign": sign_of(own, claim), "welfare_sign": sign_of(all_, claim),
            }
        )  # fmt: skip
    return rows


def measure_rivals(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    sizes: Sizes = SIZES,
    roles: Sequence[str] = ROLES,
    how: Running = HERE,
) -> Measurement:
    """Play each move of a rival on two venues, and search one's own answers to it.

    Args:
        config: the world; it is given a second venue.
        suites: what is drawn from.
        sizes: of externality and regret: `num_seeds` paired tapes of either, `claim_seeds` where a sign may be claimed.
        roles: that move and answer.
        how: processes, and where finished pieces are kept.
    """
    two = replace(config, venues=2)
    moves = rival_moves({role: MOVES[role] for role in roles})
    points = as_points(externality_points(moves))
    asked = {suite: Play(suite, points, FIRST_SCORING, sizes.num_seeds) for suite in suites}

    def goes_on(name: str, totals: Sequence[Totals]) -> set[int]:
        numbers = {
            number
            for number, (role, _) in enumerate(moves, start=1)
            if any(promising(difference(totals, column, number, 0)) for column in _columns(role))
        }
        return numbers | {0} if numbers else set()

    played = play_claims(two, asked, sizes.claim_seeds, goes_on, how, "rivals: externality")
    claim = sizes.claim_seeds
    table = columns([row for suite in suites for row in externality_rows(suite, moves, played[suite], claim)])
    jobs = [
        Answers(suite, role, {(role, name): held_actions(move) for name, move in MOVES[role].items()})
        for suite in suites for role in roles
    ]  # fmt: skip
    regrets, notes = measure_regrets(two, jobs, sizes, how, "rivals: regret")
    notes = (
        f"externality: {len(moves)} moves on {sizes.num_seeds} paired tapes a suite, those that may have a sign on "
        f"{sizes.claim_seeds}; {sum(1 + len(moves) for _ in suites) * sizes.num_seeds} episodes of two venues before "
        "those; regret in the role's own mandate:",
        *notes,
    )
    return Measurement("rivals", QUESTION, say(table, regrets), table, notes, {"rivals_regrets": regrets})


def _columns(role: str) -> tuple[str, str]:
    return f"mandate/{role}_0", f"{WELFARE}/0"


def say(table: Table, regrets: Table) -> tuple[str, ...]:
    """How many moves reach the rival, the largest of each role, and how many have to be answered."""
    said = []
    for name, words, low, high in (
        ("mandate", "its own mandate", "low", "high"),
        ("welfare", "its W", "welfare_low", "welfare_high"),
    ):
        claimed = table[f"{name}_sign"] != NO_SIGN
        largest = []
        for role in dict.fromkeys(table["role"]):
            rows = np.flatnonzero((table["role"] == role) & claimed)
            if not len(rows):
                largest.append(f"{role} unclear")
                continue
            row = int(rows[np.abs(table[name][rows]).argmax()])
            interval = f"[{table[low][row]:+.1f}, {table[high][row]:+.1f}]"
            largest.append(
                f"{role} {table['move'][row]} on {table['suite'][row]} {table[name][row]:+.1f} {interval}"
            )  # fmt: skip
        said.append(
            f"{int(claimed.sum())} of {num_rows(table)} moves of a rival's same role change {words} beyond their "
            f"interval, the largest {', '.join(largest)} bp"
        )
    survive = regrets["p_holm"] < LEVEL
    largest_regret = f", the largest {float(regrets['regret'][survive].max()):+.2f} bp" if survive.any() else ""
    said.append(
        f"{int(survive.sum())} of {num_rows(regrets)} stale answers lose so much that it survives Holm at "
        f"{LEVEL:.0%}{largest_regret}"
    )
    return (*said, *no_reply(regrets))
