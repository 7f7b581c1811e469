"""Options that several subcommands share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from protogov.envs.background import Background
from protogov.envs.config import WorldConfig
from protogov.envs.pricer_sources import make_pricers
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.envs.world.parameters import parameter_names
from protogov.experiments.commands.seats import typed_mandates, typed_roles
from protogov.experiments.core.options import Help, Named, Repeated
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.training.learned import FoundGovernors
from protogov.experiments.training.run_config import evaluation_world

# of every command that builds a world
Member = Annotated[
    str,
    Help("World of the ensemble, for example w07, or 'ensemble' to draw one each episode; empty: defaults."),
]


@dataclass(frozen=True, kw_only=True)
class WorldOptions:
    """The simulated world."""

    size: str = "full"
    """core (one lever per role), full, rivals (two venues) or tiny (for tests). Other options override it."""
    roles: tuple[str, ...] = ()
    """Governors of each venue: rate, risk, spread, or joint (all levers); or name=lever,lever for each; by default
    rate, risk and spread."""
    mandates: tuple[str, ...] = ()
    """Rewards: a preset (mandate, profit, welfare), or role=preset or role=term:weight,... for each role."""
    reward_fn: str = ""
    """A function of (step, agent) that replaces mandates: package.module:function."""
    venues: int | None = None
    """Rival protocols in one world, 1 or 2; the default follows from the size."""
    decision_hours: int | None = None
    """Hours between two decisions, 1 to 24; by default 6, or 1 for the size tiny."""
    autonomy: float = 72.0
    """Divides delay and notice of lever changes: 1 is today's stewards, inf lifts all limits, 0 freezes levers."""
    episode_hours: int | None = None
    """Length of an episode [h]; by default 336, or 48 for the size tiny."""
    cooperation: float = 0.0
    """Weight c of welfare in rewards: (1 - c) mandate + c welfare."""
    observe: tuple[str, ...] = ("chain", "feeds")
    """Groups of features that governors see: chain, feeds, surface, accounts; only chain means no feeds."""
    privileged: bool = False
    """Governors also see what only the simulator knows, to measure ceilings and the value of information."""
    levers: Annotated[tuple[str, ...], Repeated] = ()
    """Replace the default of a lever, name=value in its unit; may be repeated."""
    background: Annotated[tuple[str, ...], Repeated, Named("--background")] = ()
    """A governor that does not learn: seat=NAME or role=NAME, for example rate_1=pi; NAME is a baseline or the path of
    a policy's .json file; may be repeated."""
    pricers: Annotated[tuple[str, ...], Repeated] = ()
    """What quotes a venue's option pool: venue=NAME, for example 0=ewma; NAME is implied, ewma, a pricer of the zoo or
    the path of a pricer_<name>.json file; may be repeated."""
    member: Annotated[Member, Named("--member")] = ""
    parameters: Annotated[tuple[str, ...], Repeated] = ()
    """Replace a physical parameter, name=value; may be repeated."""
    venue_overrides: Annotated[tuple[str, ...], Repeated] = ()
    """Replace a physical parameter of one venue, venue.name=value, for example 1.supply_size=4e7; may be repeated."""

    def make(self, *, randomise_levers: float = 0.0, stagger: bool = False) -> WorldConfig:
        """The configuration of a world.

        Raises:
            BadInput: a field is out of range; the message names it.
        """
        defaults = pairs("levers", self.levers, tuple(LEVER_INDEX))
        background = named_pairs("background", "seat=governor, for example risk_0=steward_var", self.background)
        given = {name: getattr(self, name) for name in ("venues", "decision_hours", "episode_hours")}
        given["roles"] = typed_roles(self.roles) if self.roles else None
        with as_bad_input():
            config = WorldConfig(
                **{name: value for name, value in given.items() if value is not None},
                size=self.size,
                mandates=typed_mandates(self.mandates),
                reward_fn=self.reward_fn or None,  # type: ignore[arg-type]  # a name is found
                autonomy=self.autonomy,
                cooperation=self.cooperation,
                observe=self.observe,
                privileged=self.privileged,
                defaults=defaults,
                background=background,
                pricers=named_pairs("pricers", "venue=pricer, for example 0=ewma", self.pricers),
                randomise_levers=randomise_levers,
                stagger=stagger,
            )
        config = with_physics(config, self.member, self.parameters)
        overrides = venue_pairs(self.venue_overrides, config.venues)
        with as_bad_input():
            config = replace(config, venue_overrides=overrides)
            Background(config, num_worlds=1)  # also refuse names and files before anything is played
            make_pricers(config.pricers, copied=False)
        return config

    def resolved(self, made: WorldConfig) -> "WorldOptions":
        """These options with nothing left to the size, for the world that was made of them."""
        return replace(
            self, roles=self.roles or tuple(made.roles), venues=made.venues, decision_hours=made.decision_hours,
            episode_hours=made.episode_hours,
        )  # fmt: skip


def with_physics(config: WorldConfig, member: str, parameters: Sequence[str] = ()) -> WorldConfig:
    """`config` with a member of the ensemble and `name=value` items of physical parameters.

    Raises:
        BadInput: an unknown member or parameter, a value out of range, or a parameter that the member also sets.
    """
    changes = pairs("parameters", parameters, parameter_names())
    with as_bad_input():
        return replace(config, member=member).with_parameters(**changes)


def venue_pairs(items: Sequence[str], venues: int) -> tuple[dict[str, float], ...]:
    """`venue.name=value` items as one dict per venue; nothing without items.

    Raises:
        BadInput: an item of another form, a venue that the world does not have, or an unknown parameter.
    """
    found: tuple[dict[str, float], ...] = tuple({} for _ in range(venues)) if items else ()
    for item in items:
        venue, _, pair = (part.strip() for part in item.partition("."))
        if venue not in map(str, range(venues)):
            raise BadInput(f"--venue-overrides {item!r} must read venue.name=value, venue 0 to {venues - 1}")
        found[int(venue)].update(pairs("venue-overrides", [pair], parameter_names()))
    return found


def named_pairs(option: str, form: str, items: Sequence[str]) -> dict[str, str]:
    """`key=name` items as a dict; `form` says in messages what they must read.

    Raises:
        BadInput: an item without `=`, or two for one key.
    """
    found: dict[str, str] = {}
    for item in items:
        key, sign, source = (part.strip() for part in item.partition("="))
        if not sign or not source:
            raise BadInput(f"--{option} {item!r} must read {form}")
        if key in found:
            raise BadInput(f"--{option} gives {key} both {found[key]} and {source}")
        found[key] = source
    return found


def pairs(option: str, items: Sequence[str], known: Sequence[str]) -> dict[str, float]:
    """`name=value` items as a dict; whole numbers stay whole.

    Raises:
        BadInput: an item without `=`, an unknown name or a value that is not a number.
    """
    values: dict[str, float] = {}
    for item in items:
        name, sign, text = (part.strip() for part in item.partition("="))
        if not sign:
            raise BadInput(f"--{option} {item!r} must read name=value")
        if name not in known:
            raise BadInput(f"--{option} names {name!r}; known are {', '.join(known)}")
        try:
            number = float(text)
        except ValueError:
            raise BadInput(f"--{option} gives {name} the value {text!r}; a number is accepted") from None
        values[name] = int(number) if number.is_integer() else number
    return values


def world_of(found: FoundGovernors, asked: WorldOptions) -> WorldConfig:
    """The world of the governors: that of their run, or the one asked for.

    Raises:
        BadInput: world options are given for governors of a run.
    """
    if found.run is None:
        return asked.make()
    if asked != WorldOptions():
        raise BadInput(f"world options are given, but the governors of {found.run.path} play in the world of their run")
    return evaluation_world(found.world)
