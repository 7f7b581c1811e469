"""What every test shares: no windows, one thread a process, no deadline that compilation would break."""

import os

# Before any library reads them.
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from scipy.linalg import solve_discrete_are, solve_discrete_lyapunov

from protogov.envs.world.noise import normal

settings.register_profile("protogov", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("protogov")


class LinearQuadraticGame:
    """Two agents steer one state, x' = A x + B_i a_i + w, and each pays x' Q_i x + R a_i^2: solved exactly.

    Worlds are rows; the noise w ~ N(0, W) is keyed by (seed, coordinate, step), so a fork meets what its parent would.
    Satisfies `ForkableWorld`: actions F[n, 1], observations the state F32[n, 2], rewards minus the cost of x before it
    moves. Closed forms are for linear policies a_i = -K_i x, K [2, 2], in costs a step when stationary.
    """

    agents = ("rate_0", "risk_0")
    A = np.array([[0.9, 0.1], [0.05, 0.85]])
    B = np.array([[1.0, 0.2], [0.1, 1.0]])  # one row per agent
    Q = np.array([np.diag([1.0, 0.2]), np.diag([0.2, 1.0])])
    R = 0.5
    W = 0.1 * np.eye(2)

    def __init__(self, num_worlds=1, horizon=50):
        self.num_worlds, self.horizon = num_worlds, horizon
        self.seeds = np.arange(num_worlds, dtype=np.uint64)
        self.time = np.full(num_worlds, horizon)
        self.x = np.zeros((num_worlds, 2))

    def reset(self, *, seeds=None, mask=None):
        rows = np.ones(self.num_worlds, bool) if mask is None else np.asarray(mask)
        if seeds is not None:
            self.seeds[rows] = np.asarray(seeds, np.uint64)[rows]
        self.time[rows], self.x[rows] = 0, 0.0
        return self.observe()

    def observe(self):
        return {agent: self.x.astype(np.float32) for agent in self.agents}

    def step(self, actions):
        a = np.stack([np.asarray(actions[agent], float)[:, 0] for agent in self.agents], axis=1)
        cost = np.einsum("nj,ijk,nk->ni", self.x, self.Q, self.x) + self.R * a**2
        with np.errstate(over="ignore"):
            noise = [[normal(s, j, t, 0, 0) for j in range(2)] for s, t in zip(self.seeds, self.time, strict=True)]
        self.x = self.x @ self.A.T + a @ self.B + np.sqrt(np.diag(self.W)) * np.array(noise)
        self.time = self.time + 1
        rewards = {agent: -cost[:, i] for i, agent in enumerate(self.agents)}
        return SimpleNamespace(obs=self.observe(), rewards=rewards, truncated=self.time >= self.horizon)

    def fork(self, rows):
        copy = type(self)(len(rows), self.horizon)
        copy.seeds, copy.time, copy.x = self.seeds[rows].copy(), self.time[rows].copy(), self.x[rows].copy()
        return copy

    @classmethod
    def costs(cls, gains):
        """Cost a step of each agent, F[2], under a_i = -K_i x: trace((Q_i + R K_i' K_i) S), S the variance of x."""
        variance = solve_discrete_lyapunov(cls.A - cls.B.T @ gains, cls.W)
        return np.array([np.trace((q + cls.R * np.outer(k, k)) @ variance) for q, k in zip(cls.Q, gains, strict=True)])

    @classmethod
    def best_response(cls, gains, i):
        """The gain of agent i that is best against the other's: a linear-quadratic regulator of what that leaves."""
        return cls._regulator(cls.A - np.outer(cls.B[1 - i], gains[1 - i]), cls.B[[i]].T, cls.Q[i])[0]

    @classmethod
    def nash(cls):
        """Gains of the Nash equilibrium in linear policies, by alternating best responses."""
        gains = np.zeros((2, 2))
        for _ in range(100):
            for i in range(2):
                gains[i] = cls.best_response(gains, i)
        return gains

    @classmethod
    def social(cls):
        """Gains that make the sum of both costs least."""
        return cls._regulator(cls.A, cls.B.T, cls.Q.sum(axis=0))

    @classmethod
    def nash_conv(cls, gains):
        """What both could save by answering the other best, summed: 0 at a Nash equilibrium alone."""
        gap = 0.0
        for i in range(2):
            other = gains.copy()
            other[i] = cls.best_response(gains, i)
            gap += cls.costs(gains)[i] - cls.costs(other)[i]
        return gap

    @classmethod
    def _regulator(cls, a, b, q):
        r = cls.R * np.eye(b.shape[1])
        p = solve_discrete_are(a, b, q, r)
        return np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a)


@pytest.fixture
def linear_quadratic_game() -> type[LinearQuadraticGame]:
    """The class of the game."""
    return LinearQuadraticGame
