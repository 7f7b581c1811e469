"""What LPs earn in rounds of two weeks, unhedged and hedged, beside the published rounds of Lyra's first pools.

    python -m protogov.experiments.lp_rounds --out results/lp_rounds

A round's return is that of one share: its price at average vols, exit fees that others left included, over that at the
beginning. Both pools of a seed see the same market and the same noise. The published rounds were unhedged.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario
from protogov.envs.scenarios.base import HELD_OUT
from protogov.experiments import cli
from protogov.experiments.commands.options import Member, opened_scenario, with_physics
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import BLACK, look, new_figure, save, zero_line
from protogov.experiments.files import write_text
from protogov.experiments.outputs import OutputFolder
from protogov.experiments.phenomena.drawing import ACTIVE, SWITCHED, dots
from protogov.experiments.phenomena.runner import FEWEST_SEEDS
from protogov.experiments.phenomena.worlds import episodes
from protogov.experiments.play import tape_seeds
from protogov.experiments.statistics import student_t
from protogov.experiments.tables import Table, write_table
from protogov.experiments.versions import now, versions

PROGRAM = "python -m protogov.experiments.lp_rounds"
PUBLISHED = (-2.07, 0.0, -0.63, -0.70, 0.36, 2.55, -1.89, -7.74)  # % a round, Lyra, unhedged
SCENARIOS = ("calm", "jump", "regimes", "self-exciting")
HOURS = 336
# defaults of levers: at a ratio of 0 the pool opens without a hedge too, which an order limit of 0 would leave standing
HEDGES: dict[str, dict[str, float]] = {"unhedged": {"hedge_ratio": 0.0}, "hedged": {}}
Returns = dict[tuple[str, str], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Play rounds of two weeks, unhedged and hedged, and write a table and a figure."""

    out: OutputFolder
    """Folder of lp_rounds.csv, of the figure and the page."""
    seeds: int = 64
    """Rounds of each scenario and hedge."""
    scenarios: tuple[str, ...] = SCENARIOS
    """Markets of split train or free."""
    hours: int = HOURS
    """Length of a round."""
    member: Member = ""
    jobs: int = 2
    """Worlds that run at the same time."""


def world_of(hedge: str, hours: int = HOURS, member: str = "") -> WorldConfig:
    """The world of a round: static levers, hedged at their default ratio or not at all."""
    return with_physics(WorldConfig(episode_hours=hours, decision_hours=6, defaults=HEDGES[hedge]), member)


def play_round(
    scenario: str, hedge: str, seeds: NDArray[np.uint64], hours: int = HOURS, member: str = ""
) -> NDArray[np.float64]:
    """Return [%] of a share of the option pool over a round, a value a seed.

    Raises:
        CheckFailed: the books of a world do not balance.
    """
    config = world_of(hedge, hours, member)
    earned = np.zeros(seeds.size)
    for world, step in episodes(config, get_scenario(scenario), seeds):
        earned = 100.0 * (step.records[:, 0]["share_price"] / world.worlds["venues"][:, 0]["lp_start"] - 1.0)
    return earned


def play_rounds(
    scenarios: Sequence[str],
    num_seeds: int,
    *,
    hours: int = HOURS,
    member: str = "",
    jobs: int = 2,
    show: bool = False,
) -> Returns:
    """(scenario, hedge) -> returns [%] of `num_seeds` rounds.

    Raises:
        BadInput: too few seeds for an interval, or a scenario that is held out.
    """
    if num_seeds < FEWEST_SEEDS:
        raise BadInput(f"seeds is {num_seeds}; a whole number of at least {FEWEST_SEEDS} is accepted")
    for name in scenarios:
        if opened_scenario(name).split in HELD_OUT:
            raise BadInput(f"scenario {name!r} is held out; one of split train or free is accepted")
    keys = [(scenario, hedge) for scenario in scenarios for hedge in HEDGES]
    seeds = tape_seeds(num_seeds)
    with ThreadPoolExecutor(jobs) as pool:
        rounds = pool.map(lambda key: play_round(key[0], key[1], seeds, hours, member), keys)
        found = tqdm(rounds, desc="rounds", total=len(keys), unit="world", disable=not show)
        return dict(zip(keys, found, strict=True))


def table_of(returns: Returns) -> Table:
    """A row a scenario and hedge: mean with its 95% interval, median, worst and best round [%], rounds lost [share]."""
    found = [student_t(values) for values in returns.values()]
    return {
        "scenario": np.array([scenario for scenario, _ in returns]),
        "hedge": np.array([hedge for _, hedge in returns]),
        "mean": np.array([one.mean for one in found]),
        "low": np.array([one.low for one in found]),
        "high": np.array([one.high for one in found]),
        "deviation": np.array([values.std(ddof=1) for values in returns.values()]),
        "median": np.array([np.median(values) for values in returns.values()]),
        "worst": np.array([values.min() for values in returns.values()]),
        "best": np.array([values.max() for values in returns.values()]),
        "lost": np.array([(values < 0.0).mean() for values in returns.values()]),
        "rounds": np.array([values.size for values in returns.values()]),
    }


def draw(returns: Returns) -> Figure:
    """Every round as a dot, mean and interval beside them, and the published rounds on the right."""
    scenarios = list(dict.fromkeys(scenario for scenario, _ in returns))
    figure = new_figure(8.0, 4.0)
    axes = figure.subplots()
    for place, scenario in enumerate(scenarios):
        for shift, hedge, colours in ((-0.22, "unhedged", SWITCHED), (0.22, "hedged", ACTIVE)):
            dots(axes, 1.3 * place + shift * 1.3, returns[scenario, hedge], colours)
    at = 1.3 * len(scenarios) - 0.2
    axes.plot(np.full(len(PUBLISHED), at), PUBLISHED, "D", color=BLACK, markersize=4.5)
    axes.set_xticks([*(1.3 * place for place in range(len(scenarios))), at], [*scenarios, "Lyra,\npublished"])
    axes.plot([], [], "o", color=SWITCHED["color"], label="unhedged: dot a round, mean, 95%")
    axes.plot([], [], "o", color=ACTIVE["color"], label="hedged at the default ratio")
    axes.plot([], [], "D", color=BLACK, label="published rounds, unhedged")
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_yticks([-10, -3, -1, 0, 1, 3, 10, 30], ["-10", "-3", "-1", "0", "1", "3", "10", "30"])
    axes.set_ylabel("return of an LP's share in a round [%, log beyond 1]")
    zero_line(axes)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    spreads = [np.concatenate([returns[one, hedge] for one in scenarios]).std(ddof=1) for hedge in HEDGES]
    figure.suptitle(
        f"Standard deviation of two-week rounds: {spreads[0]:.1f}% unhedged, {spreads[1]:.1f}% hedged; "
        f"Lyra's, unhedged, {np.std(PUBLISHED, ddof=1):.1f}%",
        x=0.01, ha="left", fontsize=10, fontweight="bold",
    )  # fmt: skip
    return figure


def what_it_says(table: Table) -> list[str]:
    """The two comparisons that the page is for, from the numbers."""
    unhedged, hedged = (table["hedge"] == hedge for hedge in HEDGES)
    narrower = table["scenario"][unhedged][table["deviation"][hedged] < table["deviation"][unhedged]]
    above = table["scenario"][unhedged][table["low"][unhedged] > np.mean(PUBLISHED)]
    markets = unhedged.sum()
    return [
        f"Hedging narrows the spread of rounds in {len(narrower)} of {markets} markets.",
        f"In {len(above)} of {markets} the whole interval of the unhedged mean lies above the published mean: there",
        "simulated LPs earn more than Lyra's did. Why is not known; eight rounds of one protocol are few.",
    ]


def page(table: Table, command: str) -> str:
    """The table as a page, with what was played, what it says and what made it."""
    about = versions()
    rows = [
        f"| {table['scenario'][row]} | {table['hedge'][row]} | {table['mean'][row]:+.2f} | {table['low'][row]:+.2f} to "
        f"{table['high'][row]:+.2f} | {table['deviation'][row]:.2f} | {table['worst'][row]:+.2f} | "
        f"{table['best'][row]:+.2f} | {100 * table['lost'][row]:.0f}% | {table['rounds'][row]} |"
        for row in range(table["scenario"].size)
    ]
    lyra = (
        f"| Lyra, published | unhedged | {np.mean(PUBLISHED):+.2f} | | {np.std(PUBLISHED, ddof=1):.2f} | "
        f"{min(PUBLISHED):+.2f} | {max(PUBLISHED):+.2f} | {100 * np.mean(np.array(PUBLISHED) < 0.0):.0f}% | "
        f"{len(PUBLISHED)} |"
    )
    return "\n".join(
        [
            "# LP returns of two-week rounds",
            "",
            "Returns [%] of a share of the option pool under static levers, hedged at the default ratio and not at",
            "all, beside the eight rounds that Lyra published of its unhedged pools.",
            "",
            "![Every round](lp_rounds.svg)",
            "",
            "| market | hedge | mean | 95% | deviation | worst | best | rounds lost | rounds |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            lyra,
            "",
            *what_it_says(table),
            "",
            f"Made on {now()} at commit `{about['commit']}` (protogov {about['protogov']}, python {about['python']}, "
            f"numpy {about['numpy']}, numba {about['numba']}) by",
            "",
            f"    {command}",
            "",
        ]
    )


def run(options: Options, command: str = PROGRAM) -> int:
    """Play the rounds, write a table and a figure, print the returns.

    Raises:
        BadInput: an option that cannot be.
    """
    returns = play_rounds(
        options.scenarios, options.seeds, hours=options.hours, member=options.member, jobs=options.jobs, show=True
    )
    notes = {
        "published": ", ".join(f"{value:g}" for value in PUBLISHED), "hours": str(options.hours),
        "member": options.member,
    }  # fmt: skip
    table = table_of(returns)
    write_table(options.out / "lp_rounds.csv", table, notes)
    with look():
        save(draw(returns), options.out, "lp_rounds")
    write_text(options.out / "README.md", page(table, command))
    for row in range(table["scenario"].size):
        print(
            f"{table['scenario'][row]:10} {table['hedge'][row]:9} {table['mean'][row]:+.2f} "
            f"[{table['low'][row]:+.2f}, {table['high'][row]:+.2f}] %, deviation {table['deviation'][row]:.2f}, "
            f"worst {table['worst'][row]:+.2f}"
        )
    print(f"published  unhedged  {np.mean(PUBLISHED):+.2f} %, deviation {np.std(PUBLISHED, ddof=1):.2f}, worst -7.74")
    return 0


if __name__ == "__main__":
    sys.exit(cli.run_command(sys.modules[__name__], sys.argv[1:], PROGRAM))
