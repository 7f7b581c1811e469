"""Two venues: the effect of a rival's moves on a venue, and whether the same role must answer them.

Externality: the change in the own mandate and W by the other venue's move, with the own levers at the defaults.
Regret: the loss in the role's own mandate by keeping the response that is best against a rival at its defaults
(`coupling`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from protogov.experiments.core.statistics import Floats, interval_columns
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, groups, num_rows, records
from protogov.experiments.core.text import signed
from protogov.experiments.figures.style import BLUE, GREY, ORANGE, headline, spaced
from protogov.experiments.studies.audit import drawing
from protogov.experiments.studies.audit.claims import NO_SIGN, difference, play_claims, promising, sign_of
from protogov.experiments.studies.audit.coupling import (
    LEVEL,
    LINEAR_WITHIN,
    Answers,
    measure_regrets,
    moves_of,
    summarise_unmoved,
)
from protogov.experiments.studies.audit.coupling import SIZES as COUPLING
from protogov.experiments.studies.audit.plan import ROLES, Audit, span_of
from protogov.experiments.studies.audit.play import DEFAULTS, WELFARE, Totals, scoring

QUESTION = "On two venues: how do moves of a rival's role affect a venue, and must the same role answer them?"
SIZES = replace(COUPLING, pick_seeds=512)
EFFECTS = {"mandate": "own mandate of that role", "welfare": "own W"}


def externality_points(moves: Mapping[tuple[str, str], Floats]) -> Floats:
    """Nobody moved, then each move F64[12] of venue 1, venue 0 at its defaults: F64[1 + moves, 24]."""
    return np.array([np.concatenate([DEFAULTS, move]) for move in (DEFAULTS, *moves.values())])


def externality_rows(
    suite: str, moves: Mapping[tuple[str, str], Floats], totals: Sequence[Totals], claim: int
) -> list[dict[str, Any]]:
    """One row per move: its effect on the venue without moves [bp of K0]; totals without a move, then with each.

    A sign is claimed on `claim` tapes or more.
    """
    rows = []
    for number, (role, name) in enumerate(moves, start=1):
        own, all_ = (difference(totals, column, number, 0) for column in _columns(role))
        rows.append(
            {
                "suite": suite, "role": role, "move": name, **interval_columns("mandate", own),
                **interval_columns("welfare", all_), "tapes": all_.n, "mandate_sign": sign_of(own, claim),
                "welfare_sign": sign_of(all_, claim),
            }
        )  # fmt: skip
    return rows


def _columns(role: str) -> tuple[str, str]:
    return f"mandate/{role}_0", WELFARE


def measure(audit: Audit, roles: Sequence[str] = ROLES) -> Found:
    """Play each move of a rival on two venues, and search the own answers to it."""
    sizes, moves = audit.sizes(SIZES), moves_of(roles)
    audit = replace(audit, config=replace(audit.config, venues=2))
    points = externality_points(moves)
    asked = {suite: scoring(suite, points, sizes.num_seeds) for suite in audit.suites}

    def second_stage(name: str, totals: Sequence[Totals]) -> set[int]:
        numbers = {
            number
            for number, (role, _) in enumerate(moves, start=1)
            if any(promising(difference(totals, column, number, 0)) for column in _columns(role))
        }
        return numbers | {0} if numbers else set()

    claim = sizes.claim_seeds
    played = play_claims(audit.config, asked, claim, second_stage, audit.how, "rivals: externality")
    table = columns([row for suite in audit.suites for row in externality_rows(suite, moves, played[suite], claim)])
    jobs = [Answers(suite, role, moves_of([role])) for suite in audit.suites for role in roles]
    regrets, notes = measure_regrets(audit, jobs, sizes, "rivals: regret")
    note = (
        f"externality: {len(moves)} moves on {sizes.num_seeds} paired tapes per suite, possible signs on "
        f"{claim}; {len(audit.suites) * len(points) * sizes.num_seeds} episodes of two venues before those; regret in "
        "the role's own mandate:"
    )
    return Found({"rivals": table, "rivals_regrets": regrets}, {"notes": [note, *notes]})


def summarise(found: Found) -> list[str]:
    """How many moves affect the rival, the largest effect of each role, and how many must be answered."""
    table, regrets = found.tables["rivals"], found.tables["rivals_regrets"]
    sentences = []
    for name, words in (("mandate", "its own mandate"), ("welfare", "its W")):
        largest = []
        for key, own in groups(table, ["role"]):
            row = largest_claimed(own, name)
            about = f"{row['move']} on {row['suite']} {span_of(row, name)}" if row else "unclear"
            largest.append(f"{key['role']} {about}")
        sentences.append(
            f"{int((table[f'{name}_sign'] != NO_SIGN).sum())} of {num_rows(table)} moves of a rival's same role change "
            f"{words} significantly, the largest {', '.join(largest)} bp"
        )
    survive = regrets["p_holm"] < LEVEL
    most = f", the largest {signed(float(regrets['regret'][survive].max()))} bp" if survive.any() else ""
    sentences.append(
        f"{int(survive.sum())} of {num_rows(regrets)} stale answers have a significant loss (Holm, {LEVEL:.0%}){most}"
    )
    return [*sentences, *summarise_unmoved(regrets)]


def largest_claimed(table: Table, name: str) -> dict[str, Any] | None:
    """The row of the largest effect with a claimed sign."""
    claimed = [row for row in records(table) if row[f"{name}_sign"] != NO_SIGN]
    return max(claimed, key=lambda row: abs(float(row[name])), default=None)


def draw(found: Found) -> Figure:
    """Effects of a rival's moves on the own mandate and W, and the regret without an answer: one panel per suite."""
    table, regrets = found.tables["rivals"], found.tables["rivals_regrets"]
    keys = [tuple(key.values()) for key, _ in groups(table, ["role", "move"])]
    suites, names = drawing.names_of(table["suite"]), [f"rival's {role} {spaced(move)}" for role, move in keys]
    figure, panels = drawing.row_panels(suites, names, left=1.8, panel=3.3, row=0.42, rest=2.2)
    looks: dict[str, dict[str, Any]] = {
        "welfare": {"color": BLUE, "marker": "o"},
        "mandate": {"color": ORANGE, "marker": "D"},
    }
    for suite, axes in panels.items():
        own = [row for row in records(table) if row["suite"] == suite]
        for row in own:
            place = keys.index((row["role"], row["move"]))
            for name, shift in (("welfare", -0.14), ("mandate", 0.14)):
                drawing.draw_interval(axes, place + shift, row, name, looks[name])
        for row in (row for row in records(regrets) if row["suite"] == suite):
            star = "*" if row["p_holm"] < LEVEL else ""
            text = f"{signed(row['regret'])}{star}" if row["moved"] else "none"
            drawing.label_row(axes, keys.index((row["mover"], row["move"])), text)
        low, high = (end(row[f"{name}_{side}"] for row in own for name in EFFECTS)
                     for side, end in (("low", min), ("high", max)))  # fmt: skip
        drawing.symlog_x(axes, LINEAR_WITHIN, low, high)
        axes.annotate("regret", (1.01, 1.01), xycoords="axes fraction", va="bottom", fontsize=7, color=GREY)
    first = next(iter(panels.values()))
    for name, look in looks.items():
        first.plot([], [], linestyle="none", label=EFFECTS[name], **look)
    drawing.footnote(
        figure,
        "change for the venue that stands still [bp of its K0 per episode], 95% interval; regret of the stale\n"
        f"answer in its mandate, in bp, * survives Holm at {LEVEL:.0%}, none: no better reply found",
        first,
    )
    most = []
    for name, words in (("mandate", "own mandate"), ("welfare", "W")):
        largest = largest_claimed(table, name)
        most.append(
            f"{words} {signed(largest[name])} bp ({largest['role']} {largest['move']} on {largest['suite']})"
            if largest
            else f"{words} unclear"
        )
    headline(figure, f"What a rival's move changes most: {'; '.join(most)}")
    return figure
