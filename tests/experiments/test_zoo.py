"""`protogov zoo`: the list, and entries made of a run and of a pricer; its names wherever governors are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.ppo.start import find_start
from protogov.agents.pricing.learned import load_pricer_file
from protogov.agents.zoo import entries, zoo_policies
from protogov.agents.zoo.entries import read_entry
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.cli import main
from protogov.experiments.commands import zoo, zoo_pricer
from protogov.experiments.commands.export_evm import Options as ExportOptions
from protogov.experiments.commands.export_evm import pricer_path
from protogov.experiments.core.governors import GovernorSet, baseline
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.training.learned import find_governors
from protogov.experiments.training.open_test import describe
from protogov.experiments.training.validation import ValidationOptions


@pytest.fixture
def one_market(monkeypatch):
    """Validation on one market: the others are played alike."""
    chosen = ValidationOptions.chosen
    monkeypatch.setattr(ValidationOptions, "chosen", lambda self: chosen(self)[:1])


def test_the_list_has_every_name(capsys):
    assert main(["zoo"]) == 0
    shown = capsys.readouterr().out
    for name, entry in entries().items():
        assert f"zoo/{name}" in shown
        assert all(f"zoo/{name}-{seed}" in shown for seed in entry.seeds if entry.kind == "governors")


def test_a_run_becomes_an_entry(trained: RunFolder, one_market, tmp_path, capsys):
    arguments = [str(trained.path), "--name", "small", "--about", "a test", "--tapes", "2", "--out", str(tmp_path)]
    assert main(["zoo", *arguments]) == 0
    entry = read_entry(tmp_path / "small")
    assert entry.seeds == (3, 5) and entry.manifest["about"] == "a test" and entry.manifest["scenario"] == "jump"
    scores = {seed: row["mean"] for seed, row in entry.manifest["validation"]["by_seed"].items()}
    assert entry.chosen == int(max(scores, key=scores.get)) and scores["3"] != scores["5"]
    assert entry.manifest["validation"]["beside"]["tuned"]["mean"] not in scores.values()
    for seed in (3, 5):
        last = find_governors([trained.path]).sets[(3, 5).index(seed)]
        for agent, path in entry.policies(seed).items():
            assert path.read_bytes() == Path(last.sources[agent]).read_bytes()
    # the seed is chosen on tapes that no training is stopped on
    assert entry.manifest["validation"]["first_tape"] == zoo.FIRST_CHOOSING
    capsys.readouterr()
    for given, why in {
        tuple(arguments): "small: exists; another name is accepted",
        (*arguments[:1], "--name", "A/b", "--out", str(tmp_path)): "name is 'A/b'; small letters, digits and _",
        (str(trained.path), "--name", "b"): "out is missing",
        (*arguments, "--name", "b", "--pricer", "chain"): "pricer is 'chain' and RUN is",
        (*arguments, "--name", "b", "--policies", "best"): "has no best policies",
    }.items():
        assert main(["zoo", *given]) == 2
        assert why in capsys.readouterr().err


@pytest.mark.long
def test_a_pricer_becomes_an_entry(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo_pricer, "TRAINING", ("gbm", "jump"))
    monkeypatch.setattr(zoo_pricer, "UNSEEN", ("crash-heldout",))
    sizes = ["--learn", "4", "--tapes", "4", "--epochs", "2"]
    assert main(["zoo", "--pricer", "prices", "--name", "small", *sizes, "--out", str(tmp_path)]) == 0
    entry = read_entry(tmp_path / "small")
    assert entry.kind == "pricer" and entry.named() == {}
    assert load_pricer_file(tmp_path / "small" / "pricer_small.json").shape.generation == "compact"
    (score,) = entry.manifest["validation"]["by_scenario"].values()
    assert score["mean_low"] < score["mean"] < score["mean_high"] and entry.manifest["market_hours"] == 2 * 4 * 336


def test_a_name_is_taken_wherever_governors_are():
    found = find_governors([Path("zoo/compact")])
    assert found.world == WorldConfig.from_dict(entries()["compact"].manifest["world"])
    assert {agent: Path(path) for agent, path in found.sets[0].sources.items()} == zoo_policies("zoo/compact")
    assert found.sets[0].training_seed == entries()["compact"].chosen
    world = WorldConfig()
    named = baseline("zoo/compact", world)
    assert set(named.sources.values()) == {"zoo/compact"} and named.sources.keys() == {"rate_0", "risk_0", "spread_0"}
    digests = describe([named])[0]["files"]
    assert len(digests) == 6 and digests.keys() >= {"zoo/compact/policy_rate_0.safetensors"}
    mixed = baseline("tuned+rate=zoo/compact", world)
    assert mixed.sources["rate_0"] == "tuned+zoo/compact" and mixed.sources["risk_0"] == "tuned"
    acted = []
    for sources in (mixed.sources, {**mixed.sources, "rate_0": str(zoo_policies("zoo/compact")["rate_0"])}):
        one = Simulator(world, 2)
        one.reset(seeds=3)
        acted.append(GovernorSet("one", 0, sources).make(world)["rate_0"].act(one.view("rate_0")))
    assert np.array_equal(*acted)


def test_learning_starts_at_a_name():
    world = Simulator(WorldConfig(), 1)
    start = find_start(PPOSettings(start="zoo/compact", architecture="compact"), world, "risk_0")
    assert start.policy is not None and start.policy.agent == "risk_0" and start.incumbent is not None


def test_a_contract_is_made_of_a_pricers_name(tmp_path):
    pricer = next((name for name, entry in entries().items() if entry.kind == "pricer"), None)
    assert pricer is not None
    found = pricer_path(ExportOptions(policy=f"zoo/{pricer}", out=tmp_path))
    assert found == entries()[pricer].folder / f"pricer_{pricer}.json"
    assert pricer_path(ExportOptions(policy=str(found), out=tmp_path)) == found
    assert pricer_path(ExportOptions(policy="zoo/compact", out=tmp_path)) is None
