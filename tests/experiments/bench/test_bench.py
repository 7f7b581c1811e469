"""The verdicts, the medians, and that every figure is measured and printed at a tiny size. No figure is judged here."""

import math
from pathlib import Path

import numpy as np
import pytest

from protogov.experiments.bench import reference as bench_reference
from protogov.experiments.bench.bench import MEASURES, Options, format_number, make_plan, rows_in, table_of
from protogov.experiments.bench.rows import Plan, Row, rates, timed
from protogov.experiments.cli import main
from protogov.experiments.core.results import read_manifest
from protogov.experiments.core.tables import read_csv, write_table


@pytest.mark.parametrize(
    ("wall", "cpu", "target", "sense", "verdict"),
    [
        (100.0, 200.0, 90.0, "at least", "met"),
        (80.0, 95.0, 90.0, "at least", "met in processor time"),
        (80.0, None, 90.0, "at least", "missed"),
        (1.0, 0.5, 1.5, "at most", "met"),
        (2.0, 1.0, 1.5, "at most", "met in processor time"),
        (2.0, 1.6, 1.5, "at most", "missed"),
        (2.0, None, None, "at least", "-"),
        (None, None, None, "at least", "not measured"),
    ],
)
def test_verdicts(wall, cpu, target, sense, verdict) -> None:
    assert Row(what="x", unit="s", wall=wall, cpu=cpu, target=target, sense=sense).verdict == verdict


@pytest.mark.parametrize(("rate", "verdict"), [(39.0, "missed"), (41.0, "met")])
def test_a_slower_machine_is_asked_for_less_and_a_faster_for_no_more(rate, verdict) -> None:
    row = Row(what="x", unit="hours/s", wall=rate, cpu=rate, target=80.0, reference=1e5, machine=0.5)
    assert row.asked == 40.0
    assert row.verdict == verdict
    assert row.per_round == rate / 1e5
    assert Row(what="x", unit="hours/s", wall=1.0, target=80.0, reference=4e5, machine=2.0).asked == 80.0


def test_the_reference_loop_owes_nothing_to_the_world() -> None:
    source = Path(bench_reference.__file__).read_text()
    assert "protogov.envs" not in source
    markets = np.ones((2, bench_reference.ACCOUNTS, bench_reference.FIELDS))
    # a price near 1 leaves 128 loans of 1 against 1 below the threshold in every sub-step
    assert bench_reference._rounds(2, markets) == bench_reference._rounds(2, np.ones_like(markets))
    assert markets[:, :, 2].sum() == pytest.approx(2 * 12 * bench_reference.ACCOUNTS + markets[:, :, 2].size)


def test_rates_are_medians_and_processor_time_leaves_out_sleep() -> None:
    import time

    naps = iter([0.2, 0.01, 0.01])
    wall, cpu = rates(lambda: time.sleep(next(naps)), 1.0, 3)
    assert wall > 10.0  # the long nap is no median
    assert cpu > wall
    assert timed(lambda: time.sleep(0.01)).wall >= 0.01


def test_the_plan_follows_the_options() -> None:
    assert make_plan(Options()) == Plan(worlds=512, repeats=5, usual_worlds=512)
    assert make_plan(Options(quick=True, worlds=8, repeats=1)) == Plan(
        worlds=8, repeats=1, decisions=14, usual_worlds=8
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "speed"], "'speed'; known figures are hours"),
        (["--worlds", "0"], "worlds is 0"),
        (["--redraw"], "redraw needs a folder"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(arguments, said, capsys) -> None:
    assert main(["bench", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_rows_are_kept_whole(tmp_path) -> None:
    rows = [
        Row(what="a", unit="hours/s", wall=40.0, cpu=41.0, target=80.0, reference=1e5, machine=0.5),
        Row(what="b", unit="s", wall=None, note="not installed", sense="at most"),
    ]
    path = write_table(tmp_path / "rows.csv", table_of(rows))
    assert rows_in(read_csv(path)) == rows
    assert read_csv(path)["verdict"].tolist() == ["met", "not measured"]


def test_numbers_are_short() -> None:
    assert [format_number(value) for value in (None, 0.12345, 14.77, 71848.4)] == ["-", "0.123", "14.8", "71,848"]


FIGURES = {
    "hours": ("simulated, 4 worlds, 1 venue, one core", "simulated, 4 worlds, 2 venues, one core"),
    "groups": ("observing surface too, decisions of 6 h", "observing surface and accounts too, decisions of 1 h"),
    "threads": ("two threads against one",),
    "single": ("gym.make protogov/Rates-v0",),
    "ppo": ("joint PPO, 4 worlds, hourly decisions", "joint PPO, 4 worlds, default settings"),
    "usual": ("the usual way",),
    "pricer": ("anchors of a compact pricer, 4 worlds", "the same with greeks of its own, 4 worlds"),
    "memory": ("state of a world, 1 venue", "state of a world, 2 venues"),
    "import": ("import protogov.envs",),
}
SLOW = {
    "compile": ("first decision, empty cache", "first decision, cached"),
    "experiment": ("default experiment, 4 worlds, twin, natural, 2 seeds at once",),
}


def check(name: str, figures: tuple[str, ...], folder, capsys) -> None:
    """Measure one figure at a tiny size; each of its rows is printed and saved."""
    assert main(["bench", "--only", name, "--worlds", "4", "--repeats", "1", "--quick", "--save", str(folder)]) == 0
    printed = capsys.readouterr().out.splitlines()
    saved = rows_in(read_csv(folder / "bench.csv"))
    about = read_manifest(folder)
    assert about["study"] == "bench" and about["command"].startswith("protogov bench --only")
    page = (folder / "README.md").read_text()
    for figure in figures:
        assert sum(line.startswith(figure) for line in printed) == 1, figure
        assert f"| {figure}" in page
        row = next(row for row in saved if row.what.startswith(figure))
        if row.wall is None:
            assert "not installed" in row.note or "no second core" in row.note
        else:
            assert math.isfinite(row.wall) and row.wall > 0.0
    assert main(["bench", "--redraw", "--save", str(folder)]) == 0
    assert (folder / "README.md").read_text() == page


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_measured_and_printed(name, tmp_path, capsys) -> None:
    check(name, FIGURES[name], tmp_path, capsys)


@pytest.mark.long
@pytest.mark.parametrize("name", SLOW)
def test_figures_of_several_processes_are_measured_and_printed(name, tmp_path, capsys) -> None:
    check(name, SLOW[name], tmp_path, capsys)


def test_the_tests_know_every_figure() -> None:
    assert {*FIGURES, *SLOW} == set(MEASURES)
