"""`protogov audit`: what the game shows, measured in the world as it is; nothing passes or fails."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFolder

if TYPE_CHECKING:
    from protogov.envs.config import WorldConfig
    from protogov.experiments.audit.measurement import Measurement
    from protogov.experiments.audit.running import Running

Name = Literal[
    "tuned", "cheaters", "optima", "rivals", "worth", "room", "balance", "coupling", "ensemble", "all", "page"
]
ALL = ("tuned", "cheaters", "optima", "rivals", "worth", "room", "balance", "coupling")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure what governors can do in this world: a table, a figure and a sentence each.

    cheaters: W of the defaults, and what governors that look for a mistake in the rules do to it. balance: how large
    the terms of the mandates are. tuned: what constants by CMA-ES gain, beside the option pool's market profit. optima:
    where W is best along each lever. worth: how far W ranges over each role's levers. room: constants for each market
    against one set for all. coupling, rivals: what others' moves do, on one venue and on two. ensemble: in what share
    of the ensemble's worlds these hold, member by member. page: draw the page of a folder again, without measuring;
    what was not measured yet is named. A number that is 0 is each measurement's own. A run that was cut off goes on
    with the same command; the searches of tuned are taken up by optima, room and ensemble.

    Example: protogov audit coupling --jobs 2 --out results/audit
    """

    name: Annotated[Name, tyro.conf.Positional]
    """Which; all is all but ensemble."""
    suites: tuple[str, ...] = ("natural", "stress")
    """What is drawn from: natural, stress (the training crises), or any scenario that may be trained on."""
    num_seeds: int = 0
    """Tapes on which is scored, of each suite (room: of each market; ensemble: of each member, all suites together);
    in optima, rivals and coupling those on which is seen whether a sign may be claimed."""
    search_seeds: int = 0
    """Tapes of each search: a generation's in tuned, optima and room, all of them in coupling and rivals."""
    pick_seeds: int = 0
    """Tapes on which what was searched is picked; worth: on which all points are played."""
    grid_seeds: int = 0
    """Tapes on which optima picks each lever's best action alone."""
    claim_seeds: int = 0
    """Paired tapes on which optima, rivals and coupling claim a sign."""
    generations: int = 0
    """Of each search; optima and room: also of those of tuned, which they take up."""
    population: int = 0
    """Candidates a generation, at least 4."""
    points: int = 0
    """Of each role in worth, a power of two."""
    members: tuple[str, ...] = ()
    """Of the ensemble; all by default."""
    jobs: int = 2
    """Processes, one thread each."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world; it has one venue, rivals adds the second."""
    out: OutputFolder | None = None
    """Write tables, figures and the page to this folder; finished pieces are kept there, and a rerun goes on."""


_LEAST = {"num_seeds": 2, "search_seeds": 2, "pick_seeds": 2, "grid_seeds": 2, "claim_seeds": 2,
          "generations": 1, "population": 4, "points": 2}  # fmt: skip


def run(options: Options, command: str) -> int:
    """Measure, print, write."""
    from protogov.experiments.audit.running import Running
    from protogov.experiments.audit.suites import find_suite
    from protogov.experiments.audit.writing import store, write_page

    for option, least in _LEAST.items():
        value = getattr(options, option)
        if value != 0 and value < least:
            raise BadInput(f"{option} is {value}; 0, or a whole number from {least}, is accepted")
    if options.points & (options.points - 1):
        raise BadInput(f"points is {options.points}; 0, or a power of two, is accepted")
    if options.world.venues != 1:
        raise BadInput(f"world.venues is {options.world.venues}; 1 is accepted, rivals adds the second venue")
    if not options.suites:
        raise BadInput("suites is empty; at least one scenario is accepted")
    for suite in options.suites:
        find_suite(suite)  # never on what is kept for evaluation
    if options.name == "page":
        if options.out is None:
            raise BadInput("out is not given; page needs the folder of the measurements")
    else:
        keep = None if options.out is None else options.out / "pieces"
        how = Running(options.jobs, keep, show=True)
        config = options.world.make()
        for name in ALL if options.name == "all" else (options.name,):
            for found in _MEASURES[name](options, config, how):
                print("\n".join(f"{name}: {part}" for part in found.said), flush=True)
                if options.out is not None:
                    store(found, options.out, command)
    if options.out is not None:
        for path in write_page(options.out):
            print(path)
    return 0


def _given(**sizes: int) -> dict[str, Any]:
    """Those sizes that were asked for; the others are each measurement's own."""
    return {name: value for name, value in sizes.items() if value}


def _effort(options: Options, own: Any) -> Any:
    return replace(
        own,
        **_given(generations=options.generations, population=options.population, tapes=options.search_seeds),
    )


def _sizes(options: Options, own: Any) -> Any:
    budget = replace(own.budget, **_given(generations=options.generations, population=options.population))
    given = _given(
        num_seeds=options.num_seeds, search_seeds=options.search_seeds, pick_seeds=options.pick_seeds,
        claim_seeds=options.claim_seeds,
    )  # fmt: skip
    return replace(own, budget=budget, **given)


def _cheaters(options: Options, config: "WorldConfig", how: "Running") -> "Iterable[Measurement]":
    from protogov.experiments.audit.cheaters import measure_cheaters

    yield measure_cheaters(config, options.suites, how=how, **_given(num_seeds=options.num_seeds))


def _balance(options: Options, config: "WorldConfig", how: "Running") -> "Iterable[Measurement]":
    from protogov.experiments.audit.balance import measure_balance

    yield measure_balance(config, options.suites, how=how, **_given(num_seeds=options.num_seeds))


def _tuned(options: Options, config: "WorldConfig", how: "Running") -> "Iterable[Measurement]":
    from protogov.experiments.audit.tuned import EFFORT, measure_tuned

    sizes = _given(num_seeds=options.num_seeds, pick_seeds=options.pick_seeds)
    yield measure_tuned(config, options.suites, effort=_effort(options, EFFORT), how=how, **sizes)


def _optima(options: Options, config: "WorldConfig", how: "Running") -> "Iterable[Measurement]":
    from protogov.experiments.audit.contests import AGAIN
    from protogov.experiments.audit.optima import measure_optima
    from protogov.experiments.audit.tuned import EFFORT

    sizes = _given(
        num_seeds=options.num_seeds, pick_seeds=options.pick_seeds, claim_seeds=options.claim_seeds,
        grid_seeds=options.grid_seeds,
    )  # fmt: skip
    # tuned's own searches are taken up: the sizes asked for must be those that it was asked for
    efforts = {"effort": _effort(options, EFFORT), "again": _effort(options, AGAIN)}
    yield measure_optima(config, options.suites, how=how, **efforts, **sizes)


def _worth(options: Options, config: "WorldConfig", how: "Running") -> "Iterable[Measurement]":
    from protogov.experiments.audit.worth import measure_worth

    sizes = _given(num_seeds=options.num_seeds, count=options.points, pick_seeds=options.pick_seeds)
    yield measure_worth(config, options.suites, how=how, **sizes)


def _room(options: Options, config: "WorldConfig", how: "Running") -> "Iterable[Measurement]":
    from protogov.experiments.audit.room import EFFORT, TUNED, measure_room

    sizes = _given(num_seeds=options.num_seeds, pick_seeds=options.pick_seeds)
    efforts = {"effort": _effort(options, EFFORT), "tuned": _effort(options, TUNED)}
    yield measure_room(config, options.suites, how=how, **efforts, **sizes)


def _coupling(options: Options, config: "WorldConfig", how: "Running") -> "Iterable[Measurement]":
    from protogov.experiments.audit.coupling import SIZES, measure_coupling

    yield measure_coupling(config, options.suites, _sizes(options, SIZES), how=how)


def _rivals(options: Options, config: "WorldConfig", how: "Running") -> "Iterable[Measurement]":
    from protogov.experiments.audit.rivals import SIZES, measure_rivals

    yield measure_rivals(config, options.suites, _sizes(options, SIZES), how=how)


def _ensemble(options: Options, config: "WorldConfig", how: "Running") -> "Iterable[Measurement]":
    from protogov.experiments.audit.ensemble import measure_ensemble
    from protogov.experiments.audit.room import EFFORT, TUNED

    sizes = _given(num_seeds=options.num_seeds, pick_seeds=options.pick_seeds)
    efforts = {"effort": _effort(options, EFFORT), "tuned": _effort(options, TUNED)}
    return measure_ensemble(_members(options, config), config, options.suites, how=how, **efforts, **sizes)


def _members(options: Options, config: "WorldConfig") -> "dict[str, WorldConfig]":
    """Name -> the same world with a member's physics."""
    from importlib import import_module

    names: tuple[str, ...] = import_module("protogov.envs.ensemble").shipped_ensemble().names
    for name in options.members:
        if name not in names:
            raise BadInput(f"members names {name!r}; known are {', '.join(names)}")
    changes: list[tuple[str, dict[str, Any]]] = [(name, {"member": name}) for name in options.members or names]
    return {name: replace(config, **change) for name, change in changes}


_MEASURES: "dict[str, Callable[[Options, WorldConfig, Running], Iterable[Measurement]]]" = {
    "cheaters": _cheaters, "balance": _balance, "tuned": _tuned, "optima": _optima, "worth": _worth, "room": _room,
    "coupling": _coupling, "rivals": _rivals, "ensemble": _ensemble,
}  # fmt: skip
