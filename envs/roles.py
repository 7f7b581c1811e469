"""Each role: the levers it moves, the features it sees and the terms of its mandate. Groups names; computes nothing."""

from dataclasses import dataclass
from typing import NamedTuple

from protogov.envs.world.features import FEATURES, VENUE_FEATURES, WORLD_FEATURES, Feature
from protogov.envs.world.lever_table import LEVER_BY_NAME, LEVERS, Lever, levers_of
from protogov.envs.world.welfare import TERM_NAMES


@dataclass(frozen=True)
class Term:
    """One named part of a mandate: `weight` times the world's `source`, a sum over the decision."""

    name: str
    weight: float
    source: str

    def __post_init__(self) -> None:
        """Raises ValueError for a source that the world does not account for."""
        if self.source not in TERM_NAMES:
            raise ValueError(f"source = {self.source!r} of term {self.name} must be one of {', '.join(TERM_NAMES)}.")


@dataclass(frozen=True)
class Role:
    """A kind of governor. Its mandate is the weighted sum of `terms` [bp of K0 a decision].

    It sees those of `features` whose group the world shows.

    `daily_sd` is the standard deviation of the mandate's 24-hour sums under default levers on `natural`
    [bp], measured once (`protogov study scales`) and frozen; the reward is the mandate over it.
    """

    name: str
    levers: tuple[str, ...]
    features: tuple[str, ...]
    terms: tuple[Term, ...]
    daily_sd: float

    def lever_rows(self) -> tuple[Lever, ...]:
        """The levers' rows of the table, in the order of the action."""
        return tuple(LEVER_BY_NAME[name] for name in self.levers)

    def feature_rows(self) -> tuple[Feature, ...]:
        """The features' rows of the tables, in the order of the observation."""
        return tuple(FEATURES[name] for name in self.features)


def lever_names(role: str) -> tuple[str, ...]:
    """Names of the levers that belong to a role, in the order of the table."""
    return tuple(LEVERS[index].name for index in levers_of(role))


# What every role may see, as far as the world shows it (`WorldConfig.observe`); of rivals the levers of a decision ago.
SHARED = tuple(feature.name for feature in (*WORLD_FEATURES, *VENUE_FEATURES) if feature.name != "lever_lagged")

RATE = Role(
    name="rate",
    levers=lever_names("rate"),
    features=SHARED,
    terms=(
        Term("reserve_income", 1.0, "reserve_income"),
        Term("supplier_surplus", 1.0, "supplier_surplus"),
        Term("borrower_surplus", 1.0, "borrower_surplus"),
        Term("supplier_haircuts", -1.0, "supplier_haircuts"),
        Term("lockup", -1.0, "lockup"),
        Term("churn", -0.002, "rate_churn"),
    ),
    daily_sd=1.44,
)
RISK = Role(
    name="risk",
    levers=lever_names("risk"),
    features=SHARED,
    terms=(
        Term("reserve_income", 1.0, "reserve_income"),
        Term("borrower_surplus", 1.0, "borrower_surplus"),
        Term("bad_debt_growth", -1.5, "bad_debt_growth"),
        Term("liquidation_cost", -0.1, "liquidation_cost"),
        Term("drawdown_growth", -0.5, "risk_drawdown_growth"),
    ),
    daily_sd=8.82,
)
SPREAD = Role(
    name="spread",
    levers=lever_names("spread"),
    features=SHARED,
    terms=(
        Term("edge", 1.0, "edge"),
        Term("hedging_cost", -1.0, "hedging_cost"),
        Term("variance_charge", -1.0, "variance_charge"),
        Term("uninformed_surplus", 0.25, "uninformed_surplus"),
        Term("drawdown_growth", -0.5, "spread_drawdown_growth"),
    ),
    daily_sd=2.18,
)
JOINT = Role(
    name="joint",
    levers=tuple(LEVER_BY_NAME),
    features=SHARED,
    terms=(Term("welfare", 1.0, "welfare"),),
    daily_sd=13.59,
)
ROLES: dict[str, Role] = {role.name: role for role in (RATE, RISK, SPREAD, JOINT)}
WELFARE_DAILY_SD = 13.59  # bp, of W's 24-hour sums under defaults: as Role.daily_sd


class Agent(NamedTuple):
    """A governor's place in the world: its name, its role and the venue it governs."""

    name: str
    role: Role
    venue: int


def make_agents(roles: tuple[str, ...], venues: int) -> tuple[Agent, ...]:
    """`rate_0`, `risk_0`, … for each role and venue, venue by venue.

    Raises:
        ValueError: a role is unknown, named twice, or two roles share a lever.
    """
    for name in roles:
        if name not in ROLES:
            raise ValueError(f"roles contains {name!r}, known roles are {', '.join(ROLES)}.")
    held = [lever for name in roles for lever in ROLES[name].levers]
    if len(set(held)) != len(held) or not roles:
        raise ValueError(f"roles = {roles!r} must be at least one role, and no two of them may share a lever.")
    return tuple(Agent(f"{name}_{venue}", ROLES[name], venue) for venue in range(venues) for name in roles)
