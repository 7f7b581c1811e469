"""What each role is worth: the range of W over its levers, with the others at their defaults.

The end points of the range are picked on tapes of selection and scored on other tapes, because the range of means on
one set of tapes grows with their noise.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from protogov.agents.tuning.objective import role_levers
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.core.statistics import Floats, interval_columns, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, groups, records
from protogov.experiments.core.text import plain
from protogov.experiments.figures.style import headline
from protogov.experiments.studies.audit import drawing
from protogov.experiments.studies.audit.plan import ROLES, Audit, Sizes
from protogov.experiments.studies.audit.play import DEFAULTS, WELFARE, num_episodes, picking, scoring

QUESTION = "What is each role worth: how large is the range of W over its levers?"
SIZES = Sizes(num_seeds=1024, pick_seeds=32, points=256)
SCRAMBLE = 15  # seed of the Sobol sequence
ENDS = ("lowest", "low_5", "high_95", "highest")
SHARES = np.linspace(0.0, 1.0, 33)  # quantiles of W that are drawn; git cannot keep all points


def sobol_points(role: str, count: int) -> Floats:
    """Actions of all twelve levers, F64[count, 12]: scrambled Sobol points over a role's levers, others at 0.

    Sobol (1967), scrambled after Owen (1998), by scipy; `count` must be a power of two.

    Raises:
        ValueError: another count.
    """
    from scipy.stats import qmc  # slow to import

    if count < 2 or count & (count - 1):
        raise ValueError(f"count is {count}; a power of two from 2 is accepted.")
    levers = role_levers(role)
    points = np.zeros((count, len(LEVERS)))
    drawn = qmc.Sobol(len(levers), scramble=True, seed=SCRAMBLE).random(count)
    points[:, [LEVER_INDEX[name] for name in levers]] = 2.0 * drawn - 1.0
    return points


def measure(audit: Audit) -> Found:
    """Play Sobol points of every role's levers, and score the ends of the range on other tapes."""
    sizes = audit.sizes(SIZES)
    asked = {
        f"{suite}/{role}": picking(suite, [DEFAULTS, *sobol_points(role, sizes.points)], sizes.pick_seeds)
        for suite in audit.suites for role in ROLES
    }  # fmt: skip
    played = {key: totals[WELFARE].mean(axis=1) for key, totals in audit.play(asked, "worth: points").items()}
    over = {key: means[1:] - means[0] for key, means in played.items()}
    scored = {
        key: scoring(job.suite, [DEFAULTS, *np.array(job.points)[1:][pick_ends(over[key])]], sizes.num_seeds)
        for key, job in asked.items()
    }  # fmt: skip
    found = audit.play(scored, "worth: scoring")
    rows, points = [], []
    for suite in audit.suites:
        for role in ROLES:
            key, own = {"suite": suite, "role": role}, over[f"{suite}/{role}"]
            ends = range_row(found[f"{suite}/{role}"][WELFARE])
            rows.append(key | ends | {"above_default": (own > 0.0).mean()})
            points += [key | {"point": at, "over_default": value} for at, value in enumerate(own)]
    note = (
        f"{sizes.points} Sobol points of each role's four levers, others at their defaults, on {sizes.pick_seeds} "
        "tapes of selection (worth_points, above_default; quantiles of these points in worth_quantiles); the lowest, "
        f"the highest and those at 5% and 95% there, scored on {sizes.num_seeds} others; "
        f"{num_episodes([*asked.values(), *scored.values()])} episodes"
    )
    tables = {"worth": columns(rows), "worth_points": columns(points)}
    return Found(tables | {"worth_quantiles": quantiles(tables["worth_points"])}, {"notes": [note]})


def quantiles(points: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """W over the defaults at `SHARES` of the points of every suite and role."""
    return columns(
        [
            key | {"share": share, "over_default": value}
            for key, own in groups(points, ["suite", "role"])
            for share, value in zip(SHARES, np.quantile(own["over_default"], SHARES), strict=True)
        ]
    )


def pick_ends(means: Floats) -> list[int]:
    """Numbers of the lowest point, of those with 5% below and 5% above them, and of the highest."""
    order = np.argsort(means, kind="stable")
    tail = round(0.05 * (len(order) - 1))
    return [int(order[at]) for at in (0, tail, len(order) - 1 - tail, len(order) - 1)]


def range_row(welfare: Floats) -> dict[str, Any]:
    """From W of the defaults, lowest, 5%, 95% and highest points, F64[5, tapes]: gains over defaults, and ranges."""
    default, *ends = welfare
    means = {name: (of - default).mean() for name, of in zip(ENDS, ends, strict=True)}
    whole, most = student_t(ends[3] - ends[0]), student_t(ends[2] - ends[1])
    return means | interval_columns("range", whole) | interval_columns("range_90", most)


def summarise(found: Found) -> list[str]:
    """The ranges, suite by suite."""
    sentences = []
    for key, own in groups(found.tables["worth"], ["suite"]):
        ranges = (
            f"{row['role']} {plain(row['range'])} [{plain(row['range_low'])}, {plain(row['range_high'])}] "
            f"({plain(row['range_90'])} from 5% to 95%)" for row in records(own)
        )  # fmt: skip
        sentences.append(f"{key['suite']}: range of W in bp: {', '.join(ranges)}")
    return sentences


def draw(found: Found) -> Figure:
    """W at Sobol points of each role's levers, with the range of nine tenths of them: one panel per suite."""
    table, points = found.tables["worth"], found.tables["worth_quantiles"]
    suites, roles = drawing.names_of(table["suite"]), drawing.names_of(table["role"])
    figure, panels = drawing.row_panels(suites, roles, left=1.4, panel=3.4, row=0.55)
    jitter, largest = np.random.default_rng(0), []
    for suite, axes in panels.items():
        own = [row for row in records(table) if row["suite"] == suite]
        for row in own:
            role, place = row["role"], roles.index(row["role"])
            over = points["over_default"][(points["suite"] == suite) & (points["role"] == role)]
            look: dict[str, Any] = {"color": drawing.ROLE_COLOURS[role]}
            axes.plot(over, place + jitter.uniform(-0.25, 0.1, len(over)), ".", markersize=2.5, alpha=0.6, **look)
            ends = [row["low_5"], row["high_95"]]
            axes.plot(ends, [place + 0.25] * 2, linewidth=3.0, solid_capstyle="butt", **look)
            drawing.label_row(axes, place, f"{plain(row['range_90'])} ({plain(row['range'])})")
        drawing.symlog_x(axes, drawing.LINEAR, min(row["lowest"] for row in own), max(row["highest"] for row in own))
        most = max(own, key=lambda row: float(row["range_90"]))
        largest.append(f"{most['role']} on {suite} ({plain(most['range_90'])} bp)")
    drawing.footnote(
        figure,
        f"W over the defaults [bp of K0 per episode]: {len(SHARES)} quantiles of Sobol points of the role's levers,\n"
        "others at the defaults, on tapes of selection; bar and number: from 5% to 95% of\n"
        "the points, scored on other tapes; in brackets: from lowest to highest there",
    )
    headline(figure, f"The role that moves W most: {', '.join(largest)}")
    return figure
