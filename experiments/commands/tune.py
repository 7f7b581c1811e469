"""`protogov tune`: constants for each scenario and a linear rule, by CMA-ES on paired tapes."""

from dataclasses import dataclass, field
from typing import Any

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFile, OutputFolder
from protogov.experiments.run_config import training_scenario


@dataclass(frozen=True, kw_only=True)
class Options:
    """Tune all levers on welfare by evolution (CMA-ES): constants for each scenario, and a linear rule.

    Candidates of a generation play the same tapes; the winner is picked on other tapes, and its gain over the defaults
    is measured on a third set. A search that was stopped goes on with the scenarios that the file lacks.

    Example: protogov tune --scenarios mix jump --out agents/baselines/tuned.json --report results/tuning
    """

    out: OutputFile
    """The JSON file; the baselines read agents/baselines/tuned.json."""
    scenarios: tuple[str, ...] = ("natural", "mix", "calm", "jump", "self-exciting", "regimes")
    """The first is that of the linear rule as well."""
    generations: int = 200
    """At most, of each restart of a search."""
    population: int = 16
    """Candidates a generation; twice as many in the second restart."""
    restarts: int = 2
    """Of a search of constants, 1 or 2: the first from the defaults, the second from the best known."""
    tapes: int = 64
    """Of the search; as many others select the winner."""
    report: OutputFolder | None = None
    """Folder for a page and a figure of the searches in the file."""
    linear: bool = True
    """Also tune the linear rule."""
    threads: int = 2
    """Of the simulator."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world."""


def run(options: Options, command: str) -> int:
    """Search, write after each scenario, print what was gained."""
    from tqdm import tqdm

    from protogov.agents.baselines.linear_feedback import features_read
    from protogov.agents.tuning.evolution import Budget, Tuning
    from protogov.agents.tuning.objective import role_levers
    from protogov.envs.world.features import FEATURES
    from protogov.experiments.tuned import tune_file
    from protogov.experiments.tuning_report import write_report

    for name, value, low in (
        ("generations", options.generations, 1), ("population", options.population, 4), ("tapes", options.tapes, 2),
        ("restarts", options.restarts, 1), ("threads", options.threads, 1), ("scenarios", len(options.scenarios), 1),
    ):  # fmt: skip
        if value < low:
            raise BadInput(f"{name} is {value}; at least {low} is accepted")
    if options.restarts > 2:
        raise BadInput(f"restarts is {options.restarts}; 1 or 2 are accepted")
    for scenario in options.scenarios:
        training_scenario(scenario)  # what is tuned is held to the same line as what learns
    config = options.world.make()
    hidden = [name for name in features_read(role_levers("joint")) if not config.shows(FEATURES[name])]
    if options.linear and hidden:
        raise BadInput(
            f"the linear rule reads {', '.join(hidden)}, which governors do not see where observe is "
            f"{', '.join(config.observe)}; add --no-linear, or the group feeds"
        )
    budget = Budget(generations=options.generations, population=options.population, restarts=options.restarts)
    restarts = len(options.scenarios) * options.restarts + options.linear
    with tqdm(total=restarts * options.generations, unit="generation", dynamic_ncols=True) as bar:

        def tell(name: str, tuning: Tuning) -> None:
            bar.set_postfix_str(f"{name}: W {tuning.restarts[-1].history[-1]:.2f} bp", refresh=False)
            bar.update()

        data = tune_file(
            options.out, config, options.scenarios, budget, command, num_seeds=options.tapes,
            linear=options.linear, num_threads=options.threads, tell=tell,
        )  # fmt: skip
    for name, found in data["found"].items():
        print(
            f"{name}: {found['gain']:+.2f} +- {found['standard_error']:.2f} bp over the defaults; {found['episodes']} "
            f"episodes, {' and '.join(_told(restart) for restart in found['restarts'])}"
        )
    print(options.out)
    if options.report is not None:
        for path in write_report(options.report, data, command):
            print(path)
    return 0


def _told(restart: dict[str, Any]) -> str:
    return f"{len(restart['history'])} generations ({restart['stopped']})"
