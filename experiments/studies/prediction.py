"""Predicted, not fitted: what the world does on the price paths of later crises, compared with what happened.

People are fitted on calm markets and on the crises up to 2022 (`ensemble`). The crises here came later. No choice
depends on these results, and a miss stays in the table. The known figures are Aave's on the worst day: a market a
hundred times as large, with many assets. The world has one collateral and one debt asset.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios.crises import CRISES
from protogov.experiments.commands.options import Member, with_physics
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes, no_figure
from protogov.experiments.core.tables import Table, columns, records
from protogov.experiments.core.text import aligned, markdown, number
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.calibration.market import FIRST_SEED, Tapes, play_episodes

FIRST_PREDICTING = FIRST_SEED + 2**41  # first tape seed; nothing else plays these tapes
LATER = ("crisis-2023-03", "crisis-2024-08", "crisis-2025-02", "crisis-2025-10")
BAND = (0.05, 0.95)  # quantiles of the tapes: a known figure between them is met

QUANTITIES = {
    "liquidated": "debt liquidated in two weeks, of that at the opening",
    "liquidated_day": "the same on the worst day",
    "liquidated_usd": "debt liquidated in two weeks [M USD, of a market of some 67]",
    "bad_debt": "bad debt, of the debt at the opening",
    "peak_utilisation": "highest utilisation",
    "peak_rate": "highest borrow rate a year",
    "outflow": "largest fall of suppliers' deposits from the opening",
}


@dataclass(frozen=True)
class Known:
    """What is known about one quantity of a crisis.

    Attributes:
        words: what happened.
        low, high: the known figure in the quantity's unit; nan if none is known.
        source: who reports it.
    """

    words: str
    source: str
    low: float = float("nan")
    high: float = float("nan")


KNOWN: dict[tuple[str, str], Known] = {
    ("crisis-2023-03", "bad_debt"): Known(
        "Aave's bad debt was about 0.3M USD; its total debt is not published", "reports after the depeg"
    ),
    ("crisis-2023-03", "peak_rate"): Known(
        "on Aave other dollar coins cost above 100% a year for hours; loans in the coin that fell were repaid",
        "press of 11 March 2023",
    ),
    ("crisis-2023-03", "outflow"): Known(
        "more than 2 billion USD of loans were repaid on 11 March, over half of them in the coin that fell", "Kaiko"
    ),
    ("crisis-2024-08", "liquidated_day"): Known(
        "253.4M USD on Aave v3 in 1,269 liquidations, 215M of it backed by ether and staked ether",
        "Block Analitica, The Defiant; the total debt is not published",
    ),
    ("crisis-2025-02", "liquidated_day"): Known(
        "210M USD on Aave v3 within two days, nearly half of it backed by ether",
        "Chaos Labs, Aave's forum; the total debt is not published",
    ),
    ("crisis-2025-02", "bad_debt"): Known("no new bad debt", "Chaos Labs, Aave's forum", 0.0, 0.0),
    ("crisis-2025-10", "liquidated_day"): Known(
        "193M USD on Aave, 0.66% of 29.0 billion borrowed; 0.2 to 1.1% on three others",
        "Dune dashboards of the day",
        0.0022,
        0.0111,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Play the price paths of later crises in the present world, and compare with what happened.

    Example: protogov study prediction --out results/prediction
    """

    scenarios: tuple[str, ...] = LATER
    """Crises; nothing is known about others than the four defaults."""
    tapes: int = 256
    """Tapes of each crisis."""
    member: Member = ""


def measure(options: Options, how: Running) -> Found:
    """One row per crisis and quantity: mean, band of 90% of the tapes, and what is known.

    Raises:
        BadInput: an unknown crisis, or too few tapes.
    """
    for name in options.scenarios:
        if name not in CRISES:
            raise BadInput(f"scenarios names {name!r}; crises are {', '.join(CRISES)}")
    check_sizes(2, tapes=options.tapes)
    config = with_physics(WorldConfig(), options.member)
    pieces = [Piece(name, Tapes(name, FIRST_PREDICTING, options.tapes)) for name in options.scenarios]
    played = run_pieces(play_episodes, config, pieces, how, "crises")
    rows = []
    for name, table in zip(options.scenarios, played, strict=True):
        shown = table | {"liquidated_usd": table["liquidated"] * table["debt"] / 1e6}
        rows += [_row(name, quantity, shown) for quantity in QUANTITIES]
    return Found({"prediction": columns(rows)}, {"tapes": options.tapes})


def _row(crisis: str, quantity: str, table: Table) -> dict[str, Any]:
    values = table[quantity]
    low, high = (float(end) for end in np.quantile(values, BAND))
    known = KNOWN.get((crisis, quantity), Known("", ""))
    return {
        "crisis": crisis, "quantity": quantity, "mean": float(values.mean()), "low": low, "high": high,
        "known_low": known.low, "known_high": known.high, "verdict": verdict(known, low, high),
        "known": known.words, "source": known.source,
    }  # fmt: skip


def verdict(known: Known, low: float, high: float) -> str:
    """Whether a known figure lies within the band of the tapes: "met", "missed", or "" if no figure is known."""
    if not np.isfinite(known.low):
        return ""
    return "met" if known.low <= high and known.high >= low else "missed"


def judge(found: Found) -> Judged:
    """How many known figures are met, and all predictions."""
    verdicts = found.tables["prediction"]["verdict"].tolist()
    known = len(verdicts) - verdicts.count("")
    rows = [["crisis", "quantity", "mean", "90% of tapes", "verdict", "known"]]
    for row in records(found.tables["prediction"]):
        rows.append([str(row["crisis"]), str(row["quantity"]), *_numbers(row), str(row["verdict"]), str(row["known"])])
    return Judged((f"{verdicts.count('met')} of {known} known figures lie within 90% of tapes.", *aligned(rows)))


def _numbers(row: Mapping[str, Any]) -> list[str]:
    return [number(float(row["mean"])), f"{number(float(row['low']))} to {number(float(row['high']))}"]


def page(found: Found, judged: Judged) -> Sequence[str]:
    """Predicted and known figures, crisis by crisis."""
    rows, crisis = [], ""
    for row in records(found.tables["prediction"]):
        shown = {"missed": "**missed**"}.get(str(row["verdict"]), str(row["verdict"]))
        first = "" if row["crisis"] == crisis else str(row["crisis"])
        crisis = str(row["crisis"])
        rows.append(
            [first, QUANTITIES[str(row["quantity"])], *_numbers(row), str(row["known"]), str(row["source"]), shown]
        )
    return [
        "People are fitted on `between-crises`, `calm` and crises up to 2022. These crises came later. Their price",
        "path, depth and congestion are given; the world predicts everything else, under default levers. No choice",
        "depended on this table, and none will. The known figures are Aave's, a market of many assets; loans against",
        "ether are a part of it. The world has one collateral and one debt asset.",
        f"{found.facts['tapes']} tapes of each crisis, seeds from 2^43 + 2^41 ({FIRST_PREDICTING}) on.",
        "",
        *markdown(["crisis", "quantity", "predicted, mean", "90% of tapes", "known", "source", ""], rows),
    ]


STUDY = Study("prediction", "Later crises, predicted", Options, measure, judge, no_figure, page)
