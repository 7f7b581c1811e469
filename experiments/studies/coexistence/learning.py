"""Training of one seed of a cell: weights of all governors at the last checkpoints, and what it cost.

A seed is one piece: a kill loses at most the seed that is being trained. Under both algorithms governors begin as the
constants beside which they are measured: networks of 32 x 32 ReLU, whose outputs are 0 at first, add to these. They see
the same features, and nobody sees another's network, reward or gradient. PPO draws its hidden layers seed by seed; the
strategy begins with the same ones in every search.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from protogov.agents.baselines.linear_feedback import LinearFeedback
from protogov.agents.policies.policy import Policy
from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.tuning.rewards import rewards_of
from protogov.agents.tuning.strategy import StrategyBudget, ascend
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.bench.reference import reference_rate
from protogov.experiments.core.fresh_tapes import Effort, search_tapes
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import CheckFailed, as_bad_input
from protogov.experiments.studies.coexistence.cells import EVOLUTION, PPO, RANDOMISE_LEVERS
from protogov.experiments.studies.coexistence.spared import FAILED, books_checked
from protogov.experiments.studies.coexistence.start import Start
from protogov.experiments.training.run_config import SEED_STRIDE, training_scenario

CHECKPOINTS = 5  # that are kept
SPACING = 20  # checkpoints are a twentieth of a training apart


S = TypeVar("S")  # settings of an algorithm


@dataclass(frozen=True)
class Training(Generic[S]):
    """A piece: one seed.

    Attributes:
        algorithm: "ppo" or "evolution".
        scenario: on which it learns.
        seed: its number.
        hours: market hours, rounded up to whole rollouts or generations.
        start: where its governors begin.
        worlds: side by side: those of PPO, or the tapes of the evolution strategy in a generation.
        settings: `PPOSettings`, which start at the same constants; or `StrategyBudget`.
    """

    algorithm: str
    scenario: str
    seed: int
    hours: float
    start: Start
    worlds: int
    settings: S


def budget_for(config: WorldConfig, hours: float, pairs: int, tapes: int) -> StrategyBudget:
    """What the strategy computes in so many market hours.

    Args:
        config: the world.
        hours: market hours, rounded up to whole generations.
        pairs: of points in a generation.
        tapes: on which all of them play in it.
    """
    return StrategyBudget(max(int(-(-hours // (2 * pairs * tapes * config.episode_hours))), 1), pairs)


def last_checkpoints(total: int) -> list[int]:
    """Rounds of a training of so many after which policies are kept, the last one included."""
    apart = max(total // SPACING, 1)
    return sorted({total - apart * back for back in range(CHECKPOINTS) if total - apart * back >= 1})


def train_seed(config: WorldConfig, job: Training[Any]) -> Table:
    """Train; a row a weight, in the order of `Networks`.

    Returns:
        `after_<k>`, F32, the weights at each kept checkpoint, the last being the end; and the same in every row:
        `hours_<k>` of the market until then, `cpu` and `wall` seconds, `reference` rounds a second of this machine.
        If the learning of a governor diverged, or the books of a world did not balance, one row without weights, with
        the reason as `failed`: it would do so again.
    """
    wall, processor = time.perf_counter(), time.process_time()
    kept, failed = list[tuple[float, Floats]](), ""
    try:
        with books_checked():
            kept = ALGORITHMS[job.algorithm](config, job)
    except CheckFailed as error:
        failed = str(error)
    spent = {"cpu": time.process_time() - processor, "wall": time.perf_counter() - wall}
    spent["reference"] = reference_rate()
    table: Table = {FAILED: np.array([failed])} if failed else {}
    table |= {f"after_{k}": weights.astype(np.float32) for k, (_, weights) in enumerate(kept)}
    size = 1 if failed else kept[0][1].size
    table |= {f"hours_{k}": np.full(size, hours) for k, (hours, _) in enumerate(kept)}
    return table | {name: np.full(size, value) for name, value in spent.items()}


def _ppo(config: WorldConfig, job: Training[PPOSettings]) -> list[tuple[float, Floats]]:
    from protogov.agents.ppo.report import RolloutReport
    from protogov.agents.ppo.trainer import DivergedError, Trainer, rollouts_for

    networks = job.start.networks(config)
    learning = replace(config, randomise_levers=RANDOMISE_LEVERS, stagger=True)
    with as_bad_input():
        # the stride keeps tapes of seeds apart, as in `protogov train`
        world = Simulator(learning, job.worlds, scenario=training_scenario(job.scenario), seed=job.seed * SEED_STRIDE)
        total = rollouts_for(job.hours, world, job.settings)
    wanted, kept = last_checkpoints(total), list[tuple[float, Floats]]()

    def keep(report: RolloutReport) -> None:
        if report.rollout in wanted:
            kept.append((report.market_hours, networks.point([_renamed(one) for one in trainer.policies()])))

    trainer = Trainer(world, job.settings, total_rollouts=total, seed=job.seed, callback=keep)
    try:
        trainer.run()
    except DivergedError as error:
        raise CheckFailed(str(error)) from error
    return kept


def _renamed(policy: Policy) -> Policy:
    """The policy around the same constants under the name that `Networks` gives them; PPO names their baseline."""
    rule = policy.incumbent
    return policy if rule is None else replace(policy, incumbent=replace(rule, name=LinearFeedback.name))


def _evolution(config: WorldConfig, job: Training[StrategyBudget]) -> list[tuple[float, Floats]]:
    networks, scenario, budget = job.start.networks(config), training_scenario(job.scenario), job.settings
    with as_bad_input():  # seed 0 is search 1: searches are counted from there
        tapes = search_tapes(job.seed + 1, Effort(budget.generations, budget.population, job.worlds))

    def score(generation: int, points: Floats) -> Floats:
        seeds = np.arange(tapes[generation * job.worlds], tapes[generation * job.worlds] + job.worlds, dtype=np.uint64)
        opening = Simulator(config, job.worlds, scenario=scenario)
        opening.reset(seeds=seeds)
        return rewards_of(opening, networks, points)

    start = networks.start(np.zeros(len(networks.levers)))
    way = ascend(start, budget, score, seed=job.seed, owners=tuple(networks.sizes.values()))
    each = budget.population * job.worlds * config.episode_hours
    done = last_checkpoints(budget.generations)
    return [(float(each * generations), way.means[generations - 1]) for generations in done]


ALGORITHMS: dict[str, Callable[[WorldConfig, Training[Any]], list[tuple[float, Floats]]]] = {
    PPO: _ppo, EVOLUTION: _evolution,
}  # fmt: skip
