"""Results in words and in text tables, computed from the numbers and never better than the numbers."""

from collections.abc import Sequence

import numpy as np

from protogov.experiments.core.incidence import TENTHS, penalty_column, surplus_column
from protogov.experiments.core.statistics import ENOUGH_SEEDS, Interval
from protogov.experiments.core.text import aligned, counted, plain, signed
from protogov.experiments.core.welfare_box import BOX, KAPPAS, LAMBDAS, Plane, turning_pairs
from protogov.experiments.training.comparison import Comparison, Difference

COSTS = ("haircuts", "deficit", "latent", "liquidation", "lockup")  # parts of W that are losses, signed as such
SHARES = ("borrowers", "suppliers", "lps", "traders", "treasury", *COSTS)
# rows of "Who bears it" in text: of the tenths of borrowers only the whales
SHORT_BEARS = (
    *("small", "small_penalty", surplus_column(str(TENTHS)), penalty_column(str(TENTHS))),
    *("worst", "worst_penalty", "first_out", "stayed", "left"),
)
BEARS_UNIT = "bp of own opening debt or deposit per fortnight"


def interval(found: Interval | None) -> str:
    """An interval's ends; a dash without one."""
    if found is None or not np.isfinite(found.low):
        return "–"
    if found.low == found.high:
        return signed(found.low)
    return f"{signed(found.low)} to {signed(found.high)}"


def headline(comparison: Comparison) -> str:
    """One sentence: better, worse or unclear, by how much."""
    name, base = comparison.governors, comparison.baseline
    change = f"{signed(comparison.welfare.over_tapes.mean)} bp of K0 of welfare per episode"
    where = f"on {comparison.tapes} tapes of {comparison.suite}"
    if comparison.verdict == "better":
        return f"The {name} governors do better than the {base} protocol: {change}, {where}."
    if comparison.verdict == "worse":
        return f"The {name} governors do worse than the {base} protocol: {change}, {where}."
    unclear = f"No difference between the {name} governors and the {base} protocol is shown"
    return f"{unclear}: {change}, {where}; {_doubt(comparison)}."


def _doubt(comparison: Comparison) -> str:
    """The interval that prevents a claim."""
    welfare = comparison.welfare
    doubts = [] if welfare.over_tapes.excludes_zero else [comparison.unit]
    if welfare.over_seeds is not None and not welfare.over_seeds.excludes_zero:
        doubts.append("training seeds")
    return f"the 95% interval over {' and over '.join(doubts)} includes zero"


def details(comparison: Comparison) -> list[str]:
    """Other important facts of a comparison, one sentence each."""
    welfare = comparison.welfare
    over_seeds = welfare.over_seeds
    by_seeds = f"; over {over_seeds.n} training seeds: {interval(over_seeds)}" if over_seeds is not None else ""
    lines = [
        f"Mean W: {plain(welfare.mean)} against {plain(welfare.baseline)} bp, a difference of "
        f"{signed(welfare.over_tapes.mean)} bp (95% over {welfare.over_tapes.n} {comparison.unit}: "
        f"{interval(welfare.over_tapes)}{by_seeds}).",
        _tail(comparison),
        box_sentence(comparison),
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


def box_sentence(comparison: Comparison) -> str:
    """Whether the order of two governors depends on the weights of losses (lambda) and liquidations (kappa)."""
    box = comparison.box
    corners = box.mean.corners
    reach = f"{signed(min(corners))} to {signed(max(corners))} bp"
    clear = f"at {box.clear} of {box.points} points of it the 95% interval excludes zero"
    if box.clear == box.points:
        clear = f"at all {box.points} points of it the 95% interval excludes zero"
    if not box.mean.turns:
        return f"The sign holds over the whole box {BOX}: {reach}; {clear}."
    return f"The sign changes within the box {BOX}, {places(box.mean.turns)}: {reach}; {clear}."


def places(turns: Sequence[tuple[float, float]]) -> str:
    """The points where an order changes."""
    return " and ".join(f"at lambda {weight:.2g} with kappa {kappa:.2g}" for weight, kappa in turns)


def turn_sentences(found: Sequence[Comparison]) -> list[str]:
    """The governors whose order changes within the box, one sentence per pair; of comparisons in one suite.

    Pairs with the baseline have their own comparison. Empty if fewer than two were compared with it.
    """
    by_name = {comparison.governors: comparison.box.mean for comparison in found}
    if len(by_name) < 2:
        return []
    inner = turning_pairs(by_name)
    if not inner:
        with_base = turning_pairs(by_name | {found[0].baseline: Plane(0.0, 0.0, 0.0)})
        others = ", apart from pairs with the baseline" if with_base else ""
        return [f"No two governors change places in mean W within the box {BOX}{others}."]
    return [
        f"{turn.first} and {turn.second} change places in mean W within the box {BOX}: {places(turn.at)}."
        for turn in inner
    ]


def box_rows(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the difference of W over the box, one row per lambda."""
    head = ["", *(f"kappa {kappa:g}" for kappa in KAPPAS)]
    rows = [
        [f"lambda {weight:g}", *(f"{signed(found.mean)} ({interval(found)})" for found in row)]
        for weight, row in zip(LAMBDAS, comparison.box.grid, strict=True)
    ]
    return head, rows


def underpowered(found: Sequence[Comparison]) -> str:
    """A warning when learners were trained on fewer seeds than a claim needs; empty otherwise."""
    few = [comparison for comparison in found if comparison.underpowered]
    if not few:
        return ""
    seeds = len(few[0].seeds)
    few_seeds = counted(seeds, "training seed")
    return f"underpowered: {few_seeds}; a claim about learners needs at least {ENOUGH_SEEDS}."


def summary_table(comparison: Comparison) -> list[str]:
    """A comparison as lines of text: every measure, who bears it, and the box of weights."""
    unit = comparison.unit
    lines = [
        f"{comparison.suite}: {comparison.governors} against {comparison.baseline}, {comparison.tapes} tapes, "
        f"{len(comparison.seeds) or 'no'} training seed{'s' * (len(comparison.seeds) != 1)} (bp of K0 per episode)"
    ]
    head = ["", comparison.baseline, comparison.governors, "difference", f"95% over {unit}", "95% over seeds"]
    shown = [row for row in comparison.differences if row.measure.group != "bears"]
    rows = [head, *(_row(row, indent=row.measure.group != "welfare") for row in shown)]
    change = comparison.shortfall - comparison.baseline_shortfall
    tail = [plain(comparison.baseline_shortfall), plain(comparison.shortfall), signed(change)]
    rows.insert(2, ["Expected shortfall 5% of W", *tail, "", ""])
    bears = [row for row in comparison.group("bears") if row.measure.name in SHORT_BEARS]
    heading = [f"Who bears it ({BEARS_UNIT})", *[""] * (len(head) - 1)]
    lines += aligned([*rows, heading, *(_row(row, indent=True) for row in bears)])
    few = [f"{row.measure.label}: {row.over_tapes.n}" for row in bears if row.over_tapes.n < comparison.tapes]
    if few and unit == "tapes":
        lines.append(f"Groups that are empty on some tapes, with the number of other tapes: {'; '.join(few)}.")
    box_head, box = box_rows(comparison)
    lines += [box_sentence(comparison), *aligned([["difference of W", *box_head[1:]], *box])]
    return lines


def _row(row: Difference, *, indent: bool) -> list[str]:
    name = f"  {row.measure.label}" if indent else row.measure.label
    numbers = [plain(row.baseline), plain(row.mean), signed(row.over_tapes.mean)]
    return [name, *numbers, interval(row.over_tapes), interval(row.over_seeds)]
