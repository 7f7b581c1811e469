"""The page: the figure, a row an id, and how a user makes a curve to lay beside."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from protogov.envs.gymnasium_env import IDS
from protogov.envs.sizes import SIZES
from protogov.experiments.bench.reference import TARGET_MACHINE
from protogov.experiments.core.statistics import interval_in
from protogov.experiments.core.study import Found, Judged
from protogov.experiments.core.tables import records
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import number, signed_span, span
from protogov.experiments.studies.references.numbers import (
    ends,
    gain_by_tape,
    gain_of,
    hours_of,
    label,
    size_of,
    verdict,
)

HEAD = [
    "id", "hours a seed (millions)", "updates", "return of the defaults", "return", "gain in return", "by tape",
    "gain in W", "shows", "wall s", "CPU s",
]  # fmt: skip


def page(found: Found, judged: Judged) -> list[str]:
    """Lines of the page."""
    rows = records(found.tables["references"])
    rate = float(np.median(found.tables["references"]["reference_rate"]))
    return page_beside(
        __file__, rows=[HEAD, *map(_cells, rows)], judged=judged.sentences[1:], first=rows[0],
        train=train_command(rows[0]["id"], found.facts), rate=rate, machine=rate / TARGET_MACHINE,
        hours=sum(row["cpu_seconds"] * row["seeds"] for row in rows) / 3600.0, **found.facts,
    )  # fmt: skip


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        label(row["id"]), number(row["market_hours"] / 1e6), str(row["updates"]), number(row["return_of_defaults"]),
        span(interval_in(row, "return")), signed_span(gain_of(row, "return")), ends(gain_by_tape(row, "return")),
        signed_span(gain_of(row, "welfare")), verdict(row), number(row["seconds"]), number(row["cpu_seconds"]),
    ]  # fmt: skip


def train_command(name: str, facts: Mapping[str, Any]) -> str:
    """The `protogov train` that makes the same policies and keeps them.

    Args:
        name: an id.
        facts: of the study.
    """
    role, size = IDS[name]["role"], size_of(name)
    seeds = " ".join(map(str, range(facts["seeds"])))
    rival = f" --background {role}_1=constant" if SIZES[size].venues == 2 else ""
    return (
        f"protogov train {label(name)} --world.size {size} --world.roles {role}{rival} "
        f"--market-hours {hours_of(name, facts['market_hours']):.12g} --worlds {facts['worlds']} --seeds {seeds}"
    )
