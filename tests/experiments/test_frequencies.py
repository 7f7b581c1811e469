"""How often things happen: counts by hand on small paths, history's column, and the command."""

import csv
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.scenarios import NATURAL, get_scenario
from protogov.experiments import frequencies
from protogov.experiments.cli import main
from protogov.experiments.frequencies import (
    COUNTS,
    HISTORY,
    LISTED,
    daily_vol,
    day_fall,
    drawdown,
    history,
    listed_share,
    simple_return,
    summarised,
)


def path(*daily: float) -> np.ndarray:
    """F64[1, 24 (n - 1) + 1]: on a straight line from one day's close to the next."""
    hours = np.arange(24 * (len(daily) - 1) + 1)
    return np.interp(hours, 24 * np.arange(len(daily)), daily)[None, :]


def test_falls_and_drawdowns_by_hand() -> None:
    closes = path(100.0, 120.0, 90.0, 60.0, 80.0)
    assert day_fall(closes, 24)[0] == pytest.approx(1 - 60 / 90)
    assert drawdown(closes, 24)[0] == drawdown(closes, 1)[0] == pytest.approx(0.5)
    rising = path(1.0, 2.0, 3.0)
    assert day_fall(rising, 1)[0] == drawdown(rising, 1)[0] == 0.0
    # a dip that is over when the day ends is seen by the hours alone
    dip = path(100.0, 100.0, 100.0)
    dip[0, 30] = 70.0
    assert day_fall(dip, 24)[0] == 0.0 and day_fall(dip, 1)[0] == pytest.approx(0.3)
    slow = path(100.0, 90.0, 81.0)  # never more than 10% within 24 hours, though 19% in all
    assert day_fall(slow, 1)[0] == pytest.approx(0.1) and drawdown(slow, 1)[0] == pytest.approx(0.19)


def test_returns_and_vol_by_hand() -> None:
    closes = path(100.0, 110.0, 100.0)
    assert simple_return(closes)[0] == pytest.approx(0.0)
    assert daily_vol(closes)[0] == pytest.approx(np.log(1.1) * np.sqrt(365.0))


def test_errors_of_a_share_and_of_a_quantile() -> None:
    values = np.repeat([0.0, 1.0], (75, 25))
    cell = summarised(values, "share")
    assert cell.value == 0.25 and cell.error == pytest.approx(np.sqrt(0.25 * 0.75 / 99))
    normal = np.random.default_rng(1).normal(size=4000)
    median = summarised(normal, 0.5)
    assert abs(median.value) < 0.05 and median.error == pytest.approx(np.sqrt(np.pi / 2 / 4000), rel=0.25)
    assert summarised(normal, "sd").value == pytest.approx(1.0, abs=0.03)


def test_history_holds_what_was_published_and_nothing_else() -> None:
    cells = history()
    assert cells[LISTED].value == pytest.approx(9 / 156)
    for count in COUNTS:
        assert np.isnan(cells[count.name].value) == (count.history is None)
        assert ("24 hours" in count.name or "hourly" in count.name) == (count.history is None)
    shares = [cells[f"drawdown of daily closes above {limit}%"].value for limit in (20, 30, 40)]
    assert shares == sorted(shares, reverse=True)


def test_listed_crises() -> None:
    assert listed_share(NATURAL) == pytest.approx(0.04)
    assert listed_share(get_scenario("mix")) == pytest.approx(0.30)
    assert listed_share(get_scenario("jump")) == 0.0 and listed_share(get_scenario("crisis-2022-06")) == 1.0


def test_the_command_writes_a_page_and_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["scenarios", "--frequencies", "--seeds", "20", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "README.md").read_text()
    assert "| a fortnight's | history | natural | mix |" in page and "crisis-2025-02" in page
    assert "--frequencies --seeds 20" in page and frequencies.SOURCE in page
    with (tmp_path / "frequencies.csv").open() as file:
        rows = list(csv.DictReader(file))
    columns = dict.fromkeys(row["scenario"] for row in rows)
    assert list(columns)[:3] == [HISTORY, "natural", "mix"] and len(columns) == 3 + len(NATURAL.parts)
    assert len(rows) == len(columns) * (1 + len(COUNTS))
    empty = [row for row in rows if row["value"] == ""]
    assert {row["scenario"] for row in empty} == {HISTORY} and len(empty) == sum(one.history is None for one in COUNTS)
