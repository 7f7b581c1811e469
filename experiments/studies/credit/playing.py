"""Let critics learn, visit states as the learners' rollout does, and fork each of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.ppo.learner import Learner
from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.ppo.trainer import Trainer, rollouts_for
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.core.tables import Table, concatenate
from protogov.experiments.studies.credit.branches import Actor, Draws, Floats, Noise, Singles, rewards_of_branches
from protogov.experiments.studies.credit.plan import CRITICS, GOING_ON, MEMORY, PUSH, RETURN, TWINS, Job, gae
from protogov.experiments.studies.learning.imagination import Imagination
from protogov.experiments.training.run_config import SEED_STRIDE, training_scenario

FRESH = SEED_STRIDE // 2  # tapes from here on are those on which no critic learned

Future = Callable[[Simulator], None]


class Visits:
    """A callback that keeps forks of all rows at some decisions of an episode.

    Attributes:
        worlds: decision -> fork.
    """

    def __init__(self, decisions: NDArray[np.int64]) -> None:
        self._wanted = {int(decision) for decision in decisions}
        self._decision = 0
        self.worlds: dict[int, Simulator] = {}

    def before(self, simulator: Simulator, playing: NDArray[np.bool_]) -> None:
        """Fork if it is such a decision."""
        if self._decision in self._wanted:
            self.worlds[self._decision] = simulator.fork(np.arange(simulator.num_worlds))
        self._decision += 1

    def after(self, simulator: Simulator, playing: NDArray[np.bool_]) -> None:
        """Do nothing."""


class Rollout:
    """An episode of every row, played, stored and judged by the learners' own code.

    Args:
        world: rows whose next episodes are complete.
        settings: of the learners.
        seed: of exploration.
        taught: whose weights the learners take.
        visits: called at every decision.

    Attributes:
        actors: agent -> its policy with given noise.
        noise: agent -> what was added to its outputs, F32[decisions, n, k].
        rewards: agent -> as they were stored, F32[decisions, n].
        advantages: agent -> as its update would use them, F32[decisions, n].
    """

    def __init__(
        self, world: Simulator, settings: PPOSettings, seed: int, taught: Trainer, visits: Visits | None = None
    ) -> None:
        trainer = Trainer(world, settings, total_rollouts=1, seed=seed)
        for own, theirs in zip(trainer.learners, taught.learners, strict=True):
            own.policy.load_state_dict(theirs.policy.state_dict())
        world.callbacks.extend([visits] if visits is not None else [])
        parts: dict[str, list[tuple[Singles, ...]]] = {agent: [] for agent in world.agents}
        for _ in range(-(-world.horizon // settings.num_steps)):
            trainer.collect()
            for learner in trainer.learners:
                parts[learner.agent].append(_explored(learner))
        whole = {
            agent: [np.concatenate(kind)[: world.horizon] for kind in zip(*some, strict=True)]
            for agent, some in parts.items()
        }
        self.actors = {learner.agent: actor_of(learner) for learner in trainer.learners}
        self.noise: dict[str, Singles] = {agent: kinds[0] for agent, kinds in whole.items()}
        self.rewards: dict[str, Singles] = {agent: kinds[1] for agent, kinds in whole.items()}
        self.advantages: dict[str, Singles] = {agent: kinds[2] for agent, kinds in whole.items()}


def _explored(learner: Learner) -> tuple[Singles, ...]:
    """Noise F32[t, n, k], rewards and advantages F32[t, n] of the learner's last rollout."""
    buffer = learner.model.rollout_buffer
    means = np.array([learner.means(seen) for seen in buffer.observations])
    return buffer.actions - means, buffer.rewards.copy(), buffer.advantages.copy()


def actor_of(learner: Learner) -> Actor:
    """The learner's policy with noise on its outputs; it reads one own observation and no more."""
    return lambda seen, noise: learner.execution.actions(seen, learner.means(seen) + noise)


def visit(config: WorldConfig, job: Job) -> Table:
    """A row for each governor at each visited state, in bp of K0.

    Columns: `tape`, `decision`, `role`; `effect_<k>`, what this governor's noise of the decision alone changed k
    decisions later; `again_<k>`, the same in another future; `fork_<k>`, that of the noise of all governors; a column
    an estimator; `explained, <critic>`, the share of the variance of returns that a critic explained at its end.
    """
    fresh = replace(config, stagger=False)
    at = np.unique(np.linspace(0, fresh.horizon - job.decisions, job.states).astype(int))
    visits = Visits(at)
    rollouts: dict[str, Rollout] = {}
    explained: dict[str, dict[str, float]] = {}
    for critic, settings in CRITICS.items():
        taught = learn_critics(config, job, replace(settings, start=job.start))
        explained[critic] = {learner.agent: _explained(learner) for learner in taught.learners}
        for twin in TWINS:
            first = (job.seed + 1) * SEED_STRIDE + FRESH
            world = Simulator(fresh, job.tapes, scenario=training_scenario(job.market), seed=first)
            own = replace(settings, start=job.start, twin=twin)
            rollouts[gae(critic, twin)] = Rollout(world, own, job.seed + 1, taught, None if rollouts else visits)
    rollout, unit = next(iter(rollouts.values())), welfare_unit(visits.worlds[int(at[0])])
    imagination = Imagination(job.market, fresh.episode_hours)
    tables = []
    for decision, worlds in visits.worlds.items():
        future = other_future(imagination, worlds)
        for agent, found in effects(worlds, rollout, decision, job.decisions, future).items():
            judged = {name: of.advantages[agent][decision] for name, of in rollouts.items()}
            same: dict[str, Any] = {"decision": decision, "role": agent.rpartition("_")[0]}
            same |= {f"explained, {critic}": of[agent] for critic, of in explained.items()}
            tables.append(
                {"tape": np.arange(job.tapes)}
                | {name: np.full(job.tapes, one) for name, one in same.items()}
                | {name: unit * np.asarray(values, np.float64) for name, values in (found | judged).items()}
            )
    return concatenate(tables)


def other_future(imagination: Imagination, worlds: Simulator) -> Future:
    """What gives any fork of blocks of these rows another tape from now on, and other people's noise."""
    imagine = imagination(worlds)

    def change(fork: Simulator) -> None:
        imagine(fork, np.tile(np.arange(worlds.num_worlds), fork.num_worlds // worlds.num_worlds), 0)

    return change


def effects(
    worlds: Simulator, rollout: Rollout, decision: int, decisions: int, future: Future
) -> dict[str, dict[str, Floats]]:
    """Agent -> columns F64[n] of what `visit` says, in units of the reward.

    Args:
        worlds: at that decision of the rollout.
        rollout: whose noise is taken apart.
        decision: of the episode.
        decisions: that are played.
        future: gives a fork another future.
    """
    draws, agents = Draws(rollout.noise, decision), worlds.agents
    owns: list[Noise] = [draws.alone(agent) for agent in agents]
    branches: list[Noise] = [draws.still, draws.everybody, draws.going_on, *owns]
    branches += [draws.alone(agent, MEMORY) for agent in agents]
    branches += [draws.without(agent) for agent in agents]
    rewards = rewards_of_branches(worlds, rollout.actors, branches, decisions)
    again = rewards_of_branches(worlds, rollout.actors, [draws.still, *owns], decisions, future)
    found = {}
    for place, agent in enumerate(agents):
        still, everybody, going_on, *others = rewards[agent]
        alone, push, without = (others[place + shift * len(agents)] for shift in range(3))
        earned = going_on.sum(axis=0)
        found[agent] = {
            **{f"effect_{lag}": one for lag, one in enumerate(alone - still)},
            **{f"again_{lag}": one for lag, one in enumerate(again[agent][1 + place] - again[agent][0])},
            **{f"fork_{lag}": one for lag, one in enumerate(everybody - still)},
            PUSH: (push - still).sum(axis=0),
            GOING_ON: (going_on - without).sum(axis=0),
            RETURN: earned - earned.mean(),
        }
    return found


def welfare_unit(worlds: Simulator) -> float:
    """Bp of K0 in one unit of reward, where welfare is the reward of all governors."""
    fork = worlds.fork(np.arange(worlds.num_worlds))
    step = fork.step({agent: np.zeros((fork.num_worlds, fork.action_size(agent))) for agent in fork.agents})
    welfare, reward = step.terms["welfare_0"][:, -1], step.rewards[fork.agents[0]]
    return float(welfare @ reward / (reward @ reward))


def learn_critics(config: WorldConfig, job: Job, settings: PPOSettings) -> Trainer:
    """Learners whose critics have learned what their policies are worth; the policies have not changed."""
    world = Simulator(config, job.worlds, scenario=training_scenario(job.market), seed=(job.seed + 1) * SEED_STRIDE)
    total = rollouts_for(job.market_hours, world, settings)
    trainer = Trainer(world, settings, total_rollouts=total, seed=job.seed)
    for learner in trainer.learners:
        policy = learner.policy
        for part in (policy.mlp_extractor.policy_net, policy.action_net):
            part.requires_grad_(False)
        policy.log_std.requires_grad_(False)
    trainer.run()
    return trainer


def _explained(learner: Learner) -> float:
    """Share of the variance of the last rollout's returns that the critic explained before it learned from them."""
    buffer = learner.model.rollout_buffer
    returns = buffer.returns.ravel()
    return float(1.0 - np.var(returns - buffer.values.ravel()) / np.var(returns))
