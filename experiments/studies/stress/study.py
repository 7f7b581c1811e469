"""The study: play the grid, count insolvencies, and find the minimum collateral that keeps them rare."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import wrap
from time import perf_counter
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from protogov.envs.roles import LEVER_BY_NAME
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import open_worlds, tape_seeds
from protogov.experiments.core.statistics import Floats, ends_of, interval_of, seed_draws, share_of
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, concatenate, num_rows, records, rounded, select
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import span
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import BLACK, SEED_LINES, VERMILLION, headline, heat_cell, new_figure
from protogov.experiments.studies.stress.grid import make_cells, make_slices, play_slice
from protogov.experiments.studies.stress.losses import CRITERIA, LOSSES
from protogov.experiments.studies.stress.requirement import CELL, best_rule, requirements, tails_of

POOLED_RESAMPLES = 200  # one resample takes the whole grid, hence fewer of them
POINTS = 130  # of a curve of losses
HARDLY = 0.03  # of the worlds: within the interval of a single cell at any usual number of seeds


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Stress a grid of protocols on thousands of drawn futures.

    Every pair of liquidation threshold and loan-to-value within the lever's range, with every option-margin
    multiplier, plays the same seeds with fixed levers. The study gives losses, insolvency, and the minimum collateral
    that keeps insolvency rare. The same command resumes an interrupted run.

    Example: protogov study stress --target 0.02 --out results/runs/stress
    """

    scenario: str = "crash-heldout"
    """The outside market: a registered scenario, several joined by +, or a path to candles."""
    thresholds: tuple[float, ...] = (0.60, 0.67, 0.75, 0.83)
    """Liquidation thresholds LT."""
    ltvs: tuple[float, ...] = (0.46, 0.49, 0.52, 0.55, 0.58, 0.64, 0.70, 0.76, 0.82)
    """Loan-to-value ratios; pairs outside the lever's range of gaps below LT are left out."""
    option_margins: tuple[float, ...] = (0.8, 1.0, 2.0)
    """Multipliers of the option margin."""
    seeds: int = 160
    """Futures that every protocol plays."""
    first: int = 0
    """Number of the first future."""
    criterion: str = "net-worth"
    """Criterion of insolvency: net-worth, bad-debt, option-pool, suppliers or any."""
    loss: str = "capital"
    """Loss that is measured: capital, welfare, bad-debt or option-pool."""
    target: float = 0.05
    """Highest accepted probability of insolvency, with 97.5% confidence in each row."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world; levers outside the grid keep its values."""


def measure(options: Options, how: Running) -> Found:
    """Play every cell on every seed.

    Raises:
        BadInput: an option that cannot be played.
    """
    for name, value, known in (("criterion", options.criterion, CRITERIA), ("loss", options.loss, LOSSES)):
        if value not in known:
            raise BadInput(f"{name} is {value!r}; {', '.join(known)} are accepted")
    if not 0.0 < options.target < 1.0:
        raise BadInput(f"target is {options.target:g}; a probability between 0 and 1 is accepted")
    check_sizes(2, seeds=options.seeds)
    check_sizes(0, first=options.first)
    config = options.world.make()
    if config.venues != 1:
        raise BadInput(f"venues is {config.venues}; stress takes worlds of one venue")
    cells = make_cells(options.thresholds, options.ltvs, options.option_margins)
    open_worlds(config, options.scenario, tape_seeds(1))  # refuse what cannot be drawn before anything is played
    slices = make_slices(options.scenario, cells, options.first, options.seeds)
    pieces = [Piece(f"seeds_{one.start:06d}_{one.stop:06d}", one) for one in slices]
    fresh, began = how.keep is None or not any(how.keep.glob("*.parquet")), perf_counter()
    episodes = concatenate(run_pieces(play_slice, config, pieces, how, "stress"))
    seconds = round(perf_counter() - began, 3) if fresh else None
    order = np.lexsort((episodes["seed"], *(episodes[name] for name in reversed(CELL))))
    facts = {
        "scenario": options.scenario, "seeds": options.seeds, "first": options.first, "criterion": options.criterion,
        "loss": options.loss, "target": options.target, "seconds": seconds, "config": config.to_dict(),
    }  # fmt: skip
    return summarise({name: column[order] for name, column in episodes.items()}, facts)


def summarise(episodes: Table, facts: Mapping[str, Any]) -> Found:
    """Cells, requirements, pooled tail and curves of losses.

    Args:
        episodes: of `play_slice`, sorted by cell and seed.
        facts: "seeds", "criterion", "loss", "target" (highest accepted probability), and others.
    """
    seeds = facts["seeds"]
    losses = episodes[f"loss/{facts['loss']}"].reshape(-1, seeds).T
    insolvent = episodes[f"insolvent/{facts['criterion']}"].reshape(-1, seeds).sum(axis=1)
    welfare = episodes["welfare"].reshape(-1, seeds).mean(axis=1)
    draws = seed_draws(seeds)
    rows = []
    for at, hits in enumerate(insolvent):
        found = {"probability": share_of(hits, seeds), **tails_of(losses[:, [at]], draws)}
        cell = {name: episodes[name][at * seeds] for name in CELL} | {"worlds": seeds, "insolvent": hits}
        rows.append({**cell, "welfare": welfare[at], "loss": losses[:, at].mean(), **ends_of(found)})
    cells = columns(rows)
    pooled = columns([{"loss": losses.mean(), **ends_of(tails_of(losses, draws[:POOLED_RESAMPLES]))}])
    curves = {"all": losses.ravel()}
    curves |= {name: losses[:, int(pick(cells["es95"]))] for name, pick in (("least", np.argmin), ("most", np.argmax))}
    return Found(
        {
            "cells": rounded(cells), "requirement": requirements(cells, facts["target"]), "pooled": pooled,
            "losses": rounded(concatenate(exceedance(name, values) for name, values in curves.items())),
            "episodes": episodes,
        },
        facts,
    )  # fmt: skip


def exceedance(curve: str, losses: Floats) -> Table:
    """One row per point of a curve: "beyond", the share of `losses` of at least "loss"; every point of its tail."""
    ordered, count = np.sort(losses), losses.size
    worlds = np.unique(np.round(np.geomspace(1.0, count, POINTS)).astype(int))[::-1]
    return {"curve": np.full(worlds.size, curve), "loss": ordered[count - worlds], "beyond": worlds / count}


def judge(found: Found) -> Judged:
    """The losses, the minimum collateral, whether it is at an end of the grid, and the effect of the option margin."""
    (cells, rules, pooled), facts = (found.tables[name] for name in ("cells", "requirement", "pooled")), found.facts
    sentences = [
        f"{num_rows(cells) * facts['seeds']} worlds on {facts['scenario']}, {num_rows(cells)} protocols pooled: loss "
        f"at 95% {span(interval_of(pooled, 0, 'var95'))} bp of K0, expected shortfall "
        f"{span(interval_of(pooled, 0, 'es95'))} bp."
    ]
    kept = f"insolvency ({facts['criterion']}) at or below {100 * facts['target']:g}%"
    best = best_rule(rules)
    if best is None:
        sentences.append(f"No protocol of the grid is shown to keep {kept}: use more seeds or stricter levers.")
        return Judged(tuple(sentences))
    threshold, open_ended = rules["threshold"][best], bool(rules["open_ended"][best])
    sentences.append(
        f"Minimum collateral that keeps {kept}: {collateral(rules['backed'][best])} at LT {100 * threshold:g}%, option "
        f"margin x{rules['option_margin'][best]:g}."
    )
    edges = edges_of(cells, threshold, open_ended)
    if edges:
        lever = LEVER_BY_NAME["liquidation_threshold"]
        limit = threshold in (lever.low, lever.high) and not open_ended
        more = "the range of the lever ends there, too" if limit else "a wider grid may find better"
        sentences.append(f"It lies at the end of the grid in {' and '.join(edges)}: {more}.")
    most, seeds = margin_effect(cells), facts["seeds"]
    hardly = " For this criterion it hardly matters." if most <= max(HARDLY * seeds, 1) else ""
    sentences.append(f"The option margin changes at most {most} of the {seeds} worlds of a cell.{hardly}")
    return Judged(tuple(sentences))


def edges_of(cells: Table, threshold: float, open_ended: bool) -> list[str]:
    """Axes at whose end the best rule lies: a wider grid may find a better one."""
    thresholds = np.unique(cells["threshold"])
    at_end = thresholds.size > 1 and threshold in (thresholds[0], thresholds[-1])
    return ["liquidation threshold"] * at_end + ["loan-to-value"] * open_ended


def margin_effect(cells: Table) -> int:
    """The most by which an option margin changes the number of insolvent worlds of a pair of LT and LTV."""
    hits: dict[tuple[float, float], list[int]] = {}
    for threshold, ltv, count in zip(*(cells[n] for n in (*CELL[:2], "insolvent")), strict=True):
        hits.setdefault((threshold, ltv), []).append(int(count))
    return max(max(row) - min(row) for row in hits.values())


def draw(found: Found) -> Mapping[str, Figure]:
    """Insolvency by LT and LTV with one panel per option margin, and the losses."""
    return {"insolvency": draw_insolvency(found), "losses": draw_losses(found)}


def draw_insolvency(found: Found) -> Figure:
    """Probability of insolvency in percent with its 95% interval; a frame where the upper end keeps the target."""
    cells, facts = found.tables["cells"], found.facts
    thresholds, ltvs, margins = (np.unique(cells[name]).tolist() for name in CELL)
    top = max(float(cells["probability"].max()), facts["target"])
    # lightness rises with the number: reads in grey and without red or green
    scale = ScalarMappable(Normalize(0.0, top), "cividis")
    figure = new_figure(0.9 + (0.4 + 0.62 * len(ltvs)) * len(margins), 1.8 + 0.55 * len(thresholds))
    panels = figure.subplots(1, len(margins), sharey=True, squeeze=False)[0]
    for panel, margin in zip(panels, margins, strict=True):
        panel.grid(False)
        panel.set(title=f"option margin x{margin:g}", xlabel="loan-to-value [%]", xlim=(-0.5, len(ltvs) - 0.5),
                  ylim=(-0.5, len(thresholds) - 0.5))  # fmt: skip
        panel.set_xticks(range(len(ltvs)), [f"{100 * ltv:g}" for ltv in ltvs])
        panel.set_yticks(range(len(thresholds)), [f"{100 * threshold:g}" for threshold in thresholds])
        for row in np.flatnonzero(cells["option_margin"] == margin):
            one = interval_of(cells, int(row), "probability")
            at = ltvs.index(cells["loan_to_value"][row]), thresholds.index(cells["threshold"][row])
            lines = {0.12: (f"{100 * one.mean:.1f}", 8.0), -0.22: (f"{100 * one.low:.0f}–{100 * one.high:.0f}", 6.0)}
            frame = VERMILLION if one.high <= facts["target"] else None
            heat_cell(panel, *at, scale.to_rgba(np.array(one.mean)), lines, frame)
    panels[0].set_ylabel("liquidation threshold [%]")
    bar = figure.colorbar(scale, ax=panels, fraction=0.03, pad=0.01)
    bar.set_label("insolvent episodes [%]")
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
    caption = (
        f"Percent of {facts['seeds']} worlds a cell that become insolvent, with 95% interval; framed: upper end at or "
        f"below {100 * facts['target']:g}%; blank: LTV too near LT, or too far below"
    )
    figure.supxlabel("\n".join(wrap(caption, int(16 * figure.get_figwidth()))), x=0.01, ha="left", fontsize=7.5)
    headline(figure, judge(found).sentences[1])
    return figure


def draw_losses(found: Found) -> Figure:
    """Share of worlds that lose more, on a logarithmic axis: the grid, its safest and its riskiest protocol."""
    cells, pooled, facts = found.tables["cells"], found.tables["pooled"], found.facts
    named = {"all": "all protocols"}
    for curve, words, pick in (("least", "least shortfall", np.argmin), ("most", "largest shortfall", np.argmax)):
        threshold, ltv, margin = (cells[name][pick(cells["es95"])] for name in CELL)
        named[curve] = f"{words}: LT {100 * threshold:g}%, LTV {100 * ltv:g}%, margin x{margin:g}"
    figure = new_figure(6.4, 3.9)
    axes = figure.subplots()
    for (curve, label), line in zip(named.items(), SEED_LINES, strict=False):
        own = select(found.tables["losses"], found.tables["losses"]["curve"] == curve)
        axes.step(own["loss"], own["beyond"], where="post", label=label, **line)
    for level, style in ((95, ":"), (99, "-.")):
        axes.axvline(
            pooled[f"var{level}"][0], color=BLACK, linewidth=0.8, linestyle=style, label=f"VaR {level}% of all"
        )
    axes.set(yscale="log", ylabel="worlds that lose at least this much [%]")
    axes.set_xlabel(f"loss of an episode of {facts['config']['episode_hours']} h ({facts['loss']}) [bp of K0]")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    headline(figure, judge(found).sentences[0])
    return figure


def collateral(ltv: float) -> str:
    """A loan-to-value as the collateral that a dollar of debt needs."""
    return "none of the grid" if np.isnan(ltv) else f"{100 / ltv:.1f}% (LTV {100 * ltv:.1f}%)"


def page(found: Found, judged: Judged) -> list[str]:
    """What was played, the minimum collateral, and every protocol."""
    facts = found.facts
    return page_beside(
        __file__,
        sentences=judged.sentences[1:],
        facts=facts,
        cells=records(found.tables["cells"]),
        rules=records(found.tables["requirement"]),
        insolvent=CRITERIA[facts["criterion"]][1],
        lost=LOSSES[facts["loss"]][1],
        collateral=collateral,
    )


STUDY = Study("stress", "Stress", Options, measure, judge, draw, page)
