"""Two venues: what a rival's same role does to a venue by its moves, and whether it has to be answered.

Externality: what the other venue's move changes in one's own mandate and W while one stands at the defaults. Regret:
what one's role loses in its own mandate by keeping the response that is best beside a rival at its defaults
(`coupling`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from protogov.agents.tuning.evolution import Budget
from protogov.envs.config import WorldConfig
from protogov.envs.world.levers import LEVERS
from protogov.experiments.audit.coupling import (
    BUDGET,
    LEVEL,
    MOVES,
    ROLES,
    Answers,
    held_actions,
    measure_regrets,
)
from protogov.experiments.audit.measurement import FIRST_SCORING, Floats, Measurement, Paired, columns
from protogov.experiments.audit.playing import WELFARE, Play, as_points, play_pieces_of
from protogov.experiments.audit.running import HERE, Running
from protogov.experiments.audit.suites import SUITES
from protogov.experiments.tables import Table, num_rows

QUESTION = "On two venues: what does a rival's same role do to a venue by its moves, and must it be answered?"


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
    suite: str, moves: Mapping[tuple[str, str], Floats], totals: Mapping[str, Floats]
) -> list[dict[str, object]]:
    """A row a move: what it changes for the venue that stood still [bp of K0]; totals are F64[1 + moves, tapes]."""
    rows: list[dict[str, object]] = []
    for number, (role, name) in enumerate(moves, start=1):
        mandate, welfare = totals[f"mandate/{role}_0"], totals[f"{WELFARE}/0"]
        own, all_ = Paired.of(mandate[number] - mandate[0]), Paired.of(welfare[number] - welfare[0])
        rows.append(
            {
                "suite": suite, "role": role, "move": name, "mandate": own.mean, "low": own.low, "high": own.high,
                "welfare": all_.mean, "welfare_low": all_.low, "welfare_high": all_.high,
            }
        )  # fmt: skip
    return rows


def measure_rivals(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    num_seeds: int = 2048,
    regret_seeds: int = 384,
    search_seeds: int = 24,
    budget: Budget = BUDGET,
    roles: Sequence[str] = ROLES,
    how: Running = HERE,
) -> Measurement:
    """Play each move of a rival on two venues, and search one's own answers to it.

    Args:
        config: the world; it is given a second venue.
        suites: what is drawn from.
        num_seeds: paired tapes of the externality.
        regret_seeds: tapes on which answers are scored.
        search_seeds: tapes of each search; four times as many others pick the answers.
        budget: of the searches.
        roles: that move and answer.
        how: processes, and where finished pieces are kept.
    """
    two = replace(config, venues=2)
    moves = rival_moves({role: MOVES[role] for role in roles})
    asked = {suite: Play(suite, as_points(externality_points(moves)), FIRST_SCORING, num_seeds) for suite in suites}
    played = play_pieces_of(two, asked, how, "rivals: externality")
    table = columns([row for suite in suites for row in externality_rows(suite, moves, played[suite])])
    jobs = [
        Answers(
            suite, role, tuple((role, name, dict(move)) for name, move in MOVES[role].items()), budget, search_seeds,
            4 * search_seeds, regret_seeds,
        )
        for suite in suites for role in roles
    ]  # fmt: skip
    regrets, notes = measure_regrets(two, jobs, how, "rivals: regret")
    notes = (
        f"externality: {len(moves)} moves on {num_seeds} paired tapes a suite, "
        f"{len(suites) * (1 + len(moves)) * num_seeds} episodes of two venues; regret in the role's own mandate:",
        *notes,
    )
    return Measurement("rivals", QUESTION, say(table, regrets), table, notes, {"rivals_regrets": regrets})


def say(table: Table, regrets: Table) -> str:
    """How many moves reach the rival, the largest of each role, and how many have to be answered."""
    reach = (table["welfare_low"] > 0.0) | (table["welfare_high"] < 0.0)
    largest = []
    for role in dict.fromkeys(table["role"]):
        rows = np.flatnonzero(table["role"] == role)
        row = int(rows[np.abs(table["welfare"][rows]).argmax()])
        interval = f"[{table['welfare_low'][row]:+.1f}, {table['welfare_high'][row]:+.1f}]"
        named = f"{role} {table['move'][row]} on {table['suite'][row]}"
        largest.append(f"{named} {table['welfare'][row]:+.1f} {interval}")
    survive = int((regrets["p_holm"] < LEVEL).sum())
    return (
        f"{int(reach.sum())} of {num_rows(table)} moves of a rival change a venue's W beyond their interval, the "
        "largest "
        f"{', '.join(largest)} bp; {survive} of {num_rows(regrets)} stale answers lose so much that it survives Holm "
        f"at {LEVEL:.0%}, the largest {float(regrets['regret'].max()):+.2f} bp"
    )
