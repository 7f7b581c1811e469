"""Crises beside their facts: what was published of each beside what is drawn: a table, a figure."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.scenarios import CRISES, Crisis
from protogov.experiments.cli import main
from protogov.experiments.core.study import Found
from protogov.experiments.studies.crises import fact_rows, judge
from protogov.experiments.studies.crises.draw import draw_crises
from protogov.experiments.studies.crises.facts import (
    PUBLISHED,
    Paths,
    curves_table,
    facts_of,
    facts_table,
    last_hour,
    missed,
    of_high,
    realised,
    widest,
    worst_day,
    worst_hour,
)

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
    found = Found({"facts": facts_table([Paths.of(shallow, 20)])})
    rows = fact_rows(found)
    assert sum("**off**" in row for row in rows) >= 4
    # all but the first price
    first = ["crisis-2024-08", "known prices that every seed meets; 11 more are filled in", "4", "1", "", "**off**"]
    assert rows[0] == first and "not: known prices" in judge(found).sentences[0]
    met = Found({"facts": facts_table([Paths.of(CRISES["crisis-2024-08"], 20)])})
    assert not any("**off**" in row for row in fact_rows(met)) and "not:" not in judge(met).sentences[0]


def test_page_and_figures(tmp_path: Path) -> None:
    arguments = ["crisis-2020-03", "crisis-2025-10", "--seeds", "20", "--out", str(tmp_path)]
    assert main(["study", "crises", *arguments]) == 0
    page = (tmp_path / "README.md").read_text()
    met = re.search(
        r"\| crisis-2020-03 \| known prices that every seed meets; (\d) more are filled in \| (\d+) \| (\d+) \|", page
    )
    assert met is not None and met[2] == met[3] and int(met[1]) + int(met[2]) == 46
    assert "index of implied vol, hour 184 | 75.5%" in page and "crisis-2021-05" not in page
    assert "protogov study crises crisis-2020-03" in page
    for name in ("crises_to_2022", "crises_from_2023"):
        assert f"{name}.png" in page and (tmp_path / f"{name}.png").stat().st_size < 60_000
    assert main(["study", "crises", "--redraw", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text() == page


def test_figure_marks_facts_and_what_was_filled_in() -> None:
    crisis = CRISES["crisis-2025-10"]
    figure = draw_crises(curves_table([crisis], 20), "what came out")
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
        (["jump"], "'jump' is not a crisis; known are crisis-2020-03"),
        (["crisis-2020-03", "--split", "train"], "none of the crises belongs to it"),
        (["--seeds", "19"], "seeds is 19; 20 to 5,000 are accepted"),
    ],
)
def test_what_cannot_be_shown_is_told_in_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "crises", *arguments]) == 2
    assert said in capsys.readouterr().err
