"""From `train` over `evaluate` to `report`: what each leaves behind, and that its numbers are the world's own."""

import base64
import csv
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import CRISES
from protogov.envs.simulator import Simulator
from protogov.envs.world.levers import Reason
from protogov.experiments.cli import main
from protogov.experiments.core.cascades import cascades
from protogov.experiments.core.command_line import parse
from protogov.experiments.core.evaluation import PARTS, YOKED
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.play import tape_seeds
from protogov.experiments.core.recording import HEALTH_BANDS, Recording
from protogov.experiments.core.tables import num_rows, read_table, select, write_table
from protogov.experiments.core.welfare_box import planes
from protogov.experiments.report.material import read_metrics
from protogov.experiments.training import evaluate
from protogov.experiments.training.measured import OWN_MEANS, RECORDINGS, default_scenarios, make_suites, shown_suite

TINY_WORLD = WorldConfig(episode_hours=48)


def test_a_run_s_folder(trained: RunFolder):
    config = json.loads(trained.config.read_text())
    assert config["seeds"] == [3, 5] and config["total_rollouts"] == 3 and config["scenario"] == "jump"
    assert config["command"].startswith("protogov train tiny --runs ")
    assert config["world"]["randomise_levers"] == 0.25 and config["world"]["stagger"] is True
    assert [lever["name"] for lever in config["agents"]["spread_0"]["levers"]][0] == "half_spread"
    versions = json.loads(trained.versions.read_text())
    assert {"protogov", "commit", "python", "numpy", "torch"} <= versions.keys()
    for seed in (3, 5):
        metrics = read_metrics(trained.path / f"seed_{seed}" / "metrics.csv")
        assert metrics["market_hours"].tolist() == [96.0, 192.0, 288.0]
        assert np.isfinite(metrics["risk_0/over_twin"]).all()
        (checkpoint,) = (trained.path / f"seed_{seed}" / "checkpoints").iterdir()
        assert {f"policy_{agent}.json" for agent in config["agents"]} <= {path.name for path in checkpoint.iterdir()}
    seeds = [read_metrics(trained.path / f"seed_{seed}" / "metrics.csv") for seed in (3, 5)]
    assert (seeds[0]["risk_0/reward"] != seeds[1]["risk_0/reward"]).all()  # other tapes, other weights


def test_one_row_an_episode(evaluated: RunFolder):
    table = read_table(evaluated.episodes)
    sets = {
        ("static", -1),
        ("random", -1),
        ("learned", 3),
        ("learned", 5),
        (OWN_MEANS, 3),
        (OWN_MEANS, 5),
        (YOKED, 3),
        (YOKED, 5),
    }
    found = list(zip(table["governors"].tolist(), table["training_seed"].tolist(), strict=True))
    assert set(found) == sets and all(found.count(one) == 6 for one in sets)
    assert set(table["suite"].tolist()) == {"crash-heldout (validation)", "jump (trained on; fresh tapes)"}
    for name, column in table.items():
        if column.dtype.kind == "f" and not name.startswith("bears/"):  # where nobody is in a group there is no value
            assert np.isfinite(column).all(), name
    np.testing.assert_allclose(sum(table[f"welfare/0/{part}"] for part in PARTS), table["welfare/0"], atol=1e-9)
    # the same from the losses before their weights
    rest, losses, taken = planes(table, PARTS)
    weights = TINY_WORLD.parameters
    welfare = rest - weights.loss_weight * losses - weights.liquidation_weight * taken
    np.testing.assert_allclose(welfare, table["welfare/0"], atol=1e-9)
    assert (losses != 0.0).any() and (taken > 0.0).any()
    risk = table["term/risk_0/reserve_income"] + table["term/risk_0/borrower_surplus"]
    risk -= 1.5 * table["term/risk_0/bad_debt_growth"] + 0.1 * table["term/risk_0/liquidation_cost"]
    risk -= 0.5 * table["term/risk_0/drawdown_growth"]
    np.testing.assert_allclose(risk, table["mandate/risk_0"], atol=1e-9)
    # pairs share their tape
    for scenario in ("crash-heldout", "jump"):
        here = select(table, table["scenario"] == scenario)
        assert len(np.unique(here["price_change"])) == len(np.unique(here["tape_seed"])) == 3


def test_static_episodes_are_the_simulator_s_own(evaluated: RunFolder):
    """Played again by hand, with zero actions, on the seeds that the table names."""
    table = read_table(evaluated.episodes)
    static = select(table, (table["governors"] == "static") & (table["scenario"] == "crash-heldout"))
    world = Simulator(TINY_WORLD, 3, scenario="crash-heldout")
    world.reset(seeds=static["tape_seed"].astype(np.uint64))
    opening_nav = world.worlds["venues"]["last_nav"][:, 0].copy()
    opening_value = world.worlds["venues"]["opening_value"][:, 0].copy()
    welfare, spreads = np.zeros(3), np.zeros(3)
    for _ in range(8):
        step = world.step({agent: np.zeros((3, world.action_size(agent))) for agent in world.agents})
        welfare += step.terms["welfare_0"][:, -1]
        spreads += step.executed["spread_0"][:, 0]
    np.testing.assert_allclose(static["welfare/0"], welfare, rtol=1e-12)
    np.testing.assert_allclose(static["lever/0/half_spread"], spreads / 8, rtol=1e-12)
    gained = (world.worlds["venues"]["last_nav"][:, 0] - opening_nav) / opening_value * 1e4
    np.testing.assert_allclose(static["lp_profit/0"], gained, rtol=1e-9, atol=1e-9)
    assert static["tape_seed"].tolist() == tape_seeds(3).tolist()
    # who bears it: the whales are the largest tenth of those who owed something, and all accounts are all of the part
    for row, venue in enumerate(world.worlds["venues"][:, 0]):
        debt, surplus = venue["account_opening_debt"], venue["account_surplus"]
        order = np.argsort(debt)[-((debt > 0.0).sum() // 10) :]
        own = surplus[order].sum() / debt[order].sum() * 1e4 * 336 / 48
        assert static["bears/0/decile_10"][row] == pytest.approx(own)
        assert static["welfare/0/borrowers"][row] == pytest.approx(surplus.sum() / opening_value[row] * 1e4)


def test_own_means_stand_where_the_learned_governors_stood_on_average(evaluated: RunFolder):
    table = read_table(evaluated.episodes)
    learned = select(table, (table["governors"] == "learned") & (table["training_seed"] == 3))
    own = select(table, (table["governors"] == OWN_MEANS) & (table["training_seed"] == 3))
    about = json.loads(evaluated.evaluation.read_text())
    values = next(s["values"] for s in about["sets"] if s["name"] == OWN_MEANS and s["training_seed"] == 3)
    for lever in ("liquidation_threshold", "half_spread"):
        assert values[lever] == pytest.approx(learned[f"lever/0/{lever}"].mean())
    # the shield's deadband keeps a constant within a quarter of a cap of its target
    assert np.abs(own["lever/0/half_spread"] - values["half_spread"]).max() < 0.25 * values["half_spread"]


def test_evaluation_repeats(evaluated: RunFolder, tmp_path: Path):
    arguments = ["--no-natural", "--scenarios", "crash-heldout", "--episodes", "3", "--no-controls"]
    arguments += ["--out", str(tmp_path)]
    assert main(["evaluate", str(evaluated.path), *arguments]) == 0
    again, before = read_table(tmp_path / "episodes.parquet"), read_table(evaluated.episodes)
    names = np.isin(before["governors"], ["static", "learned"]) & (before["scenario"] == "crash-heldout")
    np.testing.assert_array_equal(again["welfare/0"], before["welfare/0"][names])


def test_an_evaluation_s_options_are_written_resolved(evaluated: RunFolder):
    asked = parse(evaluate.Options, ["--config", str(evaluated.evaluation_options)], "evaluate")
    assert (asked.governors, asked.scenarios) == ((evaluated.path,), ("crash-heldout", "jump"))
    assert (asked.episodes, asked.natural, asked.baselines, asked.out) == (3, False, ("random",), None)
    assert asked.world == evaluate.Options().world  # a run's governors play in the world of their run


def test_an_evaluation_of_an_earlier_version_is_refused(evaluated: RunFolder, tmp_path: Path, capsys):
    folder = RunFolder(tmp_path)
    shutil.copy(evaluated.evaluation, folder.evaluation)
    table = read_table(evaluated.episodes)
    del table["loss/0/latent"]
    write_table(folder.episodes, table)
    assert main(["report", str(tmp_path)]) == 2
    assert "lacks the column 'loss/0/latent'" in capsys.readouterr().err


def test_policy_files_evaluate_without_their_run(evaluated: RunFolder, tmp_path: Path, capsys, undrawn: None):
    policies = sorted((evaluated.path / "seed_3" / "checkpoints").glob("*/policy_*.json"))
    arguments = ["--scenarios", "jump", "--episodes", "2", "--world.episode-hours", "48", "--no-natural"]
    arguments += ["--out", str(tmp_path)]
    assert main(["evaluate", *(str(path) for path in policies), *arguments]) == 0
    assert "no training seeds" in capsys.readouterr().out
    table, run = read_table(tmp_path / "episodes.parquet"), read_table(evaluated.episodes)
    here = select(table, table["governors"] == "learned")
    there = (run["governors"] == "learned") & (run["training_seed"] == 3) & (run["scenario"] == "jump")
    np.testing.assert_allclose(here["welfare/0"], run["welfare/0"][there][:2], rtol=1e-3)
    assert main(["report", str(tmp_path)]) == 0
    assert "nothing was trained here" in (tmp_path / "report.html").read_text()


class Page(HTMLParser):
    """Every tag, and every attribute that could make a browser ask for something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.alts: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        loads = ("src", "href", "srcset", "data", "action", "poster", "xlink:href", "background")
        self.targets += [value or "" for name, value in attrs if name in loads]
        self.alts += [value or "" for name, value in attrs if name == "alt"]

    def handle_data(self, data):
        self.words.append(data)


def read_page(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def test_report_is_self_contained(evaluated: RunFolder):
    page = read_page(evaluated.report)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert all(target.startswith(("data:image/svg+xml;base64,", "#")) for target in page.targets)
    pictures = [target for target in page.targets if target.startswith("data:")]
    assert len(pictures) == len(page.alts) == 12  # 2 suites x 3, dashboard, the pool's profit, levers, three governors
    for picture in pictures:
        svg = base64.b64decode(picture.partition(",")[2]).decode()
        assert "<image" not in svg and "<script" not in svg
        assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', svg))
    text = evaluated.report.read_text(encoding="utf-8")
    assert "@import" not in text and "url(" not in text
    assert "default-src 'none'" in text


def test_report_says_what_was_done(evaluated: RunFolder):
    words = " ".join(" ".join(read_page(evaluated.report).words).split())
    assert "underpowered: 2 training seeds" in words
    assert "Trained on the synthetic scenario “jump” alone: 0.00M market hours per seed, 2 seeds." in words
    assert "crash-heldout (validation)" in words and "jump (trained on; fresh tapes)" in words
    assert "seed 3: 3 of 3 rollouts" in words
    assert json.loads(evaluated.config.read_text())["command"] in words
    about = json.loads(evaluated.evaluation.read_text())
    shown = about["shown"]
    static = select(table := read_table(evaluated.episodes), table["governors"] == "static")
    first = select(static, static["suite"] == "crash-heldout (validation)")
    assert shown["drawdown"] == pytest.approx(first["price_drawdown"].min())
    assert f"Tape {shown['tape_seed'] % 2**40} of crash-heldout" in words


def test_report_of_a_run_that_was_not_evaluated(trained: RunFolder, tmp_path: Path):
    folder = RunFolder(tmp_path / "<script>one & two")
    folder.path.mkdir()
    for name in ("config.json", "versions.json"):
        (folder.path / name).write_bytes((trained.path / name).read_bytes())
    assert main(["report", str(folder.path)]) == 0
    page = read_page(folder.report)
    words = " ".join(page.words)
    assert "Not evaluated yet." in words and "protogov evaluate" in words
    assert "script" not in page.tags and page.words.count("<script>one & two") == 1


def test_simulate_writes_what_happened(tmp_path: Path, capsys):
    arguments = ["--scenario", "crash-heldout", "--seeds", "7", "8", "--world.episode-hours", "240"]
    assert main(["simulate", "random", *arguments, "--out", str(tmp_path)]) == 0
    assert "world 1: 240 h of crash-heldout under random" in capsys.readouterr().out
    recording = Recording.load(tmp_path)
    decisions, hours, events = recording.decisions, recording.hours, recording.events
    assert num_rows(decisions) == 2 * 41 and num_rows(hours) == 2 * 241
    one = select(decisions, decisions["world"] == 0)
    assert one["hour"].tolist() == list(range(0, 241, 6))
    bands = sum(decisions[f"debt_health_{band}"] for band in HEALTH_BANDS)
    np.testing.assert_allclose(bands, decisions["debt"], rtol=1e-9)
    # the oracle's hourly close is the oracle's price where a decision ends
    first = select(hours, hours["world"] == 0)
    np.testing.assert_array_equal(first["oracle_close"][one["hour"]], one["oracle_price"])
    assert np.isfinite(first["oracle_close"]).all()
    # the tape's candles are in dollars, prices in the record in units of the debt asset
    np.testing.assert_allclose(first["close"][one["hour"]], one["tape_price"] * one["peg"], rtol=1e-6)
    # what liquidators repaid is told twice, by the sums and by the events
    repaid = events["repaid"][np.isin(events["kind"], ["liquidation", "bad_debt"]) & (events["world"] == 0)].sum()
    assert repaid == pytest.approx(one["liquidated"].sum(), rel=1e-9) and repaid > 0.0
    # the trees of the events tell the same story as the step's records
    trees = cascades(select(events, events["world"] == 0))
    assert trees["size"].sum() == one["events"].sum() and trees["depth"].max() == one["deepest_generation"].max()
    assert trees["liquidations"].sum() == one["liquidations"].sum()
    assert trees["caused"].sum() == pytest.approx(one["caused"].sum(), rel=1e-9)
    assert (one["liquidation_gain_peak"] >= one["liquidation_gain"])[1:].all() and one["hedge_gain_peak"].max() > 0.0
    # random governors are held back by the shield: executed moves by at most a cap an hour
    assert np.abs(np.diff(one["liquidation_threshold"])).max() <= 6 * 0.005 + 1e-12
    assert set(one["liquidation_threshold_reason"].tolist()) <= {reason.name.lower() for reason in Reason}
    assert len(np.unique(one["liquidation_threshold_proposed"])) > 30
    for name in ("dashboard", "levers"):
        assert (tmp_path / f"{name}.svg").read_text().count("<path") > 50


def test_simulate_writes_csv_of_a_run_s_governors(trained: RunFolder, tmp_path: Path, undrawn: None):
    arguments = ["--format", "csv", "--training-seed", "5", "--against", "None", "--out", str(tmp_path)]
    assert main(["simulate", str(trained.path), *arguments]) == 0
    with (tmp_path / "decisions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9 and rows[0]["decision"] == "0"
    assert float(rows[-1]["debt"]) > 0.0


def test_candles_are_a_suite_of_recordings(evaluated: RunFolder, candles: Path, tmp_path: Path, capsys):
    arguments = ["--no-natural", "--scenarios", str(candles), "--episodes", "3", "--no-controls"]
    arguments += ["--out", str(tmp_path)]
    assert main(["evaluate", str(evaluated.path), *arguments]) == 0
    assert "95% over recordings" in capsys.readouterr().out
    table = read_table(tmp_path / "episodes.parquet")
    assert set(table["scenario"].tolist()) == {"window_1", "window_2"} and table["overlapping"].all()
    about = json.loads((tmp_path / "evaluation.json").read_text())
    learned = about["summary"][0]
    assert learned["unit"] == "recordings" and learned["measures"]["welfare"]["over_tapes"]["n"] == 2
    assert learned["training_seeds"] == [3, 5] and learned["underpowered"]


def test_natural_is_the_headline_wherever_it_is_named(candles: Path):
    names = default_scenarios()
    assert names[:2] == ("natural", "mix") and names[-1] == "crash-heldout" and set(CRISES) == set(names[2:-1])
    suites = make_suites(["jump", str(candles), "natural", "crash-heldout"], 2)
    assert [suite.name for suite in suites] == ["natural", "jump", "crash-heldout (validation)", RECORDINGS]
    assert shown_suite(suites).name == "crash-heldout (validation)"  # the dashboard shows a tape that is held out
    assert shown_suite(suites[:2]).name == "natural"
    assert [suite.name for suite in make_suites(["jump", "calm"], 2)] == ["jump", "calm"]
