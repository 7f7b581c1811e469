"""Leaderboard: estimates by hand, simultaneous marks, the ceiling's file, and the command from start to finish."""

import json

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import scenario_names
from protogov.experiments.cli import main
from protogov.experiments.core.governors import STATIC
from protogov.experiments.core.pieces import Running, run_pieces
from protogov.experiments.core.statistics import expected_shortfall, interval_of
from protogov.experiments.core.tables import concatenate, read_csv, read_table, select
from protogov.experiments.core.welfare_box import WEIGHED
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.leaderboard.matches import (
    CEILING,
    complete,
    make_matches,
    play_match,
    read_ceiling,
    suite_scenarios,
)
from protogov.experiments.studies.leaderboard.study import (
    GAIN,
    MEASURES,
    SHORTFALL,
    STUDY,
    by_tape,
    judge,
    page,
    summarise,
    table_of_means,
    table_of_weights,
)

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


def estimate(found, name, scenario, measure="welfare"):
    """(interval, whether it is marked) of one measure of one row on one scenario."""
    table = found.tables["measures"]
    own = (table["governors"] == name) & (table["scenario"] == scenario) & (table["measure"] == measure)
    one = select(table, own)
    return interval_of(one, 0, "value"), bool(one["marked"][0])


def mean(found, name, measure):
    """Mean over scenarios; nan where a row did not play them all."""
    table = found.tables["leaderboard"]
    return interval_of(table, table["governors"].tolist().index(name), measure)


def test_gains_are_paired_and_marks_hold_for_all_rows_at_once():
    found = summarise(made_up(better=3.0, same=0.0, worse=-3.0), {})
    board = found.tables["leaderboard"]
    assert board["governors"].tolist() == [STATIC, "better", "same", "worse"]
    assert found.facts["critical"] > 1.96  # of six gains at once
    for scenario in found.facts["scenarios"]:
        (better, up), (_, same), (_, down) = (
            estimate(found, name, scenario, GAIN) for name in ("better", "same", "worse")
        )
        assert up and down and not same
        assert board[f"marked on {scenario}"].tolist() == [0, 1, 0, 1]
        assert better.low > 2.0 and better.high < 4.0
        # pairing takes the noise of the tapes out
        assert better.half_width < 0.1 * estimate(found, "better", scenario)[0].half_width
        static, marked = estimate(found, STATIC, scenario, GAIN)
        assert static.mean == static.half_width == 0.0 and not marked
        assert board[f"gain on {scenario}"][1] == pytest.approx(better.mean, rel=1e-5)
    assert judge(found).sentences[0].startswith("On calm 1 of 3 governors gain W over the static protocol and")


def test_means_over_scenarios_resample_a_seed_with_all_its_episodes():
    table = made_up(better=3.0)
    found = summarise(table, {})
    gain = mean(found, "better", GAIN)
    alone = [estimate(found, "better", scenario, GAIN)[0] for scenario in found.facts["scenarios"]]
    assert gain.mean == pytest.approx(np.mean([one.mean for one in alone]), rel=1e-5)
    assert gain.half_width < min(one.half_width for one in alone)  # the two scenarios' noise is independent
    static = mean(found, STATIC, "welfare")
    by_tape = table["welfare/0"][table["governors"] == STATIC].reshape(2, TAPES).mean(axis=0)
    assert static.mean == pytest.approx(by_tape.mean(), rel=1e-5)
    assert static.half_width == pytest.approx(1.96 * by_tape.std(ddof=1) / np.sqrt(TAPES), rel=0.15)
    once = summarise(select(table, ~((table["governors"] == "better") & (table["scenario"] == "calm"))), {})
    assert once.tables["leaderboard"]["played"].tolist() == [2, 1]
    assert np.isnan(mean(once, "better", GAIN).mean) and not np.isnan(mean(once, STATIC, "welfare").mean)
    assert "| better (plays 1 of 2) |  |  |" in "\n".join(table_of_means(once))


def test_two_venues_count_by_their_k0_and_their_uptime_equally():
    table = made_up()
    table |= {name.replace("/0", "/1", 1): 3.0 * column for name, column in table.items() if "/0" in name}
    table |= {"opening_value/0": np.full(2 * TAPES, 3e7), "opening_value/1": np.full(2 * TAPES, 1e7)}
    found, own = by_tape(table, STATIC, "calm", np.arange(TAPES)), table["welfare/0"][:TAPES]
    np.testing.assert_allclose(found["welfare"], 1.5 * own)
    np.testing.assert_allclose(found["welfare/borrowers"], 1.5 * own)
    np.testing.assert_allclose(found["uptime"], 2.0 * own)


def test_shortfall_is_the_mean_of_the_worst_twentieth():
    table = made_up(better=3.0)
    found, _ = estimate(summarise(table, {}), "better", "storm", SHORTFALL)
    rows = (table["governors"] == "better") & (table["scenario"] == "storm")
    assert found.mean == pytest.approx(expected_shortfall(table["welfare/0"][rows]))
    assert found.low <= found.mean <= found.high


def test_share_of_the_ceiling():
    assert "share_of_ceiling" not in summarise(made_up(half=5.0), {}).tables["measures"]["measure"]
    found = summarise(made_up(half=5.0, **{CEILING: 10.0}), {})
    assert found.tables["leaderboard"]["governors"][-1] == CEILING
    assert estimate(found, "half", "calm", "share_of_ceiling")[0].mean == pytest.approx(0.5, abs=0.05)
    assert estimate(found, CEILING, "calm", "share_of_ceiling")[0].mean == pytest.approx(1.0)


def test_rows_on_other_tapes_are_refused():
    table = made_up(better=1.0)
    others = table | {"tape_seed": table["tape_seed"].copy()}
    others["tape_seed"][-1] = 999
    with pytest.raises(ValueError, match="did not play the tapes"):
        summarise(others, {})
    with pytest.raises(ValueError, match="static protocol did not play"):
        summarise(select(table, table["governors"] != STATIC), {})


def test_every_baseline_meets_every_scenario_and_the_ceiling_those_it_was_tuned_for():
    matches = make_matches(CONFIG, 4, ("calm", "jump"), {"jump": {"ltv_gap": 0.1}})
    names = {(match.job.governors.name, match.job.scenario) for match in matches}
    assert {("static", "calm"), ("random", "jump"), ("adaptive_curve", "calm"), (CEILING, "jump")} <= names
    assert (CEILING, "calm") not in names
    everything = {match.job.scenario for match in make_matches(CONFIG, 4)}
    assert {"calm", "crash-heldout", "flat", "jump", "jump + oracle-push", "jump + supplier-run"} <= everything
    risk_only = make_matches(WorldConfig(roles=("risk",)), 4, ("jump",))
    assert "adaptive_curve" not in {match.job.governors.name for match in risk_only}


def test_finished_matches_are_not_played_again(tmp_path, monkeypatch):
    matches, how = make_matches(CONFIG, 2, ("jump",)), Running(keep=tmp_path)
    first = concatenate(run_pieces(play_match, CONFIG, matches, how))
    next(path for path in tmp_path.glob("random_*") if not path.name.startswith("random_churn")).unlink()
    played = []
    monkeypatch.setattr(
        "protogov.experiments.core.pieces.play_pieces",
        lambda function, calls, jobs: (
            (number, played.append(job.governors.name) or function(config, job))
            for number, (config, job) in enumerate(calls)
        ),
    )
    again = concatenate(run_pieces(play_match, CONFIG, matches, how))
    assert played == ["random"]
    for name in first:  # who bears it is nan where there is nobody
        assert np.array_equal(first[name], again[name], equal_nan=first[name].dtype.kind == "f"), name
    assert ((first["uptime/0"] >= 0.0) & (first["uptime/0"] <= 1.0)).all()
    # what a governor is made of is part of what its numbers depend on
    assert {match.job.governors.name: set(match.job.files) for match in matches}["tuned"] == {"tuned.json"}


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


def test_the_command_writes_the_leaderboard_and_draws_it_without_its_long_tables(tmp_path, capsys):
    ceiling = tmp_path / "ceiling.json"
    ceiling.write_text(json.dumps({"constants": {"jump": {"ltv_gap": 0.1}}}))
    out = tmp_path / "board"
    arguments = ["study", "leaderboard", "--episodes", "3", "--scenarios", "jump", "calm", "--jobs", "1"]
    arguments += ["--ceiling", str(ceiling), "--out", str(out), "--world.episode-hours", "12"]
    assert main(arguments) == 0
    assert "governors gain W over the static protocol and" in capsys.readouterr().out
    board, long = read_csv(out / "leaderboard.csv"), read_table(out / "measures.parquet")
    assert {f"{of} on {name}" for of in ("W", "gain", "marked") for name in ("jump", "calm")} <= set(board)
    assert {*MEASURES, GAIN, SHORTFALL, f"{SHORTFALL}_gain"} <= set(long["measure"])
    for name in ("jump", "calm"):  # the short table holds what the long one does
        wide = dict(zip(board["governors"].tolist(), board[f"W on {name}"].tolist(), strict=True))
        own = select(long, (long["scenario"] == name) & (long["measure"] == "welfare"))
        assert own["value"].tolist() == pytest.approx([wide[one] for one in own["governors"].tolist()], rel=1e-5)
    own = select(long, (long["governors"] == "random") & (long["scenario"] == "jump"))
    parts = dict(zip(own["measure"].tolist(), own["value"].tolist(), strict=True))
    shares = sum(value for name, value in parts.items() if name.startswith("welfare/"))
    assert shares == pytest.approx(parts["welfare"], rel=1e-4, abs=1e-4)
    assert board["played"][board["governors"] == CEILING].tolist() == [2]
    text, figure = (out / "README.md").read_text(), (out / "leaderboard.png").read_bytes()
    scenarios = text.partition("## Scenarios")[2].splitlines()
    rows = [line.split("|")[1:-1] for line in scenarios if line.startswith(("| jump", "| calm"))]
    assert [(row[0].strip(), row[-1].strip()) for row in rows] == [("jump", "jump"), ("calm", "jump")]  # picked
    shares = text.partition("## Everybody's share of W")[2].partition("## ")[0]
    cells = next(line for line in shares.splitlines() if "| random |" in line).split("|")[2:-1]
    numbers = [float(cell.split()[0].replace("\N{MINUS SIGN}", "-")) for cell in cells]
    assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=0.05 * len(numbers))
    for path in [*out.glob("*.parquet"), out / "leaderboard.png", out / "README.md"]:
        path.unlink()
    assert main(["study", "leaderboard", "--redraw", "--out", str(out)]) == 0
    assert ((out / "README.md").read_text(), (out / "leaderboard.png").read_bytes()) == (text, figure)


def test_a_scenario_without_own_constants_gets_the_set_that_is_best_there():
    config = WorldConfig(episode_hours=48, roles=("rate",))
    sets = {
        "jump": {"slope1": 0.2, "optimal_utilisation": 0.6},
        "calm": {},
    }  # money so dear that nobody borrows, and defaults
    ceiling, picked = complete(config, sets, ("jump", "flat"), seeds=2)
    assert picked == {"flat": "calm"}
    assert ceiling == sets | {"flat": {}}
    with pytest.raises(BadInput, match="no constants"):
        complete(config, {}, ("flat",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--episodes", "1"], "episodes is 1"),
        (["--scenarios", "jump", "jump"], "twice"),
        (["--scenarios", "nowhere"], "nowhere"),
        (["--ceiling", "none.json"], "none.json"),
        (["nobody"], "nobody: is neither a run's folder nor a policy's .json file"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["study", "leaderboard", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_natural_is_the_headline_and_what_rows_are_sorted_by():
    names = suite_scenarios()
    assert names[:2] == ("natural", "mix") and len(set(names)) == len(names)
    # forecasts are judged in markets with a known law; the suite is that of the committed page
    assert set(scenario_names()) - set(names) == {"gbm", "merton", "heston"} and len(names) == 29
    assert not set(scenario_names("test")) & set(names)
    table = made_up(steady=3.0, stormy=1.0)
    table["scenario"] = np.where(table["scenario"] == "calm", "natural", "storm")
    stormy = (table["governors"] == "stormy") & (table["scenario"] == "storm")
    table["welfare/0"] = np.where(stormy, table["welfare/0"] + 50.0, table["welfare/0"])
    found = summarise(table, {})
    # stormy has the larger mean over scenarios, steady the larger gain where the headline is
    assert found.facts["first"] == "natural"
    assert found.tables["leaderboard"]["governors"].tolist() == [STATIC, "steady", "stormy"]
    assert mean(found, "stormy", GAIN).mean > mean(found, "steady", GAIN).mean
    head, _, *rows = table_of_means(found)
    assert head.startswith("| governors | W on natural | gain on natural | W | gain |")
    assert rows[1].startswith("| steady |") and "**+3." in rows[1].split("|")[3]
    assert "there markets are as frequent as in history" in " ".join(" ".join(page(found, judge(found))).split())


def test_ranks_at_the_corners_of_the_box_say_where_an_order_turns():
    table = made_up(bold=0.0, careful=0.0)
    bold = table["governors"] == "bold"
    for name in [name for name in table if name.startswith("welfare/0/")]:
        table[name] = np.where(bold & (name == "welfare/0/borrowers"), 6.0, 0.0)
    table["loss/0/latent"] = np.where(bold, 2.0, 0.0)
    lines = table_of_weights(summarise(table, {}).tables["leaderboard"])
    rows = {line.split(" | ")[0]: line.split(" | ")[1:] for line in lines[2:]}
    assert rows["| bold"] == ["4.0 (1)", "4.0 (1)", "-4.0 (3)", "-4.0 (3) |"]
    assert rows["| careful"][2] == "0.0 (1)" and rows[f"| {STATIC}"][0] == "0.0 (2)"


def test_without_natural_the_first_scenario_is_the_headline():
    assert summarise(made_up(better=3.0), {}).facts["first"] == "calm"
    assert STUDY.name == "leaderboard"
