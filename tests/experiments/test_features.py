"""`protogov features`: the table of an id, printed and written."""

from pathlib import Path

import gymnasium as gym
import pytest

from protogov.experiments.cli import main
from protogov.experiments.core.tables import read_csv


def test_the_table_of_an_id_is_the_environments(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["features", "protogov/Rates-v0", "--observe", "chain", "--out", str(tmp_path / "table.csv")]) == 0
    printed = capsys.readouterr().out
    table = gym.make("protogov/Rates-v0", observe=("chain",)).unwrapped.feature_table  # type: ignore[attr-defined]
    assert printed == f"{table}\n{tmp_path / 'table.csv'}\n"
    assert read_csv(tmp_path / "table.csv")["name"].tolist() == [row.name for row in table]


def test_a_size_is_the_tables_of_all_its_ids(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["features", "protogov/Core-v0", "--out", str(tmp_path / "table.csv")]) == 0
    printed = capsys.readouterr().out
    written = read_csv(tmp_path / "table.csv")
    ids = [name for name in gym.registry if name.startswith("protogov/Core")]
    assert len(ids) == 4
    for name in ids:
        table = gym.make(name).unwrapped.feature_table  # type: ignore[attr-defined]
        assert f"{name}\n{table}\n" in printed
        assert written["name"][written["id"] == name].tolist() == [row.name for row in table]


def test_without_an_id_the_ids_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features"]) == 0
    assert "protogov/Joint-v0" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["protogov/Rate-v0"], "id is 'protogov/Rate-v0'; known are protogov/Rates-v0"),
        (["protogov/Rates-v0", "--observe", "all"], "observe names the group 'all'"),
        (["protogov/Rates-v0", "--out", "table.xlsx"], "out is table.xlsx; a file that ends in .csv or .parquet"),
    ],
)
def test_what_is_wrong_gets_a_sentence(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", *arguments]) == 2
    assert said in capsys.readouterr().err
