"""The study's tables, from the rows of all pieces: means over seeds, and differences on the same seeds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import Floats, interval_columns, percentile, seed_draws, student_t
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.studies.closed_loop.plan import (
    MANAGED,
    NONE,
    NOTHING,
    PLAIN,
    RULE,
    TODAY,
    UNHEDGED,
    Attack,
    Loop,
)

MONEY = ("realised", "options", "hedge", "hedging_cost", "edge", "traded", "swing", "vol_over_tape")


def loop_table(jobs: Sequence[Loop], tables: Sequence[Table]) -> Table:
    """A row a market, what informed traders know, and pricer: means, and differences from the rule's pool [kUSD]."""
    found = dict(zip(jobs, tables, strict=True))
    rows = []
    for job, own in found.items():
        if job.hedge != PLAIN or job.gamma != TODAY or job.first:
            continue
        rule = next(other for one, other in found.items() if _same(one, job) and one.pricer == RULE)
        row: dict[str, Any] = {"market": job.market, "informed": job.informed, "pricer": job.pricer}
        row |= {name: float(own[name].mean()) for name in MONEY}
        row["informed_gain"] = float(own["informed"].mean())
        for name in ("realised", "edge"):
            row |= interval_columns(f"{name}_over_rule", student_t(own[name] - rule[name]))
        rows.append(row | {"seeds": len(own["seed"])})
    return columns(rows)


def _same(one: Loop, other: Loop) -> bool:
    return replace(one, pricer=other.pricer) == other


def greek_table(jobs: Sequence[Loop], tables: Sequence[Table]) -> Table:
    """A row a market, pricer and hedge: realised cash, its deviation over seeds, what hedging costs [kUSD].

    Profit and deviation are also held against the same pool without a hedge and hedged by Black-Scholes' greeks.
    """
    found = dict(zip(jobs, tables, strict=True))
    rows = []
    for job, own in found.items():
        others = {one.hedge: other for one, other in found.items() if _alike(one, job)}
        if UNHEDGED not in others or PLAIN not in others or job.gamma != TODAY:
            continue
        row: dict[str, Any] = {"market": job.market, "pricer": job.pricer, "hedge": job.hedge}
        row |= interval_columns("realised", student_t(own["realised"]))
        row |= {"deviation": float(own["realised"].std(ddof=1)), "hedging_cost": float(own["hedging_cost"].mean())}
        row |= {"traded": float(own["traded"].mean()), "swing": float(own["swing"].mean())}
        for name, hedge in (("unhedged", UNHEDGED), ("plain", PLAIN)):
            against = others[hedge]
            row |= interval_columns(f"over_{name}", student_t(own["realised"] - against["realised"]))
            row |= interval_columns(f"variance_over_{name}", variance_ratio(own["realised"], against["realised"]))
            row |= interval_columns(f"cost_over_{name}", student_t(own["hedging_cost"] - against["hedging_cost"]))
        rows.append(row)
    order = list(dict.fromkeys(row["market"] for row in rows))
    return columns(sorted(rows, key=lambda row: (order.index(row["market"]), row["pricer"])))


def _alike(one: Loop, other: Loop) -> bool:
    return replace(one, hedge=other.hedge) == other


def gamma_table(jobs: Sequence[Loop], tables: Sequence[Table]) -> Table:
    """A row a market, greeks and what the pool does about its gamma: over the same pool that does nothing [kUSD]."""
    found = dict(zip(jobs, tables, strict=True))
    rows = []
    for job, own in found.items():
        others = [
            other for one, other in found.items() if replace(one, gamma=job.gamma) == job and one.gamma == NOTHING
        ]
        for nothing in others:
            row: dict[str, Any] = {"market": job.market, "greeks": job.hedge, "managed": job.gamma}
            row |= {name: float(own[name].mean()) for name in ("realised", "hedging_cost", "traded", "swing")}
            row |= interval_columns("over_nothing", student_t(own["realised"] - nothing["realised"]))
            row |= interval_columns("variance_over_nothing", variance_ratio(own["realised"], nothing["realised"]))
            rows.append(row)
    order = list(MANAGED)
    return columns(sorted(rows, key=lambda row: (row["market"], row["greeks"], order.index(row["managed"]))))


def variance_ratio(one: Floats, other: Floats) -> Any:
    """Variance over seeds divided by another's, with its percentile interval over resampled seeds, pairs kept."""
    if np.array_equal(one, other):
        return percentile(1.0, np.ones(2), len(one))
    draws = seed_draws(len(one))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = one[draws].var(axis=1, ddof=1) / other[draws].var(axis=1, ddof=1)
    return percentile(float(one.var(ddof=1) / other.var(ddof=1)), ratios, len(one))


def attack_table(jobs: Sequence[Attack], tables: Sequence[Table]) -> Table:
    """A row an attack and pool: what attacker, takers of quotes and LPs have over the same seeds in peace [kUSD]."""
    found = dict(zip(jobs, tables, strict=True))
    rows = []
    for job, own in found.items():
        if job.attack == NONE:
            continue
        peace = next(
            other for one, other in found.items()
            if (one.pricer, one.gwav, one.shares, one.attack) == (job.pricer, job.gwav, job.shares, NONE)
        )  # fmt: skip
        row: dict[str, Any] = {"attack": job.attack, "pricer": job.pricer, "gwav": int(job.gwav)}
        row |= {"capital": float(own["capital"].mean()), **interval_columns("attacker", student_t(own["attacker"]))}
        for name in ("takers", "pool", "others"):
            row |= interval_columns(name, student_t(own[name] - peace[name]))
        row |= interval_columns("both", student_t(own["attacker"] + own["takers"] - peace["takers"]))
        row |= {"takers_in_peace": float(peace["takers"].mean()), "served": float(own["served"].mean())}
        rows.append(row | {"seeds": len(own["seed"])})
    return columns(rows)
