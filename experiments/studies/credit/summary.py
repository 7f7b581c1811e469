"""From differences between branches to tables: what arrives when, and how much of an estimate is the effect.

Every number has a 95% percentile interval over whole tapes, because states of one tape are not independent.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import Floats, Interval, ends_of, percentile, seed_draws
from protogov.experiments.core.tables import Table, columns, groups
from protogov.experiments.studies.credit.plan import (
    ALONE,
    CRITICS,
    CUTS,
    EVERYBODY,
    GIVEN,
    PUSH,
    TWINS,
    cut,
    gae,
    simulated,
)

DISCOUNTS: Mapping[str, float] = {
    "gamma .95, lambda .95": 0.95 * 0.95,
    "gamma .95": 0.95,
    "gamma .99, lambda .95": 0.99 * 0.95,
    "gamma .99": 0.99,
    "none": 1.0,
}
SHOWN = (1, 2, 4, 8, 12, 20, 28, 40)  # decisions after which the table of arrivals says what is there
DAY = 4  # decisions
RESAMPLES = 400


def summarise(table: Table, name: Mapping[str, str], decisions: int) -> dict[str, Table]:
    """Tables `effects`, `arrival`, `discounts` and `estimators` of the rows of `playing.visit`.

    Args:
        table: all rows of one world.
        name: columns that name the world.
        decisions: that were played after each state.
    """
    found: dict[str, list[dict[str, Any]]] = {"effects": [], "arrival": [], "discounts": [], "estimators": []}
    for key, rows in groups(table, ("role",)):
        sample = Sample(rows, decisions)
        same = {**name, **key}
        explained = {critic: rows[f"explained, {critic}"][0] for critic in CRITICS}
        found["effects"].append({**same, **sample.effect(), **explained})
        found["arrival"] += [same | row for row in sample.arrival()]
        found["discounts"] += [same | row for row in sample.discounted()]
        found["estimators"] += [same | row for row in sample.judged()]
    return {kind: columns(rows) for kind, rows in found.items()}


class Sample:
    """Effects of one governor's noise at all visited states, and estimates of them.

    Args:
        rows: of one governor, as `playing.visit` gives them.
        decisions: that were played after each state.
    """

    def __init__(self, rows: Table, decisions: int) -> None:
        order = np.lexsort((rows["decision"], rows["tape"]))
        tapes = len(np.unique(rows["tape"]))

        def shaped(name: str) -> Floats:
            return np.asarray(rows[name][order], np.float64).reshape(tapes, -1)

        self.effects, self.again, self.forks = (
            np.array([shaped(f"{kind}_{lag}") for lag in range(decisions)]) for kind in ("effect", "again", "fork")
        )  # each F64[decisions, tapes, states]
        self.total, self.other = self.effects.sum(axis=0), self.again.sum(axis=0)
        self.decisions, self._draws = decisions, seed_draws(tapes, RESAMPLES)
        sums = self.forks.cumsum(axis=0)
        self.estimates: dict[str, Floats] = {ALONE: self.total, EVERYBODY: sums[-1]}
        self.estimates |= {cut(length): sums[length - 1] for length in CUTS if length < decisions}
        names = [gae(critic, twin) for critic in CRITICS for twin in TWINS]
        self.estimates |= {name: shaped(name) for name in rows if name in (*simulated(decisions), *names)}
        self.push = shaped(PUSH)

    def _interval(self, of: Callable[..., float], *arrays: Floats) -> Interval:
        """A number of arrays F64[tapes, states] and its interval over tapes."""
        replicated = [of(*(array[draw] for array in arrays)) for draw in self._draws]
        return percentile(of(*arrays), replicated, len(arrays[0]))

    def effect(self) -> dict[str, Any]:
        """How large the effect is, after a day and in all, and when half and nine tenths of it are there."""
        sizes = np.abs(self.effects).mean(axis=(1, 2))
        return {
            **ends_of(
                {
                    "deviation": self._interval(np.std, self.total),
                    "mean": self._interval(np.mean, self.total),
                    "day": self._interval(np.std, self.effects[:DAY].sum(axis=0)),
                    "push": self._interval(np.std, self.push),
                }
            ),
            "half": reached(sizes, 0.5),
            "most": reached(sizes, 0.9),
        }

    def arrival(self) -> list[dict[str, Any]]:
        """What is there after some decisions: share of the absolute effect, deviation of the sum, how much repeats."""
        sizes = np.abs(self.effects).mean(axis=(1, 2)).cumsum()
        rows = []
        for after in (after for after in SHOWN if after <= self.decisions):
            early, again = (of[:after].sum(axis=0) for of in (self.effects, self.again))
            rows.append(
                {"after": after, "absolute": share_of(sizes[after - 1], sizes[-1]), "deviation": float(np.std(early)),
                 **ends_of({"repeats": self._interval(repeated, early, again)})}
            )  # fmt: skip
        return rows

    def discounted(self) -> list[dict[str, Any]]:
        """Correlation of a discounted sum with the whole effect, and with the effect in another future."""
        rows = []
        for name, discount in DISCOUNTS.items():
            factors = discount ** np.arange(self.decisions)
            seen = np.tensordot(factors, self.effects, 1)
            other = ends_of({"other": self._interval(correlation, seen, self.other)})
            rows.append({"discount": name, "same": correlation(seen, self.total), **other})
        return rows

    def judged(self) -> list[dict[str, Any]]:
        """Each estimate beside the effect, and its variance for equal market hours beside that of the default."""
        costs = simulated(self.decisions)
        given, rows = self.estimates[GIVEN], []
        first, again = (of[:DAY].sum(axis=0) for of in (self.effects, self.again))
        for name, estimate in self.estimates.items():
            cost = costs.get(name, 1.0 + 3.0 * self.decisions)  # a governor's own noise has a branch of its own

            def reduction(own: Floats, default: Floats, share: float = costs[GIVEN] / cost) -> float:
                return share * share_of(float(np.var(default)), float(np.var(own)))

            found = {
                "correlation": self._interval(correlation, estimate, self.total),
                "reduction": self._interval(reduction, estimate, given),
            }
            sizes = {
                "deviation": float(np.std(estimate)), "signal": signal(estimate, self.total),
                "day": signal(estimate, first), "common": common_signal(estimate, first, again),
            }  # fmt: skip
            rows.append({"estimator": name, "simulated": cost, **sizes, **ends_of(found)})
        return rows


def reached(sizes: Floats, share: float) -> int:
    """Decisions until this share of the sum of sizes F64[decisions] has arrived, at least 1."""
    return int(np.searchsorted(sizes.cumsum(), share * sizes.sum() - 1e-12)) + 1


def covariance(one: Floats, other: Floats) -> float:
    """Covariance over all entries."""
    return float(np.mean((one - one.mean()) * (other - other.mean())))


def share_of(part: float, whole: float) -> float:
    """Their ratio; nan if there is nothing to have a share of."""
    return part / whole if whole > 0.0 else float("nan")


def signal(estimate: Floats, effect: Floats) -> float:
    """Variance of the effect over that of an estimate."""
    return share_of(float(np.var(effect)), float(np.var(estimate)))


def common_signal(estimate: Floats, effect: Floats, other: Floats) -> float:
    """Variance that the effect has in common with the same in another future, over that of an estimate."""
    return share_of(covariance(effect, other), float(np.var(estimate)))


def correlation(one: Floats, other: Floats) -> float:
    """Correlation over all entries; 0 if one of them is constant."""
    scale = float(np.std(one) * np.std(other))
    return covariance(one, other) / scale if scale > 0.0 else 0.0


def repeated(one: Floats, other: Floats) -> float:
    """Share of the variance of an effect that two futures of the same states have in common."""
    return share_of(covariance(one, other), float(np.var(one) + np.var(other)) / 2.0)
