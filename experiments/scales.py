"""Measure the scales that rewards are divided by, and the price of variance that LPs' asked return comes to.

    python -m protogov.experiments.scales [--seeds 512] [--scenario natural]

prints one number a role and one for welfare [bp of K0]: standard deviations of 24-hour sums under default levers. They
are frozen as `Role.daily_sd` and `WELFARE_DAILY_SD` in `envs/roles.py`, so that a reward means the same in every
experiment. Below stands the hourly variance of the option pool's net book and the `variance_aversion` that follows: LPs
ask `lp_premium` above the outside yield for bearing a book of that variance,

    variance_aversion = lp_premium * lp_size / (8760 * hourly variance)                                   [per USD]

so that a year of it is charged what they ask. Run it after the physics changed.
"""

import sys
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.envs.simulator import Simulator
from protogov.envs.world.state import HOURS_PER_YEAR
from protogov.envs.world.welfare import WELFARE_PARTS
from protogov.experiments import cli
from protogov.experiments.commands.options import Member, opened_scenario, with_physics
from protogov.experiments.errors import BadInput

PROGRAM = "python -m protogov.experiments.scales"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure the daily standard deviation of every mandate and of welfare, and the variance of the pool's book."""

    seeds: int = 512
    """Episodes, one seed each."""
    scenario: str = "natural"
    """A training scenario."""
    member: Member = ""


@dataclass(frozen=True)
class Scales:
    """What was measured under default levers.

    Attributes:
        daily: role, and "welfare" -> 24-hour sums [bp of K0], an entry a world-day.
        hourly_variance: of the option pool's net book, mean over the hours of each episode, F64[seeds] USD^2.
    """

    daily: dict[str, NDArray[np.float64]]
    hourly_variance: NDArray[np.float64]


def measure(scenario: str, seeds: int, config: WorldConfig | None = None) -> Scales:
    """Play `seeds` episodes of a scenario under default levers.

    Args:
        scenario: a registered name.
        seeds: episodes.
        config: one venue, with a `variance_aversion` above zero; the default world when None.

    Raises:
        ValueError: `variance_aversion` is zero: the variance is read from what it is charged.
    """
    config = config if config is not None else WorldConfig()
    aversion = config.parameters.variance_aversion
    if aversion == 0.0:
        raise ValueError("variance_aversion = 0 must be above zero: the book's variance is read from its charge.")
    world = Simulator(config, seeds, scenario=scenario)
    world.reset()
    idle = {agent: np.zeros((seeds, world.action_size(agent))) for agent in world.agents}
    decisions = 24 // config.decision_hours
    names = [*(role.name for role in world.roles.values()), "welfare"]
    sums: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    charge, hours = np.zeros(seeds), 0
    for _ in range(world.horizon // decisions):
        day = {name: np.zeros(seeds) for name in sums}
        for _ in range(decisions):
            step = world.step(idle)
            day["welfare"] += step.terms["welfare_0"][:, WELFARE_PARTS.index("welfare")]
            for agent, role in world.roles.items():
                day[role.name] += step.terms[agent] @ np.array([term.weight for term in role.terms])
            charge += world.worlds["venues"]["sum_variance_charge"][:, 0]
            hours += config.decision_hours
        for name, values in day.items():
            sums[name].append(values)
    return Scales({name: np.concatenate(values) for name, values in sums.items()}, charge / (aversion * hours))


def implied_aversion(hourly_variance: NDArray[np.float64], premium: float, size: float) -> tuple[float, float]:
    """(variance_aversion [per USD], its standard error) at which a year of the variance costs `premium` of `size`.

    Args:
        hourly_variance: of each episode, F64[n], USD^2.
        premium: annual return that is asked for it.
        size: USD that it is asked on.
    """
    mean = float(hourly_variance.mean())
    aversion = premium * size / (HOURS_PER_YEAR * mean)
    return aversion, aversion * standard_error(hourly_variance) / mean


def standard_error(values: NDArray[np.float64]) -> float:
    """Of a mean of independent values [n]."""
    return float(values.std(ddof=1)) / sqrt(values.size)


def run(options: Options, command: str = PROGRAM) -> int:
    """Print the measured scales beside the frozen ones.

    Raises:
        BadInput: an option that cannot be.
    """
    if options.seeds < 2:
        raise BadInput(f"seeds is {options.seeds}; a whole number from 2 is accepted")
    opened_scenario(options.scenario)
    config = with_physics(WorldConfig(), options.member)
    print(f"standard deviation of 24-hour sums [bp of K0], {options.seeds} seeds on {options.scenario}")
    found = measure(options.scenario, options.seeds, config)
    for name, values in found.daily.items():
        frozen = ROLES[name].daily_sd if name in ROLES else ROLES["joint"].daily_sd
        print(f"{name:10s} measured {values.std():8.4f}   frozen {frozen:8.4f}")
    people = config.parameters
    aversion, error = implied_aversion(found.hourly_variance, people.lp_premium, people.lp_size)
    variance = found.hourly_variance
    print(
        f"hourly variance of the option pool's net book: {variance.mean():.4g} +- {standard_error(variance):.2g} USD^2"
    )
    print(
        f"variance_aversion that makes a year of it {people.lp_premium:.1%} of {people.lp_size / 1e6:g}M USD: "
        f"{aversion:.3g} +- {error:.2g} per USD   in force {people.variance_aversion:.3g}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(cli.run_command(sys.modules[__name__], sys.argv[1:], PROGRAM))
