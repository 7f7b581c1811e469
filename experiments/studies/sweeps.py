"""Each lever alone over its range: does it have an optimum inside?

A lever whose mandate and welfare both rise to an edge needs no governor: somebody in the world does not leave, or
everybody does. A point of a sweep has one lever at one value and every other lever at its default; nobody moves a
lever. The value is in force from hour 0 (it replaces the table's default). A sweep therefore compares protocols, not
the way between them. All points play the same seeds, with the same tape and keyed noise, and differences are taken
seed by seed. An optimum lies inside the range if both edges are worse by more than two paired standard errors.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.roles import LEVER_BY_NAME, ROLES
from protogov.envs.scenarios import get_scenario
from protogov.envs.world.lever_table import LEVERS, Lever
from protogov.envs.world.welfare import WELFARE_PARTS
from protogov.experiments.commands.options import Member, with_physics
from protogov.experiments.core.options import Repeated
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import still
from protogov.experiments.core.statistics import Floats, Interval, student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, concatenate, groups, rounded, select
from protogov.experiments.core.text import aligned, listed, markdown, paragraph
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.figures.style import BLUE, GREY, VERMILLION, headline, new_figure, spaced

SWEPT_ROLES = ("rate", "risk", "spread")
BATCH = 256  # worlds in one simulator: large enough for speed, small enough for the memory
BACKED = 2.0  # paired standard errors by which both edges must lose
# averages over the decisions of an episode, in the feature's unit: what people did, for reading a curve
WATCHED = (
    "utilisation", "borrow_rate", "supply_rate", "debt", "deposits", "unmet_withdrawals", "at_risk", "liquidated",
    "shortfall", "deficit", "option_nav", "option_flow", "short_interest", "surface_over_fair", "net_delta",
    "option_unpaid",
)  # fmt: skip
# the line styles keep the curves apart in grey
LOOKS: dict[str, tuple[str, Literal["-", "--"], str]] = {
    "mandate": (BLUE, "-", "o"),
    "welfare": (VERMILLION, "--", "s"),
}
# unit of the table -> (factor, what the axis says)
UNITS = {"annual": (100.0, "% a year"), "share": (100.0, "%"), "vol": (100.0, "vol points"), "ratio": (1.0, "multiple")}
LINEAR_BELOW = 10.0  # bp: the axis is linear up to here and logarithmic beyond; otherwise a cliff hides a hill


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Sweep each lever alone, others at their defaults, and look for an optimum inside its range.

    `terms.csv` in the folder has every term and what people did at every point.

    Example: protogov study sweeps --seeds 1024 --points 7 --check --out results/sweeps
    """

    levers: tuple[str, ...] = ()
    """Sweep only these levers (names of the table, such as half_spread)."""
    roles: tuple[str, ...] = ()
    """Sweep only the levers of these roles (rate, risk, spread)."""
    scenario: str = "jump"
    """The outside market: a registered scenario or a path to candles."""
    seeds: int = 256
    """Episodes at every point; all points play the same seeds."""
    first_seed: int = 0
    """The first of the seeds."""
    points: int = 11
    """Values per lever, evenly spaced on its own map; odd, because the default must be one of them."""
    member: Member = ""
    parameters: Annotated[tuple[str, ...], Repeated] = ()
    """Replace a physical parameter, name=value; may be repeated."""
    decision_hours: int = 6
    """Length of a decision [h]; levers never move, so it changes only the resolution of drawdowns."""
    check: bool = False
    """Exit with 1 when a lever has no interior optimum."""


@dataclass(frozen=True)
class Point:
    """Episodes of one world: its scenario, and the seeds."""

    scenario: str
    first_seed: int
    seeds: int


@dataclass(frozen=True)
class Curve:
    """One measure along one lever.

    Attributes:
        totals: float64 [points, n], total of an episode at every point and seed [bp of K0].
        default: index of the point that is the lever's default.
    """

    totals: Floats
    default: int

    @property
    def best(self) -> int:
        """Index of the highest mean."""
        return int(np.argmax(self.totals.mean(axis=1)))

    def gain(self, point: int) -> Interval:
        """Paired difference between a point and the default."""
        return student_t(self.totals[point] - self.totals[self.default])

    def edges(self) -> tuple[Interval, Interval]:
        """Paired advantage of the best point over the lowest and the highest value."""
        best = self.totals[self.best]
        return student_t(best - self.totals[0]), student_t(best - self.totals[-1])

    @property
    def inside(self) -> bool:
        """The best point is not an edge, and both edges are worse by more than `BACKED` paired standard errors.

        The best point is picked on the same seeds, which favours it a little. If `edges` are near the limit, use more
        seeds before you believe the curve.
        """
        return 0 < self.best < len(self.totals) - 1 and all(edge.z > BACKED for edge in self.edges())


# ---------------------------------------------------------------------- measuring


def role_of(lever: str) -> str:
    """The role whose governor moves `lever`."""
    return next(name for name in SWEPT_ROLES if lever in ROLES[name].levers)


def chosen_levers(levers: Sequence[str], roles: Sequence[str]) -> list[Lever]:
    """Levers by name and by role, in the order of the table; all levers if none is chosen.

    Raises:
        BadInput: an unknown lever or role; the message lists the known ones.
    """
    for option, names, known in (("levers", levers, tuple(LEVER_BY_NAME)), ("roles", roles, SWEPT_ROLES)):
        for name in names:
            if name not in known:
                raise BadInput(f"{option} names {name!r}, known {option} are {', '.join(known)}")
    wanted = {*levers, *(lever for name in roles for lever in ROLES[name].levers)}
    return [lever for lever in LEVERS if not wanted or lever.name in wanted]


def grid(lever: Lever, points: int) -> Floats:
    """Values evenly spaced on the lever's own map, its low, default and high among them.

    Raises:
        BadInput: `points` is even or below 3; then the default would not be a point.
    """
    if points < 3 or points % 2 == 0:
        raise BadInput(f"points = {points} must be an odd number from 3: the default must be a point")
    values = lever.value(np.linspace(-1.0, 1.0, points))
    # rounding in the map must not leave the range or miss the default
    values[0], values[points // 2], values[-1] = lever.low, lever.default, lever.high
    return np.asarray(values, np.float64)


def measure(options: Options, how: Running) -> Found:
    """Hold every chosen lever at every value of its grid.

    Raises:
        BadInput: an invalid option; the message names it.
    """
    levers = chosen_levers(options.levers, options.roles)
    check_sizes(2, seeds=options.seeds)
    check_sizes(0, first_seed=options.first_seed)
    grids = [grid(lever, options.points) for lever in levers]
    with as_bad_input():
        get_scenario(options.scenario)  # refused before any work
    with as_bad_input():
        plain = WorldConfig(roles=SWEPT_ROLES, decision_hours=options.decision_hours)
    config = with_physics(plain, options.member, options.parameters)
    job = Point(options.scenario, options.first_seed, options.seeds)
    pieces = [
        # with every lever at its default the world is the same, so it is played once
        Piece(f"{lever.name}_{value:.4g}", job, config if value == lever.default else held(config, lever, value))
        for lever, values in zip(levers, grids, strict=True) for value in values
    ]  # fmt: skip
    played = iter(run_pieces(play_point, config, pieces, how, "points"))
    points: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    terms: list[dict[str, Any]] = []
    for lever, values in zip(levers, grids, strict=True):
        own = [next(played) for _ in values]
        for kind, column in (("mandate", f"{role_of(lever.name)} mandate"), ("welfare", "welfare")):
            curve = Curve(np.stack([table[column] for table in own]), len(values) // 2)
            about = {"lever": lever.name, "unit": lever.unit, "role": role_of(lever.name)}
            points += _points(about, kind, values, curve)
            found.append(about | {"default": lever.default, "measure": kind} | _verdict(values, curve))
        for value, table in zip(values, own, strict=True):
            terms.append({"lever": lever.name, "value": value, **{name: row.mean() for name, row in table.items()}})
    facts = {
        "scenario": options.scenario, "seeds": [options.first_seed, options.first_seed + options.seeds - 1],
        "member": options.member, "parameters": list(options.parameters), "check": options.check,
        "config": config.to_dict(),
    }  # fmt: skip
    tables = {"levers": columns(found), "sweeps": columns(points), "terms": columns(terms)}
    return Found({name: rounded(table) for name, table in tables.items()}, facts)


def held(config: WorldConfig, lever: Lever, value: float) -> WorldConfig:
    """The world with the lever at that value."""
    return replace(config, defaults={**config.defaults, lever.name: float(value)})


def play_point(config: WorldConfig, job: Point) -> Table:
    """One row per seed: totals of mandates, terms and parts of welfare [bp of K0], means of watched features."""
    seeds = np.arange(job.first_seed, job.first_seed + job.seeds, dtype=np.uint64)
    return concatenate(_play_batch(config, job.scenario, seeds[at : at + BATCH]) for at in range(0, job.seeds, BATCH))


def _play_batch(config: WorldConfig, scenario: str, seeds: NDArray[np.uint64]) -> Table:
    totals: dict[str, Floats] = {}
    watched = dict.fromkeys(WATCHED, np.zeros(seeds.size))
    for world, step in still(config, scenario, seeds):
        decision: dict[str, Floats] = {}
        for role in config.roles:
            terms, own = ROLES[role].terms, step.terms[f"{role}_0"]
            decision[f"{role} mandate"] = (own * np.array([term.weight for term in terms])).sum(axis=1)
            decision |= {term.source: own[:, k] for k, term in enumerate(terms)}
        decision |= {part: step.terms["welfare_0"][:, k] for k, part in enumerate(WELFARE_PARTS)}
        totals = {name: totals.get(name, 0.0) + column for name, column in decision.items()}
        view = world.view(world.agents[0])
        watched = {name: mean + view.raw(name) / world.horizon for name, mean in watched.items()}
    return {**totals, **watched}


def _points(about: Mapping[str, str], kind: str, values: Floats, curve: Curve) -> Iterator[dict[str, Any]]:
    """One row per value: mean total, paired difference to the default and its error."""
    for point, value in enumerate(values):
        gap = curve.gain(point)
        yield {
            **about, "value": value, "is_default": int(point == curve.default), "measure": kind,
            "mean_bp": curve.totals[point].mean(), "difference_bp": gap.mean, "standard_error_bp": gap.error,
            "half_width_95_bp": gap.half_width, "is_best": int(point == curve.best),
            "optimum_inside": int(curve.inside),
        }  # fmt: skip


def _verdict(values: Floats, curve: Curve) -> dict[str, Any]:
    """The best value, its gain, and by how many paired standard errors the edges are worse."""
    low, high = curve.edges()
    gain = curve.gain(curve.best)
    return {
        "best": values[curve.best], "is_edge": int(not 0 < curve.best < len(values) - 1), "gain_bp": gain.mean,
        "half_width_95_bp": gain.half_width, "low_edge_z": low.z, "high_edge_z": high.z, "inside": int(curve.inside),
    }  # fmt: skip


# ---------------------------------------------------------------------- saying


def by_lever(found: Found) -> Iterator[tuple[str, Table, bool]]:
    """Name, rows of mandate and welfare, and whether one of the two has a significant optimum inside."""
    for key, rows in groups(found.tables["levers"], ("lever",)):
        yield key["lever"], rows, bool(rows["inside"].any())


def judge(found: Found) -> Judged:
    """How many levers hold, and the curves of each."""
    facts, failing, lines, summary = found.facts, [], [], [["lever", "mandate best", "inside", "W best", "inside"]]
    for name, rows, holds in by_lever(found):
        failing += [] if holds else [name]
        summary.append([name, *(cell for k in (0, 1) for cell in (f"{rows['best'][k]:.4g}", _yes(rows["inside"][k])))])
        lines += ["", *_lines(found, name, rows, holds)]
    total, start = len(summary) - 1, f"{len(summary) - 1 - len(failing)} of {len(summary) - 1} levers"
    named = f"; these do not: {listed([spaced(name) for name in failing])}" if failing else ""
    head = f"{start} have an optimum inside their range, for their governor's mandate or for welfare{named}."
    count = facts["seeds"][1] - facts["seeds"][0] + 1
    world = "".join(f", {what}" for what in (facts["member"], *facts["parameters"]) if what)
    note = (
        f"{count} paired seeds on {facts['scenario']!r}{world}; bp of K0 per episode; * best; ± 95% of the paired "
        f"difference to the default; inside: both edges are worse by more than {BACKED:g} paired se"
    )
    sentences = (head, note, *lines, "", *aligned(summary))
    failed = f"{len(failing)} of {total} levers have no optimum inside: {', '.join(failing)}"
    return Judged(sentences, (failed,) if failing and facts["check"] else ())


def _yes(value: Any) -> str:
    return "yes" if value else "no"


def _lines(found: Found, name: str, rows: Table, holds: bool) -> list[str]:
    """The table of one lever: values, both curves with their paired 95% half-widths, the verdicts."""
    own = select(found.tables["sweeps"], found.tables["sweeps"]["lever"] == name)
    cells, verdicts = [], []
    for k, (kind, label) in enumerate((("mandate", f"{rows['role'][0]} mandate"), ("welfare", "welfare W"))):
        curve = select(own, own["measure"] == kind)
        points = range(len(curve["value"]))
        cells += [
            [label, *(f"{curve['mean_bp'][p]:.2f}{'*' if curve['is_best'][p] else ' '}" for p in points)],
            ["  to default", *("default " if curve["is_default"][p] else f"±{curve['half_width_95_bp'][p]:.2f} "
                               for p in points)],
        ]  # fmt: skip
        place = "EDGE" if rows["is_edge"][k] else "interior"
        verdicts.append(
            f"  {label}: best at {rows['best'][k]:.4g} ({place}), edges behind by {rows['low_edge_z'][k]:.1f} and "
            f"{rows['high_edge_z'][k]:.1f} se, {rows['gain_bp'][k]:+.2f}±{rows['half_width_95_bp'][k]:.2f} bp to the "
            f"default -> {'optimum inside' if rows['inside'][k] else 'no'}"
        )
    values = ["value", *(f"{value:.4g} " for value in select(own, own["measure"] == "welfare")["value"])]
    return [f"{name} [{rows['unit'][0]}]  {'OK' if holds else 'FAILS'}", *aligned([values, *cells]), *verdicts]


def page(found: Found, judged: Judged) -> list[str]:
    """How the sweeps are made, and each lever's best values."""
    rows = []
    for name, own, _ in by_lever(found):
        row = [name, own["unit"][0], f"{own['default'][0]:g}"]
        for k in (0, 1):
            row.append(f"{own['best'][k]:.4g} ({own['gain_bp'][k]:+.2f} ± {own['half_width_95_bp'][k]:.2f} bp)")
            row.append(_yes(own["inside"][k]))
        rows.append(row)
    first, last = found.facts["seeds"]
    about = f"""Each lever is held at values over its range from hour 0, all others at their defaults. All points play
        the same seeds ({first} to {last}, scenario `{found.facts["scenario"]}`). Curves are gains over the default in a
        14-day episode, bands the 95% interval of the paired difference. The vertical axis is linear within
        {LINEAR_BELOW:g} bp and logarithmic beyond. A lever has an optimum inside if the best value of its governor's
        mandate, or of welfare W, is not an edge and both edges are worse by more than {BACKED:g} paired standard
        errors."""
    head = ["lever", "unit", "default", "best for its mandate", "inside", "best for W", "inside"]
    return [
        "![One panel a lever: mandate and welfare over its range](levers.png)", "", paragraph(about), "",
        *markdown(head, rows), "", "`terms.csv` has every term and what people did at every point.",
    ]  # fmt: skip


# ---------------------------------------------------------------------- drawing


def draw(found: Found) -> Mapping[str, Figure]:
    """One panel per lever, one row per role: mandate and welfare minus the default's, with 95% bands."""
    levers = list(by_lever(found))
    across = min(4, len(levers))
    rows = -(-len(levers) // across)
    figure = new_figure(max(2.9 * across, 5.0), 2.2 * rows + 0.9)
    panels = figure.subplots(rows, across, squeeze=False)
    for panel in panels.ravel()[len(levers) :]:
        panel.set_axis_off()
    for panel, (name, _, _) in zip(panels.flat, levers, strict=False):
        own = found.tables["sweeps"]
        _draw_lever(panel, LEVER_BY_NAME[name], select(own, own["lever"] == name))
    for panel in panels[:, 0]:
        panel.set_ylabel("gain on the default [bp of K0]")
    figure.legend(handles=_legend(), loc="outside lower center", ncols=5 if across > 2 else 2)
    headline(figure, judge(found).sentences[0].rstrip("."))
    return {"levers": figure}


def _draw_lever(panel: Axes, lever: Lever, rows: Table) -> None:
    panel.axhline(0.0, color=GREY, linewidth=0.6)
    panel.axvline(0.0, color=GREY, linewidth=0.8, linestyle=":")
    for kind, (colour, line, marker) in LOOKS.items():
        own = select(rows, rows["measure"] == kind)
        at, mean, half = lever.action(own["value"]), own["difference_bp"], np.nan_to_num(own["half_width_95_bp"])
        panel.fill_between(at, mean - half, mean + half, color=colour, alpha=0.18, linewidth=0)
        panel.plot(at, mean, color=colour, linestyle=line)
        best, face = own["is_best"] == 1, colour if own["optimum_inside"][0] else "white"
        panel.plot(
            at[best], mean[best], marker, markersize=6, color=colour, markerfacecolor=face, clip_on=False, zorder=5
        )
    _scale_levels(panel, rows["difference_bp"])
    factor, unit = UNITS[lever.unit]
    ticks = np.linspace(-1.0, 1.0, 5)
    panel.set_xticks(ticks, [f"{float(lever.value(np.array(tick))) * factor:.3g}" for tick in ticks])
    panel.set_xlabel(unit)
    panel.set_title(f"{spaced(lever.name)} ({role_of(lever.name)})")


def _scale_levels(panel: Axes, means: Floats) -> None:
    """Half-logarithmic axis with round ticks that fits the curves; wider bands are cut off."""
    panel.set_yscale("symlog", linthresh=LINEAR_BELOW, linscale=1.5)
    bend = panel.yaxis.get_transform()
    ends = bend.transform(np.array([means.min(), means.max()]))
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


def _legend() -> list[Line2D]:
    names = ("mandate of its governor", "welfare W")
    curves = zip(LOOKS.values(), names, strict=True)
    grey: dict[str, Any] = {"color": GREY, "linestyle": "", "marker": "o"}
    return [
        *(Line2D([], [], color=colour, linestyle=line, label=name) for (colour, line, _), name in curves),
        Line2D([], [], label=f"best, edges worse by > {BACKED:g} s.e.", **grey),
        Line2D([], [], label="best, but not so", markerfacecolor="white", **grey),
        Line2D([], [], color=GREY, linestyle=":", label="default"),
    ]


STUDY = Study("sweeps", "One-dimensional sweeps of the levers", Options, measure, judge, draw, page)
