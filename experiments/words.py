"""Results in words and in a table of characters, computed from the numbers and never kinder than they are."""

from collections.abc import Sequence

import numpy as np

from protogov.experiments.comparison import Comparison, Difference
from protogov.experiments.statistics import ENOUGH_SEEDS, Interval

COSTS = ("haircuts", "latent", "liquidation", "lockup")  # parts of W that are losses, signed as such
SHARES = ("borrowers", "suppliers", "lps", "traders", "treasury", *COSTS)


def signed(value: float) -> str:
    """A difference with its sign and as many digits as it has meaning, with a real minus; 0 below a two-thousandth."""
    size = abs(value)
    if size < 0.0005:
        return "0"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    text = f"{value:+.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def plain(value: float) -> str:
    """A number, with a minus where it is negative."""
    return signed(value).removeprefix("+")


def interval(found: Interval | None) -> str:
    """An interval's ends; a dash where there is none."""
    if found is None or not np.isfinite(found.low):
        return "–"
    if found.low == found.high:
        return signed(found.low)
    return f"{signed(found.low)} to {signed(found.high)}"


def headline(comparison: Comparison) -> str:
    """One sentence: better, worse or unclear, by how much."""
    name, base = comparison.governors, comparison.baseline
    change = f"{signed(comparison.welfare.over_tapes.mean)} bp of K0 of welfare an episode"
    where = f"on {comparison.tapes} tapes of {comparison.suite}"
    if comparison.verdict == "better":
        return f"The {name} governors do better than the {base} protocol: {change}, {where}."
    if comparison.verdict == "worse":
        return f"The {name} governors do worse than the {base} protocol: {change}, {where}."
    unclear = f"No difference between the {name} governors and the {base} protocol is shown"
    return f"{unclear}: {change}, {where}; {_doubt(comparison)}."


def _doubt(comparison: Comparison) -> str:
    """Which interval keeps a claim from being made."""
    welfare = comparison.welfare
    doubts = [] if welfare.over_tapes.excludes_zero else [comparison.unit]
    if welfare.over_seeds is not None and not welfare.over_seeds.excludes_zero:
        doubts.append("training seeds")
    return f"the 95% interval over {' and over '.join(doubts)} includes zero"


def details(comparison: Comparison) -> list[str]:
    """What else a reader must know of a comparison, a sentence each."""
    welfare = comparison.welfare
    over_seeds = welfare.over_seeds
    by_seeds = f"; over {over_seeds.n} training seeds: {interval(over_seeds)}" if over_seeds is not None else ""
    lines = [
        f"Mean W: {plain(welfare.mean)} against {plain(welfare.baseline)} bp, a difference of "
        f"{signed(welfare.over_tapes.mean)} bp (95% over {welfare.over_tapes.n} {comparison.unit}: "
        f"{interval(welfare.over_tapes)}{by_seeds}).",
        _tail(comparison),
    ]
    shares = {row.measure.name: row for row in comparison.group("part")}
    moved = [row for name in SHARES if (row := shares.get(name)) is not None and row.over_tapes.excludes_zero]
    gains = sorted((row for row in moved if row.over_tapes.mean > 0), key=lambda row: -row.over_tapes.mean)
    losses = sorted((row for row in moved if row.over_tapes.mean < 0), key=lambda row: row.over_tapes.mean)
    lines.append(_parties("Gain", gains, comparison))
    lines.append(_parties("Lose", losses, comparison))
    return [line for line in lines if line]


def _tail(comparison: Comparison) -> str:
    change = comparison.shortfall - comparison.baseline_shortfall
    word = "better" if change > 0 else "worse" if change < 0 else "the same"
    return (
        f"In the worst 5% of tapes mean W is {plain(comparison.shortfall)} against "
        f"{plain(comparison.baseline_shortfall)} bp (expected shortfall): {word}"
        + (f" by {plain(abs(change))} bp." if change else ".")
    )


def _parties(word: str, rows: Sequence[Difference], comparison: Comparison) -> str:
    if not rows:
        return ""
    listed = ", ".join(f"{_party(row)} {signed(row.over_tapes.mean)}" for row in rows)
    return f"{word} (interval over {comparison.unit} excludes zero): {listed} bp."


def _party(row: Difference) -> str:
    """Who gains or loses, or which cost fell or rose."""
    label = row.measure.label.lower().replace("lps", "LPs")
    if row.measure.name not in COSTS:
        return label
    return f"{'lower' if row.over_tapes.mean > 0 else 'higher'} {label}"


def underpowered(found: Sequence[Comparison]) -> str:
    """A warning when learners were trained on fewer seeds than a claim needs; empty otherwise."""
    few = [comparison for comparison in found if comparison.underpowered]
    if not few:
        return ""
    seeds = len(few[0].seeds)
    return (
        f"underpowered: {seeds} training seed{'s' * (seeds > 1)}; a claim about learners needs at least {ENOUGH_SEEDS}."
    )


def summary_table(comparison: Comparison) -> list[str]:
    """A comparison as lines of text."""
    unit = comparison.unit
    lines = [
        f"{comparison.suite}: {comparison.governors} against {comparison.baseline}, {comparison.tapes} tapes, "
        f"{len(comparison.seeds) or 'no'} training seed{'s' * (len(comparison.seeds) != 1)} (bp of K0 an episode)"
    ]
    head = ["", comparison.baseline, comparison.governors, "difference", f"95% over {unit}", "95% over seeds"]
    rows = [head]
    for row in comparison.differences:
        name = f"  {row.measure.label}" if row.measure.group != "welfare" else row.measure.label
        numbers = [plain(row.baseline), plain(row.mean), signed(row.over_tapes.mean)]
        rows.append([name, *numbers, interval(row.over_tapes), interval(row.over_seeds)])
    change = comparison.shortfall - comparison.baseline_shortfall
    tail = [plain(comparison.baseline_shortfall), plain(comparison.shortfall), signed(change)]
    rows.insert(2, ["Expected shortfall 5% of W", *tail, "", ""])
    widths = [max(len(line[column]) for line in rows) for column in range(len(head))]
    for line in rows:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines
