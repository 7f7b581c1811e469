"""How often things happen: counts by hand on small paths, history's column, and the command."""

from pathlib import Path

import numpy as np
import pytest

from protogov.envs.scenarios import NATURAL, get_scenario
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.tables import read_csv
from protogov.experiments.errors import BadInput
from protogov.experiments.studies import natural_drift
from protogov.experiments.studies.natural import (
    COUNTS,
    HISTORY,
    LISTED,
    SOURCE,
    Options,
    daily_vol,
    day_fall,
    drawdown,
    history,
    listed_share,
    measure,
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
    value, error = summarised(values, "share")
    assert value == 0.25 and error == pytest.approx(np.sqrt(0.25 * 0.75 / 99))
    normal = np.random.default_rng(1).normal(size=4000)
    value, error = summarised(normal, 0.5)
    assert abs(value) < 0.05 and error == pytest.approx(np.sqrt(np.pi / 2 / 4000), rel=0.25)
    assert summarised(normal, "sd")[0] == pytest.approx(1.0, abs=0.03)


def test_history_holds_what_was_published_and_nothing_else() -> None:
    cells = history()
    assert cells[LISTED][0] == pytest.approx(9 / 156)
    for count in COUNTS:
        assert np.isnan(cells[count.name][0]) == (count.history is None)
        assert ("24 hours" in count.name or "hourly" in count.name) == (count.history is None)
    shares = [cells[f"drawdown of daily closes above {limit}%"][0] for limit in (20, 30, 40)]
    assert shares == sorted(shares, reverse=True)


def test_listed_crises() -> None:
    assert listed_share(NATURAL) == pytest.approx(0.04)
    assert listed_share(get_scenario("mix")) == pytest.approx(0.30)
    assert listed_share(get_scenario("jump")) == 0.0 and listed_share(get_scenario("crisis-2022-06")) == 1.0


def test_the_command_writes_a_page_and_a_table(tmp_path: Path) -> None:
    arguments = ["study", "natural", "--tapes", "20", "--jobs", "1", "--out", str(tmp_path)]
    assert main(arguments) == 0
    page = (tmp_path / "README.md").read_text()
    assert "| a fortnight's | history | natural | mix |" in page and "crisis-2025-02" in page
    assert "study natural --tapes 20" in page and SOURCE in page
    table = read_csv(tmp_path / "frequencies.csv")
    columns = dict.fromkeys(table["scenario"].tolist())
    assert list(columns)[:3] == [HISTORY, "natural", "mix"] and len(columns) == 3 + len(NATURAL.parts)
    assert table["value"].size == len(columns) * (1 + len(COUNTS))
    empty = table["scenario"][np.isnan(table["value"])]
    assert set(empty) == {HISTORY} and empty.size == sum(one.history is None for one in COUNTS)
    assert main(["study", "natural", "--redraw", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text() == page


@pytest.mark.parametrize("tapes", [19, 5001])
def test_a_number_of_tapes_that_cannot_be_is_refused(tapes: int) -> None:
    with pytest.raises(BadInput, match=f"tapes is {tapes}; 20 to 5,000"):
        measure(Options(tapes=tapes), HERE)


def test_the_drift_makes_up_for_what_the_parts_lose() -> None:
    found = natural_drift.measure(natural_drift.Options(tapes=64, verify=16), HERE)
    parts, hours = found.tables["parts"], 336 * found.facts["drift"]
    assert parts["part"].tolist() == [*(part.name for part in NATURAL.parts), NATURAL.name]
    assert parts["share"][:-1].sum() == pytest.approx(1.0) and parts["tapes"].tolist() == [64] * len(NATURAL.parts) + [
        16
    ]
    drifting = np.array(["drift" in name for name in parts["part"][:-1]])
    means = parts["share"][:-1] * (1.0 + parts["return"][:-1]) * np.where(drifting, np.exp(hours), 1.0)
    assert means.sum() == pytest.approx(1.0)
    assert found.facts["error"] > 0.0 and f"{found.facts['drift']:.3e}" in natural_drift.judge(found).sentences[0]
