"""What LPs earn in rounds of two weeks, unhedged and hedged, compared with the published rounds of Lyra's first pools.

A round's return is that of one share: its final price at average vols, including other LPs' exit fees, divided by its
first price. Both pools of a seed see the same market and the same noise. The published rounds were unhedged.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario
from protogov.experiments.commands.options import Member, with_physics
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import still, tape_seeds
from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, concatenate, groups, select
from protogov.experiments.core.text import markdown, signed
from protogov.experiments.figures.style import BLACK, BLUE, VERMILLION, dots, headline, new_figure, zero_line
from protogov.experiments.training.run_config import training_scenario

PUBLISHED = np.array([-2.07, 0.0, -0.63, -0.70, 0.36, 2.55, -1.89, -7.74])  # % a round, Lyra, unhedged
# defaults of levers: at a ratio of 0 the pool opens unhedged, too; an order limit of 0 would keep the first hedge
HEDGES: dict[str, dict[str, float]] = {"unhedged": {"hedge_ratio": 0.0}, "hedged": {}}
COLOURS = {"unhedged": VERMILLION, "hedged": BLUE}
FEWEST_SEEDS = 8


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Two-week returns of a share of the option pool, hedged at the default ratio and unhedged.

    Example: protogov study lp_rounds --seeds 256 --out results/lp_rounds
    """

    seeds: int = 64
    """Rounds for each scenario and hedge."""
    scenarios: tuple[str, ...] = ("calm", "jump", "regimes", "self-exciting")
    """Scenarios, none of them held out."""
    hours: int = 336
    """Length of a round."""
    member: Member = ""


@dataclass(frozen=True)
class Round:
    """Rounds of one pool: its scenario, "unhedged" or "hedged", and their number."""

    scenario: str
    hedge: str
    seeds: int


def world_of(hedge: str, hours: int = 336, member: str = "") -> WorldConfig:
    """The world of a round: static levers, hedged at the default ratio or unhedged."""
    return with_physics(WorldConfig(episode_hours=hours, decision_hours=6, defaults=HEDGES[hedge]), member)


def play_rounds(config: WorldConfig, job: Round) -> Table:
    """One row per round: "return" of a share [%]."""
    earned = np.zeros(job.seeds)
    for world, step in still(config, get_scenario(job.scenario), tape_seeds(job.seeds)):
        earned = 100.0 * (step.records[:, 0]["share_price"] / world.worlds["venues"][:, 0]["lp_start"] - 1.0)
    names = {"scenario": np.full(job.seeds, job.scenario), "hedge": np.full(job.seeds, job.hedge)}
    return {**names, "return": earned}


def measure(options: Options, how: Running) -> Found:
    """Play the rounds.

    Raises:
        BadInput: too few seeds for an interval, or a scenario that is held out.
    """
    check_sizes(FEWEST_SEEDS, seeds=options.seeds)
    for name in options.scenarios:
        training_scenario(name)
    worlds = {hedge: world_of(hedge, options.hours, options.member) for hedge in HEDGES}
    pieces = [
        Piece(f"rounds_{scenario}_{hedge}", Round(scenario, hedge, options.seeds), world)
        for scenario in options.scenarios for hedge, world in worlds.items()
    ]  # fmt: skip
    rounds = concatenate(run_pieces(play_rounds, worlds["hedged"], pieces, how, "rounds"))
    return Found({"summary": summarise(rounds), "rounds": rounds}, {"scenarios": list(options.scenarios)})


def summarise(rounds: Table) -> Table:
    """One row per scenario and hedge: mean and 95% interval, deviation, worst and best [%], rounds lost [share]."""
    rows = []
    for key, own in groups(rounds, ("scenario", "hedge")):
        earned, found = own["return"], student_t(own["return"])
        rows.append(
            key | {
                "mean": found.mean, "low": found.low, "high": found.high, "deviation": earned.std(ddof=1),
                "worst": earned.min(), "best": earned.max(), "lost": (earned < 0.0).mean(), "rounds": earned.size,
            }
        )  # fmt: skip
    return columns(rows)


def judge(found: Found) -> Judged:
    """The two comparisons of the study."""
    table = found.tables["summary"]
    unhedged, hedged = (table["hedge"] == hedge for hedge in HEDGES)
    narrower = int((table["deviation"][hedged] < table["deviation"][unhedged]).sum())
    above, markets = int((table["low"][unhedged] > PUBLISHED.mean()).sum()), int(unhedged.sum())
    return Judged(
        (
            f"Hedging narrows the spread of rounds in {narrower} of {markets} markets.",
            f"In {above} of {markets} the whole interval of the unhedged mean lies above the published mean: there "
            "simulated LPs earn more than Lyra's did. The reason is not known; eight rounds of one protocol are few.",
        )
    )


def draw(found: Found) -> Mapping[str, Figure]:
    """Every round as a dot, next to it mean and interval, and the published rounds on the right."""
    rounds, scenarios = found.tables["rounds"], found.facts["scenarios"]
    figure = new_figure(8.0, 4.0)
    axes = figure.subplots()
    spreads = []
    for shift, hedge in ((-0.29, "unhedged"), (0.29, "hedged")):
        own = select(rounds, rounds["hedge"] == hedge)
        spreads.append(own["return"].std(ddof=1))
        for place, scenario in enumerate(scenarios):
            dots(axes, 1.3 * place + shift, own["return"][own["scenario"] == scenario], COLOURS[hedge])
        axes.plot([], [], "o", color=COLOURS[hedge], label=f"{hedge}: dot a round, mean, 95%")
    at = 1.3 * len(scenarios) - 0.2
    axes.plot(np.full(PUBLISHED.size, at), PUBLISHED, "D", color=BLACK, markersize=4.5, label="published, unhedged")
    axes.set_xticks([*(1.3 * place for place in range(len(scenarios))), at], [*scenarios, "Lyra,\npublished"])
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_yticks([-10, -3, -1, 0, 1, 3, 10, 30], ["-10", "-3", "-1", "0", "1", "3", "10", "30"])
    axes.set_ylabel("return of an LP's share in a round [%, log beyond 1]")
    zero_line(axes)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    headline(
        figure,
        f"Standard deviation of two-week rounds: {spreads[0]:.1f}% unhedged, {spreads[1]:.1f}% hedged; Lyra's, "
        f"unhedged, {PUBLISHED.std(ddof=1):.1f}%",
    )
    return {"lp_rounds": figure}


def page(found: Found, judged: Judged) -> list[str]:
    """Returns by market and hedge, and the published ones."""
    table = found.tables["summary"]
    rows = [
        [
            str(table["scenario"][row]), str(table["hedge"][row]), signed(table["mean"][row]),
            f"{signed(table['low'][row])} to {signed(table['high'][row])}", f"{table['deviation'][row]:.2f}",
            signed(table["worst"][row]), signed(table["best"][row]), f"{100 * table['lost'][row]:.0f}%",
            str(table["rounds"][row]),
        ]
        for row in range(len(table["mean"]))
    ]  # fmt: skip
    rows.append(
        [
            "Lyra, published", "unhedged", signed(PUBLISHED.mean()), "", f"{PUBLISHED.std(ddof=1):.2f}",
            signed(PUBLISHED.min()), signed(PUBLISHED.max()), f"{100 * (PUBLISHED < 0.0).mean():.0f}%",
            str(PUBLISHED.size),
        ]
    )  # fmt: skip
    head = ["market", "hedge", "mean", "95%", "deviation", "worst", "best", "rounds lost", "rounds"]
    return [
        "Returns [%] of a share of the option pool under static levers, hedged at the default ratio and unhedged,",
        "compared with the eight published rounds of Lyra's unhedged pools.", "", "![Every round](lp_rounds.png)", "",
        *markdown(head, rows), "", *judged.sentences[1:],
    ]  # fmt: skip


STUDY = Study("lp_rounds", "LP returns of two-week rounds", Options, measure, judge, draw, page)
