"""`protogov audit`: does the game hold? Cheaters, balance, headroom and coupling, measured in the world as it is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.run_config import training_scenario

if TYPE_CHECKING:
    from protogov.agents.tuning.evolution import Budget
    from protogov.experiments.audit.check import Check

Name = Literal["cheaters", "balance", "headroom", "coupling", "all"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check that the world is a game worth learning.

    cheaters: governors that look for a mistake in the rules score below the defaults. balance: no term of a mandate
    drowns the others. headroom: constants by regime, in hindsight, beat the best single ones. coupling: what is best
    for one role depends on what another does. Exit code 1 when one fails; what was measured is written all the same.

    Example: protogov audit coupling --jobs 2 --out results/runs/audit
    """

    check: Annotated[Name, tyro.conf.Positional]
    """Which."""
    seeds: int = 0
    """Tapes to score on; 0 is each check's own number."""
    scenario: str = "mix"
    """What cheaters and balance are measured on."""
    regimes: tuple[str, ...] = ()
    """Scenarios of headroom, of coupling, and on which cheaters are told one by one; each check's own by default."""
    generations: int = 0
    """At most, of each search of headroom and of coupling at the defaults; 0 is the check's own number."""
    population: int = 0
    """Candidates a generation; 0 is the check's own number."""
    search_seeds: int = 0
    """Tapes of each search; 0 is the check's own number."""
    jobs: int = 2
    """Processes, one thread each."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world."""
    out: Path | None = None
    """Write tables (CSV), figures and a page to this folder; finished pieces are kept there, and a rerun goes on."""


def run(options: Options, command: str) -> int:
    """Measure, write, print; raises CheckFailed when a check fails."""
    if options.seeds != 0 and options.seeds < 2:
        raise BadInput(f"seeds is {options.seeds}; 0, or a whole number from 2, is accepted")
    for option in ("generations", "population", "search_seeds"):
        value = getattr(options, option)
        if value != 0 and value < 2:
            raise BadInput(f"{option} is {value}; 0, or a whole number from 2, is accepted")
    for name in (options.scenario, *options.regimes):
        training_scenario(name)  # the world is changed until these checks hold: never on what is kept for evaluation
    makers = _makers(options)
    chosen = list(makers) if options.check == "all" else [options.check]
    checks = []
    for name in chosen:
        checks.append(makers[name]())
        print(f"{name}: {'holds' if checks[-1].holds else 'FAILS'}: {checks[-1].verdict}", flush=True)
    if options.out is not None:
        from protogov.experiments.audit.writing import write_checks

        for path in write_checks(checks, options.out, command):
            print(path)
    failed = [check for check in checks if not check.holds]
    if failed:
        raise CheckFailed("; ".join(f"{check.name} fails: {check.verdict}" for check in failed))
    return 0


def _makers(options: Options) -> "dict[str, Callable[[], Check]]":
    from protogov.experiments.audit import balance, cheaters, coupling, headroom
    from protogov.experiments.audit.running import Running

    config = options.world.make()
    keep = None if options.out is None else options.out / "pieces"
    how = Running(options.jobs, keep, show=True)
    return {
        "cheaters": lambda: cheaters.audit_cheaters(
            config, options.scenario, options.seeds or cheaters.TAPES, regimes=options.regimes or headroom.REGIMES,
            how=how,
        ),
        "balance": lambda: balance.audit_balance(config, options.scenario, options.seeds or 4096),
        "headroom": lambda: headroom.audit_headroom(
            config, options.regimes or headroom.REGIMES, options.search_seeds or 32, options.seeds or 256,
            _budget(options, headroom.BUDGET), how=how,
        ),
        "coupling": lambda: coupling.audit_coupling(
            config, options.regimes or coupling.REGIMES, options.search_seeds or 48, options.seeds or 512,
            _budget(options, coupling.BUDGET), how=how,
        ),
    }  # fmt: skip


def _budget(options: Options, own: "Budget") -> "Budget":
    from dataclasses import replace

    return replace(
        own, generations=options.generations or own.generations, population=options.population or own.population
    )
