"""Validation while training: on markets of its split, on tapes of its own; the best policies can be played."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import scenario_names
from protogov.envs.scenarios.seal import opened
from protogov.experiments.cli import main
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.fresh_tapes import FIRST_PICKING, FIRST_VALIDATING
from protogov.experiments.core.governors import STATIC, baseline
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.play import FIRST_SCORING
from protogov.experiments.errors import BadInput
from protogov.experiments.training import train
from protogov.experiments.training.learned import latest, learned_sets
from protogov.experiments.training.run_config import RunConfig, evaluation_world
from protogov.experiments.training.seed import Progress, SeedJob, train_seed
from protogov.experiments.training.validation import ValidationOptions, ValidationTapes

SHORT = WorldConfig(episode_hours=48, roles=("rate",))
VALIDATED = ["--world.roles", "rate", "--validation.every", "2", "--validation.episodes", "2",
             "--validation.scenarios", "crash-heldout"]  # fmt: skip


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "validation.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_gains_are_paired_differences_of_w_on_tapes_of_their_own():
    names = ("crash-heldout", "crisis-2020-03")
    tapes = ValidationTapes(SHORT, ValidationOptions(every=1, scenarios=names, episodes=3))
    still, other = (baseline(name, SHORT).make(SHORT) for name in (STATIC, "random"))
    assert not tapes.gains(still).by_tape.any()
    gains = tapes.gains(other)
    seeds = np.arange(FIRST_VALIDATING, FIRST_VALIDATING + 3, dtype=np.uint64)
    expected = [
        evaluate(SHORT, name, seeds, other)["welfare/0"] - evaluate(SHORT, name, seeds, still)["welfare/0"]
        for name in names
    ]
    np.testing.assert_allclose(gains.by_tape, np.mean(expected, axis=0), rtol=1e-12)
    assert gains.by_tape.std() > 0
    assert gains.by_scenario == pytest.approx(dict(zip(names, map(np.mean, expected), strict=True)))
    assert FIRST_PICKING + 2**17 < FIRST_VALIDATING < FIRST_SCORING


def test_two_venues_count_by_their_capital():
    """A venue of a quarter of the other's deposits: W of both in USD over their K0 together."""
    pair = WorldConfig(size="tiny", venues=2, episode_hours=12, venue_overrides=({}, {"supply_size": 2.5e7}))
    names = ("crash-heldout",)
    tapes = ValidationTapes(pair, ValidationOptions(every=1, scenarios=names, episodes=2))
    still, other = (baseline(name, pair).make(pair) for name in (STATIC, "random"))
    seeds = np.arange(FIRST_VALIDATING, FIRST_VALIDATING + 2, dtype=np.uint64)
    before, after = (evaluate(pair, names[0], seeds, one) for one in (still, other))
    capital = [before[f"opening_value/{v}"] for v in (0, 1)]
    gained = [after[f"welfare/{v}"] - before[f"welfare/{v}"] for v in (0, 1)]
    dollars = sum(gain * k0 for gain, k0 in zip(gained, capital, strict=True))
    found = tapes.gains(other).by_tape
    np.testing.assert_allclose(found, dollars / sum(capital), rtol=1e-9)
    assert (np.abs(found / np.mean(gained, axis=0) - 1.0) > 0.01).all()  # not their plain mean


def test_all_of_the_split_are_played_unless_some_are_chosen():
    names = [scenario.name for scenario in ValidationOptions(every=1).chosen()]
    assert tuple(names) == scenario_names("validation")
    (sum_,) = ValidationOptions(every=1, scenarios=("crash-heldout + pool-drain",)).chosen()
    assert sum_.split == "validation"


@pytest.mark.parametrize("name", ["jump", "flat", "natural + pool-drain"])
def test_other_splits_are_refused(name: str):
    with pytest.raises(BadInput, match="which is not of the split validation; crash-heldout"):
        ValidationOptions(every=1, scenarios=(name,)).chosen()


def test_the_sealed_test_stays_sealed_and_is_refused_when_it_is_open():
    name = scenario_names("test")[0]
    for asked in (name, f"{name} + pool-drain"):
        with pytest.raises(BadInput, match=f"'{name}' belongs to the sealed test"):
            ValidationOptions(every=1, scenarios=(asked,)).chosen()
        with opened(), pytest.raises(BadInput, match="which is not of the split validation"):
            ValidationOptions(every=1, scenarios=("crash-heldout", asked)).chosen()


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (["--validation.patience", "2"], "validation patience is given without --validation.every"),
        (
            ["--validation.every", "1", "--validation.episodes", "1"],
            "validation episodes is 1; a whole number of at least 2",
        ),
        (["--validation.every", "1", "--validation.scenarios", "jump"], "which is not of the split validation"),
        (["--curriculum", "calm"], "curriculum holds 'calm'; SCENARIO=SHARE is accepted"),
        (["--curriculum", "calm=0"], "with a share between 0 and 1"),
        (["--curriculum", "calm=.5", "jump=.5"], "shares that leave some hours for --scenario are accepted"),
        (["--curriculum", "crash-heldout=.5"], "is of the split 'validation' and is never trained"),
    ],
)
def test_what_cannot_be_is_one_sentence(typed: list[str], reason: str, tmp_path: Path, capsys):
    assert main(["train", "x", "--runs", str(tmp_path), *typed]) == 2
    said = capsys.readouterr().err
    assert reason in said and said.startswith("protogov: ") and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def validated(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Three rollouts from calm to jump; every second one and the last are validated."""
    runs = tmp_path_factory.mktemp("validated")
    options = ["--market-hours", "288", "--curriculum", "calm=.4", *VALIDATED, *tiny]
    assert main(["train", "seen", "--runs", str(runs), *options]) == 0
    return RunFolder(runs / "seen")


def test_the_best_policies_of_a_run_can_be_played(validated: RunFolder, capsys):
    config = train.run_to_resume(validated)
    assert config.trained_on == ("calm", "jump") and config.validation.every == 2
    rows = curve(validated.path)
    assert [row["rollout"] for row in rows] == ["0", "2", "3"]
    assert [float(row["market_hours"]) for row in rows] == [0.0, 192.0, 288.0]
    assert all(float(row["gain/crash-heldout"]) == float(row["gain"]) for row in rows)
    (best,), (last,) = (learned_sets(validated, config, best=chosen) for chosen in (True, False))
    place = latest(validated.path)
    assert place is not None and Path(best.sources["rate_0"]).parent == place / "best"
    assert Path(last.sources["rate_0"]).parent == place
    arguments = ["--no-natural", "--scenarios", "jump", "--episodes", "2", "--no-controls"]
    assert main(["evaluate", str(validated.path), "--policies", "best", *arguments]) == 0
    assert "jump (trained on; fresh tapes)" in capsys.readouterr().out
    # what validation said of the best is what their files say
    tapes = ValidationTapes(evaluation_world(config.world), config.validation)
    gain = tapes.gains(best.make(evaluation_world(config.world))).by_tape.mean()
    assert gain == pytest.approx(max(float(row["gain"]) for row in rows), rel=1e-6)


def test_a_report_says_what_was_learned_on_in_which_order(validated: RunFolder, tmp_path: Path):
    folder = RunFolder(tmp_path / "seen")
    folder.path.mkdir()
    for name in ("config.json", "versions.json"):  # and nothing that would be drawn
        (folder.path / name).write_bytes((validated.path / name).read_bytes())
    assert main(["report", str(folder.path)]) == 0
    assert "scenarios “calm”, then “jump”:" in " ".join(folder.report.read_text(encoding="utf-8").split())


def test_where_there_are_no_best_ones_they_are_refused(validated: RunFolder, trained: RunFolder, capsys):
    for place, reason in (
        (trained.path, "has no best policies"),
        (latest(validated.path), "only the folder of a run has"),
    ):
        assert main(["evaluate", str(place), "--policies", "best"]) == 2
        assert reason in capsys.readouterr().err


def test_an_interrupted_run_goes_on_with_its_curve_and_stage(validated: RunFolder, tmp_path: Path):
    config = train.run_to_resume(validated)
    told: list[Progress] = []
    first = train_seed(SeedJob(config, 0, tmp_path), told.append, lambda: True)
    assert first.rollout == 1 and not first.finished
    second = train_seed(SeedJob(config, 0, tmp_path, resume=True), told.append, lambda: False)
    assert second.finished and not second.stopped and second.best_rollout in (0, 2, 3)
    assert curve(tmp_path) == curve(validated.path)
    ours, theirs = latest(tmp_path), latest(validated.path)
    assert ours is not None and theirs is not None
    for name in ("policy_rate_0.safetensors", "best/policy_rate_0.safetensors"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()


def test_a_run_that_validation_ends_is_done(tiny: list[str], tmp_path: Path, capsys):
    options = ["--market-hours", "960", *VALIDATED, "--validation.patience", "1", "--ppo.learning-rate", "1e-9"]
    command = ["train", "ended", "--runs", str(tmp_path), *options, "--ppo.final-learning-rate", "1e-9", *tiny]
    assert main(command) == 0  # so small a step changes nothing that is measured, or makes it better once or twice
    told = capsys.readouterr().out
    rollouts = int(curve(tmp_path / "ended")[-1]["rollout"])
    assert rollouts < 10 and f"ended by validation after {rollouts} of 10 rollouts, best on validation after" in told
    assert "Continue with" not in told
    assert main(["train", "ended", "--runs", str(tmp_path), "--resume"]) == 0
    assert f"ended by validation after {rollouts} of 10" in capsys.readouterr().out
    assert json.loads((tmp_path / "ended" / "config.json").read_text())["validation"]["patience"] == 1


def test_runs_of_before_have_neither_curriculum_nor_validation(trained: RunFolder, tmp_path: Path):
    document = json.loads(trained.config.read_text())
    del document["curriculum"], document["validation"]
    config = RunConfig.from_dict(document, "here")
    assert config == train.run_to_resume(trained) and not config.curriculum and not config.validation.every
