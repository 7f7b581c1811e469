"""Analytic worlds: small enough to know their answers, with the simulator's interface."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecEnv


class Result(NamedTuple):
    obs: dict
    rewards: dict
    terms: dict
    truncated: np.ndarray
    executed: dict


class QuadraticWorld:
    """Each agent steers its own x' = 0.8 x + 0.5 a + noise; reward -(x' - target)^2 - 0.1 a^2 + a shock that all share.

    The target, the noise and the shock are keyed by (row's seed, episode, step), so a twin meets the same. Observation:
    target, x, and a constant. An agent's world does not depend on what the others do, nor on whether there are others.
    """

    STATE = ("seeds", "episode", "time", "length", "x", "target")

    def __init__(self, num_agents=1, num_worlds=8, horizon=5, shock=0.0, seed=0, stagger=False):
        self.agents = tuple(f"rate_{i}" for i in range(num_agents))
        self.num_worlds, self.horizon, self.shock, self.stagger = num_worlds, horizon, shock, stagger
        self.seeds = seed + np.arange(num_worlds)
        self.episode = np.full(num_worlds, -1)
        self.time = np.zeros(num_worlds, int)
        self.length = np.full(num_worlds, horizon)
        self.x = np.zeros((num_agents, num_worlds))
        self.target = np.zeros((num_agents, num_worlds))

    state_size = property(lambda self: 2 * len(self.agents))

    def observation_size(self, agent):
        return 3

    def action_size(self, agent):
        return 1

    def _draw(self, purpose, count):
        keys = zip(self.seeds, self.episode, self.time, strict=True)
        return np.array([np.random.default_rng([purpose, s, e + 1, t]).normal(size=count) for s, e, t in keys]).T

    def observe(self):
        rows = [np.stack([t, x, np.ones_like(x)], axis=1) for t, x in zip(self.target, self.x, strict=True)]
        return {agent: row.astype(np.float32) for agent, row in zip(self.agents, rows, strict=True)}

    def state(self):
        return np.concatenate([self.target, self.x]).T.astype(np.float32)

    def time_left(self):
        return ((self.length - self.time) / self.horizon).astype(np.float32)

    def reset(self, *, seeds=None, mask=None):
        mask = np.ones(self.num_worlds, bool) if mask is None else mask
        first = (self.episode < 0) & self.stagger
        self.episode[mask] += 1
        self.time[mask] = 0
        self.length = np.where(
            mask, np.where(first, 1 + np.arange(self.num_worlds) % self.horizon, self.horizon), self.length
        )
        self.x[:, mask] = self._draw(1, 3)[: len(self.agents), mask]
        self.target[:, mask] = 0.5 * self._draw(2, 3)[: len(self.agents), mask]
        return self.observe()

    def step(self, actions):
        assert (self.time < self.length).all(), "stepped past the end"
        noise, shock = self._draw(3, 3), self.shock * self._draw(4, 1)[0]
        rewards = {}
        for i, agent in enumerate(self.agents):
            a = np.asarray(actions[agent], np.float64)[:, 0]
            assert (np.abs(a) <= 1).all()
            self.x[i] = 0.8 * self.x[i] + 0.5 * a + 0.1 * noise[i]
            rewards[agent] = -((self.x[i] - self.target[i]) ** 2) - 0.1 * a**2 + shock
        self.time += 1
        terms = {agent: np.stack([reward, -reward], axis=1) for agent, reward in rewards.items()}
        terms["welfare_0"] = np.stack([*rewards.values(), sum(rewards.values())], axis=1)
        executed = {agent: np.asarray(actions[agent], np.float64) for agent in self.agents}
        return Result(self.observe(), rewards, terms, self.time == self.length, executed)

    def fork(self, rows):
        other = type(self)(len(self.agents), len(rows), self.horizon, self.shock, stagger=self.stagger)
        for name in ("seeds", "episode", "time", "length"):
            setattr(other, name, getattr(self, name)[rows].copy())
        other.x, other.target = self.x[:, rows].copy(), self.target[:, rows].copy()
        return other

    def open_like(self, other, mask):
        self.reset(mask=mask)

    def snapshot(self):
        return np.concatenate([np.ravel(getattr(self, name)).astype(float) for name in self.STATE]).tobytes()

    def restore(self, data):
        numbers = np.frombuffer(data)
        if len(numbers) != sum(np.size(getattr(self, name)) for name in self.STATE):
            raise ValueError("the snapshot is of another size")
        for name in self.STATE:
            old = getattr(self, name)
            setattr(self, name, numbers[: old.size].reshape(old.shape).astype(old.dtype))
            numbers = numbers[old.size :]


class QuickWorld(QuadraticWorld):
    """The same with draws of all rows at once, keyed by the first row's: quick. A twin is a fork of all rows."""

    def _draw(self, purpose, count):
        keys = [purpose, int(self.seeds[0]), int(self.episode[0]) + 1, int(self.time[0])]
        return np.random.default_rng(keys).normal(size=(count, self.num_worlds))


class WorldVecEnv(VecEnv):
    """The usual way to give one agent's world to stable-baselines3: same-step autoreset, as its DummyVecEnv does."""

    def __init__(self, world, central=False):
        from gymnasium import spaces

        self.world, self.central, (self.agent,) = world, central, world.agents
        size = world.observation_size(self.agent) + (world.state_size if central else 0)
        box = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        super().__init__(world.num_worlds, box, spaces.Box(-1.0, 1.0, (world.action_size(self.agent),), np.float32))

    def _sight(self, obs):
        return np.concatenate([obs[self.agent], self.world.state()], axis=1) if self.central else obs[self.agent]

    def reset(self):
        return self._sight(self.world.reset())

    def step_async(self, actions):
        self.actions = actions

    def step_wait(self):
        step = self.world.step({self.agent: self.actions})
        sight = self._sight(step.obs)
        infos = [{} for _ in range(self.num_envs)]
        rewards = step.rewards[self.agent]
        for row in np.flatnonzero(step.truncated):
            infos[row] = {"terminal_observation": sight[row].copy(), "TimeLimit.truncated": True}
        if step.truncated.any():
            sight = self._sight(self.world.reset(mask=step.truncated))
        return sight, rewards.astype(np.float32), step.truncated, infos

    def close(self):
        pass

    def get_attr(self, attr_name, indices=None):
        return [None] * self.num_envs

    def set_attr(self, attr_name, value, indices=None):
        raise NotImplementedError

    def env_method(self, method_name, *args, indices=None, **kwargs):
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class, indices=None):
        return [False] * self.num_envs


@pytest.fixture
def quadratic_world():
    return QuadraticWorld


@pytest.fixture
def quick_world():
    return QuickWorld


@pytest.fixture
def world_vec_env():
    return WorldVecEnv
