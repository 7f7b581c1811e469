"""The phenomena on paired seeds: each appears with its mechanism and vanishes with its switch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.envs.ensemble import shipped_ensemble
from protogov.envs.world.parameters import Parameters
from protogov.experiments.commands.options import Member
from protogov.experiments.core.options import Positional
from protogov.experiments.core.pieces import HERE, Piece, Running, run_pieces
from protogov.experiments.core.play import tape_seeds
from protogov.experiments.core.statistics import Interval, ends_of, interval_columns, interval_of, student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, concatenate, num_rows, rounded, select
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import aligned, number, span
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.phenomena import (
    adverse_selection,
    cascade,
    gamma_feedback,
    lockup,
    oracle_lag,
    skipping,
    surface_manipulation,
    toxic_spiral,
)
from protogov.experiments.studies.phenomena.drawing import QUANTILES, draw_phenomenon
from protogov.experiments.studies.phenomena.phenomenon import ACTIVE, SWITCHED, Phenomenon, Seen

PHENOMENA: dict[str, Phenomenon] = {
    one.name: one
    for one in (
        cascade.CASCADE, skipping.SKIPPING, toxic_spiral.TOXIC_SPIRAL, lockup.LOCKUP, oracle_lag.ORACLE_LAG,
        gamma_feedback.GAMMA_FEEDBACK, surface_manipulation.SURFACE_MANIPULATION, adverse_selection.ADVERSE_SELECTION,
    )
}  # fmt: skip
BATCH = 64  # worlds in one simulator: large enough for speed, small enough for the memory
FEWEST_SEEDS = 8
PLACES, THINNED = 48, 32  # places of a trace that is kept whole; maximum of a longer one
HELD = "appears, vanishes"


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Check that known phenomena appear with their mechanism and vanish with a named switch.

    NAMES are phenomena (see --list), all by default. Both worlds of each play the same seeds; the table gives
    the paired effect with its 95% interval. The exit code is 1 if one does not behave as claimed; the results are
    written in any case.

    Example: protogov study phenomena cascade --seeds 64 --out results/runs/cascade
    """

    names: Annotated[tuple[str, ...], Positional("NAMES")] = ()
    """Which phenomena."""
    seeds: int = 64
    """Episodes in each world."""
    member: Member = ""
    list: bool = False
    """Print the phenomena, and run nothing."""


@dataclass(frozen=True)
class Episodes:
    """Episodes of one world of a phenomenon."""

    phenomenon: str
    seeds: int


# ---------------------------------------------------------------------- measuring


def chosen(names: Sequence[str] = (), member: str = "") -> list[Phenomenon]:
    """Phenomena by name, in the order of the table; all of them without names.

    Args:
        names: of phenomena.
        member: world of the ensemble that is used, except for the parameters that a phenomenon itself sets.

    Raises:
        BadInput: an unknown name or member; the message lists the known ones.
    """
    for name in names:
        if name not in PHENOMENA:
            raise BadInput(f"{name!r} is not a phenomenon; known are {', '.join(PHENOMENA)}")
    found = [one for one in PHENOMENA.values() if not names or one.name in names]
    members = shipped_ensemble().members if member else {}
    if member and member not in members:
        raise BadInput(f"member is {member!r}; accepted are {', '.join(members)}")
    return [_of_member(one, members[member]) for one in found] if member else found


def _of_member(one: Phenomenon, values: Mapping[str, float]) -> Phenomenon:
    own = _differences(one.config.parameters, Parameters())
    return replace(one, config=one.config.with_parameters(**{n: v for n, v in values.items() if n not in own}))


def measure(options: Options, how: Running) -> Found:
    """Play every world of the chosen phenomena."""
    return look_for(chosen(options.names, options.member), options.seeds, how)


def look_for(phenomena: Sequence[Phenomenon], seeds: int, how: Running = HERE) -> Found:
    """Play every world of the phenomena on the same seeds; tables `phenomena`, `worlds` and one of traces for each.

    Raises:
        BadInput: too few seeds for an interval, or no process.
        CheckFailed: the books of a world do not balance.
    """
    played = play_all(phenomena, seeds, how)
    tables = {
        "phenomena": rounded(columns([row for one in phenomena for row in _compare(one, played[one.name])])),
        "worlds": rounded(columns([row for one in phenomena for row in _summarise(one, played[one.name])]), 4),
    }
    for one in phenomena:
        if traces := _traces(one, played[one.name]):
            tables[f"traces_{one.name}"] = rounded(columns(traces), 3)
    return Found(tables, {"seeds": seeds, "phenomena": {one.name: _about(one) for one in phenomena}})


def play_all(phenomena: Sequence[Phenomenon], seeds: int, how: Running = HERE) -> dict[str, dict[str, Table]]:
    """Name -> world -> table: one row per seed, one column per measure, and TRACE.0, TRACE.1, ... of each trace."""
    check_sizes(FEWEST_SEEDS, seeds=seeds)
    asked = [(one.name, world, config) for one in phenomena for world, config in one.worlds().items()]
    pieces = [Piece(f"{name}_{world}", Episodes(name, seeds), config) for name, world, config in asked]
    found: dict[str, dict[str, Table]] = {one.name: {} for one in phenomena}
    for (name, world, _), table in zip(
        asked, run_pieces(play_world, WorldConfig(), pieces, how, "worlds of phenomena"), strict=True
    ):
        found[name][world] = table
    return found


def play_world(config: WorldConfig, job: Episodes) -> Table:
    """One row per seed: measures, and traces by their places."""
    one, seeds = PHENOMENA[job.phenomenon], tape_seeds(job.seeds)
    parts = []
    for at in range(0, job.seeds, BATCH):
        table: Table = {}
        for name, values in one.play(config, one.scenario, seeds[at : at + BATCH]).items():
            flat = {name: values} if values.ndim == 1 else {f"{name}.{k}": own for k, own in enumerate(values.T)}
            table |= flat
        parts.append(table)
    return concatenate(parts)


def _compare(one: Phenomenon, played: Mapping[str, Table]) -> Iterable[dict[str, Any]]:
    """One row per measure: means with intervals in both worlds, the paired effect, limits and verdict."""
    for place, about in enumerate(one.measures):
        active, switched = played[ACTIVE][about.name], played[SWITCHED][about.name]
        found, largest = student_t(active - switched), float(np.abs(switched).max())
        row: dict[str, Any] = {
            "phenomenon": one.name, "measure": about.name, "unit": about.unit, "seeds": active.size,
            **interval_columns("with", student_t(active)), **interval_columns("switched", student_t(switched)),
            "switched_largest": largest, **interval_columns("effect", found),
            "smallest_effect": np.nan, "band": np.nan, "verdict": "",
        }  # fmt: skip
        if place == 0:  # the first measure decides the verdict
            row |= {"smallest_effect": one.smallest, "band": one.band}
            row["verdict"] = verdict_of(found, student_t(switched), largest, one.smallest, one.band)
        yield row


def verdict_of(effect: Interval, switched: Interval, largest: float, smallest: float, band: float) -> str:
    """Whether a phenomenon appears and vanishes, in words.

    The effect is the value with the mechanism minus the value with the switch, seed by seed. A phenomenon appears when
    the whole 95% interval of the mean effect lies above the smallest effect of interest. It vanishes when the value
    with the switch is exactly 0 in every episode. If the phenomenon states a band, it vanishes when the whole 95%
    interval of the mean lies within the band (a test of equivalence, not a failure to find a difference).

    Args:
        effect: Student's interval of the paired effect.
        switched: the same of the value with the switch.
        largest: absolute value in any episode with the switch.
        smallest: smallest effect that counts.
        band: see above; 0 means none.
    """
    appears = effect.low > smallest
    vanishes = max(abs(switched.low), abs(switched.high)) <= band if band else largest == 0.0
    return f"{'appears' if appears else 'DOES NOT APPEAR'}, {'vanishes' if vanishes else 'DOES NOT VANISH'}"


def _summarise(one: Phenomenon, played: Mapping[str, Table]) -> Iterable[dict[str, Any]]:
    """One row per world and measure: mean, paired difference to the world with the switch, spread of episodes."""
    for world, table in played.items():
        further = world not in (ACTIVE, SWITCHED)
        for about in one.measures:
            if further and about.name not in one.dosed:
                continue
            values = table[about.name]
            ends = dict(zip(QUANTILES, np.percentile(values, list(QUANTILES.values())), strict=True))
            effect = student_t(values - played[SWITCHED][about.name])
            found = ends_of({"mean": student_t(values), "effect": effect})
            yield {"phenomenon": one.name, "world": world, "measure": about.name, **found, **ends}


def _traces(one: Phenomenon, played: Mapping[str, Table]) -> list[dict[str, Any]]:
    """One row per trace and place: mean and interval in both worlds and in those drawn over time."""
    names = [name.rpartition(".") for name in played[ACTIVE] if "." in name]
    lengths = {trace: int(place) + 1 for trace, _, place in names}
    rows = []
    for trace, _, place in names:
        step = 1 if lengths[trace] <= PLACES else -(-lengths[trace] // THINNED)
        if (lengths[trace] - 1 - int(place)) % step == 0:
            row: dict[str, Any] = {"trace": trace, "place": int(place)}
            for world in (ACTIVE, SWITCHED, *one.curves):
                row |= interval_columns(world, student_t(played[world][f"{trace}.{place}"]))
            rows.append(row)
    return rows


def _about(one: Phenomenon) -> dict[str, Any]:
    """The worlds of a phenomenon, JSON-able."""
    plain = WorldConfig()
    world = _differences(one.config, plain) | _differences(one.config.parameters, plain.parameters)
    world.pop("parameters", None)
    return {"scenario": one.scenario.name, "world": world, "switch": one.switch.settings()}


def _differences(one: Any, plain: Any) -> dict[str, Any]:
    """Fields of a dataclass that differ from the defaults."""
    names = [spec.name for spec in fields(one) if getattr(one, spec.name) != getattr(plain, spec.name)]
    return {name: getattr(one, name) for name in names}


# ---------------------------------------------------------------------- saying


def judge(found: Found) -> Judged:
    """How many behave as claimed, the table, and the exceptions."""
    table, facts = found.tables["phenomena"], found.facts
    verdicts = {
        str(name): str(verdict) for name, verdict in zip(table["phenomenon"], table["verdict"], strict=True) if verdict
    }
    failed = [f"{name} {verdict}" for name, verdict in verdicts.items() if verdict != HELD]
    held = f"{len(verdicts) - len(failed)} of {len(verdicts)} phenomena behave as claimed: present with the mechanism, "
    head = ["phenomenon", "measured", "with mechanism", "switched off", "paired effect, 95%", "verdict"]
    rows = [
        [name if verdict else "", f"{label} [{unit}]", *numbers, verdict]
        for name, label, unit, numbers, verdict in _rows(table)
    ]
    return Judged(
        (
            f"{held}absent without it, on the same {facts['seeds']} seeds, tapes and noise, under static levers.",
            *aligned([head, *rows]), f"{facts['seeds']} paired seeds; intervals are Student's t at 95%.",
        ),
        (f"{len(failed)} of {len(verdicts)} phenomena do not behave as claimed: {'; '.join(failed)}",) * bool(failed),
    )  # fmt: skip


def _rows(table: Table) -> Iterable[tuple[str, str, str, list[str], str]]:
    """Name, label, unit, numbers and verdict of each measure."""
    for row in range(num_rows(table)):
        one = PHENOMENA[table["phenomenon"][row]]
        about = next(about for about in one.measures if about.name == table["measure"][row])
        numbers = [number(table["with"][row]), number(table["switched"][row]), span(interval_of(table, row, "effect"))]
        yield one.name, about.label, about.unit, numbers, str(table["verdict"][row])


def seen(found: Found) -> Iterable[Seen]:
    """Results of each phenomenon."""
    worlds = found.tables["worlds"]
    for name in found.facts["phenomena"]:
        own = select(worlds, worlds["phenomenon"] == name)
        yield Seen(PHENOMENA[name], found.facts["seeds"], own, found.tables.get(f"traces_{name}", {}))


def draw(found: Found) -> Mapping[str, Figure]:
    """One figure per phenomenon."""
    return {one.one.name: draw_phenomenon(one) for one in seen(found)}


def page(found: Found, judged: Judged) -> list[str]:
    """The table, the rule, and each phenomenon with its figure, world and switch."""
    rows = [["phenomenon", "measured", "with mechanism", "switch", "switched off", "paired effect, 95%", "verdict"]]
    for name, label, unit, (active, switched, effect), verdict in _rows(found.tables["phenomena"]):
        one = PHENOMENA[name]
        title, switch = (f"[{one.title}](#{name})", one.switch.words) if verdict else ("", "")
        rows.append([title, f"{label}, {unit}", active, switch, switched, effect, verdict])
    worlds = found.facts["phenomena"]
    return page_beside(__file__, rows=rows, seen=list(seen(found)), worlds=worlds, rule=_rule, switch=_switch)


def listed(options: Options) -> list[str]:
    """The chosen phenomena in lines of text."""
    lines = []
    for one in chosen(options.names, options.member):
        about = one.measures[0]
        lines += [
            f"{one.name}: {one.title}", f"  {one.claim}", f"  seen: {one.evidence}",
            f"  measured: {about.label} [{about.unit}]", f"  switch: {_switch(one)}", f"  holds if: {_rule(one)}", "",
        ]  # fmt: skip
    return lines[:-1]


def _switch(one: Phenomenon) -> str:
    settings = (f"{name} = {value:g}" for name, value in one.switch.settings().items())
    return f"{one.switch.words} ({', '.join(settings)})"


def _rule(one: Phenomenon) -> str:
    """What the verdict requires of this phenomenon."""
    unit = one.measures[0].unit
    vanish = f"within ±{number(one.band)} {unit}" if one.band else "exactly 0 in every episode"
    return f"effect above {number(one.smallest)} {unit}; with the switch {vanish}"


STUDY = Study("phenomena", "Phenomena, and the switch that removes each", Options, measure, judge, draw, page, listed)
