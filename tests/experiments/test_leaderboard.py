"""Leaderboard: estimates by hand, simultaneous marks, the ceiling's file, and the command from start to finish."""

import csv
import json

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.experiments.cli import main
from protogov.experiments.core.statistics import expected_shortfall
from protogov.experiments.errors import BadInput
from protogov.experiments.governors import STATIC
from protogov.experiments.leaderboard.ceiling import complete, read_ceiling
from protogov.experiments.leaderboard.playing import CEILING, make_matches, play_match, run_matches
from protogov.experiments.leaderboard.summary import GAIN, MEASURES, summarise
from protogov.experiments.leaderboard.writing import table_of_weights
from protogov.experiments.welfare_box import WEIGHED

CONFIG = WorldConfig(episode_hours=24, decision_hours=12)
TAPES = 40


def made_up(**gains):
    """Static W is noise; each other row is static plus its gain plus a little noise of its own."""
    draw = np.random.default_rng(0)
    parts = []
    for scenario in ("calm", "storm"):
        base = draw.normal(0.0, 50.0, TAPES)
        for name, gain in {STATIC: 0.0, **gains}.items():
            welfare = base + (gain + draw.normal(0.0, 1.0, TAPES) if name != STATIC else 0.0)
            columns = {f"{m.split('/')[0]}/0" + (f"/{m.split('/')[1]}" if "/" in m else ""): welfare for m in MEASURES}
            columns |= {f"loss/0/{part}": np.zeros(TAPES) for part in WEIGHED}
            parts.append(
                {
                    "governors": np.full(TAPES, name), "training_seed": np.full(TAPES, -1),
                    "scenario": np.full(TAPES, scenario), "split": np.full(TAPES, "test"),
                    "tape_seed": np.arange(TAPES, dtype=np.uint64), **columns,
                }
            )  # fmt: skip
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_gains_are_paired_and_marks_hold_for_all_rows_at_once():
    board = summarise(made_up(better=3.0, same=0.0, worse=-3.0))
    assert board.governors == (STATIC, "better", "same", "worse")
    assert board.critical > 1.96  # of six gains at once
    for scenario in board.scenarios:
        better, same, worse = (board.entry(name, scenario) for name in ("better", "same", "worse"))
        assert better.marked and worse.marked and not same.marked
        assert better.gain.low > 2.0 and better.gain.high < 4.0
        assert better.gain.high - better.gain.low < 0.1 * (
            better.measures["welfare"].high - better.measures["welfare"].low
        )  # pairing takes the noise of the tapes out
        assert board.entry(STATIC, scenario).gain.value == 0.0


def test_means_over_scenarios_resample_a_seed_with_all_its_episodes():
    table = made_up(better=3.0)
    board = summarise(table)
    gain = board.means["better"][GAIN]
    alone = [board.entry("better", scenario).gain for scenario in board.scenarios]
    assert gain.value == pytest.approx(np.mean([one.value for one in alone]))
    assert gain.high - gain.low < min(one.high - one.low for one in alone)  # the two scenarios' noise is independent
    static = board.means[STATIC]
    by_tape = table["welfare/0"][table["governors"] == STATIC].reshape(2, TAPES).mean(axis=0)
    assert static["welfare"].value == pytest.approx(by_tape.mean())
    half = 1.96 * by_tape.std(ddof=1) / np.sqrt(TAPES)
    assert static["welfare"].high - static["welfare"].low == pytest.approx(2 * half, rel=0.15)
    once = {
        name: column[~((table["governors"] == "better") & (table["scenario"] == "calm"))]
        for name, column in table.items()
    }
    assert set(summarise(once).means) == {STATIC}


def test_shortfall_is_the_mean_of_the_worst_twentieth():
    table = made_up(better=3.0)
    entry = summarise(table).entry("better", "storm")
    rows = (table["governors"] == "better") & (table["scenario"] == "storm")
    assert entry.shortfall.value == pytest.approx(expected_shortfall(table["welfare/0"][rows]))
    assert entry.shortfall.low <= entry.shortfall.value <= entry.shortfall.high


def test_share_of_the_ceiling():
    board = summarise(made_up(half=5.0) | {})
    assert np.isnan(board.entry("half", "calm").captured)
    board = summarise(made_up(half=5.0, **{CEILING: 10.0}))
    assert board.governors[-1] == CEILING
    assert board.entry("half", "calm").captured == pytest.approx(0.5, abs=0.05)
    assert board.entry(CEILING, "calm").captured == pytest.approx(1.0)


def test_rows_on_other_tapes_are_refused():
    table = made_up(better=1.0)
    others = table | {"tape_seed": table["tape_seed"].copy()}
    others["tape_seed"][-1] = 999
    with pytest.raises(ValueError, match="did not play the tapes"):
        summarise(others)
    with pytest.raises(ValueError, match="static protocol did not play"):
        summarise({name: column[table["governors"] != STATIC] for name, column in table.items()})


def test_every_baseline_meets_every_scenario_and_the_ceiling_those_it_was_tuned_for():
    matches = make_matches(CONFIG, 4, ("calm", "jump"), {"jump": {"ltv_gap": 0.1}})
    names = {(match.governors.name, match.scenario) for match in matches}
    assert {("static", "calm"), ("random", "jump"), ("adaptive_curve", "calm"), (CEILING, "jump")} <= names
    assert (CEILING, "calm") not in names
    everything = {match.scenario for match in make_matches(CONFIG, 4)}
    assert {"calm", "crash-heldout", "flat", "jump", "jump + oracle-push", "jump + supplier-run"} <= everything
    risk_only = make_matches(WorldConfig(roles=("risk",)), 4, ("jump",))
    assert "adaptive_curve" not in {match.governors.name for match in risk_only}


def test_finished_matches_are_not_played_again(tmp_path, monkeypatch):
    matches = make_matches(CONFIG, 2, ("jump",))
    first = run_matches(CONFIG, matches, jobs=1, keep=tmp_path, show=False)
    next(path for path in tmp_path.glob("random_*") if not path.name.startswith("random_churn")).unlink()
    played = []
    monkeypatch.setattr(
        "protogov.experiments.leaderboard.playing.play_match",
        lambda config, match: played.append(match.governors.name) or play_match(config, match),
    )
    again = run_matches(CONFIG, matches, jobs=1, keep=tmp_path, show=False)
    assert played == ["random"]
    for name in first:  # who bears it is nan where there is nobody
        assert np.array_equal(first[name], again[name], equal_nan=first[name].dtype.kind == "f"), name
    assert ((first["uptime/0"] >= 0.0) & (first["uptime/0"] <= 1.0)).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"jump": 3}, "'jump' is 3"),
        ({"jump": {"gap": 0.1}}, "names the lever 'gap'"),
        ({"jump": {"ltv_gap": 0.5}}, "0.01 to 0.25"),
        ({"jump": {"ltv_gap": True}}, "is True"),
    ],
)
def test_a_ceiling_that_cannot_be_is_refused(tmp_path, content, message):
    path = tmp_path / "ceiling.json"
    path.write_text(json.dumps(content))
    with pytest.raises(BadInput, match=message):
        read_ceiling(path)


def test_the_command_writes_the_leaderboard(tmp_path, capsys):
    ceiling = tmp_path / "ceiling.json"
    ceiling.write_text(json.dumps({"constants": {"jump": {"ltv_gap": 0.1}}}))
    out = tmp_path / "board"
    arguments = ["evaluate", "--suite", "--episodes", "3", "--scenarios", "jump", "calm", "--jobs", "1"]
    arguments += ["--ceiling", str(ceiling), "--out", str(out), "--world.episode-hours", "12"]
    assert main(arguments) == 0
    rows = list(csv.DictReader((out / "leaderboard.csv").open()))
    assert {row["scenario"] for row in rows} == {"jump", "calm", "mean of scenarios"}
    assert {*MEASURES, "welfare_gain", "shortfall_5%", "shortfall_5%_gain"} <= {row["measure"] for row in rows}
    parts = {
        row["measure"]: float(row["value"]) for row in rows if (row["governors"], row["scenario"]) == ("random", "jump")
    }
    shares = sum(value for name, value in parts.items() if name.startswith("welfare/"))
    assert shares == pytest.approx(parts["welfare"], rel=1e-4, abs=1e-4)
    assert (out / "leaderboard.svg").stat().st_size > 500
    assert len([row for row in rows if row["governors"] == CEILING and row["measure"] == "welfare"]) == 3
    assert "| hindsight-best constants | " in capsys.readouterr().out
    page = (out / "README.md").read_text()
    assert "Ceiling: the constants that were tuned on jump" in page
    shares = page.partition("## Everybody's share of W")[2].partition("## ")[0]
    numbers = [
        float(cell.split()[0])
        for cell in next(line for line in shares.splitlines() if "| random |" in line).split("|")[2:-1]
    ]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=0.05 * len(numbers))


def test_a_scenario_without_own_constants_gets_the_set_that_is_best_there():
    config = WorldConfig(episode_hours=48, roles=("rate",))
    sets = {
        "jump": {"slope1": 0.2, "optimal_utilisation": 0.6},
        "calm": {},
    }  # money so dear that nobody borrows, and defaults
    ceiling, picked = complete(config, sets, ("jump", "flat"), seeds=2, jobs=1)
    assert picked == {"flat": "calm"}
    assert ceiling == sets | {"flat": {}}
    with pytest.raises(BadInput, match="no constants"):
        complete(config, {}, ("flat",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--quick"], "without --suite"),
        (["--suite"], "out is missing"),
        (["--suite", "--out", "x", "--baselines", "random"], "every baseline plays"),
        (["--suite", "--out", "x", "--episodes", "1"], "episodes is 1"),
        (["--suite", "--out", "x", "--scenarios", "jump", "jump"], "twice"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_natural_is_the_headline_of_the_suite_and_what_rows_are_sorted_by():
    from protogov.envs.scenarios import scenario_names
    from protogov.experiments.leaderboard.playing import suite_scenarios
    from protogov.experiments.leaderboard.writing import page, table_of_means

    names = suite_scenarios()
    assert names[:2] == ("natural", "mix") and len(set(names)) == len(names)
    assert set(scenario_names()) <= set(names) and not set(scenario_names("test")) & set(names)
    table = made_up(steady=3.0, stormy=1.0)
    table["scenario"] = np.where(table["scenario"] == "calm", "natural", "storm")
    stormy = (table["governors"] == "stormy") & (table["scenario"] == "storm")
    table["welfare/0"] = np.where(stormy, table["welfare/0"] + 50.0, table["welfare/0"])
    board = summarise(table)
    # stormy has the larger mean over scenarios, steady the larger gain where the headline is
    assert board.headline == "natural" and board.governors == (STATIC, "steady", "stormy")
    assert board.means["stormy"][GAIN].value > board.means["steady"][GAIN].value
    head, *rows = "\n".join(table_of_means(board)).splitlines()
    assert head.startswith("| governors | W on natural | gain on natural | W | gain |")
    assert rows[2].startswith("| steady |") and "**3." in rows[2].split("|")[3]
    assert "in which markets are as frequent as in history" in page(board, "command")


def test_ranks_at_the_corners_of_the_box_say_where_an_order_turns():
    table = made_up(bold=0.0, careful=0.0)
    bold = table["governors"] == "bold"
    for name in [name for name in table if name.startswith("welfare/0/")]:
        table[name] = np.where(bold & (name == "welfare/0/borrowers"), 6.0, 0.0)
    table["loss/0/latent"] = np.where(bold, 2.0, 0.0)
    rows = {row.split(" | ")[0]: row.split(" | ")[1:] for row in table_of_weights(summarise(table))[1:]}
    assert rows["| bold"] == ["4.0 (1)", "4.0 (1)", "-4.0 (3)", "-4.0 (3) |"]
    assert rows["| careful"][2] == "0.0 (1)" and rows[f"| {STATIC}"][0] == "0.0 (2)"


def test_without_natural_the_first_scenario_is_the_headline():
    board = summarise(made_up(better=3.0))
    assert board.headline == "calm"
