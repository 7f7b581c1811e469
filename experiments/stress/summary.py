"""From a row an episode to what is asked: tails, probabilities and requirements of every cell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.core.tables import Table
from protogov.experiments.stress.estimates import (
    Requirement,
    Tail,
    clopper_pearson,
    least_requirement,
    seed_draws,
    tail_of,
)
from protogov.experiments.stress.grid import Cell
from protogov.experiments.stress.runner import Plan

LEVELS = (0.95, 0.99)  # of value-at-risk and expected shortfall

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CellResult:
    """One protocol.

    Attributes:
        cell: its levers.
        tail: of its loss [bp of K0].
        hits: insolvent episodes.
        probability: (estimate, low, high) of insolvency, Clopper-Pearson at 95%.
        mean_welfare: W [bp of K0].
    """

    cell: Cell
    tail: Tail
    hits: int
    probability: tuple[float, float, float]
    mean_welfare: float


@dataclass(frozen=True)
class Rule:
    """A least requirement with the two levers at which it holds.

    Attributes:
        kind: "loan-to-value" (the largest that may be lent) or "option margin" (the smallest multiplier).
        fixed: lever -> value of the others.
        requirement: in the unit of `kind`.
    """

    kind: str
    fixed: dict[str, float]
    requirement: Requirement


@dataclass(frozen=True)
class Summary:
    """All that is written of a stress run."""

    plan: Plan
    criterion: str
    loss: str
    target: float
    cells: tuple[CellResult, ...]
    pooled: Tail
    losses: Floats  # [seeds, cells], bp of K0
    rules: tuple[Rule, ...]
    seconds: float = float("nan")  # that playing took; nan where part of it was kept from before

    @property
    def best(self) -> Rule | None:
        """The rule that lends most, by its backed loan-to-value; None when none is backed.

        Among rules that lend as much, the one whose option margin is nearest to 1.
        """
        backed = [r for r in self.rules if r.kind == "loan-to-value" and np.isfinite(r.requirement.backed)]
        near = [-abs(float(np.log(rule.fixed["option_margin"]))) for rule in backed]
        order = sorted(range(len(backed)), key=lambda i: (round(backed[i].requirement.backed, 6), near[i]))
        return backed[order[-1]] if order else None

    @property
    def edges(self) -> tuple[str, ...]:
        """Axes on whose end of the grid the best rule lies: a wider grid may find a better one."""
        best, thresholds = self.best, sorted({found.cell.threshold for found in self.cells})
        at_end = best is not None and len(thresholds) > 1 and best.fixed["threshold"] in (thresholds[0], thresholds[-1])
        found = ["liquidation threshold"] if at_end else []
        return (*found, *(["loan-to-value"] if best is not None and best.requirement.open_ended else []))

    @property
    def margin_effect(self) -> int:
        """The most by which an option margin changes the number of insolvent worlds of a pair of LT and LTV."""
        hits: dict[tuple[float, float], list[int]] = {}
        for found in self.cells:
            hits.setdefault((found.cell.threshold, found.cell.loan_to_value), []).append(found.hits)
        return max(max(row) - min(row) for row in hits.values())


def summarise(
    plan: Plan, table: Table, criterion: str, loss: str, target: float, seconds: float = float("nan")
) -> Summary:
    """Summarise a plan that was played; `table` is sorted by cell and seed.

    Args:
        plan: what was played.
        table: of :func:`run_plan`.
        criterion: name in `CRITERIA`.
        loss: name in `LOSSES`.
        target: probability of insolvency that a requirement keeps.
        seconds: that playing took.
    """
    shape = (len(plan.cells), plan.seeds)
    losses = table[f"loss/{loss}"].reshape(shape).T
    hits = table[f"insolvent/{criterion}"].reshape(shape).sum(axis=1)
    welfare = table["welfare"].reshape(shape).mean(axis=1)
    low, high = clopper_pearson(hits, plan.seeds)
    draws = seed_draws(plan.seeds)
    cells = tuple(
        CellResult(
            cell,
            tail_of(losses[:, [i]], LEVELS, draws),
            int(hits[i]),
            (hits[i] / plan.seeds, float(low[i]), float(high[i])),
            float(welfare[i]),
        )
        for i, cell in enumerate(plan.cells)
    )
    pooled = tail_of(losses, LEVELS, draws[:200])  # a resample is the whole grid: fewer of them
    return Summary(plan, criterion, loss, target, cells, pooled, losses, _rules(cells, plan.seeds, target), seconds)


def _rules(cells: tuple[CellResult, ...], trials: int, target: float) -> tuple[Rule, ...]:
    """Along the loan-to-value for each (LT, margin), and along the margin for each (LT, loan-to-value)."""
    rules = []
    for kind, axis, others, strictest_first in (
        ("loan-to-value", "loan_to_value", ("threshold", "option_margin"), 1),
        ("option margin", "option_margin", ("threshold", "loan_to_value"), -1),
    ):
        groups: dict[tuple[float, ...], list[CellResult]] = {}
        for found in cells:
            groups.setdefault(tuple(getattr(found.cell, name) for name in others), []).append(found)
        for at, row in groups.items():
            ordered = sorted(row, key=lambda found: strictest_first * getattr(found.cell, axis))
            values = [getattr(found.cell, axis) for found in ordered]
            requirement = least_requirement(values, [found.hits for found in ordered], trials, target)
            rules.append(Rule(kind, dict(zip(others, at, strict=True)), requirement))
    return tuple(rules)
