"""O-information of the record: whether governors say the same (above 0) or something only together (below 0).

Rosas, Mediano, Gastpar and Jensen (2019): (n - 2) H(X) + sum over i of H(X_i) - H(X without X_i). Of governors what
happened outside is first taken away by regression. Descriptive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from protogov.envs.interfaces import Governor
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan
from protogov.experiments.studies.emergence.measure import Finding
from protogov.experiments.studies.emergence.optional.record import Record, record, surrogates_of, tested_by_shifts

MOST = 6  # variables; entropies of more need more data than there is
FEWEST = 3
CLAIM = "redundant or synergetic beyond what happened outside (record)"


def o_information(entropy: Callable[[tuple[int, ...]], float], n: int) -> float:
    """Of n variables, in the unit of `entropy`, which gives that of some of them by their places."""
    every = tuple(range(n))
    parts = sum(entropy((i,)) - entropy(tuple(j for j in every if j != i)) for i in every)
    return float((n - 2) * entropy(every) + parts)


def gaussian_o_information(covariance: ArrayLike) -> float:
    """Of normal variables with a covariance F[n, n], in nats."""
    sigma = np.asarray(covariance, np.float64)

    def entropy(places: tuple[int, ...]) -> float:
        k = len(places)
        return float(0.5 * (np.linalg.slogdet(sigma[np.ix_(places, places)])[1] + k * np.log(2.0 * np.pi * np.e)))

    return o_information(entropy, len(sigma))


def discrete_o_information(values: ArrayLike) -> float:
    """Of observed symbols [samples, n], in bits, by relative frequencies."""
    seen = np.asarray(values)

    def entropy(places: tuple[int, ...]) -> float:
        counts = np.unique(seen[:, list(places)], axis=0, return_counts=True)[1]
        share = counts / counts.sum()
        return float(-(share * np.log2(share)).sum())

    return o_information(entropy, seen.shape[1])


@dataclass(frozen=True)
class InformationSample:
    """What was measured of g groups.

    Attributes:
        groups: of governors.
        observed: F64[units, g], nats.
        surrogates: F64[S, units, g], with every series shifted by itself.
    """

    groups: tuple[tuple[str, ...], ...]
    observed: Floats
    surrogates: Floats


@dataclass(frozen=True)
class OInformation:
    """The measure; see the module.

    Attributes:
        shifts: surrogates.
        groups: of governors; by default all that move, and those of each venue (a name's last part).
    """

    shifts: int = 199
    groups: tuple[tuple[str, ...], ...] = ()
    name = "o-information"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> InformationSample:
        """Play, and compare with shifted series.

        Raises:
            BadInput: fewer than three governors move.
        """
        return self.of(record(world, governors, plan))

    def of(self, seen: Record) -> InformationSample:
        """Of a record.

        Raises:
            BadInput: fewer than three governors move.
        """
        groups = self.groups or groups_of(seen.agents)
        if not groups:
            raise BadInput(f"{len(seen.agents)} governors move; {FEWEST} to {MOST} are needed")
        left = _residual(seen)
        places = [tuple(seen.agents.index(agent) for agent in group) for group in groups]

        def statistic(moved: Mapping[int, Floats]) -> Floats:
            series = np.stack([moved.get(place, left.series[..., place]) for place in range(len(left.agents))], axis=-1)
            return np.array(
                [[_of_rows(series[:, rows][..., list(group)]) for group in places] for rows in left.units()]
            )

        every = list(range(len(left.agents)))
        return InformationSample(groups, statistic({}), surrogates_of(statistic, left, every, self.shifts))

    def reduce(self, sample: InformationSample) -> list[Finding]:
        """What differs from the mean of the surrogates, one family."""
        names = [" ".join(group) for group in sample.groups]
        claims = [CLAIM] * len(names)
        return tested_by_shifts(self.name, claims, names, sample.observed, sample.surrogates, upward=False)


def groups_of(agents: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """All agents, and those of each venue, as far as three to six."""
    ends = dict.fromkeys(agent.rpartition("_")[2] for agent in agents)
    groups = [tuple(agents), *(tuple(a for a in agents if a.rpartition("_")[2] == end) for end in ends)]
    return tuple(dict.fromkeys(group for group in groups if FEWEST <= len(group) <= MOST))


def _of_rows(series: Floats) -> float:
    flat = series.reshape(-1, series.shape[-1])
    covariance = np.atleast_2d(np.cov(flat, rowvar=False))
    scale = np.sqrt(np.diag(covariance))
    if (scale <= 1e-12).any() or np.linalg.matrix_rank(covariance / np.outer(scale, scale), tol=1e-10) < len(scale):
        return 0.0  # a governor that stands still in this unit, or says exactly what others say
    return gaussian_o_information(covariance)


def _residual(seen: Record) -> Record:
    """The record less what is linear in what happened outside, unit by unit."""
    if not seen.outside.shape[-1]:
        return seen
    series = seen.series.copy()
    for rows in seen.units():
        known = seen.outside[:, rows].reshape(-1, seen.outside.shape[-1])
        own = series[:, rows].reshape(-1, series.shape[-1])
        weights = np.linalg.lstsq(known, own, rcond=None)[0]
        series[:, rows] = (own - known @ weights).reshape(series[:, rows].shape)
    return Record(seen.agents, series, seen.outside, seen.labels, seen.still)
