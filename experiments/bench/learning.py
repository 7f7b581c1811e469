"""Learning end to end: our joint PPO, and the usual way from PettingZoo to stable-baselines3 on the same world."""

import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from protogov.agents.ppo import PPOSettings, Trainer
from protogov.envs import parallel_env
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.bench.rows import Plan, Row, rates
from protogov.experiments.training.run_config import RunConfig
from protogov.experiments.training.seed import make_world
from protogov.experiments.training.train import Options, configure


@dataclass(frozen=True)
class Setup:
    """Length of decisions with hyperparameters, and the target rate [market hours/s]."""

    name: str
    decision_hours: int
    settings: PPOSettings
    target: float


HOURLY = Setup(
    "hourly decisions, 64 steps, batch 4,096, 4 epochs",
    1,
    PPOSettings(num_steps=64, batch_size=4096, num_epochs=4, twin="none"),
    20_000.0,
)
DEFAULT = Setup("default settings (6 h, 28 steps, 2,048, 5 epochs)", 6, PPOSettings(twin="none"), 45_000.0)

PROCESSES = 2
SEEDS, HOURS, MINUTES = 12, 1e7, 45.0  # of the default experiment: market hours a seed, and how long all may take


def world_config(setup: Setup) -> WorldConfig:
    """The world of training."""
    return WorldConfig(decision_hours=setup.decision_hours, stagger=True, randomise_levers=0.25)


def joint_rates(setup: Setup, plan: Plan) -> tuple[float, float]:
    """Market hours per (wall, processor) second of rollouts with updates, after a first one."""
    world = Simulator(world_config(setup), plan.worlds)
    trainer = Trainer(world, setup.settings, total_rollouts=plan.repeats + 1)
    trainer.run(stop_after=1)
    hours = plan.worlds * setup.settings.num_steps * setup.decision_hours
    return rates(lambda: trainer.run(stop_after=1), hours, plan.repeats)


def joint_rows(plan: Plan) -> list[Row]:
    """Joint PPO with three learners, without the twin's second simulation, on one core."""
    rows = []
    for setup in (HOURLY, DEFAULT):
        wall, cpu = joint_rates(setup, plan)
        rows.append(
            Row(
                what=f"joint PPO, {plan.worlds} worlds, {setup.name}",
                unit="market hours/s", wall=wall, cpu=cpu, target=setup.target, note="three learners, no twin",
            )
        )  # fmt: skip
    return rows


def experiment(worlds: int) -> RunConfig:
    """The default experiment: everything as `protogov train` has it, with the twin, on `natural`."""
    return configure(Options(name="bench", scenario="natural", market_hours=HOURS, worlds=worlds), "protogov bench")


def experiment_rates(worlds: int, repeats: int, seed: int) -> tuple[float, float]:
    """Market hours of one seed of it per (wall, processor) second, after a first rollout."""
    run = experiment(worlds)
    trainer = Trainer(make_world(run, seed), run.settings, total_rollouts=repeats + 1, seed=seed)
    trainer.run(stop_after=1)
    hours = worlds * run.settings.num_steps * run.world.decision_hours
    return rates(lambda: trainer.run(stop_after=1), hours, repeats)


def experiment_rows(plan: Plan) -> list[Row]:
    """The default experiment, its seeds side by side in two processes: how fast, and how long it takes."""
    Simulator(experiment(plan.worlds).world).compile()  # each process would wait for it
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        calls = [pool.submit(experiment_rates, plan.worlds, plan.repeats, seed) for seed in range(PROCESSES)]
        wall, cpu = (sum(both) for both in zip(*(call.result() for call in calls), strict=True))
    minutes = SEEDS * HOURS / wall / 60.0
    return [
        Row(
            what=f"default experiment, {plan.worlds} worlds, twin, natural, {PROCESSES} seeds at once",
            unit="market hours/s", wall=wall, cpu=cpu, target=SEEDS * HOURS / (MINUTES * 60.0),
            note=f"{SEEDS} seeds of {HOURS / 1e6:.0f}M hours: {minutes:,.0f} minutes here, asked for {MINUTES:.0f}",
        )
    ]  # fmt: skip


def usual_rates(setup: Setup, plan: Plan) -> tuple[float, float]:
    """The same by `parallel_env` -> SuperSuit -> stable-baselines3's PPO with one policy for all governors.

    Raises:
        ImportError: SuperSuit is not installed.
    """
    import supersuit
    import torch
    from stable_baselines3 import PPO

    torch.set_num_threads(1)
    torch.manual_seed(0)  # PPO(seed=...) would call ConcatVecEnv.seed, which SuperSuit 3.11 lacks
    settings = setup.settings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs
        env = parallel_env(scenario="jump", decision_hours=setup.decision_hours, randomise_levers=0.25)
        governors = len(env.possible_agents)
        one = supersuit.pettingzoo_env_to_vec_env_v1(env)
        many = supersuit.concat_vec_envs_v1(one, plan.usual_worlds, num_cpus=1, base_class="stable_baselines3")
        model = PPO(
            "MlpPolicy", many, n_steps=settings.num_steps, batch_size=settings.batch_size,
            n_epochs=settings.num_epochs, gamma=settings.gamma, gae_lambda=settings.gae_lambda, device="cpu",
            policy_kwargs={"net_arch": list(settings.hidden_sizes), "activation_fn": torch.nn.ReLU},
        )  # fmt: skip
        samples = plan.usual_worlds * governors * settings.num_steps
        model.learn(samples)
        hours = plan.usual_worlds * settings.num_steps * setup.decision_hours
        found = rates(lambda: model.learn(samples, reset_num_timesteps=False), hours, min(plan.repeats, 3))
        many.close()
    return found


def usual_rows(plan: Plan) -> list[Row]:
    """Our rate, the rate of the usual way, and their ratio; on the same world in the same run."""
    setup = DEFAULT
    ours = joint_rates(setup, plan)
    what = "the usual way (PettingZoo, SuperSuit, SB3 PPO, one policy)"
    try:
        usual = usual_rates(setup, plan)
    except ImportError as error:
        return [Row(what=what, unit="market hours/s", wall=None, note=f"not installed: {error.name or error}")]
    return [
        Row(
            what=what, unit="market hours/s", wall=usual[0], cpu=usual[1],
            note=f"{plan.usual_worlds} worlds, same world, net and settings",
        ),
        Row(
            what="joint PPO over the usual way", unit="times", wall=ours[0] / usual[0], cpu=ours[1] / usual[1],
            note=f"{ours[0]:,.0f} market hours/s in the same run, {plan.worlds} worlds",
        ),
    ]  # fmt: skip
