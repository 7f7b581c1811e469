"""The size of each term of a mandate under the defaults: a plain table without a target."""

import numpy as np
from matplotlib.figure import Figure

from protogov.experiments.core.governors import STATIC
from protogov.experiments.core.play import FIRST_SCORING
from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, groups, records
from protogov.experiments.core.text import number
from protogov.experiments.figures.style import headline, new_figure, spaced
from protogov.experiments.studies.audit.drawing import INTERVAL, footnote, name_rows, names_of, suite_looks
from protogov.experiments.studies.audit.plan import Audit, Sizes
from protogov.experiments.studies.audit.play import Govern

QUESTION = "How large are the terms of the mandates under the defaults?"
SIZES = Sizes(num_seeds=2048)
FLOOR = 1e-3  # bp, below which a term is not drawn


def measure(audit: Audit) -> Found:
    """Play the default constants and add up every term."""
    count = audit.sizes(SIZES).num_seeds
    played = audit.play({suite: Govern(suite, STATIC, FIRST_SCORING, count) for suite in audit.suites}, "balance")
    rows = []
    for suite, totals in played.items():
        for agent in audit.config.seats():
            for term in agent.role.terms:
                size = student_t(np.abs(totals[f"term/{agent.name}/{term.name}"][0]))
                rows.append(
                    {
                        "suite": suite, "agent": agent.name, "term": term.name, "weight": term.weight,
                        "mean_absolute": size.mean, "standard_error": size.error,
                    }
                )  # fmt: skip
    note = f"{count} tapes per suite; mean absolute total of an episode, before its weight"
    return Found({"balance": columns(rows)}, {"notes": [note]})


def summarise(found: Found) -> list[str]:
    """The largest and the smallest weighted term of every agent, suite by suite."""
    sentences = []
    for key, own in groups(found.tables["balance"], ["suite"]):
        agents = []
        for agent, terms in groups(own, ["agent"]):
            sizes = terms["mean_absolute"] * np.abs(terms["weight"])
            least, most = int(sizes.argmin()), int(sizes.argmax())
            ends = (f"{number(sizes[at])} ({terms['term'][at]})" for at in (least, most))
            agents.append(f"{agent['agent']} from {' to '.join(ends)}")
        sentences.append(f"{key['suite']}: weighted, {', '.join(agents)} bp")
    return sentences


def draw(found: Found) -> Figure:
    """Mean absolute total of every term under the defaults on a logarithmic axis; no size is right or wrong."""
    table = found.tables["balance"]
    suites, terms = names_of(table["suite"]), {
        key["agent"]: names_of(own["term"]) for key, own in groups(table, ["agent"])
    }  # fmt: skip
    looks, heights = suite_looks(suites), [len(of) for of in terms.values()]
    figure = new_figure(6.6, 1.6 + 0.26 * sum(heights))
    panels = figure.subplots(len(terms), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (agent, names) in zip(panels, terms.items(), strict=True):
        own = [row for row in records(table) if row["agent"] == agent]
        for row in own:
            size, half = row["mean_absolute"], 1.96 * row["standard_error"]
            if size > FLOOR:
                ends = [[min(half, size - FLOOR)], [half]]
                axes.errorbar([size], [names.index(row["term"])], xerr=ends, **looks[row["suite"]], **INTERVAL)
        axes.set_xscale("log")
        weights = {row["term"]: row["weight"] for row in own}
        name_rows(axes, [f"{spaced(term)} ({weights[term]:+g})" for term in names])
        axes.set_title(agent)
    for suite in suites:
        panels[0].plot([], [], linestyle="none", label=suite, **looks[suite])
    panels[-1].set_xlim(left=FLOOR)
    about = f"mean absolute total of an episode [bp of K0], 95% interval; in brackets the weight; none below {FLOOR:g}"
    footnote(figure, about, panels[0])
    most = max(records(table), key=lambda row: float(row["mean_absolute"]))
    largest = f"{spaced(most['term'])} ({number(most['mean_absolute'])} bp on {most['suite']})"
    headline(figure, f"The largest term that a governor sees under the defaults is {largest}")
    return figure
