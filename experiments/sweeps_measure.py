"""What a lever does on its own: hold one value for whole episodes on paired seeds and add up what everybody got.

A point of a sweep is one lever at one value, every other lever at its default, nothing ever changed. The value is in
force from hour 0 (it replaces the table's default), so that a sweep compares protocols and not the way between them.
All points see the same seeds: same tape, same keyed noise, so differences are taken seed by seed.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Step
from protogov.envs.roles import LEVER_BY_NAME, ROLES
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVERS, Lever
from protogov.envs.world.welfare import WELFARE_PARTS

SWEPT_ROLES = ("rate", "risk", "spread")
BATCH = 256  # worlds in one simulator: enough for the compiled code, little enough for the memory
BACKED = 2.0  # paired standard errors by which both edges must lose
# Averages over the decisions of an episode, in the feature's unit: what people did, for reading a curve.
WATCHED = (
    "utilisation", "borrow_rate", "supply_rate", "debt", "deposits", "unmet_withdrawals", "at_risk", "liquidated",
    "shortfall", "deficit", "option_nav", "option_flow", "short_interest", "surface_over_fair", "net_delta",
    "option_unpaid",
)  # fmt: skip

Floats = NDArray[np.float64]


class SweepError(ValueError):
    """A sweep that cannot be run; the message names the option, its value and what would be accepted."""


@dataclass(frozen=True)
class Outcome:
    """Totals of one episode a seed at one point, each float64 [n].

    Attributes:
        mandates: role -> weighted sum of its terms [bp of K0].
        welfare: W [bp of K0].
        terms: name -> unweighted term or part of welfare [bp of K0, except counts].
        watched: feature -> mean over the decisions [the feature's unit].
    """

    mandates: dict[str, Floats]
    welfare: Floats
    terms: dict[str, Floats]
    watched: dict[str, Floats]


@dataclass(frozen=True)
class Estimate:
    """A mean with the half-width of its interval, in standard errors and as 95% of Student's t."""

    mean: float
    standard_error: float
    half_width: float

    @classmethod
    def of(cls, sample: Floats) -> "Estimate":
        """Estimate the mean of independent values; with one value the error is nan."""
        n = sample.size
        error = float(sample.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
        return cls(float(sample.mean()), error, float(stdtrit(n - 1, 0.975)) * error if n > 1 else float("nan"))

    @property
    def z(self) -> float:
        """Mean in standard errors; 0 for a difference that is exactly nothing."""
        if self.mean == 0.0:
            return 0.0
        return float(np.divide(self.mean, self.standard_error)) if self.standard_error > 0.0 else float("inf")


@dataclass(frozen=True)
class Curve:
    """One measure along one lever: a value a seed at every point.

    Attributes:
        name: the measure, `<role> mandate` or `welfare`.
        totals: float64 [points, n], total of an episode [bp of K0].
        default: index of the point that is the lever's default.
    """

    name: str
    totals: Floats
    default: int

    @property
    def means(self) -> Floats:
        """float64 [points], mean over the seeds."""
        return np.asarray(self.totals.mean(axis=1))

    @property
    def best(self) -> int:
        """Index of the highest mean."""
        return int(np.argmax(self.means))

    def against_default(self, point: int) -> Estimate:
        """Paired difference of a point to the default."""
        return Estimate.of(self.totals[point] - self.totals[self.default])

    def edges(self) -> tuple[Estimate, Estimate]:
        """Paired advantage of the best point over the lowest and the highest value."""
        best = self.totals[self.best]
        return Estimate.of(best - self.totals[0]), Estimate.of(best - self.totals[-1])

    @property
    def interior(self) -> bool:
        """The best point is no edge, and both edges lose to it by more than `BACKED` paired standard errors.

        The best point is picked from the same seeds, which favours it a little: take more seeds before believing a
        curve whose `edges` are near the limit.
        """
        inside = 0 < self.best < len(self.totals) - 1
        return inside and all(edge.z > BACKED for edge in self.edges())


@dataclass(frozen=True)
class Sweep:
    """One lever's sweep.

    Attributes:
        lever: its row of the table.
        values: float64 [points], ascending, in the lever's unit; the first is its low, the last its high.
        outcomes: one a point.
        mandate, welfare: the two curves that the game is judged by.
    """

    lever: Lever
    values: Floats
    outcomes: tuple[Outcome, ...]
    mandate: Curve
    welfare: Curve

    @property
    def default(self) -> int:
        """Index of the default among the values."""
        return self.mandate.default

    @property
    def holds(self) -> bool:
        """The mandate or welfare has an interior optimum that the seeds back."""
        return self.mandate.interior or self.welfare.interior

    def curve_of(self, term: str) -> Floats:
        """float64 [points], mean of one term or watched feature."""
        return np.array([(outcome.terms | outcome.watched)[term].mean() for outcome in self.outcomes])


def role_of(lever: str) -> str:
    """The role whose governor moves `lever`."""
    return next(name for name in SWEPT_ROLES if lever in ROLES[name].levers)


def chosen_levers(levers: Sequence[str], roles: Sequence[str]) -> list[Lever]:
    """Levers by name and by role, in the order of the table; nothing chosen is everything.

    Raises:
        SweepError: an unknown lever or role; the message lists those there are.
    """
    for name in levers:
        if name not in LEVER_BY_NAME:
            raise SweepError(f"levers names {name!r}, known levers are {', '.join(LEVER_BY_NAME)}.")
    for name in roles:
        if name not in SWEPT_ROLES:
            raise SweepError(f"roles names {name!r}, known roles are {', '.join(SWEPT_ROLES)}.")
    wanted = {*levers, *(lever for name in roles for lever in ROLES[name].levers)}
    return [lever for lever in LEVERS if not wanted or lever.name in wanted]


def grid(lever: Lever, points: int) -> Floats:
    """Values evenly spaced on the lever's own map, its low, default and high among them.

    Raises:
        SweepError: `points` is even or below 3, so that the default would be no point.
    """
    if points < 3 or points % 2 == 0:
        raise SweepError(f"points = {points} must be an odd number from 3, so that the default is one of them.")
    values = lever.value(np.linspace(-1.0, 1.0, points))
    # the map's last bit must not leave the range or miss the default
    values[0], values[points // 2], values[-1] = lever.low, lever.default, lever.high
    return np.asarray(values, np.float64)


def measure(config: WorldConfig, scenario: str, seeds: NDArray[np.int64]) -> Outcome:
    """Run one episode a seed with no lever ever moved from `config`'s defaults."""
    parts = [_measure_batch(config, scenario, seeds[at : at + BATCH]) for at in range(0, seeds.size, BATCH)]

    def joined(pick: Callable[[Outcome], dict[str, Floats]]) -> dict[str, Floats]:
        return {name: np.concatenate([pick(part)[name] for part in parts]) for name in pick(parts[0])}

    return Outcome(
        joined(lambda part: part.mandates),
        np.concatenate([part.welfare for part in parts]),
        joined(lambda part: part.terms),
        joined(lambda part: part.watched),
    )


def _measure_batch(config: WorldConfig, scenario: str, seeds: NDArray[np.int64]) -> Outcome:
    world = Simulator(config, seeds.size, scenario=scenario)
    world.reset(seeds=seeds)
    still = {agent: np.zeros((seeds.size, world.action_size(agent))) for agent in world.agents}
    mandates = {role: np.zeros(seeds.size) for role in config.roles}
    terms: dict[str, Floats] = {}
    watched = {name: np.zeros(seeds.size) for name in WATCHED}
    for _ in range(world.horizon):
        step = world.step(still)
        for role in config.roles:
            weights = np.array([term.weight for term in ROLES[role].terms])
            mandates[role] += (step.terms[f"{role}_0"] * weights).sum(axis=1)
        for name, column in _term_columns(config.roles, step):
            terms[name] = terms.get(name, 0.0) + column
        view = world.view(world.agents[0])
        for name in WATCHED:
            watched[name] += view.raw(name) / world.horizon
    return Outcome(mandates, terms["welfare"].copy(), terms, watched)


def _term_columns(roles: Iterable[str], step: Step) -> list[tuple[str, Floats]]:
    """Every term once, by the name of its source, then the parts of welfare."""
    columns: dict[str, Floats] = {}
    for role in roles:
        for k, term in enumerate(ROLES[role].terms):
            columns[term.source] = step.terms[f"{role}_0"][:, k]
    for k, part in enumerate(WELFARE_PARTS):
        columns[part] = step.terms["welfare_0"][:, k]
    return list(columns.items())


def run_sweeps(
    levers: Sequence[Lever],
    *,
    config: WorldConfig | None = None,
    scenario: str = "jump",
    num_seeds: int = 256,
    first_seed: int = 0,
    points: int = 11,
    jobs: int = 1,
    done: Callable[[Sweep], None] | None = None,
) -> list[Sweep]:
    """Sweep each lever alone; every point sees the seeds `first_seed` to `first_seed + num_seeds - 1`.

    Args:
        levers: rows of the table.
        config: the world at its defaults; one venue with the three roles.
        scenario: a registered name or a path to candles.
        num_seeds: episodes at every point, at least 2.
        first_seed: the first of them.
        points: values a lever, odd.
        jobs: points that run at the same time, each on a thread of its own (the kernels let go of Python's lock).
        done: called with each lever's sweep as soon as it is complete, in order.

    Raises:
        SweepError: a number that is out of range, or a configuration of other roles or venues.
    """
    world = config if config is not None else WorldConfig()
    for name, value, low in (("seeds", num_seeds, 2), ("first_seed", first_seed, 0), ("jobs", jobs, 1)):
        if value < low:
            raise SweepError(f"{name} = {value} must be a whole number from {low}.")
    if world.venues != 1 or world.roles != SWEPT_ROLES:
        raise SweepError(f"config has {world.venues} venues and roles {world.roles}, sweeps need 1 and {SWEPT_ROLES}.")
    grids = [grid(lever, points) for lever in levers]
    seeds = np.arange(first_seed, first_seed + num_seeds)
    Simulator(world, 1, scenario=scenario).reset()  # compile once, refuse an unknown scenario before any work
    sweeps = []
    with ThreadPoolExecutor(jobs) as pool:
        at_default = pool.submit(measure, world, scenario, seeds)
        futures: list[list[Future[Outcome]]] = [
            [
                at_default
                if index == points // 2 and lever.name not in world.defaults
                else pool.submit(measure, _held(world, lever, value), scenario, seeds)
                for index, value in enumerate(values)
            ]
            for lever, values in zip(levers, grids, strict=True)
        ]
        try:
            for lever, values, row in zip(levers, grids, futures, strict=True):
                sweeps.append(_collect(lever, values, tuple(future.result() for future in row)))
                if done is not None:
                    done(sweeps[-1])
        except BaseException:
            pool.shutdown(cancel_futures=True)  # one point failed or the user has seen enough: start no more
            raise
    return sweeps


def _held(config: WorldConfig, lever: Lever, value: float) -> WorldConfig:
    return replace(config, defaults={**config.defaults, lever.name: float(value)})


def _collect(lever: Lever, values: Floats, outcomes: tuple[Outcome, ...]) -> Sweep:
    role = role_of(lever.name)
    middle = len(values) // 2
    mandate = Curve(f"{role} mandate", np.array([outcome.mandates[role] for outcome in outcomes]), middle)
    welfare = Curve("welfare", np.array([outcome.welfare for outcome in outcomes]), middle)
    return Sweep(lever, values, outcomes, mandate, welfare)
