"""The study: each measure of each row on each scenario, with intervals that resample whole seeds.

A resample draws tape seeds with replacement and takes each with all episodes of all scenarios, so pairs stay pairs.
Marks of W are simultaneous over all rows and scenarios (max-T): otherwise one of twenty rows would be marked by chance.
The short table has one row per governor: means over scenarios with intervals, W and gain on each scenario, and gains
for other weights of losses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from protogov.envs.scenarios.base import HELD_OUT
from protogov.experiments.commands.options import WorldOptions, world_of
from protogov.experiments.core.evaluation import PARTS
from protogov.experiments.core.governors import STATIC
from protogov.experiments.core.options import Positional
from protogov.experiments.core.pieces import Running, run_pieces
from protogov.experiments.core.statistics import (
    Floats,
    Interval,
    bootstrap_mean,
    critical_max_t,
    ends_of,
    interval_of,
    lowest_mean,
    percentile,
    seed_draws,
)
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions
from protogov.experiments.core.tables import Table, columns, concatenate, select
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import MINUS, markdown, plain, signed, signed_span
from protogov.experiments.core.venues import all_venues
from protogov.experiments.core.welfare_box import BOX, KAPPAS, LAMBDAS, Plane, planes
from protogov.experiments.figures.style import headline, heat_cell, new_figure, spaced
from protogov.experiments.studies.leaderboard.matches import (
    ATTACKED,
    CEILING,
    complete,
    make_matches,
    play_match,
    read_ceiling,
    suite_scenarios,
)
from protogov.experiments.training.comparison import BESIDE_W, PART_LABELS, REALISED_LABELS
from protogov.experiments.training.learned import find_governors
from protogov.experiments.training.measured import HEADLINE

QUICK = 8  # tapes a scenario of a quick leaderboard
RESAMPLES = 2000
UPTIME = "uptime"
GAIN, SHORTFALL = "welfare_gain", "shortfall_5%"  # of W: over static, and the mean of its worst 5%
# column without the venue -> name for people; W and everybody's share of it first
MEASURES: dict[str, str] = {
    "welfare": "Welfare W",
    **{f"welfare/{part}": PART_LABELS[part] for part in PARTS},
    **{name: REALISED_LABELS[name] for name in ("bad_debt", "liquidated", *BESIDE_W)},
    UPTIME: "Uptime of withdrawals",
}
STEPS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)  # of the colours of gains [bp of K0]
PLANE = ("rest", "losses", "taken")  # gain on the headline is rest - lambda * losses - kappa * taken
SHARES = tuple(name for name in MEASURES if name.startswith("welfare/"))


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Every registered baseline (and GOVERNORS) on every registered scenario, on paired seeds.

    GOVERNORS is a run's folder, a folder of policies or policy_<agent>.json files. The same command resumes an
    interrupted run. leaderboard.csv gets one row per governor, measures.parquet each measure on each scenario with its
    interval, episodes.parquet one row per episode.

    Example: protogov study leaderboard --episodes 96 --ceiling agents/baselines/tuned.json --out results/leaderboard
    """

    governors: Annotated[tuple[Path, ...], Positional("GOVERNORS")] = ()
    """Governors that play in addition to the baselines."""
    scenarios: tuple[str, ...] = ()
    """Registered scenarios; all of them by default."""
    episodes: int = 64
    """Tapes of each scenario."""
    quick: bool = False
    """8 tapes a scenario, to see that everything runs."""
    ceiling: Path | None = None
    """The ceiling: JSON of constants tuned with hindsight, {scenario: {lever: value}}. A scenario that it lacks gets
    the set that is best there."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world; leave it unset for a run's folder, which has its own world."""


def measure(options: Options, how: Running) -> Found:
    """Play every match.

    Raises:
        BadInput: an option that cannot be played.
    """
    given = find_governors(options.governors)
    config = world_of(given, options.world)
    seeds, scenarios = QUICK if options.quick else options.episodes, options.scenarios or suite_scenarios()
    make_matches(config, seeds, scenarios, extra=given.sets)  # refuse invalid input before anything is played
    ceiling, picked = None, dict[str, str]()
    if options.ceiling is not None:
        ceiling, picked = complete(config, read_ceiling(options.ceiling), scenarios, how)
    matches = make_matches(config, seeds, scenarios, ceiling, given.sets)
    episodes = concatenate(run_pieces(play_match, config, matches, how, "leaderboard"))
    return summarise(episodes, {"config": config.to_dict(), "picked": picked})


def summarise(episodes: Table, facts: Mapping[str, Any]) -> Found:
    """The tables of played matches; several training seeds of one name are averaged tape by tape.

    Rows are sorted by their gain on `natural`, or on the first scenario if `natural` is not played.

    Raises:
        ValueError: the static protocol did not play, or rows of a scenario did not play the same tapes.
    """
    names, scenarios = (list(dict.fromkeys(episodes[name].tolist())) for name in ("governors", "scenario"))
    tapes = np.unique(episodes["tape_seed"])
    values = {
        (name, scenario): by_tape(episodes, name, scenario, tapes)
        for scenario, name in product(scenarios, names)
        if ((episodes["governors"] == name) & (episodes["scenario"] == scenario)).any()
    }
    for scenario in scenarios:
        if (STATIC, scenario) not in values:
            raise ValueError(f"the static protocol did not play scenario {scenario!r}; gains are measured against it.")
    draws = seed_draws(tapes.size, RESAMPLES)
    gains = {at: own["welfare"] - values[STATIC, at[1]]["welfare"] for at, own in values.items()}
    critical = critical_max_t((gain for (name, _), gain in gains.items() if name != STATIC), draws)
    marked = {at: 0.0 < critical * _error(gain) < abs(float(gain.mean())) for at, gain in gains.items()}
    found = {at: estimates([own], [values[STATIC, at[1]]], draws) for at, own in values.items()}
    first = HEADLINE if HEADLINE in scenarios else scenarios[0]

    def place(name: str) -> tuple[bool, bool, float]:
        """Static first, the ceiling last, the others by their gain on the headline."""
        return name != STATIC, name == CEILING, -found[name, first][GAIN].mean if (name, first) in found else np.inf

    nothing = dict.fromkeys((*MEASURES, SHORTFALL, GAIN), Interval(float("nan"), float("nan"), float("nan")))
    weights, statics = _weights(select(episodes, episodes["scenario"] == first)), [values[STATIC, s] for s in scenarios]
    rows = []
    for name in sorted(names, key=place):
        own = [values[name, scenario] for scenario in scenarios if (name, scenario) in values]
        here = found.get((name, first), nothing)
        mean = estimates(own, statics, draws) if len(own) == len(scenarios) else nothing
        row = {"governors": name, "played": len(own)}
        row |= ends_of(
            {"first_welfare": here["welfare"], "first_gain": here[GAIN]} | {one: mean[one] for one in nothing}
        )
        row |= dict(zip(PLANE, weights.get(name, [float("nan")] * 3), strict=True))
        for scenario in scenarios:
            one = found.get((name, scenario), nothing)
            row |= {f"W on {scenario}": one["welfare"].mean, f"gain on {scenario}": one[GAIN].mean}
            row |= {f"marked on {scenario}": int(marked.get((name, scenario), False))}
        rows.append({key: float(f"{one:.6g}") if isinstance(one, float) else one for key, one in row.items()})
    splits = {scenario: str(episodes["split"][episodes["scenario"] == scenario][0]) for scenario in scenarios}
    about = {"scenarios": splits, "first": first, "seeds": int(tapes.size), "critical": critical, "picked": {}, **facts}
    long = [
        {"governors": name, "scenario": scenario, "split": splits[scenario], "measure": measure,
         **ends_of({"value": one}), "marked": int(measure == GAIN and marked.get((name, scenario), False))}
        for (name, scenario), each in found.items() for measure, one in each.items()
    ]  # fmt: skip
    long += [
        {**long[0], "governors": name, "scenario": scenario, "split": splits[scenario], "measure": "share_of_ceiling",
         **ends_of({"value": Interval(share, float("nan"), float("nan"))}), "marked": 0}
        for (name, scenario) in found if np.isfinite(share := captured(found, name, scenario))
    ]  # fmt: skip
    return Found({"leaderboard": columns(rows), "measures": columns(long), "episodes": episodes}, about)


def by_tape(table: Table, name: str, scenario: str, tapes: NDArray[np.uint64]) -> dict[str, Floats]:
    """Measure -> value a tape, training seeds averaged; two venues count by their K0, their uptime equally."""
    own = select(table, (table["governors"] == name) & (table["scenario"] == scenario))
    seeds = np.unique(own["training_seed"])
    order = np.lexsort((own["tape_seed"], own["training_seed"]))
    if not np.array_equal(own["tape_seed"][order], np.tile(tapes, seeds.size)):
        raise ValueError(f"{name!r} did not play the tapes of the others in scenario {scenario!r}.")
    found = {}
    for measure in MEASURES:
        first, _, rest = measure.partition("/")
        parts = [column.split("/") for column in own if "/" in column]
        of = ["/".join(part) for part in parts if part[0] == first and part[2:] == ([rest] if rest else [])]
        values = [own[one] for one in of]
        both = np.mean(values, axis=0) if measure == UPTIME else all_venues(own, values)
        found[measure] = both[order].reshape(seeds.size, -1).mean(axis=0)
    return found


def estimates(
    own: Sequence[Mapping[str, Floats]], static: Sequence[Mapping[str, Floats]], draws: NDArray[np.int64]
) -> dict[str, Interval]:
    """Measure -> mean over scenarios, each a mapping from measures to F64[tapes]; a resample takes a seed with all.

    Also the gain of W over `static`, the mean of the worst 5% of W, and its gain.
    """
    found = {name: bootstrap_mean(np.mean([one[name] for one in own], axis=0), draws) for name in MEASURES}

    def tail(of: Sequence[Mapping[str, Floats]]) -> tuple[Floats, Floats]:
        """Its value and replicates."""
        welfare = [one["welfare"] for one in of]
        value = np.mean([lowest_mean(one) for one in welfare])
        return np.asarray(value), np.mean([lowest_mean(one[draws]) for one in welfare], axis=0)

    (mine, mine_again), (other, other_again) = tail(own), tail(static)
    gain = np.mean([one["welfare"] - two["welfare"] for one, two in zip(own, static, strict=True)], axis=0)
    return found | {
        SHORTFALL: percentile(float(mine), mine_again),
        GAIN: bootstrap_mean(gain, draws),
        f"{SHORTFALL}_gain": percentile(float(mine - other), mine_again - other_again),
    }


def captured(found: Mapping[tuple[str, str], Mapping[str, Interval]], name: str, scenario: str) -> float:
    """Gain divided by the ceiling's gain; nan without a ceiling, or if the ceiling's gain is not above zero."""
    ceiling = found.get((CEILING, scenario))
    top = float("nan") if ceiling is None else ceiling[GAIN].mean
    return found[name, scenario][GAIN].mean / top if top > 0.0 else float("nan")


def _error(values: Floats) -> float:
    return float(values.std(ddof=1) / np.sqrt(values.size))


def _weights(table: Table) -> dict[str, list[float]]:
    """Governors -> plane of the mean gain over static for other weights, on one scenario that all rows played."""
    split = planes(table, PARTS)
    means = {str(name): split[:, table["governors"] == name].mean(axis=1) for name in np.unique(table["governors"])}
    return {name: (mean - means[STATIC]).tolist() for name, mean in means.items()}


def judge(found: Found) -> Judged:
    """Who gains on the headline."""
    board, first = found.tables["leaderboard"], found.facts["first"]
    rows = np.flatnonzero((board["governors"] != STATIC) & (board["governors"] != CEILING) & _played(board, first))
    gains, marks = board[f"gain on {first}"][rows], board[f"marked on {first}"][rows] == 1
    best = int(rows[np.argmax(gains)])
    return Judged((
        f"On {first} {int((marks & (gains > 0.0)).sum())} of {rows.size} governors gain W over the static protocol and "
        f"{int((marks & (gains < 0.0)).sum())} lose W, simultaneously over all scenarios. The largest gain is that of "
        f"{board['governors'][best]}: {signed(board[f'gain on {first}'][best])} bp of K0 per episode.",
    ))  # fmt: skip


def _played(board: Table, scenario: str) -> NDArray[np.bool_]:
    return np.isfinite(board[f"gain on {scenario}"])


def draw(found: Found) -> Mapping[str, Figure]:
    """One row per governor, one column per scenario: gain of W over static [bp of K0], a number if it is marked."""
    board, splits = found.tables["leaderboard"], found.facts["scenarios"]
    board = select(board, board["governors"] != STATIC)
    gains = np.array([board[f"gain on {scenario}"] for scenario in splits]).T
    # purple loses, orange gains: distinct for all usual kinds of colour vision
    scale = ScalarMappable(BoundaryNorm([*(-step for step in reversed(STEPS)), *STEPS], 256, extend="both"), "PuOr_r")
    names = [f"{scenario}{' *' if split in HELD_OUT else ''}" for scenario, split in splits.items()]
    figure = new_figure(max(7.0, 2.6 + 0.25 * len(names)), 2.0 + 0.16 * len(gains))
    axes = figure.subplots()
    axes.grid(False)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(gains) - 0.5, -0.5))
    axes.set_xticks(range(len(names)), names, rotation=50, ha="right", rotation_mode="anchor", fontsize=7)
    axes.set_yticks(range(len(gains)), [spaced(str(name)) for name in board["governors"]], fontsize=7)
    axes.set_xlabel("scenario (* validation: held out from training)")
    for row, column in np.argwhere(np.isfinite(gains)):
        gain = gains[row, column]
        # all numbers would not fit into such a figure
        sure = board[f"marked on {list(splits)[column]}"][row] == 1
        text = f"{gain:.0f}".replace("-", MINUS) if sure else ""
        heat_cell(axes, column, row, scale.to_rgba(np.array(gain)), {0.0: (text, 5.5)})
    bar = figure.colorbar(scale, ax=axes, fraction=0.04, pad=0.01)
    bar.set_label("gain of W over static [bp of K0]; in numbers where it holds")
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:+g}".replace("-", MINUS))
    headline(figure, judge(found).sentences[0])
    return {"leaderboard": figure}


def page(found: Found, judged: Judged) -> list[str]:
    """Means over scenarios, everybody's share, other weights, and results on each scenario."""
    board = found.tables["leaderboard"]
    return page_beside(
        __file__,
        facts=found.facts,
        attacked=ATTACKED,
        ceiling=CEILING,
        has_ceiling=CEILING in board["governors"],
        headline=HEADLINE,
        box=BOX,
        means=table_of_means(found),
        shares=table_of_shares(board),
        weights=table_of_weights(board),
        scenarios=table_of_scenarios(found),
    )


def _span(board: Table, row: int, name: str) -> str:
    found = interval_of(board, row, name)
    return f"{plain(found.mean)} [{plain(found.low)}, {plain(found.high)}]"


def table_of_means(found: Found) -> list[str]:
    """One row per governor: W and gain on the headline; then means over scenarios of W, gain, shortfall and so on."""
    board, first, count = found.tables["leaderboard"], found.facts["first"], len(found.facts["scenarios"])
    rows = []
    for row, name in enumerate(board["governors"]):
        gain = signed_span(interval_of(board, row, "first_gain"))
        marked = f"**{gain}**" if board[f"marked on {first}"][row] == 1 else gain
        here = [_span(board, row, "first_welfare"), "" if name == STATIC else marked]
        cells = [_span(board, row, one) for one in ("welfare", GAIN, SHORTFALL, "bad_debt", "liquidated")]
        cells += [f"{100 * board['uptime'][row]:.1f}%"]
        everywhere = board["played"][row] == count
        rows.append(
            [str(name) if everywhere else f"{name} (plays {board['played'][row]} of {count})",
             *(here if _played(board, first)[row] else ["", ""]),
             *(("" if name == STATIC and at == 1 else cell) if everywhere else "" for at, cell in enumerate(cells))]
        )  # fmt: skip
    on = f"on {first}"
    return markdown(
        ["governors", f"W {on}", f"gain {on}", "W", "gain", "ES 5%", "bad debt", "liquidated", "uptime"], rows
    )


def table_of_shares(board: Table) -> list[str]:
    """One row per governor that played every scenario, one column per party."""
    rows = [
        [str(board["governors"][row]), *(_span(board, row, of) for of in (*SHARES, "welfare"))]
        for row in map(int, np.flatnonzero(np.isfinite(board["welfare"])))
    ]
    return markdown(["governors", *(MEASURES[part] for part in SHARES), "W"], rows)


def table_of_weights(board: Table) -> list[str]:
    """One row per governor that played the headline, one column per corner of the box: mean gain and rank."""
    corners = list(product((LAMBDAS[0], LAMBDAS[-1]), (KAPPAS[0], KAPPAS[-1])))
    own = select(board, np.isfinite(board["rest"]))
    gains = np.array([Plane(*plane).corners for plane in zip(*(own[part] for part in PLANE), strict=True)])
    ranks = 1 + (gains[None, :, :] > gains[:, None, :]).sum(axis=1)
    rows = [
        [str(name), *(f"{gain:.1f} ({rank})" for gain, rank in zip(*each, strict=True))]
        for name, *each in zip(own["governors"], gains, ranks, strict=True)
    ]
    return markdown(["governors", *(f"lambda {weight:g}, kappa {kappa:g}" for weight, kappa in corners)], rows)


def table_of_scenarios(found: Found) -> list[str]:
    """One row per scenario: W of static, the best row, how many rows are marked, and the ceiling."""
    board, facts, rows = found.tables["leaderboard"], found.facts, []
    names = board["governors"]
    for scenario, split in facts["scenarios"].items():
        gains, marks = board[f"gain on {scenario}"], board[f"marked on {scenario}"] == 1
        ruled = (names != STATIC) & (names != CEILING) & np.isfinite(gains)
        best = int(np.nanargmax(np.where(ruled, gains, np.nan)))
        top = float(gains[names == CEILING].sum()) if (names == CEILING).any() else float("nan")
        rows.append(
            [scenario, split, signed(board[f"W on {scenario}"][names == STATIC][0]), str(names[best]),
             f"**{signed(gains[best])}**" if marks[best] else signed(gains[best]),
             f"{(marks & ruled & (gains > 0.0)).sum()} / {(marks & ruled & (gains < 0.0)).sum()}",
             "" if np.isnan(top) else signed(top), "" if not top > 0.0 else f"{100 * gains[best] / top:.0f}%",
             facts["picked"].get(scenario, "" if np.isnan(top) else scenario)]
        )  # fmt: skip
    return markdown(
        ["scenario", "split", "W of static", "best", "its gain", "marked gain / loss", "ceiling's gain", "of ceiling",
         "ceiling's constants of"], rows,
    )  # fmt: skip


STUDY = Study("leaderboard", "Leaderboard", Options, measure, judge, draw, page)
