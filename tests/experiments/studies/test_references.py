"""References for every id: worlds are those of Gymnasium, what is kept is not played again, a loss is called one."""

import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from protogov.agents.policies.policy import load_policy_file
from protogov.agents.policies.policy_governor import PolicyGovernor
from protogov.agents.ppo import Trainer
from protogov.envs.gymnasium_env import IDS
from protogov.envs.sizes import SIZES
from protogov.experiments.core.command_line import parse
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.play import EVALUATION_SEEDS, tape_seeds
from protogov.experiments.core.study import Found, redraw, run_study
from protogov.experiments.core.tables import Table, columns, read_csv
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.references import STUDY, learning
from protogov.experiments.studies.references.learning import (
    Learning,
    Still,
    learn,
    play_defaults,
    points_of,
    training_world,
    world_of,
)
from protogov.experiments.studies.references.numbers import curve_of, hours_of, reference_of, size_of, verdict
from protogov.experiments.studies.references.pages import train_command
from protogov.experiments.studies.references.study import Options, chosen_ids, command_of
from protogov.experiments.training import train
from protogov.experiments.training.run_config import evaluation_world
from protogov.experiments.training.seed import SeedJob, train_seed

TINY = "protogov/TinyRates-v0"
SMALL = Options(ids=(TINY,), market_hours=2000.0, seeds=1, tapes=3, points=2, worlds=4, jobs=1)  # 400 hours: 4 rollouts


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of known speed, whose loop need not be compiled."""
    monkeypatch.setattr(learning, "reference_rate", lambda: 1000.0)


@pytest.mark.parametrize("name", [TINY, "protogov/TinyJoint-v0"])
def test_the_defaults_get_what_gymnasium_counts(name: str) -> None:
    envs = gym.make_vec(name, num_envs=3)
    envs.reset(seed=EVALUATION_SEEDS)
    rewards, welfare = np.zeros(3), np.zeros(3)
    for _ in range(48):
        _, reward, _, truncated, infos = envs.step(np.zeros(envs.action_space.shape))
        rewards, welfare = rewards + reward, welfare + infos["welfare"]
    assert truncated.all()
    config, scenario = world_of(name)
    found = play_defaults(config, Still(scenario, 3))
    np.testing.assert_allclose(found["return"], rewards, rtol=1e-12)
    np.testing.assert_allclose(found["welfare"], welfare, rtol=1e-12)
    assert np.ptp(found["return"]) > 0.0


@pytest.mark.parametrize("name", IDS)
def test_train_learns_on_the_same_world_from_the_same_hours(name: str) -> None:
    config, scenario = world_of(name)
    facts = {"market_hours": 1e6, "seeds": 2, "worlds": 256}
    options = parse(train.Options, shlex.split(train_command(name, facts))[2:], "protogov train")
    run = train.configure(options, "")
    (learner,) = run.world.learners()
    role = config.roles[learner.role.name]
    assert learner.name == f"{role.name}_0" and learner.role == role
    assert role.levers == SIZES[size_of(name)].known_roles()[IDS[name]["role"]].levers
    nobody = {f"{role.name}_1": None} if config.venues == 2 else {}
    assert replace(run.world, background=nobody) == training_world(config)
    assert evaluation_world(training_world(config)) == config
    assert (run.scenario, run.seeds, run.num_worlds) == (scenario, (0, 1), 256)
    assert run.market_hours == hours_of(name, 1e6) == {"rivals": 5e5, "tiny": 2e5}.get(size_of(name), 1e6)


def test_a_curve_ends_with_the_policy_that_train_keeps(tmp_path: Path) -> None:
    config, scenario = world_of(TINY)
    found = learn(training_world(config), Learning(scenario, 1, 400.0, 4, 2, 3))
    assert found["market_hours"].tolist() == [0] * 3 + [224] * 3 + [448] * 3  # a rollout is 4 worlds, 28 hours
    words = ["x", "--world.size=tiny", "--world.roles=rate", "--market-hours=400", "--worlds=4", "--seeds", "1"]
    run = train.configure(parse(train.Options, words, "protogov train"), "")
    train_seed(SeedJob(run, 1, tmp_path), lambda progress: None, lambda: False)
    (file,) = (tmp_path / "checkpoints").glob("*/policy_rate_0.json")
    governor = PolicyGovernor(load_policy_file(file))
    played = evaluate(config, scenario, tape_seeds(3), {"rate_0": governor})
    np.testing.assert_array_equal(found["welfare"][-3:], played["welfare/0"])
    assert not np.array_equal(found["welfare"][:3], found["welfare"][-3:])
    assert (np.diff(found["cpu_seconds"][::3]) > 0).all() and set(found["reference_rate"]) == {1000.0}


def test_a_run_goes_on_from_what_is_kept_and_its_page_is_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = replace(SMALL, out=tmp_path)
    run_study(STUDY, first, "protogov study references")
    # one seed shows nothing, however well it does
    assert "above that of the defaults on 0 of 1 ids" in capsys.readouterr().out
    seeds: list[int] = []
    learned = Trainer.run
    monkeypatch.setattr(Trainer, "run", lambda self, **how: (seeds.append(self.seed), learned(self, **how)))
    run_study(STUDY, first, "protogov study references")
    assert seeds == []
    run_study(STUDY, replace(first, seeds=2), "protogov study references")
    assert set(seeds) == {1}
    curves, references = read_csv(tmp_path / "curves_tiny.csv"), read_csv(tmp_path / "references.csv")
    assert curves["seed"].tolist() == [0, 0, 0, 1, 1, 1] and curves["market_hours"].tolist() == [0, 224, 448] * 2
    last = curves["return_gain"][[2, 5]]
    assert references["return_gain"][0] == pytest.approx(last.mean(), rel=1e-3)
    assert references["command"][0] == command_of(TINY, replace(first, seeds=2))
    page = (tmp_path / "README.md").read_text()
    redraw(STUDY, tmp_path)
    assert (tmp_path / "README.md").read_text() == page
    assert "| TinyRates | 0.000448 | 4 |" in page and f"--ids {TINY} --market-hours 2000 --seeds 2 --tapes 3" in page
    assert (tmp_path / "references.png").is_file()


def played(gains: np.ndarray) -> list[Table]:
    """What `learn` returns for gains F64[seeds, tapes] over defaults of 0, after 100 hours and none."""
    tapes = np.tile(np.arange(gains.shape[1]), 2)
    hours = np.repeat([0.0, 100.0], gains.shape[1])
    times = {"seconds": 2.0 * hours, "cpu_seconds": hours, "reference_rate": np.full(len(tapes), 7.0),
             "rollout": np.where(hours > 0, 3, 0)}  # fmt: skip
    return [
        {"market_hours": hours, "tape": tapes, "return": np.concatenate([0 * gain, gain]),
         "welfare": np.concatenate([0 * gain, 3 * gain]), **times}
        for gain in gains
    ]  # fmt: skip


def row_of(gains: np.ndarray) -> dict:
    zeros = np.zeros(gains.shape[1])
    return reference_of(TINY, played(gains), {"tape": np.arange(len(zeros)), "return": zeros, "welfare": zeros})


def found_of(gains: np.ndarray) -> Found:
    zeros = np.zeros(gains.shape[1])
    defaults = {"tape": np.arange(len(zeros)), "return": zeros, "welfare": zeros}
    curves = [row for seed, one in enumerate(played(gains)) for row in curve_of(TINY, seed, one, defaults)]
    row = row_of(gains) | {"command": command_of(TINY, SMALL)}
    facts = {"seeds": len(gains), "tapes": gains.shape[1], "worlds": 4, "market_hours": 100.0,
             "steps": 28, "scenarios": ["jump"], "shares": {"rivals": 0.5, "tiny": 0.2}}  # fmt: skip
    return Found({"references": columns([row]), "curves_tiny": columns(curves)}, facts)


def test_intervals_are_those_of_seeds_and_of_tapes() -> None:
    row = row_of(np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 8.0]]))
    # means of seeds 3 and 5: sd sqrt(2), error 1, t(1) = 12.706; means of tapes 2, 3, 7: sd 2.6458, t(2) = 4.3027
    assert row["return_gain"] == row["return"] == 4.0 and row["welfare_gain"] == 12.0
    assert (row["return_gain_low"], row["return_gain_high"]) == pytest.approx((4 - 12.706, 4 + 12.706), abs=1e-3)
    assert row["return_gain_by_tape_high"] == pytest.approx(4 + 4.3027 * 2.6458 / 3**0.5, abs=1e-3)
    assert (row["seconds"], row["cpu_seconds"], row["hours_per_cpu_second"], row["updates"]) == (200.0, 100.0, 1.0, 3)


def test_a_loss_is_called_one_and_luck_is_no_gain() -> None:
    random = np.random.default_rng(0)
    clear = 1.0 + 0.1 * random.standard_normal((5, 64))
    assert verdict(row_of(clear)) == "better" and STUDY.judge(found_of(clear)).sentences[1:] == ()
    said = STUDY.judge(found_of(-clear)).sentences
    assert "on 0 of 1 ids" in said[0] and said[1].startswith(f"{TINY}: worse, return \N{MINUS SIGN}")
    assert said[2] == f"W falls on {TINY}."
    assert f"- {said[1]}" in STUDY.page(found_of(-clear), STUDY.judge(found_of(-clear)))
    # all seeds had the same luck with their tapes; seeds that do not agree
    tapes = np.tile(0.5 + 8.0 * random.standard_normal(64), (5, 1)) + 0.01 * random.standard_normal((5, 64))
    seeds = np.array([3.0, -2.0, 3.0, -2.0, 3.0])[:, None] + 0.1 * random.standard_normal((5, 64))
    for gains in (tapes, seeds):
        assert gains.mean() > 0.3 and verdict(row_of(gains)) == "no difference shown"
    assert verdict(row_of(np.zeros((5, 64)))) == "plays the defaults"
    assert row_of(tapes)["return_gain_low"] > 0.0 and row_of(seeds)["return_gain_by_tape_low"] > 0.0


def test_points_are_even_and_the_last_one_is_the_end() -> None:
    assert points_of(12, 8) == [0, 2, 3, 5, 6, 8, 9, 11, 12]
    assert points_of(2, 8) == [0, 1, 2] and points_of(5, 1) == [0, 5]


def test_ids_are_those_named_or_those_of_the_sizes() -> None:
    assert chosen_ids(Options()) == tuple(IDS)
    assert {size_of(name) for name in chosen_ids(Options(sizes=("core",)))} == {"core"}
    assert chosen_ids(Options(ids=(TINY, TINY), sizes=("core",))) == (TINY,)
    assert command_of(TINY, Options()) == f"protogov study references --ids {TINY}"


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"ids": ("protogov/Rates",)}, "ids holds 'protogov/Rates'"), ({"sizes": ("huge",)}, "sizes holds 'huge'"),
     ({"ids": (), "sizes": ()}, "sizes is empty"), ({"market_hours": 0.0}, "market-hours is 0"),
     ({"tapes": 1}, "tapes is 1"), ({"seeds": 0}, "seeds is 0"), ({"points": 0}, "points is 0"),
     ({"worlds": 0}, "worlds is 0")],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused(changed: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        STUDY.measure(replace(SMALL, **changed), HERE)


@pytest.mark.long
def test_a_rival_of_constants_is_the_same_as_nobody() -> None:
    config, scenario = world_of("protogov/RivalsRates-v0")
    constant = replace(config, background={"rate_1": "constant"})
    for name, values in play_defaults(config, Still(scenario, 2)).items():
        np.testing.assert_array_equal(values, play_defaults(constant, Still(scenario, 2))[name])


@pytest.mark.long
def test_the_example_prints_a_curve() -> None:
    script = Path(__file__).parents[3] / "examples" / "sb3" / "reference.py"
    done = subprocess.run([sys.executable, str(script), TINY, "2e4"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("14,336 market hours: return ") and done.stdout.count("over the defaults") == 2
