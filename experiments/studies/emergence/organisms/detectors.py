"""Detectors of interaction that read records; those that use forks are in `looks.py`.

A detector of records is one function, of this project or of a user:

    def detect(record: Record) -> F64[n]

It returns for each of n episodes the p-value of "the subject's lever does not answer the other's"; below .05 it is an
alarm. It sees nothing but the record: no forks, no governor, no name of what is planted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.controls import granger
from protogov.experiments.studies.emergence.forks import Floats

ALARM = 0.05
RED_DRAWS = 400  # series of red noise that a spectrum is compared with


@dataclass(frozen=True)
class Record:
    """What everybody could see of n episodes of T decisions.

    Attributes:
        other: F64[T, n], the other governor's lever in force, in its unit.
        subject: F64[T, n], that of whom is examined.
        levers: seat/lever -> F64[T, n], of both.
        rewards: seat -> F64[T, n], of both.
        returns: F64[T, n], the market's log return over the decision, as the subject sees it.
    """

    other: Floats
    subject: Floats
    levers: dict[str, Floats]
    rewards: dict[str, Floats]
    returns: Floats


Detector = Callable[[Record], Floats]


def by_granger(record: Record) -> Floats:
    """Granger's test with one lag: whether the other's lever helps to predict the subject's beyond its own past.

    1 where one of the two never moves.
    """
    found = []
    for row in range(record.subject.shape[1]):
        own, other = np.diff(record.subject[:, row]), np.diff(record.other[:, row])
        if min(own.std(), other.std()) == 0.0:
            found.append(1.0)
            continue
        found.append(_granger(own, other))
    return np.array(found)


def _granger(own: Floats, other: Floats) -> float:
    try:
        return granger(own / own.std(), other / other.std())
    except ValueError:  # a lever that repeats the other's to the last bit leaves no residual
        return 0.0


def by_spectrum(record: Record) -> Floats:
    """The highest peak of the subject's lever against red noise of the same persistence (AR(1)); 1 where it is still.

    A shuffled series is no null: whatever is persistent has a peak against it.
    """
    draw = np.random.default_rng(0)
    found = []
    for own in record.subject.T:
        centred = own - own.mean()
        if centred.std() == 0.0:
            found.append(1.0)
            continue
        rho = float(np.clip((centred[1:] * centred[:-1]).sum() / (centred**2).sum(), -0.95, 0.95))
        noise = draw.normal(size=(RED_DRAWS, len(own)))
        for t in range(1, len(own)):
            noise[:, t] += rho * noise[:, t - 1]
        every = np.array([_peak(series, rho) for series in noise])
        found.append((1 + (every >= _peak(centred, rho)).sum()) / (RED_DRAWS + 1))
    return np.array(found)


def _peak(series: Floats, rho: float) -> float:
    """Largest power over the spectrum of AR(1), both with a sum of 1."""
    power = np.abs(np.fft.rfft((series - series.mean()) * np.hanning(len(series)))[1:]) ** 2
    angle = np.pi * np.arange(1, len(power) + 1) / len(power)
    red = 1.0 / (1.0 + rho**2 - 2.0 * rho * np.cos(angle))
    return float((power / power.sum() / (red / red.sum())).max())


RECORD_DETECTORS: dict[str, Detector] = {"granger": by_granger, "spectrum": by_spectrum}


def alarms_of(detector: Detector, record: Record, name: str) -> np.ndarray:
    """Where a detector raises an alarm, bool [n].

    Raises:
        BadInput: what it returns are not n probabilities.
    """
    found = np.asarray(detector(record), np.float64)
    wanted = (record.subject.shape[1],)
    if found.shape != wanted or not ((found >= 0.0) & (found <= 1.0)).all():
        raise BadInput(f"detector {name!r} returned shape {found.shape}; probabilities of shape {wanted} are needed")
    return np.asarray(found < ALARM)
