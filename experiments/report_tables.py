"""Tables of a report beside W: who bears it, and the difference of W for other weights of losses."""

from collections.abc import Sequence

from protogov.experiments import markup, words
from protogov.experiments.core.incidence import BORROWER_GROUPS, penalty_column, surplus_column
from protogov.experiments.core.welfare_box import KAPPAS, LAMBDAS
from protogov.experiments.training.comparison import Comparison


def bears_table(found: Comparison) -> str:
    """Borrowers by size of their debt, surplus and penalties; then suppliers."""
    rows = {row.measure.name: row for row in found.group("bears")}
    head = [
        "borrowers", found.baseline, found.governors, "difference of surplus", f"95% over {found.unit}",
        "difference of penalties", f"95% over {found.unit}",
    ]  # fmt: skip
    cells = []
    for group in BORROWER_GROUPS:
        surplus, penalty = rows.get(surplus_column(group)), rows.get(penalty_column(group))
        if surplus is None or penalty is None:
            continue
        label = surplus.measure.label.removeprefix("Borrowers, ").removesuffix(": surplus")
        cells.append(
            [
                label[:1].upper() + label[1:], words.plain(surplus.baseline), words.plain(surplus.mean),
                words.signed(surplus.over_tapes.mean), words.interval(surplus.over_tapes),
                words.signed(penalty.over_tapes.mean), words.interval(penalty.over_tapes),
            ]
        )  # fmt: skip
    tables = [markup.table(head, cells)]
    suppliers = [rows[name] for name in ("first_out", "stayed", "left") if name in rows]
    head = ["suppliers", found.baseline, found.governors, "difference", f"95% over {found.unit}", found.unit]
    tables.append(
        markup.table(
            head,
            [
                [
                    row.measure.label, words.plain(row.baseline), words.plain(row.mean),
                    words.signed(row.over_tapes.mean), words.interval(row.over_tapes), str(row.over_tapes.n),
                ]
                for row in suppliers
            ],
        )
    )  # fmt: skip
    note = (
        f"In {words.BEARS_UNIT}, so that large and small compare. Tenths are of the loans at the opening, by debt; "
        "a surplus has no penalty of liquidations taken off, which stands beside it. Worst-off: the tenth of loans "
        "with the lowest surplus less penalty over their debt. First out: suppliers who wanted, and had, less than "
        "half of their deposit by the median of the hours at which anybody left, on tapes where somebody did; gain "
        "is surplus less haircuts and lock-up. Where a group is empty on a tape under one of the two, that tape is "
        "left out."
    )
    return "\n".join([*tables, markup.paragraph(note, "sub")])


def box_table(found: Comparison, suite: Sequence[Comparison]) -> str:
    """The difference of W over the box, what that says, and which of the governors of a suite change places in it."""
    told = [words.box_sentence(found), *words.turn_sentences(suite)]
    head, rows = words.box_rows(found)
    kinds = {index: "strong" for index, weight in enumerate(LAMBDAS) if weight == 3.0}
    note = (
        "Difference of W (95% interval) by the weight of haircuts, open deficit and latent losses (lambda) and of what "
        f"liquidations cost (kappa), {len(LAMBDAS)} x {len(KAPPAS)} points. W itself has lambda 3 and kappa 0.5 unless "
        "the world says otherwise."
    )
    return "\n".join([markup.listed(told), markup.table(head, rows, kinds), markup.paragraph(note, "sub")])
