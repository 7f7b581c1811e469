"""What a stress run leaves: tables, figures, a manifest and a page."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.files import write_json, write_text
from protogov.experiments.core.tables import Table, write_table
from protogov.experiments.core.versions import now, versions
from protogov.experiments.figures.style import save
from protogov.experiments.stress.figures import draw_insolvency, draw_losses
from protogov.experiments.stress.grid import lever_of
from protogov.experiments.stress.losses import CRITERIA, LOSSES
from protogov.experiments.stress.summary import LEVELS, CellResult, Rule, Summary

HARDLY = 0.03  # of the worlds: within the interval of a single cell at any usual number of seeds


def write_stress(folder: Path, summary: Summary, table: Table, command: str) -> list[Path]:
    """Write all files; returns their paths."""
    plan = summary.plan
    figures = [
        (save(figure, folder, name), figure)
        for name, figure in (("insolvency", draw_insolvency(summary)), ("losses", draw_losses(summary)))
    ]
    for path, figure in figures:
        figure.savefig(path.with_suffix(".png"), dpi=110)
    about = {
        "command": command,
        "written": now(),
        "scenario": plan.scenario,
        "seeds": plan.seeds,
        "first": plan.first,
        "worlds": plan.worlds,
        "criterion": summary.criterion,
        "loss": summary.loss,
        "target": summary.target,
        "seconds": None if np.isnan(summary.seconds) else round(summary.seconds, 3),
        "config": plan.config.to_dict(),
        "physics_digest": source_digest(),
        "versions": versions(),
    }
    return [
        write_text(folder / "cells.csv", cells_csv(summary)),
        write_text(folder / "requirement.csv", requirement_csv(summary)),
        write_table(folder / "episodes.parquet", _labelled(summary, table), {"command": command}),
        *(path for path, _ in figures),
        write_json(folder / "manifest.json", about),
        write_text(folder / "README.md", page(summary, command)),
    ]


def _labelled(summary: Summary, table: Table) -> Table:
    """Levers in place of the cell's number."""
    cells = [summary.plan.cells[i] for i in table["cell"]]
    names = ("threshold", "loan_to_value", "option_margin")
    levers = {name: np.array([getattr(cell, name) for cell in cells]) for name in names}
    return levers | {name: column for name, column in table.items() if name != "cell"}


def cells_csv(summary: Summary) -> str:
    """One row a protocol: probability of insolvency, value-at-risk and expected shortfall with their intervals."""
    ends = ("", "_low", "_high")
    head = ["threshold", "loan_to_value", "option_margin", "worlds", "insolvent"]
    head += [f"probability{end}" for end in ends] + ["mean_welfare_bp", "mean_loss_bp"]
    for level in LEVELS:
        head += [f"{name}{100 * level:g}{end}_bp" for name in ("var", "es") for end in ends]
    lines = [head]
    for found in summary.cells:
        cell, tail = found.cell, found.tail
        row = [f"{x:g}" for x in (cell.threshold, cell.loan_to_value, cell.option_margin)]
        row += [str(summary.plan.seeds), str(found.hits), *(f"{x:.6f}" for x in found.probability)]
        row += [f"{found.mean_welfare:.4f}", f"{tail.mean:.4f}"]
        for level in LEVELS:
            row += [f"{x:.4f}" for x in (*tail.var[level], *tail.shortfall[level])]
        lines.append(row)
    return _csv(lines)


def requirement_csv(summary: Summary) -> str:
    """One row a rule: the limit that is backed, its estimate, and what the data do not exclude."""
    lines = [
        ["requirement", "threshold", "loan_to_value", "option_margin", "backed", "estimate", "hopeful", "open_ended"]
    ]
    for rule in summary.rules:
        fixed = [f"{rule.fixed[name]:g}" if name in rule.fixed else "" for name in lines[0][1:4]]
        found = rule.requirement
        values = ["" if np.isnan(x) else f"{x:.5f}" for x in (found.backed, found.estimate, found.hopeful)]
        lines.append([rule.kind, *fixed, *values, str(int(found.open_ended))])
    return _csv(lines)


def _csv(lines: Sequence[Sequence[str]]) -> str:
    import csv

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def collateral(ltv: float) -> str:
    """A loan-to-value as the collateral that a dollar of debt needs."""
    return "none of the grid" if np.isnan(ltv) else f"{100 / ltv:.1f}% (LTV {100 * ltv:.1f}%)"


def answer(summary: Summary) -> list[str]:
    """The headline in words."""
    tail, best = summary.pooled, summary.best
    lines = [
        f"{summary.plan.worlds} worlds on {summary.plan.scenario}, {len(summary.cells)} protocols pooled: loss "
        f"at 95% {_interval(tail.var[0.95])} bp of K0, expected shortfall {_interval(tail.shortfall[0.95])} bp.",
    ]
    said = f"insolvency ({summary.criterion}) at or below {100 * summary.target:g}%"
    if best is None:
        return [*lines, f"No protocol of the grid is shown to keep {said}: take more seeds or stricter levers."]
    fixed = f"LT {100 * best.fixed['threshold']:g}%, option margin x{best.fixed['option_margin']:g}"
    lines.append(f"Least collateral that keeps {said}: {collateral(best.requirement.backed)} at {fixed}.")
    if summary.edges:
        lever = lever_of("liquidation_threshold")
        limit = best.fixed["threshold"] in (lever.low, lever.high) and not best.requirement.open_ended
        more = "which is the end of the lever's range, too" if limit else "a wider grid may find better"
        lines.append(f"It lies at the end of the grid by {' and '.join(summary.edges)}: {more}.")
    return [*lines, margin_words(summary)]


def margin_words(summary: Summary) -> str:
    """What the option margin does, counted: it may be nothing."""
    most, seeds = summary.margin_effect, summary.plan.seeds
    hardly = " It decides hardly anything by this criterion." if most <= max(HARDLY * seeds, 1) else ""
    return f"The option margin moves a cell by at most {most} of its {seeds} worlds.{hardly}"


def _interval(values: tuple[float, float, float]) -> str:
    return f"{values[0]:.1f} [{values[1]:.1f}, {values[2]:.1f}]"


def page(summary: Summary, command: str) -> str:
    """A page that explains the folder."""
    plan = summary.plan
    lines = ["# Stress", "", *answer(summary), "", "![Probability of insolvency](insolvency.svg)", ""]
    lines += ["![Distribution of losses](losses.svg)", ""]
    lines += [
        f"Insolvent (`{summary.criterion}`): {CRITERIA[summary.criterion][1]}, after any decision. Loss "
        f"(`{summary.loss}`): {LOSSES[summary.loss][1]}, over an episode of {plan.config.episode_hours} h, in bp of "
        f"K0. {len(plan.cells)} protocols meet the same {plan.seeds} seeds with their levers held. Probabilities carry "
        "Clopper-Pearson 95% intervals; value-at-risk (VaR) and expected shortfall (ES) 95% percentile intervals from "
        "resampling whole seeds. At the 99% level an estimate from few hundred worlds rests on a handful of them."
        + ("" if np.isnan(summary.seconds) else f" Played in {summary.seconds:.0f} s."),
        "",
        "## Least collateral",
        "",
        f"The most that may be lent while insolvency stays at or below {100 * summary.target:g}%, from the strictest "
        "loan-to-value on and linear between two. *Backed*: by the upper end of the interval, which is what to rely "
        "on for a row chosen beforehand: each holds with 97.5% confidence by itself, the best of many rows with less; "
        "*estimate*: by the share seen; *not excluded*: by the lower end. `+`: the loosest of the grid passes.",
        "",
        "| LT | option margin | backed | estimate | not excluded |",
        "|---|---|---|---|---|",
    ]
    lines += [_rule_row(rule) for rule in summary.rules if rule.kind == "loan-to-value"]
    lines += ["", "The same along the option margin is in `requirement.csv`.", "", "## Protocols", ""]
    lines += [
        "| LT | LTV | option margin | insolvent [95%] | mean W | mean loss | VaR 95% | ES 95% | VaR 99% | ES 99% |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_cell_row(found) for found in summary.cells]
    lines += ["", "Made by", "", f"    {command}", ""]
    return "\n".join(lines)


def _rule_row(rule: Rule) -> str:
    found = rule.requirement
    more = " +" if found.open_ended else ""
    cells = [f"{100 * rule.fixed['threshold']:g}%", f"x{rule.fixed['option_margin']:g}"]
    cells += [collateral(found.backed) + more, collateral(found.estimate), collateral(found.hopeful)]
    return f"| {' | '.join(cells)} |"


def _cell_row(found: CellResult) -> str:
    cell, tail = found.cell, found.tail
    share, low, high = (100 * x for x in found.probability)
    cells = [f"{100 * cell.threshold:g}%", f"{100 * cell.loan_to_value:g}%", f"x{cell.option_margin:g}"]
    cells += [f"{share:.1f}% [{low:.1f}, {high:.1f}]", f"{found.mean_welfare:.1f}", f"{tail.mean:.1f}"]
    for level in LEVELS:
        cells += [_interval(tail.var[level]), _interval(tail.shortfall[level])]
    return f"| {' | '.join(cells)} |"
