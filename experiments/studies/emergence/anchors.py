"""Anchors of collusion: payoffs of constant strategies of one lever, its Nash equilibrium and its joint optimum.

Both venues keep one lever at constants on a grid, their other levers at the defaults. All else is as where the pair of
rivals itself is looked at: the same governors at the other seats, the same limits on changes, the same tapes and the
same decisions of an episode. Own payoffs are made symmetrical, and smoothed by a cubic in both actions. Nash is a fixed
point of the best reply on that surface, all of which are reported; the joint optimum is the best point of the diagonal.
It is not the equilibrium of the dynamic game. An index places a profit between the two; there is none where the two do
not differ clearly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.experiments.core.play import open_worlds
from protogov.experiments.core.statistics import seed_draws
from protogov.experiments.studies.emergence.collusion import Anchors
from protogov.experiments.studies.emergence.forks import Floats, Seeds

CORE = {"rate": "base_rate", "risk": "liquidation_threshold", "spread": "half_spread"}  # a role's lever
FINE = np.linspace(-1.0, 1.0, 201)
DEGREE = 3
BATCH = 1024  # rows played at once
RESAMPLES = 200


@dataclass(frozen=True)
class Company:
    """Tapes on which the same governors sit beside the two that hold constants.

    Attributes:
        seeds: U64[n], of the tapes.
        others: makes those governors, by seat, everybody but the two.
    """

    seeds: Seeds
    others: Callable[[], Mapping[str, Governor]]


@dataclass(frozen=True)
class ConstantGame:
    """Constant strategies of one lever at two venues.

    Attributes:
        actions: F64[g], the grid.
        own: F64[g, g, units], mean reward of a decision at the own action (first) beside a rival's (second); units are
            tapes, or the means of training seeds over theirs.
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

    def by_unit(self, labels: ArrayLike) -> ConstantGame:
        """The same with means over the units that share a label, [units], in the order of the labels."""
        of = np.asarray(labels)
        means = [self.own[:, :, of == label].mean(axis=2) for label in np.unique(of)]
        return ConstantGame(self.actions, np.stack(means, axis=2))

    def solved(self) -> Solved:
        """Nash and joint optimum of the mean, with the bootstrapped error of what lies between their payoffs."""
        surface = self.surface(self.own.mean(axis=2))
        points = fixed_points(surface)
        nash, joint = points[0], int(np.argmax(np.diagonal(surface)))
        both = FINE[[nash, joint]]
        units = np.array([_powers(both, both) @ self._fit(own) for own in np.moveaxis(self.own, 2, 0)])
        gaps = np.diff(units, axis=1)[seed_draws(len(units), RESAMPLES)].mean(axis=1)
        anchors = Anchors(
            float(surface[nash, nash]), float(surface[joint, joint]), float(np.std(gaps)), len(points) == 1
        )
        reply = int(np.argmax(surface[:, joint]))
        nash_at = tuple(float(FINE[at]) for at in points)
        return Solved(anchors, nash_at, float(FINE[joint]), float(FINE[reply]), units)


@dataclass(frozen=True)
class Solved:
    """Equilibria and joint optimum of a `ConstantGame`.

    Attributes:
        anchors: payoffs.
        nash: action of every fixed point of the best reply, in [-1, 1].
        joint: action at which both earn most together.
        deviation: best reply to it.
        units: F64[units, 2], payoffs of each unit at the equilibrium and at the joint optimum of the mean.
    """

    anchors: Anchors
    nash: tuple[float, ...]
    joint: float
    deviation: float
    units: Floats

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


def constant_game(
    config: WorldConfig,
    scenario: str,
    role: str,
    grid: int,
    companies: Sequence[Company],
    times: Sequence[int],
    steps: int,
) -> ConstantGame:
    """Play the grid of a role's core lever; units are the tapes, one company after another.

    Args:
        config: two venues.
        scenario: the outside market.
        role: whose lever, a key of `CORE`.
        grid: constants.
        companies: who sits beside the pair, and on which tapes.
        times: decisions after which rewards are looked at.
        steps: for so many decisions each, of which they are means.
    """
    actions = np.linspace(-1.0, 1.0, grid)
    pairs = np.array([(a, b) for a in actions for b in actions])
    counted = np.zeros(max(times) + steps)
    for time in times:
        counted[time : time + steps] += 1.0 / (len(times) * steps)
    tables = [_tables(config, scenario, role, pairs, company, counted) for company in companies]
    earned = np.concatenate(tables, axis=1).reshape(grid, grid, -1, 2)
    return ConstantGame(actions, 0.5 * (earned[..., 0] + earned[..., 1].transpose(1, 0, 2)))


def _tables(config: WorldConfig, scenario: str, role: str, pairs: Floats, company: Company, counted: Floats) -> Floats:
    """Rewards of both seats, weighted by F64[decisions], at pairs of actions F64[pairs, 2]: F64[pairs, tapes, 2]."""
    tapes, found = len(company.seeds), list[Floats]()
    opening = open_worlds(config, scenario, company.seeds)
    each = max(1, BATCH // tapes)
    for first in range(0, len(pairs), each):
        own = pairs[first : first + each]
        world = opening.fork(np.tile(np.arange(tapes), len(own)))
        rows, seeds = np.arange(world.num_worlds, dtype=np.int64), np.tile(company.seeds, len(own))
        others, held = company.others(), dict[str, Floats]()
        for governor in others.values():
            governor.reset(rows, seeds)
        for side in range(2):
            seat = f"{role}_{side}"
            held[seat] = np.zeros((world.num_worlds, world.action_size(seat)))
            held[seat][:, world.roles[seat].levers.index(CORE[role])] = np.repeat(own[:, side], tapes)
        total = np.zeros((world.num_worlds, 2))
        for weight in counted:
            rewards = world.step({**{seat: at.act(world.view(seat)) for seat, at in others.items()}, **held}).rewards
            total += weight * np.stack([rewards[seat] for seat in held], axis=1)
        found.append(total.reshape(len(own), tapes, 2))
    return np.concatenate(found)
