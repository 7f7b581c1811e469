"""Parquet files are read here, so that no thread of pyarrow's holds something of Python's when a process ends."""

import os
from pathlib import Path
from typing import Any


def read_parquet(path: Path) -> Any:
    """The table (`pyarrow.Table`) of a Parquet file.

    pyarrow opens the file itself. Given a file of Python's, its threads may let go of it after the table has been
    handed out; where the interpreter ends first, they wait for its lock and the process aborts with exit code 134 or
    never ends (https://github.com/apache/arrow/issues/33975). And a path alone may be taken for a part of a partitioned
    data set.

    Raises:
        OSError: the file cannot be opened or read.
        pyarrow.ArrowException: it is no Parquet file.
    """
    import pyarrow
    import pyarrow.parquet

    with pyarrow.OSFile(os.fsencode(path)) as file:
        return pyarrow.parquet.read_table(file)
