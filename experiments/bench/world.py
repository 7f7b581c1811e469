"""The simulator alone: market hours a second, threads, one environment through Gymnasium, memory."""

from concurrent.futures import ThreadPoolExecutor
from statistics import median

import gymnasium as gym
import numpy as np
from numba import njit

import protogov.envs  # noqa: F401  registers the environments
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.bench.rows import Plan, Row, random_actions, rates, timed

HOURS_PER_SECOND = {1: 60_000.0, 2: 30_000.0}  # target by the number of venues
WORLD_KIB = {1: 64.0, 2: 96.0}  # target by the number of venues
SPIN = 800_000_000  # rounds of the empty loop: about a second
PIECES = 8  # slices of work for two threads, as the simulator cuts it
SECOND_CORE = 1.5  # with a smaller gain of the empty loop there was no second core


def make_runner(world: Simulator, decisions: int, seed: int = 0):  # type: ignore[no-untyped-def]
    """A function that runs a number of decisions with random actions, and starts new episodes when they end."""
    actions = random_actions(world, seed)
    world.reset()
    world.step(next(actions))  # compiles

    def run() -> None:
        for _ in range(decisions):
            over = world.truncated()
            if over.any():
                world.reset(mask=over)
            world.step(next(actions))

    return run


def hours_rows(plan: Plan) -> list[Row]:
    """Market hours per second on one core, random actions, including new episodes, for one venue and for two."""
    rows = []
    for venues, target in HOURS_PER_SECOND.items():
        world = Simulator(WorldConfig(venues=venues), plan.worlds)
        hours = plan.worlds * plan.decisions * world.config.decision_hours
        wall, cpu = rates(make_runner(world, plan.decisions), hours, plan.repeats)
        rows.append(
            Row(
                what=f"simulated, {plan.worlds} worlds, {venues} venue{'s' * (venues > 1)}, one core",
                unit="market hours/s",
                wall=wall,
                cpu=cpu,
                target=target,
                note=f"{12 * cpu:,.0f} sub-steps a processor second",
            )
        )
    return rows


def group_rows(plan: Plan) -> list[Row]:
    """Cost of observing the groups `surface` and `accounts`: time with them divided by time without, pair by pair."""
    rows = []
    kinds: tuple[tuple[str, ...], ...] = ((), ("surface",), ("accounts",), ("surface", "accounts"))
    for hours in (6, 1):
        runs = {}
        for groups in kinds:
            config = WorldConfig(observe=("chain", "feeds", *groups), decision_hours=hours)
            runs[groups] = make_runner(Simulator(config, plan.worlds), plan.decisions)
        ratios: dict[tuple[str, ...], list[tuple[float, float]]] = {groups: [] for groups in runs if groups}
        for _ in range(plan.repeats):
            plain = timed(runs[()])
            for groups, found in ratios.items():
                shown = timed(runs[groups])
                found.append((shown.wall / plain.wall, shown.cpu / max(plain.cpu, 1e-9)))
        rows += [
            Row(
                what=f"observing {' and '.join(groups)} too, decisions of {hours} h, over without",
                unit="ratio of time",
                wall=median(wall for wall, _ in found),
                cpu=median(cpu for _, cpu in found),
                note="off by default",
            )
            for groups, found in ratios.items()
        ]
    return rows


@njit(nogil=True)
def _spin(rounds: int, start: int) -> int:
    """A loop without effect that the compiler cannot remove."""
    x = np.uint64(start)
    for _ in range(rounds):
        x = x * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
    return int(x)


def thread_rows(plan: Plan) -> list[Row]:
    """Gain of a second thread, as a share of the gain of an empty compiled loop in the same minute."""
    runs = {}
    for threads in (1, 2):
        world = Simulator(WorldConfig(), plan.worlds, num_threads=threads)
        runs[threads] = make_runner(world, plan.decisions)
    _spin(1, 1)
    rounds = SPIN // PIECES
    simulated, spun = [], []
    with ThreadPoolExecutor(2) as pool:

        def spin_together() -> None:
            list(pool.map(lambda piece: _spin(rounds, piece), range(PIECES)))

        def spin_alone() -> None:
            for piece in range(PIECES):
                _spin(rounds, piece)

        spin_together()
        for _ in range(plan.repeats):
            # one after the other in each repeat: other load then affects both equally
            spun.append(timed(spin_alone).wall / timed(spin_together).wall)
            simulated.append(timed(runs[1]).wall / timed(runs[2]).wall)
    gain, possible = median(simulated), median(spun)
    spare = possible >= SECOND_CORE
    note = f"simulator x{gain:.2f}, empty loop x{possible:.2f}"
    return [
        Row(
            what="two threads against one, share of an empty loop's gain",
            unit="ratio",
            wall=gain / possible if spare else None,
            target=0.9,
            note=note if spare else f"no second core was free: {note}",
        )
    ]


def single_rows(plan: Plan) -> list[Row]:
    """Steps per second of one environment through `gym.make`, hourly decisions, passive checker off."""
    rows = []
    for name, target in (("protogov/Rates-v0", 20_000.0), ("protogov/Joint-v0", None)):
        env = gym.make(name, decision_hours=1, disable_env_checker=True)
        space = env.action_space
        assert space.shape is not None
        actions = np.random.default_rng(0).uniform(-1.0, 1.0, (64, *space.shape)).astype(np.float32)
        env.reset(seed=0)
        steps = 100 * plan.decisions

        def run(env: gym.Env = env, actions: np.ndarray = actions, steps: int = steps) -> None:
            for index in range(steps):
                if env.step(actions[index % 64])[3]:
                    env.reset()

        run(steps=2)
        wall, cpu = rates(run, steps, plan.repeats)
        note = "resets included" if target else "for comparison: twelve levers"
        rows.append(
            Row(what=f"gym.make {name}, decision_hours=1", unit="steps/s", wall=wall, cpu=cpu, target=target, note=note)
        )
        env.close()
    return rows


def memory_rows(plan: Plan) -> list[Row]:
    """Bytes of a world's state and of its tape."""
    rows = []
    for venues in (1, 2):
        world = Simulator(WorldConfig(venues=venues), 2)
        world.reset()
        tape = world.tape.nbytes / 2
        rows.append(
            Row(
                what=f"state of a world, {venues} venue{'s' * (venues > 1)}",
                unit="KiB",
                wall=world.worlds.nbytes / 2 / 1024,
                target=WORLD_KIB[venues],
                sense="at most",
                note=f"and its tape of {world.config.episode_hours} h, {world.tape.dtype[0]}: {tape / 1024:.1f} KiB",
            )
        )
    return rows
