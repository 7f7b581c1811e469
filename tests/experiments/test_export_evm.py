"""`protogov export-evm` and `protogov verify`: files, sentences and exit codes."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

from protogov.agents.onchain import extra
from protogov.agents.onchain.distil import Distilled
from protogov.agents.policies import Policy
from protogov.agents.policies.architectures import make_front
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.cli import main
from protogov.experiments.core.play import FIRST_DISTILLING
from protogov.experiments.core.quantised import training_markets
from protogov.experiments.training import imitation
from protogov.experiments.training.learned import find_governors

HAS_EXTRA = find_spec("vyper") is not None and find_spec("pyrevm") is not None
needs_extra = pytest.mark.skipif(not HAS_EXTRA, reason="needs the optional extra: pip install 'protogov[evm]'")


def save_policy(folder, agent="rate_0", inputs=3, activation="relu"):
    rng, sizes = np.random.default_rng(0), (inputs, 4, 1)
    weights = {}
    for index, (ins, outs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        weights[f"layer_{index}.weight"] = rng.normal(size=(outs, ins)).astype(np.float32)
        weights[f"layer_{index}.bias"] = rng.normal(size=outs).astype(np.float32)
    names = ("utilisation", "return_1h", *(f"feature_{index}" for index in range(2, inputs)))
    policy = Policy(agent, names, ("slope2",), (4,), activation, (0.0,), 6.0, weights)
    folder.mkdir(exist_ok=True)
    return policy.save(folder)[0]


def complaint(capsys, code, *arguments):
    assert main([str(argument) for argument in arguments]) == code
    text = capsys.readouterr().err
    assert text.startswith("protogov: ") and text.endswith(".\n") and text.count("\n") == 1, text
    return text


@needs_extra
def test_a_policy_becomes_a_contract_that_verifies(tmp_path, capsys):
    save_policy(tmp_path / "policies", "risk_0")
    save_policy(tmp_path / "policies")
    out = tmp_path / "out"
    arguments = ["export-evm", str(tmp_path / "policies"), "--agent", "rate_0", "--out", str(out)]
    assert main(arguments) == 0
    assert "gas to decide" in capsys.readouterr().out
    about = json.loads((out / "manifest.json").read_text())
    assert about["specification"]["agent"] == "rate_0" and about["policy"] == "policy_rate_0.json"
    assert [one["normalised_by"] for one in about["specification"]["inputs"]] == ["contract", "caller", "caller"]
    assert about["compiler"] == {"name": "vyper", "version": "0.4.3", "evm_version": "cancun", "optimize": "gas"}
    page = (out / "report.md").read_text()
    assert f"| code | {about['code_bytes']:,} bytes |" in page and "| utilisation | contract |" in page
    assert (out / "contract.vy").read_text().startswith("#pragma version 0.4.3\n")
    verify = ["verify", out / "manifest.json", out / "runtime.hex"]
    assert main([str(one) for one in verify]) == 0
    assert about["code_keccak256"] in capsys.readouterr().out
    code = (out / "runtime.hex").read_text().strip()
    (out / "runtime.hex").write_text(code[:-1] + ("0" if code[-1] != "0" else "1"))
    assert "all weights are equal, yet" in complaint(capsys, 1, *verify)
    (out / "runtime.hex").write_text("0xzz")
    assert "holds no code as hexadecimal text" in complaint(capsys, 2, *verify)
    (out / "manifest.json").write_text(json.dumps({**about, "compiler": {"name": "vyper", "version": "0.3.10"}}))
    assert '"0.3.10"' in complaint(capsys, 2, *verify[:2], out / "contract.vy")
    assert "there is no such file" in complaint(capsys, 2, "verify", out / "nothing.json", out / "runtime.hex")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"inputs": 40}, "has 40 inputs; a plain stack of linear layers and ReLU fits, with at most 32 inputs"),
        ({"activation": "tanh"}, "has the activation tanh; a plain stack of linear layers and ReLU fits"),
    ],
)
def test_policies_that_do_not_fit_are_refused(tmp_path, capsys, changes, why):
    path = save_policy(tmp_path, **changes)
    assert why in complaint(capsys, 2, "export-evm", path, "--no-distil", "--out", tmp_path / "out")
    text = complaint(capsys, 2, "export-evm", path, "--out", tmp_path / "out")
    assert "none that fits can imitate it: " in text and "lp_queue" in text and "a plain stack of" in text
    assert not (tmp_path / "out").exists()


def save_large_policy(folder):
    """An mlp of all that a tiny world shows."""
    world = Simulator(WorldConfig(size="tiny", roles=("rate",), decision_hours=6), 1)
    rng, names, levers = np.random.default_rng(0), world.observation_names("rate_0"), world.roles["rate_0"].levers
    weights = {
        "layer_0.weight": rng.normal(scale=0.05, size=(len(levers), len(names))).astype(np.float32),
        "layer_0.bias": np.zeros(len(levers), np.float32),
    }
    folder.mkdir(exist_ok=True)
    return Policy("rate_0", names, levers, (), "relu", None, 6.0, weights).save(folder)[0]


TINY = {"size": "tiny", "roles": "rate", "decision-hours": "6", "episode-hours": "48"}
TINY_WORLD = tuple(part for name, value in TINY.items() for part in (f"--world.{name}", value))


@needs_extra
def test_an_imitation_that_is_not_allowed_is_refused(tmp_path, capsys):
    arguments = ["export-evm", save_large_policy(tmp_path), *TINY_WORLD, "--out", tmp_path / "out"]
    assert "never trained or tuned on" in complaint(capsys, 2, *arguments, "--scenario", "crisis-2020-03")
    assert "tapes is 7" in complaint(capsys, 2, *arguments, "--tapes", "7")
    assert "has 98 inputs; a plain stack" in complaint(capsys, 2, *arguments, "--no-distil")


def save_linear_compact(folder):
    """A compact policy of a tiny world without hidden layers, which compiles fast."""
    world = Simulator(WorldConfig(size="tiny", roles=("rate",), decision_hours=6), 1)
    front, levers = make_front("compact", world.observation_names("rate_0")), world.roles["rate_0"].levers
    rng = np.random.default_rng(1)
    weights = {
        "layer_0.weight": rng.normal(scale=0.3, size=(len(levers), 32)).astype(np.float32),
        "layer_0.bias": np.zeros(len(levers), np.float32),
    }
    policy = Policy("rate_0", front.features, levers, (), "relu", None, 6.0, weights, front=front)
    folder.mkdir(exist_ok=True)
    policy.save(folder)
    return policy


@needs_extra
def test_an_imitation_is_exported_with_its_loss(tmp_path, capsys, monkeypatch):
    """Its network is one made beforehand: how it is fitted is the matter of tests/agents/onchain/test_distil.py."""
    made = Distilled(save_linear_compact(tmp_path / "made"), 96, (0.25, 0.125))
    given, played = [], []

    def distilled(policy, config, scenario, seeds, others):
        given.append((policy.agent, config.size, scenario, seeds))
        return made

    def change(config, market, seeds, before, after):
        played.append((market, type(before["rate_0"]).__name__, type(after["rate_0"]).__name__, seeds))
        return {"before": np.zeros(3), "after": np.array([-3.0, -2.0, -1.0])}

    monkeypatch.setattr(imitation, "distil", distilled)
    monkeypatch.setattr(imitation, "welfare_change", change)
    out, sizes = tmp_path / "out", ["--rounds", "2", "--tapes", "8", "--judged", "3", "--scenario", "jump"]
    path = save_large_policy(tmp_path / "large")
    assert main(["export-evm", str(path), *TINY_WORLD, *sizes, "--out", str(out)]) == 0
    ((agent, size, scenario, learned),) = given
    assert (agent, size, scenario, learned.shape) == ("rate_0", "tiny", "jump", (2, 8))
    assert [one[:3] for one in played] == [
        (market, "PolicyGovernor", "SpecificationGovernor") for market in training_markets()
    ]
    assert learned.ravel().tolist() == [FIRST_DISTILLING + index for index in range(16)]
    assert not set(learned.ravel()) & set(played[0][3]), "judged on tapes that were learned from"
    about = json.loads((out / "manifest.json").read_text())["imitation"]
    assert about["rms_error_by_round"] == [0.25, 0.125] and about["decisions"] == 96 and about["tapes"] == 16
    natural = about["welfare_change_bp"]["natural"]
    assert natural["mean"] == -2 and natural["tapes"] == 3 and natural["mean_low"] < -2 < natural["mean_high"]
    page = " ".join((out / "report.md").read_text().split())
    assert "off by 0.250, 0.125" in page and "natural −2.00 [" in page and "(n = 3)" in page
    assert "Change of W, contract less policy" in capsys.readouterr().out
    assert find_governors([out / "policy_rate_0.json"]).sets and find_governors([out / "manifest.json"]).sets


@pytest.mark.long
@needs_extra
def test_a_policy_that_does_not_fit_is_imitated_and_the_loss_is_stated(tmp_path, capsys):
    out, sizes = tmp_path / "out", ["--rounds", "2", "--tapes", "8", "--judged", "3"]
    path = save_large_policy(tmp_path)
    assert main(["export-evm", str(path), *TINY_WORLD, *sizes, "--out", str(out)]) == 0
    assert "Change of W, contract less policy" in capsys.readouterr().out
    about = json.loads((out / "manifest.json").read_text())["imitation"]
    assert (about["architecture"], about["scenario"], about["tapes"]) == ("compact", "natural", 16)
    assert list(about["welfare_change_bp"]) == list(training_markets())
    assert all(one["low"] <= one["mean"] <= one["high"] for one in _ends(about["welfare_change_bp"]))
    assert "imitates it" in (out / "report.md").read_text()
    # the imitator, alone and as a manifest, is a governor of such a world
    config = WorldConfig(size="tiny", roles=("rate",), decision_hours=6)
    for name in ("policy_rate_0.json", "manifest.json"):
        sets = find_governors([out / name]).sets
        assert list(sets[0].make(config)) == ["rate_0"]


def _ends(changes):
    return [{"mean": one["mean"], "low": one["mean_low"], "high": one["mean_high"]} for one in changes.values()]


def test_an_agent_that_is_not_there_is_named(tmp_path, capsys):
    save_policy(tmp_path)
    save_policy(tmp_path, "risk_0")
    for given in ([], ["--agent", "options_0"]):
        text = complaint(capsys, 2, "export-evm", tmp_path, "--out", tmp_path / "out", *given)
        assert "holds policies of rate_0, risk_0" in text
    path = tmp_path / "policy_rate_0.json"
    assert "lanes is 3" in complaint(capsys, 2, "export-evm", path, "--lanes", "3", "--out", tmp_path / "out")
    assert "training_seed is 7" in complaint(
        capsys, 2, "export-evm", path, "--training-seed", "7", "--out", tmp_path / "out"
    )


def test_without_the_extra_both_commands_say_what_to_install(tmp_path, capsys, monkeypatch):
    def missing(name):
        raise extra.PackageNotFoundError(name)

    def too_early(*arguments, **options):
        raise AssertionError("tapes were played for a contract that cannot be compiled")

    monkeypatch.setattr(extra, "version", missing)
    monkeypatch.setattr(imitation, "imitated", too_early)
    for path, world in ((save_policy(tmp_path), ()), (save_large_policy(tmp_path / "large"), TINY_WORLD)):
        text = complaint(capsys, 2, "export-evm", path, *world, "--out", tmp_path / "out")
        assert "vyper is not installed" in text and "pip install 'protogov[evm]'" in text


def test_another_compiler_is_refused(monkeypatch):
    monkeypatch.setattr(extra, "version", lambda name: "0.4.2")
    monkeypatch.setattr(extra, "import_module", lambda name: extra)
    with pytest.raises(extra.ExtraMissing, match=r"vyper is 0\.4\.2; compiling needs 0\.4\.3 alone"):
        extra.need("vyper.compiler", "compiling")
