"""Conditional transfer entropy of the record: what a governor's past tells of another's next move.

Schreiber (2000); for Gaussian variables half the log of a ratio of residual sums, which is half of Granger's measure
(Barnett, Barrett and Seth 2009). Conditioned on the target's own past, on all other governors and on what happened
outside. Descriptive: a common cause that is not among the conditions looks like influence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from protogov.envs.interfaces import Governor
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan
from protogov.experiments.studies.emergence.measure import Finding
from protogov.experiments.studies.emergence.optional.record import Record, record, surrogates_of, tested_by_shifts

TOLD = 1e-9  # share of the variance that counts as nothing left to tell
CLAIM = "tells of the other's next move (record; a common cause may do so too)"


def transfer_entropy(target: Floats, source: Floats, others: Floats, lag: int = 1) -> float:
    """From one series to another given others, in nats.

    .5 ln(RSS without the source / RSS with it), least squares over all rows on `lag` steps of each series.

    Args:
        target: F64[T, n].
        source: F64[T, n].
        others: F64[T, n, m], what is conditioned on.
        lag: steps of the past that are used.
    """

    def past(series: Floats) -> Floats:
        return np.stack([series[lag - k : len(series) - k].ravel() for k in range(1, lag + 1)], axis=1)

    now = target[lag:].ravel()
    known = [past(target), *(past(others[..., column]) for column in range(others.shape[-1])), np.ones((now.size, 1))]
    # what is told exactly has no residual but rounding: both are kept above a small share of the whole
    floor = TOLD * max(float(now @ now), 1e-300)
    restricted = max(_residual(np.concatenate(known, axis=1), now), floor)
    full = max(_residual(np.concatenate([*known, past(source)], axis=1), now), floor)
    return float(0.5 * np.log(restricted / full))


def _residual(known: Floats, now: Floats) -> float:
    weights = np.linalg.lstsq(known, now, rcond=None)[0]
    return float(((now - known @ weights) ** 2).sum())


@dataclass(frozen=True)
class TransferSample:
    """What was measured of k ordered pairs.

    Attributes:
        pairs: (source, target).
        observed: F64[units, k], nats.
        surrogates: F64[S, units, k], with the source shifted.
    """

    pairs: tuple[tuple[str, str], ...]
    observed: Floats
    surrogates: Floats


@dataclass(frozen=True)
class TransferEntropy:
    """The measure; see the module.

    Attributes:
        lag: steps of the past.
        shifts: surrogates.
    """

    lag: int = 1
    shifts: int = 199
    name = "transfer-entropy"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> TransferSample:
        """Play, and compare with shifted sources."""
        return self.of(record(world, governors, plan))

    def of(self, seen: Record) -> TransferSample:
        """Of a record, for every ordered pair of governors that move."""
        places = [(i, j) for i in range(len(seen.agents)) for j in range(len(seen.agents)) if i != j]
        observed = np.stack([self._units(seen, i, j, seen.series[..., i]) for i, j in places], axis=-1)
        chance = []
        for number, (i, j) in enumerate(places):

            def statistic(moved: Mapping[int, Floats], i: int = i, j: int = j) -> Floats:
                return self._units(seen, i, j, moved[i])

            chance.append(surrogates_of(statistic, seen, [i], self.shifts, seed=number))
        pairs = tuple((seen.agents[i], seen.agents[j]) for i, j in places)
        return TransferSample(pairs, observed, np.stack(chance, axis=-1))

    def _units(self, seen: Record, i: int, j: int, source: Floats) -> Floats:
        rest = [place for place in range(len(seen.agents)) if place not in (i, j)]
        known = np.concatenate([seen.series[..., rest], seen.outside], axis=-1)
        return np.array(
            [
                transfer_entropy(seen.series[:, rows, j], source[:, rows], known[:, rows], self.lag)
                for rows in seen.units()
            ]
        )

    def reduce(self, sample: TransferSample) -> list[Finding]:
        """What exceeds the mean of the surrogates, one family."""
        names = [f"{source} -> {target}" for source, target in sample.pairs]
        claims = [CLAIM] * len(names)
        return tested_by_shifts(self.name, claims, names, sample.observed, sample.surrogates, upward=True)
