"""Sweep each lever alone and say whether the game is one: `python -m protogov.experiments.sweeps` (`make sweeps`).

A lever whose mandate and welfare both rise to an edge needs no governor: somebody in the world does not leave, or
everybody does. Each lever is held at values over its range on paired seeds (see `sweeps_measure`), a table shows both
curves, and a verdict says whether an optimum lies inside the range with both edges behind it by more than two paired
standard errors.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import tyro

from protogov.envs.config import WorldConfig
from protogov.experiments import cli
from protogov.experiments.commands.options import Member, with_physics
from protogov.experiments.errors import as_bad_input
from protogov.experiments.outputs import OutputFolder
from protogov.experiments.sweeps_measure import BACKED, Curve, Sweep, chosen_levers, run_sweeps

PROGRAM = "python -m protogov.experiments.sweeps"


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Sweep each lever alone, others at their defaults, and look for an optimum inside its range.

    Exit code: 0 done; 1 with --check when a lever has no such optimum; 2 bad input.
    """

    levers: tuple[str, ...] = ()
    """Sweep these levers only (names of the table, say half_spread)."""
    roles: tuple[str, ...] = ()
    """Sweep the levers of these roles only (rate, risk, spread)."""
    scenario: str = "jump"
    """What the outside market does: a registered scenario or a path to candles."""
    seeds: int = 256
    """Episodes at every point; all points see the same ones."""
    first_seed: int = 0
    """The first of the seeds."""
    points: int = 11
    """Values a lever, evenly spaced on its own map; odd, so that the default is one of them."""
    member: Member = ""
    parameters: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Replace a physical parameter, name=value; may be given several times."""
    decision_hours: int = 6
    """Length of a decision [h]; levers never move, so it only changes how finely drawdowns are seen."""
    terms: bool = False
    """Also print what every term and what people did, at the ends, the default and the best value."""
    check: bool = False
    """Exit with 1 when a lever has no interior optimum."""
    out: OutputFolder | None = None
    """Write the numbers (CSV), the figure (SVG, PNG), a manifest and a page to this folder."""
    jobs: int = 1
    """Points that run at the same time."""


def format_value(value: float) -> str:
    """A lever's value in few characters."""
    return f"{value:.4g}"


def _row(label: str, cells: Sequence[str]) -> str:
    return f"  {label:<15}" + "".join(f"{cell:>9}" for cell in cells)


def _marked(curve: Curve) -> list[str]:
    return [f"{mean:.2f}{'*' if point == curve.best else ' '}" for point, mean in enumerate(curve.means)]


def _differences(curve: Curve) -> list[str]:
    widths = [curve.against_default(point).half_width for point in range(len(curve.totals))]
    return ["default " if point == curve.default else f"±{width:.2f} " for point, width in enumerate(widths)]


def describe_curve(curve: Curve, sweep: Sweep) -> str:
    """One line: where the best value is and by how many paired standard errors the edges lose to it."""
    low, high = curve.edges()
    place = "interior" if 0 < curve.best < len(sweep.values) - 1 else "EDGE"
    gain = curve.against_default(curve.best)
    return (
        f"{curve.name}: best at {format_value(sweep.values[curve.best])} ({place}), "
        f"edges behind by {low.z:.1f} and {high.z:.1f} se, {gain.mean:+.2f}±{gain.half_width:.2f} bp to the default "
        f"-> {'optimum inside' if curve.interior else 'no'}"
    )


def format_sweep(sweep: Sweep) -> str:
    """The table of one lever: values, both curves with their paired 95% half-widths, the verdict."""
    lever = sweep.lever
    lines = [
        f"{lever.name} [{lever.unit}]  {'OK' if sweep.holds else 'FAILS'}",
        _row("value", [f"{format_value(v)} " for v in sweep.values]),
        _row(sweep.mandate.name, _marked(sweep.mandate)),
        _row("  to default", _differences(sweep.mandate)),
        _row("welfare W", _marked(sweep.welfare)),
        _row("  to default", _differences(sweep.welfare)),
        "  " + describe_curve(sweep.mandate, sweep),
        "  " + describe_curve(sweep.welfare, sweep),
    ]
    return "\n".join(lines)


def format_terms(sweep: Sweep) -> str:
    """Every term and watched feature of one lever at its ends, its default and the best values of both measures."""
    last = len(sweep.values) - 1
    picked = sorted({0, sweep.default, sweep.mandate.best, sweep.welfare.best, last})

    def label(point: int) -> str:
        marks = {sweep.default: "d", sweep.mandate.best: "m"}
        mark = marks.get(point, "") + ("w" if point == sweep.welfare.best else "")
        return f"{format_value(sweep.values[point])}{mark and ' ' + mark}"

    def rows(names: Sequence[str], number: str) -> list[str]:
        curves = [(name, sweep.curve_of(name)) for name in names]
        return [f"  {name:<24}" + "".join(f"{curve[p]:>13{number}}" for p in picked) for name, curve in curves]

    head = f"  {sweep.lever.name:<24}" + "".join(f"{label(p):>13}" for p in picked)
    lines = [head, *rows(list(sweep.outcomes[0].terms), ".2f"), "  -- means over the episode, in their units"]
    return "\n".join([*lines, *rows(list(sweep.outcomes[0].watched), ".4f")])


def format_summary(sweeps: Sequence[Sweep]) -> str:
    """One line a lever, and how many hold."""
    lines = [f"  {'lever':<22}{'mandate best':>13}{'inside':>7}{'W best':>10}{'inside':>7}   verdict"]
    for sweep in sweeps:
        cells = [
            f"{format_value(sweep.values[curve.best]):>{width}}{'yes' if curve.interior else 'no':>7}"
            for curve, width in ((sweep.mandate, 13), (sweep.welfare, 10))
        ]
        lines.append(f"  {sweep.lever.name:<22}{''.join(cells)}   {'ok' if sweep.holds else 'FAILS'}")
    held = sum(sweep.holds for sweep in sweeps)
    return "\n".join([*lines, f"  {held} of {len(sweeps)} levers have an optimum inside their range"])


def run(options: SweepOptions) -> int:
    """Run, print, and write what was asked for; returns the exit code.

    Raises:
        ValueError: an option that cannot be; see the message.
    """
    levers = chosen_levers(options.levers, options.roles)
    config = with_physics(WorldConfig(decision_hours=options.decision_hours), options.member, options.parameters)
    print(
        f"sweeps of {len(levers)} levers, {options.points} values x {options.seeds} paired seeds on "
        f"{options.scenario!r}"
        f"{', member ' + options.member if options.member else ''}"
        f"{', ' + ' '.join(options.parameters) if options.parameters else ''}\n"
        f"bp of K0 an episode; * best; ± 95% of the paired difference to the default; inside: both edges lose by "
        f"more than {BACKED:g} paired se\n",
        flush=True,
    )
    began = time.perf_counter()

    def show(sweep: Sweep) -> None:
        print(format_sweep(sweep) + "\n", flush=True)
        if options.terms:
            print(format_terms(sweep) + "\n", flush=True)

    with np.errstate(divide="ignore"):
        sweeps = run_sweeps(
            levers,
            config=config,
            scenario=options.scenario,
            num_seeds=options.seeds,
            first_seed=options.first_seed,
            points=options.points,
            jobs=options.jobs,
            done=show,
        )
    print(f"{format_summary(sweeps)}\n  {time.perf_counter() - began:.0f} s")
    if options.out is not None:
        from protogov.experiments.sweeps_figure import write_sweeps  # matplotlib only when something is drawn

        for path in write_sweeps(sweeps, options, config):
            print(f"  wrote {path}")
    return 1 if options.check and not all(sweep.holds for sweep in sweeps) else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; bad input is one line on stderr and exit code 2."""

    def checked(options: SweepOptions) -> int:
        with as_bad_input():
            return run(options)

    return cli.run_options(SweepOptions, checked, sys.argv[1:] if arguments is None else arguments, PROGRAM)


if __name__ == "__main__":
    sys.exit(main())
