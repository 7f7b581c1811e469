"""Anchors of collusion: payoffs of constant strategies of one lever, its Nash equilibrium and its joint optimum.

Both venues keep one lever at constants on a grid, all others at their defaults, with the limits on changes lifted. Own
payoffs are made symmetrical, and smoothed by a cubic in both actions. Nash is a fixed point of the best reply on that
surface, all of which are reported; the joint optimum is the best point of the diagonal. It is not the equilibrium of
the dynamic game. An index places a profit between the two; there is none where the two do not differ clearly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.core.play import FIRST_SELECTION, open_worlds
from protogov.experiments.core.statistics import seed_draws
from protogov.experiments.studies.emergence.collusion import Anchors
from protogov.experiments.studies.emergence.forks import Floats

CORE = {"rate": "base_rate", "risk": "liquidation_threshold", "spread": "half_spread"}  # a role's lever
FINE = np.linspace(-1.0, 1.0, 201)
DEGREE = 3
BATCH = 1024  # rows played at once
RESAMPLES = 200


@dataclass(frozen=True)
class ConstantGame:
    """Constant strategies of one lever at two venues.

    Attributes:
        actions: F64[g], the grid.
        own: F64[g, g, tapes], mean reward of a decision at the own action (first) beside a rival's (second).
    """

    actions: Floats
    own: Floats

    def surface(self, table: Floats) -> Floats:
        """A cubic in both actions through F64[g, g], on the fine grid: F64[201, 201]."""
        fine_a, fine_b = np.meshgrid(FINE, FINE, indexing="ij")
        return np.asarray((_powers(fine_a.ravel(), fine_b.ravel()) @ self._fit(table)).reshape(fine_a.shape))

    def _fit(self, table: Floats) -> Floats:
        """Coefficients of the cubic."""
        a, b = np.meshgrid(self.actions, self.actions, indexing="ij")
        return np.asarray(np.linalg.lstsq(_powers(a.ravel(), b.ravel()), table.ravel(), rcond=None)[0])

    def solved(self) -> Solved:
        """Nash and joint optimum of the mean, with the bootstrapped error of what lies between their payoffs."""
        surface = self.surface(self.own.mean(axis=2))
        points = fixed_points(surface)
        nash, joint = points[0], int(np.argmax(np.diagonal(surface)))
        both = FINE[[joint, nash]]
        joint_less_nash = np.diff(_powers(both, both)[::-1], axis=0)[0]
        gaps = [
            joint_less_nash @ self._fit(self.own[:, :, draw].mean(axis=2))
            for draw in seed_draws(self.own.shape[2], RESAMPLES)
        ]
        anchors = Anchors(
            float(surface[nash, nash]), float(surface[joint, joint]), float(np.std(gaps)), len(points) == 1
        )
        reply = int(np.argmax(surface[:, joint]))
        return Solved(anchors, tuple(float(FINE[at]) for at in points), float(FINE[joint]), float(FINE[reply]))


@dataclass(frozen=True)
class Solved:
    """Equilibria and joint optimum of a `ConstantGame`.

    Attributes:
        anchors: payoffs.
        nash: action of every fixed point of the best reply, in [-1, 1].
        joint: action at which both earn most together.
        deviation: best reply to it.
    """

    anchors: Anchors
    nash: tuple[float, ...]
    joint: float
    deviation: float

    def push(self) -> tuple[float, float]:
        """(size, direction) of a forced deviation from the joint optimum to the best reply to it, in actions.

        The size is above 0 wherever `anchors` give an index: a joint optimum that is the best reply to itself is the
        equilibrium.
        """
        move = self.deviation - self.joint
        return abs(move), float(np.sign(move))


def _powers(a: Floats, b: Floats) -> Floats:
    pairs = [(i, j) for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    return np.stack([a**i * b**j for i, j in pairs], axis=1)


def fixed_points(surface: Floats) -> list[int]:
    """Places on the fine grid where the best reply to an action is that action, or passes it; never empty.

    A reply that jumps over the diagonal has no fixed point there; then the nearest place is taken.
    """
    places = np.arange(len(surface))
    apart = np.argmax(surface, axis=0) - places
    at = [int(place) for place in places[apart == 0]]
    crossed = np.flatnonzero((apart[:-1] > 0) & (apart[1:] < 0))
    at += [int(place) for place in crossed if abs(apart[place]) <= 2]
    at = sorted(at)
    found = [place for number, place in enumerate(at) if number == 0 or place > at[number - 1] + 1]
    return found or [int(np.argmin(np.abs(apart)))]


def constant_game(config: WorldConfig, scenario: str, role: str, grid: int, tapes: int) -> ConstantGame:
    """Play the grid of a role's core lever on paired tapes.

    Args:
        config: two venues; everybody but the lever stays at the defaults.
        scenario: the outside market.
        role: whose lever, a key of `CORE`.
        grid: constants.
        tapes: of every pair.
    """
    config = replace(config, autonomy=inf, background={}, randomise_levers=0.0, stagger=False)
    actions = np.linspace(-1.0, 1.0, grid)
    seats = [f"{role}_0", f"{role}_1"]
    seeds = np.uint64(FIRST_SELECTION) + np.arange(tapes, dtype=np.uint64)
    opening = open_worlds(config, scenario, seeds)
    pairs = np.array([(a, b) for a in actions for b in actions])
    earned = np.empty((len(pairs), tapes, 2))
    each = max(1, BATCH // tapes)
    for first in range(0, len(pairs), each):
        own = pairs[first : first + each]
        world = opening.fork(np.tile(np.arange(tapes), len(own)))
        asked = {agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents}
        for side, seat in enumerate(seats):
            lever = world.roles[seat].levers.index(CORE[role])
            asked[seat][:, lever] = np.repeat(own[:, side], tapes)
        total = np.zeros((world.num_worlds, 2))
        for _ in range(world.horizon):
            rewards = world.step(asked).rewards
            total += np.stack([rewards[seat] for seat in seats], axis=1)
        earned[first : first + each] = (total / world.horizon).reshape(len(own), tapes, 2)
    tables = earned.reshape(grid, grid, tapes, 2)
    return ConstantGame(actions, 0.5 * (tables[..., 0] + tables[..., 1].transpose(1, 0, 2)))
