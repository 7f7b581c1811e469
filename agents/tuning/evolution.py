"""CMA-ES over paired tapes: a budget, restarts, and a rule for when a search has converged.

Hansen, "The CMA evolution strategy: a tutorial" (2016), by the library cmaes. Every generation plays all candidates on
the same tapes; the winner is picked on tapes that the search did not see, among the means of all restarts, the start
and what other searches found, so that a search which found nothing hands back the start. How near to each other two
restarts end, of other noise and where possible from other places, says how far to trust a search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from protogov.agents.tuning.objective import WELFARE, Family, Game

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Budget:
    """What a search may spend.

    Attributes:
        generations: at most, of each restart.
        population: candidates a generation.
        sigma: first step, in actions.
        plateau: generations without a gain of `tolerance` after which a restart is over.
        tolerance: smallest gain of the mean that counts [bp of K0].
        narrow: step below which a restart is over.
        restarts: searches one after the other; each doubles the population (IPOP).
    """

    generations: int = 40
    population: int = 12
    sigma: float = 0.35
    plateau: int = 10
    tolerance: float = 0.05
    narrow: float = 0.02
    restarts: int = 2


@dataclass
class Restart:
    """One of a search's runs from a place to its end.

    Attributes:
        population: candidates a generation.
        stopped: why it ended: "narrow", "plateau" or "budget".
        history: the generations' means of the objective, on the tapes of the search [bp of K0].
        gain: mean of the objective at its end over the start, on the tapes of selection [bp of K0].
    """

    population: int
    stopped: str = "budget"
    history: list[float] = field(default_factory=list)
    gain: float = 0.0


@dataclass
class Tuning:
    """What a search found.

    Attributes:
        point: F64[size].
        gain: mean of the objective over the start, on the tapes of selection [bp of K0].
        episodes: played, of search and selection together.
        restarts: in their order; while a search runs the last one is under way.
    """

    point: Floats
    gain: float = 0.0
    episodes: int = 0
    restarts: list[Restart] = field(default_factory=list)

    @property
    def generations(self) -> int:
        """Used by all restarts."""
        return sum(len(restart.history) for restart in self.restarts)

    @property
    def converged(self) -> bool:
        """Whether every restart ended because there was no more to gain, not because its budget was spent."""
        return all(restart.stopped != "budget" for restart in self.restarts)


def mean_score(
    tapes: Sequence[Game], family: Family, points: Floats, measure: str = WELFARE, held: Floats | None = None
) -> Floats:
    """Mean of a measure for every candidate, scenarios weighted alike: F64[c]."""
    return np.mean([one.play(family, points, held).totals[measure].mean(axis=1) for one in tapes], axis=0)


def tune(
    family: Family,
    search: Sequence[Game],
    selection: Sequence[Game],
    budget: Budget,
    *,
    measure: str = WELFARE,
    held: Floats | None = None,
    start: Floats | None = None,
    known: Sequence[Floats] = (),
    seed: int = 0,
    on_generation: Callable[[Tuning], None] = lambda tuning: None,
) -> Tuning:
    """Maximise the mean of a measure over tapes.

    Args:
        family: what is tuned.
        search: tapes of the search, one entry a scenario.
        selection: other tapes, on which the winner is picked.
        budget: see `Budget`.
        measure: "welfare", or a role's name for its mandate.
        held: actions of the levers that are not tuned (`Tapes.play`).
        start: F64[size] in [-1, 1], where the first restart begins; the defaults by default.
        known: F64[size] each, points that other searches found. Later restarts begin at the one of them and of the
            start that is best on the tapes of the search; without any, at the start.
        seed: of the search.
        on_generation: called after every generation.
    """
    origin = np.zeros(family.size) if start is None else np.asarray(start, np.float64)
    places = [origin, *(np.asarray(point, np.float64) for point in known)]
    found, ends = Tuning(origin), list[Floats]()
    a_generation = sum(len(one.seeds) for one in search)
    for at in range(budget.restarts):
        place = origin
        if at > 0 and len(places) > 1:
            place = places[int(np.argmax(mean_score(search, family, np.array(places), measure, held)))]
            found.episodes += len(places) * a_generation
        restart = Restart(budget.population * 2**at)
        found.restarts.append(restart)

        def score(points: Floats, restart: Restart = restart) -> Floats:
            scores = mean_score(search, family, points, measure, held)
            restart.history.append(float(scores.mean()))
            found.episodes += len(points) * a_generation
            on_generation(found)
            return scores

        ends += _search(place, budget, restart, seed + at, score)
    candidates = np.array([*places, *ends])
    scores = mean_score(selection, family, candidates, measure, held)
    found.episodes += len(candidates) * sum(len(one.seeds) for one in selection)
    winner = int(np.argmax(scores))
    found.point, found.gain = candidates[winner], float(scores[winner] - scores[0])
    for restart, pair in zip(found.restarts, scores[len(places) :].reshape(-1, 2), strict=True):
        restart.gain = float(pair.max() - scores[0])
    return found


def _search(
    place: Floats, budget: Budget, restart: Restart, seed: int, score: Callable[[Floats], Floats]
) -> list[Floats]:
    """Search from `place` until the restart is over; its mean and the best candidate of its last generation."""
    from cmaes import CMA  # only where something is tuned

    search_by = CMA(
        mean=place, sigma=budget.sigma, bounds=np.tile([-1.0, 1.0], (len(place), 1)), seed=seed,
        population_size=restart.population,
    )  # fmt: skip
    best, since = -np.inf, 0
    while restart.stopped == "budget":
        points = np.array([search_by.ask() for _ in range(restart.population)])
        scores = score(points)
        search_by.tell([(point, -value) for point, value in zip(points, scores, strict=True)])
        average = float(scores.mean())
        since = 0 if average > best + budget.tolerance else since + 1
        best = max(best, average)
        if search_by._sigma * float(np.sqrt(np.diag(search_by._C).max())) < budget.narrow:
            restart.stopped = "narrow"
        elif since >= budget.plateau:
            restart.stopped = "plateau"
        elif len(restart.history) >= budget.generations:
            break
    return [np.clip(search_by.mean, -1.0, 1.0), points[int(np.argmax(scores))]]
