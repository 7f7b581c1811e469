"""What constants and a linear rule can be tuned to, market by market, with the market hours that it took.

Searches add up in a folder: what its tables hold is not searched again. A scenario has the constants of its own
searches ("searched"), or those of another one that are clearly better there ("constants"). Two searches on other tapes
and with other noise show how far to trust one: the distance between their ends is what a search may miss.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from protogov.agents.baselines.linear_feedback import WEIGHTS, features_read
from protogov.agents.policies.policy import load_policy_file
from protogov.agents.tuning.networks import Networks
from protogov.envs.config import WorldConfig
from protogov.envs.roles import LEVER_BY_NAME
from protogov.envs.sizes import SIZES
from protogov.envs.world.features import FEATURES
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.commands.seats import check_all_held
from protogov.experiments.core.files import write_json
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.results import MANIFEST, load_tables, read_manifest
from protogov.experiments.core.statistics import Floats, student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, concatenate, records
from protogov.experiments.core.templates import page_beside
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import lever_scale, spaced
from protogov.experiments.outputs import OutputFile
from protogov.experiments.studies.tuning.drawing import draw
from protogov.experiments.studies.tuning.searches import (
    CONSTANTS,
    FAMILIES,
    LEVERS,
    LINEAR,
    NETWORK,
    SHARES,
    TAPES,
    Offer,
    Search,
    effort_of,
    play_all,
    search_all,
)
from protogov.experiments.training.run_config import training_scenario

POLICIES = "policies"  # folder of networks, below --out
CLEARLY = 2.0  # standard errors by which another search's constants must be better to be taken


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Tune all levers on welfare by evolution (CMA-ES): constants for each scenario, and a linear rule.

    Every generation plays fresh tapes, all its candidates the same ones. What searches offer is picked on other tapes,
    and its gain over the defaults is measured on a third set. What --out holds already is not searched again.

    Example: protogov tune --scenarios mix jump --out results/tuning --tuned agents/baselines/tuned.json
    """

    scenarios: tuple[str, ...] = ("natural", "mix")
    """Each is searched by itself."""
    families: tuple[Literal["constants", "linear", "network"], ...] = ("constants", "linear")
    """What is tuned: constants; linear, a rule of three features a lever; network, a policy of 32 x 32 ReLU for every
    governor, written to OUT/policies. The last two start at the scenario's constants."""
    tuned: OutputFile | None = None
    """JSON file for constants and linear rules; the baselines read agents/baselines/tuned.json."""
    searches: int = 2
    """Searches of each family on each scenario, every one with tapes and noise of its own."""
    generations: int = 96
    """Of each search."""
    population: int = 12
    """Candidates a generation; twice as many for a linear rule."""
    tapes: int = 32
    """Fresh tapes a generation; twice as many for a linear rule."""
    checks: int = 0
    """Tapes on which is picked, chosen and scored, at most; 0 for 512, 256 and 1,024."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world."""

    @property
    def budget(self) -> dict[str, int]:
        """What all searches of a folder have in common."""
        return {name: getattr(self, name) for name in ("searches", "generations", "population", "tapes", "checks")}


@dataclass
class Stored:
    """What searches found, of this command and of those before it.

    Attributes:
        tuned: a row a scenario and family.
        searches: a row a search.
        curves: a row a search and share of its generations.
        points: (scenario, family) -> the pick's parameters, F64[size].
    """

    tuned: list[dict[str, Any]] = field(default_factory=list)
    searches: list[dict[str, Any]] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)
    points: dict[tuple[str, str], Floats] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, Floats]:
        """Scenario -> parameters of the pick, of one family."""
        return {scenario: point for (scenario, own), point in self.points.items() if own == kind}


def measure(options: Options, how: Running) -> Found:
    """Search what the folder lacks.

    Raises:
        BadInput: an option out of range, a scenario that is held out, or a folder made with another budget.
    """
    config = check(options)
    stored = read_stored(options, config)
    for kind in (name for name in FAMILIES if name in options.families):
        missing = [name for name in options.scenarios if (name, kind) not in stored.points]
        if missing:
            find(options, config, how, kind, missing, stored)
    chosen = choose(options, config, how, stored)
    score(options, config, how, stored, chosen)
    searched, linear = stored.of(CONSTANTS), stored.of(LINEAR)
    values = {name: values_of(searched[of]) for name, of in chosen.items()}
    if options.tuned is not None:
        constants = {name: dict(zip(LEVERS, own.tolist(), strict=True)) for name, own in values.items()}
        rules = {
            name: dict(zip(LEVERS, point.reshape(-1, WEIGHTS).tolist(), strict=True)) for name, point in linear.items()
        }
        write_json(options.tuned, {"constants": constants, "linear": rules})
    lever = {"lever": np.array(LEVERS)}
    tables = {
        "tuned": columns(stored.tuned), "searches": columns(stored.searches), "curves": columns(stored.curves),
        "searched": lever | {name: values_of(point) for name, point in searched.items()}, "constants": lever | values,
    }  # fmt: skip
    if options.out is not None:
        write_policies(options.out, config, stored.of(NETWORK))
    if linear:
        tables["linear"] = concatenate(linear_table(name, point) for name, point in linear.items())
    facts = {"budget": options.budget, "scenarios": list(searched), "config": config.to_dict()}
    return Found(tables, facts)


def check(options: Options) -> WorldConfig:
    """The world; refuses what cannot be searched."""
    check_sizes(1, generations=options.generations, scenarios=len(options.scenarios), searches=options.searches)
    check_sizes(2, tapes=options.tapes)
    check_sizes(4, population=options.population)
    check_sizes(0, checks=options.checks)
    if CONSTANTS not in options.families:
        raise BadInput("families lacks constants; the others start at them")
    for scenario in options.scenarios:
        training_scenario(scenario)  # what is tuned is held to the same line as what learns
    config = options.world.make()
    check_all_held(config, "tune", SIZES[config.size].levers)  # a small size holds only some levers
    hidden = [name for name in features_read(LEVERS) if not config.shows(FEATURES[name])]
    if LINEAR in options.families and hidden:
        raise BadInput(
            f"the linear rule reads {', '.join(hidden)}, which governors do not see where observe is "
            f"{', '.join(config.observe)}; give --families constants, or add the group feeds"
        )
    return config


def find(
    options: Options, config: WorldConfig, how: Running, kind: str, scenarios: Sequence[str], stored: Stored
) -> None:
    """Search one family on each scenario, pick, and add to what is stored."""
    effort = effort_of(kind, options.generations, options.population, options.tapes)
    make = starting(kind, config)
    numbers = range(1, options.searches + 1)
    nothing = np.zeros(len(LEVERS))
    starts = {name: make(nothing if kind == CONSTANTS else stored.points[name, CONSTANTS]) for name in scenarios}
    jobs = [Search(name, kind, one, effort, tuple(starts[name].tolist())) for name in scenarios for one in numbers]
    offers = search_all(config, jobs, how)
    found = {name: offers[at * len(numbers) : (at + 1) * len(numbers)] for at, name in enumerate(scenarios)}
    candidates = [(name, kind, _candidates(make(nothing), starts[name], found[name])) for name in scenarios]
    played = play_all(config, candidates, "picking", options.checks, how)
    for (name, _, points), welfare in zip(candidates, played, strict=True):
        means = welfare.mean(axis=1)
        best = int(means.argmax())
        stored.points[name, kind] = points[best]
        each = len(found[name][0].ends) + len(SHARES)
        for number, at in zip(numbers, range(2, len(points), each), strict=True):
            own = means[at : at + each] - means[0]
            hours = effort.episodes * config.episode_hours
            stored.searches.append(
                {
                    "tuned_on": name, "family": kind, "search": number, "gain": own.max(), "hours": hours,
                    "tapes": effort.distinct, "episodes": effort.episodes, "picked": at <= best < at + each,
                }
            )  # fmt: skip
            for share, gained in zip(SHARES, welfare[at + each - len(SHARES) : at + each] - welfare[0], strict=True):
                interval = student_t(gained)
                stored.curves.append(
                    {"tuned_on": name, "family": kind, "search": number, "hours": share * hours, "gain": interval.mean,
                     "standard_error": interval.error}
                )  # fmt: skip
        stored.tuned.append(
            {"tuned_on": name, "family": kind, "gain": np.nan, "standard_error": np.nan, "z": np.nan, "more": np.nan,
             "more_error": np.nan, "constants_of": name, "hours": len(numbers) * effort.episodes * config.episode_hours,
             "command": command_of(options)}
        )  # fmt: skip


def starting(kind: str, config: WorldConfig) -> Callable[[Floats], Floats]:
    """Actions of constants F64[levers] -> the member of a family that stands still there, F64[size]."""
    family = FAMILIES[kind].make(config)
    return lambda actions: FAMILIES[kind].start(family, actions)


def _candidates(defaults: Floats, start: Floats, offers: Sequence[Offer]) -> Floats:
    """The defaults, the start, then of every search its ends and its way, F64[c, size]."""
    return np.concatenate([np.stack([defaults, start]), *(np.vstack([one.ends, one.way]) for one in offers)])


def choose(options: Options, config: WorldConfig, how: Running, stored: Stored) -> dict[str, str]:
    """Scenario -> the one whose constants are taken: another's only where they are clearly better on fresh tapes."""
    searched = stored.of(CONSTANTS)
    orders = {name: [name, *(one for one in searched if one != name)] for name in searched}
    groups = [(name, CONSTANTS, np.array([searched[one] for one in order])) for name, order in orders.items()]
    played = play_all(config, groups, "choice", options.checks, how)
    return {name: order[clear_best(welfare)] for (name, order), welfare in zip(orders.items(), played, strict=True)}


def clear_best(welfare: Floats) -> int:
    """The candidate, of F64[candidates, tapes], that is best and clearly better than the first; else the first, 0."""
    best = int(welfare.mean(axis=1).argmax())
    return best if best and student_t(welfare[best] - welfare[0]).z >= CLEARLY else 0


def score(options: Options, config: WorldConfig, how: Running, stored: Stored, chosen: Mapping[str, str]) -> None:
    """W over the defaults, and of rules over the scenario's constants too, on tapes that decided nothing."""
    searched, groups = stored.of(CONSTANTS), []
    for row in stored.tuned:
        point = searched[chosen[row["tuned_on"]]]
        kind = row["family"]
        make = starting(kind, config)
        own = [] if kind == CONSTANTS else [stored.points[row["tuned_on"], kind]]
        groups.append((row["tuned_on"], kind, np.array([make(np.zeros(len(LEVERS))), make(point), *own])))
    for row, welfare in zip(stored.tuned, play_all(config, groups, "scoring", options.checks, how), strict=True):
        gain, more = student_t(welfare[-1] - welfare[0]), student_t(welfare[-1] - welfare[1])
        row |= {"gain": gain.mean, "standard_error": gain.error, "z": gain.z if np.isfinite(gain.z) else 0.0}
        row |= {"constants_of": chosen[row["tuned_on"]]}
        if row["family"] != CONSTANTS:
            row |= {"more": more.mean, "more_error": more.error}


def read_stored(options: Options, config: WorldConfig) -> Stored:
    """What the folder holds of other commands.

    Raises:
        BadInput: it was made with another budget.
    """
    out = options.out
    if out is None or not (out / MANIFEST).is_file():
        return Stored()
    about = read_manifest(out)
    made = about["facts"].get("budget", {})
    if made != options.budget:
        raise BadInput(f"{out}: was made with the budget {made}; give the same, or another folder")
    tables = load_tables(out, about["tables"])
    points = {(name, CONSTANTS): actions_of(tables["searched"][name]) for name in about["facts"]["scenarios"]}
    linear = tables.get("linear", {"tuned_on": np.zeros(0, str)})
    for name in dict.fromkeys(linear["tuned_on"].tolist()):
        own = linear["tuned_on"] == name
        points[name, LINEAR] = np.array([linear[f"weight_{at}"][own] for at in range(WEIGHTS)]).T.ravel()
    points |= {(name, NETWORK): point for name, point in read_policies(out, config).items()}
    rows = {name: [_plain(row) for row in records(tables[name])] for name in ("tuned", "searches", "curves")}
    return Stored(**rows, points=points)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}


def values_of(actions: Floats) -> Floats:
    """Values in the levers' units of actions of all levers, F64[levers]."""
    return np.array([LEVER_BY_NAME[name].value(place) for name, place in zip(LEVERS, actions, strict=True)], np.float64)


def actions_of(values: Floats) -> Floats:
    """Actions of values in the levers' units, F64[levers]."""
    return np.array([LEVER_BY_NAME[name].action(value) for name, value in zip(LEVERS, values, strict=True)], np.float64)


def write_policies(out: Path, config: WorldConfig, points: Mapping[str, Floats]) -> None:
    """Networks as policy files, a folder a scenario: `protogov evaluate` plays them."""
    for name, point in points.items():
        folder = out / POLICIES / name
        folder.mkdir(parents=True, exist_ok=True)
        for policy in Networks(config).policies(point):
            policy.save(folder)


def read_policies(out: Path, config: WorldConfig) -> dict[str, Floats]:
    """Scenario -> weights of all networks that the folder holds."""
    found, family = {}, None
    for folder in sorted((out / POLICIES).glob("*/")):
        family = family or Networks(config)
        found[folder.name] = family.point(
            [load_policy_file(folder / f"policy_{agent.name}.json") for agent in config.learners()]
        )
    return found


def linear_table(scenario: str, weights: Floats) -> Table:
    """A row a lever of a rule's weights."""
    own = weights.reshape(-1, WEIGHTS)
    return {"tuned_on": np.full(len(LEVERS), scenario), "lever": np.array(LEVERS)} | {
        f"weight_{at}": own[:, at] for at in range(WEIGHTS)
    }


def command_of(options: Options) -> str:
    """The command with what differs from its defaults, folders apart: a search outlives the command that wrote it."""
    parts = ["protogov tune"]
    for prefix, given, plain in (("", options, Options()), ("world.", options.world, WorldOptions())):
        for one in fields(given):
            value = getattr(given, one.name)
            if value == getattr(plain, one.name) or one.name in ("config", "out", "tuned", "jobs", "redraw", "world"):
                continue
            flag = f"{prefix}{one.name}".replace("_", "-")
            items = value if isinstance(value, tuple) else (value,)
            parts += [f"--no-{flag}" if value is False else f"--{flag}"]
            parts += [] if isinstance(value, bool) else [str(item) for item in items]
    return " ".join(parts)


def judge(found: Found) -> Judged:
    """What constants gain, what a rule gains beyond them, and how far two searches end from each other."""
    rows, searches = records(found.tables["tuned"]), found.tables["searches"]
    of = {kind: [row for row in rows if row["family"] == kind] for kind in FAMILIES}
    gains = [row["gain"] for row in of[CONSTANTS]]
    headline = f"Tuned constants gain {min(gains):.1f} to {max(gains):.1f} bp over the defaults on {len(gains)} markets"
    for kind, words in ((LINEAR, "a linear rule"), (NETWORK, "a network")):
        more = [f"{row['more']:+.1f} ± {row['more_error']:.1f} on {row['tuned_on']}" for row in of[kind]]
        headline += f"; {words} gains beyond them: {', '.join(more)}" if more else ""
    sentences = [f"{headline}."]
    for row in rows:
        own = searches["gain"][(searches["tuned_on"] == row["tuned_on"]) & (searches["family"] == row["family"])]
        sentences.append(
            f"{row['tuned_on']}, {row['family']}: {row['gain']:+.2f} +- {row['standard_error']:.2f} bp over the "
            f"defaults; {row['hours'] / 1e6:.1f}M market hours, the ends of {own.size} searches lie "
            f"{own.max() - own.min():.2f} bp apart"
        )
    return Judged(tuple(sentences))


def page(found: Found, judged: Judged) -> list[str]:
    """The searches, what they found, and the commands that made them."""
    budget = found.facts["budget"]
    searches = records(found.tables["searches"])
    efforts = [
        {"kind": kind, **asdict(effort), "distinct": effort.distinct, "sigma": f"{effort.sigma:g}"}
        for kind in FAMILIES
        if any(row["family"] == kind for row in searches)
        for effort in [effort_of(kind, budget["generations"], budget["population"], budget["tapes"])]
    ]
    ends: dict[tuple[str, str], list[float]] = {}
    for one in searches:
        ends.setdefault((one["tuned_on"], one["family"]), []).append(one["gain"])
    rows = [row | {"ends": ends[row["tuned_on"], row["family"]]} for row in records(found.tables["tuned"])]
    return page_beside(
        __file__,
        rows=rows,
        searches=budget["searches"],
        efforts=efforts,
        tapes={purpose: min(budget["checks"] or count, count) for purpose, (_, count) in TAPES.items()},
        constants=_constants(found.tables["constants"]),
        has_linear="linear" in found.tables,
    )


def _constants(table: Table) -> list[list[str]]:
    """A row a lever in the unit that people read, a column a scenario; their names first."""
    scenarios = [name for name in table if name != "lever"]
    rows = [["lever", "default", *scenarios]]
    for at, name in enumerate(LEVERS):
        lever = LEVER_BY_NAME[name]
        factor, unit = lever_scale(lever.unit)
        values = (lever.default, *(table[one][at] for one in scenarios))
        rows.append([f"{spaced(name)} [{unit}]", *(f"{factor * value:.3g}" for value in values)])
    return rows


STUDY = Study("tuning", "What constants and a linear rule can be tuned to", Options, measure, judge, draw, page)
