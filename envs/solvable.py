"""Solvable worlds: presets of the simulator whose optimum is known in closed form, to check whoever searches or learns.

    rate            one venue lends from an unlimited supply at its base rate to 128 equal borrowers whose reservation
                    rates are spread evenly from 0 to Rbar = 16%; reward R D. Demand D = D0 (1 - R / Rbar), so the
                    optimum is Rbar / 2 = 8% (a linear monopoly).
    rate-cost       the same, and what is lent costs c = 4% a year: (Rbar + c) / 2 = 10%, here with Rbar = 14%: 9%.
    spread          an option pool at a constant price and vol, without impact, fees, skew or hedge; uninformed buyers
                    arrive as a Poisson process and take a quote with probability exp(-k h); reward h * vega. The
                    optimum is 1 / k (Avellaneda and Stoikov 2008, at no risk aversion): 2.5 vol points at k = 0.4.
    bertrand-rates  two venues with D_v = D0 (1 - (2 R_v - R_w) / .18) (differentiated Bertrand, Singh and Vives 1984);
                    reward R_v D_v. Nash R = .06, where each earns .2222 of D0 * .18; joint optimum R = .09, .25.

All limits on levers are off (autonomy inf), and levers other than the preset's own have no effect on its reward.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, inf

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Flat, Scenario

RATE_TOP, RATE_TOP_WITH_COST, FUNDING_COST = 0.16, 0.14, 0.04
SPREAD_ELASTICITY = 40.0  # per 1.00 of vol: 0.4 a vol point
CHOKE = 0.18
SUPPLY = 1e11  # USD: utilisation below 0.1%, so that the borrow rate is the base rate to 0.01 points
DEBT = 73e6  # USD, wanted at the reference rate


@dataclass(frozen=True)
class Solvable:
    """A world with a known optimum.

    Attributes:
        name: of the preset.
        config: of the world; its `objective` is the reward.
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


def _loans(**changed: float) -> dict[str, float]:
    """Equal, attentive, fearless borrowers and an unlimited supply; no options, no purchases, no liquidations."""
    return {
        "supply_elasticity": 0.0, "supplier_need": 0.0,
        "supply_size": SUPPLY, "treasury_share": 1e-4, "reserve_factor": 1.0, "options_on": 0.0, "debt_size": DEBT,
        "account_size_ratio": 1.0, "leverage_low": 0.5, "leverage_high": 0.5, "safety_low": 1.0, "safety_high": 1.0,
        "idle_share": 0.0, "attentive_activity": 1.0, "borrow_half_life": 0.1, "borrow_stickiness": 0.0,
        "level_stickiness": 0.0, "borrow_elasticity": 50.0, "leverage_buying": 0.0, "lasting_share": 0.0,
    } | changed  # fmt: skip


def _rate(name: str, top: float, cost: float) -> Solvable:
    config = WorldConfig(
        roles=("rate",),
        decision_hours=6,
        episode_hours=24,
        autonomy=inf,
        # a reward of the size of a decision's share of 1: K0 in bp over (D0 * top * 6 h)
        objective={"reserve_income": SUPPLY / 1e4 / (DEBT * top) * 8760.0 / 6.0},
    ).with_parameters(**_loans(reservation_top=top, funding_cost=cost))
    return Solvable(
        name, config, Flat("flat"), "base_rate", (top + cost) / 2.0, lambda r: (r - cost) * (1.0 - r / top) / top
    )


def _spread() -> Solvable:
    pool = 1e9
    config = WorldConfig(
        roles=("spread",),
        decision_hours=6,
        episode_hours=24,
        autonomy=inf,
        objective={"edge": 1.0},
        defaults={"vega_fee": 0.0, "hedge_ratio": 0.0},
    ).with_parameters(
        lp_size=pool, opening_notional=0.0, lend_share=0.0, num_shorts=0, standard_size=1e12, skew_impact=0.0,
        surface_skew=0.0, option_fee=0.0, spot_fee=0.0, vega_fee_rate=0.0, variance_fee=0.0, put_hedging=0.0,
        arrivals=150.0, buy_share=1.0, spread_elasticity=SPREAD_ELASTICITY, informed_cap=0.0, position_cap=100.0,
        hedge_depth=0.0, skew_shift_width=5.0,
        debt_size=1e3, trading_cutoff=24.0, lasting_share=0.0,
    )  # fmt: skip
    return Solvable(
        "spread", config, Flat("flat", informed_share=0.0), "half_spread", 1.0 / SPREAD_ELASTICITY,
        lambda h: h * SPREAD_ELASTICITY * exp(1.0 - SPREAD_ELASTICITY * h),
    )  # fmt: skip


def _bertrand() -> Solvable:
    config = WorldConfig(
        roles=("rate",),
        venues=2,
        decision_hours=6,
        episode_hours=24,
        autonomy=inf,
        objective={"reserve_income": SUPPLY / 1e4 / (DEBT * CHOKE) * 8760.0 / 6.0},
    ).with_parameters(**_loans(demand_choke=CHOKE, venue_choice=0.0, taste_spread=0.0))
    return Solvable(
        "bertrand-rates", config, Flat("flat"), "base_rate", CHOKE / 3.0,
        lambda r: r / CHOKE * (1.0 - r / CHOKE), joint=CHOKE / 2.0,
    )  # fmt: skip


_PRESETS: dict[str, Callable[[], Solvable]] = {
    "rate": lambda: _rate("rate", RATE_TOP, 0.0),
    "rate-cost": lambda: _rate("rate-cost", RATE_TOP_WITH_COST, FUNDING_COST),
    "spread": _spread,
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
