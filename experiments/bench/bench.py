"""`protogov bench` (`make bench`): the figures of merit and their targets.

Every rate is a median of repeats, by wall clock and by processor time; ratios compare measurements of the same run.
Each figure has its own interpreter, so figures do not share memory and caches. A fixed loop is timed before and after
each (`reference.py`). The ratio of a rate to the loop's rate makes pages of different machines comparable. On a slower
machine targets are reduced in proportion. `--save results/bench` keeps the result.
"""

import math
import os
import platform
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from protogov.experiments.bench.rows import Plan, Row
from protogov.experiments.core.pieces import HERE, Running
from protogov.experiments.core.study import Found, Judged, Study, conclude, no_figure, redraw
from protogov.experiments.core.tables import Table, columns, records
from protogov.experiments.core.text import markdown
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFolder

# figure -> (module of this folder, its function: plan -> rows); loaded in the process that measures
MEASURES: dict[str, tuple[str, str]] = {
    "hours": ("world", "hours_rows"),
    "groups": ("world", "group_rows"),
    "threads": ("world", "thread_rows"),
    "single": ("world", "single_rows"),
    "ppo": ("learning", "joint_rows"),
    "experiment": ("learning", "experiment_rows"),
    "usual": ("learning", "usual_rows"),
    "pricer": ("pricing", "pricer_rows"),
    "memory": ("world", "memory_rows"),
    "import": ("startup", "import_rows"),
    "compile": ("startup", "compile_rows"),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Print the figures of merit and their targets.

    The exit code is 0 for any figures, 2 for bad input.

    Example: protogov bench --only hours ppo
    """

    only: tuple[str, ...] = ()
    """Measure only these: hours, groups, threads, single, ppo, experiment, usual, pricer, memory, import, compile."""
    quick: bool = False
    """Fewer and shorter repeats: enough to see an accident, not to compare versions."""
    worlds: int = 512
    """Worlds in a batch; the targets are for 512."""
    repeats: int | None = None
    """Timings per figure; the page shows their median; by default 5, with --quick 2."""
    save: OutputFolder | None = None
    """Also write the table, a manifest and a page to this folder (results/bench holds the reference)."""
    redraw: bool = False
    """Measure nothing: write the page of --save again from its table."""


def measure_apart(name: str, plan: Plan) -> list[Row]:
    """Rows of one figure, measured in a fresh interpreter."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure_here, name, plan).result()


def measure_here(name: str, plan: Plan) -> list[Row]:
    """Rows of one figure, with the reference loop's rate before and after them."""
    from protogov.experiments.bench.reference import TARGET_MACHINE, reference_rate

    module, function = MEASURES[name]
    before = reference_rate()
    rows: list[Row] = getattr(import_module(f"protogov.experiments.bench.{module}"), function)(plan)
    rate = (before + reference_rate()) / 2.0
    return [
        replace(row, reference=rate, machine=rate / TARGET_MACHINE) if row.unit.endswith("/s") else row for row in rows
    ]


def make_plan(options: Options) -> Plan:
    """How much to measure.

    Raises:
        BadInput: a number below 1.
    """
    for name, value in (("worlds", options.worlds), ("repeats", options.repeats)):
        if value is not None and value < 1:
            raise BadInput(f"{name} is {value}; a whole number from 1 is accepted")
    plan = Plan.quick(options.worlds) if options.quick else Plan(worlds=options.worlds, usual_worlds=options.worlds)
    return plan if options.repeats is None else Plan(**{**asdict(plan), "repeats": options.repeats})


def format_number(value: float | None) -> str:
    """Few digits, with thousands separated."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


HEAD = ("figure", "wall clock", "processor", "target here", "unit", "a reference round", "")


def cells(row: Row) -> tuple[str, ...]:
    """A row as text, column by column of `HEAD`."""
    target = "" if row.asked is None else f"{'>=' if row.sense == 'at least' else '<='} {format_number(row.asked)}"
    remark = f"{row.verdict}{'; ' if row.note else ''}{row.note}" if row.verdict != "-" else row.note
    per_round = "" if row.per_round is None else format_number(row.per_round)
    return (row.what, format_number(row.wall), format_number(row.cpu), target, row.unit, per_round, remark)


def format_row(row: tuple[str, ...]) -> str:
    """One line of the table on the terminal."""
    what, wall, cpu, target, unit, per_round, remark = row
    return f"{what:<66}{wall:>11}{cpu:>11}{target:>12}  {unit:<15}{per_round:>17}  {remark}".rstrip()


def machine() -> str:
    """Processor and number of cores, in words."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass  # not Linux: use the short name
    return f"{name}, {os.cpu_count()} cores"


def load() -> float:
    """Mean number of runnable processes in the last minute, including this one; nan if unknown."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def reference_sentence(rows: Sequence[Row]) -> str:
    """How this machine runs the reference loop, in words."""
    timed = [row for row in rows if row.reference is not None]
    if not timed:
        return "No rate was measured, so the reference loop was not used."
    rounds = median(row.reference for row in timed if row.reference is not None)
    speed = median(row.machine for row in timed)
    return (
        f"The reference loop runs {rounds:,.0f} rounds a second here, {speed:.2f} of the machine on which the targets "
        "of rates were set; on a slower machine they are reduced in proportion. The ratio of a rate by processor time "
        "to the loop's rate is also shown: it makes pages of different machines comparable."
    )


def table_of(rows: Sequence[Row]) -> Table:
    """The stored figures: fields of `Row`, NaN for None, and the verdict."""
    kept = [{**asdict(row), "asked": row.asked, "verdict": row.verdict} for row in rows]
    return columns([{name: math.nan if value is None else value for name, value in row.items()} for row in kept])


def rows_in(table: Table) -> list[Row]:
    """Reverse of `table_of`."""
    names = {field.name for field in fields(Row)}
    kept = ({name: value for name, value in row.items() if name in names} for row in records(table))
    given: list[dict[str, Any]] = [
        {name: None if value != value else value for name, value in row.items()} for row in kept
    ]
    return [Row(**row) for row in given]


def measure(options: Options, how: Running = HERE) -> Found:
    """Measure and print row by row, one process after another: parallel processes would disturb each other.

    Raises:
        BadInput: an unknown name in `only`, or a number out of range.
    """
    for name in options.only:
        if name not in MEASURES:
            raise BadInput(f"only names {name!r}; known figures are {', '.join(MEASURES)}")
    plan = make_plan(options)
    before, began = load(), time.perf_counter()
    print(f"{machine()}; load {before:.1f}; medians of {plan.repeats}", flush=True)
    print(format_row(HEAD), flush=True)
    rows: list[Row] = []
    for name in MEASURES:
        if not options.only or name in options.only:
            for row in measure_apart(name, plan):
                print(format_row(cells(row)), flush=True)
                rows.append(row)
    after, seconds = load(), round(time.perf_counter() - began)
    facts = {"machine": machine(), "load": [before, after], "seconds": seconds, "plan": asdict(plan)}
    return Found({"bench": table_of(rows)}, facts)


def judge(found: Found) -> Judged:
    """How many targets are missed, and the speed of the machine; a miss is not a failure."""
    rows, (_, after) = rows_in(found.tables["bench"]), found.facts["load"]
    missed, asked = sum(row.verdict == "missed" for row in rows), sum(row.target is not None for row in rows)
    return Judged((
        f"{missed} of {asked} targets missed; load {after:.1f}; {found.facts['seconds']} s", reference_sentence(rows),
    ))  # fmt: skip


def page(found: Found, judged: Judged) -> list[str]:
    """The machine, the reference loop, the table."""
    facts, rows = found.facts, rows_in(found.tables["bench"])
    before, after = facts["load"]
    return [
        f"{facts['machine']}; load before and after {before:.1f} and {after:.1f}; medians of "
        f"{facts['plan']['repeats']} repeats.", "", judged.sentences[1], "",
        *markdown(list(HEAD), [list(cells(row)) for row in rows]),
    ]  # fmt: skip


STUDY = Study("bench", "Figures of merit", Options, measure, judge, no_figure, page)


def run(options: Options, command: str) -> int:
    """Measure, print, and write the results."""
    if not options.redraw:
        return conclude(STUDY, measure(options), options.save, command)
    if options.save is None:
        raise BadInput("redraw needs a folder that bench wrote: --save FOLDER")
    return redraw(STUDY, options.save)
