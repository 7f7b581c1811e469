"""No thread of pyarrow's gets hold of a file of Python's: a process that has read Parquet files ends as it should."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from protogov.envs.parquet_files import read_parquet
from protogov.envs.scenarios.candles import load_candles
from protogov.experiments.core.tables import read_table, write_table


@pytest.fixture(name="opened")
def opened_fixture(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What pyarrow is given to read from, as it is read."""
    sources: list[Any] = []
    original = pyarrow.parquet.read_table

    def read(source: Any, *arguments: Any, **named: Any) -> Any:
        sources.append(source)
        return original(source, *arguments, **named)

    monkeypatch.setattr(pyarrow.parquet, "read_table", read)
    return sources


def test_every_reader_lets_pyarrow_open_the_file(tmp_path: Path, opened: list[Any]) -> None:
    # a name that would be a part of a partitioned data set, and one that is no text
    for name in ("part=3/a.parquet", b"\xff.parquet".decode(errors="surrogateescape")):
        path = write_table(tmp_path / name, {"a": np.arange(3.0)})
        assert read_table(path)["a"].tolist() == [0.0, 1.0, 2.0]
        assert read_parquet(path).column_names == ["a"]
    days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[h]").astype("datetime64[us]")
    prices = 1000.0 + np.arange(days.size) % 7
    candles = {name: prices for name in ("open", "high", "low", "close")}
    pyarrow.parquet.write_table(pyarrow.table({"time": days, **candles}), tmp_path / "candles.parquet")
    load_candles(tmp_path / "candles.parquet")
    assert len(opened) == 5
    assert all(type(source) is pyarrow.OSFile and source.closed for source in opened)


def test_what_is_no_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.parquet"):
        read_parquet(tmp_path / "missing.parquet")
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(pyarrow.ArrowInvalid):
        read_parquet(tmp_path / "text.parquet")
