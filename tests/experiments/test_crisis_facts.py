"""`protogov scenarios --facts`: what was published of each crisis beside what is drawn: a table, a figure."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.scenarios import CRISES, Crisis
from protogov.experiments.cli import main
from protogov.experiments.crisis_facts import (
    PUBLISHED,
    Paths,
    facts_of,
    last_hour,
    missed,
    of_high,
    realised,
    table,
    widest,
    worst_day,
    worst_hour,
)
from protogov.experiments.figures.crises import draw_crises

SEEDS = 100


def path_of(close: list[float], high: list[float] | None = None, low: list[float] | None = None) -> Paths:
    """One path that is known hour by hour."""
    closes = np.array([close])
    opening = np.concatenate([closes[:, :1], closes[:, :-1]], axis=1)
    top, bottom = np.maximum(opening, closes), np.minimum(opening, closes)
    return Paths(
        CRISES["crisis-2023-03"],
        opening,
        top if high is None else np.array([high]),
        bottom if low is None else np.array([low]),
        closes,
        np.full((1, closes.size), 0.7),
    )


@pytest.mark.parametrize("name", sorted(CRISES))
def test_the_median_path_is_within_reach_of_every_fact(name: str) -> None:
    paths = Paths.of(CRISES[name], SEEDS)
    assert missed(paths) == 0
    for fact in facts_of(paths.crisis):
        values = fact.measure(paths)
        assert values.shape == (SEEDS,)
        if fact.within is not None:
            assert abs(np.median(values) - fact.listed) <= fact.within + 1e-9, fact.name
    assert set(PUBLISHED) == set(CRISES)


def test_measures_of_a_path_that_is_known() -> None:
    day = [100.0] * 24
    paths = path_of([100.0, 110.0, 99.0, *day, 80.0])
    assert worst_hour(paths)[0] == pytest.approx(-0.2)
    assert worst_day(paths)[0] == pytest.approx(-0.2)
    assert of_high(paths)[0] == pytest.approx(80.0 / 110.0 - 1.0)
    assert widest(paths)[0] == pytest.approx(0.2)
    assert realised(paths)[0] == pytest.approx(np.sqrt(365.0) * np.log(1.25))
    # an extreme within the hour counts, for the fall and for the width
    wick = path_of([100.0, 110.0, 105.0], high=[100.0, 112.0, 111.0], low=[100.0, 99.0, 70.0])
    assert of_high(wick)[0] == pytest.approx(70.0 / 112.0 - 1.0)
    assert widest(wick)[0] == pytest.approx(41.0 / 110.0)


def test_a_fact_that_is_not_met_is_marked() -> None:
    story = CRISES["crisis-2024-08"].story
    shallow = Crisis("crisis-2024-08", "free", story, amplitude=0.5)
    rows = table([Paths.of(shallow, 20)])
    assert sum("**off**" in row for row in rows) >= 4
    assert "| known prices that every seed meets; 11 more are filled in | 4 | 1 |" in rows[2]  # all but the first price
    rows = table([Paths.of(CRISES["crisis-2024-08"], 20)])
    assert not any("**off**" in row for row in rows)


def test_page_and_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["scenarios", "--facts", "crisis-2020-03", "crisis-2025-10", "--seeds", "20", "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "crises.png"), str(tmp_path / "README.md")]
    page = (tmp_path / "README.md").read_text()
    met = re.search(
        r"\| crisis-2020-03 \| known prices that every seed meets; (\d) more are filled in \| (\d+) \| (\d+) \|", page
    )
    assert met is not None and met[2] == met[3] and int(met[1]) + int(met[2]) == 46
    assert "index of implied vol, hour 184 | 75.5%" in page and "crisis-2021-05" not in page
    assert re.search(r"Made \d{4}-.*`protogov scenarios --facts .*`, commit ", page)
    assert (tmp_path / "crises.png").stat().st_size < 150_000


def test_figure_marks_facts_and_what_was_filled_in() -> None:
    crisis = CRISES["crisis-2025-10"]
    figure = draw_crises([crisis], 20)
    price, vol = figure.axes
    marks = {(line.get_marker(), line.get_markerfacecolor() == "white") for line in price.get_lines()}
    assert {("o", False), ("o", True), ("v", False), ("^", True)} <= marks
    listed = next(line for line in vol.get_lines() if line.get_marker() == "D").get_xydata()
    np.testing.assert_allclose(listed, [[16.0, 67.6], [40.0, 71.7], [184.0, 75.5]])
    assert price.get_ylabel() == "price [USD]" and vol.get_xlabel() == "hours since the onset"
    assert last_hour(crisis) == 184
    bare = Crisis("bare", "free", replace(crisis.story, known={"implied_vol": ()}))
    assert last_hour(bare) == 64


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--facts"], "--facts writes a figure and a table; --out says into which folder"),
        (["jump", "--facts", "--out", "x"], "'jump' is no crisis by waypoints; known are crisis-2020-03"),
        (["crisis-2020-03", "--facts", "--split", "train", "--out", "x"], "none of the crises belongs to it"),
    ],
)
def test_what_cannot_be_shown_is_told_in_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenarios", *arguments]) == 2
    assert said in capsys.readouterr().err
