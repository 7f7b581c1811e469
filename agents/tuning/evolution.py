"""CMA-ES over paired tapes: a budget, restarts, and a rule for when a search has converged.

Hansen, "The CMA evolution strategy: a tutorial" (2016), by the library cmaes. Every generation plays all candidates on
the same tapes; the winner is picked on tapes that the search did not see, among the means of all restarts and the
start, so that a search which found nothing hands back the start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from protogov.agents.tuning.objective import WELFARE, Family, Tapes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Budget:
    """What a search may spend.

    Attributes:
        generations: at most, of all restarts together.
        population: candidates a generation.
        sigma: first step, in actions.
        plateau: generations without a gain of `tolerance` after which a restart is over.
        tolerance: smallest gain of the mean that counts [bp of K0].
        narrow: step below which a restart is over.
        restarts: at most; each doubles the population (IPOP).
    """

    generations: int = 40
    population: int = 12
    sigma: float = 0.35
    plateau: int = 10
    tolerance: float = 0.05
    narrow: float = 0.02
    restarts: int = 2


@dataclass
class Tuning:
    """What a search found.

    Attributes:
        point: F64[size].
        gain: mean of the objective over the start, on the tapes of selection [bp of K0].
        episodes: played, of search and selection together.
        generations: used.
        stopped: why the last restart ended: "narrow", "plateau" or "budget".
        history: best mean of every generation, on the tapes of the search.
    """

    point: Floats
    gain: float = 0.0
    episodes: int = 0
    generations: int = 0
    stopped: str = "budget"
    history: list[float] = field(default_factory=list)


def mean_score(
    tapes: Sequence[Tapes], family: Family, points: Floats, measure: str = WELFARE, held: Floats | None = None
) -> Floats:
    """Mean of a measure for every candidate, scenarios weighted alike: F64[c]."""
    return np.mean([one.play(family, points, held).totals[measure].mean(axis=1) for one in tapes], axis=0)


def tune(
    family: Family,
    search: Sequence[Tapes],
    selection: Sequence[Tapes],
    budget: Budget,
    *,
    measure: str = WELFARE,
    held: Floats | None = None,
    start: Floats | None = None,
    seed: int = 0,
    tell: Callable[[Tuning], None] = lambda tuning: None,
) -> Tuning:
    """Maximise the mean of a measure over tapes.

    Args:
        family: what is tuned.
        search: tapes of the search, one entry a scenario.
        selection: other tapes, on which the winner is picked.
        budget: see `Budget`.
        measure: "welfare", or a role's name for its mandate.
        held: actions of the levers that are not tuned (`Tapes.play`).
        start: F64[size] in [-1, 1]; the defaults by default.
        seed: of the search.
        tell: called after every generation.
    """
    from cmaes import CMA  # only where something is tuned

    origin = np.zeros(family.size) if start is None else np.asarray(start, np.float64)
    found, candidates = Tuning(origin), [origin]
    a_generation = sum(len(one.seeds) for one in search)
    for restart in range(budget.restarts):
        population = budget.population * 2**restart
        search_by = CMA(
            mean=origin, sigma=budget.sigma, bounds=np.tile([-1.0, 1.0], (family.size, 1)), seed=seed + restart,
            population_size=population,
        )  # fmt: skip
        best, since = -np.inf, 0
        found.stopped = "budget"
        while found.generations < budget.generations:
            points = np.array([search_by.ask() for _ in range(population)])
            scores = mean_score(search, family, points, measure, held)
            search_by.tell([(point, -score) for point, score in zip(points, scores, strict=True)])
            found.generations += 1
            found.episodes += population * a_generation
            found.history.append(float(scores.max()))
            average = float(scores.mean())
            since = 0 if average > best + budget.tolerance else since + 1
            best = max(best, average)
            tell(found)
            if search_by._sigma * float(np.sqrt(np.diag(search_by._C).max())) < budget.narrow:
                found.stopped = "narrow"
                break
            if since >= budget.plateau:
                found.stopped = "plateau"
                break
        candidates += [np.clip(search_by.mean, -1.0, 1.0), points[int(np.argmax(scores))]]
        if found.generations >= budget.generations:
            break
    scores = mean_score(selection, family, np.array(candidates), measure, held)
    found.episodes += len(candidates) * sum(len(one.seeds) for one in selection)
    winner = int(np.argmax(scores))
    found.point, found.gain = candidates[winner], float(scores[winner] - scores[0])
    return found
