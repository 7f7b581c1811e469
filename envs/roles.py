"""Each role: its levers, its features and the terms of its mandate. Groups names; computes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from protogov.envs.mandates import (
    OWN_DRAWDOWN,
    WELFARE,
    Mandate,
    Term,
    check_mandate,
    default_mandate,
    mandate_of,
    score_weights,
)
from protogov.envs.world.features import FEATURES, VENUE_FEATURES, WORLD_FEATURES, Feature
from protogov.envs.world.lever_table import LEVER_BY_NAME, LEVERS, Lever, levers_of

# Every role may see these, if the world shows them (`WorldConfig.observe`); of rivals, the levers one decision ago.
SHARED = tuple(feature.name for feature in (*WORLD_FEATURES, *VENUE_FEATURES) if feature.name != "lever_lagged")
TAKEN = ("welfare",)  # `Step.terms` has W of each venue under that name


@dataclass(frozen=True)
class Role:
    """A kind of governor. Its mandate is the weighted sum of `terms` [bp of K0 per decision].

    It sees the `features` whose group the world shows.

    `daily_sd` is the standard deviation of the mandate's 24-hour sums under default levers on `natural` [bp]; the
    reward is the mandate divided by it (`protogov.envs.mandates`).

    Example:
        >>> Role("curator", ("base_rate", "liquidation_threshold")).terms
        (Term(name='welfare', weight=1.0, source='welfare'),)
    """

    name: str
    levers: tuple[str, ...]
    features: tuple[str, ...] = SHARED
    terms: tuple[Term, ...] = WELFARE.terms
    daily_sd: float = WELFARE.daily_sd

    def __post_init__(self) -> None:
        """Raise ValueError for an invalid name, an unknown lever or feature, or a bad mandate."""
        if not isinstance(self.name, str) or not self.name.isidentifier() or self.name in TAKEN:
            raise ValueError(
                f"roles names {self.name!r}, a name must be letters, digits and '_', not start with a digit, and not "
                f"be {' or '.join(map(repr, TAKEN))}."
            )
        for field, known, least in (("levers", LEVER_BY_NAME, 1), ("features", FEATURES, 1)):
            names = getattr(self, field)
            if isinstance(names, str) or not isinstance(names, Sequence) or len(names) < least:
                raise ValueError(f"{field} = {names!r} of role {self.name!r} must be a tuple of names, at least one.")
            object.__setattr__(self, field, tuple(names))
            for name in names:
                if name not in known:
                    raise ValueError(f"role {self.name!r} names {name!r}, known {field} are {', '.join(known)}.")
            if len(set(names)) != len(names):
                raise ValueError(f"{field} = {tuple(names)!r} of role {self.name!r} must name each once.")
        object.__setattr__(self, "terms", tuple(self.terms))
        check_mandate(f"role {self.name!r}", self.mandate)

    @property
    def mandate(self) -> Mandate:
        """Terms and scale."""
        return Mandate(self.terms, self.daily_sd)

    def lever_rows(self) -> tuple[Lever, ...]:
        """The levers' rows of the table, in the order of the action."""
        return tuple(LEVER_BY_NAME[name] for name in self.levers)

    def feature_rows(self) -> tuple[Feature, ...]:
        """The features' rows of the tables, in the order of the observation."""
        return tuple(FEATURES[name] for name in self.features)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, for `read_roles`; features are left out if they are all features."""
        data: dict[str, Any] = {
            "levers": list(self.levers),
            "terms": [asdict(term) for term in self.terms],
            "daily_sd": self.daily_sd,
        }
        if self.features != SHARED:
            data["features"] = list(self.features)
        return data


def lever_names(role: str) -> tuple[str, ...]:
    """Names of the levers that belong to a role, in the order of the table."""
    return tuple(LEVERS[index].name for index in levers_of(role))


def _shipped(name: str, levers: tuple[str, ...]) -> Role:
    return Role(name, levers, SHARED, *default_mandate(name))


ROLES: dict[str, Role] = {name: _shipped(name, lever_names(name)) for name in ("rate", "risk", "spread")}
ROLES["joint"] = _shipped("joint", tuple(LEVER_BY_NAME))


def read_roles(given: Any, known: Mapping[str, Role]) -> dict[str, Role]:
    """Roles by name, from any accepted form.

    Args:
        given: a sequence of names of `known` or of `Role` objects; or a mapping from names to levers, to `Role`
            objects, or to results of `Role.to_dict`. A role given only by its levers is paid `default_mandate`.
        known: roles that may be named.

    Raises:
        ValueError: none of these forms, an unknown name, no role, or two roles that share a lever.
    """
    if isinstance(given, Mapping):
        rows = [_read_role(name, value) for name, value in given.items()]
    elif isinstance(given, (tuple, list)):
        rows = [_known_role(item, known) for item in given]
    else:
        raise ValueError(
            f"roles = {given!r} must be a tuple of role names, or a mapping from names to tuples of levers."
        )
    names = tuple(role.name for role in rows)
    held = [lever for role in rows for lever in role.levers]
    if len(set(held)) != len(held) or not rows:
        raise ValueError(f"roles = {names!r} must be at least one role, and no two of them may share a lever.")
    return {role.name: role for role in rows}


def _known_role(item: Any, known: Mapping[str, Role]) -> Role:
    if isinstance(item, Role):
        return item
    if not isinstance(item, str) or item not in known:
        raise ValueError(f"roles contains {item!r}, known roles are {', '.join(known)}.")
    return known[item]


def _read_role(name: Any, value: Any) -> Role:
    if isinstance(value, Role):
        if value.name != name:
            raise ValueError(f"roles has the role {value.name!r} under the name {name!r}; the two must be one.")
        return value
    fields = dict(value) if isinstance(value, Mapping) else {"levers": value}
    for field in fields:
        if field not in ("levers", "features", "terms", "daily_sd"):
            raise ValueError(f"role {name!r} has {field!r}, known are levers, features, terms and daily_sd.")
    if "terms" in fields:
        try:
            fields["terms"] = tuple(Term(**term) for term in fields["terms"])
        except TypeError:
            raise ValueError(
                f"terms = {fields['terms']!r} of role {name!r} must be a list of mappings with name, weight and source."
            ) from None
    elif isinstance(name, str):
        fields = default_mandate(name)._asdict() | fields
    return Role(name, **{"levers": (), **fields})


def with_mandates(roles: Mapping[str, Role], given: Any) -> dict[str, Role]:
    """The same roles with other mandates.

    Args:
        roles: by name.
        given: the name of a preset for all of them, or a mapping from roles to presets or to weights by term, see
            `mandate_of`.

    Raises:
        ValueError: neither form, an unknown role, or an invalid mandate.
    """
    if isinstance(given, str):
        given = dict.fromkeys(roles, given)
    if not isinstance(given, Mapping):
        raise ValueError(f"mandates = {given!r} must be the name of a preset, or a mapping from roles to mandates.")
    paid = dict(roles)
    for name, value in given.items():
        if name not in roles:
            raise ValueError(f"mandates names the role {name!r}, this world's are {', '.join(roles)}.")
        paid[name] = replace(roles[name], **mandate_of(name, value)._asdict())
    return paid


def scored_mandate(roles: Mapping[str, Role]) -> Mandate:
    """The mandate whose own drawdown the world follows: that of the role charged for it, else `risk`'s.

    Raises:
        ValueError: two roles are charged for the drawdown of different sums; a venue follows one.
    """
    charged = [role for role in roles.values() if any(term.source == OWN_DRAWDOWN for term in role.terms)]
    if not charged:
        return default_mandate("risk")
    first, *others = charged
    for other in others:
        if score_weights(other.mandate) != score_weights(first.mandate):
            raise ValueError(
                f"roles {first.name!r} and {other.name!r} are both charged for {OWN_DRAWDOWN} with other weights of "
                "their own sums, but a venue follows only one such sum."
            )
    return first.mandate


class Agent(NamedTuple):
    """A governor's place in the world: its name, its role and the venue it governs."""

    name: str
    role: Role
    venue: int


def make_agents(roles: Mapping[str, Role], venues: int) -> tuple[Agent, ...]:
    """`rate_0`, `risk_0`, … for each role and venue, venue by venue."""
    return tuple(Agent(f"{name}_{venue}", role, venue) for venue in range(venues) for name, role in roles.items())
