"""Optimal policies in plain numpy, with which governors of solvable worlds are compared.

    Switching   a price for a demand with two states; the cost of a move is proportional to its size. Value iteration
                for the mean reward (Puterman 1994, section 8.5) on a grid of prices
    Tracking    a price for an AR(1) demand; the cost of a move is proportional to its square. The Riccati equation of
                one lever, in closed form (Garleanu and Pedersen 2013: aim in front of the target)
    Quoting     two quotes of a market maker who pays for the square of its inventory (Avellaneda and Stoikov 2008;
                Cartea, Jaimungal and Penalva 2015, chapter 10) and keeps them for a decision. Value iteration on a grid
                of inventories

Policies are stationary, because no governor sees a clock: each is best for the mean reward of an endless episode.
Values are the mean reward per decision of an episode with the world's length, from the world's opening.
"""

from dataclasses import dataclass
from functools import cached_property
from math import erf, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PRECISION = 1e-10  # of the mean reward: value iteration stops there


@dataclass(frozen=True)
class Switching:
    """A decision earns r max(1 - r / z, 0) - `cost` |r - r before|; z is `low` or `high`.

    Attributes:
        low, high: states of the demand, above 0: the price at which nobody buys.
        switch: probability that the state changes before the next decision.
        cost: cost of moving the price by 1.
        decisions: decisions of an episode, which begins in each state with the same probability.
        opening: price before the first decision.
        grid: F64[n], increasing: the possible prices.
    """

    low: float
    high: float
    switch: float
    cost: float
    decisions: int
    opening: float
    grid: Floats

    def rewards(self) -> Floats:
        """Rewards of moving from a price to a price in a state, F64[2, n, n]."""
        earned = [self.grid * np.maximum(1.0 - self.grid / state, 0.0) for state in (self.low, self.high)]
        moved = self.cost * np.abs(self.grid[None, :] - self.grid[:, None])
        return np.array(earned)[:, None, :] - moved

    def _ahead(self, value: Floats) -> Floats:
        """Expected value at the next decision, F64[2, n], from the values of the two states."""
        return (1.0 - self.switch) * value + self.switch * value[::-1]

    @cached_property
    def policy(self) -> NDArray[np.int64]:
        """Index of the next price, I64[2, n]: one row per state, one column per price before; by value iteration."""
        rewards, value = self.rewards(), np.zeros((2, len(self.grid)))
        while True:
            fresh = (rewards + self._ahead(value)[:, None, :]).max(axis=2)
            change = fresh - value
            if np.ptp(change) < PRECISION:
                return np.asarray((rewards + self._ahead(value)[:, None, :]).argmax(axis=2))
            value = fresh - fresh[0, 0]

    def chase(self) -> NDArray[np.int64]:
        """The policy that moves to z / 2 at any cost: the best one if moving costs nothing."""
        return np.array([np.full(len(self.grid), self._nearest(state / 2.0)) for state in (self.low, self.high)])

    def myopic(self) -> NDArray[np.int64]:
        """The policy that is best for a single decision."""
        return np.asarray(self.rewards().argmax(axis=2))

    def value(self, policy: NDArray[np.int64]) -> float:
        """Mean reward per decision of a stationary policy, I64[2, n] as `policy` is."""
        rewards, value = self.rewards(), np.zeros((2, len(self.grid)))
        for _ in range(self.decisions):
            ahead = self._ahead(value)
            value = np.array([(rewards[z] + ahead[z])[np.arange(len(self.grid)), policy[z]] for z in range(2)])
        return float(value[:, self._nearest(self.opening)].mean()) / self.decisions

    def value_with_a_clock(self) -> float:
        """Mean reward of the best policy that knows how many decisions are left: an upper bound for all governors."""
        rewards, value = self.rewards(), np.zeros((2, len(self.grid)))
        for _ in range(self.decisions):
            value = (rewards + self._ahead(value)[:, None, :]).max(axis=2)
        return float(value[:, self._nearest(self.opening)].mean()) / self.decisions

    def constant_value(self, price: float) -> float:
        """Mean reward of a constant price. It is reached in the first decision, at its cost."""
        earned = sum(price * max(1.0 - price / state, 0.0) for state in (self.low, self.high)) / 2.0
        return earned - self.cost * abs(price - self.opening) / self.decisions

    def best_constant(self) -> float:
        """The best constant price."""
        return float(self.grid[int(np.argmax([self.constant_value(price) for price in self.grid]))])

    def _nearest(self, price: float) -> int:
        return int(np.abs(self.grid - price).argmin())


@dataclass(frozen=True)
class Tracking:
    """A decision earns r max(z - r, 0) - `cost` (r - r before)^2; z - 1 is a Gaussian AR(1), stationary from the start.

    Formulas of policies ignore the floor at 0, because policies rarely reach it. A constant price does reach it, and
    its formula includes the floor.

    Attributes:
        persistence: of z from decision to decision, within [0, 1).
        spread: stationary standard deviation of z.
        cost: cost of a move by 1; it grows with the square.
        decisions: decisions of an episode.
        opening: price before the first decision.
    """

    persistence: float
    spread: float
    cost: float
    decisions: int
    opening: float

    @cached_property
    def gains(self) -> tuple[float, float]:
        """(keep, answer) of the optimum: r = 1/2 + keep (r before - 1/2) + answer (z - 1).

        Let u = r - 1/2, u' the same before, and y = z - 1. The loss against r = z / 2 without a cost is
        (u - y / 2)^2 + c (u - u')^2. The value function a u'^2 + 2 b u' y + ... solves a = c - c^2 / (1 + c + a), so
        a = (sqrt(1 + 4 c) - 1) / 2, and b = -keep (1/2 - b persistence).
        """
        a = (sqrt(1.0 + 4.0 * self.cost) - 1.0) / 2.0
        keep = self.cost / (1.0 + self.cost + a)
        b = -keep / 2.0 / (1.0 - keep * self.persistence)
        return keep, (0.5 - b * self.persistence) / (1.0 + self.cost + a)

    def myopic(self) -> tuple[float, float]:
        """(keep, answer) of the policy that is best for a single decision."""
        return self.cost / (1.0 + self.cost), 0.5 / (1.0 + self.cost)

    def value(self, keep: float, answer: float, level: float = 0.5) -> float:
        """Mean reward per decision of r = level + keep (r before - level) + answer (z - 1), by its second moments."""
        shift = level - 0.5
        # state (1, u before, y); u = row . state
        row = np.array([shift * (1.0 - keep), keep, answer])
        forward = np.array([[1.0, 0.0, 0.0], row, [0.0, 0.0, self.persistence]])
        shock = np.zeros((3, 3))
        shock[2, 2] = self.spread**2 * (1.0 - self.persistence**2)
        start = np.array([1.0, self.opening - 0.5, 0.0])
        moments = np.outer(start, start)
        moments[2, 2] += self.spread**2
        price, demand, way = row + [0.5, 0.0, 0.0], np.array([1.0, 0.0, 1.0]), row - [0.0, 1.0, 0.0]
        total = 0.0
        for _ in range(self.decisions):
            total += price @ moments @ (demand - price) - self.cost * (way @ moments @ way)
            moments = forward @ moments @ forward.T + shock
        return float(total) / self.decisions

    def value_with_a_clock(self) -> float:
        """Mean reward of the best policy that knows how many decisions are left, by the backward recursion."""
        c, phi = self.cost, self.persistence
        a = b = d = e = 0.0  # the loss is a u'^2 + 2 b u' y + d y^2 + e
        for _ in range(self.decisions):
            weight, pull = 1.0 + c + a, 0.5 - b * phi
            e += d * self.spread**2 * (1.0 - phi**2)
            a, b, d = c - c * c / weight, -c * pull / weight, 0.25 + d * phi * phi - pull * pull / weight
        way = self.opening - 0.5
        lost = a * way * way + d * self.spread**2 + e
        # r = z / 2 without a cost earns E z^2 / 4
        return (1.0 + self.spread**2) / 4.0 - lost / self.decisions

    def constant_value(self, price: float) -> float:
        """Mean reward of a constant price, including the gain from the floor at 0 where z falls below the price."""
        margin = (1.0 - price) / self.spread
        bought = self.spread * exp(-0.5 * margin * margin) / sqrt(2.0 * pi)
        bought += (1.0 - price) * 0.5 * (1.0 + erf(margin / sqrt(2.0)))
        return price * bought - self.cost * (price - self.opening) ** 2 / self.decisions

    def best_constant(self) -> float:
        """The best constant price."""
        prices = np.linspace(0.0, 1.0, 1001)
        return float(prices[int(np.argmax([self.constant_value(price) for price in prices]))])


# (F64[n, n], rows sum to 1): distribution of the inventory after a fill, from each point of a grid
Jump = Floats


def jump_by(grid: Floats, ways: Floats, weights: Floats) -> Jump:
    """Distribution of an inventory after a fill, F64[n, n]; a move beyond the grid ends at its last point.

    Args:
        grid: F64[n], evenly spaced and increasing.
        ways: F64[m], possible moves.
        weights: F64[m], probability of each.
    """
    place = np.clip((grid[:, None] + ways - grid[0]) / (grid[1] - grid[0]), 0.0, len(grid) - 1.0)
    left = np.minimum(place.astype(int), len(grid) - 2)
    share = place - left
    jump = np.zeros((len(grid), len(grid)))
    rows = np.arange(len(grid))[:, None]
    np.add.at(jump, (rows, left), weights * (1.0 - share))
    np.add.at(jump, (rows, left + 1), weights * share)
    return jump


@dataclass(frozen=True)
class Quoting:
    """In a decision buyers come to two sides. The margin x earns x and is taken with probability exp(-x).

    At the end of a decision the inventory y costs `charge` y^2. x is in units of 1 / k, the mean margin.

    Attributes:
        arrivals: expected arrivals on each side in a decision.
        charge: cost of a squared inventory of 1, per decision.
        decisions: decisions of an episode, which begins without inventory.
        grid: F64[n], inventories.
        jumps: distribution of the inventory after a fill on the first and on the second side, F64[n, n] each.
        margins: F64[m], increasing: the possible margins.
    """

    arrivals: float
    charge: float
    decisions: int
    grid: Floats
    jumps: tuple[Jump, Jump]
    margins: Floats

    @cached_property
    def _moves(self) -> tuple[Floats, Floats]:
        """Distribution of the inventory after a decision's fills of each side at each margin, F64[m, n, n] twice.

        A compound Poisson law: a sum over the number of fills. Fills of both sides commute, so one side comes first.
        """
        return tuple(self._after(jump) for jump in self.jumps)  # type: ignore[return-value]

    def _after(self, jump: Jump) -> Floats:
        mean = self.arrivals * np.exp(-self.margins)
        power, chance = np.eye(len(self.grid)), np.exp(-mean)
        total, count, seen = chance[:, None, None] * power, 0, chance.copy()
        while seen.min() < 1.0 - 1e-12:
            count += 1
            power, chance = power @ jump, chance * mean / count
            total, seen = total + chance[:, None, None] * power, seen + chance
        return np.asarray(total)

    @cached_property
    def _earned(self) -> Floats:
        return np.asarray(self.arrivals * self.margins * np.exp(-self.margins))

    def _choices(self, value: Floats) -> Floats:
        """Value of each pair of margins at each inventory, F64[m, m, n]; `value` is the value after the decision."""
        first, second = self._moves
        after = value - self.charge * self.grid**2
        ahead = np.einsum("bij,aj->abi", second, first @ after, optimize=True)
        return np.asarray(ahead + (self._earned[:, None] + self._earned[None, :])[:, :, None])

    @cached_property
    def policy(self) -> NDArray[np.int64]:
        """Indices of both margins, I64[2, n], by value iteration."""
        value = np.zeros(len(self.grid))
        while True:
            choices = self._choices(value).reshape(-1, len(self.grid))
            fresh = choices.max(axis=0)
            change = fresh - value
            if np.ptp(change) < 1e3 * PRECISION:
                return np.array(np.unravel_index(choices.argmax(axis=0), (len(self.margins),) * 2))
            value = fresh - fresh[len(fresh) // 2]

    def myopic(self) -> NDArray[np.int64]:
        """Indices of both margins, I64[2, n], that are best for a single decision."""
        choices = self._choices(np.zeros(len(self.grid))).reshape(-1, len(self.grid))
        return np.array(np.unravel_index(choices.argmax(axis=0), (len(self.margins),) * 2))

    def value(self, policy: NDArray[np.int64]) -> float:
        """Mean reward per decision of a stationary policy, I64[2, n] as `policy` is."""
        first, second = self._moves
        at, value = np.arange(len(self.grid)), np.zeros(len(self.grid))
        step = np.einsum("ij,ijk->ik", first[policy[0], at], second[policy[1]], optimize=True)
        earned = self._earned[policy].sum(axis=0)
        for _ in range(self.decisions):
            value = earned + step @ (value - self.charge * self.grid**2)
        return float(np.interp(0.0, self.grid, value)) / self.decisions

    def value_with_a_clock(self) -> float:
        """Mean reward of the best policy that knows how many decisions are left."""
        value = np.zeros(len(self.grid))
        for _ in range(self.decisions):
            value = self._choices(value).max(axis=(0, 1))
        return float(np.interp(0.0, self.grid, value)) / self.decisions

    def constant_value(self, margin: float) -> float:
        """Mean reward of one constant margin on both sides: the inventory's variance grows with every decision."""
        middle = len(self.grid) // 2
        spread = np.mean([jump[middle] @ (self.grid - self.grid[middle]) ** 2 for jump in self.jumps])
        burden = self.charge * spread * (self.decisions + 1) / 2.0
        return float(2.0 * self.arrivals * np.exp(-margin) * (margin - burden))

    def best_constant(self) -> float:
        """The best constant margin: 1 plus the mean cost of a fill's inventory."""
        return 1.0 - self.constant_value(0.0) / (2.0 * self.arrivals)
