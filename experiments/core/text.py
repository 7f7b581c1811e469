"""Numbers in words and tables of characters, the same in every study."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np

from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.tables import Table, num_rows

MINUS = "\N{MINUS SIGN}"
WIDTH = 118  # of a line of a page


def signed(value: float) -> str:
    """A difference with its sign, as many digits as are meaningful, and a real minus; 0 below a two-thousandth."""
    size = abs(value)
    if size < 0.0005:
        return "0"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value:+.{digits}f}".replace("-", MINUS)


def plain(value: float) -> str:
    """A number, with a minus where it is negative."""
    return signed(value).removeprefix("+")


def number(value: float) -> str:
    """Three significant digits, without an exponent in the usual range; a dash where nothing was measured."""
    if np.isnan(value):
        return "-"
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}").replace("-", MINUS)


def counted(count: int, word: str) -> str:
    """A count and what is counted, of words whose plural has an s: 1 failure, 3 failures."""
    return f"{count} {word}{'s' * (count != 1)}"


def span(found: Interval) -> str:
    """Mean and ends of an interval, three significant digits each; a dash where nothing was measured."""
    if np.isnan(found.mean):
        return "-"
    return f"{number(found.mean)} [{number(found.low)}, {number(found.high)}]"


def signed_span(found: Interval) -> str:
    """A difference and the ends of its interval."""
    return f"{signed(found.mean)} [{signed(found.low)}, {signed(found.high)}]"


def cell(value: object) -> str:
    """A table's cell: numbers with four digits, nothing for NaN, words unchanged."""
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{float(value):.4g}".replace("-", MINUS)
    return str(value)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows for a terminal: aligned columns, the first to the left, the others to the right.

    A row with only its first cell is a heading; it may extend over the next columns.
    """
    widths = [max(len(row[column]) for row in rows if any(row[1:])) for column in range(len(rows[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    ]


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows for a page."""
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]


def rows_of(table: Table, names: Sequence[str] | None = None) -> list[list[str]]:
    """A table's rows as text, of all columns or those named."""
    chosen = list(table) if names is None else names
    return [[cell(table[name][row]) for name in chosen] for row in range(num_rows(table))]


def paragraph(text: str) -> str:
    """Text in lines of a page's width."""
    return fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: a, b and c; "none" without any."""
    if not names:
        return "none"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
