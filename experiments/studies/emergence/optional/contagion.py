"""Contagion: what a loss at one venue costs each of them, by forks; and, of the record, MES and delta-CoVaR.

The matrix is E[loss_j | do(shock at i)] - E[loss_j] for a shock of one unit, its spectral radius that of its part off
the diagonal: above 1 losses would grow as they go round. MES (Acharya, Pedersen, Philippon and Richardson 2017) is the
mean return of one on the days on which all together are at their worst; delta-CoVaR (Adrian and Brunnermeier 2016) what
one's distress adds to a quantile of another, by quantile regression. Both are descriptive: a common cause is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Governor
from protogov.experiments.core.statistics import Interval, percentile, seed_draws
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan, fork_points
from protogov.experiments.studies.emergence.measure import Finding, family

ENOUGH_POINTS = 10_000  # for a tail of 5%
WORST = 0.05
RESAMPLES = 200
CLAIM = "contagion"
OWN = "own loss"


@dataclass(frozen=True)
class ContagionSample:
    """What was measured of V venues.

    Attributes:
        venues: V names.
        losses: F64[units, V, V], [u, j, i] what a unit of shock at i adds to the loss of j.
    """

    venues: tuple[str, ...]
    losses: Floats


@dataclass(frozen=True)
class Contagion:
    """The measure; see the module.

    Attributes:
        shocks: venue -> (what is done to a branch's own copy of the world, its size).
        loss: outcome of the plan's `read` that is what a venue loses in a decision, with `{venue}` for its name.
    """

    shocks: Mapping[str, tuple[Callable[[Any], None], float]]
    loss: str = "loss/{venue}"
    name = "contagion"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> ContagionSample:
        """Fork with each shock and without, at every time of the plan."""
        venues, found = tuple(self.shocks), []
        for point in fork_points(world, governors, plan):
            base = self._lost(point.run(plan.steps).outcomes, venues)
            more = [
                (self._lost(point.run(plan.steps, change=shock).outcomes, venues) - base) / size
                for shock, size in self.shocks.values()
            ]
            found.append(np.stack(more, axis=-1))
        return ContagionSample(venues, plan.by_unit(np.mean(found, axis=0)))

    def _lost(self, outcomes: Mapping[str, Floats], venues: Sequence[str]) -> Floats:
        """Over a branch, F64[n, V]."""
        return np.stack([outcomes[self.loss.format(venue=venue)].sum(axis=0) for venue in venues], axis=-1)

    def reduce(self, sample: ContagionSample) -> list[Finding]:
        """Every entry of the matrix, one family, and the spectral radius of what passes between venues."""
        places = [(j, i) for i in range(len(sample.venues)) for j in range(len(sample.venues))]
        names = [f"loss of {sample.venues[j]} after a shock at {sample.venues[i]}" for j, i in places]
        claims = [OWN if i == j else CLAIM for j, i in places]
        findings = family(
            self.name, claims, names, np.stack([sample.losses[:, j, i] for j, i in places], axis=1), upward=True
        )
        draws = seed_draws(len(sample.losses), RESAMPLES)
        radii = [spectral_radius(sample.losses[draw].mean(axis=0)) for draw in draws]
        radius = percentile(spectral_radius(sample.losses.mean(axis=0)), radii, len(sample.losses))
        # an eigenvalue is above 0 as soon as all entries of a cycle are: their claims are its test
        cycle = [one for one, (j, i) in zip(findings, places, strict=True) if i != j]
        found = bool(cycle) and all(one.found for one in cycle)
        p = max((one.adjusted_p for one in cycle), default=np.nan)
        words = "as its entries" if found else "not found: not every entry off the diagonal is"
        findings.append(Finding(self.name, "spectral radius between venues", radius, 0.0, p, np.nan, words, found))
        return findings


def spectral_radius(matrix: Floats) -> float:
    """Of a square matrix without its diagonal."""
    between = matrix - np.diag(np.diag(matrix))
    return float(np.abs(np.linalg.eigvals(between)).max())


# ---------------------------------------------------------------------- of the record


def marginal_expected_shortfall(own: Floats, system: Floats, share: float = WORST) -> float:
    """Mean of one's returns F64[m] where those of all, F64[m], are in their worst `share`."""
    return float(own[system <= np.quantile(system, share)].mean())


def delta_covar(of: Floats, given: Floats, share: float = WORST) -> float:
    """How much lower the `share` quantile of `of` is where `given` is at its own, than where it is at its median.

    By quantile regression of one on the other (statsmodels), both F64[m].
    """
    from statsmodels.regression.quantile_regression import QuantReg  # slow to import

    slope = QuantReg(of, np.stack([np.ones_like(given), given], axis=1)).fit(q=share).params[1]
    return float(slope * (np.quantile(given, share) - np.median(given)))


@dataclass(frozen=True)
class TailSample:
    """Returns of a record.

    Attributes:
        venues: V names.
        returns: F64[m, V].
        blocks: I64[m], number of the episode that a return is of: whole episodes are drawn again.
    """

    venues: tuple[str, ...]
    returns: Floats
    blocks: NDArray[np.int64]


@dataclass(frozen=True)
class Tails:
    """MES and delta-CoVaR of a record, with percentile intervals by drawing whole episodes again.

    Attributes:
        outcome: of the plan's `read`, a venue's return on a decision, with `{venue}` for its name.
        venues: names.
        resamples: of whole episodes.
        share: of the worst returns.
    """

    venues: tuple[str, ...]
    outcome: str = "return/{venue}"
    resamples: int = RESAMPLES
    share: float = WORST
    name = "contagion"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> TailSample:
        """Play the plan's seeds from the opening."""
        point = next(fork_points(world, governors, Plan(plan.seeds, None, (0,), plan.steps, plan.read, plan.limits)))
        outcomes = point.run(plan.steps).outcomes
        returns = np.stack([outcomes[self.outcome.format(venue=venue)].T.ravel() for venue in self.venues], axis=-1)
        return TailSample(self.venues, returns, np.repeat(np.arange(len(plan.seeds)), plan.steps))

    def reduce(self, sample: TailSample) -> list[Finding]:
        """Descriptive; withheld below 10,000 returns."""
        points = len(sample.returns)
        venues = range(len(sample.venues))
        numbers: list[tuple[str, Callable[[Floats], float]]] = [
            (f"MES of {sample.venues[i]}", partial(self._shortfall, i)) for i in venues
        ]
        numbers += [
            (f"delta-CoVaR of {sample.venues[j]} given {sample.venues[i]}", partial(self._covar, j, i))
            for i in venues for j in venues if i != j
        ]  # fmt: skip
        enough = points >= ENOUGH_POINTS
        words = (
            "descriptive: a common cause is in it"
            if enough
            else f"withheld: {points:,} returns of the record, {ENOUGH_POINTS:,} are needed"
        )
        rows = [np.flatnonzero(sample.blocks == block) for block in np.unique(sample.blocks)]
        chosen = [np.concatenate([rows[k] for k in draw]) for draw in seed_draws(len(rows), self.resamples)]
        findings = []
        for name, make in numbers:
            if enough:
                again = [make(sample.returns[pick]) for pick in chosen]
                interval = percentile(make(sample.returns), again, len(rows))
            else:
                interval = Interval(float("nan"), float("nan"), float("nan"), len(rows))
            findings.append(Finding(self.name, name, interval, np.nan, np.nan, np.nan, words, False))
        return findings

    def _shortfall(self, venue: int, returns: Floats) -> float:
        return marginal_expected_shortfall(returns[:, venue], returns.sum(axis=1), self.share)

    def _covar(self, of: int, given: int, returns: Floats) -> float:
        return delta_covar(returns[:, of], returns[:, given], self.share)
