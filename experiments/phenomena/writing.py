"""A run's findings as a table of characters, a CSV, figures, a manifest and a page."""

import csv
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from protogov.envs.config import WorldConfig
from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.files import write_json, write_text
from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.versions import now, versions
from protogov.experiments.figures import style
from protogov.experiments.phenomena.drawing import number
from protogov.experiments.phenomena.phenomenon import Change, Phenomenon
from protogov.experiments.phenomena.runner import Finding

MINUS = "\N{MINUS SIGN}"


def span(found: Interval) -> str:
    """Mean and interval, in few characters."""
    return f"{number(found.mean)} [{number(found.low)}, {number(found.high)}]".replace("-", MINUS)


def rule_of(one: Phenomenon) -> str:
    """What the verdict demands of this phenomenon."""
    unit = one.measure.unit
    vanish = f"within ±{number(one.band)} {unit}" if one.band else "exactly 0 in every episode"
    return f"effect above {number(one.smallest)} {unit}; with the switch {vanish}"


def table_of(findings: Sequence[Finding]) -> list[str]:
    """A row a measure, columns aligned, for a terminal."""
    head = ("phenomenon", "measured", "with mechanism", "switched off", "paired effect, 95%", "verdict")
    rows = [head]
    for finding in findings:
        for place, found in enumerate(finding.comparisons):
            rows.append(
                (
                    finding.phenomenon.name if place == 0 else "",
                    f"{found.measure.label} [{found.measure.unit}]",
                    number(found.active.mean),
                    number(found.switched.mean),
                    span(found.effect),
                    finding.verdict if place == 0 else "",
                )
            )
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def describe(one: Phenomenon) -> list[str]:
    """A phenomenon in lines of text."""
    return [
        f"{one.name}: {one.title}",
        f"  {one.claim}",
        f"  seen: {one.evidence}",
        f"  measured: {one.measure.label} [{one.measure.unit}]",
        f"  switch: {one.switch.words} ({one.switch.settings()})",
        f"  holds if: {rule_of(one)}",
    ]


def write_findings(findings: Sequence[Finding], folder: Path, command: str) -> list[Path]:
    """Write `phenomena.csv`, a figure each (SVG, PNG), `manifest.json` and `README.md`; returns their paths."""
    about = manifest(findings, command)  # first: what is written below would count as changes to the commit
    folder.mkdir(parents=True, exist_ok=True)
    paths = [write_numbers(findings, folder / "phenomena.csv")]
    for finding in findings:
        with style.look():
            figure = finding.phenomenon.draw(finding)
            paths.append(style.save(figure, folder, finding.phenomenon.name))
            paths.append(folder / f"{finding.phenomenon.name}.png")
            figure.savefig(paths[-1], dpi=110, metadata={"Software": None})
    paths.append(write_json(folder / "manifest.json", about))
    paths.append(write_text(folder / "README.md", page(findings, about)))
    return paths


def write_numbers(findings: Sequence[Finding], path: Path) -> Path:
    """A row a measure: means with their intervals in both worlds, the paired effect, limits and verdict."""
    head = (
        "phenomenon", "measure", "unit", "seeds", "with_mean", "with_low", "with_high", "switched_mean", "switched_low",
        "switched_high", "switched_largest", "effect_mean", "effect_low", "effect_high", "smallest_effect", "band",
        "verdict",
    )  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for finding in findings:
            for place, found in enumerate(finding.comparisons):
                numbers = [
                    getattr(interval, end)
                    for interval in (found.active, found.switched)
                    for end in ("mean", "low", "high")
                ]
                numbers += [found.largest_switched, found.effect.mean, found.effect.low, found.effect.high]
                one = finding.phenomenon
                limits = (f"{one.smallest:g}", f"{one.band:g}", finding.verdict) if place == 0 else ("", "", "")
                writer.writerow(
                    (one.name, found.measure.name, found.measure.unit, finding.seeds.size)
                    + tuple(f"{value:.6g}" for value in numbers)
                    + limits
                )
    return path


def manifest(findings: Sequence[Finding], command: str) -> dict[str, Any]:
    """What made these numbers: command, date, seeds, versions, digest of the physics, and each world."""
    return {
        "command": command,
        "date": now(),
        "seeds": [int(findings[0].seeds[0]), int(findings[0].seeds[-1])],
        "physics_digest": source_digest(),
        "versions": versions(),
        "phenomena": {
            finding.phenomenon.name: {
                "verdict": finding.verdict,
                "scenario": finding.phenomenon.scenario.name,
                "world": differences(finding.phenomenon.config),
                "switch": _settings(finding.phenomenon.switch),
                "shown": {name: _settings(change) for name, change in finding.phenomenon.shown.items()},
            }
            for finding in findings
        },
    }


def differences(config: WorldConfig) -> dict[str, Any]:
    """What a world has that the default world has not; parameters by their names, other fields likewise."""
    plain = WorldConfig()
    found = {
        spec.name: getattr(config, spec.name)
        for spec in fields(WorldConfig)
        if spec.name != "parameters" and getattr(config, spec.name) != getattr(plain, spec.name)
    }
    found |= {
        spec.name: getattr(config.parameters, spec.name)
        for spec in fields(config.parameters)
        if getattr(config.parameters, spec.name) != getattr(plain.parameters, spec.name)
    }
    return json.loads(json.dumps(found, default=dict))


def _settings(change: Change) -> dict[str, Any]:
    return {"words": change.words, **change.parameters, **change.world}


def page(findings: Sequence[Finding], about: dict[str, Any]) -> str:
    """A page that explains the folder."""
    held = sum(finding.holds for finding in findings)
    lines = [
        "# Phenomena, and the switch that removes each",
        "",
        f"{held} of {len(findings)} behave as claimed: each is there with its mechanism and gone without it, on the",
        f"same {findings[0].seeds.size} seeds, tapes and noise, under static levers.",
        "",
        "| phenomenon | measured | with mechanism | switch | switched off | paired effect, 95% | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for finding in findings:
        for place, found in enumerate(finding.comparisons):
            first = place == 0
            cells = (
                f"[{finding.phenomenon.title}](#{finding.phenomenon.name})" if first else "",
                f"{found.measure.label}, {found.measure.unit}",
                number(found.active.mean),
                finding.phenomenon.switch.words if first else "",
                number(found.switched.mean),
                span(found.effect),
                finding.verdict if first else "",
            )
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "The verdict hangs on the first row of each. It *appears* when the whole 95% interval of the paired effect",
        "(Student's t over seeds) lies above a stated smallest effect; it *vanishes* when the value under the switch",
        "is exactly 0 in every episode or, where a band is stated, when the whole interval of its mean lies within it.",
    ]
    for finding in findings:
        one = finding.phenomenon
        world = ", ".join(f"`{name}` = {value}" for name, value in differences(one.config).items())
        lines += [
            "",
            f"## {one.name}",
            "",
            f"{one.claim} Seen: {one.evidence}.",
            "",
            f"![{one.title}]({one.name}.svg)",
            "",
            f"- Holds if: {rule_of(one)}.",
            f"- World: scenario *{one.scenario.name}*; {world}.",
            f"- Switch: {one.switch.words} ({one.switch.settings()}).",
        ]
        if one.note:
            lines.append(f"- {one.note}")
    lines += [
        "",
        "Numbers: `phenomena.csv`; worlds, versions and digest of the physics: `manifest.json`. Made on",
        f"{about['date']} at commit `{about['versions']['commit']}` by",
        "",
        f"    {about['command']}",
        "",
    ]
    return "\n".join(lines)
