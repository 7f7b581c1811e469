"""Does learning settle, drift or go in circles? A run's checkpoints by what they do and what they earn.

What they do: the actions of every checkpoint in the same probe states, as a path in many dimensions; its two main
directions are drawn. Paths of random walks look like cycles in them (Antognini and Sohl-Dickstein 2018), so that the
winding of a path is compared with walks made of its own steps in random order and with random signs.

What they earn: every checkpoint of a training seed as a rival of every other. If one beats the next, and is beaten by
an earlier one, learning goes in circles: the part of who earns more than whom that no ranking explains (Balduzzi et al.
2019), from two halves of the tapes so that noise is none of it.

The run has to keep its checkpoints: protogov train NAME --world.size rivals --ppo.keep-checkpoints 0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario
from protogov.experiments.core.options import Positional
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import ENOUGH_SEEDS, Interval, interval_columns, interval_in, student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, records, rounded
from protogov.experiments.core.text import listed, markdown, number, paragraph, span
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.figures.style import headline, new_figure
from protogov.experiments.studies.emergence.drawing_paths import draw_paths
from protogov.experiments.studies.emergence.forks import Floats
from protogov.experiments.studies.emergence.training_paths import (
    FEWEST,
    PROBES,
    ProbeJob,
    checkpoints_of,
    path_of,
    path_rows,
    probe,
)
from protogov.experiments.studies.strangers.pairs import meet, two_venues
from protogov.experiments.training.learned import load_run
from protogov.experiments.training.run_config import evaluation_world


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Look at the checkpoints of a run: whether its policies settle, drift or go in circles.

    RUN is the folder of a run that keeps its checkpoints (--ppo.keep-checkpoints 0).

    Example: protogov study drift results/runs/together --out results/drift
    """

    run: Annotated[tuple[Path, ...], Positional("RUN")] = ()
    """Folder of the run."""
    checkpoints: int = 10
    """Checkpoints of each training seed, evenly spread over it, the last one among them."""
    scenario: str = "natural"
    """The outside market."""
    tapes: int = 32
    """Episodes of each meeting of two checkpoints; 0 looks at actions alone."""


# ---------------------------------------------------------------------- what they earn


@dataclass(frozen=True)
class Cycling:
    """Who earns more than whom among C checkpoints.

    Attributes:
        advantage: F64[C, C], [t, s] what t earns beside s less what s earns beside t.
        cyclic: share of its square that no ranking explains, without noise; NaN where nothing is beyond noise.
        progress: mean advantage of a later checkpoint over an earlier one.
    """

    advantage: Floats
    cyclic: float
    progress: float


def cycling_of(earned: Floats) -> Cycling:
    """Of what checkpoints earn beside each other, F64[C, C, tapes] as `pairs.Meetings.earned`."""
    gap = earned - np.swapaxes(earned, 0, 1)
    halves = [gap[..., place::2].mean(axis=-1) for place in range(2)]
    rests = [half - _ranked(half) for half in halves]
    signal = float((halves[0] * halves[1]).sum())
    cyclic = float((rests[0] * rests[1]).sum()) / signal if signal > 0.0 else float("nan")
    whole = gap.mean(axis=-1)
    later = np.tril_indices(len(whole), -1)  # rows are later than columns
    return Cycling(whole, float(np.clip(cyclic, 0.0, 1.0)), float(whole[later].mean()))


def _ranked(advantage: Floats) -> Floats:
    """The part that a ranking explains: differences of means."""
    means = advantage.mean(axis=1)
    return np.asarray(means[:, None] - means[None, :])


# ---------------------------------------------------------------------- the study


def measure(options: Options, how: Running) -> Found:
    """Probe all checkpoints, and let those of a training seed meet.

    Raises:
        BadInput: no run, checkpoints that were not kept, or an unknown or sealed scenario.
    """
    check_sizes(FEWEST, checkpoints=options.checkpoints)
    check_sizes(0, tapes=options.tapes)
    if len(options.run) != 1:
        raise BadInput(f"RUN names {len(options.run)} folders; the folder of one run is accepted")
    with as_bad_input():
        get_scenario(options.scenario).check_open()
    folder = RunFolder(options.run[0])
    config = load_run(folder)
    world = evaluation_world(config.world)
    found = checkpoints_of(folder, config.seeds, options.checkpoints)
    paths, earned = list[dict[str, Any]](), list[dict[str, Any]]()
    summary = []
    for seed, places in found.items():
        own = replace(how, keep=None if how.keep is None else how.keep / str(seed))
        pieces = [Piece(subject.name, ProbeJob(subject, options.scenario)) for _, subject in places]
        probed = run_pieces(probe, world, pieces, own, f"probes of seed {seed}")
        path = path_of(np.stack([table["action"] for table in probed]))
        hours = [time for time, _ in places]
        paths += path_rows(seed, hours, path)
        row: dict[str, Any] = {
            "seed": seed, "winding": path.winding, "winding_p": path.p, "straight": path.straight,
            "late_speed": float(path.speed[len(path.speed) // 2 :].mean()), "early_speed": float(path.speed[0]),
            "share": path.share, "cyclic": np.nan, "progress": np.nan,
        }  # fmt: skip
        if options.tapes >= 2 and world.venues == 2 and _both(world):
            met = meet(two_venues(world), [subject for _, subject in places], options.scenario, options.tapes, own)
            cycle = cycling_of(met.earned)
            row |= {"cyclic": cycle.cyclic, "progress": cycle.progress}
            earned += [
                {"seed": seed, "market_hours": hours[t], "beside_hours": hours[s], "advantage": cycle.advantage[t, s]}
                for t in range(len(hours)) for s in range(len(hours))
            ]  # fmt: skip
        summary.append(row)
    nothing = {"seed": -1, "market_hours": 0.0, "beside_hours": 0.0, "advantage": np.nan}
    tables = {
        "paths": rounded(columns(paths)), "seeds": rounded(columns(summary)),
        "advantages": rounded(columns(earned or [nothing])), "means": rounded(_means(columns(summary))),
    }  # fmt: skip
    facts = {
        "run": config.name, "scenario": options.scenario, "tapes": options.tapes, "seeds": list(found),
        "market_hours": config.market_hours, "reduced": _reduced(options),
    }  # fmt: skip
    return Found(tables, facts)


def _reduced(options: Options) -> list[str]:
    """What is smaller than by default, in words."""
    whole = Options()
    return [
        f"{getattr(options, name)} {name} instead of {getattr(whole, name)}"
        for name in ("checkpoints", "tapes") if getattr(options, name) < getattr(whole, name)
    ]  # fmt: skip


def _both(world: WorldConfig) -> bool:
    return all(
        f"{role}_{venue}" in {agent.name for agent in world.learners()} for role in world.roles for venue in (0, 1)
    )


MEANS = {
    "winding": "turns of the later half of the path", "straight": "end-to-end distance over length of the way",
    "early_speed": "first change of an action, root mean square",
    "late_speed": "mean change of an action between later checkpoints",
    "progress": "advantage of a later checkpoint over an earlier one",
    "cyclic": "share of advantages that no ranking explains",
}  # fmt: skip


def _means(seeds: Table) -> Table:
    """Mean of every number over training seeds; of windings the size."""
    rows = []
    for name, about in MEANS.items():
        values = np.abs(seeds[name]) if name == "winding" else seeds[name]
        values = values[np.isfinite(values)]
        one = student_t(values) if values.size else Interval(np.nan, np.nan, np.nan)
        rows.append({"number": name, "about": about, **interval_columns("value", one), "n": len(values)})
    return columns(rows)


def judge(found: Found) -> Judged:
    """Whether policies settle, wind, and whether a ranking explains who earns more."""
    means = {str(row["number"]): row for row in records(found.tables["means"])}
    seeds = found.tables["seeds"]
    winding = int((seeds["winding_p"] <= 0.05).sum())
    count = len(seeds["seed"])
    late, early = (interval_in(means[name], "value") for name in ("late_speed", "early_speed"))
    sentences = [
        f"From one checkpoint to the next actions change by {span(late)} in the later half, by {span(early)} at first.",
        f"{winding} of {count} paths wind more than walks made of their own steps (5%).",
    ]
    if means["progress"]["n"]:
        cyclic, progress = (interval_in(means[name], "value") for name in ("cyclic", "progress"))
        sentences.append(
            f"A later checkpoint earns {span(progress)} more than an earlier rival; of who earns more than whom a "
            f"share of {span(cyclic)} is cyclic."
        )
    if count < ENOUGH_SEEDS:
        sentences.append(f"Underpowered: {count} training seeds, {ENOUGH_SEEDS} are needed for a claim.")
    if found.facts["reduced"]:
        sentences.append(f"Reduced: {listed(found.facts['reduced'])}.")
    return Judged(tuple(sentences))


def draw(found: Found) -> Mapping[str, Figure]:
    """Paths, speeds, and the mean advantages of checkpoints."""
    paths, seeds, advantages = (found.tables[name] for name in ("paths", "seeds", "advantages"))
    met = bool(np.isfinite(advantages["advantage"]).any())
    figure = new_figure(9.4 if met else 6.4, 3.2)
    panels = figure.subplots(1, 3 if met else 2)
    draw_paths(panels[0], panels[1], paths)
    if met:
        count = round(np.sqrt(np.sum(advantages["seed"] == seeds["seed"][0])))
        mean = np.mean(
            [advantages["advantage"][advantages["seed"] == seed].reshape(count, count) for seed in seeds["seed"]],
            axis=0,
        )
        limit = max(float(np.abs(mean).max()), 1e-9)
        picture = panels[2].imshow(mean, cmap="RdBu", vmin=-limit, vmax=limit, origin="lower")
        figure.colorbar(picture, ax=panels[2], shrink=0.8, label="earns more by")
        panels[2].set_xlabel("rival's checkpoint")
        panels[2].set_ylabel("checkpoint")
        panels[2].set_title("advantage, mean of seeds", fontsize=8)
        panels[2].grid(visible=False)
    headline(figure, judge(found).sentences[1], 9.0)
    return {"drift": figure}


def page(found: Found, judged: Judged) -> list[str]:
    """Numbers of each training seed and their means."""
    facts = found.facts
    about = f"""Checkpoints of {facts["run"]}, {facts["market_hours"]:g} market hours a training seed. The actions of
each in {2 * PROBES} states of episodes whose levers stand still are a point; the plane holds the two main directions of
a training seed's path. A path winds if fewer than 5% of the walks made of its own steps, in random order and with
random signs, make as many turns. Advantages are from {facts["tapes"]} tapes of {facts["scenario"]} a meeting, both ways
round."""
    rows = [
        [str(row["number"]), str(row["about"]), span(interval_in(row, "value")), str(row["n"])]
        for row in records(found.tables["means"])
    ]
    each = [
        [str(row["seed"]), number(row["winding"]), number(row["winding_p"]), number(row["straight"]),
         number(row["share"]), number(row["progress"]), number(row["cyclic"])]
        for row in records(found.tables["seeds"])
    ]  # fmt: skip
    return [
        "![Paths of policies over training](drift.png)", "", *(f"- {line}" for line in judged.sentences), "",
        paragraph(about), "", *markdown(["number", "what it is", "mean over seeds", "n"], rows), "",
        *markdown(["seed", "turns", "p", "straight", "share of the plane", "progress", "cyclic"], each),
    ]  # fmt: skip


STUDY = Study("drift", "Whether learning settles, drifts or goes in circles", Options, measure, judge, draw, page)
