"""Sizes, own roles and own rewards on the command line: typed, refused, written into a run's config, played again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.experiments.cli import main
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.governors import baseline
from protogov.experiments.core.tables import read_table
from protogov.experiments.errors import BadInput
from protogov.experiments.training.learned import find_governors
from protogov.experiments.training.run_config import describe_agents, evaluation_world

ROLES = {
    "rate_desk": ("base_rate", "slope1", "slope2", "optimal_utilisation"),
    "quoter": ("half_spread", "hedge_ratio"),
}
WEIGHTS = {"edge": 1.0, "hedging_cost": -1.0, "daily_sd": 2.0}
TYPED = [
    "--world.size", "tiny",
    "--world.roles", *(f"{name}={','.join(levers)}" for name, levers in ROLES.items()),
    "--world.mandates", "quoter=edge:1,hedging_cost:-1,daily_sd:2", "rate_desk=welfare",
]  # fmt: skip


def world(**fields: Any) -> WorldConfig:
    return WorldConfig(size="tiny", roles=ROLES, mandates={"quoter": WEIGHTS}, **fields)


# ---------------------------------------------------------------- what is typed


def test_what_is_typed_is_the_same_configuration() -> None:
    roles = tuple(f"{name}={','.join(levers)}" for name, levers in ROLES.items())
    asked = WorldOptions(size="tiny", roles=roles, mandates=("quoter=edge:1, hedging_cost:-1,daily_sd:2",))
    assert asked.make() == world()
    assert WorldOptions(mandates=("profit",)).make() == WorldConfig(mandates="profit")
    assert WorldOptions(mandates=("rate=profit", "risk=lockup:-1")).make() == WorldConfig(
        mandates={"rate": "profit", "risk": {"lockup": -1.0}}
    )
    assert WorldOptions(size="core", roles=("joint",)).make() == WorldConfig(size="core", roles=("joint",))
    assert WorldOptions(size="rivals", episode_hours=24).make() == WorldConfig(size="rivals", episode_hours=24)
    assert WorldOptions().make() == WorldConfig()
    small = WorldOptions(size="tiny", parameters=("gas_cost=1",)).make()
    assert small == WorldConfig(size="tiny").with_parameters(gas_cost=1.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": "huge"}, "size = 'huge' must be one of full, core, rivals, tiny"),
        ({"roles": ("a=base_rate", "rate")}, "--world.roles 'rate' must read name=lever,lever as the others do"),
        ({"roles": ("a=base_rate", "a=slope1")}, "--world.roles names the role 'a' twice"),
        ({"roles": ("a=base",)}, "role 'a' names 'base', known levers are base_rate"),
        (
            {"mandates": ("profit", "rate=profit")},
            "'profit' must read role=preset or role=term:weight",
        ),
        ({"mandates": ("rate=profit", "rate=welfare")}, "--world.mandates names the role 'rate' twice"),
        ({"mandates": ("rate=edge:much",)}, "gives edge of rate the weight 'much'; a number is accepted"),
        ({"mandates": ("rate=profits",)}, r"mandates\['rate'\] = 'profits' must be one of mandate, profit, welfare"),
        ({"reward_fn": "nowhere:fn"}, "reward_fn = 'nowhere:fn' cannot be imported"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        WorldOptions(**options).make()


def test_studies_that_set_all_levers_say_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["tune", "--world.roles", "rate", "risk", "--out", str(tmp_path / "out")]) == 2
    assert "tune sets all levers, and no role of this world holds half_spread" in capsys.readouterr().err
    assert main(["study", "audit", "balance", "--world.size", "core", "--out", str(tmp_path / "out")]) == 2
    assert "audit sets all levers" in capsys.readouterr().err


# ---------------------------------------------------------------- what is done with it


def test_a_run_of_own_roles_learns_is_written_down_and_played_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_stranger.py").write_text("def reward(step, agent):\n    return step.rewards[agent] - 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    typed = [*TYPED, "--world.reward-fn", "a_stranger:reward"]
    small = ["--worlds", "4", "--market-hours", "96", "--ppo.num-steps", "12", "--ppo.batch-size", "24"]
    assert main(["train", "own", "--runs", str(tmp_path), *small, *typed]) == 0
    data = json.loads((tmp_path / "own" / "config.json").read_text())["world"]
    assert data["size"] == "tiny" and data["reward_fn"] == "a_stranger:reward"
    assert data["roles"]["quoter"]["levers"] == ["half_spread", "hedge_ratio"]
    found = find_governors([tmp_path / "own"])
    assert found.config is not None and evaluation_world(found.config.world) == world(reward_fn="a_stranger:reward")
    described = describe_agents(found.config.world)
    assert list(described) == ["rate_desk_0", "quoter_0"] and described["quoter_0"]["daily_sd"] == 2.0
    # a policy's own name holds an underscore, and it governs its own agent alone
    policies = sorted(path.name for path in (tmp_path / "own").rglob("policy_*.json"))
    assert set(policies) == {"policy_rate_desk_0.json", "policy_quoter_0.json"}
    recorded = tmp_path / "recorded"
    assert main(["simulate", str(tmp_path / "own"), "--out", str(recorded), "--seeds", "7"]) == 0
    decisions = read_table(next(recorded.rglob("decisions.parquet")))
    assert {"mandate_rate_desk", "mandate_quoter", "welfare"} <= set(decisions)
    capsys.readouterr()
    policy = next((tmp_path / "own").rglob("policy_quoter_0.json"))
    assert main(["simulate", str(policy), "--out", str(tmp_path / "other"), "--world.size", "tiny"]) == 2
    assert "quoter_0" in capsys.readouterr().err


def test_baselines_fill_the_roles_whose_levers_they_know() -> None:
    config = world()
    chosen = baseline("pi+random", config)
    assert chosen.sources["rate_desk_0"] == "pi+random" and chosen.sources["quoter_0"] == "random"
    alone = baseline("rate_desk=pi", config)
    assert alone.sources == {"rate_desk_0": "pi"}
    with pytest.raises(BadInput, match="baseline 'steward_var' cannot govern as any of rate_desk_0, quoter_0"):
        baseline("steward_var", config)
    table = evaluate(config, "jump", np.arange(2, dtype=np.uint64), alone.make(config))
    terms = ("edge", "hedging_cost")
    own = sum(WEIGHTS[name] * table[f"term/quoter_0/{name}"] for name in terms)
    assert table["mandate/quoter_0"] == pytest.approx(own) and (own != 0.0).any()
    assert table["mandate/rate_desk_0"] == pytest.approx(table["welfare/0"])
    parts = [values for name, values in table.items() if name.startswith("welfare/0/")]
    assert table["welfare/0"] == pytest.approx(sum(parts))
