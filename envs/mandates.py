"""Rewards of governors: terms with weights, as presets by name and as a user's own weights.

A mandate is the weighted sum of terms of the world [bp of K0 per decision] divided by its daily standard deviation.
Presets:

    mandate   each role's part of the protocol's task; a role without a row is paid welfare W, like `joint`
    profit    each role's income: the market's reserves, for `risk` minus losses; the option pool's income for `spread`
    welfare   W for everybody

`daily_sd` of a preset is the standard deviation of its 24-hour sums under default levers on `natural` [bp], measured
by `protogov study scales` (results/scales) and frozen here: a reward keeps its meaning when the physics changes. A
user's own weights are divided by 1, which gives rewards in bp of K0, unless they name a "daily_sd"; `protogov study
scales --weights` measures one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

from protogov.envs.world.state import SCORED
from protogov.envs.world.welfare import TERM_NAMES

DAILY_SD = "daily_sd"
OWN_DRAWDOWN = "risk_drawdown_growth"  # of the mandate's own sum
LARGEST_WEIGHT = 1e12
WELFARE_DAILY_SD = 13.59  # bp, of W's 24-hour sums under defaults


def check_weight(name: str, value: Any) -> None:
    """Raise ValueError unless a weight is a finite number."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not isfinite(value) or abs(value) > LARGEST_WEIGHT:
        raise ValueError(f"{name} = {value!r} must be a number between {-LARGEST_WEIGHT:g} and {LARGEST_WEIGHT:g}.")


@dataclass(frozen=True)
class Term:
    """One named part of a mandate: `weight` times the world's `source`, a sum over the decision."""

    name: str
    weight: float
    source: str

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown source or a weight that is not a number."""
        if self.source not in TERM_NAMES:
            raise ValueError(f"source = {self.source!r} of term {self.name} must be one of {', '.join(TERM_NAMES)}.")
        check_weight(f"weight of term {self.name}", self.weight)


class Mandate(NamedTuple):
    """Terms, and the standard deviation [bp] that divides their weighted sum."""

    terms: tuple[Term, ...]
    daily_sd: float


WELFARE = Mandate((Term("welfare", 1.0, "welfare"),), WELFARE_DAILY_SD)


def _preset(daily_sd: float, **weights: float) -> Mandate:
    return Mandate(tuple(Term(name, weight, name) for name, weight in weights.items()), daily_sd)


_POOL_INCOME = {"pool_fees": 1.0, "pool_interest": 1.0, "pool_hedging": 1.0, "pool_adverse_selection": 1.0}
# preset -> role -> its mandate
PRESETS: dict[str, dict[str, Mandate]] = {
    "mandate": {
        "rate": Mandate(
            (
                Term("reserve_income", 1.0, "reserve_income"),
                Term("supplier_surplus", 1.0, "supplier_surplus"),
                Term("borrower_surplus", 1.0, "borrower_surplus"),
                Term("supplier_haircuts", -1.0, "supplier_haircuts"),
                Term("lockup", -1.0, "lockup"),
                Term("churn", -0.002, "rate_churn"),
            ),
            1.44,
        ),
        "risk": Mandate(
            (
                Term("reserve_income", 1.0, "reserve_income"),
                Term("borrower_surplus", 1.0, "borrower_surplus"),
                Term("bad_debt_growth", -1.5, "bad_debt_growth"),
                Term("liquidation_cost", -0.1, "liquidation_cost"),
                Term("drawdown_growth", -0.5, OWN_DRAWDOWN),
            ),
            8.82,
        ),
        "spread": Mandate(
            (
                Term("edge", 1.0, "edge"),
                Term("hedging_cost", -1.0, "hedging_cost"),
                Term("variance_charge", -1.0, "variance_charge"),
                Term("uninformed_surplus", 0.25, "uninformed_surplus"),
                Term("drawdown_growth", -0.5, "spread_drawdown_growth"),
            ),
            2.18,
        ),
        "joint": WELFARE,
    },
    "profit": {
        "rate": _preset(0.068, reserve_income=1.0),
        "risk": _preset(4.6, reserve_income=1.0, bad_debt_growth=-1.0),
        "spread": _preset(1.06, **_POOL_INCOME),
        "joint": _preset(4.8, reserve_income=1.0, bad_debt_growth=-1.0, **_POOL_INCOME),
    },
    "welfare": dict.fromkeys(("rate", "risk", "spread", "joint"), WELFARE),
}


def default_mandate(role: str) -> Mandate:
    """The default mandate of a role of that name."""
    return PRESETS["mandate"].get(role, WELFARE)


def mandate_of(role: str, value: Any) -> Mandate:
    """The mandate of a preset's name, or of weights by term of the world.

    Args:
        role: name of the role.
        value: "mandate", "profit" or "welfare", or a mapping from terms to weights, which may also hold "daily_sd".

    Raises:
        ValueError: an unknown preset, one without a row for this role, an unknown term, or an invalid weight.
    """
    where = f"mandates[{role!r}]"
    if isinstance(value, str):
        if value == "welfare":
            return WELFARE
        if value == "mandate":
            return default_mandate(role)
        if value not in PRESETS:
            raise ValueError(f"{where} = {value!r} must be one of {', '.join(PRESETS)}, or a mapping of weights.")
        if role not in PRESETS[value]:
            raise ValueError(
                f"{where} = {value!r} is known only for {', '.join(PRESETS[value])}; give weights by term instead."
            )
        return PRESETS[value][role]
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} = {value!r} must be one of {', '.join(PRESETS)}, or a mapping of weights.")
    weights = dict(value)
    daily_sd = weights.pop(DAILY_SD, 1.0)
    for name, weight in weights.items():
        if name not in TERM_NAMES:
            raise ValueError(f"{where} names the term {name!r}, known terms are {', '.join(TERM_NAMES)}.")
        check_weight(f"{where}[{name!r}]", weight)
    mandate = Mandate(tuple(Term(name, float(weight), name) for name, weight in weights.items()), daily_sd)
    check_mandate(where, mandate)
    return mandate


def check_mandate(where: str, mandate: Mandate) -> None:
    """Raise ValueError unless there are terms, a scale above zero, and a drawdown only of supported terms."""
    if not mandate.terms:
        raise ValueError(f"{where} must name at least one term, known terms are {', '.join(TERM_NAMES)}.")
    sd = mandate.daily_sd
    if isinstance(sd, bool) or not isinstance(sd, (int, float)) or not 0.0 < sd < float("inf"):
        raise ValueError(f"{DAILY_SD} = {sd!r} of {where} must be a finite number above 0.")
    sources = [term.source for term in mandate.terms]
    if OWN_DRAWDOWN in sources:
        for source in sources:
            if source not in (*SCORED, OWN_DRAWDOWN):
                raise ValueError(
                    f"{where} weighs {OWN_DRAWDOWN}, the drawdown of its own sum, which can hold "
                    f"{', '.join(SCORED)}, but not {source!r}."
                )


def score_weights(mandate: Mandate) -> dict[str, float]:
    """Weight of each of `SCORED` in the sum of which `risk_drawdown_growth` is the drawdown."""
    weights = dict.fromkeys(SCORED, 0.0)
    for term in mandate.terms:
        if term.source in weights:
            weights[term.source] += term.weight
    return weights
