"""Laws of scenarios: which are known in closed form, and what the futures of a state say of the others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.laws.characteristic import heston, merton
from protogov.envs.laws.grid_law import GridLaw, invert
from protogov.envs.laws.sample_law import SampleLaw
from protogov.envs.scenarios import HestonProcess, MertonProcess, PathScenario, Scenario, scenario_names
from protogov.envs.scenarios.known import VARIANCE_UNIT
from protogov.envs.scenarios.lookup import get_scenario
from protogov.envs.world.state import HOURS_PER_YEAR

Floats = NDArray[np.float64]


def known_names() -> tuple[str, ...]:
    """Registered scenarios whose law is known in closed form, in alphabetical order."""
    return tuple(name for name in scenario_names() if is_known(get_scenario(name)))


def is_known(scenario: Scenario) -> bool:
    """Whether :func:`known_law` knows it."""
    return isinstance(scenario, PathScenario) and isinstance(scenario.walk, MertonProcess | HestonProcess)


def known_law(scenario: Scenario, marks: ArrayLike, hours: ArrayLike) -> GridLaw:
    """The law of the log return of the tape's closes over the next hours, of each row.

    Args:
        scenario: `gbm`, `merton`, `heston` or another with a walk of theirs.
        marks: I64[n], what the walk says of the hour from which the return runs (:meth:`PathScenario.marks`).
        hours: F64[n], of the return, positive.

    Raises:
        ValueError: the law of this scenario is not known in closed form, or hours are not positive.
    """
    variance = np.asarray(marks, np.float64) * VARIANCE_UNIT
    span = np.asarray(hours, np.float64)
    if variance.shape != span.shape or span.ndim != 1 or not (span > 0.0).all():
        raise ValueError(f"marks {variance.shape} and hours {span.shape} must be rows of one length, hours positive.")
    years = span / HOURS_PER_YEAR
    walk = scenario.walk if isinstance(scenario, PathScenario) else None
    if isinstance(walk, MertonProcess):
        hazard = walk.jump_hazard * HOURS_PER_YEAR
        jumps = hazard * (walk.jump_mean**2 + walk.jump_spread**2)

        def log_characteristic(u: Any) -> Any:
            return merton(u, years, variance, hazard, walk.jump_mean, walk.jump_spread)

        return invert(log_characteristic, len(span), np.sqrt((variance + jumps) * years))
    if isinstance(walk, HestonProcess):
        mean, speed = walk.vol**2, np.log(2.0) / walk.half_life
        noise = walk.vol_of_vol * np.sqrt(2.0 * speed * mean)
        to_years = HOURS_PER_YEAR
        held = np.maximum(variance, 1e-12)

        def log_characteristic_of(u: Any) -> Any:
            return heston(u, years, held, mean, speed * to_years, noise * np.sqrt(to_years), walk.leverage)

        average = mean + (held - mean) * -np.expm1(-speed * span) / (speed * span)
        return invert(log_characteristic_of, len(span), np.sqrt(average * years))
    raise ValueError(
        f"the law of scenario {scenario.name!r} is not known in closed form; known are {', '.join(known_names())}; "
        "future_law takes any that can be resumed."
    )


def future_law(
    scenario: PathScenario, seed: int, hour: int, hours: Sequence[int], futures: int = 10_000, *, first: int = 2**52
) -> dict[int, SampleLaw]:
    """Laws of the log return from an hour of one tape, from futures of that state: hours of the return -> law.

    Args:
        scenario: whose walk can be resumed.
        seed: of the tape.
        hour: from which the returns run.
        hours: of the returns, positive.
        futures: how many, each with noise of its own.
        first: seed of the first future.

    Raises:
        ValueError: as :meth:`PathScenario.resume`, or hours that are not positive.
    """
    if not hours or min(hours) < 1 or futures < 2:
        raise ValueError(f"hours are {list(hours)} and futures {futures}; hours from 1 and two futures are accepted.")
    tapes = scenario.resume(seed, hour, np.arange(first, first + futures, dtype=np.uint64), hour + max(hours))
    logs = np.log(tapes["close"][:, hour:].astype(np.float64))
    return {span: SampleLaw.of(logs[:, span] - logs[:, 0]) for span in hours}
