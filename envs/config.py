"""The configuration of a world: frozen, validated at construction, one clear sentence per error."""

from collections.abc import Mapping
from dataclasses import InitVar, asdict, dataclass, field, fields, replace
from math import isnan
from typing import Any

from protogov.envs.ensemble import EVERY_MEMBER, EnsembleError, check_member, shipped_ensemble
from protogov.envs.pricer_sources import described_pricers, read_pricers
from protogov.envs.rewards import RewardFunction, find_reward, reward_name
from protogov.envs.roles import ROLES, Agent, Role, make_agents, read_roles, scored_mandate, with_mandates
from protogov.envs.seats import described, seat_background, seated
from protogov.envs.sizes import SIZES
from protogov.envs.world.features import Feature
from protogov.envs.world.lever_table import LEVER_BY_NAME, Lever, with_defaults
from protogov.envs.world.parameters import ORACLE_PARAMETERS, VENUE_PARAMETERS, Parameters, parameter_names
from protogov.envs.world.state import MAX_DECISION_HOURS, MAX_VENUES

OBSERVABLE = ("chain", "feeds", "surface", "accounts")


class _OfSize:
    """The default of a field that the size fills."""

    def __repr__(self) -> str:
        return "OF_SIZE"


OF_SIZE: Any = _OfSize()  # placeholder of a field until the size fills it, in `__post_init__`


class ConfigError(ValueError):
    """An invalid configuration; the message names field, value and what is accepted."""


@dataclass(frozen=True, kw_only=True)
class WorldConfig:
    """Everything that defines a world besides its scenario and seed.

    Attributes:
        size: row of `protogov.envs.sizes.SIZES`: "core" (one lever per role), "full", "rivals" (two venues), "tiny" (a
            few accounts and two days). The row gives `roles`, `venues`, `decision_hours`, `episode_hours` and
            `parameters` unless you give them. `replace` gives them all: for another size make a new configuration.
        roles: governors of each venue, name -> `Role`; levers without a role stay at their defaults. Given as names of
            the size's roles, as `Role` objects, or as a mapping from names to tuples of levers: any levers, each in at
            most one role. A role given by its levers is paid the shipped mandate of its name, or welfare.
        mandates: only at construction; then `roles` hold them. Other mandates of roles: the name of a preset, or a
            mapping from roles to presets or weights, see `protogov.envs.mandates`.
        reward_fn: a function (step, agent) -> F32[n], or its name "package.module:function". Its result replaces the
            mandate as the reward of `agent` in each world. It uses plain numpy on a `Step`, whose `rewards` are the
            mandates'. It must not write into the step and must have no memory, because worlds are forked and restored.
        venues: rival protocols in the world, 1 or 2.
        decision_hours: hours between two decisions, 1 to 24.
        autonomy: divides the delay and notice of lever changes; 1 is today's stewards, 72 is for training, inf lifts
            every limit, 0 freezes the levers.
        episode_hours: length of an episode, at most 8760; episodes end only by truncation.
        cooperation: weight c of welfare in a reward: (1 - c) * mandate + c * welfare, each over its daily sd.
        observe: groups of features that governors see (`protogov.envs.world.features`): "chain", what a contract can
            read; "feeds", published indices; "surface", every node of the option pool; "accounts", the distribution of
            debt and open interest. ("chain",) is a world without feeds.
        privileged: governors also see the group "latent", which only the simulator knows. Use it to measure ceilings
            and the value of information, never for a claim about governors.
        defaults: lever name -> value that replaces the table's default, within the lever's range.
        randomise_levers: levers start uniformly within this share of their range around the default (training: 0.25).
        stagger: the first episode of each world has a random length, which puts the worlds of a batch out of step.
        parameters: the physics; see `protogov.envs.world.parameters`.
        venue_overrides: parameters by which the venues differ, a mapping for each, say
            `[{}, {"supply_size": 4e7, "options_on": 0}]`: those of `protogov.envs.world.parameters` that are of a
            venue, its oracle's among them. `options_on = 0` makes a venue that lends alone, `supply_size = 0` and
            `debt_size = 0` one of options alone. Empty: all venues are alike.
        background: seat (say "risk_0") or role (its seat on every venue that nobody else has) -> who governs there and
            does not learn: the name of a governor, the path of a policy's .json file, an object
            (`protogov.envs.interfaces.Governor`, of which every batch of worlds makes a copy), or None for nobody. A
            seat that `roles` does not have is added. Kept seat by seat.
        pricers: number of a venue -> what quotes its option pool (`protogov.envs.pricer`): a pricer's name, the path of
            a pricer_<name>.json file, or an object, of which every batch of worlds makes a copy. Without one the pool's
            vols revert to the public index.
        member: world of the ensemble (`protogov.envs.ensemble`): "" is `parameters` as given; with a name, say "w07",
            the values of that member stand in `parameters` in place of those given; with "ensemble", every episode is
            played by a member that its seed draws.
    """

    size: str = "full"
    roles: Any = OF_SIZE
    mandates: InitVar[Any] = None
    reward_fn: RewardFunction | None = None
    venues: int = OF_SIZE
    decision_hours: int = OF_SIZE
    autonomy: float = 72.0
    episode_hours: int = OF_SIZE
    cooperation: float = 0.0
    observe: tuple[str, ...] = ("chain", "feeds")
    privileged: bool = False
    defaults: Mapping[str, float] = field(default_factory=dict)
    randomise_levers: float = 0.0
    stagger: bool = False
    parameters: Parameters = OF_SIZE
    venue_overrides: Any = ()
    background: Mapping[str, Any] = field(default_factory=dict)
    pricers: Mapping[Any, Any] = field(default_factory=dict)
    member: str = ""

    def __post_init__(self, mandates: Any) -> None:
        """Raise ConfigError for the first field that is out of range or contradicts another."""
        self._take_size()
        for name, kind, wanted in (
            ("defaults", Mapping, "a mapping from lever names to values"),
            ("observe", (tuple, list), f"a tuple of groups of features, some of {', '.join(OBSERVABLE)}"),
            ("privileged", bool, "True or False"),
            ("stagger", bool, "True or False"),
            ("parameters", Parameters, "a Parameters object"),
            ("autonomy", (int, float), "a number from 0 (frozen) to inf (no limits)"),
        ):
            if not isinstance(getattr(self, name), kind):
                raise ConfigError(f"{name} = {getattr(self, name)!r} must be {wanted}.")
        for name in self.observe:
            if name not in OBSERVABLE:
                hint = "; set privileged = True for it" if name == "latent" else ""
                raise ConfigError(f"observe names the group {name!r}, known groups are {', '.join(OBSERVABLE)}{hint}.")
        if not self.observe:
            raise ConfigError(f"observe = {self.observe!r} must name at least one of {', '.join(OBSERVABLE)}.")
        # an observation has the table's order: the order of groups does not matter
        object.__setattr__(self, "observe", tuple(name for name in OBSERVABLE if name in self.observe))
        object.__setattr__(self, "defaults", dict(self.defaults))
        _whole("venues", self.venues, 1, MAX_VENUES)
        _whole("decision_hours", self.decision_hours, 1, MAX_DECISION_HOURS)
        _whole("episode_hours", self.episode_hours, 1, 8760)
        _number("cooperation", self.cooperation, 0.0, 1.0)
        _number("randomise_levers", self.randomise_levers, 0.0, 1.0)
        if isnan(float(self.autonomy)) or not float(self.autonomy) >= 0.0:
            raise ConfigError(f"autonomy = {self.autonomy!r} must be a number from 0 (frozen) to inf (no limits).")
        self._take_roles(mandates)
        try:
            agents = make_agents(self.roles, self.venues)
            background = seat_background(self.background, self.known_roles(), agents, self.venues)
            object.__setattr__(self, "background", background)
            object.__setattr__(self, "pricers", read_pricers(self.pricers, self.venues))
        except ValueError as error:
            raise ConfigError(str(error)) from None
        for name, value in self.defaults.items():
            if name not in LEVER_BY_NAME:
                raise ConfigError(f"defaults names the lever {name!r}, known levers are {', '.join(LEVER_BY_NAME)}.")
            lever = LEVER_BY_NAME[name]
            _number(f"defaults[{name!r}]", value, lever.low, lever.high)
        self._take_member()
        object.__setattr__(self, "venue_overrides", self._read_overrides())
        threshold, gap = self.lever_default("liquidation_threshold"), self.lever_default("ltv_gap")
        if threshold - gap <= 0.0:
            raise ConfigError(
                f"defaults['ltv_gap'] = {gap} must stay below the liquidation threshold {threshold}: a loan-to-value "
                "of zero lends to nobody."
            )

    def _take_size(self) -> None:
        if not isinstance(self.size, str) or self.size not in SIZES:
            raise ConfigError(f"size = {self.size!r} must be one of {', '.join(SIZES)}.")
        for spec in fields(self):
            if getattr(self, spec.name) is OF_SIZE:
                object.__setattr__(self, spec.name, getattr(SIZES[self.size], spec.name))

    def _take_roles(self, mandates: Any) -> None:
        try:
            roles = read_roles(self.roles, SIZES[self.size].known_roles())
            roles = roles if mandates is None else with_mandates(roles, mandates)
            object.__setattr__(self, "roles", roles)
            object.__setattr__(self, "reward_fn", find_reward(self.reward_fn))
            scored_mandate(roles)
        except ValueError as error:
            raise ConfigError(str(error)) from None

    def _take_member(self) -> None:
        try:
            check_member(self.member)
        except EnsembleError as error:
            raise ConfigError(str(error)) from None
        if self.member not in ("", EVERY_MEMBER):
            object.__setattr__(self, "parameters", self._parameters_of(self.member))

    def _read_overrides(self) -> tuple[dict[str, float], ...]:
        """The overrides, one dict per venue, or nothing if they change nothing."""
        given = self.venue_overrides
        if not isinstance(given, (tuple, list)) or not all(isinstance(one, Mapping) for one in given):
            raise ConfigError(f"venue_overrides = {given!r} must be a sequence of mappings from parameters to values.")
        if given and len(given) != self.venues:
            raise ConfigError(
                f"venue_overrides has {len(given)} mappings, but venues = {self.venues}: give one for each venue."
            )
        if not any(given):
            return ()
        if self.venues == 1:
            raise ConfigError("venue_overrides says how venues differ, but venues = 1: set parameters instead.")
        member = shipped_ensemble().ranges if self.member else {}
        for venue, changes in enumerate(given):
            for name in changes:
                start = f"venue_overrides[{venue}] sets {name!r}, "
                if name not in parameter_names():
                    raise ConfigError(f"{start}which is not a parameter; venues may differ in {_OF_VENUES}.")
                if name not in VENUE_PARAMETERS:
                    raise ConfigError(f"{start}but it is the same at all venues; venues may differ in {_OF_VENUES}.")
                if name in member:
                    raise ConfigError(f"{start}which member = {self.member!r} also sets; leave one of the two out.")
            for population in self.populations():
                try:
                    Parameters(**{**asdict(population), **changes})
                except ValueError as error:
                    raise ConfigError(f"venue_overrides[{venue}]: {error}") from None
        return tuple(dict(changes) for changes in given)

    def venue_parameters(self, venue: int) -> Parameters:
        """The physics of one venue: `parameters` with the changes of `venue_overrides`."""
        changes = self.venue_overrides[venue] if self.venue_overrides else {}
        return replace(self.parameters, **changes)

    @property
    def unlike_oracles(self) -> bool:
        """Whether the venues read the outside market by unlike oracles."""
        own = [self.venue_parameters(venue) for venue in range(self.venues)]
        return any(getattr(one, name) != getattr(own[0], name) for one in own[1:] for name in ORACLE_PARAMETERS)

    def _parameters_of(self, member: str) -> Parameters:
        try:
            return Parameters(**{**asdict(self.parameters), **shipped_ensemble().members[member]})
        except ValueError as error:
            raise ConfigError(f"parameters contradict member {member!r}: {error}") from None

    def populations(self) -> tuple[Parameters, ...]:
        """The physics of every possible world of an episode: one, or one per member of the ensemble.

        Raises:
            ConfigError: `parameters` contradict a member.
        """
        if self.member != EVERY_MEMBER:
            return (self.parameters,)
        return tuple(self._parameters_of(name) for name in shipped_ensemble().names)

    def seats(self) -> tuple[Agent, ...]:
        """Every governor of the world, `rate_0`, `risk_0`, …, venue by venue; then those that the background adds."""
        return seated(self.background, self.known_roles(), make_agents(self.roles, self.venues), self.venues)

    def known_roles(self) -> dict[str, Role]:
        """Roles that may have seats in this world: its own, and those of its size."""
        return {**SIZES[self.size].known_roles(), **self.roles}

    def learners(self) -> tuple[Agent, ...]:
        """The governors that are not in the background."""
        return tuple(agent for agent in self.seats() if agent.name not in self.background)

    def lever_default(self, name: str) -> float:
        """Default of one lever in this world [its unit]."""
        return float(self.defaults.get(name, LEVER_BY_NAME[name].default))

    def lever(self, name: str) -> Lever:
        """One lever's row of the table, with its default in this world."""
        return with_defaults([LEVER_BY_NAME[name]], self.defaults)[0]

    def shows(self, feature: Feature) -> bool:
        """Whether governors of this world see a feature."""
        if feature.group == "latent":
            return self.privileged
        return feature.group in self.observe and ("feeds" in self.observe or not feature.needs_feeds)

    def computes(self, feature: Feature) -> bool:
        """Whether this world computes a feature, for governors, critics or observers."""
        return feature.group not in ("surface", "accounts") or feature.group in self.observe

    @property
    def horizon(self) -> int:
        """Decisions in a full episode."""
        return -(-self.episode_hours // self.decision_hours)

    def to_dict(self) -> dict[str, Any]:
        """Plain nested dict that `from_dict` takes back; an infinite autonomy is the string 'inf'.

        An empty background, no pricers and empty overrides are left out. A background governor or a pricer that is an
        object is named by its class, which `from_dict` refuses.

        Raises:
            ConfigError: `reward_fn` has no importable name.
        """
        data = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        del data["background"]
        if self.background:
            data["background"] = described(self.background)
        del data["pricers"]
        if self.pricers:
            data["pricers"] = described_pricers(self.pricers)
        del data["venue_overrides"]
        if self.venue_overrides:
            data["venue_overrides"] = [dict(changes) for changes in self.venue_overrides]
        data["roles"] = {name: role.to_dict() for name, role in self.roles.items()}
        data["observe"], data["defaults"] = list(self.observe), dict(self.defaults)
        data["autonomy"] = "inf" if self.autonomy == float("inf") else self.autonomy
        data["parameters"] = asdict(self.parameters)
        if self.reward_fn is not None:
            try:
                data["reward_fn"] = reward_name(self.reward_fn)
            except ValueError as error:
                raise ConfigError(str(error)) from None
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "WorldConfig":
        """Inverse of `to_dict`.

        Raises:
            ConfigError: a field is unknown or does not accept its value, or a parameter differs from the member's
                present value.
        """
        for name in data:
            if name not in FIELDS:
                raise ConfigError(f"{name!r} is not a field of a world's configuration, known are {', '.join(FIELDS)}.")
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
                    f"parameters set {taken[0]}, which member = {self.member!r} also sets; leave one of the two out."
                )
        try:
            return replace(self, parameters=Parameters(**{**asdict(self.parameters), **changes}))
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error)) from None


_OF_VENUES = ", ".join(VENUE_PARAMETERS)
FIELDS = tuple(sorted((*(spec.name for spec in fields(WorldConfig)), "mandates")))  # names of all fields


def _refuse_other_values(member: str, parameters: Mapping[str, Any]) -> None:
    """Raise ConfigError if stored parameters of a member differ from its present values."""
    for name, value in shipped_ensemble().members.get(member, {}).items():
        if parameters.get(name, value) != value:
            raise ConfigError(
                f"parameters have {name} = {parameters[name]!r}, but member {member!r} of this version has {value!r}; "
                f"leave member or that parameter out."
            )


def _number(name: str, value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"{name} = {value!r} must be a number between {low:g} and {high:g}.")


def _whole(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} = {value!r} must be a whole number between {low} and {high}.")


__all__ = ["FIELDS", "OF_SIZE", "ROLES", "ConfigError", "WorldConfig"]
