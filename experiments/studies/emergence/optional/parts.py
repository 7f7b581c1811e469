"""The optional measures of a report: a function each, which adds to its notes, and their names.

To add one: a class of `extract` and `reduce` in a file of this folder, its part in `playing.PARTS`, a function here and
its row in `OPTIONAL`, a check with a known answer in `checks.CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import cluster_means
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.bench import Bench, Notes
from protogov.experiments.studies.emergence.optional.contagion import Contagion, ContagionSample, Tails, TailSample
from protogov.experiments.studies.emergence.optional.dynamics import Peaks, Phases, Twins, TwinsSample
from protogov.experiments.studies.emergence.optional.hawkes import FEWEST, HawkesBesideForks, HawkesSample
from protogov.experiments.studies.emergence.optional.information import OInformation
from protogov.experiments.studies.emergence.optional.playing import extract
from protogov.experiments.studies.emergence.optional.record import Record
from protogov.experiments.studies.emergence.optional.social import SocialInfluence, SocialSample
from protogov.experiments.studies.emergence.optional.transfer import TransferEntropy
from protogov.experiments.studies.emergence.tree import TreeSample


def _record(bench: Bench) -> Record:
    (data,) = bench.run("record", "", by=extract)
    return Record.from_json(data)


def _few(record: Record, needed: int) -> str:
    """Why a measure of the record cannot be made, or nothing."""
    if len(record.agents) >= needed:
        return ""
    return f"{len(record.agents)} of {len(record.agents) + len(record.still)} governors move; {needed} are needed"


def _transfer(bench: Bench, found: Notes) -> None:
    record, measure = _record(bench), TransferEntropy()
    reason = _few(record, 2)
    if reason:
        found.missing[measure.name] = reason
        return
    found.findings += measure.reduce(measure.of(record))
    found.series["transfer"] = {"agents": list(record.agents)}


def _information(bench: Bench, found: Notes) -> None:
    measure = OInformation()
    try:
        found.findings += measure.reduce(measure.of(_record(bench)))
    except BadInput as error:
        found.missing[measure.name] = str(error)


def _social(bench: Bench, found: Notes) -> None:
    (data,) = bench.run("social", "", by=extract)
    pairs = tuple((one, other) for one, other in data["pairs"])
    if not pairs:
        found.missing["social-influence"] = (
            "these governors are deterministic: of a policy without exploration it is 0 by definition"
        )
        return
    sample = SocialSample(pairs, np.array(data["influence"]), tuple(data["deterministic"]))
    found.findings += SocialInfluence().reduce(sample)


def _contagion(bench: Bench, found: Notes) -> None:
    venues = bench.setting.world.venues
    if venues < 2:
        found.missing["contagion"] = "one venue has no other; 2 are needed"
        return
    (data,) = bench.run("contagion", "", by=extract)
    found.findings += Contagion({}).reduce(ContagionSample(tuple(data["venues"]), np.array(data["losses"])))
    (data,) = bench.run("tails", "", by=extract)
    sample = TailSample(tuple(data["venues"]), np.array(data["returns"]), np.array(data["blocks"]))
    found.findings += Tails(sample.venues).reduce(sample)


def _dynamics(bench: Bench, found: Notes) -> None:
    record = _record(bench)
    if record.agents:
        sample = Peaks().of(record)
        found.findings += Peaks().reduce(sample)
        found.series["spectrum"] = {
            "agents": list(sample.agents), "frequencies": sample.frequencies.tolist(),
            "spectra": sample.spectra.mean(axis=0).tolist(), "bands": sample.bands.tolist(),
        }  # fmt: skip
    reason = _few(record, 2)
    if reason:
        found.missing["dynamics"] = f"peaks and phases: {reason}"
    else:
        found.findings += Phases().reduce(Phases().of(record))
    (data,) = bench.run("twins", bench.agents[0], by=extract)
    rates = np.array(data["rates"], np.float64)
    found.findings += Twins().reduce(TwinsSample(np.array(data["epsilons"]), rates))


def _hawkes(bench: Bench, found: Notes) -> None:
    crisis = bench.setting.crisis
    (data,) = bench.run("sales", "", scenario=crisis, by=extract)
    (forked,) = bench.run("cascade", "", scenario=crisis)
    times = [np.array(own, np.float64) for own in data["times"]]
    lost = np.empty(0)
    if not forked["none"]:
        tree = TreeSample.from_json(forked["tree"])
        muted = (tree.events["who"] >= 0) & ~np.isnan(tree.caused)
        lost = cluster_means(tree.caused[muted], tree.labels[muted]) if muted.any() else lost
    sample = HawkesSample(times, data["length"], np.array(data["labels"]), np.maximum(lost, 0.0))
    findings = HawkesBesideForks().reduce(sample)
    if not findings:
        events = sum(own.size for own in times)
        found.missing["hawkes"] = f"{events} forced sales in the crisis; {FEWEST} are needed for a fit"
    found.findings += findings


OPTIONAL: Mapping[str, Callable[[Bench, Notes], None]] = {
    "transfer-entropy": _transfer, "o-information": _information, "social-influence": _social,
    "contagion": _contagion, "dynamics": _dynamics, "hawkes": _hawkes,
}  # fmt: skip


def chosen(names: Any) -> tuple[str, ...]:
    """Names of optional measures, each once; "all" stands for every one.

    Raises:
        BadInput: an unknown name.
    """
    for name in names:
        if name not in (*OPTIONAL, "all"):
            raise BadInput(f"optional holds {name!r}; all, {', '.join(OPTIONAL)} are accepted")
    return tuple(name for name in OPTIONAL if "all" in names or name in names)
