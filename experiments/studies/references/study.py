"""The expected result of learning on every Gymnasium id: how far the project's own learner comes, and in which time.

The reference learner is PPO as `protogov train` has it by default. It learns on the world that an id names and moves
the levers of the id's role alone. At the points of a curve its policy plays tapes of evaluations, without exploring,
beside the defaults.
"""

from dataclasses import dataclass
from typing import Any

from protogov.agents.ppo.settings import PPOSettings
from protogov.envs.gymnasium_env import IDS
from protogov.envs.sizes import SIZES
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, records, rounded
from protogov.experiments.core.text import listed, signed_span
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.references.drawing import draw
from protogov.experiments.studies.references.learning import (
    Learning,
    Still,
    learn,
    play_defaults,
    training_world,
    world_of,
)
from protogov.experiments.studies.references.numbers import (
    SHARES,
    curve_of,
    ends,
    gain_by_tape,
    gain_of,
    hours_of,
    is_below,
    label,
    reference_of,
    size_of,
    verdict,
)
from protogov.experiments.studies.references.pages import page
from protogov.experiments.training.run_config import MAX_SEED


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """The reference learner on every Gymnasium id, beside the defaults.

    Example: protogov study references --ids protogov/CoreRates-v0 --out mine
    """

    ids: tuple[str, ...] = ()
    """Some of the ids, such as protogov/Rates-v0; by default all of the sizes."""
    sizes: tuple[str, ...] = tuple(SIZES)
    """Sizes whose ids are measured."""
    market_hours: float = 1e6
    """Budget of a seed [simulated hours], rounded up to whole rollouts. Ids of two venues have half of it, tiny ones a
    fifth."""
    seeds: int = 5
    """Seeds of the learner on each id."""
    tapes: int = 128
    """Episodes that policies and defaults play: the same ones at every point, for every seed."""
    points: int = 8
    """Points of a curve, after the one before any learning."""
    worlds: int = 512
    """Worlds simulated side by side, as in protogov train."""


def measure(options: Options, how: Running) -> Found:
    """Train every seed on every id.

    Raises:
        BadInput: an id or a size is unknown, or a number is out of range.
        CheckFailed: learning diverged, or a process died; finished pieces are kept.
    """
    names = chosen_ids(options)
    check_sizes(1, points=options.points, worlds=options.worlds)
    check_sizes(1, MAX_SEED + 1, seeds=options.seeds)
    check_sizes(2, tapes=options.tapes)
    if not 1.0 <= options.market_hours < 1e12:
        raise BadInput(f"market-hours is {options.market_hours:g}; a number from 1 to below 1e12 is accepted")
    worlds = {name: world_of(name) for name in names}
    still = [Piece(f"{label(name)}_defaults", Still(scenario, options.tapes), config)
             for name, (config, scenario) in worlds.items()]  # fmt: skip
    seeds = [
        (name, seed, Learning(worlds[name][1], seed, hours_of(name, options.market_hours), options.worlds,
                              options.points, options.tapes))
        for name in names for seed in range(options.seeds)
    ]  # fmt: skip
    pieces = [Piece(f"{label(name)}_{seed}", job, training_world(worlds[name][0])) for name, seed, job in seeds]
    some = worlds[names[0]][0]
    defaults = dict(zip(names, run_pieces(play_defaults, some, still, how, "defaults"), strict=True))
    learned = run_pieces(learn, some, pieces, how, "seeds")
    curves: dict[str, list[dict[str, Any]]] = {}
    references = []
    for name in names:
        own = [table for (other, _, _), table in zip(seeds, learned, strict=True) if other == name]
        rows = [row for seed, table in enumerate(own) for row in curve_of(name, seed, table, defaults[name])]
        curves.setdefault(f"curves_{size_of(name)}", []).extend(rows)
        references.append(reference_of(name, own, defaults[name]) | {"command": command_of(name, options)})
    tables: dict[str, Table] = {name: columns(rows) for name, rows in {"references": references, **curves}.items()}
    facts = {
        "seeds": options.seeds, "tapes": options.tapes, "worlds": options.worlds, "shares": SHARES,
        "steps": PPOSettings().num_steps,
        "market_hours": options.market_hours, "scenarios": sorted({scenario for _, scenario in worlds.values()}),
    }  # fmt: skip
    return Found({name: rounded(table, 5) for name, table in tables.items()}, facts)


def chosen_ids(options: Options) -> tuple[str, ...]:
    """The ids that the options name, or all of their sizes.

    Raises:
        BadInput: one is unknown, or there is none.
    """
    for what, given, accepted in (("ids", options.ids, tuple(IDS)), ("sizes", options.sizes, tuple(SIZES))):
        for name in given:
            if name not in accepted:
                raise BadInput(f"{what} holds {name!r}; {', '.join(accepted)} are accepted")
    found = tuple(dict.fromkeys(options.ids)) or tuple(name for name in IDS if size_of(name) in options.sizes)
    if not found:
        raise BadInput(f"sizes is empty; some of {', '.join(SIZES)} are accepted")
    return found


def command_of(name: str, options: Options) -> str:
    """The command that measures this id alone, with the same numbers."""
    defaults, words = Options(), [f"protogov study references --ids {name}"]
    for option in ("market_hours", "seeds", "tapes", "points", "worlds"):
        value = getattr(options, option)
        if value != getattr(defaults, option):
            words.append(f"--{option.replace('_', '-')} {value:.12g}")
    return " ".join(words)


def judge(found: Found) -> Judged:
    """On how many ids the learner's return is above that of the defaults, where it is not, and where W falls."""
    rows = records(found.tables["references"])
    others = [row for row in rows if verdict(row) != "better"]
    sentences = [
        f"The return of the reference learner is above that of the defaults on {len(rows) - len(others)} of "
        f"{len(rows)} ids ({found.facts['seeds']} seeds each, the same {found.facts['tapes']} tapes)."
    ]
    sentences += [
        f"{row['id']}: {verdict(row)}, return {signed_span(gain_of(row, 'return'))} over seeds, "
        f"{ends(gain_by_tape(row, 'return'))} over tapes"
        for row in others
    ]
    falls = [row["id"] for row in rows if is_below(row, "welfare")]
    if falls:
        sentences.append(f"W falls on {listed(falls)}.")
    return Judged(tuple(sentences))


STUDY = Study("references", "References for every Gymnasium id", Options, measure, judge, draw, page)
