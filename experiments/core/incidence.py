"""Who bears it: results of an episode for borrowers by size of debt, and for suppliers by time of leaving.

Computed from the state at the end of an episode, whose arrays count since its opening. The unit is basis points of the
group's own opening debt or deposit per fortnight, which makes large and small comparable; a group's money is added up
before it is divided. The opening is the same under all governors, so only the money differs. NaN for an empty group.

Borrowers are the accounts with debt at the opening, sorted by that debt:

    decile_1 .. decile_10      surplus of each tenth of the accounts, the smallest debts first; 10 are the whales
    penalty_1 .. penalty_10    collateral that liquidations took beyond the debt they repaid, of the same accounts;
                               not subtracted from the surplus, as in W, which charges a part of it separately
    small, small_penalty       the smaller half of the accounts together
    worst, worst_penalty       the worst-off tenth of the accounts: lowest surplus minus penalty over opening debt

Suppliers are those with a deposit at the opening. Their size is the deposit that they wanted then, without needs
elsewhere; their gain is surplus minus haircuts and lock-up. A supplier leaves in the first hour in which it wants, and
has, less than half of that size; a supplier that needs its money elsewhere for two days does not leave:

    first_out                  gain of the earlier half of those who left: by the median (of two, the earlier) of the
                               hours of leaving
    stayed                     gain of all others, who left later or never
    left                       opening deposits of all who ever left, in percent of all opening deposits
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.core.tables import Table

FORTNIGHT = 336.0  # hours
TENTHS = 10
BORROWER_GROUPS = (*(str(tenth) for tenth in range(1, TENTHS + 1)), "small", "worst")
SUPPLIER_COLUMNS = ("first_out", "stayed", "left")


def surplus_column(group: str) -> str:
    """Name of a borrower group's surplus."""
    return f"decile_{group}" if group.isdigit() else group


def penalty_column(group: str) -> str:
    """Name of a borrower group's penalty."""
    return f"penalty_{group}" if group.isdigit() else f"{group}_penalty"


COLUMNS: tuple[str, ...] = (
    *(surplus_column(group) for group in BORROWER_GROUPS),
    *(penalty_column(group) for group in BORROWER_GROUPS),
    *SUPPLIER_COLUMNS,
)

Floats = NDArray[np.float64]


def who_bears(venue: NDArray[Any], hours: NDArray[Any], debt: NDArray[Any] | None = None) -> Table:
    """The columns above.

    Args:
        venue: records [n] of one venue at the end of its episodes, with the fields account_opening_debt,
            account_surplus, account_penalty, supplier_opening, supplier_gain and supplier_out.
        hours: length of each episode [n].
        debt: opening debts [n, accounts] for sorting and as divisor, if not the debt at this venue: with two venues a
            person's debt at both, because loans move between them.

    Returns:
        Column -> F64[n]; `COLUMNS` are their names.
    """
    scale = 1e4 * FORTNIGHT / np.asarray(hours, np.float64)
    found = borrowers(
        venue["account_opening_debt"] if debt is None else debt, venue["account_surplus"], venue["account_penalty"]
    )
    found |= suppliers(venue["supplier_opening"], venue["supplier_gain"], venue["supplier_out"])
    return {name: values * (100.0 if name == "left" else scale) for name, values in found.items()}


def borrowers(debt: Floats, surplus: Floats, penalty: Floats) -> dict[str, Floats]:
    """Surplus and penalty over opening debt of each group, column -> F64[n].

    Args:
        debt: opening debts [n, accounts], USD; accounts without any are in no group.
        surplus: since the opening [n, accounts], USD.
        penalty: the same.
    """
    tenth = tenths(debt, debt > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        fared = np.where(debt > 0.0, (surplus - penalty) / debt, np.inf)
    groups = {str(number): tenth == number for number in range(1, TENTHS + 1)}
    groups["small"] = (tenth >= 1) & (tenth <= TENTHS // 2)
    groups["worst"] = tenths(fared, debt > 0.0) == 1
    found = {}
    for group, members in groups.items():
        found[surplus_column(group)] = _over(surplus, debt, members)
        found[penalty_column(group)] = _over(penalty, debt, members)
    return found


def tenths(values: Floats, counted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Tenth, 1 to 10, of each counted value within its row, the lowest first; 0 for values that are not counted.

    With fewer than ten values some tenths are empty; the lowest value is always in the first.
    """
    order = np.argsort(np.where(counted, values, np.inf), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(values.shape[1])[None, :], axis=1)
    count = counted.sum(axis=1, keepdims=True)
    return np.where(counted, 1 + TENTHS * rank // np.maximum(count, 1), 0)


def suppliers(opening: Floats, gain: Floats, out: NDArray[Any]) -> dict[str, Floats]:
    """Gain over opening deposit of those who left first and of the others, and the share that left; F64[n] each.

    Args:
        opening: deposits at the opening [n, suppliers], USD.
        gain: since then [n, suppliers], USD.
        out: hour at which each left [n, suppliers]; -1 means never.
    """
    there = opening > 0.0
    left = there & (out >= 0)
    count = left.sum(axis=1)
    hours = np.sort(np.where(left, out.astype(np.float64), np.inf), axis=1)
    middle = np.take_along_axis(hours, np.maximum(count - 1, 0)[:, None] // 2, axis=1)
    first = left & (out <= middle)
    return {
        "first_out": _over(gain, opening, first),
        "stayed": _over(gain, opening, there & ~first),
        "left": _over(opening * left, opening, there),
    }


def _over(amount: Floats, size: Floats, members: NDArray[np.bool_]) -> Floats:
    """Sum of the members' amounts divided by the sum of their sizes, F64[n]; NaN without members."""
    total = (size * members).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(total > 0.0, (amount * members).sum(axis=1) / total, np.nan))
