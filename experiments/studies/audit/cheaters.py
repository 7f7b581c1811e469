"""W of the defaults, and W of governors that exploit mistakes in the rules, on the same tapes."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from protogov.agents.baselines import CHEATERS
from protogov.experiments.core.governors import STATIC
from protogov.experiments.core.play import FIRST_SCORING
from protogov.experiments.core.statistics import Floats, interval_columns, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, groups, records
from protogov.experiments.core.text import signed
from protogov.experiments.figures.style import headline, spaced
from protogov.experiments.studies.audit import drawing
from protogov.experiments.studies.audit.plan import CLAIM_TAPES, Audit, Sizes, span_of
from protogov.experiments.studies.audit.play import WELFARE, Govern

QUESTION = "What is W under the defaults, and does a governor that tries to exploit the rules do better?"
SIZES = Sizes(num_seeds=CLAIM_TAPES)


def measure(audit: Audit, cheaters: Sequence[str] = CHEATERS) -> Found:
    """Play every cheater and the default constants on the same tapes."""
    names, count = (STATIC, *cheaters), audit.sizes(SIZES).num_seeds
    asked = {f"{suite}/{name}": Govern(suite, name, FIRST_SCORING, count) for suite in audit.suites for name in names}
    played = audit.play(asked, "cheaters")
    rows = [
        {"suite": suite} | row
        for suite in audit.suites
        for row in cheater_rows({name: played[f"{suite}/{name}"][WELFARE][0] for name in names})
    ]
    note = f"{count} paired tapes per suite; {len(asked) * count} episodes"
    return Found({"cheaters": columns(rows)}, {"notes": [note]})


def cheater_rows(played: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """One row per governor, the defaults first: W with its interval, and its gain over the defaults [bp of K0]."""
    return [
        {
            "governors": name, **interval_columns("welfare", student_t(welfare)),
            **interval_columns("difference", student_t(welfare - played[STATIC])),
        }
        for name, welfare in played.items()
    ]  # fmt: skip


def summarise(found: Found) -> list[str]:
    """The result, suite by suite."""
    sentences = []
    for key, own in groups(found.tables["cheaters"], ["suite"]):
        base, *cheats = records(own)
        free = [f"{row['governors']} {span_of(row, 'difference')}" for row in cheats if not row["difference_high"] < 0]
        sentences.append(
            f"{key['suite']}: W of the defaults {span_of(base, 'welfare')} bp, {len(cheats) - len(free)} of "
            f"{len(cheats)} cheaters below them{'; not below: ' if free else ''}{', '.join(free)}"
        )
    return sentences


def draw(found: Found) -> Figure:
    """Welfare over the default constants, one row per cheater, one panel per suite."""
    table = found.tables["cheaters"]
    suites, names = (
        drawing.names_of(table["suite"]),
        [name for name in drawing.names_of(table["governors"]) if name != STATIC],
    )
    figure, panels = drawing.row_panels(suites, [spaced(name) for name in names])
    looks, below = drawing.suite_looks(suites), []
    for suite, axes in panels.items():
        base, *cheats = [row for row in records(table) if row["suite"] == suite]
        for row in cheats:
            place = names.index(row["governors"])
            drawing.draw_interval(axes, place, row, "difference", looks[suite])
            drawing.label_row(axes, place, signed(row["difference"]))
        lows, highs = ([row[f"difference_{end}"] for row in cheats] for end in ("low", "high"))
        drawing.symlog_x(axes, drawing.LINEAR, min(lows), max(highs))
        axes.set_title(f"{suite}: defaults {span_of(base, 'welfare')}", fontsize=8.5)
        below.append(f"{sum(high < 0.0 for high in highs)} of {len(cheats)} on {suite}")
    drawing.footnote(
        figure, "W over the default constants [bp of K0 per episode], 95% interval; titles: W of the defaults"
    )
    headline(figure, f"Cheaters that end below the defaults: {', '.join(below)}")
    return figure
