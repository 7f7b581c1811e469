"""`protogov study strangers`: named governors in every task, each among governors that it never met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from protogov.agents.baselines import governor_fits
from protogov.envs.config import WorldConfig
from protogov.experiments.core.governors import BASELINES
from protogov.experiments.core.options import Once
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import ENOUGH_SEEDS, cluster_means, interval_columns, interval_in, student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import (
    Table,
    columns,
    concatenate,
    groups,
    read_csv,
    records,
    rounded,
    select,
    write_table,
)
from protogov.experiments.core.text import listed, markdown, number, paragraph, plain
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import headline, heat_cell, new_figure
from protogov.experiments.outputs import OutputFile
from protogov.experiments.studies.strangers.playing import Changes, Job, play_job, subject_of
from protogov.experiments.studies.strangers.reference import ends_of, reference_rows
from protogov.experiments.studies.strangers.tasks import RANDOM, TASKS, TestTask, make_task

GOVERNORS = ("static", "linear_feedback", "pi+steward_var+inventory_quotes")


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Score governors among strangers: the test tasks of the laboratory.

    A score of 0 is that of random governors in the focal seats, 100 that of constants tuned on the task's market. Both
    are saved rows, so that a score means the same in every run.

    Example: protogov study strangers --governors results/runs/rivals pi --out results/strangers
    """

    governors: tuple[str, ...] = GOVERNORS
    """Baselines (several joined by "+"), model organisms, FILE.py:CLASS, or paths of runs or folders of policies."""
    tasks: tuple[str, ...] = ()
    """Some of the tasks; all by default."""
    tapes: int = 128
    """Episodes of each task and training seed."""
    list: Annotated[bool, Once] = False
    """Print the tasks instead."""
    store: OutputFile | None = None
    """Instead: play random governors and tuned constants, and write the reference rows of the tasks to this file; the
    rows of other tasks stay in it."""


def tasks_of(names: Sequence[str]) -> list[TestTask]:
    """The tasks named, or all."""
    return [make_task(name) for name in (names or TASKS)]


def play_all(
    tasks: Sequence[TestTask], governors: Sequence[str], tapes: int, how: Running, changes: Changes = ()
) -> list[tuple[TestTask, str, Job | None, Table, str]]:
    """Every governor in every task: (task, governor, job, what was played, why nothing was).

    Raises:
        BadInput: a governor fits no task at all.
    """
    pieces, places, found = [], [], list[tuple[TestTask, str, Job | None, Table, str]]()
    worlds = {task.name: task.config(**dict(changes)) for task in tasks}
    plain_world = {task.name: WorldConfig(**{**task.world, **dict(changes)}) for task in tasks}
    for governor in governors:
        reasons = []
        for task in tasks:
            try:
                world = worlds[task.name]
                job = Job(task.name, task.digest, subject_of(fitting(governor, world), task, world), tapes, changes)
                job.subject.governors(worlds[task.name], 1)  # refuses what does not fit before anything is played
            except BadInput as error:
                reasons.append(str(error))
                found.append((task, governor, None, {}, str(error)))
                continue
            name = f"{task.name}-{governor}".replace("/", "-")
            places.append(len(found))
            # a world whose background are names can be sent to a process
            pieces.append(Piece(name[-120:], job, plain_world[task.name]))
            found.append((task, governor, job, {}, ""))
        if len(reasons) == len(tasks):
            raise BadInput(f"governors holds {governor!r}, which fits none of the tasks: {reasons[0]}")
    tables = run_pieces(play_job, WorldConfig(size="rivals"), pieces, how, "tasks")
    for place, table in zip(places, tables, strict=True):
        task, governor, played, _, reason = found[place]
        found[place] = (task, governor, played, table, reason)
    return found


def fitting(name: str, world: WorldConfig) -> str:
    """Of baselines joined by "+" those that fit a focal seat; the whole name if none does or it is another thing."""
    parts = name.split("+")
    if not all(part.rpartition("=")[2] in BASELINES for part in parts):
        return name
    roles = [agent.role for agent in world.learners()]
    kept = []
    for part in parts:
        role, _, source = part.rpartition("=")
        if any(role in ("", own.name) and governor_fits(BASELINES[source], own) for own in roles):
            kept.append(part)
    return "+".join(kept) or name


def play_ends(
    tasks: Sequence[TestTask], tapes: int, how: Running
) -> list[tuple[TestTask, str, Job | None, Table, str]]:
    """Random governors and tuned constants in each task."""
    found = []
    for upper in dict.fromkeys(task.upper for task in tasks):
        found += play_all([task for task in tasks if task.upper == upper], (RANDOM, upper), tapes, how)
    return found


def measure(options: Options, how: Running) -> Found:
    """Play governors in tasks, and score them; or make reference rows.

    Raises:
        BadInput: an unknown task or governor, too few tapes, or tasks without reference rows.
    """
    check_sizes(2, tapes=options.tapes)
    tasks = tasks_of(options.tasks)
    if options.store is not None:
        return _stored(tasks, options.store, options.tapes, how)
    for task in tasks:
        ends_of(task)  # refused before anything is played
    # random governors and the constants are played beside, on the same tapes: an interval is of a difference
    beside = play_ends(tasks, options.tapes, how)
    upper = {task.name: table for task, governor, _, table, _ in beside if governor == task.upper}
    played = play_all(tasks, options.governors, options.tapes, how)
    played = [*(one for one in beside if one[1] not in options.governors), *played]
    rows = [
        scored(task, governor, job, table, upper[task.name])
        for task, governor, job, table, _ in played if job is not None
    ]  # fmt: skip
    left = {f"{governor} in {task.name}": why for task, governor, job, _, why in played if job is None}
    facts = {
        "tapes": options.tapes, "governors": list(options.governors), "left_out": left,
        "tasks": [task.name for task in tasks],
    }  # fmt: skip
    return Found({"scores": rounded(columns(rows), 3), "tasks": described(tasks)}, facts)


def scored(task: TestTask, governor: str, job: Job, table: Table, upper: Table) -> dict[str, Any]:
    """A row: the score with the interval over units, and what everybody else got.

    The mean of the constants on these tapes is replaced by that of the reference, which is the same tapes or more: what
    remains is a difference on the same tapes, whose interval is narrow.
    """
    low, high = ends_of(task)
    of_tape = dict(zip(upper["tape"].tolist(), upper["reward"].tolist(), strict=True))
    beside = np.array([of_tape[tape] for tape in table["tape"].tolist()])
    scores = 100.0 * (table["reward"] - beside + high - low) / (high - low)
    labels = table["member"] if job.subject.trained else table["tape"]
    interval = student_t(cluster_means(scores, labels))
    row: dict[str, Any] = {"task": task.name, "governor": governor, **interval_columns("score", interval)}
    for name in ("reward", "background", "welfare"):
        row |= interval_columns(name, student_t(cluster_means(table[name], labels)))
    return row | {"n": interval.n, "units": "training seeds" if job.subject.trained else "tapes"}


def described(tasks: Sequence[TestTask]) -> Table:
    """The tasks, a row each."""
    return columns(
        [
            {"task": task.name, "about": task.about, "market": task.scenario, "focal": " ".join(task.focal),
             "background": " ".join(f"{seat}={name}" for seat, name in task.background.items()),
             "zero": ends_of(task)[0], "hundred": ends_of(task)[1], "tuned": task.upper}
            for task in tasks
        ]
    )  # fmt: skip


def _stored(tasks: Sequence[TestTask], file: Path, tapes: int, how: Running) -> Found:
    """Make the reference rows of some tasks, and keep those of the others."""
    made = [(task, name, table) for task, name, _, table, _ in play_ends(tasks, tapes, how)]
    order = {task.name: place for place, task in enumerate(tasks)}
    rows = reference_rows(sorted(made, key=lambda one: order[one[0].name]))
    if file.is_file():
        old = read_csv(file)
        kept = select(old, ~np.isin(old["task"], rows["task"]) & np.isin(old["task"], list(TASKS)))
        rows = concatenate([kept, rows])
    print(write_table(file, rows))
    return Found({"reference": rows}, {"stored": True, "tapes": tapes})


def judge(found: Found) -> Judged:
    """The mean score of every governor, the best first."""
    if found.facts.get("stored"):
        table = found.tables["reference"]
        close = sorted({str(row["task"]) for row in records(table) if not _apart(table, str(row["task"]))})
        words = f"Reference rows of {len(set(table['task'].tolist()))} tasks, {found.facts['tapes']} tapes each."
        return Judged((words,), tuple(f"random governors and tuned constants are not apart in {one}" for one in close))
    table = found.tables["scores"]
    means = {
        name: [(float(s), str(t)) for g, s, t in zip(table["governor"], table["score"], table["task"], strict=True)
               if g == name]
        for name in found.facts["governors"]
    }  # fmt: skip
    means = {name: own for name, own in means.items() if own}
    order = sorted(means, key=lambda name: -np.mean([score for score, _ in means[name]]))
    sentences = []
    for name in order:
        scores = [score for score, _ in means[name]]
        worst = min(means[name])
        mean = number(float(np.mean(scores)))
        sentences.append(f"{name}: mean score {mean} over {len(scores)} tasks, worst {number(worst[0])} in {worst[1]}.")
    few = sorted({
        str(row["governor"]) for row in records(table) if row["units"] == "training seeds" and row["n"] < ENOUGH_SEEDS
    })  # fmt: skip
    if few:
        sentences.append(f"Underpowered: {listed(few)} of fewer than {ENOUGH_SEEDS} training seeds.")
    return Judged(tuple(sentences))


def _apart(reference: Table, task: str) -> bool:
    low, high = (row for row in records(reference) if row["task"] == task)
    if low["score"]:
        low, high = high, low
    return bool(low["reward_high"] < high["reward_low"])


def draw(found: Found) -> Mapping[str, Figure]:
    """Tasks down, governors across: the score and half of its interval."""
    if found.facts.get("stored"):
        return {}
    table = found.tables["scores"]
    tasks, governors = found.facts["tasks"], [RANDOM, *[g for g in found.facts["governors"] if g != RANDOM]]
    figure = new_figure(2.8 + 0.9 * len(governors), 1.1 + 0.25 * len(tasks))
    axes = figure.subplots()
    colours = colormaps["RdBu"]
    for row in records(table):
        if row["governor"] not in governors:
            continue
        x, y = governors.index(row["governor"]), tasks.index(row["task"])
        interval = interval_in(row, "score")
        half = f" ± {plain(interval.half_width)}" if 0.0 < interval.half_width < np.inf else ""
        colour = colours(0.5 + 0.4 * np.clip((interval.mean - 100.0) / 100.0, -1.0, 1.0))
        heat_cell(axes, x, y, colour, {0.0: (f"{plain(interval.mean)}{half}", 6.5)})
    axes.set_xlim(-0.5, len(governors) - 0.5)
    axes.set_ylim(len(tasks) - 0.5, -0.5)
    short = [name.rstrip("/").rpartition("/")[2].replace("+", "+\n") for name in governors]
    axes.set_xticks(range(len(governors)), short, fontsize=7)
    axes.set_yticks(range(len(tasks)), tasks, fontsize=7)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    headline(figure, "Score among strangers: 0 random governors, 100 tuned constants (white)", 9.0)
    return {"scores": figure}


def page(found: Found, judged: Judged) -> list[str]:
    """What was met, and what everybody got."""
    if found.facts.get("stored"):
        return []
    facts = found.facts
    about = f"""Each governor takes the focal seats of a task, whose other seats are held by governors that it never
met. The reward of the focal seats over an episode, in the mean of the seats, becomes a score by two saved rows: 0 is
that of random governors, 100 that of constants tuned on the task's market (CMA-ES, for welfare). A score above 100 is
possible. {facts["tapes"]} tapes of each task, the same for all governors. Intervals are Student's over tapes, or over
training seeds where governors were trained, of the difference from the constants on the same tapes. The reference rows
are in `experiments/studies/strangers/reference.csv` with intervals of their own, which are not in those of scores:
random governors on other tapes than those of the reference do not score exactly 0."""
    table = found.tables["scores"]
    means = [
        [str(key["governor"]), *(number(float(own[name].mean())) for name in ("score", "background", "welfare")),
         f"{len(own['task'])} of {len(facts['tasks'])}", f"{own['n'][0]} {own['units'][0]}"]
        for key, own in groups(table, ["governor"])
    ]  # fmt: skip
    tasks = [
        [
            str(row["task"]), str(row["about"]), str(row["market"]), str(row["focal"]), str(row["background"]),
            number(row["zero"]), f"{number(row['hundred'])} ({row['tuned']})",
        ]
        for row in records(found.tables["tasks"])
    ]  # fmt: skip
    lines = [
        "![Scores of governors in tasks](scores.png)", "", *(f"- {line}" for line in judged.sentences), "",
        paragraph(about), "", "## Tasks", "",
        *markdown(["task", "what is met", "market", "focal seats", "background", "0 at", "100 at"], tasks), "",
        "## Means over tasks", "",
        *markdown(["governor", "score", "reward of the background", "welfare of all, bp", "tasks", "n a task"], means),
    ]  # fmt: skip
    if facts["left_out"]:
        lines += ["", "Left out:", "", *(f"- {name}: {why}" for name, why in facts["left_out"].items())]
    return lines


def listed_tasks(options: Options) -> list[str]:
    """The tasks for `--list`."""
    return [f"{task.name:42} {task.about}; focal {', '.join(task.focal)}" for task in TASKS.values()]


STUDY = Study(
    "strangers", "Test tasks among strangers", Options, measure, judge, draw, page, listed=listed_tasks
)  # fmt: skip
