"""The whole laboratory: every measure of a set of governors, every control, and the claims that they allow.

`examine` plays parts in pieces, which a later call reuses, and makes a `Report` of them. If a control fails, the
measures that it guards keep their numbers and lose their claims. `Report.missing` holds why a measure was not made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from protogov.experiments.core.pieces import HERE, Running
from protogov.experiments.core.tables import Table
from protogov.experiments.core.text import number
from protogov.experiments.studies.emergence import self_test
from protogov.experiments.studies.emergence.bench import Bench, Notes
from protogov.experiments.studies.emergence.influence import OWN
from protogov.experiments.studies.emergence.measure import Control, Finding, withhold
from protogov.experiments.studies.emergence.optional.checks import CHECKS
from protogov.experiments.studies.emergence.optional.parts import OPTIONAL
from protogov.experiments.studies.emergence.organisms.power import in_words
from protogov.experiments.studies.emergence.reductions import PARTS, ahead
from protogov.experiments.studies.emergence.subjects import Subject
from protogov.experiments.studies.emergence.tasks import Setting
from protogov.experiments.studies.emergence.tiers import Tier


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        findings: of all measures, claims withheld where a control failed.
        controls: all of them.
        missing: measure -> why it could not be made.
        series: what figures need beside the findings, JSON-able, by name.
        facts: subject, tier, scenarios, sizes; JSON-able.
        episodes: everybody's payoffs, a row an episode; see `core.evaluation` for the columns.
    """

    findings: tuple[Finding, ...]
    controls: tuple[Control, ...]
    missing: Mapping[str, str]
    series: Mapping[str, Any]
    facts: Mapping[str, Any]
    episodes: Table = field(default_factory=dict)


def examine(subject: Subject | None, setting: Setting, tier: Tier, how: Running = HERE) -> Report:
    """Measure a subject; without one only the self-test is run.

    Args:
        subject: who.
        setting: where.
        tier: how much.
        how: processes, and the folder in which finished pieces are kept.

    Raises:
        BadInput: something does not fit the world.
        CheckFailed: the books of a world do not balance, or a process died.
    """
    found = Notes()
    if setting.controls or subject is None:
        found.controls.extend(self_test.self_test(tier.sessions))
        found.controls.extend(control for name in setting.optional for control in CHECKS[name]())
    facts: dict[str, Any] = {"tier": tier.name, "subject": None}
    if subject is not None:
        subject = subject.first(tier.seeds)
        bench = Bench(subject, setting, tier, how)
        bench.play_ahead(ahead(bench, PARTS))
        for part in PARTS:
            part(bench, found)
        for name in setting.optional:
            OPTIONAL[name](bench, found)
        facts |= {
            "subject": subject.name, "training_seeds": len(subject.members) if subject.trained else 0,
            "units": "training seeds" if subject.trained else "tapes", "agents": list(bench.agents),
            "calm": setting.calm, "stress": setting.stress, "crisis": setting.crisis,
            "trained_responses": setting.train_responses, "optional": list(setting.optional),
            "world": setting.world.to_dict(),
        }  # fmt: skip
    kept = withhold(found.findings, found.controls)
    return Report(tuple(kept), tuple(found.controls), found.missing, found.series, facts, found.episodes)


def passed_and_failed(report: Report) -> str:
    """One sentence on the controls."""
    failed = [control.name for control in report.controls if not control.passed]
    if not failed:
        return f"All {len(report.controls)} controls passed."
    return f"{len(failed)} of {len(report.controls)} controls failed: {', '.join(failed)}."


def headline(report: Report) -> Iterator[str]:
    """A sentence on the controls, then of each measure its claims, or why there are none, and its power."""
    yield passed_and_failed(report)
    for measure in dict.fromkeys(one.measure for one in report.findings):
        own = [one for one in report.findings if one.measure == measure]
        yield f"{_claims(measure, own)} {in_words(measure)}".rstrip()
    for measure, reason in report.missing.items():
        yield f"{measure}: not measured: {reason}."


def _claims(measure: str, own: Sequence[Finding]) -> str:
    """The clearest claim, or the verdict on the smallest probability."""
    found, most = clearest(own)
    if not found:
        return f"{measure}, {len(own)} numbers: {most.verdict}."
    return (
        f"{measure}: {len(found)} of {len(own)} numbers are significant, the clearest {most.name}, "
        f"{number(most.value)} [{number(most.interval.low)}, {number(most.interval.high)}]: {most.verdict}."
    )


def clearest(own: Sequence[Finding]) -> tuple[list[Finding], Finding]:
    """The claims among findings, without effects on oneself; and the clearest, or the one of the least probability."""
    found = [one for one in own if one.found and one.verdict != OWN]
    if not found:
        return [], min(own, key=lambda one: 2.0 * one.found + np.nan_to_num(one.adjusted_p, nan=1.0))
    return found, max(found, key=lambda one: abs(one.interval.z) if np.isfinite(one.interval.z) else 0.0)


def ordered(own: Sequence[Finding]) -> list[Finding]:
    """Findings that are not exactly 0: what was found first, then the smallest probabilities."""
    shown = [one for one in own if one.value != 0.0]
    return sorted(shown, key=lambda one: (not one.found, np.nan_to_num(one.adjusted_p, nan=2.0)))
