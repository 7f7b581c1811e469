"""Print the figures of merit beside their targets: `python -m protogov.experiments.bench.bench` (`make bench`).

Every rate is a median of repeats, by the wall clock and by processor time; ratios compare things of the same run. Each
figure is measured in an interpreter of its own, so that none finds the other's memory and caches. A fixed loop is timed
before and after each (`bench_reference.py`): rates are shown over its own, so that pages of different machines can be
compared, and on a slower machine their targets are in proportion. `--save results/bench` keeps the result.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from protogov.experiments import cli
from protogov.experiments.bench.rows import Plan, Row
from protogov.experiments.core.files import write_json, write_text
from protogov.experiments.core.paths import repository
from protogov.experiments.core.versions import now, versions
from protogov.experiments.errors import as_bad_input
from protogov.experiments.outputs import OutputFolder


def _hours(plan: Plan) -> list[Row]:
    from protogov.experiments.bench.world import hours_rows

    return [*hours_rows(plan, 1), *hours_rows(plan, 2)]


def _groups(plan: Plan) -> list[Row]:
    from protogov.experiments.bench.world import group_rows

    return group_rows(plan)


def _threads(plan: Plan) -> list[Row]:
    from protogov.experiments.bench.world import thread_rows

    return thread_rows(plan)


def _single(plan: Plan) -> list[Row]:
    from protogov.experiments.bench.world import single_rows

    return single_rows(plan)


def _ppo(plan: Plan) -> list[Row]:
    from protogov.experiments.bench.learning import joint_rows

    return joint_rows(plan)


def _usual(plan: Plan) -> list[Row]:
    from protogov.experiments.bench.learning import usual_rows

    return usual_rows(plan)


def _memory(plan: Plan) -> list[Row]:
    from protogov.experiments.bench.world import memory_rows

    return memory_rows(plan)


def _import(plan: Plan) -> list[Row]:
    from protogov.experiments.bench.startup import import_rows

    return import_rows(plan)


def _compile(plan: Plan) -> list[Row]:
    from protogov.experiments.bench.startup import compile_rows

    return compile_rows(plan)


# Each loads its libraries in the process that measures.
MEASURES: dict[str, Callable[[Plan], list[Row]]] = {
    "hours": _hours,
    "groups": _groups,
    "threads": _threads,
    "single": _single,
    "ppo": _ppo,
    "usual": _usual,
    "memory": _memory,
    "import": _import,
    "compile": _compile,
}

PROGRAM = "python -m protogov.experiments.bench.bench"


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Print the figures of merit, each beside its target.

    Exit code: 0 whatever the figures; 2 bad input.
    """

    only: tuple[str, ...] = ()
    """Measure these only: hours, groups, threads, single, ppo, usual, memory, import, compile."""
    quick: bool = False
    """Fewer and shorter repeats: enough to see an accident, not to compare versions."""
    worlds: int = 512
    """Worlds in a batch; the targets are for 512."""
    repeats: int | None = None
    """Timings a figure, of which the median is shown; 5, with --quick 2."""
    save: OutputFolder | None = None
    """Also write bench.json and README.md to this folder (results/bench holds the reference)."""


def measure(name: str, plan: Plan) -> list[Row]:
    """Rows of one figure, measured in a fresh interpreter."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure_here, name, plan).result()


def measure_here(name: str, plan: Plan) -> list[Row]:
    """Rows of one figure; rates stand beside the reference loop's, as it ran before and after them."""
    from protogov.experiments.bench.reference import TARGET_MACHINE, reference_rate

    before = reference_rate()
    rows = MEASURES[name](plan)
    rate = (before + reference_rate()) / 2.0
    return [
        replace(row, reference=rate, machine=rate / TARGET_MACHINE) if row.unit.endswith("/s") else row for row in rows
    ]


def make_plan(options: BenchOptions) -> Plan:
    """How much to measure.

    Raises:
        ValueError: a number below 1.
    """
    for name, value in (("worlds", options.worlds), ("repeats", options.repeats)):
        if value is not None and value < 1:
            raise ValueError(f"{name} = {value} must be a whole number from 1.")
    plan = Plan.quick(options.worlds) if options.quick else Plan(worlds=options.worlds, usual_worlds=options.worlds)
    return plan if options.repeats is None else Plan(**{**asdict(plan), "repeats": options.repeats})


def format_number(value: float | None) -> str:
    """Few digits, thousands apart."""
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
        pass  # not Linux: the short name will do
    return f"{name}, {os.cpu_count()} cores"


def load() -> float:
    """Runnable processes of the last minute, this one included; nan where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def markdown(rows: Sequence[Row], about: dict[str, Any]) -> str:
    """The table as a page."""
    lines = [
        "# Figures of merit",
        "",
        f"{about['machine']}; load before and after {about['load'][0]:.1f} and {about['load'][1]:.1f}; medians of "
        f"{about['repeats']} repeats, {about['time']}. Made by `{about['command']}`; versions: `bench.json`.",
        "",
        about["reference"],
        "",
        f"| {' | '.join(HEAD)} |",
        f"|{'---|' * len(HEAD)}",
        *(f"| {' | '.join(cells(row))} |" for row in rows),
        "",
    ]
    return "\n".join(lines)


def say_reference(rows: Sequence[Row]) -> str:
    """How this machine runs the reference loop, in words."""
    timed = [row for row in rows if row.reference is not None]
    if not timed:
        return "No rate was measured, so that the reference loop says nothing here."
    rounds = median(row.reference for row in timed if row.reference is not None)
    speed = median(row.machine for row in timed)
    return (
        f"The reference loop runs {rounds:,.0f} rounds a second here, {speed:.2f} of the machine that the targets of "
        "rates were set on; on a slower one they are in proportion. A rate by processor time over the loop's own is "
        "shown too: it is what pages of different machines can be compared by."
    )


def run(options: BenchOptions) -> list[Row]:
    """Measure and print row by row, write what was asked for.

    Raises:
        ValueError: an unknown name in `only`, or a number out of range.
    """
    for name in options.only:
        if name not in MEASURES:
            raise ValueError(f"only names {name!r}, known figures are {', '.join(MEASURES)}.")
    plan = make_plan(options)
    before, began = load(), time.perf_counter()
    print(f"{machine()}; load {before:.1f}; medians of {plan.repeats}", flush=True)
    print(format_row(HEAD), flush=True)
    rows: list[Row] = []
    for name in MEASURES:
        if not options.only or name in options.only:
            for row in measure(name, plan):
                print(format_row(cells(row)), flush=True)
                rows.append(row)
    print(say_reference(rows))
    missed = sum(row.verdict == "missed" for row in rows)
    print(f"{missed} of {sum(row.target is not None for row in rows)} targets missed; ", end="")
    print(f"load {load():.1f}; {time.perf_counter() - began:.0f} s")
    if options.save is not None:
        about: dict[str, Any] = {
            "command": " ".join([PROGRAM, *_arguments(options)]),
            "time": now(), "machine": machine(), "load": [before, load()], **asdict(plan), "versions": versions(),
            "reference": say_reference(rows),
        }  # fmt: skip
        report = {**about, "rows": [{**asdict(row), "verdict": row.verdict} for row in rows]}
        write_json(options.save / "bench.json", json.loads(json.dumps(report)))
        write_text(options.save / "README.md", markdown(rows, about))
        shown = (
            options.save if not options.save.is_relative_to(repository()) else options.save.relative_to(repository())
        )
        print(f"wrote {shown}")
    return rows


def _arguments(options: BenchOptions) -> list[str]:
    """Arguments that are not at their defaults, the folder left out."""
    words = ["--only", *options.only] if options.only else []
    words += ["--quick"] if options.quick else []
    words += ["--worlds", str(options.worlds)] if options.worlds != BenchOptions.worlds else []
    return words + (["--repeats", str(options.repeats)] if options.repeats is not None else [])


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; bad input is one line on stderr and exit code 2."""

    def checked(options: BenchOptions) -> int:
        with as_bad_input():
            run(options)
        return 0

    return cli.run_options(BenchOptions, checked, sys.argv[1:] if arguments is None else arguments, PROGRAM)


if __name__ == "__main__":
    sys.exit(main())
