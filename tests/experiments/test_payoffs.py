"""Everybody's payoffs on disk and as curves: the numbers are the world's own, whatever interface plays it."""

import json
import resource
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pyarrow.parquet
import pytest
from stable_baselines3.common.vec_env import VecMonitor

from protogov.envs import Simulator, WorldConfig, parallel_env
from protogov.envs.callbacks import simulator_of
from protogov.envs.population_hook import hook_name
from protogov.envs.sb3_vec_env import SB3VecEnv
from protogov.envs.world.welfare import WELFARE_PARTS
from protogov.experiments.cli import main
from protogov.experiments.core.tables import read_table
from protogov.experiments.errors import BadInput
from protogov.experiments.loggers import PayoffLogger, TensorBoardLogger, WandbLogger
from protogov.experiments.payoffs import PARTIES, PayoffRecorder, _notes

NAMES = (b"rate_0/reward", b"venue_0/welfare", b"spread_0/reward")
EPISODE: dict[str, Any] = {"episode_hours": 20}  # 6, 6, 6 and 2 hours


def test_a_row_a_decision_world_and_venue(tmp_path: Path) -> None:
    world = Simulator(WorldConfig(venues=2, **EPISODE), 3, scenario="crash-heldout")
    random, steps, seen = np.random.default_rng(0), [], []
    with PayoffRecorder(tmp_path / "new" / "payoffs.parquet").attach(world) as recorder:
        obs = world.reset(seeds=5)
        while not world.truncated().any():
            levers = {name: random.uniform(-1.0, 1.0, (3, world.action_size(name))) for name in world.agents}
            seen.append(obs)
            steps.append(world.step(levers))
            obs = steps[-1].obs
        assert not recorder.path.exists()  # until it is complete
    assert world.callbacks == []
    table = read_table(recorder.path)
    assert len(table["world"]) == 3 * 2 * 4 and [path.name for path in recorder.path.parent.iterdir()] == [
        "payoffs.parquet"
    ]
    for decision, (step, before) in enumerate(zip(steps, seen, strict=True)):
        for venue in (0, 1):
            rows = (table["decision"] == decision) & (table["venue"] == venue)
            assert table["world"][rows].tolist() == [0, 1, 2] and table["seed"][rows].tolist() == [5, 6, 7]
            assert (table["hour"][rows] == 6 * decision).all() and (table["hours"][rows] == (6, 2)[decision == 3]).all()
            assert (table["truncated"][rows] == (decision == 3)).all()
            for role in ("rate", "risk", "spread"):
                agent = f"{role}_{venue}"
                np.testing.assert_array_equal(np.stack(table[f"{role}/observation"][rows]), before[agent])
                np.testing.assert_array_equal(table[f"{role}/reward"][rows], step.rewards[agent])
                for i, term in enumerate(world.roles[agent].terms):
                    np.testing.assert_array_equal(table[f"{role}/terms/{term.name}"][rows], step.terms[agent][:, i])
                for i, lever in enumerate(world.roles[agent].levers):
                    np.testing.assert_array_equal(table[f"proposed/{lever}"][rows], step.proposed[agent][:, i])
                    np.testing.assert_array_equal(table[f"executed/{lever}"][rows], step.executed[agent][:, i])
                    assert set(table[f"reason/{lever}"][rows]) <= {
                        "at_target", "moved", "capped", "waiting", "deadband", "frozen",
                    }  # fmt: skip
            for i, part in enumerate(WELFARE_PARTS):
                name = part.replace("welfare_", "welfare/")
                np.testing.assert_array_equal(table[name][rows], step.terms[f"welfare_{venue}"][:, i])
    bp = 1e4 / table["opening_value"]
    np.testing.assert_allclose(table["party/borrowers/surplus"] * bp, table["welfare/borrowers"], atol=1e-12)
    np.testing.assert_allclose(table["party/suppliers/lockup"] * bp, table["welfare/lockup"], atol=1e-12)
    np.testing.assert_allclose(table["party/treasury/change"] * bp, table["welfare/treasury"], atol=1e-12)
    assert (
        np.abs(table["party/liquidators/profit"]).max() > 0.0 and np.abs(table["party/arbitrageurs/profit"]).max() > 0
    )


def test_the_file_says_what_its_columns_are(tmp_path: Path) -> None:
    world = Simulator(WorldConfig(roles=("risk",), **EPISODE))
    with PayoffRecorder(tmp_path / "payoffs.parquet").attach(world):
        world.reset(seeds=0)
        world.step({"risk_0": np.zeros((1, 4))})
    schema = pyarrow.parquet.read_schema(tmp_path / "payoffs.parquet")
    about = {key.decode(): value.decode() for key, value in schema.metadata.items()}
    assert set(json.loads(about["columns"])) == set(schema.names) and about["schema_version"] == "1"
    assert WorldConfig.from_dict(json.loads(about["config"])) == world.config and about["scenario"] == "jump"
    assert tuple(json.loads(about["features"])["risk_0"]) == world.observation_names("risk_0")
    assert {f"party/{name}" for name in PARTIES} <= set(schema.names)


def test_seats_in_the_background_are_recorded_and_empty_ones_are_null(tmp_path: Path) -> None:
    """A learner and a rival of another role: each venue has columns that the other one lacks."""
    config = WorldConfig(roles=("rate",), venues=2, background={"rate_1": None, "risk_1": "steward_var"}, **EPISODE)
    world, seen = Simulator(config, 2), []
    with PayoffRecorder(tmp_path / "payoffs.parquet").attach(world):
        world.reset(seeds=0)
        while not world.truncated().any():
            seen.append(world.view("risk_1").obs)
            step = world.step({"rate_0": np.zeros((2, 4))})
    table = pyarrow.parquet.read_table(tmp_path / "payoffs.parquet").to_pandas()
    learner, rival = table[table["venue"] == 0], table[table["venue"] == 1]
    assert len(learner) == len(rival) == 8
    assert learner["risk/observation"].isna().all() and rival["rate/reward"].isna().all()
    np.testing.assert_array_equal(np.stack(rival["risk/observation"]), np.concatenate(seen))
    np.testing.assert_array_equal(rival["risk/reward"][-2:], step.rewards["risk_1"])
    about = pyarrow.parquet.read_schema(tmp_path / "payoffs.parquet").metadata
    assert set(json.loads(about[b"features"])) == {"rate_0", "risk_1"} and b"population_hook" not in about
    assert set(json.loads(about[b"columns"])) >= {name for name in table.columns if not name.startswith("world")}


def test_a_population_hook_is_named(tmp_path: Path) -> None:
    """Where a hook stands is written down: in a module, and in a file that was run."""
    file = tmp_path / "people.py"
    file.write_text("def people(worlds, hour):\n    pass\n")
    assert hook_name(run_path(str(file))["people"]) == f"{file}:people"
    assert hook_name(people) == f"{__name__}:people" and hook_name(_People()) == f"{__name__}:_People"
    notes = _notes(Simulator(WorldConfig(**EPISODE), population_hook=people))
    assert notes["population_hook"] == f"{__name__}:people"


def people(worlds: Any, hour: int) -> None:
    """Changes nothing."""


class _People:
    def __call__(self, worlds: Any, hour: int) -> None:
        """Changes nothing."""


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_batch_that_resets_itself_is_recorded_to_the_end(mode: str, tmp_path: Path) -> None:
    """The last decision is taken down before the row's reset, and a row that only waits is none."""
    envs = gym.make_vec("protogov/Rates-v0", num_envs=2, autoreset_mode=mode, **EPISODE)
    rewards = []
    with PayoffRecorder(tmp_path / "payoffs.parquet").attach(envs):
        envs.reset(seed=3)
        for _ in range(6):
            told = envs.step(np.zeros((2, 4), np.float32))
            rewards.append(told[1][0])
    table = read_table(tmp_path / "payoffs.parquet")
    first = table["world"] == 0
    played = [0, 1, 2, 3, 0] if mode == "NextStep" else [0, 1, 2, 3, 0, 1]
    assert table["decision"][first].tolist() == played
    assert table["episode"][first].tolist() == [0] * 4 + [1] * (len(played) - 4)
    wanted = rewards[:4] + rewards[5:] if mode == "NextStep" else rewards
    np.testing.assert_array_equal(table["rate/reward"][first], wanted)
    assert (table["party/borrowers/surplus"] != 0.0).all()


def test_every_interface_leads_to_its_simulator() -> None:
    wrapped = gym.make("protogov/Rates-v0")
    monitored = VecMonitor(SB3VecEnv(Simulator(WorldConfig(roles=("rate",)))))
    market = parallel_env()
    assert simulator_of(wrapped) is wrapped.unwrapped.simulator  # type: ignore[attr-defined]
    assert simulator_of(monitored) is monitored.venv.simulator and simulator_of(market) is market.simulator
    for other in (gym.make("CartPole-v1"), None, gym.vector.SyncVectorEnv([lambda: gym.make("protogov/Rates-v0")] * 2)):
        with pytest.raises(TypeError, match="has no single simulator below it"):
            simulator_of(other)


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    world = Simulator(WorldConfig(**EPISODE), 4)
    world.reset(seeds=0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    recorder = PayoffRecorder(tmp_path / "payoffs.parquet").attach(world)
    world.step({agent: np.zeros((4, 4)) for agent in world.agents})
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / "payoffs.parquet") and list(tmp_path.iterdir()) == []


def test_one_recorder_one_batch(tmp_path: Path) -> None:
    world = Simulator()
    recorder = PayoffRecorder(tmp_path / "a.parquet").attach(world)
    with pytest.raises(ValueError, match="is already attached"):
        recorder.attach(Simulator())
    recorder.close()
    recorder.close()
    assert list(tmp_path.iterdir()) == []  # nothing was played


def test_the_command_line_records_the_same(tmp_path: Path) -> None:
    options = ["--world.episode-hours", "12", "--seeds", "4", "9", "--against", "None", "--out", str(tmp_path / "out")]
    assert main(["simulate", "static", *options, "--record", str(tmp_path / "payoffs.parquet")]) == 0
    payoffs, decisions = read_table(tmp_path / "payoffs.parquet"), read_table(tmp_path / "out" / "decisions.parquet")
    played = decisions["decision"] > 0
    np.testing.assert_array_equal(payoffs["welfare"], decisions["welfare"][played])
    assert payoffs["seed"].tolist() == [4, 9, 4, 9]


class Kept(PayoffLogger):
    """Keeps what it is given."""

    def __init__(self, every: int) -> None:
        super().__init__(every)
        self.written: list[tuple[int, dict[str, float]]] = []

    def write(self, values: dict[str, float], step: int) -> None:
        self.written.append((step, values))


def play(world: Simulator, decisions: int) -> list[Any]:
    world.reset(seeds=1)
    stand = {name: np.zeros((world.num_worlds, world.action_size(name))) for name in world.agents}
    return [world.step(stand) for _ in range(decisions)]


def test_curves_are_means_over_rows_and_decisions() -> None:
    world = Simulator(WorldConfig(**EPISODE), 2)
    with Kept(2).attach(world) as logger:
        steps = play(world, 3)
    assert [step for step, _ in logger.written] == [4, 6]
    first = logger.written[0][1]
    assert first["rate_0/reward"] == pytest.approx(np.mean([step.rewards["rate_0"] for step in steps[:2]]))
    assert first["spread_0/terms/edge"] == pytest.approx(np.mean([step.terms["spread_0"][:, 0] for step in steps[:2]]))
    last = logger.written[1][1]
    assert last["risk_0/executed/ltv_gap"] == pytest.approx(
        steps[2].executed["risk_0"][:, world.roles["risk_0"].levers.index("ltv_gap")].mean()
    )
    assert last["venue_0/welfare"] == pytest.approx(steps[2].terms["welfare_0"][:, -1].mean())
    with pytest.raises(BadInput, match="every is 0"):
        Kept(0)


def test_tensorboard_reads_the_curves(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    world = Simulator(WorldConfig(roles=("rate",), **EPISODE), 2)
    with TensorBoardLogger(tmp_path).attach(world):
        steps = play(world, 2)
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    curve = read.Scalars("rate_0/reward")
    assert [point.step for point in curve] == [2, 4]
    np.testing.assert_allclose(
        [point.value for point in curve], [step.rewards["rate_0"].mean() for step in steps], 1e-5
    )


def test_weights_and_biases_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    world = Simulator(WorldConfig(roles=("rate",), **EPISODE), 2)
    logger = WandbLogger(project="protogov-test", mode="offline", dir=str(tmp_path))
    with logger.attach(world):
        steps = play(world, 2)
    assert len(steps) == logger.steps / 2
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert [name in file.read_bytes() for name in NAMES] == [True, True, False]


def test_a_run_of_somebody_else_is_logged_into_and_left_open() -> None:
    told: list[tuple[int, float]] = []
    run = SimpleNamespace(log=lambda values, step: told.append((step, values["rate_0/reward"])))
    world = Simulator(WorldConfig(roles=("rate",), **EPISODE), 2)
    with WandbLogger(run).attach(world):
        steps = play(world, 2)
    assert told == [(2 * k + 2, pytest.approx(step.rewards["rate_0"].mean())) for k, step in enumerate(steps)]


def test_without_wandb_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(BadInput, match="pip install wandb"):
        WandbLogger(project="x")
