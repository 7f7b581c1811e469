"""Rows of the two kinds of tables, and what they show."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protogov.envs.gymnasium_env import IDS
from protogov.experiments.core.statistics import Floats, Interval, ends_of, interval_in, student_t
from protogov.experiments.core.tables import Table, groups
from protogov.experiments.core.text import signed

# of the market hours of the other sizes: two venues take twice the time an hour, and a tiny world decides every hour
SHARES = {"rivals": 0.5, "tiny": 0.2}
VALUES = ("return", "welfare")  # the id's own sum of rewards of an episode, and W of its venue [bp of K0]
TIMES = ("seconds", "cpu_seconds", "reference_rate")  # columns of a seed
BY_TAPE = "_by_tape"  # marks the interval over tapes


def label(name: str) -> str:
    """An id without what all ids share: "CoreRates" of "protogov/CoreRates-v0"."""
    return name.removeprefix("protogov/").removesuffix("-v0")


def size_of(name: str) -> str:
    """Size of the world of an id."""
    return IDS[name]["size"]


def hours_of(name: str, market_hours: float) -> float:
    """Budget of a seed on an id [simulated hours]."""
    return market_hours * SHARES.get(size_of(name), 1.0)


def curve_of(name: str, seed: int, learned: Table, defaults: Table) -> list[dict[str, Any]]:
    """One row per point of a seed: means over tapes of its values, and of their gains over the defaults.

    Args:
        name: the id.
        seed: of the learner.
        learned: of `learn`.
        defaults: of `play_defaults`, on the same tapes.
    """
    rows = []
    for at, own in groups(learned, ("market_hours",)):
        row: dict[str, Any] = {"id": name, "seed": seed, "market_hours": int(at["market_hours"])}
        row |= {value: float(own[value].mean()) for value in VALUES}
        row |= {f"{value}_gain": float((own[value] - defaults[value]).mean()) for value in VALUES}
        rows.append(row)
    return rows


def reference_of(name: str, learned: Sequence[Table], defaults: Table) -> dict[str, Any]:
    """The row of an id: its values after all market hours and their gains, with 95% intervals; and what they took.

    A gain has two intervals: over seeds, from each seed's mean over all tapes (`_low`, `_high`), and over tapes, from
    each tape's mean over all seeds (`_by_tape_low`, `_by_tape_high`). Seeds play the same tapes, so that luck with
    these would not show in the first one.

    Args:
        name: the id.
        learned: of `learn`, seed by seed.
        defaults: of `play_defaults`, on the same tapes.
    """
    lasts = [{column: values[-len(defaults["tape"]) :] for column, values in table.items()} for table in learned]
    hours, updates = (int(lasts[0][column][0]) for column in ("market_hours", "rollout"))
    row: dict[str, Any] = {"id": name, "market_hours": hours, "updates": updates, "seeds": len(lasts)}
    for value in VALUES:
        ends: Floats = np.array([last[value] for last in lasts])
        gains = ends - defaults[value]
        row |= {f"{value}_of_defaults": float(defaults[value].mean())}
        row |= ends_of({value: student_t(ends.mean(axis=1)), f"{value}_gain": student_t(gains.mean(axis=1))})
        tapes = student_t(gains.mean(axis=0))  # with the same mean
        row |= {f"{value}_gain{BY_TAPE}_low": tapes.low, f"{value}_gain{BY_TAPE}_high": tapes.high}
    wall, cpu, rate = (np.array([last[column][0] for last in lasts]) for column in TIMES)
    took = {"seconds": wall.mean(), "cpu_seconds": cpu.mean(), "hours_per_cpu_second": hours / cpu.mean()}
    return row | {name: float(value) for name, value in took.items()} | {"reference_rate": float(np.median(rate))}


def gain_of(row: Mapping[str, Any], value: str) -> Interval:
    """The gain of a value over the defaults, with its interval over seeds."""
    return interval_in(row, f"{value}_gain")


def gain_by_tape(row: Mapping[str, Any], value: str) -> Interval:
    """The same gain, with its interval over tapes."""
    return Interval(row[f"{value}_gain"], *(row[f"{value}_gain{BY_TAPE}{end}"] for end in ("_low", "_high")))


def is_above(row: Mapping[str, Any], value: str) -> bool:
    """Whether both intervals of a gain lie above zero."""
    return min(gain_of(row, value).low, gain_by_tape(row, value).low) > 0.0


def is_below(row: Mapping[str, Any], value: str) -> bool:
    """Whether both intervals of a gain lie below zero."""
    return max(gain_of(row, value).high, gain_by_tape(row, value).high) < 0.0


def verdict(row: Mapping[str, Any]) -> str:
    """What the returns of an id show: better or worse than the defaults, the very same, or no difference."""
    if is_above(row, "return") or is_below(row, "return"):
        return "better" if is_above(row, "return") else "worse"
    over_seeds, over_tapes = gain_of(row, "return"), gain_by_tape(row, "return")
    same = over_seeds.low == over_seeds.high == over_tapes.low == over_tapes.high == 0.0
    return "plays the defaults" if same else "no difference shown"


def ends(found: Interval) -> str:
    """The ends of an interval of a difference."""
    return f"[{signed(found.low)}, {signed(found.high)}]"
