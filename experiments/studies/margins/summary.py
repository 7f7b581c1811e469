"""Tables of the study: a row a market and rule, and over all unseen markets; intervals (95%) are over tapes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.core.statistics import Interval, interval_columns, student_t
from protogov.experiments.core.tables import Table, columns, select
from protogov.experiments.studies.margins.plan import BP, RULES, THRESHOLD, Floats
from protogov.experiments.studies.pricing.plan import UNSEEN

COMPARED = ("bad_positions", "lp_loss", "lp_gain", "loan_loss")
ALL_UNSEEN = "unseen"  # a row's market: all crises of the split validation together


def _markets(table: Table) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Markets of a table, all unseen ones last, with their rows."""
    for market in dict.fromkeys(table["market"].tolist()):
        yield market, table["market"] == market
    unseen = np.isin(table["market"], UNSEEN)
    if unseen.any():
        yield ALL_UNSEEN, unseen


def summarise(played: Table) -> Table:
    """What was asked: a row a kind, market and rule; shares in percent, what is missing in bp of worth.

    `difference` is what is missing at the cost of today's rule, less that of today's.
    """
    rows = []
    for kind, first in (("sellers", RULES[0]), ("borrowers", THRESHOLD)):
        own = select(played, played["kind"] == kind)
        for market, chosen in _markets(own):
            here = select(own, chosen)
            base = select(here, here["rule"] == first)
            for rule in dict.fromkeys(here["rule"].tolist()):
                one = select(here, here["rule"] == rule)
                if len(one["tape"]) != len(base["tape"]):
                    continue  # the true law is known in some markets only
                usable = one["hours"] > 0
                share = student_t(100.0 * one["insolvent"][usable] / one["hours"][usable])
                gap = BP * (one["missing_same"] - base["missing_same"])[usable] / one["worth"][usable]
                paired = student_t(gap)
                worth = one["worth"].sum()
                rows.append(
                    {
                        "kind": kind, "market": market, "rule": rule, "hours": int(one["hours"].sum()),
                        "required": 100.0 * one["required"].sum() / worth, "insolvent": share.mean,
                        "low": share.low, "high": share.high, "missing_bp": BP * one["missing"].sum() / worth,
                        "missing_same_bp": BP * one["missing_same"].sum() / worth, "difference_bp": paired.mean,
                        "difference_low": paired.low, "difference_high": paired.high,
                        "to_cover": 100.0 * float((one["cover"] * one["required"]).sum()) / worth,
                    }
                )  # fmt: skip
    return columns(rows)


def measures_of(played: Table) -> dict[str, Floats]:
    """What is compared of rules in force, a number a tape; NaN where there was nobody.

    Sellers: `forced` and `bad_positions` [% of positions], `lp_loss` [bp of the mean spot value of open contracts],
    `collateral` [% of the spot value that it stands for], `written` [M USD of spot value, mean over hours], `lp_gain`
    [k USD]. Loans: `threshold` [%], `debt` [M USD], `liquidated`, `loan_loss` and `uncovered` [bp of mean debt].
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "forced": 100.0 * played["closed"] / played["opened"],
            "bad_positions": 100.0 * played["bad_positions"] / played["opened"],
            "lp_loss": BP * played["lp_loss"] / played["contracts_value"],
            "collateral": 100.0 * played["posted"] / played["posted_value"],
            "written": played["contracts_value"] / 1e6, "lp_gain": played["lp_gain"] / 1e3,
            "threshold": 100.0 * played["threshold"], "debt": played["debt"] / 1e6,
            "liquidated": BP * played["liquidated"] / played["debt"],
            "loan_loss": BP * played["loan_loss"] / played["debt"],
            "uncovered": BP * played["uncovered"] / played["debt"],
        }  # fmt: skip
    return {name: np.where(np.isfinite(value), value, np.nan) for name, value in found.items()}


def summarise_governed(played: Table) -> Table:
    """What happened with each rule in force: a row a market and rule, means over tapes of `measures_of`.

    `over_NAME` of those in `COMPARED`, with its interval in `over_NAME_low` and `over_NAME_high`, is the difference to
    today's first rule on the same tapes.
    """
    measures = measures_of(played)
    rows: list[dict[str, Any]] = []
    for market, chosen in _markets(played):
        base = chosen & (played["rule"] == RULES[0])
        for rule in dict.fromkeys(played["rule"][chosen].tolist()):
            own = chosen & (played["rule"] == rule)
            if own.sum() != base.sum():
                continue  # the true law is known in some markets only
            row: dict[str, Any] = {
                "market": market, "rule": rule, "tapes": int(own.sum()), "opened": int(played["opened"][own].sum()),
                "bad_loans": int(played["bad_loans"][own].sum()),
            }  # fmt: skip
            row |= {name: _over_tapes(value[own]).mean for name, value in measures.items()}
            for name in COMPARED:
                row |= interval_columns(f"over_{name}", _over_tapes(measures[name][own] - measures[name][base]))
            rows.append(row)
    return columns(rows)


def _over_tapes(values: Floats) -> Interval:
    """Over the tapes on which there was anybody."""
    there = values[np.isfinite(values)]
    return student_t(there) if there.size else Interval(np.nan, np.nan, np.nan)
