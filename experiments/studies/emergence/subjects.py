"""Who is examined: governors by seat, one set or a set a training seed, named so that another process can make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path

import numpy as np

from protogov.agents.background import background_governor, check_policy
from protogov.agents.baselines import make_governor
from protogov.agents.zoo import zoo_policies
from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.envs.roles import Agent
from protogov.experiments.core.governors import BASELINES, NO_SEED, GovernorSet, baseline
from protogov.experiments.core.user_code import digest_of, load_callable, place_of
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.studies.emergence.alone import learned_alone, seated_alone
from protogov.experiments.studies.emergence.forks import Seeds
from protogov.experiments.studies.emergence.organisms import FAMILIES, ORGANISMS
from protogov.experiments.studies.emergence.populations import Population

Seats = tuple[tuple[str, str], ...]  # (seat, source of its governor)


@dataclass(frozen=True)
class Subject:
    """A set of governors, or one a training seed.

    Attributes:
        name: in words.
        members: of each training seed, who governs each seat.
        training_seeds: their numbers; (`NO_SEED`,) of governors that were not trained.
        digests: of the governors' files, so that pieces measured of other files are not reused.
    """

    name: str
    members: tuple[Seats, ...]
    training_seeds: tuple[int, ...] = (NO_SEED,)
    digests: tuple[str, ...] = ()

    @property
    def trained(self) -> bool:
        """Whether training seeds are the units of inference; else tapes are."""
        return len(self.members) > 1

    def first(self, most: int) -> Subject:
        """The first members, at most so many."""
        return Subject(self.name, self.members[:most], self.training_seeds[:most], self.digests)

    def owners(self, worlds: int) -> np.ndarray:
        """Number of the member that governs each of about `worlds` rows, I64[n]; equally many a member."""
        each = max(1, worlds // len(self.members))
        return np.repeat(np.arange(len(self.members)), each)

    def units(self, seeds: Seeds) -> np.ndarray:
        """Labels of the units of inference of rows, [n]: training seeds, or the tapes themselves."""
        return self.owners(len(seeds)) if self.trained else np.asarray(seeds)

    def governors(self, world: WorldConfig, rows: int, *, any_batch: bool = False) -> dict[str, Governor]:
        """One governor a seat of `rows` worlds, a `Population` where there are several members.

        Args:
            world: of the seats.
            rows: worlds.
            any_batch: whether they have to act the same in a batch of any size, as in a world's background.
        """
        owners = self.owners(rows)
        members = [self.of_member(number, world, any_batch=any_batch) for number in range(len(self.members))]
        if not self.trained:
            return members[0]
        return {seat: Population([member[seat] for member in members], owners) for seat in members[0]}

    def of_member(self, number: int, world: WorldConfig, *, any_batch: bool = False) -> dict[str, Governor]:
        """The governors of one member, one a seat; see `governors`."""
        sources = dict(self.members[number])
        return {
            seat.name: governor_of(
                sources.get(seat.name, "constant"), seat, world, seed=number, any_batch=any_batch
            )
            for seat in world.learners()
        }  # fmt: skip


def governor_of(source: str, seat: Agent, world: WorldConfig, *, seed: int = 0, any_batch: bool = False) -> Governor:
    """A governor by the name of a baseline or an organism, the path of a policy, or FILE.py:NAME.

    What NAME stands for is called with the names of the seat's levers, or with nothing if it takes nothing. Whoever
    learned on one venue governs beside a rival too, and does not see it (`alone`).

    Raises:
        BadInput: it is unknown, damaged, or does not fit the seat.
    """
    if ".py:" in source:
        return _hand_written(source, seat)
    with as_bad_input():
        if source in ORGANISMS:
            return ORGANISMS[source].make(seat.role.lever_rows(), seed)
        governor = make_governor(source, seat.role, agent=seat.name, seed=seed, defaults=world.defaults)
        names = learned_alone(governor, seat, world)
        if names:
            return seated_alone(governor, names, seat, world, any_batch=any_batch)
        if any_batch:
            return background_governor(source, seat, world, seed=seed)
        check_policy(governor, seat, world)
    return governor


def _hand_written(source: str, seat: Agent) -> Governor:
    found = load_callable(source, "governor")
    try:
        made = found(seat.role.levers) if signature(found).parameters else found()
    except Exception as error:
        raise BadInput(f"{source}: cannot be made ({type(error).__name__}: {error})") from error
    for method in ("reset", "act", "state_dict", "load_state_dict"):
        if not callable(getattr(made, method, None)):
            raise BadInput(
                f"{source}: has no method {method!r}; a governor has reset, act, state_dict, load_state_dict"
            )
    governor: Governor = made
    return governor


def typed_subject(items: Sequence[str], world: WorldConfig) -> Subject:
    """Governors as typed: `NAME` for all seats that it fits, `role=NAME`, or `seat=NAME`; a later one replaces.

    Raises:
        BadInput: an unknown seat, role or governor, or nothing at all.
    """
    if not items:
        raise BadInput("governors are missing; a run's folder, or --governors with names of baselines, is accepted")
    seats = {agent.name: agent for agent in world.learners()}
    chosen: dict[str, str] = {}
    for item in items:
        where, _, source = item.rpartition("=")
        at = [name for name, seat in seats.items() if where in ("", name, seat.role.name)]
        if not at:
            raise BadInput(f"governors holds {item!r}; seats are {', '.join(seats)}, roles {', '.join(world.roles)}")
        if source in BASELINES and not where:
            chosen |= dict(baseline(source, world).sources)
            continue
        if source in ORGANISMS and not where:
            at = [name for name in at if seats[name].role.name == FAMILIES[ORGANISMS[source].family].role]
        chosen |= dict.fromkeys(at, BASELINES.get(source, source))
    subject = Subject(" ".join(items), (tuple(chosen.items()),), digests=digests_of(chosen.values()))
    subject.governors(world, 1)  # refuses what does not fit before anything is played
    return subject


def trained_subject(name: str, sets: Sequence[GovernorSet]) -> Subject:
    """The governors of a run, a member a training seed."""
    members = tuple(tuple(one.sources.items()) for one in sets)
    files = [source for one in sets for source in one.sources.values()]
    return Subject(name, members, tuple(one.training_seed for one in sets), digests_of(files))


def baselines_of(world: WorldConfig) -> Mapping[str, Governor]:
    """Today's protocol: every lever at its default, seat by seat."""
    return {agent.name: make_governor("constant", agent.role, defaults=world.defaults) for agent in world.learners()}


def digests_of(sources: Iterable[str]) -> tuple[str, ...]:
    """Of every file that a source names, and of the weights beside a policy's."""
    found = []
    for source in dict.fromkeys(sources):
        for path in zoo_policies(source).values() or [Path(place_of(source)[0])]:
            for file in (path, path.with_suffix(".safetensors")):
                if file.is_file():
                    found.append(digest_of(file))
    return tuple(found)
