"""Dynamics: cycles against red noise, divergence of twins that meet the same noise, phases that lock.

Peaks    Welch's spectrum of each governor's levers against that of AR(1) noise with the same persistence. A shuffle
         is no null: whatever is persistent has a peak against it (Allen and Smith 1996).
Twins    two branches with the same noise, one a hair away: the mean growth rate of their distance is the largest
         Lyapunov exponent (Benettin et al. 1980), looked at for three distances. Above 0 for all: chaos.
Phases   the length of the mean of exp(i (phase_1 - phase_2)), phases by Hilbert's transform (Lachaux et al. 1999),
         against series shifted in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from protogov.envs.interfaces import Governor
from protogov.experiments.core.statistics import ENOUGH_SEEDS, LEVEL, POWER, student_t
from protogov.experiments.core.text import number
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan, fork_points
from protogov.experiments.studies.emergence.measure import SIGNIFICANT, Finding, family
from protogov.experiments.studies.emergence.optional.record import (
    Record,
    record,
    surrogates_of,
    tested_by_shifts,
)

MANY = 0.9  # share of rows whose twins have to be near

# ---------------------------------------------------------------------- spectrum


def welch_spectrum(series: Floats) -> tuple[Floats, Floats]:
    """Frequencies in cycles per decision without 0, F64[f], and power of each row of F64[T, n], F64[f, n]."""
    from scipy.signal import welch  # slow to import

    size = min(len(series), max(8, 2 * (len(series) // 3)))
    frequencies, power = welch(series, nperseg=size, axis=0, detrend="constant")
    return frequencies[1:], power[1:]


def red_spectrum(rho: float, frequencies: Floats) -> Floats:
    """Spectrum of AR(1) noise, up to a factor."""
    return np.asarray(1.0 / (1.0 + rho**2 - 2.0 * rho * np.cos(2.0 * np.pi * frequencies)))


def persistence(series: Floats) -> float:
    """Lag-one autocorrelation of all rows of F64[T, n] together, within ±.95."""
    variance = float((series**2).mean())
    return float(np.clip((series[1:] * series[:-1]).mean() / variance, -0.95, 0.95)) if variance > 0.0 else 0.0


def red_noise(rho: float, shape: tuple[int, int], draw: np.random.Generator) -> Floats:
    """AR(1) noise in its steady state, F64[T, n]; a row has mean 0."""
    noise = draw.normal(size=shape)
    noise[0] /= np.sqrt(1.0 - rho**2)
    for t in range(1, shape[0]):
        noise[t] += rho * noise[t - 1]
    return np.asarray(noise - noise.mean(axis=0))


def _over_red(series: Floats) -> tuple[Floats, Floats]:
    """Frequencies, and power over that of red noise of the same persistence and power, F64[f, n]."""
    frequencies, power = welch_spectrum(series)
    red = red_spectrum(persistence(series), frequencies)
    scale = power.mean(axis=1).sum() / red.sum()
    return frequencies, power / (scale * red)[:, None]


@dataclass(frozen=True)
class PeaksSample:
    """What was measured of A governors.

    Attributes:
        agents: A names.
        frequencies: F64[f], cycles per decision.
        spectra: F64[units, A, f], power over that of red noise.
        chance: F64[S, A], highest mean peak of red noise.
        bands: F64[A, f], 95% quantile of red noise at each frequency.
    """

    agents: tuple[str, ...]
    frequencies: Floats
    spectra: Floats
    chance: Floats
    bands: Floats


@dataclass(frozen=True)
class Peaks:
    """Peaks of spectra; see the module.

    Attributes:
        draws: of red noise.
    """

    draws: int = 400
    name = "dynamics"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> PeaksSample:
        """Play, and compare with red noise."""
        return self.of(record(world, governors, plan))

    def of(self, seen: Record) -> PeaksSample:
        """Of a record."""
        draw = np.random.default_rng(0)
        spectra, chance, bands, frequencies = [], [], [], np.empty(0)
        for place in range(len(seen.agents)):
            series = seen.series[..., place]
            frequencies, over = _over_red(series)
            spectra.append(np.stack([over[:, rows].mean(axis=1) for rows in seen.units()]))
            rho = persistence(series)
            again = np.stack([_over_red(red_noise(rho, series.shape, draw))[1].mean(axis=1) for _ in range(self.draws)])
            chance.append(again.max(axis=1))
            bands.append(np.quantile(again, LEVEL, axis=0))
        return PeaksSample(
            seen.agents, frequencies, np.stack(spectra, axis=1), np.stack(chance, axis=1), np.stack(bands)
        )

    def reduce(self, sample: PeaksSample) -> list[Finding]:
        """The highest peak of each governor over red noise, which has 1; one family."""
        mean = sample.spectra.mean(axis=0)
        at = mean.argmax(axis=1)
        spread = sample.chance.std(axis=0, ddof=1)
        spread = np.where(spread > 0.0, spread, np.inf)
        middle = sample.chance.mean(axis=0)
        largest = ((sample.chance - middle) / spread).max(axis=1)
        units, findings = len(sample.spectra), []
        for place, agent in enumerate(sample.agents):
            height = float(mean[place, at[place]])
            p = float((1 + (largest >= (height - middle[place]) / spread[place]).sum()) / (1 + len(largest)))
            detectable = float(middle[place] + (np.quantile(largest, LEVEL) + _normal(POWER)) * spread[place] - 1.0)
            found = bool(p <= SIGNIFICANT and units >= ENOUGH_SEEDS)
            words = (
                "a cycle"
                if found
                else f"underpowered: {units} units, {ENOUGH_SEEDS} are needed for a claim"
                if units < ENOUGH_SEEDS
                else "not found: red noise has such peaks"
            )
            name = f"power of {agent} over red noise at {number(float(sample.frequencies[at[place]]))} per decision"
            interval = student_t(sample.spectra[:, place, at[place]])
            findings.append(Finding(self.name, name, interval, 1.0, p, detectable, words, found))
        return findings


def _normal(level: float) -> float:
    from scipy.special import ndtri  # scipy.stats takes half a second to import

    return float(ndtri(level))


# ---------------------------------------------------------------------- twins


@dataclass(frozen=True)
class TwinsSample:
    """What was measured with E distances at the start.

    Attributes:
        epsilons: F64[E], by how much the twin's first action differs.
        rates: F64[units, E], growth of the log of the distance a decision; NaN where nothing moved.
    """

    epsilons: Floats
    rates: Floats


@dataclass(frozen=True)
class Twins:
    """Divergence of twins; see the module.

    Attributes:
        epsilons: differences of the first action of `agent`'s first lever.
        agent: who differs; by default the first.
        outcomes: in which the distance is taken (root mean square, each over its own standard deviation); all that the
            plan reads by default.
        skip: decisions after the push that do not count, while the difference turns to where it grows.
        far: distance in standard deviations beyond which twins no longer feel how near they were; the slope ends before
            nine of ten rows are not within it any more.
    """

    epsilons: tuple[float, ...] = (1e-2, 1e-3, 1e-4)
    agent: str = ""
    outcomes: tuple[str, ...] = ()
    skip: int = 2
    far: float = 0.1
    name = "dynamics"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> TwinsSample:
        """Fork twins at every time of the plan.

        Raises:
            BadInput: too short a branch for a slope.
        """
        if plan.steps < self.skip + 3:
            raise BadInput(f"the plan has {plan.steps} steps; {self.skip + 3} at least are needed for a rate of growth")
        agent = self.agent or world.agents[0]
        found = []
        for point in fork_points(world, governors, plan):
            base = point.run(plan.steps)
            names = self.outcomes or tuple(base.outcomes)
            scale = {name: max(float(base.outcomes[name].std()), 1e-300) for name in names}
            rates = []
            for epsilon in self.epsilons:
                path = np.full_like(base.asked[agent][:1], np.nan)
                inward = np.where(base.asked[agent][0, :, 0] > 0.0, -epsilon, epsilon)  # never against a limit
                path[0, :, 0] = base.asked[agent][0, :, 0] + inward
                twin = point.run(plan.steps, {agent: path})
                gaps = [((twin.outcomes[name] - base.outcomes[name]) / scale[name]) ** 2 for name in names]
                rates.append(self._rates(np.sqrt(np.mean(gaps, axis=0))))
            found.append(np.stack(rates, axis=-1))
        with np.errstate(invalid="ignore"):
            every = np.stack(found)
            weight = np.isfinite(every)
            mean = np.where(weight, every, 0.0).sum(axis=0) / np.where(weight.any(axis=0), weight.sum(axis=0), np.nan)
        units = np.stack([_mean_of(mean[plan.labels == label]) for label in np.unique(plan.labels)])
        return TwinsSample(np.array(self.epsilons), units)

    def _rates(self, distance: Floats) -> Floats:
        """Mean growth of each row's log distance F64[T, n] up to a common end, F64[n].

        The end is the same for all rows, as one that depends on a row's own growth would favour slow rows.
        """
        away = np.quantile(distance, MANY, axis=1) >= self.far
        end = int(np.argmax(away)) if away.any() else len(distance)
        logs = np.log(np.where(distance > 0.0, distance, np.nan))[self.skip : end]
        if len(logs) < 2:
            return np.full(distance.shape[1], np.nan)
        return np.asarray((logs[-1] - logs[0]) / (len(logs) - 1))

    def reduce(self, sample: TwinsSample) -> list[Finding]:
        """The exponent at each distance; chaos is claimed where all are above 0."""
        names = [f"largest Lyapunov exponent, twins {number(float(e))} apart" for e in sample.epsilons]
        usable = np.isfinite(sample.rates).all(axis=0)
        if not usable.any():
            return []
        findings = family(
            self.name, "diverging twins", [names[place] for place in np.flatnonzero(usable)],
            sample.rates[:, usable], upward=True,
        )  # fmt: skip
        together = len(findings) == len(names) and all(one.found for one in findings)
        converging = all(one.interval.high < 0.0 for one in findings)
        if together:
            return [_worded(one, "chaos: twins diverge at every distance") for one in findings]
        words = "twins come together" if converging else "no chaos: not every distance grows"
        return [_worded(one, words if not one.verdict.startswith("underpowered") else one.verdict) for one in findings]


def _worded(one: Finding, words: str) -> Finding:
    return replace(one, verdict=words, found=words.startswith("chaos"))


def _mean_of(values: Floats) -> Floats:
    """Of the finite values of each column."""
    ok = np.isfinite(values)
    return np.asarray(np.where(ok, values, 0.0).sum(axis=0) / np.where(ok.any(axis=0), ok.sum(axis=0), np.nan))


# ---------------------------------------------------------------------- phases


def phase_locking(first: Floats, second: Floats) -> float:
    """Length of the mean of exp(i difference of phases) of F64[T, n] both, 0 to 1."""
    from scipy.signal import hilbert  # slow to import

    def phase(series: Floats) -> Any:
        return np.angle(hilbert(series - series.mean(axis=0), axis=0))

    return float(np.abs(np.exp(1j * (phase(first) - phase(second))).mean(axis=0)).mean())


@dataclass(frozen=True)
class PhasesSample:
    """What was measured of k pairs.

    Attributes:
        pairs: of governors.
        observed: F64[units, k].
        surrogates: F64[S, units, k].
    """

    pairs: tuple[tuple[str, str], ...]
    observed: Floats
    surrogates: Floats


@dataclass(frozen=True)
class Phases:
    """Phase locking; see the module.

    Attributes:
        shifts: surrogates.
    """

    shifts: int = 199
    name = "dynamics"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> PhasesSample:
        """Play, and compare with shifted series."""
        return self.of(record(world, governors, plan))

    def of(self, seen: Record) -> PhasesSample:
        """Of a record, for every pair that moves."""
        places = [(i, j) for i in range(len(seen.agents)) for j in range(i)]

        def units(i: int, j: int, series: Floats) -> Floats:
            return np.array([phase_locking(series[:, rows], seen.series[:, rows, j]) for rows in seen.units()])

        observed = np.stack([units(i, j, seen.series[..., i]) for i, j in places], axis=-1)
        chance = []
        for seed, (i, j) in enumerate(places):

            def statistic(moved: Mapping[int, Floats], i: int = i, j: int = j) -> Floats:
                return units(i, j, moved[i])

            chance.append(surrogates_of(statistic, seen, [i], self.shifts, seed))
        pairs = tuple((seen.agents[j], seen.agents[i]) for i, j in places)
        return PhasesSample(pairs, observed, np.stack(chance, axis=-1))

    def reduce(self, sample: PhasesSample) -> list[Finding]:
        """What exceeds the mean of shifted series, one family."""
        names = [f"phases of {one} and {other}" for one, other in sample.pairs]
        claims: Sequence[str] = ["locked phases (record; a common cause may do so too)"] * len(names)
        return tested_by_shifts(self.name, claims, names, sample.observed, sample.surrogates, upward=True)
