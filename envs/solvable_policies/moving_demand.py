"""A lender's monopoly with a moving demand: `switching` between two states, and `tracking` an AR(1) demand."""

from collections.abc import Callable, Mapping
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import RoleView, Step
from protogov.envs.scenarios import Flat, Scenario
from protogov.envs.scenarios.base import Seeds, Tapes
from protogov.envs.solvable import SUPPLY, lending_alone
from protogov.envs.solvable_policies.base import Feedback, Known, SolvablePolicy, still
from protogov.envs.solvable_policies.optima import Floats, Switching, Tracking
from protogov.envs.world.lever_table import LEVER_BY_NAME
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.population.borrowers import REFERENCE_RATE
from protogov.envs.world.state import HOURS_PER_YEAR

# as numbers: numba needs forty times as long to recognise the type of an enum
_STATE, _SHOCK = np.uint64(Purpose.TAPE_REGIME), np.uint64(Purpose.TAPE_DEMAND)
LAST_RATE = 0.10  # annual: the lever's upper end
START_RATE = 0.05  # annual: the default, the middle of the range, where actions are linear in the rate


class MovingDemand(Scenario):
    """A demand for loans that may change at every decision. It follows the funding rate with a delay of one hour.

    Leverage demand is z. At the opening z = 1, so the population is the same in every episode.

    Args:
        name: name of the scenario.
        walk: function of seeds, U64[n], and a number of decisions -> F64[n, decisions], z of each.
        decision_hours: hours of a decision of the world.
        moves_price: whether the price of the coin is proportional to z; the largest possible loan is then too.
    """

    split = "free"
    kind = "synthetic"
    signal = 0.2  # annual funding rate at z = 2

    def __init__(
        self, name: str, walk: Callable[[Seeds, int], Floats], decision_hours: int, *, moves_price: bool
    ) -> None:
        self.name, self.walk, self.decision_hours, self.moves_price = name, walk, decision_hours, moves_price

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Write a flat tape, then the demand and the funding rate that announces it."""
        Flat().fill(tapes, seeds)
        hours = tapes.shape[1] - 1
        demand = self.walk(seeds, hours // self.decision_hours + 1)
        hourly = np.repeat(demand, self.decision_hours, axis=1)[:, : hours + 1]
        tapes["funding"] = self.signal * (hourly - 1.0)
        tapes["leverage_demand"][:, 1:] = hourly[:, :-1]
        if self.moves_price:
            for point in ("open", "high", "low", "close"):
                tapes[point][:, 1:] *= hourly[:, :-1]


def seen_demand(view: RoleView) -> Floats:
    """Demand z of the coming decision, F64[n], from the funding rate."""
    return 1.0 + np.asarray(view.raw("funding")) / MovingDemand.signal


def _monopoly(top: float, hours: int, decisions: int, weights: Mapping[str, float], **more: Any) -> WorldConfig:
    """The world `rate` with one lever: reserve income is worth r D / D0 per decision, at r = R / top."""
    full = 73e6  # USD: debt at a rate of 0 and z = 1
    income = SUPPLY / 1e4 / (full * top) * HOURS_PER_YEAR / hours
    return WorldConfig(
        roles={"rate": ("base_rate",)},
        decision_hours=hours,
        episode_hours=hours * decisions,
        autonomy=inf,
        defaults={"base_rate": START_RATE},
        mandates={"rate": {"reserve_income": income, **weights}},
        **more,
    ).with_parameters(
        **lending_alone(
            reservation_top=top,
            debt_size=full * (1.0 - REFERENCE_RATE / top),
            oracle_pool_weight=0.0,  # the oracle then follows the price at once
            num_accounts=64,
            leverage_low=0.1,  # so low that no fall of the price endangers a loan
            leverage_high=0.1,
        )
    )


def _rate_policy(
    config: WorldConfig, top: float, target: Callable[[Floats, Floats], Floats]
) -> Callable[[RoleView], dict[str, Floats]]:
    """A rule for the base rate, from a rule that gives r = R / top as a function of z and of r before."""

    def rule(view: RoleView) -> dict[str, Floats]:
        return {"base_rate": top * target(seen_demand(view), view.levers["base_rate"] / top)}

    return rule


# ---------------------------------------------------------------- switching

_TOP, _LOW, _HIGH, _SWITCH, _PROPORTIONAL_COST = 0.125, 0.5, 1.5, 0.1, 0.8
_DECISIONS = 40
_DECISION_HOURS = 6


def two_states(seeds: Seeds, decisions: int) -> Floats:
    """A demand that is low or high, F64[n, decisions]: random at the opening, then it changes with `_SWITCH`."""
    draws = np.array([[uniform(seed, 0, t, 0, _STATE) for t in range(decisions)] for seed in seeds])
    flips = draws < _SWITCH
    flips[:, 0] = draws[:, 0] < 0.5
    return np.where(np.cumsum(flips, axis=1) % 2 == 1, _HIGH, _LOW)


def switching() -> SolvablePolicy:
    """Demand in two states; the cost of a move is proportional to its size."""
    # a move of r by 1 costs `_PROPORTIONAL_COST`; a churn of 1 is a move by one cap of the lever
    cap = LEVER_BY_NAME["base_rate"].cap / _TOP
    config = _monopoly(_TOP, _DECISION_HOURS, _DECISIONS, {"rate_churn": -_PROPORTIONAL_COST * cap})
    theory = Switching(
        _LOW, _HIGH, _SWITCH, _PROPORTIONAL_COST, _DECISIONS, START_RATE / _TOP, np.linspace(0.0, LAST_RATE / _TOP, 161)
    )

    def known(policy: NDArray[np.int64]) -> Known:
        def target(demand: Floats, before: Floats) -> Floats:
            rows = [np.interp(before, theory.grid, theory.grid[row]) for row in policy]
            return np.where(demand > 1.0, rows[1], rows[0])

        return Known(Feedback(config, "rate", _rate_policy(config, _TOP, target)), theory.value(policy))

    constant = theory.best_constant()
    return SolvablePolicy(
        "switching",
        config,
        MovingDemand("two-states", two_states, _DECISION_HOURS, moves_price=False),
        "rate_0",
        ("funding", "lever_executed[base_rate]"),
        optimum=known(theory.policy),
        constant=Known(still(config, "rate", base_rate=constant * _TOP), theory.constant_value(constant)),
        default=Known(still(config, "rate"), theory.constant_value(theory.opening)),
        others={"chase": known(theory.chase()), "myopic": known(theory.myopic())},
    )


# ---------------------------------------------------------------- tracking

_TRACKED_TOP, _PERSISTENCE, _SPREAD, _SQUARED_COST = 0.12, 0.95, 0.3, 10.0


def wandering(seeds: Seeds, decisions: int) -> Floats:
    """A demand that is an AR(1) around 1, stationary, F64[n, decisions]; limited to three standard deviations."""
    demand = np.zeros((len(seeds), decisions))
    for row, seed in enumerate(seeds):
        gap = 0.0
        for t in range(decisions):
            fresh = 1.0 if t == 0 else sqrt(1.0 - _PERSISTENCE**2)
            gap = _PERSISTENCE * gap + fresh * _SPREAD * normal(seed, 0, t, 0, _SHOCK)
            demand[row, t] = 1.0 + gap
    return np.clip(demand, 1.0 - 3.0 * _SPREAD, 1.0 + 3.0 * _SPREAD)


def reward_less_squared_moves(step: Step, agent: str) -> Floats:
    """The reward of `tracking`, F64[n]: the mandate's reward minus the cost of the squared move of r."""
    moved = step.terms[agent][:, 1] * LEVER_BY_NAME["base_rate"].cap / _TRACKED_TOP
    return np.asarray(step.rewards[agent] - _SQUARED_COST * moved**2)


def tracking() -> SolvablePolicy:
    """Demand that is an AR(1); the cost of a move is proportional to its square."""
    config = _monopoly(
        _TRACKED_TOP, _DECISION_HOURS, _DECISIONS, {"rate_churn": 0.0}, reward_fn=reward_less_squared_moves
    )
    theory = Tracking(_PERSISTENCE, _SPREAD, _SQUARED_COST, _DECISIONS, START_RATE / _TRACKED_TOP)

    def known(keep: float, answer: float) -> Known:
        def target(demand: Floats, before: Floats) -> Floats:
            return 0.5 + keep * (before - 0.5) + answer * (demand - 1.0)

        return Known(Feedback(config, "rate", _rate_policy(config, _TRACKED_TOP, target)), theory.value(keep, answer))

    constant = theory.best_constant()
    return SolvablePolicy(
        "tracking",
        config,
        MovingDemand("wandering", wandering, _DECISION_HOURS, moves_price=True),
        "rate_0",
        ("funding", "lever_executed[base_rate]"),
        optimum=known(*theory.gains),
        constant=Known(still(config, "rate", base_rate=constant * _TRACKED_TOP), theory.constant_value(constant)),
        default=Known(still(config, "rate"), theory.constant_value(theory.opening)),
        others={"chase": known(0.0, 0.5), "myopic": known(*theory.myopic())},
    )
