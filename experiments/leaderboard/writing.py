"""What the leaderboard leaves: a table of all measures, the episodes, a figure, a manifest and a page."""

import csv
import io
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios.base import HELD_OUT
from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.files import write_json, write_text
from protogov.experiments.core.tables import Table, write_table
from protogov.experiments.core.versions import now, versions
from protogov.experiments.figures.leaderboard import draw_leaderboard
from protogov.experiments.figures.style import save
from protogov.experiments.governors import STATIC
from protogov.experiments.leaderboard.playing import ATTACKED, CEILING
from protogov.experiments.leaderboard.summary import GAIN, MEASURES, SHORTFALL, Entry, Estimate, Leaderboard
from protogov.experiments.measured import HEADLINE
from protogov.experiments.welfare_box import BOX, KAPPAS, LAMBDAS

ALL_SCENARIOS = "mean of scenarios"  # in the CSV


def write_leaderboard(
    folder: Path,
    board: Leaderboard,
    table: Table,
    config: WorldConfig,
    command: str,
    picked: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write all files; returns their paths. `picked`: of `protogov.experiments.leaderboard.ceiling.complete`."""
    figure = draw_leaderboard(board)
    drawn = save(figure, folder, "leaderboard")
    figure.savefig(drawn.with_suffix(".png"), dpi=110)
    about = {
        "command": command,
        "written": now(),
        "seeds": board.seeds,
        "scenarios": board.splits,
        "governors": list(board.governors),
        "critical_standard_errors": board.critical,
        "ceiling_picked": dict(picked or {}),
        "config": config.to_dict(),
        "physics_digest": source_digest(),
        "versions": versions(),
    }
    return [
        write_text(folder / "leaderboard.csv", board_csv(board)),
        write_table(folder / "episodes.parquet", table, {"command": command}),
        drawn,
        write_json(folder / "manifest.json", about),
        write_text(folder / "README.md", page(board, command, picked)),
    ]


def board_csv(board: Leaderboard) -> str:
    """One row a governor, scenario and measure: value and 95% interval; gains over static beside them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("governors", "scenario", "split", "measure", "value", "low", "high", "marked"))
    for entry in board.entries:
        head = (entry.governors, entry.scenario, board.splits[entry.scenario])
        rows = [
            *entry.measures.items(),
            (SHORTFALL, entry.shortfall),
            (GAIN, entry.gain),
            (f"{SHORTFALL}_gain", entry.shortfall_gain),
        ]
        for name, found in rows:
            mark = int(entry.marked) if name == GAIN else ""
            writer.writerow((*head, name, *(f"{x:.6g}" for x in (found.value, found.low, found.high)), mark))
        if np.isfinite(entry.captured):
            writer.writerow((*head, "share_of_ceiling", f"{entry.captured:.6g}", "", "", ""))
    for governors, means in board.means.items():
        for name, found in means.items():
            numbers = (f"{x:.6g}" for x in (found.value, found.low, found.high))
            writer.writerow((governors, ALL_SCENARIOS, "", name, *numbers, ""))
    return text.getvalue()


def page(board: Leaderboard, command: str, picked: Mapping[str, str] | None = None) -> str:
    """A page that explains the folder."""
    ceiling = (
        f"**{CEILING}** are tuned on each scenario with hindsight and asked for from the first decision on, through "
        "the same shield: the ceiling. Where no search was made, above all on scenarios held out from training, they "
        "are the best of all tuned sets, picked on other tapes of the scenario, and a search could find more. *Of "
        "ceiling* is the share of its gain that a row captures."
        if CEILING in board.governors
        else "No ceiling is shown: no constants tuned with hindsight were given (`--ceiling`)."
    )
    lines = [
        "# Leaderboard",
        "",
        "![Gain of W over the static protocol](leaderboard.png)",
        "",
        f"Every baseline on every scenario, attacks on top of `{ATTACKED}`, {board.seeds} tape seeds each, the same "
        "for all rows. Money in bp of K0 an episode. Brackets: 95% percentile interval from resampling whole seeds. "
        f"**Bold** gains hold simultaneously over all rows and scenarios (max-T, {board.critical:.2f} standard "
        f"errors). Uptime: share of hours at whose end no withdrawal stood unmet. {ceiling}",
        "",
        "## Means over scenarios",
        "",
        f"Rows are sorted by their gain on the headline, `{board.headline}`, which stands first"
        + (", and in which markets are as frequent as in history" if board.headline == HEADLINE else "")
        + ". The other columns are means in which each scenario counts the same; a seed is resampled with its episodes "
        "of all of them.",
        "",
        *table_of_means(board),
        "",
        "## Everybody's share of W",
        "",
        "Means over scenarios [bp of K0 an episode]; a row adds up to its W. What is a cost stands with its sign.",
        "",
        *table_of_shares(board),
        "",
        "## For other weights of losses",
        "",
        f"Mean gain on `{board.headline}` [bp of K0 an episode] and rank by it at the corners of {BOX}, the weights of "
        "losses and of what liquidations cost. W is linear in both, so two rows whose order is one in all corners keep "
        "it between them.",
        "",
        *table_of_weights(board),
    ]
    for scenario in board.scenarios:
        split = f", {board.splits[scenario]}" if board.splits[scenario] in HELD_OUT else ""
        lines += ["", f"## {scenario}{split}", ""]
        if picked and scenario in picked:
            lines += [f"Ceiling: the constants that were tuned on {picked[scenario]}, best of all sets here.", ""]
        lines += [
            _head("governors", "W", "gain", "of ceiling", "ES 5%", "gain", "bad debt", "liquidated", "uptime"),
            *(_row(entry) for name in board.governors if (entry := board.entry(name, scenario)) is not None),
        ]
    lines += [
        "",
        "Each party's share of W on each scenario, with intervals: `leaderboard.csv`, measures "
        + ", ".join(f"`{name}`" for name in MEASURES if name.startswith("welfare/"))
        + ". Episodes: `episodes.parquet`. Made by",
        "",
        f"    {command}",
        "",
    ]
    return "\n".join(lines)


def table_of_means(board: Leaderboard) -> list[str]:
    """A row a governor: W and gain on the headline; then means over scenarios of W, gain, shortfall and so on."""
    on = f"on {board.headline}"
    head = _head("governors", f"W {on}", f"gain {on}", "W", "gain", "ES 5%", "bad debt", "liquidated", "uptime")
    return [head, *(_mean_row(board, name) for name in board.governors)]


def table_of_shares(board: Leaderboard) -> list[str]:
    """A row a governor that played every scenario, a column a party."""
    parts = [name for name in MEASURES if name.startswith("welfare/")]
    lines = [_head("governors", *(MEASURES[part] for part in parts), "W")]
    for name in board.governors:
        if name in board.means:
            values = [_interval(board.means[name][of]) for of in (*parts, "welfare")]
            lines.append(f"| {' | '.join([name, *values])} |")
    return lines


def table_of_weights(board: Leaderboard) -> list[str]:
    """A row a governor that played the headline, a column a corner of the box: mean gain and rank."""
    corners = list(product((LAMBDAS[0], LAMBDAS[-1]), (KAPPAS[0], KAPPAS[-1])))
    lines = [_head("governors", *(f"lambda {weight:g}, kappa {kappa:g}" for weight, kappa in corners))]
    gains = {name: [plane.at(*corner) for corner in corners] for name, plane in board.weights.items()}
    for name in (one for one in board.governors if one in gains):
        ranks = [1 + sum(other[at] > gain for other in gains.values()) for at, gain in enumerate(gains[name])]
        cells = [f"{gain:.1f} ({rank})" for gain, rank in zip(gains[name], ranks, strict=True)]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return lines


def _head(*names: str) -> str:
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def _interval(found: Estimate) -> str:
    return f"{found.value:.1f} [{found.low:.1f}, {found.high:.1f}]"


def _gain(entry: Entry) -> str:
    """Bold where it holds simultaneously; the static protocol has none."""
    gain = "" if entry.governors == STATIC else _interval(entry.gain)
    return f"**{gain}**" if entry.marked else gain


def _row(entry: Entry) -> str:
    measures = entry.measures
    cells = [
        entry.governors,
        _interval(measures["welfare"]),
        _gain(entry),
        "" if np.isnan(entry.captured) or entry.governors == STATIC else f"{100 * entry.captured:.0f}%",
        _interval(entry.shortfall),
        "" if entry.governors == STATIC else _interval(entry.shortfall_gain),
        _interval(measures["bad_debt"]),
        _interval(measures["liquidated"]),
        f"{100 * measures['uptime'].value:.1f}%",
    ]
    return f"| {' | '.join(cells)} |"


def _mean_row(board: Leaderboard, name: str) -> str:
    """Means over the scenarios; only a row that played them all can be compared with others."""
    means, entry = board.means.get(name), board.entry(name, board.headline)
    first = ["", ""] if entry is None else [_interval(entry.measures["welfare"]), _gain(entry)]
    if means is None:
        played = sum(entry.governors == name for entry in board.entries)
        return f"| {name} (plays {played} of {len(board.scenarios)}) | {' | '.join(first)} | | | | | | |"
    cells = [
        *first,
        _interval(means["welfare"]),
        "" if name == STATIC else _interval(means[GAIN]),
        _interval(means[SHORTFALL]),
        _interval(means["bad_debt"]),
        _interval(means["liquidated"]),
        f"{100 * means['uptime'].value:.1f}%",
    ]
    return f"| {' | '.join([name, *cells])} |"
