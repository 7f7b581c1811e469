"""How long a market needs to recover from a crash, by the size of the crash and by protocol.

The reference is the same market without the crash. A market has recovered when it has no more waiting withdrawals and
no more liquidations than the reference, and its borrow rate is within a percentage point of the reference's. Both
markets of a seed share every draw: the crash is their only difference. A sign that has not recovered at the end counts
with all remaining hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario
from protogov.experiments.commands.options import Member, with_physics
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import still, tape_seeds
from protogov.experiments.core.statistics import Floats, interval_of, means_by
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, concatenate, select
from protogov.experiments.core.text import markdown, number, span
from protogov.experiments.figures.style import BLUE, GREEN, VERMILLION, dots, headline, new_figure
from protogov.experiments.studies.phenomena.worlds import Shock

CRASH_AT, HOURS, RATE_BACK = 48, 336, 0.01  # hours; difference of the annual rate that counts as recovered
FALLS = (0.1, 0.2, 0.3)  # share of the price that is lost in the hour of the crash
PROTOCOLS: dict[str, dict[str, float]] = {
    "defaults": {}, "threshold 75%": {"liquidation_threshold": 0.75}, "slope2 150%": {"slope2": 1.5},
}  # fmt: skip
COLOURS = dict(zip(PROTOCOLS, (BLUE, VERMILLION, GREEN), strict=True))
SIGNS = {"queue": "a queue", "liquidations": "liquidations", "rate": "the rate", "hours": "anything"}


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Hours from a crash of one hour until the market has recovered.

    Example: protogov study recovery --seeds 128 --out results/recovery
    """

    seeds: int = 64
    """Episodes for each crash and protocol."""
    scenario: str = "calm"
    """The market around the crash."""
    member: Member = ""


@dataclass(frozen=True)
class Crash:
    """Episodes of one protocol: the market, the share of the price lost at hour 48 (0: none), and their number."""

    scenario: str
    fall: float
    seeds: int


def play_crash(config: WorldConfig, job: Crash) -> Table:
    """One row per episode and hour: waiting withdrawals [USD], liquidations [USD], the borrow rate [annual]."""
    scenario = get_scenario(job.scenario)
    if job.fall:
        scenario = scenario + Shock("crash", hour=CRASH_AT, least=job.fall, most=job.fall)
    queue, liquidated, rate = np.zeros((3, job.seeds, config.horizon))
    for hour, (world, _) in enumerate(still(config, scenario, tape_seeds(job.seeds))):
        venue = world.worlds["venues"][:, 0]
        queue[:, hour], liquidated[:, hour] = venue["unmet_withdrawals"], venue["sum_liquidated"]
        rate[:, hour] = venue["borrow_rate"]
    return {"queue": queue.ravel(), "liquidations": liquidated.ravel(), "rate": rate.ravel()}


def hours_out(crash: Table, calm: Table, seeds: int) -> Table:
    """Hours from the crash to the last hour without recovery, F64[seeds], by each sign and by any."""
    difference = {name: (crash[name] - calm[name]).reshape(seeds, -1)[:, CRASH_AT - 1 :] for name in crash}
    out = {"queue": difference["queue"] > 0.0, "liquidations": difference["liquidations"] > 0.0}
    out["rate"] = np.abs(difference["rate"]) > RATE_BACK
    found: dict[str, Floats] = {
        name: np.where(at.any(axis=1), at.shape[1] - at[:, ::-1].argmax(axis=1), 0).astype(float)
        for name, at in out.items()
    }
    return {**found, "hours": np.max(list(found.values()), axis=0)}


def measure(options: Options, how: Running) -> Found:
    """Play every protocol with every crash, and without one."""
    n = options.seeds
    check_sizes(8, seeds=n)
    plain = with_physics(WorldConfig(episode_hours=HOURS, decision_hours=1), options.member)
    worlds = {name: replace(plain, defaults=levers) for name, levers in PROTOCOLS.items()}
    asked = [(name, fall) for name in PROTOCOLS for fall in (0.0, *FALLS)]
    pieces = [Piece(f"crash_{name}_{fall:g}", Crash(options.scenario, fall, n), worlds[name]) for name, fall in asked]
    played = dict(zip(asked, run_pieces(play_crash, plain, pieces, how, "crashes"), strict=True))
    episodes = concatenate(
        {"protocol": np.full(n, name), "fall": np.full(n, fall), **hours_out(played[name, fall], played[name, 0.0], n)}
        for name, fall in asked if fall
    )  # fmt: skip
    summary = means_by(episodes, ("protocol", "fall"), tuple(SIGNS))
    return Found({"summary": summary, "episodes": episodes}, {"seeds": n, "scenario": options.scenario})


def judge(found: Found) -> Judged:
    """Recovery from the largest crash under the defaults and under the other protocols."""
    table = found.tables["summary"]
    last = [row for row, fall in enumerate(table["fall"]) if fall == FALLS[-1]]
    hours = {str(table["protocol"][row]): interval_of(table, row, "hours") for row in last}
    own = hours.pop("defaults")
    others = "; ".join(f"{name}: {number(one.mean)} h" for name, one in hours.items())
    return Judged((f"After a fall of {FALLS[-1]:.0%} within an hour a market needs "
                   f"{number(own.mean)} hours to recover ({others}).",))  # fmt: skip


def draw(found: Found) -> Mapping[str, Figure]:
    """One dot per episode, by fall and protocol."""
    episodes, figure = found.tables["episodes"], new_figure(7.5, 3.8)
    axes = figure.subplots()
    for shift, (name, colour) in enumerate(COLOURS.items()):
        own = select(episodes, episodes["protocol"] == name)
        for place, fall in enumerate(FALLS):
            dots(axes, 2.2 * place + 0.6 * shift, own["hours"][own["fall"] == fall], colour)
        axes.plot([], [], "o", color=colour, label=name)
    axes.set_xticks([2.2 * place + 0.6 for place in range(len(FALLS))], [f"{fall:.0%}" for fall in FALLS])
    axes.set(xlabel="fall of the price within one hour", ylabel="hours until recovery")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    headline(figure, judge(found).sentences[0])
    return {"recovery": figure}


def page(found: Found, judged: Judged) -> list[str]:
    """Hours by protocol, fall and sign."""
    table = found.tables["summary"]
    keys = zip(table["protocol"], table["fall"], strict=True)
    rows = [[str(name), f"{fall:.0%}", *(span(interval_of(table, row, sign)) for sign in SIGNS)]
            for row, (name, fall) in enumerate(keys)]  # fmt: skip
    about = f"""Mean hours and 95% intervals over {found.facts["seeds"]} episodes of `{found.facts["scenario"]}`. Each
is compared with the same episode without the crash. A sign that has not recovered at the end counts with all
{HOURS - CRASH_AT + 1} hours."""
    return [about, "", "![Hours until recovery](recovery.png)", "",
            *markdown(["protocol", "fall", *SIGNS.values()], rows)]  # fmt: skip


STUDY = Study("recovery", "Recovery after a crash", Options, measure, judge, draw, page)
