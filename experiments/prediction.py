"""Predicted, not fitted: what the world does on the price paths of later crises, beside what is known to have happened.

    python -m protogov.experiments.prediction --out results/prediction

People are fitted on calm markets and on the crises up to 2022 (`ensemble.py`). These crises came after: nothing is
chosen by what comes out here, and a miss stays in the table. Known are figures of Aave, a market a hundred times as
large, of many assets, on the worst day; the world's are those of one collateral and one debt asset.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios.crises import CRISES
from protogov.experiments import cli
from protogov.experiments.calibration_market import FIRST_SEED, measure_market
from protogov.experiments.calibration_report import markdown_table, number
from protogov.experiments.commands.options import Member, with_physics
from protogov.experiments.errors import BadInput
from protogov.experiments.files import write_text
from protogov.experiments.outputs import OutputFolder
from protogov.experiments.tables import Table, write_table
from protogov.experiments.versions import now, versions

PROGRAM = "python -m protogov.experiments.prediction"
FIRST_PREDICTING = FIRST_SEED + 2**41  # first tape seed, which nothing else plays
LATER = ("crisis-2023-03", "crisis-2024-08", "crisis-2025-02", "crisis-2025-10")
BAND = (0.05, 0.95)  # quantiles of the tapes: a known figure within them is met

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
    """What is known of one quantity of a crisis.

    Attributes:
        words: what happened.
        low, high: the figure in the quantity's unit, where one is known; nan else.
        source: who says so.
    """

    words: str
    source: str
    low: float = float("nan")
    high: float = float("nan")


KNOWN: dict[tuple[str, str], Known] = {
    ("crisis-2023-03", "bad_debt"): Known(
        "Aave was left about 0.3M USD short; of how much debt is not told", "reports after the depeg"
    ),
    ("crisis-2023-03", "peak_rate"): Known(
        "other dollar coins than the one that fell cost above 100% a year for hours on Aave; that one was repaid",
        "press of 11 March 2023",
    ),
    ("crisis-2023-03", "outflow"): Known(
        "above 2 billion USD of loans were repaid on 11 March, more than half of them in the coin that fell", "Kaiko"
    ),
    ("crisis-2024-08", "liquidated_day"): Known(
        "253.4M USD on Aave v3 in 1,269 liquidations, 215M of it backed by ether and staked ether",
        "Block Analitica, The Defiant; of how much debt is not told",
    ),
    ("crisis-2025-02", "liquidated_day"): Known(
        "210M USD on Aave v3 within two days, nearly half of it backed by ether",
        "Chaos Labs, Aave's forum; of how much debt is not told",
    ),
    ("crisis-2025-02", "bad_debt"): Known("none that was new", "Chaos Labs, Aave's forum", 0.0, 0.0),
    ("crisis-2025-10", "liquidated_day"): Known(
        "193M USD on Aave, 0.66% of 29.0 billion borrowed; 0.2 to 1.1% on three others",
        "Dune dashboards of the day",
        0.0022,
        0.0111,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Play later crises' price paths in the world as it stands, and write them beside what happened."""

    scenarios: tuple[str, ...] = LATER
    """Crises; others than the four are played without anything known of them."""
    tapes: int = 256
    """Of each."""
    member: Member = ""
    out: OutputFolder | None = None
    """Folder for a table (CSV) and a page."""


def predict(config: WorldConfig, scenarios: Sequence[str], tapes: int) -> Table:
    """A row a crisis and quantity: mean and the band of 90% of the tapes, and what is known.

    Raises:
        BadInput: an unknown crisis, or too few tapes.
    """
    for name in scenarios:
        if name not in CRISES:
            raise BadInput(f"scenarios names {name!r}; crises are {', '.join(CRISES)}")
    if tapes < 2:
        raise BadInput(f"tapes is {tapes}; a whole number from 2 is accepted")
    seeds = np.uint64(FIRST_PREDICTING) + np.arange(tapes, dtype=np.uint64)
    rows = []
    for name in scenarios:
        table = measure_market(config, name, seeds)
        table["liquidated_usd"] = table["liquidated"] * table["debt"] / 1e6
        rows += [_row(name, quantity, table) for quantity in QUANTITIES]
    return {column: np.array([row[column] for row in rows]) for column in rows[0]}


def _row(crisis: str, quantity: str, table: Mapping[str, np.ndarray]) -> dict[str, str | float]:
    values = table[quantity]
    low, high = np.quantile(values, BAND)
    known = KNOWN.get((crisis, quantity))
    return {
        "crisis": crisis,
        "quantity": quantity,
        "mean": float(values.mean()),
        "low": float(low),
        "high": float(high),
        "known_low": known.low if known else float("nan"),
        "known_high": known.high if known else float("nan"),
        "verdict": verdict(known, float(low), float(high)),
        "known": known.words if known else "",
        "source": known.source if known else "",
    }


def verdict(known: Known | None, low: float, high: float) -> str:
    """Whether what is known lies within the band of the tapes: "met", "missed", or nothing where no figure is known."""
    if known is None or not np.isfinite(known.low):
        return ""
    return "met" if known.low <= high and known.high >= low else "missed"


def page(found: Table, options: Options, command: str) -> str:
    """The README of the folder."""
    about = versions()
    verdicts = list(found["verdict"])
    rows = []
    for at in range(len(found["crisis"])):
        first = at == 0 or found["crisis"][at] != found["crisis"][at - 1]
        rows.append(
            [
                str(found["crisis"][at]) if first else "",
                QUANTITIES[str(found["quantity"][at])],
                number(float(found["mean"][at])),
                f"{number(float(found['low'][at]))} to {number(float(found['high'][at]))}",
                str(found["known"][at]),
                str(found["source"][at]),
                {"missed": "**missed**"}.get(verdicts[at], verdicts[at]),
            ]
        )
    header = ["crisis", "quantity", "predicted, mean", "90% of tapes", "known", "source", ""]
    return "\n".join(
        [
            "# Later crises, predicted",
            "",
            f"{verdicts.count('met')} of {len(verdicts) - verdicts.count('')} known figures lie within 90% of tapes.",
            "People are fitted on `between-crises`, `calm` and crises up to 2022. These came later: the price",
            "path, depth and congestion of each are given, everything else is the world's, under default levers.",
            "Nothing was chosen by this table, and nothing will be. Known figures are of Aave, a market of many",
            "assets, of which loans against ether are a part; the world's are of one collateral and one debt asset.",
            "",
            markdown_table(header, rows),
            "",
            "## Made by",
            "",
            f"    {command}",
            "",
            f"{options.tapes} tapes of each crisis, seeds from 2^43 + 2^41 ({FIRST_PREDICTING}) on; numbers:",
            f"`prediction.csv`. {now()}, protogov {about['protogov']} at {about['commit']}, numpy {about['numpy']},",
            f"numba {about['numba']}.",
            "",
        ]
    )


def run(options: Options, command: str = PROGRAM) -> int:
    """Play, print, and write what was asked for.

    Raises:
        BadInput: an option that cannot be.
    """
    found = predict(with_physics(WorldConfig(), options.member), options.scenarios, options.tapes)
    for at in range(len(found["crisis"])):
        print(
            f"{found['crisis'][at]:<16}{found['quantity'][at]:<18}{number(float(found['mean'][at])):>9}  "
            f"{number(float(found['low'][at])):>9} to {number(float(found['high'][at])):<9} {found['verdict'][at]:<7}"
            f"{found['known'][at]}"
        )
    if options.out is not None:
        print(write_table(options.out / "prediction.csv", found))
        print(write_text(options.out / "README.md", page(found, options, command)))
    return 0


if __name__ == "__main__":
    sys.exit(cli.run_command(sys.modules[__name__], sys.argv[1:], PROGRAM))
