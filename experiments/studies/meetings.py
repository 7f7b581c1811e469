"""Governors that were trained apart meet: those who learned together, and those whose rival stood still.

Every training seed of every run sits at one venue, and every other at the other one. What those who learned together
lose beside a stranger was a convention; what those who learned beside constants lose beside a learner is what they were
not prepared for. The two runs:

    protogov train together --world.size rivals --seeds 0 1 2 3 4 5 6 7 8 9 10 11
    protogov train apart --world.size rivals --seeds 0 1 2 3 4 5 6 7 8 9 10 11 --background rate_1=tuned
        --background risk_1=tuned --background spread_1=tuned
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario
from protogov.experiments.core.governors import baseline
from protogov.experiments.core.options import Positional
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.statistics import ENOUGH_SEEDS, Interval, interval_columns, interval_in, student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, records, rounded
from protogov.experiments.core.text import markdown, number, paragraph, signed_span, span
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.figures.style import headline, new_figure
from protogov.experiments.studies.emergence.measure import family
from protogov.experiments.studies.emergence.subjects import Subject, trained_subject
from protogov.experiments.studies.strangers.pairs import Meetings, meet, two_venues
from protogov.experiments.training.learned import learned_sets, load_run
from protogov.experiments.training.run_config import RunConfig, evaluation_world


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Let governors of several runs meet as rivals, every training seed with every other.

    RUN are folders of runs on two venues, for example one trained together and one whose rival was constant.

    Example: protogov study meetings results/runs/together results/runs/apart --out results/meetings
    """

    runs: Annotated[tuple[Path, ...], Positional("RUN")] = ()
    """Folders of runs."""
    beside: tuple[str, ...] = ("static", "tuned")
    """Baselines that are met too."""
    scenario: str = "natural"
    """The outside market."""
    tapes: int = 64
    """Episodes of each meeting."""


@dataclass(frozen=True)
class Crowd:
    """Everybody who meets: members in the order of their populations."""

    world: WorldConfig
    members: tuple[Subject, ...]
    populations: tuple[str, ...]  # of each member
    seeds: tuple[int, ...]  # training seed of each member
    home: tuple[bool, ...]  # whether a member's own rival learned beside it


def crowd_of(runs: tuple[Path, ...], beside: tuple[str, ...]) -> Crowd:
    """The governors of runs, a member a training seed, and baselines.

    Raises:
        BadInput: no run, two of one name, or a world of one venue.
    """
    if not runs:
        raise BadInput("RUN is missing; folders of runs on two venues are accepted")
    members, populations, seeds, home = list[Subject](), list[str](), list[int](), list[bool]()
    world = two_venues(evaluation_world(load_run(RunFolder(runs[0])).world))
    for path in runs:
        folder = RunFolder(path)
        config = load_run(folder)
        two_venues(config.world)
        if config.name in populations:
            raise BadInput(f"two runs are named {config.name!r}; runs with names of their own are accepted")
        both = len({agent.name.rpartition("_")[2] for agent in config.world.learners()}) == 2
        for one in learned_sets(folder, config):
            members.append(trained_subject(f"{config.name} {one.training_seed}", [one]))
            populations.append(config.name)
            seeds.append(one.training_seed)
            home.append(both)
    for name in beside:
        sources = baseline(name, world).sources
        full = {agent.name: sources.get(agent.name, "constant") for agent in world.learners()}
        members.append(Subject(name, (tuple(full.items()),)))
        populations.append(name)
        seeds.append(-1)
        home.append(False)
    return Crowd(world, tuple(members), tuple(populations), tuple(seeds), tuple(home))


def measure(options: Options, how: Running) -> Found:
    """Play every meeting, and compare home, strangers and others.

    Raises:
        BadInput: see `crowd_of`; an unknown or sealed scenario; too few tapes.
    """
    check_sizes(2, tapes=options.tapes)
    crowd = crowd_of(options.runs, options.beside)
    with as_bad_input():
        get_scenario(options.scenario).check_open()
    met = meet(crowd.world, crowd.members, options.scenario, options.tapes, how)
    facts = {
        "scenario": options.scenario, "tapes": options.tapes, "runs": list(dict.fromkeys(crowd.populations)),
        "trained": [str(load_run(RunFolder(path)).name) for path in options.runs],
        "sizes": [size_of(load_run(RunFolder(path))) for path in options.runs], "reduced": reduced(options.tapes),
    }  # fmt: skip
    tables = {
        "meetings": rounded(_pairs(crowd, met)), "populations": rounded(_populations(crowd, met)),
        "drops": rounded(_drops(crowd, met)),
    }  # fmt: skip
    return Found(tables, facts)


def size_of(config: RunConfig) -> str:
    """How long a run's governors learned, in words."""
    return f"{config.name}: {len(config.seeds)} training seeds, {config.market_hours:g} market hours each"


def reduced(tapes: int) -> str:
    """That there are fewer tapes than by default, if there are."""
    whole = Options().tapes
    return f"Reduced: {tapes} tapes a meeting instead of {whole}." if tapes < whole else ""


def _pairs(crowd: Crowd, met: Meetings) -> Table:
    """Every meeting, a row."""
    return columns(
        [
            {"population": crowd.populations[i], "seed": crowd.seeds[i], "beside": crowd.populations[j],
             "beside_seed": crowd.seeds[j], "reward": float(met.earned[i, j].mean()),
             "welfare": float(met.welfare[i, j].mean())}
            for i in range(len(crowd.members)) for j in range(len(crowd.members))
        ]
    )  # fmt: skip


def _of_units(crowd: Crowd, values: np.ndarray, own: str, other: str, home: bool) -> np.ndarray:
    """Of each member of `own` the mean of [a, b] over those of `other`: itself if `home`, else all but itself."""
    mine = [i for i, name in enumerate(crowd.populations) if name == own]
    theirs = [j for j, name in enumerate(crowd.populations) if name == other]
    found = []
    for i in mine:
        chosen = [i] if home else [j for j in theirs if j != i]
        if chosen:
            found.append(float(values[i, chosen].mean()))
    return np.array(found)


def _populations(crowd: Crowd, met: Meetings) -> Table:
    """What members of each population earn beside each: a training seed a unit."""
    rows = []
    names = list(dict.fromkeys(crowd.populations))
    for own in names:
        learned_together = crowd.home[crowd.populations.index(own)]
        kinds = [(own, "the rival it learned beside", True)] if learned_together else []
        kinds += [
            (other, "strangers of its own run" if other == own else "another population", False) for other in names
        ]
        for other, kind, home in kinds:
            reward = _of_units(crowd, met.earned, own, other, home)
            welfare = _of_units(crowd, met.welfare, own, other, home)
            if reward.size:
                row = {"population": own, "beside": other, "kind": kind, "n": len(reward)}
                spans = {"reward": student_t(reward), "welfare": student_t(welfare)}
                rows.append(row | {k: v for name, one in spans.items() for k, v in interval_columns(name, one).items()})
    return columns(rows)


def _drops(crowd: Crowd, met: Meetings) -> Table:
    """What those who learned together lose beside strangers of the same run, one family."""
    names, values = [], []
    for own in dict.fromkeys(crowd.populations):
        if crowd.home[crowd.populations.index(own)] and crowd.populations.count(own) > 1:
            for word, cube in (("reward", met.earned), ("welfare", met.welfare)):
                home, away = (_of_units(crowd, cube, own, own, at_home) for at_home in (True, False))
                names.append((own, word))
                values.append(home - away)
    rows = []
    for (own, word), one in zip(names, values, strict=True):  # runs may have unequal numbers of seeds
        (finding,) = family("cross-play", "learned conventions", [f"{own}: {word}"], one[:, None], upward=True)
        rows.append(
            {"population": own, "of": word, **interval_columns("drop", finding.interval), "n": len(one),
             "p": finding.adjusted_p, "detectable": finding.detectable, "verdict": finding.verdict}
        )  # fmt: skip
    nothing = {"population": "", "of": "", **interval_columns("drop", Interval(np.nan, np.nan, np.nan)), "n": 0,
               "p": np.nan, "detectable": np.nan, "verdict": "no run was trained together"}  # fmt: skip
    return columns(rows or [nothing])


def judge(found: Found) -> Judged:
    """Drops, and what each population earns where."""
    sentences = []
    for row in records(found.tables["drops"]):
        if row["n"]:
            sentences.append(
                f"{row['population']}, {row['of']} beside the rival it learned with, less that beside strangers of the "
                f"same run: {signed_span(interval_in(row, 'drop'))}, {row['n']} training seeds: {row['verdict']}."
            )
    if not sentences:
        sentences.append("No run was trained together: there is no home to compare with.")
    few = [row for row in records(found.tables["populations"]) if row["population"] in found.facts["trained"]]
    least = min((int(row["n"]) for row in few), default=0)
    if least < ENOUGH_SEEDS:
        sentences.append(f"Underpowered: {least} training seeds, {ENOUGH_SEEDS} are needed for a claim.")
    if found.facts["reduced"]:
        sentences.append(found.facts["reduced"])
    return Judged(tuple(sentences))


def draw(found: Found) -> Mapping[str, Figure]:
    """The matrix of meetings, for rewards and for welfare, with lines between populations."""
    table = found.tables["meetings"]
    count = round(len(table["reward"]) ** 0.5)
    figure = new_figure(8.6, 4.3)
    panels = figure.subplots(1, 2)
    names = [str(name) for name in table["beside"][:count]]
    for axes, word, label in zip(
        panels, ("reward", "welfare"), ("own reward, mean of a venue's seats", "welfare of both venues [bp of K0]"),
        strict=True,
    ):  # fmt: skip
        values = table[word].reshape(count, count)
        picture = axes.imshow(values, cmap="cividis")
        figure.colorbar(picture, ax=axes, shrink=0.75, label=label)
        starts = [place for place in range(count) if place == 0 or names[place] != names[place - 1]]
        for start in starts[1:]:
            axes.axhline(start - 0.5, color="white", linewidth=1.5)
            axes.axvline(start - 0.5, color="white", linewidth=1.5)
        ends = [*starts[1:], count]
        middles = [0.5 * (start + end - 1) for start, end in zip(starts, ends, strict=True)]
        axes.set_xticks(middles, [names[start] for start in starts], rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(middles, [names[start] for start in starts])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.set_xlabel("beside")
        axes.set_ylabel("who earns" if word == "reward" else "")
    headline(figure, "Every training seed beside every other; the diagonal of a run trained together is home", 9.0)
    return {"meetings": figure}


def _span(row: Mapping[str, Any], name: str) -> str:
    """With an interval where there is more than one unit."""
    return span(interval_in(row, name)) if row["n"] > 1 else number(row[name])


def page(found: Found, judged: Judged) -> list[str]:
    """Populations beside each other."""
    facts: Mapping[str, Any] = found.facts
    about = f"""Governors of every training seed govern one venue, those of every other the other one, both ways round,
on {facts["tapes"]} tapes of {facts["scenario"]}. A training seed is a unit. The reward is that of a venue's seats over
an episode, in their mean; welfare is of both venues, weighted by K0. In a block of a run with itself the diagonal is
home if the run trained both venues. {"; ".join(facts["sizes"])}."""
    rows = [
        [
            str(row["population"]), str(row["beside"]), str(row["kind"]), _span(row, "reward"), _span(row, "welfare"),
            str(row["n"]),
        ]
        for row in records(found.tables["populations"])
    ]  # fmt: skip
    return [
        "![The matrix of meetings](meetings.png)", "", *(f"- {line}" for line in judged.sentences), "",
        paragraph(about), "", *markdown(["who", "beside", "which are", "reward", "welfare, bp", "n"], rows),
    ]  # fmt: skip


STUDY = Study("meetings", "Governors that were trained apart meet", Options, measure, judge, draw, page)
