"""Optional columns of a candle file: columns of market conditions, their units, ranges and missing values."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import DERIVED
from protogov.envs.scenarios.candle_files import CandleTable, is_missing
from protogov.envs.scenarios.candle_times import stretch_starts, utc
from protogov.envs.world.parameters import Parameters

Values = NDArray[np.float64]

PERCENT_FROM, PERCENT_TO = 5.0, 500.0  # an implied vol above 5 is read as percent: no vol has reached 500%
# The world multiplies the cost of gas by 1 + gas_congestion * congestion. At congestion 1 this is 21 times.
GAS_RISE = Parameters().gas_congestion
GAS_JAMMED = 1.0 + GAS_RISE


@dataclass(frozen=True)
class Column:
    """An optional column beside the candles.

    Attributes:
        channel: the channel of the tape that it becomes.
        low: least accepted value, in the column's own unit.
        high: largest accepted value.
        accepted: the sentence that states this range.
        aliases: other accepted names.
    """

    channel: str
    low: float
    high: float
    accepted: str
    aliases: tuple[str, ...] = ()


COLUMNS: dict[str, Column] = {
    "implied_vol": Column(
        "implied_vol", 0.01, PERCENT_TO,
        "annual decimals from 0.01 to 5 are accepted, or a column that is percent throughout, above 5 to 500",
        ("implied_volatility", "iv", "dvol", "mark_iv"),
    ),
    "funding": Column("funding", -10.0, 10.0, "annual decimals from -10 to 10 are accepted, 0.1 for 10% a year"),
    "depth": Column("depth", 1.0, 1e12, "USD that move the pool by 1% are accepted, 1 to 1e12"),
    "peg": Column("peg", 0.01, 100.0, "USD per unit of the debt asset are accepted, 0.01 to 100"),
    "gas": Column("congestion", 0.0, 1e4, "multiples of the usual cost of blockspace are accepted, 0 to 10000"),
    "outside_yield": Column("outside_yield", 0.0, 1.0, "annual decimals from 0 to 1 are accepted, 0.04 for 4% a year"),
}  # fmt: skip

# Columns that look like one of the above but are not: their unit cannot be found from the numbers.
LOOKALIKES: dict[str, str] = {
    "funding_rate": "exchanges give it for the hours between two payments; a column funding takes the annual decimal",
    "gas_price": "its usual level is not known; a column gas takes multiples of the usual cost of blockspace",
    "gas_gwei": "its usual level is not known; a column gas takes multiples of the usual cost of blockspace",
    "base_fee": "its usual level is not known; a column gas takes multiples of the usual cost of blockspace",
}


def parse_channels(table: CandleTable) -> dict[str, Values]:
    """The optional columns of a file: name in COLUMNS -> F64[bars], in its unit, NaN for an empty cell.

    A column in percent is returned as decimals. The table's report lists what was assumed or left out.

    Raises:
        CandleError: a value is not a number or out of range. It names file, row, column and what is accepted.
    """
    for name, reason in LOOKALIKES.items():
        if name in table.columns:
            table.report.append(f"Column {name} is not read: {reason}.")
    found = {}
    for name, column in COLUMNS.items():
        written, *rest = [word for word in (name, *column.aliases) if word in table.columns] or [""]
        if not written:
            continue
        for other in rest:
            table.report.append(f"Column {other} is not read: {written} says the same already.")
        values = _numbers(table, written, column)
        if np.isnan(values).all():
            table.report.append(f"Column {written} is empty and was left out.")
            continue
        if written != name:
            table.report.append(f"Column {written} was read as {name}.")
        found[name] = _decimals(table, written, values) if name == "implied_vol" else values
    return found


def _numbers(table: CandleTable, written: str, column: Column) -> Values:
    """The cells of a column as F64[bars]; NaN for an empty one."""
    values = np.full(len(table.rows), np.nan)
    for index, cell in enumerate(table.columns[written]):
        if is_missing(cell):
            continue
        try:
            value = float(cell)
        except (TypeError, ValueError):
            table.fail(f"{written} {cell!r} is not a number; {column.accepted}, and empty cells", index)
        if value < column.low or value > column.high:
            table.fail(f"{written} is {value:g}; {column.accepted}, and empty cells", index)
        values[index] = value
    return values


def _decimals(table: CandleTable, written: str, vols: Values) -> Values:
    """Vols as decimals: a column entirely above 5 is percent; one with values on both sides of 5 is refused."""
    above = vols > PERCENT_FROM
    known = np.isfinite(vols)
    if not above.any():
        return vols
    if (above == known).all():
        low, high = np.nanmin(vols), np.nanmax(vols)
        table.report.append(f"Column {written}, {low:g} to {high:g}, was read as percent and divided by 100.")
        return vols / 100.0
    # the rarer kind in the column is probably the mistake
    odd = above if 2 * above.sum() <= known.sum() else known & ~above
    index = int(np.argmax(odd))
    table.fail(
        f"{written} is {vols[index]:g}, while {known.sum() - odd.sum()} other values of the column lie "
        f"{'at or below' if above[index] else 'above'} 5; {COLUMNS['implied_vol'].accepted}, and empty cells",
        index,
    )


def last_known(bars: Values) -> Values:
    """The last value of each row of `bars` (F64[hours, bars of an hour]) that is not NaN; NaN if all are NaN."""
    from_behind = np.isfinite(bars[:, ::-1]).argmax(axis=1)
    return np.asarray(bars[np.arange(len(bars)), bars.shape[1] - 1 - from_behind])


def complete_channels(table: CandleTable, time: NDArray[np.int64], columns: dict[str, Values]) -> dict[str, Values]:
    """Fill the missing values of hourly `columns` and give them the tape's names and units. The report lists this.

    A value is carried forward through consecutive hours, but never across a gap.

    Returns:
        F64[hours] by channel of the tape. NaN before the first value of the file and of each stretch without gaps.
    """
    channels = {}
    starts = stretch_starts(time)
    stretch_start = np.repeat(starts, np.diff(np.r_[starts, time.size]))  # of each hour
    for name, values in columns.items():
        channel = COLUMNS[name].channel
        known = np.isfinite(values)
        if not known.any():  # its only values were in incomplete hours at the ends
            table.report.append(f"Column {name} is empty in all full hours and was left out.")
            continue
        first = int(np.argmax(known))
        instead = "derived from prices" if channel in DERIVED else "drawn"
        if first > 0:
            table.report.append(f"{name} has no value before {utc(time[first])}: {first} hours are {instead} instead.")
        latest = np.maximum.accumulate(np.where(known, np.arange(known.size), -1))
        carried = (latest >= stretch_start) & ~known
        if carried.any():
            table.report.append(
                f"{name} is empty in {carried.sum()} of the {known.size - first} hours from its first value on, at "
                f"most {longest_run(carried)} in a row: the last value was carried forward."
            )
        unknown = latest < stretch_start
        if unknown[first:].any():
            table.report.append(
                f"{name} has no value in {unknown[first:].sum()} hours right after gaps: they are {instead} instead."
            )
        filled = np.where(unknown, np.nan, values[latest])
        channels[channel] = _congestion(table, filled) if name == "gas" else filled
    return channels


def longest_run(flags: Iterable[bool]) -> int:
    """Length of the longest run of true values."""
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest


def _congestion(table: CandleTable, gas: Values) -> Values:
    """Congestion at which the world's gas costs this multiple of the usual; limited to multiples from 1 to 21."""
    cheap, dear = int((gas < 1.0).sum()), int((gas > GAS_JAMMED).sum())
    if cheap:
        table.report.append(f"gas lies below 1 in {cheap} hours: they count as the usual, congestion 0.")
    if dear:
        table.report.append(f"gas lies above {GAS_JAMMED:g} in {dear} hours: they count as that, congestion 1.")
    return np.clip((gas - 1.0) / GAS_RISE, 0.0, 1.0)
