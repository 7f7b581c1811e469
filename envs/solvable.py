"""Solvable worlds: presets of the simulator with an optimum in closed form, to check searches and learners.

    rate            One venue lends from an unlimited supply at its base rate to 128 equal borrowers. Their reservation
                    rates are spread evenly from 0 to Rbar = 16%. Reward: R D. Demand D = D0 (1 - R / Rbar), so the
                    optimum is Rbar / 2 = 8% (a linear monopoly).
    rate-cost       The same with Rbar = 14%, and lent money costs c = 4% a year: (Rbar + c) / 2 = 9%.
    spread          An option pool at a constant price and vol, without impact, fees, skew or hedge. Uninformed buyers
                    arrive as a Poisson process and take a quote with probability exp(-k h). Reward: h * vega. The
                    optimum is 1 / k (Avellaneda and Stoikov 2008, at no risk aversion): 2.5 vol points at k = 0.4.
    spread-informed The same, but a tenth of the arrivals know that the quote's vol is D = 8 points too low (calls) or
                    too high (puts), and trade if D > h. Reward: (1 - a) exp(-k h) h - a max(D - h, 0) with a = .1. A
                    search on this formula gives 3.74 points (Glosten and Milgrom 1985, with a demand that falls in h).
    threshold       128 equal loans at LT / 1.02, which is the largest loan that anybody takes, set anew every hour. The
                    price falls once by J ~ U[0, .4] within five minutes. Infinite depth, close factor 1, no bonus.
                    Reward: a gain of .25 per dollar of debt, minus bad debt, max(0, LT / 1.02 - (1 - J)), both divided
                    by the collateral. The optimal loan-to-value is 1 - .4 (1 - .25) = .700, so LT = .714. (A twelfth
                    of the borrowers look in these five minutes and save what they can: the loss is 3 to 8% below this
                    formula.)
    threshold-bonus The same with a bonus b = 5%. One dollar of missing collateral then leaves 1 / (1 + b) of debt
                    unpaid. The loss is measured in collateral, which is (1 + b) times the bad debt:
                    max(0, (1 + b) LT / 1.02 - (1 - J)). The optimal loan-to-value is
                    [1 - .4 (1 - .25 / (1 + b))] / (1 + b) = .662, so LT = .675. (If the loss were the bad debt itself,
                    the bracket would have .4 (1 - .25): .667.)
    logit-duopoly   Two option pools with p = 1 + h in vol points and the logit demand q = exp((2 - p) / .25) / (1 + sum
                    over both), as expected counts. Reward: (p - 1) q. Nash p = 1.472927, joint optimum 1.924981 (the
                    market of Calvano and others 2020).
    bertrand-rates  Two venues with D_v = D0 (1 - (2 R_v - R_w) / .18) (differentiated Bertrand, Singh and Vives 1984).
                    Reward: R_v D_v. Nash R = .06, where each earns .2222 of D0 * .18; joint optimum R = .09, .25.

All limits on levers are off (autonomy inf). Levers other than the preset's own have almost no effect on its reward.
`threshold` is an exception: there a wider gap lends less, as a lower LT does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, inf

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Flat, Scenario
from protogov.envs.scenarios.base import Seeds, Tapes
from protogov.envs.world.noise import Purpose, uniform

RATE_TOP, RATE_TOP_WITH_COST, FUNDING_COST = 0.16, 0.14, 0.04
SPREAD_ELASTICITY = 40.0  # per 1.00 of vol: 0.4 per vol point
CHOKE = 0.18
SUPPLY = 1e11  # USD: utilisation is then below 0.1%, and the borrow rate is the base rate to 0.01 points
GAIN, LARGEST_JUMP = 0.25, 0.4  # per dollar of debt, divided by the collateral; share of the price
BONUS = 0.05
INFORMED, MISPRICING = 0.1, 0.08  # share of arrivals; vol
CAREFUL = 1.02  # threshold divided by the largest loan-to-value of borrowers
LOGIT_SCALE = 0.0025  # vol: 0.25 vol points
DEBT = 73e6  # USD, wanted debt at the reference rate


@dataclass(frozen=True)
class Solvable:
    """A world with a known optimum.

    Attributes:
        name: name of the preset.
        config: configuration of the world; its mandate is the reward.
        scenario: the outside market, which is constant or has one jump.
        lever: the lever that matters, of every venue.
        optimum: its best value in the lever's unit; with rivals the Nash equilibrium.
        value: reward as a share of its scale, as a function of the lever's value (the same at all venues), in closed
            form.
        joint: with rivals, the value that is best for both together; else None.
    """

    name: str
    config: WorldConfig
    scenario: Scenario
    lever: str
    optimum: float
    value: Callable[[float], float]
    joint: float | None = field(default=None)

    def regret(self, lever: float) -> float:
        """(V* - V) / (V* - V_default) of a lever's value, in closed form; 0 at the optimum, 1 at the default."""
        best = self.value(self.optimum)
        return (best - self.value(lever)) / (best - self.value(self.config.lever_default(self.lever)))


def lending_alone(**changed: float) -> dict[str, float]:
    """Parameters: equal, attentive borrowers, fearless suppliers, unlimited supply; no options, purchases or impact."""
    return {
        "supply_elasticity": 0.0, "supplier_need": 0.0,
        "supply_size": SUPPLY, "treasury_share": 1e-4, "reserve_factor": 1.0, "options_on": 0.0, "debt_size": DEBT,
        "account_size_ratio": 1.0, "leverage_low": 0.5, "leverage_high": 0.5, "safety_low": 1.0, "safety_high": 1.0,
        "idle_share": 0.0, "attentive_activity": 1.0, "borrow_half_life": 0.1, "borrow_stickiness": 0.0,
        "reservation_median": 0.09, "level_stickiness": 0.0, "borrow_elasticity": 50.0, "leverage_buying": 0.0,
        "lasting_share": 0.0,
    } | changed  # fmt: skip


def _rate(name: str, top: float, cost: float) -> Solvable:
    # scales the reward so that a decision's share of 1 counts 1: K0 in bp / (D0 * top * 6 h)
    scale = SUPPLY / 1e4 / (DEBT * top) * 8760.0 / 6.0
    config = WorldConfig(
        roles=("rate",),
        decision_hours=6,
        episode_hours=24,
        autonomy=inf,
        mandates={"rate": {"reserve_income": scale, "funding_cost": -scale}},
    ).with_parameters(**lending_alone(reservation_top=top, funding_cost=cost))
    return Solvable(
        name, config, Flat("flat"), "base_rate", (top + cost) / 2.0, lambda r: (r - cost) * (1.0 - r / top) / top
    )


class LastHourJump(Scenario):
    """A constant price that falls by J ~ U[0, `largest`] at the opening of the last hour, in one sub-step."""

    name, split = "last-hour-jump", "free"

    def __init__(self, largest: float) -> None:
        self.largest = largest

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Write a flat tape, then the jump."""
        Flat().fill(tapes, seeds)
        jumps = np.array([self.largest * uniform(seed, 0, 0, 0, Purpose.SOLVABLE_JUMP) for seed in seeds])
        for point in ("open", "high", "low", "close"):
            tapes[point][:, -1] *= 1.0 - jumps


def _threshold(name: str, bonus: float) -> Solvable:
    hours, rate, reference = 24, 0.05, 0.805
    per_collateral = SUPPLY / 1e4 / (DEBT / reference)  # bp of K0 to shares of the collateral's value
    config = WorldConfig(
        roles=("risk",),
        decision_hours=hours,
        episode_hours=hours,
        autonomy=inf,
        mandates={
            "risk": {
                "reserve_income": per_collateral * GAIN * 8760.0 / ((hours - 11 / 12) * rate),  # until the jump
                "bad_debt": -per_collateral * (1.0 + bonus),
            }
        },
        defaults={"base_rate": rate, "ltv_gap": 0.01, "liquidation_bonus": bonus or 0.05},
    ).with_parameters(
        **lending_alone(
            reservation_median=1.0, reservation_spread=0.0, leverage_taste=0.0, leverage_low=1.0, leverage_high=1.0,
            wallet_share=0.0, depth_scale=1e9, close_factor=1.0, full_close_health=1.0, bonus_scale=float(bonus > 0.0),
            liquidator_margin=-1.0, liquidator_margin_congested=0.0, liquidator_inventory_share=0.0, gas_cost=0.0,
            liquidator_attention=1.0, pool_fee=0.0, oracle_pool_weight=0.0, priority_share=0.0,
        )
    )  # fmt: skip
    best = (1.0 - LARGEST_JUMP * (1.0 - GAIN / (1.0 + bonus))) / (1.0 + bonus)

    def value(threshold: float) -> float:
        loan = threshold / CAREFUL
        over = min(max((1.0 + bonus) * loan - (1.0 - LARGEST_JUMP), 0.0), LARGEST_JUMP)
        return GAIN * loan - over * over / (2.0 * LARGEST_JUMP)

    return Solvable(
        name, config, LastHourJump(LARGEST_JUMP), "liquidation_threshold", best * CAREFUL, value
    )  # fmt: skip


def buyers_alone(**changed: float) -> dict[str, float]:
    """Parameters: an option pool that always marks at the tape's vol, only buyers, no fee and no hedge."""
    return {
        "lp_size": 1e9, "opening_notional": 0.0, "lend_share": 0.0, "num_shorts": 0, "standard_size": 1e15,
        "skew_impact": 0.0, "surface_skew": 0.0, "option_fee": 0.0, "spot_fee": 0.0, "vega_fee_rate": 0.0,
        "variance_fee": 0.0, "put_look": 0.0, "gamma_widening": 0.0, "gamma_limit": 1e12, "vega_limit": 1e12,
        "lock_share": 0.0, "lp_choice": 0.0, "option_choice": 0.0, "arrivals": 150.0, "buy_share": 1.0,
        "informed_cap": 0.0,
        "position_cap": 100.0, "hedge_depth": 0.0, "skew_shift_width": 5.0, "debt_size": 1e3, "trading_cutoff": 24.0,
        "lasting_share": 0.0,
    } | changed  # fmt: skip


def _logit() -> Solvable:
    config = WorldConfig(
        roles=("spread",),
        venues=2,
        decision_hours=6,
        episode_hours=24,
        autonomy=inf,
        mandates={"spread": {"edge": 1.0}},
        defaults={"vega_fee": 0.0, "hedge_ratio": 0.0},
    ).with_parameters(**buyers_alone(logit_scale=LOGIT_SCALE, logit_value=0.01, venue_choice=0.0, taste_spread=0.0))

    def value(half_spread: float) -> float:
        weight = exp((0.01 - half_spread) / LOGIT_SCALE)
        return 100.0 * half_spread * weight / (1.0 + 2.0 * weight)

    return Solvable(
        "logit-duopoly", config, Flat("flat", informed_share=0.0), "half_spread", 0.00472927, value, joint=0.00924981
    )


def _spread() -> Solvable:
    config = WorldConfig(
        roles=("spread",),
        decision_hours=6,
        episode_hours=24,
        autonomy=inf,
        mandates={"spread": {"edge": 1.0}},
        defaults={"vega_fee": 0.0, "hedge_ratio": 0.0},
    ).with_parameters(**buyers_alone(spread_elasticity=SPREAD_ELASTICITY))
    return Solvable(
        "spread", config, Flat("flat", informed_share=0.0), "half_spread", 1.0 / SPREAD_ELASTICITY,
        lambda h: h * SPREAD_ELASTICITY * exp(1.0 - SPREAD_ELASTICITY * h),
    )  # fmt: skip


def _spread_informed() -> Solvable:
    plain = _spread()
    # informed traders may sell what others hold: this needs an opening book, and room for all of them
    config = plain.config.with_parameters(
        known_mispricing=MISPRICING, informed_cap=3e9, opening_notional=2e5, lp_size=1e10
    )

    def value(half_spread: float) -> float:
        taken = (1.0 - INFORMED) * half_spread * exp(-SPREAD_ELASTICITY * half_spread)
        return 100.0 * (taken - INFORMED * max(MISPRICING - half_spread, 0.0))

    # at the optimum both marginal gains are equal: (1 - a) exp(-k h) (1 - k h) + a = 0
    spreads = np.linspace(1.0 / SPREAD_ELASTICITY, MISPRICING, 10_001)
    best = float(spreads[int(np.argmax([value(spread) for spread in spreads]))])
    return Solvable(
        "spread-informed", config, Flat("flat", informed_share=INFORMED), "half_spread", best, value
    )  # fmt: skip


def _bertrand() -> Solvable:
    config = WorldConfig(
        roles=("rate",),
        venues=2,
        decision_hours=6,
        episode_hours=24,
        autonomy=inf,
        mandates={"rate": {"reserve_income": SUPPLY / 1e4 / (DEBT * CHOKE) * 8760.0 / 6.0}},
    ).with_parameters(**lending_alone(demand_choke=CHOKE, venue_choice=0.0, taste_spread=0.0))
    return Solvable(
        "bertrand-rates", config, Flat("flat"), "base_rate", CHOKE / 3.0,
        lambda r: r / CHOKE * (1.0 - r / CHOKE), joint=CHOKE / 2.0,
    )  # fmt: skip


_PRESETS: dict[str, Callable[[], Solvable]] = {
    "rate": lambda: _rate("rate", RATE_TOP, 0.0),
    "rate-cost": lambda: _rate("rate-cost", RATE_TOP_WITH_COST, FUNDING_COST),
    "spread": _spread,
    "spread-informed": _spread_informed,
    "threshold": lambda: _threshold("threshold", 0.0),
    "threshold-bonus": lambda: _threshold("threshold-bonus", BONUS),
    "logit-duopoly": _logit,
    "bertrand-rates": _bertrand,
}


def solvable_names() -> tuple[str, ...]:
    """Names that :func:`solvable` accepts."""
    return tuple(_PRESETS)


def solvable(name: str) -> Solvable:
    """The solvable world with this name.

    Raises:
        ValueError: the name is unknown; the message lists the known ones.
    """
    if name not in _PRESETS:
        raise ValueError(f"solvable world {name!r} is not known; known are {', '.join(_PRESETS)}.")
    return _PRESETS[name]()
