"""`protogov export-evm` and `protogov verify`: files, sentences and exit codes."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

from protogov.agents.onchain import extra
from protogov.agents.policies import Policy
from protogov.experiments.cli import main

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
    assert why in complaint(capsys, 2, "export-evm", path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


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

    monkeypatch.setattr(extra, "version", missing)
    path = save_policy(tmp_path)
    text = complaint(capsys, 2, "export-evm", path, "--out", tmp_path / "out")
    assert "vyper is not installed" in text and "pip install 'protogov[evm]'" in text


def test_another_compiler_is_refused(monkeypatch):
    monkeypatch.setattr(extra, "version", lambda name: "0.4.2")
    monkeypatch.setattr(extra, "import_module", lambda name: extra)
    with pytest.raises(extra.ExtraMissing, match=r"vyper is 0\.4\.2; compiling needs 0\.4\.3 alone"):
        extra.need("vyper.compiler", "compiling")
