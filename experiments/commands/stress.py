"""`protogov stress`: losses, insolvency and the least collateral, over a grid of protocols in one batch."""

from dataclasses import dataclass, field
from time import perf_counter

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFolder


@dataclass(frozen=True, kw_only=True)
class Options:
    """Stress a grid of protocols on thousands of drawn futures.

    Every pair of liquidation threshold and loan-to-value within the lever's range, times every option-margin
    multiplier, meets the same seeds with its levers held. Writes cells.csv, requirement.csv, episodes.parquet, two
    figures, a manifest and a page (README.md) into --out. A run that was cut off goes on with the same command.

    Example: protogov stress --target 0.02 --out results/runs/stress
    """

    out: OutputFolder
    """Folder to write into."""
    scenario: str = "crash-heldout"
    """What the outside market does: a registered scenario, several joined by +, or a path to candles."""
    thresholds: tuple[float, ...] = (0.60, 0.67, 0.75, 0.83)
    """Liquidation thresholds LT."""
    ltvs: tuple[float, ...] = (0.46, 0.49, 0.52, 0.55, 0.58, 0.64, 0.70, 0.76, 0.82)
    """Loans-to-value; pairs that are closer to LT or further below it than the lever allows are left out."""
    option_margins: tuple[float, ...] = (0.8, 1.0, 2.0)
    """Multipliers of the option margin."""
    seeds: int = 160
    """Futures that every protocol meets."""
    first: int = 0
    """Number of the first of them."""
    criterion: str = "net-worth"
    """What counts as insolvent: net-worth, bad-debt, option-pool, suppliers or any."""
    loss: str = "capital"
    """Whose loss is distributed: capital, welfare, bad-debt or option-pool."""
    target: float = 0.05
    """Probability of insolvency that the least requirement must keep, with 97.5% confidence in each row."""
    jobs: int = 2
    """Processes."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world; its levers hold where the grid says nothing else."""


def run(options: Options, command: str) -> int:
    """Play, write, and print the answer."""
    from protogov.experiments.stress.grid import make_cells
    from protogov.experiments.stress.losses import CRITERIA, LOSSES
    from protogov.experiments.stress.runner import Plan, run_plan
    from protogov.experiments.stress.summary import summarise
    from protogov.experiments.stress.writing import answer, write_stress

    for name, value, known in (("criterion", options.criterion, CRITERIA), ("loss", options.loss, LOSSES)):
        if value not in known:
            raise BadInput(f"{name} is {value!r}; {', '.join(known)} are accepted")
    if not 0.0 < options.target < 1.0:
        raise BadInput(f"target is {options.target:g}; a probability between 0 and 1 is accepted")
    cells = make_cells(options.thresholds, options.ltvs, options.option_margins)
    plan = Plan(options.world.make(), options.scenario, cells, options.seeds, options.first)
    slices = options.out / "slices"
    fresh, began = not any((slices / plan.digest()).glob("*.parquet")), perf_counter()
    table = run_plan(plan, jobs=options.jobs, keep=slices)
    seconds = perf_counter() - began if fresh else float("nan")
    summary = summarise(plan, table, options.criterion, options.loss, options.target, seconds)
    for path in write_stress(options.out, summary, table, command):
        print(path)
    print("\n".join(answer(summary)))
    return 0
