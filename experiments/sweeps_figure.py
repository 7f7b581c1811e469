"""The committed record of the sweeps: one figure, its numbers, and how they were made."""

import csv
import json
import platform
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.world.kernels import source_digest
from protogov.experiments.figures.style import BLUE, GREY, VERMILLION
from protogov.experiments.sweeps_measure import BACKED, Curve, Sweep, role_of

if TYPE_CHECKING:
    from protogov.experiments.sweeps import SweepOptions

# The line styles keep the curves apart in grey.
STYLES: dict[str, tuple[str, Literal["-", "--"], str]] = {
    "mandate": (BLUE, "-", "o"),
    "welfare": (VERMILLION, "--", "s"),
}
# unit of the table -> (factor, what the axis says)
SHOWN = {"annual": (100.0, "% a year"), "share": (100.0, "%"), "vol": (100.0, "vol points"), "ratio": (1.0, "multiple")}
COLUMNS = 4
LINEAR_BELOW = 10.0  # bp: the axis is linear up to here and logarithmic beyond, so that a cliff does not hide a hill


def write_sweeps(sweeps: Sequence[Sweep], options: "SweepOptions", config: WorldConfig) -> list[Path]:
    """Write figure (`levers.svg`, `levers.png`), `sweeps.csv`, `manifest.json` and `README.md`; returns their paths."""
    assert options.out is not None
    options.out.mkdir(parents=True, exist_ok=True)
    paths = [options.out / name for name in ("levers.svg", "levers.png", "sweeps.csv", "manifest.json", "README.md")]
    figure = draw_sweeps(sweeps, scenario=options.scenario)
    with matplotlib.rc_context({"svg.hashsalt": "protogov", "svg.fonttype": "path"}):
        figure.savefig(paths[0], metadata={"Date": None})
    figure.savefig(paths[1], dpi=110)
    write_numbers(sweeps, paths[2])
    about = manifest(sweeps, options, config)
    paths[3].write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    paths[4].write_text(readme(sweeps, about), encoding="utf-8")
    return paths


# ---------------------------------------------------------------------- figure


def headline(sweeps: Sequence[Sweep]) -> str:
    """What the figure shows, in one sentence."""
    held = [sweep for sweep in sweeps if sweep.holds]
    if len(held) == len(sweeps):
        return f"All {len(held)} levers have an optimum inside their range, for their governor's mandate or for welfare"
    failing = [sweep.lever.name.replace("_", " ") for sweep in sweeps if not sweep.holds]
    names = f"not so {' and '.join(failing)}" if len(failing) < 3 else f"{len(failing)} have none"
    return f"{len(held)} of {len(sweeps)} levers have an optimum inside their range; {names}"


def draw_sweeps(sweeps: Sequence[Sweep], *, scenario: str) -> Figure:
    """A panel a lever, a row a role: mandate and welfare less the default's, with 95% bands."""
    columns = min(COLUMNS, len(sweeps))
    rows = -(-len(sweeps) // columns)
    width = 3.0 * columns + 0.6
    title = wrap(headline(sweeps), int(9 * width))
    seeds = sweeps[0].welfare.totals.shape[1]
    caption = wrap(
        f"Each lever alone over its range, the others at default: total of a 14-day episode on '{scenario}', {seeds} "
        f"paired seeds a point, bands 95% (cut at the panel). Linear within {LINEAR_BELOW:g} bp, logarithmic beyond.",
        int(15.5 * width),
    )
    top = 0.45 + 0.22 * len(title) + 0.16 * len(caption)
    bottom = 0.75 if columns > 2 else 1.0
    height = 2.4 * rows + bottom + top - 0.45
    figure = Figure(figsize=(width, height))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    figure.subplots_adjust(0.65 / width, bottom / height, 1 - 0.1 / width, 1 - top / height, wspace=0.2, hspace=0.5)
    for panel, sweep in zip(panels, sweeps, strict=False):
        _draw_panel(panel, sweep)
    for panel in panels[len(sweeps) :]:
        panel.set_axis_off()
    for panel in panels[: len(sweeps) : columns]:
        panel.set_ylabel("gain on the default [bp of K0]", fontsize=8)
    left = 0.15 / width
    figure.text(left, 1 - 0.1 / height, "\n".join(title), fontsize=12, fontweight="bold", va="top")
    below = 0.15 + 0.22 * len(title)
    figure.text(left, 1 - below / height, "\n".join(caption), fontsize=8, color=GREY, va="top")
    figure.legend(handles=_legend(), loc="lower center", ncols=5 if columns > 2 else 2, fontsize=8, frameon=False)
    return figure


def _draw_panel(panel: Axes, sweep: Sweep) -> None:
    lever = sweep.lever
    at = np.asarray(lever.action(sweep.values), np.float64)
    panel.axhline(0.0, color=GREY, linewidth=0.6)
    panel.axvline(0.0, color=GREY, linewidth=0.8, linestyle=":")
    for kind, curve in (("mandate", sweep.mandate), ("welfare", sweep.welfare)):
        _draw_curve(panel, at, curve, kind)
    _scale_levels(panel, sweep)
    factor, unit = SHOWN[lever.unit]
    ticks = np.linspace(-1.0, 1.0, 5)
    panel.set_xticks(ticks, [f"{float(lever.value(np.array(tick))) * factor:.3g}" for tick in ticks])
    panel.tick_params(labelsize=7)
    panel.set_xlabel(unit, fontsize=8, labelpad=1)
    panel.set_title(f"{lever.name.replace('_', ' ')} ({role_of(lever.name)})", fontsize=9, loc="left")
    panel.spines[["top", "right"]].set_visible(False)


def _scale_levels(panel: Axes, sweep: Sweep) -> None:
    """Half-logarithmic axis with round ticks that follows the curves; where a band is wider still, it is cut."""
    panel.set_yscale("symlog", linthresh=LINEAR_BELOW, linscale=1.5)
    bend = panel.yaxis.get_transform()
    curves = np.concatenate([curve.means - curve.means[curve.default] for curve in (sweep.mandate, sweep.welfare)])
    ends = bend.transform(np.array([curves.min(), curves.max()]))
    room = 0.2 * max(ends[1] - ends[0], 1e-3)
    low, high = (float(end) for end in bend.inverted().transform(ends + np.array([-room, room])))
    panel.set_ylim(low, high)
    if max(-low, high) <= LINEAR_BELOW:
        levels = np.asarray(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]).tick_values(low, high))
    else:
        beyond = [10, 100, 1000] if max(-low, high) > 100 or min(-low, high) > LINEAR_BELOW else [5, 10, 30]
        levels = np.array([*(-level for level in reversed(beyond)), 0, *beyond], np.float64)
    panel.set_yticks(levels[(levels >= low) & (levels <= high)])
    panel.set_yticks([], minor=True)
    panel.yaxis.set_major_formatter(lambda y, _: f"{y:+.4g}" if abs(y) > 1e-9 else "0")


def _draw_curve(panel: Axes, at: NDArray[np.float64], curve: Curve, kind: str) -> None:
    colour, line, marker = STYLES[kind]
    differences = [curve.against_default(point) for point in range(len(at))]
    mean = np.array([difference.mean for difference in differences])
    half = np.nan_to_num([difference.half_width for difference in differences])
    panel.fill_between(at, mean - half, mean + half, color=colour, alpha=0.18, linewidth=0)
    panel.plot(at, mean, color=colour, linestyle=line, linewidth=1.4)
    panel.plot(
        at[curve.best], mean[curve.best], marker=marker, markersize=6, color=colour, clip_on=False, zorder=5,
        markerfacecolor=colour if curve.interior else "white",
    )  # fmt: skip


def _legend() -> list[Line2D]:
    handles = [
        Line2D([], [], color=colour, linestyle=line, label=label)
        for (colour, line, _), label in zip(STYLES.values(), ("mandate of its governor", "welfare W"), strict=True)
    ]
    return [
        *handles,
        Line2D([], [], color=GREY, linestyle="", marker="o", label=f"best, edges worse by > {BACKED:g} s.e."),
        Line2D([], [], color=GREY, linestyle="", marker="o", markerfacecolor="white", label="best, but not so"),
        Line2D([], [], color=GREY, linestyle=":", label="default"),
    ]


# ---------------------------------------------------------------------- numbers


def write_numbers(sweeps: Sequence[Sweep], path: Path) -> None:
    """One row a lever, value and measure: mean total, paired difference to the default and its error, verdict."""
    head = (
        "lever", "unit", "role", "value", "is_default", "measure", "mean_bp", "difference_bp", "standard_error_bp",
        "half_width_95_bp", "is_best", "optimum_inside",
    )  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for sweep in sweeps:
            for measure, curve in (("mandate", sweep.mandate), ("welfare", sweep.welfare)):
                for point, value in enumerate(sweep.values):
                    gap = curve.against_default(point)
                    errors = (gap.mean, gap.standard_error, gap.half_width)
                    writer.writerow(
                        (
                            sweep.lever.name, sweep.lever.unit, role_of(sweep.lever.name), f"{value:.6g}",
                            int(point == curve.default), measure, f"{curve.means[point]:.4f}",
                            *(f"{number:.4f}" for number in errors), int(point == curve.best), int(curve.interior),
                        )
                    )  # fmt: skip


def command_of(options: "SweepOptions") -> str:
    """The command that asks for these options again; what is at its default is left out."""
    from protogov.experiments.sweeps import SweepOptions

    words = ["python", "-m", "protogov.experiments.sweeps"]
    plain = asdict(SweepOptions())
    for name, value in asdict(options).items():
        flag = "--" + name.replace("_", "-")
        if value == plain[name] or name == "jobs":
            continue
        if isinstance(value, bool):
            words.append(flag)
        elif name == "parameters":
            words += [word for item in value for word in (flag, item)]
        elif isinstance(value, tuple):
            words += [flag, *value]
        else:
            words += [flag, str(value)]
    return shlex.join(words)


def manifest(sweeps: Sequence[Sweep], options: "SweepOptions", config: WorldConfig) -> dict[str, Any]:
    """What made these numbers: command, seeds, configuration, digest of the physics, versions, date."""
    return {
        "command": command_of(options),
        "date": datetime.now(UTC).date().isoformat(),
        "scenario": options.scenario,
        "seeds": [options.first_seed, options.first_seed + options.seeds - 1],
        "holds": {sweep.lever.name: sweep.holds for sweep in sweeps},
        "physics_digest": source_digest(),
        "config": config.to_dict(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("protogov", "numpy", "numba", "scipy", "matplotlib")},
        },
    }


def readme(sweeps: Sequence[Sweep], about: dict[str, Any]) -> str:
    """A page that explains the folder."""
    lines = [
        "# One-dimensional sweeps of the levers",
        "",
        f"{headline(sweeps)}.",
        "",
        "![One panel a lever: mandate and welfare over its range](levers.svg)",
        "",
        "Each lever is held at values over its range from hour 0, all others at their defaults; all points see the",
        f"same seeds ({about['seeds'][0]} to {about['seeds'][1]}, scenario `{about['scenario']}`). Curves are gains",
        "on the default, bands the 95% interval of the paired difference; the vertical axis is linear within",
        f"{LINEAR_BELOW:g} bp and log beyond. A lever holds when the best value of its governor's mandate,",
        f"or of welfare W, is no edge and both edges lose to it by more than {BACKED:g} paired standard errors.",
        "",
        "| lever | unit | default | best for its mandate | inside | best for W | inside |",
        "|---|---|---|---|---|---|---|",
    ]
    for sweep in sweeps:
        cells = [sweep.lever.name, sweep.lever.unit, f"{sweep.lever.default:g}"]
        for curve in (sweep.mandate, sweep.welfare):
            gain = curve.against_default(curve.best)
            cells += [
                f"{sweep.values[curve.best]:.4g} ({gain.mean:+.2f} ± {gain.half_width:.2f} bp)",
                "yes" if curve.interior else "no",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "Numbers: `sweeps.csv`; configuration, digest of the physics and versions: `manifest.json`. Made on "
        f"{about['date']} by",
        "",
        f"    {about['command']}",
        "",
    ]
    return "\n".join(lines)
