"""Seats of a world: which governors learn, and which governors are on the other seats."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from protogov.envs.roles import Agent, Role

METHODS = ("reset", "act", "state_dict", "load_state_dict")  # of a governor


def seat_background(
    background: Mapping[str, Any],
    known: Mapping[str, Role],
    agents: Sequence[Agent],
    venues: int,
    *,
    learner: str | None = None,
) -> dict[str, Any]:
    """The background seat by seat: a key that is a role becomes the seats of that role.

    A role means its seat on every venue, unless that seat has its own entry or another governor has its levers.

    Args:
        background: seat or role -> a governor, its name or path, or None for nobody.
        known: roles whose seats may be filled, including those of `agents`.
        agents: a governor for each role of the world and venue.
        venues: of the world.
        learner: the only learner; other seats that the background does not fill stay empty. By default all `agents`
            that the background does not name learn.

    Returns:
        Seat -> a governor, its name or path, or None; venue by venue.

    Raises:
        ValueError: not a mapping, an unknown seat or role, a value that is not a governor, two governors of one lever,
            or no learner left. One sentence.
    """
    if not isinstance(background, Mapping):
        raise ValueError(f"background = {background!r} must be a mapping from seats or roles to governors.")
    places = {agent.name: agent for agent in agents}
    sitting = {name: agent for name, agent in places.items() if learner in (None, name)}
    found: dict[str, Any] = {}

    def seat(agent: Agent, source: Any) -> None:
        found[agent.name] = source
        sitting.pop(agent.name, None)
        if source is not None:
            sitting[agent.name] = agent

    for key, value in background.items():
        if key in known:
            continue
        agent = _seat(key, known, venues)
        if agent.name == learner:
            raise ValueError(f"background names {key!r}, which is the seat of the governor that learns.")
        seat(agent, _source(key, value))
    for key, value in background.items():
        if key not in known:
            continue
        source, count = _source(key, value), len(found)
        for venue in range(venues):
            agent = Agent(f"{key}_{venue}", known[key], venue)
            if agent.name not in (*found, learner) and not _shared(agent, sitting):
                seat(agent, source)
        if len(found) == count:
            raise ValueError(f"background names the role {key!r}, but its seats or levers already have governors.")
    _refuse_shared_levers(sitting)
    if learner is not None:
        found |= {name: None for name in places if name not in sitting}
    if not set(sitting) - set(found):
        raise ValueError(f"background fills every seat, {', '.join(found)}: at least one governor has to learn.")
    order = {name: at for at, name in enumerate((*places, *found))}
    return {name: found[name] for name in sorted(found, key=lambda name: (_venue(name), order[name]))}


def seated(
    background: Mapping[str, Any], known: Mapping[str, Role], agents: Sequence[Agent], venues: int
) -> tuple[Agent, ...]:
    """All governors, learning or not: those of `agents` whose seat is not empty, then those added by `background`.

    Args:
        background: result of `seat_background`.
        known: as for `seat_background`.
        agents: a governor for each role of the world and venue.
        venues: of the world.
    """
    own = {agent.name for agent in agents}
    added = [name for name, source in background.items() if name not in own and source is not None]
    kept = [agent for agent in agents if background.get(agent.name, "") is not None]
    return (*kept, *(_seat(name, known, venues) for name in added))


def described(background: Mapping[str, Any]) -> dict[str, Any]:
    """The background as JSON: names and paths unchanged, an object by its class (it cannot be read back)."""
    return {
        name: source
        if source is None or isinstance(source, str)
        else {"object": f"{type(source).__module__}.{type(source).__qualname__}"}
        for name, source in background.items()
    }


def _venue(name: str) -> int:
    return int(name.rpartition("_")[2])


def _seat(key: Any, known: Mapping[str, Role], venues: int) -> Agent:
    """The seat named `key`, such as risk_0."""
    role, _, venue = str(key).rpartition("_")
    if role in known and venue in map(str, range(venues)):
        return Agent(str(key), known[role], int(venue))
    seats = ", ".join(f"{name}_{venue}" for venue in range(venues) for name in known)
    raise ValueError(f"background names {key!r}, known are the seats {seats} and the roles {', '.join(known)}.")


def _source(key: str, value: Any) -> Any:
    """A governor, its name or path as a string, or None."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if value is None or (isinstance(value, str) and value):
        return value
    if not isinstance(value, type) and all(callable(getattr(value, name, None)) for name in METHODS):
        return value
    raise ValueError(
        f"background[{key!r}] = {value!r} must be a governor's name, the path of a policy's .json file, an object with "
        f"{', '.join(METHODS)}, or None for nobody."
    )


def _shared(agent: Agent, sitting: Mapping[str, Agent]) -> list[str]:
    """Other governors with a lever of `agent` on its venue."""
    levers = set(agent.role.levers)
    others = [other for name, other in sitting.items() if name != agent.name and other.venue == agent.venue]
    return [other.name for other in others if not levers.isdisjoint(other.role.levers)]


def _refuse_shared_levers(sitting: Mapping[str, Agent]) -> None:
    for name, agent in sitting.items():
        for other in _shared(agent, sitting):
            both = [lever for lever in agent.role.levers if lever in sitting[other].role.levers]
            raise ValueError(
                f"background fills {name} and {other}, which both move {', '.join(both)}; a lever has one governor."
            )
