"""Solvable worlds: presets of the simulator whose optimum is known in closed form, to check whoever searches or learns.

    rate            one venue lends from an unlimited supply at its base rate to 128 equal borrowers whose reservation
                    rates are spread evenly from 0 to Rbar = 16%; reward R D. Demand D = D0 (1 - R / Rbar), so the
                    optimum is Rbar / 2 = 8% (a linear monopoly).
    rate-cost       the same with Rbar = 14%, and what is lent costs c = 4% a year: (Rbar + c) / 2 = 9%.
    spread          an option pool at a constant price and vol, without impact, fees, skew or hedge; uninformed buyers
                    arrive as a Poisson process and take a quote with probability exp(-k h); reward h * vega. The
                    optimum is 1 / k (Avellaneda and Stoikov 2008, at no risk aversion): 2.5 vol points at k = 0.4.
    spread-informed the same, but a tenth of those who arrive know that the quote's vol is D = 8 points too low (calls)
                    or too high (puts) and trade if D > h: (1 - a) exp(-k h) h - a max(D - h, 0) with a = .1, by a
                    search on that formula 3.74 points (Glosten and Milgrom 1985 with a demand that falls in h).
    threshold       128 equal loans at LT / 1.02 (as near to LT as anybody goes), rebased every hour; the price falls
                    once by J ~ U[0, .4] in five minutes; infinite depth, close factor 1, no bonus; gain .25 a dollar of
                    debt over collateral, less bad debt over collateral, max(0, LT / 1.02 - (1 - J)). The optimal
                    loan-to-value is 1 - .4 (1 - .25) = .700, so LT = .714. (A twelfth of the borrowers happens to look
                    in those five minutes and saves what it can: the loss is 3 to 8% below this formula.)
    threshold-bonus the same at a bonus b = 5%, where collateral that falls short by a dollar leaves 1 / (1 + b) of debt
                    unpaid. The loss is told in collateral, (1 + b) times the bad debt: max(0, (1 + b) LT / 1.02 -
                    (1 - J)), so that the loan-to-value is [1 - .4 (1 - .25 / (1 + b))] / (1 + b) = .662, LT = .675.
                    (With bad debt itself for the loss it would be .4 (1 - .25) in the bracket: .667.)
    logit-duopoly   two option pools with p = 1 + h in vol points and the logit demand q = exp((2 - p) / .25) / (1 + sum
                    over both), expected counts; reward (p - 1) q. Nash p = 1.472927, joint optimum 1.924981 (the
                    market of Calvano and others 2020).
    bertrand-rates  two venues with D_v = D0 (1 - (2 R_v - R_w) / .18) (differentiated Bertrand, Singh and Vives 1984);
                    reward R_v D_v. Nash R = .06, where each earns .2222 of D0 * .18; joint optimum R = .09, .25.

All limits on levers are off (autonomy inf), and levers other than the preset's own have next to no effect on its
reward; but for `threshold`, where a wider gap lends less, as a lower LT does.
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
SPREAD_ELASTICITY = 40.0  # per 1.00 of vol: 0.4 a vol point
CHOKE = 0.18
SUPPLY = 1e11  # USD: utilisation below 0.1%, so that the borrow rate is the base rate to 0.01 points
GAIN, LARGEST_JUMP = 0.25, 0.4  # a dollar of debt over collateral; share of the price
BONUS = 0.05
INFORMED, MISPRICING = 0.1, 0.08  # share of arrivals; vol
CAREFUL = 1.02  # threshold over the loan-to-value of the boldest borrowers
LOGIT_SCALE = 0.0025  # vol: 0.25 vol points
DEBT = 73e6  # USD, wanted at the reference rate


@dataclass(frozen=True)
class Solvable:
    """A world with a known optimum.

    Attributes:
        name: of the preset.
        config: of the world; its mandate is the reward.
        scenario: what the outside market does, which is nothing.
        lever: the one that matters, of every venue.
        optimum: its best value in the lever's unit; of rivals the Nash equilibrium.
        value: reward as a share of its scale, from the lever's value (all venues alike), in closed form.
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
        """(V* - V) / (V* - V_default) of a lever's value against the optimum, in closed form; 0 is perfect."""
        best = self.value(self.optimum)
        return (best - self.value(lever)) / (best - self.value(self.config.lever_default(self.lever)))


def lending_alone(**changed: float) -> dict[str, float]:
    """Equal, attentive, fearless borrowers and an unlimited supply; no options, no purchases, no liquidations."""
    return {
        "supply_elasticity": 0.0, "supplier_need": 0.0,
        "supply_size": SUPPLY, "treasury_share": 1e-4, "reserve_factor": 1.0, "options_on": 0.0, "debt_size": DEBT,
        "account_size_ratio": 1.0, "leverage_low": 0.5, "leverage_high": 0.5, "safety_low": 1.0, "safety_high": 1.0,
        "idle_share": 0.0, "attentive_activity": 1.0, "borrow_half_life": 0.1, "borrow_stickiness": 0.0,
        "reservation_median": 0.09, "level_stickiness": 0.0, "borrow_elasticity": 50.0, "leverage_buying": 0.0,
        "lasting_share": 0.0,
    } | changed  # fmt: skip


def _rate(name: str, top: float, cost: float) -> Solvable:
    # a reward of the size of a decision's share of 1: K0 in bp over (D0 * top * 6 h)
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
    """A price that stands still and falls by J ~ U[0, `largest`] with the opening of the last hour, in one sub-step."""

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
    """An option pool that marks at the tape's vol whatever is traded, with buyers alone, no fee and no hedge."""
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
    # who knows may sell what others hold: a book to begin with, and room for all of them
    config = plain.config.with_parameters(
        known_mispricing=MISPRICING, informed_cap=3e9, opening_notional=2e5, lp_size=1e10
    )

    def value(half_spread: float) -> float:
        taken = (1.0 - INFORMED) * half_spread * exp(-SPREAD_ELASTICITY * half_spread)
        return 100.0 * (taken - INFORMED * max(MISPRICING - half_spread, 0.0))

    # at the best the marginal gain on the one equals that on the other: (1 - a) exp(-k h) (1 - k h) + a = 0
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
    """Names that :func:`solvable` knows."""
    return tuple(_PRESETS)


def solvable(name: str) -> Solvable:
    """A world whose optimum is known.

    Raises:
        ValueError: an unknown name; the message lists the known ones.
    """
    if name not in _PRESETS:
        raise ValueError(f"solvable world {name!r} is not known; known are {', '.join(_PRESETS)}.")
    return _PRESETS[name]()
