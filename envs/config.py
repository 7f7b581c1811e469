"""The configuration of a world: frozen, validated at construction, one clear sentence for what is wrong."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import isnan
from typing import Any

from protogov.envs.ensemble import EVERY_MEMBER, EnsembleError, check_member, shipped_ensemble
from protogov.envs.roles import ROLES, Agent, make_agents
from protogov.envs.seats import described, seat_background, seated
from protogov.envs.world.features import Feature
from protogov.envs.world.lever_table import LEVER_BY_NAME, Lever, with_defaults
from protogov.envs.world.parameters import Parameters
from protogov.envs.world.state import MAX_DECISION_HOURS, MAX_VENUES
from protogov.envs.world.welfare import TERM_NAMES

OBSERVABLE = ("chain", "feeds", "surface", "accounts")


class ConfigError(ValueError):
    """A configuration that no world can have; the message names field, value and what would be accepted."""


@dataclass(frozen=True, kw_only=True)
class WorldConfig:
    """Everything that defines a world besides its scenario and seed.

    Attributes:
        roles: governors of each venue; levers that no role holds stay at their defaults.
        venues: rival protocols in the world, 1 or 2.
        decision_hours: hours between two decisions, 1 to 24.
        autonomy: divides the delay and notice of lever changes; 1 is today's stewards, 72 trains, inf lifts every
            limit, 0 freezes the levers.
        episode_hours: length of an episode, at most 8760; episodes end by truncation alone.
        cooperation: weight c of welfare in a reward: (1 - c) * mandate + c * welfare, each over its daily sd.
        observe: groups of features that governors see (`protogov.envs.world.features`): "chain", what a contract can
            read; "feeds", published indices; "surface", the option pool node by node; "accounts", how debt and open
            interest are spread. ("chain",) is a world without feeds.
        privileged: governors also see the group "latent", which only the simulator knows: for ceilings and the value of
            information, never for a claim about governors.
        objective: term of the world -> weight: replaces every governor's reward, mandate and blend, where any is given.
        defaults: lever name -> value that replaces the table's default, within the lever's range.
        randomise_levers: levers start uniform within this share of their range around the default (training: 0.25).
        stagger: the first episode of each world has a random length, so that worlds of a batch are out of step.
        parameters: the physics; see `protogov.envs.world.parameters`.
        background: seat (say "risk_0") or role (its seat on every venue that nobody else has) -> who governs there and
            does not learn: the name of a governor, the path of a policy's .json file, an object
            (`protogov.envs.interfaces.Governor`, of which every batch of worlds makes a copy), or None for nobody. A
            seat that `roles` does not have is added. Kept seat by seat.
        member: world of the ensemble (`protogov.envs.ensemble`): "" is `parameters` as given; with a name, say "w07",
            the values of that member stand in `parameters` in place of those given; with "ensemble", every episode is
            played by a member that its seed draws.
    """

    roles: tuple[str, ...] = ("rate", "risk", "spread")
    venues: int = 1
    decision_hours: int = 6
    autonomy: float = 72.0
    episode_hours: int = 336
    cooperation: float = 0.0
    observe: tuple[str, ...] = ("chain", "feeds")
    privileged: bool = False
    objective: Mapping[str, float] = field(default_factory=dict)
    defaults: Mapping[str, float] = field(default_factory=dict)
    randomise_levers: float = 0.0
    stagger: bool = False
    parameters: Parameters = field(default_factory=Parameters)
    background: Mapping[str, Any] = field(default_factory=dict)
    member: str = ""

    def __post_init__(self) -> None:
        """Raises ConfigError for the first field that is out of range or contradicts another."""
        for name, kind, wanted in (
            ("roles", (tuple, list), "a tuple of role names"),
            ("defaults", Mapping, "a mapping from lever names to values"),
            ("objective", Mapping, "a mapping from terms of the world to weights"),
            ("observe", (tuple, list), f"a tuple of groups of features, some of {', '.join(OBSERVABLE)}"),
            ("privileged", bool, "True or False"),
            ("stagger", bool, "True or False"),
            ("parameters", Parameters, "a Parameters object"),
            ("autonomy", (int, float), "a number from 0 (frozen) to inf (no limits)"),
        ):
            if not isinstance(getattr(self, name), kind):
                raise ConfigError(f"{name} = {getattr(self, name)!r} must be {wanted}.")
        object.__setattr__(self, "roles", tuple(self.roles))
        for name in self.observe:
            if name not in OBSERVABLE:
                hint = "; set privileged = True for it" if name == "latent" else ""
                raise ConfigError(f"observe names the group {name!r}, known groups are {', '.join(OBSERVABLE)}{hint}.")
        if not self.observe:
            raise ConfigError(f"observe = {self.observe!r} must name at least one of {', '.join(OBSERVABLE)}.")
        # the order of an observation is the table's: two ways to write the same groups are one configuration
        object.__setattr__(self, "observe", tuple(name for name in OBSERVABLE if name in self.observe))
        object.__setattr__(self, "defaults", dict(self.defaults))
        object.__setattr__(self, "objective", dict(self.objective))
        _whole("venues", self.venues, 1, MAX_VENUES)
        _whole("decision_hours", self.decision_hours, 1, MAX_DECISION_HOURS)
        _whole("episode_hours", self.episode_hours, 1, 8760)
        _number("cooperation", self.cooperation, 0.0, 1.0)
        _number("randomise_levers", self.randomise_levers, 0.0, 1.0)
        if isnan(float(self.autonomy)) or not float(self.autonomy) >= 0.0:
            raise ConfigError(f"autonomy = {self.autonomy!r} must be a number from 0 (frozen) to inf (no limits).")
        try:
            agents = make_agents(self.roles, self.venues)
            object.__setattr__(self, "background", seat_background(self.background, agents, self.venues))
        except ValueError as error:
            raise ConfigError(str(error)) from None
        for name, value in self.objective.items():
            if name not in TERM_NAMES:
                raise ConfigError(f"objective names the term {name!r}, known terms are {', '.join(TERM_NAMES)}.")
            _number(f"objective[{name!r}]", value, -1e12, 1e12)
        for name, value in self.defaults.items():
            if name not in LEVER_BY_NAME:
                raise ConfigError(f"defaults names the lever {name!r}, known levers are {', '.join(LEVER_BY_NAME)}.")
            lever = LEVER_BY_NAME[name]
            _number(f"defaults[{name!r}]", value, lever.low, lever.high)
        self._take_member()
        threshold, gap = self.lever_default("liquidation_threshold"), self.lever_default("ltv_gap")
        if threshold - gap <= 0.0:
            raise ConfigError(
                f"defaults['ltv_gap'] = {gap} must stay below the liquidation threshold {threshold}: a loan-to-value "
                "of zero lends to nobody."
            )

    def _take_member(self) -> None:
        try:
            check_member(self.member)
        except EnsembleError as error:
            raise ConfigError(str(error)) from None
        if self.member not in ("", EVERY_MEMBER):
            object.__setattr__(self, "parameters", self._parameters_of(self.member))

    def _parameters_of(self, member: str) -> Parameters:
        try:
            return Parameters(**{**asdict(self.parameters), **shipped_ensemble().members[member]})
        except ValueError as error:
            raise ConfigError(f"parameters do not go together with member {member!r}: {error}") from None

    def populations(self) -> tuple[Parameters, ...]:
        """The physics of every world that an episode may be: one, or that of each member of the ensemble.

        Raises:
            ConfigError: `parameters` contradict a member.
        """
        if self.member != EVERY_MEMBER:
            return (self.parameters,)
        return tuple(self._parameters_of(name) for name in shipped_ensemble().names)

    def seats(self) -> tuple[Agent, ...]:
        """Every governor of the world: those that learn, and those in the background."""
        return seated(self.background, make_agents(self.roles, self.venues), self.venues)

    def learners(self) -> tuple[Agent, ...]:
        """The governors that are not in the background."""
        return tuple(agent for agent in self.seats() if agent.name not in self.background)

    def lever_default(self, name: str) -> float:
        """Default of one lever in this world [its unit]."""
        return float(self.defaults.get(name, LEVER_BY_NAME[name].default))

    def lever(self, name: str) -> Lever:
        """One lever's row of the table, at its default in this world."""
        return with_defaults([LEVER_BY_NAME[name]], self.defaults)[0]

    def shows(self, feature: Feature) -> bool:
        """Whether governors of this world see a feature."""
        if feature.group == "latent":
            return self.privileged
        return feature.group in self.observe and ("feeds" in self.observe or not feature.needs_feeds)

    def computes(self, feature: Feature) -> bool:
        """Whether this world works a feature out, for governors, critics or onlookers."""
        return feature.group not in ("surface", "accounts") or feature.group in self.observe

    @property
    def horizon(self) -> int:
        """Decisions in a full episode."""
        return -(-self.episode_hours // self.decision_hours)

    def to_dict(self) -> dict[str, Any]:
        """Plain nested dict that `from_dict` takes back; an infinite autonomy is the string 'inf'.

        An empty background is left out. A governor in it that is an object is told by its class, and refused by
        `from_dict`.
        """
        data = asdict(replace(self, background={}) if self.background else self)  # asdict would copy objects
        del data["background"]
        if self.background:
            data["background"] = described(self.background)
        data["roles"], data["observe"] = list(self.roles), list(self.observe)
        data["autonomy"] = "inf" if self.autonomy == float("inf") else self.autonomy
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "WorldConfig":
        """Inverse of `to_dict`.

        Raises:
            ConfigError: an unknown field, a value that the field does not accept, or a parameter of a member that is
                not its value any more.
        """
        known = {spec.name for spec in fields(cls)}
        for name in data:
            if name not in known:
                raise ConfigError(
                    f"{name!r} is no field of a world's configuration, known are {', '.join(sorted(known))}."
                )
        values = dict(data)
        try:
            if "autonomy" in values:
                values["autonomy"] = float(values["autonomy"])
            if values.get("member") and isinstance(values.get("parameters"), Mapping):
                _refuse_other_values(values["member"], values["parameters"])
            if "parameters" in values and not isinstance(values["parameters"], Parameters):
                values["parameters"] = Parameters(**values["parameters"])
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error)) from None

    def with_parameters(self, **changes: float) -> "WorldConfig":
        """This configuration with other physical parameters.

        Raises:
            ConfigError: an unknown parameter, a value out of range, or one that the ensemble sets.
        """
        if self.member:
            taken = [name for name in changes if name in shipped_ensemble().ranges]
            if taken:
                raise ConfigError(
                    f"parameters set {taken[0]}, which member = {self.member!r} sets too; leave one of the two out."
                )
        try:
            return replace(self, parameters=Parameters(**{**asdict(self.parameters), **changes}))
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error)) from None


def _refuse_other_values(member: str, parameters: Mapping[str, Any]) -> None:
    """Raise ConfigError where what was written down of a member is not what it is now."""
    for name, value in shipped_ensemble().members.get(member, {}).items():
        if parameters.get(name, value) != value:
            raise ConfigError(
                f"parameters have {name} = {parameters[name]!r}, and member {member!r} of this version has {value!r}; "
                f"leave member or that parameter out."
            )


def _number(name: str, value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"{name} = {value!r} must be a number between {low:g} and {high:g}.")


def _whole(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} = {value!r} must be a whole number between {low} and {high}.")


__all__ = ["ROLES", "ConfigError", "WorldConfig"]
