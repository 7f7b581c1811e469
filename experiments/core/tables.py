"""Tables as dicts of columns, and their Parquet and CSV files. Only pyarrow, no pandas."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.parquet_files import read_parquet
from protogov.experiments.core.files import whole
from protogov.experiments.errors import BadInput

Table = dict[str, NDArray[Any]]  # column name -> one-dimensional array; all of one length


def num_rows(table: Table) -> int:
    """Rows of a table; 0 without columns."""
    return len(next(iter(table.values()), ()))


def select(table: Table, mask: NDArray[np.bool_]) -> Table:
    """The rows where `mask` holds, bool [n]."""
    return {name: column[mask] for name, column in table.items()}


def concatenate(tables: Iterable[Table]) -> Table:
    """Tables with the same columns, joined by rows.

    Raises:
        ValueError: the columns differ.
    """
    parts = [table for table in tables if table]
    if not parts:
        return {}
    names = list(parts[0])
    for part in parts[1:]:
        if set(part) != set(names):
            raise ValueError(f"tables to join differ in the columns {sorted(set(names) ^ set(part))}.")
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def write_table(path: Path, table: Table, notes: Mapping[str, str] | None = None) -> Path:
    """Write `table`, whole or not at all, as .parquet or .csv by the suffix of `path`.

    Args:
        path: of the file; its folder is made if missing.
        table: the columns.
        notes: for a Parquet file's metadata.
    """
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    columns = {}
    for name, column in table.items():
        # strings through a list: pyarrow does not take numpy's fixed-width strings
        columns[name] = pyarrow.array(column.tolist(), pyarrow.string()) if column.dtype.kind in "UO" else column
    data = pyarrow.table(columns)
    # through our own file: pyarrow's errors do not name the file and not always the reason
    with whole(path) as unfinished, unfinished.open("wb") as file:
        if path.suffix == ".csv":
            pyarrow.csv.write_csv(data, file)
        else:
            pyarrow.parquet.write_table(data.replace_schema_metadata(dict(notes or {})), file)
    return path


def read_table(path: Path) -> Table:
    """Read a .parquet file of :func:`write_table`.

    Raises:
        BadInput: the file is missing or damaged.
    """
    import pyarrow

    try:
        data = read_parquet(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(f"{path}: cannot be read as a Parquet table ({str(error).splitlines()[0]})") from None
    table = {}
    for name, column in zip(data.column_names, data.columns, strict=True):
        text = pyarrow.types.is_string(column.type)
        table[name] = np.array(column.to_pylist(), str) if text else column.to_numpy()
    return table


def read_csv(path: Path) -> Table:
    """A .csv file of :func:`write_table`; empty numbers are NaN.

    Raises:
        BadInput: the file is missing or damaged.
    """
    import pyarrow
    import pyarrow.csv

    try:
        # a column of only empty words is not a column of missing numbers
        words = pyarrow.csv.ConvertOptions(quoted_strings_can_be_null=False)
        data = pyarrow.csv.read_csv(path, convert_options=words)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(f"{path}: cannot be read as a table ({str(error).splitlines()[0]})") from None
    table: Table = {}
    for name, column in zip(data.column_names, data.columns, strict=True):
        if pyarrow.types.is_string(column.type):
            table[name] = np.array(column.to_pylist(), str)
        elif pyarrow.types.is_null(column.type):
            table[name] = np.full(len(column), np.nan)
        else:
            table[name] = column.to_numpy()
    return table


def columns(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A table of rows that have the same keys."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def records(table: Table) -> list[dict[str, Any]]:
    """One dict per row, of Python's own numbers and words: the reverse of `columns`."""
    lists = [column.tolist() for column in table.values()]
    return [dict(zip(table, row, strict=True)) for row in zip(*lists, strict=True)]


def groups(table: Table, names: Sequence[str]) -> Iterator[tuple[dict[str, Any], Table]]:
    """Rows that share the values of the named columns, in order of first appearance: (values, rows)."""
    keys = list(zip(*(table[name].tolist() for name in names), strict=True))
    for key in dict.fromkeys(keys):
        yield dict(zip(names, key, strict=True)), select(table, np.array([one == key for one in keys]))


def rounded(table: Table, digits: int = 6) -> Table:
    """The table with floats rounded to significant digits, which halves the file."""

    def short(column: NDArray[Any]) -> NDArray[Any]:
        return np.array([float(f"{value:.{digits}g}") for value in column]) if column.dtype.kind == "f" else column

    return {name: short(column) for name, column in table.items()}
