"""The search for an ensemble, on figures made up."""

from collections import Counter

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.ensemble import read_ensemble
from protogov.experiments.cli import main
from protogov.experiments.core.statistics import Interval
from protogov.experiments.studies import ensemble
from protogov.experiments.studies.calibration.bands import CRISES, FITTED
from protogov.experiments.studies.calibration.market import FIRST_FITTING
from protogov.experiments.studies.ensemble import search
from protogov.experiments.studies.ensemble.search import (
    RANGES,
    Tapes,
    Trial,
    check_ranges,
    draw_sets,
    hopeless,
    measure_trial,
    missed,
    nearest_to_centre,
    place,
    rounded,
    share_of,
)

TINY = ["--screening.outside", "2", "--screening.calm", "2", "--screening.crisis", "2",
        "--measuring.outside", "2", "--measuring.calm", "2", "--measuring.crisis", "2", "--jobs", "1"]  # fmt: skip


def search_with(monkeypatch, tmp_path, arguments, judge):
    """Run the command with a measure that says at once what `judge(values, band)` says; returns exit code, calls."""
    calls = []

    def measured(config, trial):
        calls.append(trial)
        columns = {}
        for band in FITTED:
            found = [judge(values, band) for values in trial.sets]
            columns |= {
                band.name + end: np.array([one[k] for one in found]) for k, end in enumerate(("", "_low", "_high"))
            }
        return columns

    monkeypatch.setattr(ensemble, "measure_trial", measured)
    out = ["--out", str(tmp_path), "--file", str(tmp_path / "ensemble.json")]
    return main(["study", "ensemble", *TINY, *out, *arguments]), calls


def middle(band) -> float:
    return (band.low + min(band.high, band.low + 10.0)) / 2.0


# ---------------------------------------------------------------------- ranges and draws


def test_every_range_is_a_world_and_says_whose_it_is():
    check_ranges(WorldConfig())
    for name, one in RANGES.items():
        assert one.low < one.high and one.source and hasattr(WorldConfig().parameters, name)


def test_a_place_in_a_range_and_back():
    for one in RANGES.values():
        assert place(one, 0.0) == pytest.approx(one.low) and place(one, 1.0) == pytest.approx(one.high)
        assert share_of(one, place(one, 0.3)) == pytest.approx(0.3)
    assert place(RANGES["supplier_need"], 0.5) == pytest.approx(0.02)  # halfway in the logarithm of .01 to .04


def test_a_hypercube_meets_every_layer_of_every_range_once():
    sets = draw_sets(40, 3)
    assert sets == draw_sets(40, 3) != draw_sets(40, 4)
    for name, one in RANGES.items():
        if name == "num_suppliers":
            assert {type(values[name]) for values in sets} == {int}
            continue
        layers = Counter(min(int(share_of(one, values[name]) * 40), 39) for values in sets)
        # few digits move a value over the edge of its layer now and then
        assert sum(layers[k] == 1 for k in range(40)) >= 28  # of 40; 15 if they were drawn apart
        assert all(one.low <= values[name] <= one.high for values in sets)
        assert all(float(f"{values[name]:.4g}") == values[name] for values in sets)


def test_rounding_stays_inside_the_range():
    assert rounded("safety_high", 1.2999, RANGES["safety_high"], 2) == 1.3
    assert rounded("safety_high", 1.121, RANGES["safety_high"], 2) == 1.12
    assert rounded("num_suppliers", 15.6, RANGES["num_suppliers"]) == 16


def test_the_centre_is_the_set_nearest_to_the_median_in_units_of_the_ranges():
    shares = (0.1, 0.45, 0.5, 0.9, 0.95)
    sets = [{name: place(one, share) for name, one in RANGES.items()} for share in shares]
    assert nearest_to_centre(sets) == 2


# ---------------------------------------------------------------------- who is kept


def table_with(values: dict[str, tuple[float, float, float]]) -> dict[str, np.ndarray]:
    columns = {}
    for band in FITTED:
        found = values.get(band.name, (middle(band),) * 3)
        columns |= {band.name + end: np.array([found[k]]) for k, end in enumerate(("", "_low", "_high"))}
    return columns


def test_hopeless_is_whose_whole_interval_misses_and_missed_is_whose_figure_does():
    assert hopeless(table_with({}), 0) == missed(table_with({}), 0) == []
    near = table_with({"calm_borrow_rate": (0.09, 0.07, 0.11), "outflow_crises": (0.7, 0.6, 0.8)})
    assert hopeless(near, 0) == ["outflow_crises"]
    assert missed(near, 0) == ["calm_borrow_rate", "outflow_crises"]
    nothing = table_with({"gini_within": (np.nan,) * 3})
    assert hopeless(nothing, 0) == missed(nothing, 0) == ["gini_within"]


def test_the_first_sets_inside_all_bands_are_kept_and_written_whole(monkeypatch, tmp_path, capsys):
    def judge(values, band):
        if band.name != "outflow_crises":
            return (middle(band),) * 3
        # beyond .3 hopeless at once; from .2 on outside by less than the interval, which the second round tells
        value = 0.9 if values["supplier_flight"] > 0.3 else 0.51 if values["supplier_flight"] > 0.2 else 0.4
        return value, value - 0.02, value + 0.02

    code, calls = search_with(monkeypatch, tmp_path, ["--draws", "24", "--members", "5"], judge)
    assert code == 0
    found, sets = read_ensemble(tmp_path / "ensemble.json"), draw_sets(24, 0)
    good = [values for values in sets if values["supplier_flight"] <= 0.2]
    lost = sum(values["supplier_flight"] > 0.3 for values in sets)
    assert [dict(values) for values in found.members.values()] == good[:5]
    assert found.names == ("w01", "w02", "w03", "w04", "w05") and dict(found.ranges) == RANGES
    said = capsys.readouterr().out
    assert ["outflow_crises", str(lost)] in [line.split()[:2] for line in said.splitlines()] and "centre w0" in said
    page = (tmp_path / "README.md").read_text()
    for name in RANGES:
        assert f"| `{name}` |" in page
    assert (tmp_path / "sets.csv").read_text().count("\n") == 25
    assert main(["study", "ensemble", "--redraw", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text() == page
    # the same command again: every piece is there, nothing is measured
    count = len(calls)
    code, more = search_with(monkeypatch, tmp_path, ["--draws", "24", "--members", "5"], judge)
    assert code == 0 and not more and count > 0


def test_too_few_members_fail_and_leave_the_file_as_it_was(monkeypatch, tmp_path, capsys):
    (tmp_path / "ensemble.json").write_text("before")
    code, _ = search_with(
        monkeypatch, tmp_path, ["--draws", "4", "--members", "9"], lambda values, band: (middle(band),) * 3
    )
    assert code == 1 and "4 of 9 members were found in 4 sets" in capsys.readouterr().err
    assert (tmp_path / "ensemble.json").read_text() == "before"
    code, _ = search_with(monkeypatch, tmp_path / "none", ["--draws", "4"], lambda values, band: (9e9, 9e9, 9e9))
    assert code == 1 and "No set lies inside all bands" in (tmp_path / "none" / "README.md").read_text()


def test_sets_are_measured_in_the_world_that_they_describe(monkeypatch):
    seen = []

    def scenarios(config, tapes, first):
        seen.append((config.parameters, dict(tapes), first))
        return {}

    monkeypatch.setattr(search, "measure_scenarios", scenarios)
    monkeypatch.setattr(search, "band_figure", lambda band, measured: (Interval(1.0, 0.5, 1.5), ""))
    sets = tuple(draw_sets(3, 1))
    table = measure_trial(WorldConfig(), Trial(sets, Tapes(6, 4, 2), FIRST_FITTING))
    assert [{name: getattr(one[0], name) for name in RANGES} for one in seen] == list(sets)
    assert seen[0][1] == {"between-crises": 6, "calm": 4, **dict.fromkeys(CRISES, 2)}
    assert {one[2] for one in seen} == {2**43 + 2**40}
    assert table["lp_return"].tolist() == [1.0] * 3 and table["lp_return_high"].tolist() == [1.5] * 3


@pytest.mark.parametrize(
    "arguments", [["--draws", "0"], ["--members", "0"], ["--screening.calm", "1"], ["--seed", "-1"]]
)
def test_a_number_that_cannot_be_is_told(arguments, tmp_path, capsys):
    assert main(["study", "ensemble", "--out", str(tmp_path), *arguments]) == 2
    assert f"{arguments[0].lstrip('-')} is {arguments[1]}" in capsys.readouterr().err
