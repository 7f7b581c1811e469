"""The gain of constants tuned in hindsight over the defaults, and the option pool's market profit under them.

Each suite has three searches, on fresh tapes every generation. The best of their offers is picked on tapes of selection
that no search used, and scored on other tapes. The option pool's profit by price and vol (delta, gamma, theta, vega) is
not part of W. It is reported because a gain that comes with such a profit needs an explanation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from protogov.experiments.core.statistics import Floats, interval_columns, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, records
from protogov.experiments.core.text import signed
from protogov.experiments.figures.style import GREY, headline
from protogov.experiments.studies.audit.drawing import draw_interval, names_of, row_panels, suite_looks
from protogov.experiments.studies.audit.plan import CLAIM_TAPES, Audit, Sizes, span_of
from protogov.experiments.studies.audit.play import (
    DEFAULTS,
    LEVER_NAMES,
    PROFIT,
    WELFARE,
    lever_values,
    picking,
    scoring,
)
from protogov.experiments.studies.audit.search import Search, search_all

QUESTION = "What do constants tuned in hindsight gain in W, and how does the option pool's market profit change?"
# searches of 1,024 distinct tapes
SIZES = Sizes(num_seeds=CLAIM_TAPES, pick_seeds=512, search_seeds=32, generations=32, population=11)
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Tuned:
    """What the searches of one suite found.

    Attributes:
        point: F64[12], the picked actions; the defaults if no search offers anything better.
        seed: of the search that offered it, 0 for the defaults.
        gains: seed of a search -> gain of its better offer over the defaults on the tapes of selection [bp of K0].
    """

    point: Floats
    seed: int
    gains: Mapping[int, float]


def search_tuned(audit: Audit) -> dict[str, Floats]:
    """Suite -> offers of the three searches, two points each: F64[6, 12]."""
    effort = audit.sizes(SIZES).effort
    jobs = [Search(suite, LEVER_NAMES, effort, seed) for suite in audit.suites for seed in SEEDS]
    found = iter(search_all(audit.config, jobs, audit.how, "tuned: searches"))
    return {suite: np.array([end for _ in SEEDS for end in next(found)]) for suite in audit.suites}


def find_tuned(audit: Audit) -> dict[str, Tuned]:
    """Search and pick; suite -> result. Finished pieces are reused."""
    count = audit.sizes(SIZES).pick_seeds
    asked = {suite: picking(suite, [DEFAULTS, *ends], count) for suite, ends in search_tuned(audit).items()}
    played = audit.play(asked, "tuned: picking")
    return {suite: pick_tuned(np.array(job.points), played[suite][WELFARE]) for suite, job in asked.items()}


def pick_tuned(points: Floats, welfare: Floats) -> Tuned:
    """The best of the defaults (first) and of two offers per search, from welfare F64[1 + 2 * seeds, tapes]."""
    means = welfare.mean(axis=1) - welfare[0].mean()
    best = int(means.argmax())
    gains = {seed: float(means[1 + 2 * at : 3 + 2 * at].max()) for at, seed in enumerate(SEEDS)}
    return Tuned(points[best], SEEDS[(best - 1) // 2] if best else 0, gains)


def measure(audit: Audit) -> Found:
    """Tune all twelve levers on W, pick the best of three searches, and score it on other tapes."""
    sizes, found = audit.sizes(SIZES), find_tuned(audit)
    effort = sizes.effort
    played = audit.play(
        {suite: scoring(suite, [DEFAULTS, one.point], sizes.num_seeds)
         for suite, one in found.items()},
        "tuned: scoring",
    )  # fmt: skip
    rows = []
    for suite, totals in played.items():
        welfare, profit = totals[WELFARE], totals[PROFIT]
        rows.append(
            {
                "suite": suite, "default": welfare[0].mean(), "tuned": welfare[1].mean(),
                **interval_columns("gain", student_t(welfare[1] - welfare[0])),
                "default_profit": profit[0].mean(), "tuned_profit": profit[1].mean(),
                **interval_columns("profit_gain", student_t(profit[1] - profit[0])), "search": found[suite].seed,
            }
        )  # fmt: skip
    searches = [
        {
            "suite": suite, "search": seed, "selection_gain": gain, "picked": seed == one.seed,
            "tapes": effort.distinct, "episodes": effort.episodes,
        }
        for suite, one in found.items() for seed, gain in one.gains.items()
    ]  # fmt: skip
    constants = [
        {"suite": suite, "lever": name, "action": place, "value": lever_values(one.point, audit.config)[name]}
        for suite, one in found.items() for name, place in zip(LEVER_NAMES, one.point, strict=True)
    ]  # fmt: skip
    each = len(SEEDS) * effort.episodes + (1 + 2 * len(SEEDS)) * sizes.pick_seeds + 2 * sizes.num_seeds
    notes = [
        f"{len(SEEDS)} searches per suite, {effort.generations} generations of {effort.population} on {effort.tapes} "
        f"fresh tapes each, {effort.distinct} distinct tapes; picked on {sizes.pick_seeds} others, scored on "
        f"{sizes.num_seeds}; {len(audit.suites) * each} episodes",
        "market profit: the option pool's delta, gamma, theta and vega, which W leaves out",
    ]
    tables = {"tuned": columns(rows), "tuned_searches": columns(searches), "tuned_constants": columns(constants)}
    return Found(tables, {"notes": notes})


def summarise(found: Found) -> list[str]:
    """Gain and market profit, suite by suite."""
    return [
        f"{row['suite']}: gain in W {span_of(row, 'gain')} bp, in market profit {span_of(row, 'profit_gain')}"
        for row in records(found.tables["tuned"])
    ]


def draw(found: Found) -> Figure:
    """Gain of tuned constants in W and in the pool's market profit, and each search's gain on tapes of selection."""
    table, searches = found.tables["tuned"], found.tables["tuned_searches"]
    suites = names_of(table["suite"])
    looks, names = suite_looks(suites), [f"{suite}: {what}" for suite in suites for what in ("W", "market profit")]
    figure, panels = row_panels([""], names, left=2.0, panel=4.6, row=0.25, rest=1.7)
    axes = panels[""]
    for at, row in enumerate(records(table)):
        suite = row["suite"]
        draw_interval(axes, 2 * at, row, "gain", looks[suite])
        own = searches["selection_gain"][searches["suite"] == suite]
        axes.plot(own, np.full(len(own), 2 * at + 0.32), "|", color=GREY, markersize=6)
        draw_interval(axes, 2 * at + 1, row, "profit_gain", looks[suite] | {"markerfacecolor": "white"})
    axes.margins(x=0.1)
    axes.set_xlabel(
        "tuned constants over the defaults [bp of K0 per episode], 95% interval;\n"
        "grey ticks: the three searches on the tapes of selection, from which the best was picked"
    )
    gains = (f"{signed(row['gain'])} bp on {row['suite']} (market profit {signed(row['profit_gain'])})"
             for row in records(table))  # fmt: skip
    headline(figure, f"Tuned constants gain {', '.join(gains)}")
    return figure
