"""The power of detectors: how often each found what was planted in model organisms, from saved rows.

A claim about learned governors says little without it. Made by

    protogov study organisms --store experiments/studies/emergence/organisms/power.csv --out build/organisms

which goes on after a kill: finished pieces are in the folder, and git ignores build/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from protogov.experiments.core.tables import Table, read_csv, records
from protogov.experiments.core.text import listed
from protogov.experiments.studies.emergence.organisms import FAMILIES

POWER_FILE = Path(__file__).with_name("power.csv")
WEAK = 0.5  # strengths up to it are called weak
ANSWERING = tuple(name for name, own in FAMILIES.items() if own.answers)
SILENT = tuple(name for name, own in FAMILIES.items() if not own.answers)
LEARNERS = ("q-learner", "myopic")


@dataclass(frozen=True)
class Truth:
    """What a detector has to find, and where each of its alarms is false; of all other families nothing is known.

    Attributes:
        what: is planted, in words.
        planted, nothing: families.
        caveat: why what is planted may be too little, or nothing.
    """

    what: str
    planted: tuple[str, ...]
    nothing: tuple[str, ...]
    caveat: str = ""


def _all_but(*names: str) -> tuple[str, ...]:
    return tuple(family for family in FAMILIES if family not in names)


# who never moves differs from the defaults in nothing; strangers who are exactly alike are no strangers
TRUTHS: Mapping[str, Truth] = {
    "influence": Truth("an answer to the other governor", ANSWERING, SILENT),
    "granger": Truth("an answer to the other governor", ANSWERING, SILENT),
    "dividends": Truth("an answer to the other governor", ANSWERING, ("still",)),
    "exploitability": Truth("", (), ()),
    "cross-play": Truth("a convention", ("q-learner",), _all_but(*LEARNERS)),
    "attribution": Truth("a lever that leaves the defaults", _all_but("still"), ("still",)),
    "collusion": Truth(
        "punishments of who undercuts", ("trigger-cartel",), _all_but("trigger-cartel", *LEARNERS),
        "with base rates they are no cartel by the battery's definition, since strangers keep more than half of the "
        "gain, and an undercut hardly pays within an episode even if nobody answers",
    ),
    "spectrum": Truth("a cycle", ("oscillator",), ("still", "wanderer")),
}  # fmt: skip
OTHERS = Truth("an answer to the other governor", ANSWERING, SILENT)  # a detector that a stranger brings
# measure of a report -> the detector that stands for it
DETECTOR: Mapping[str, str] = {
    "influence": "influence", "dividends": "dividends", "exploitability": "exploitability",
    "cross-play": "cross-play", "collusion": "collusion", "cascades": "attribution",
}  # fmt: skip


@dataclass(frozen=True)
class Count:
    """Alarms of looks; at those that are withheld nothing was said."""

    alarms: int
    looks: int
    withheld: int = 0

    def words(self) -> str:
        """For a sentence."""
        return f"{self.alarms} of {self.looks}"


def counted(table: Table, detector: str, families: tuple[str, ...], low: float = -1.0, high: float = 1.0) -> Count:
    """Alarms of a detector at families with a strength above `low` and up to `high`."""
    own = [
        row
        for row in records(table)
        if row["detector"] == detector and row["family"] in families and low < float(row["strength"]) <= high
    ]
    said = [row for row in own if row["looks"]]  # without a look there is no rate
    alarms, looks = sum(round(row["rate"] * row["looks"]) for row in said), sum(int(row["looks"]) for row in said)
    return Count(alarms, looks, sum(int(row["withheld"]) for row in own))


def failed_checks(table: Table, detector: str, families: tuple[str, ...]) -> dict[str, int]:
    """Checks of a detector that do not hold at families -> the number of looks."""
    found: Counter[str] = Counter()
    for row in records(table):
        if row["detector"] == detector and row["family"] in families:
            for words in filter(None, row["failed"].split(", ")):
                name, _, count = words.rpartition(" ")
                found[name] += int(count)
    return dict(found)


@cache
def saved() -> Table:
    """The rows of `POWER_FILE`; nothing without it."""
    return read_csv(POWER_FILE) if POWER_FILE.is_file() else {}


def power_of(measure: str) -> dict[str, Any] | None:
    """What the benchmark says of a measure of a report, JSON-able; None of a measure that it does not hold.

    Returns:
        `detector`; `planted` in words; `weak`, `strong` and `false`, each [alarms, looks]: at what is planted with a
        strength up to and above `WEAK`, and where nothing is; `failed`, checks that do not hold at what is planted ->
        looks; `caveat`; `withheld`, looks at all these at which the measure was withheld; `tapes`, the units of a look.
    """
    detector, table = DETECTOR.get(measure), saved()
    if detector is None or not table or detector not in table["detector"]:
        return None
    truth = TRUTHS[detector]
    weak, strong = (counted(table, detector, truth.planted, *ends) for ends in ((-1.0, WEAK), (WEAK, 1.0)))
    false = counted(table, detector, truth.nothing)
    return {
        "detector": detector, "planted": truth.what, "weak": [weak.alarms, weak.looks],
        "strong": [strong.alarms, strong.looks], "false": [false.alarms, false.looks],
        "failed": failed_checks(table, detector, truth.planted), "caveat": truth.caveat,
        "withheld": weak.withheld + strong.withheld + false.withheld, "tapes": int(table["tapes"][0]),
    }  # fmt: skip


def in_words(measure: str) -> str:
    """The power of a measure as a sentence; without saved rows how to make them; nothing of an optional measure."""
    if measure not in DETECTOR:
        return ""
    known = power_of(measure)
    if known is None:
        return f"Its power is not known: protogov study organisms --detectors {DETECTOR[measure]} measures it."
    if not known["planted"]:
        return "Its power is not known: model organisms hold nothing of a size that it should find."
    weak, strong, false = (Count(*known[name]) for name in ("weak", "strong", "false"))
    kept = f"withheld in {known['withheld']} looks at model organisms" if known["withheld"] else ""
    if not weak.looks + strong.looks + false.looks:
        return f"Its power is not known: it was {kept}."
    parts = [
        f"{count.words()} {word}"
        for word, count in ((f"of a strength up to {WEAK:g}", weak), ("of a larger one", strong))
        if count.looks
    ]
    checks = [f"{name} in {count}" for name, count in known["failed"].items()]
    failed = f"checks that do not hold there: {listed(checks)} looks" if checks else ""
    said = [
        f"Its power: of model organisms with {known['planted']} it finds {' and '.join(parts)}", failed,
        known["caveat"], f"false alarms in {false.words()}", f"it was {kept}" if kept else "",
        f"{known['tapes']} tapes are the units of a look",
    ]  # fmt: skip
    return f"{'; '.join(filter(None, said))}."
