"""What constants and a linear rule can be tuned to, scenario by scenario, and how every search ended.

Searches add up in a folder: a scenario that its tables hold is not searched again. What was found for one regime may
well do in another, so that a scenario has its own search's constants ("searched"), or those of another one that are
clearly better there ("constants"). A search has converged when its restarts end of themselves; how near to each other
they end says how far to trust it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from protogov.agents.baselines.linear_feedback import features_read
from protogov.agents.tuning.evolution import Budget, Tuning, mean_score, tune
from protogov.agents.tuning.objective import WELFARE, Constants, Family, Linear, Tapes, open_tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.roles import LEVER_BY_NAME
from protogov.envs.world.features import FEATURES
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.commands.seats import check_all_held
from protogov.experiments.core.files import write_json
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import FIRST_SCORING, FIRST_SELECTION
from protogov.experiments.core.results import MANIFEST, load_tables, read_manifest
from protogov.experiments.core.statistics import Floats, Interval, student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, num_rows, records
from protogov.experiments.core.templates import page_beside
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import BLUE, VERMILLION, headline, lever_scale, new_figure, spaced
from protogov.experiments.outputs import OutputFile
from protogov.experiments.training.run_config import training_scenario

CLEARLY = 2.0  # standard errors by which another search's constants must be better to be taken
POOL = 4  # tapes on which the searches' results are compared, over those of a search
SCORING = 256  # tapes on which the gain over the defaults is measured
LINEAR = "linear rule"  # its name among the searches; tuned on the first scenario
LINEAR_SIGMA = 0.12  # first step of its search, which begins at tuned constants and must not leap away from them
LINEAR_TAPES = 4  # tapes over those of constants: four weights a lever fit what few tapes happen to hold
LINEAR_GENERATIONS = 120  # at most, of its one restart
SHARES = np.linspace(0.0, 1.0, 9)  # of the way from the constants to what its search found, one of which is taken
RESTARTS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-"},
    {"color": VERMILLION, "linestyle": (0, (4, 1.5))},
)
ENDS = {"budget": "s", "plateau": "o", "narrow": "D"}  # marker of why a restart ended
COLUMNS = 4  # of panels
OUT_OF_VIEW = 0.35  # a search's first leaps are not shown if they lie deeper than this share of what it gained
LEVERS = role_levers("joint")


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Tune all levers on welfare by evolution (CMA-ES): constants for each scenario, and a linear rule.

    Candidates of a generation play the same tapes; the winner is picked on other tapes, and its gain over the defaults
    is measured on a third set. Scenarios that --out holds already are not searched again.

    Example: protogov tune --scenarios mix jump --out results/tuning --tuned agents/baselines/tuned.json
    """

    scenarios: tuple[str, ...] = ("natural", "mix", "calm", "jump", "self-exciting", "regimes")
    """The first is that of the linear rule as well."""
    tuned: OutputFile | None = None
    """JSON file for constants and linear rule; the baselines read agents/baselines/tuned.json."""
    generations: int = 200
    """At most, of each restart of a search."""
    population: int = 16
    """Candidates a generation; twice as many in the second restart."""
    restarts: int = 2
    """Of a search of constants, 1 or 2: the first from the defaults, the second from the best known."""
    tapes: int = 64
    """Of the search; as many others select the winner."""
    linear: bool = True
    """Also tune the linear rule."""
    jobs: int = 2
    """Threads of the simulator."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world."""

    @property
    def budget(self) -> Budget:
        """Of each search."""
        return Budget(generations=self.generations, population=self.population, restarts=self.restarts)


@dataclass(frozen=True)
class Search:
    """One search.

    Attributes:
        scenario: whose tapes it plays.
        tapes: of the search; as many others select.
        budget: what it may spend.
        known: actions of constants that other searches found; those a linear rule begins at.
        linear: a linear rule instead of constants.
        threads: of the simulator.
    """

    scenario: str
    tapes: int
    budget: Budget
    known: tuple[tuple[float, ...], ...]
    linear: bool
    threads: int


@dataclass(frozen=True)
class Choice:
    """Which of several sets of constants, as actions, the first being a search's own, is best on one scenario."""

    scenario: str
    tapes: int
    sets: tuple[tuple[float, ...], ...]
    threads: int


def measure(options: Options, how: Running) -> Found:
    """Search what the folder lacks.

    Raises:
        BadInput: an option out of range, a scenario that is held out, or a folder made with another budget.
    """
    config = check(options)
    rows, searched, weights, ways = _stored(options)
    how = replace(how, jobs=1, show=False)  # a search shows its generations
    for name in (*options.scenarios, *([LINEAR] if options.linear else [])):
        if any(row["tuned_on"] == name for row in rows):
            continue
        own = name == LINEAR
        scenario = options.scenarios[0] if own else name
        known = tuple(actions_of(values) for values in ([searched[scenario]] if own else searched.values()))
        tapes = options.tapes * (LINEAR_TAPES if own else 1)
        job = Search(scenario, tapes, options.budget, known, own, options.jobs)
        (table,) = run_pieces(search, config, [Piece(f"search_{name}", job)], how)
        found = json.loads(str(table["found"][0]))
        row = {"tuned_on": name, **found["row"], "constants_of": name, "command": command_of(options)}
        for number in (1, 2):
            way = found["restarts"].get(str(number), {"population": 0, "stopped": "none", "gain": 0.0, "history": []})
            history = way.pop("history")
            row |= {f"{of}_{number}": value for of, value in {**way, "generations": len(history)}.items()}
            ways |= {f"{name} {number}": np.array(history)} if history else {}
        rows.append(row)
        if own:
            weights = np.array(found["levers"])
        else:
            searched[name] = np.array(found["levers"])
    constants = dict(searched)
    for name in searched:
        others = [name, *(one for one in searched if one != name)]
        choice = Choice(name, options.tapes, tuple(actions_of(searched[one]) for one in others), options.jobs)
        (table,) = run_pieces(choose, config, [Piece(f"choice_{name}", choice)], how)
        best = others[int(table["best"][0])]
        constants[name] = searched[best]
        row = next(row for row in rows if row["tuned_on"] == name)
        row |= {of: table[of][0] for of in ("gain", "standard_error", "z")} | {"constants_of": best}
    if options.tuned is not None:
        values = {at: dict(zip(LEVERS, one.tolist(), strict=True)) for at, one in constants.items()}
        write_json(options.tuned, {"constants": values, "linear": dict(zip(LEVERS, weights.tolist(), strict=False))})
    longest = max(way.size for way in ways.values())
    padded = {name: np.pad(way, (0, longest - way.size), constant_values=np.nan) for name, way in ways.items()}
    lever = {"lever": np.array(LEVERS)}
    tables = {
        "searches": columns(rows), "searched": lever | searched, "constants": lever | constants,
        "ways": {"generation": np.arange(1, longest + 1), **padded},
        **({"linear": lever | {f"weight_{at}": one for at, one in enumerate(weights.T)}} if weights.size else {}),
    }  # fmt: skip
    return Found(tables, {"budget": asdict(options.budget), "scenarios": list(searched), "config": config.to_dict()})


def check(options: Options) -> WorldConfig:
    """The world; refuses what cannot be searched."""
    check_sizes(1, generations=options.generations, jobs=options.jobs, scenarios=len(options.scenarios))
    check_sizes(2, tapes=options.tapes)
    check_sizes(4, population=options.population)
    check_sizes(1, 2, restarts=options.restarts)
    for scenario in options.scenarios:
        training_scenario(scenario)  # what is tuned is held to the same line as what learns
    config = options.world.make()
    check_all_held(config, "tune")
    hidden = [name for name in features_read(LEVERS) if not config.shows(FEATURES[name])]
    if options.linear and hidden:
        raise BadInput(
            f"the linear rule reads {', '.join(hidden)}, which governors do not see where observe is "
            f"{', '.join(config.observe)}; add --no-linear, or the group feeds"
        )
    return config


def _stored(options: Options) -> tuple[list[dict[str, Any]], dict[str, Floats], Floats, dict[str, Floats]]:
    """What the folder holds of other commands: searches, constants by scenario, weights of the rule, ways.

    Raises:
        BadInput: it was made with another budget. Only the number of restarts may differ: every search tells it.
    """
    out, nothing = options.out, np.zeros((0, 0))
    if out is None or not (out / MANIFEST).is_file():
        return [], {}, nothing, {}
    about = read_manifest(out)
    made = about["facts"].get("budget", {})
    if made | {"restarts": options.restarts} != asdict(options.budget):
        raise BadInput(f"{out}: was made with the budget {made}; give the same, or another folder")
    tables = load_tables(out, about["tables"])
    searches, linear = tables["searches"], tables.get("linear")
    rows = [{name: column[row].item() for name, column in searches.items()} for row in range(num_rows(searches))]
    weights = nothing if linear is None else np.array([linear[name] for name in linear if name != "lever"]).T
    ways = {name: way[np.isfinite(way)] for name, way in tables["ways"].items() if name != "generation"}
    return rows, values_of(tables["searched"]), weights, ways


def values_of(table: Table) -> dict[str, Floats]:
    """Scenario -> values in the levers' units, F64[levers]."""
    return {name: column for name, column in table.items() if name != "lever"}


def actions_of(values: Floats) -> tuple[float, ...]:
    """Actions of constants, in the order of the levers."""
    return tuple(float(LEVER_BY_NAME[name].action(value)) for name, value in zip(LEVERS, values, strict=True))


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


def search(config: WorldConfig, job: Search) -> Table:
    """Tune all levers on welfare; one row with JSON: what was found and the way there."""
    tapes, selection = (
        open_tapes(config, [job.scenario], FIRST_SELECTION + first, job.tapes, job.threads) for first in (0, job.tapes)
    )
    name = LINEAR if job.linear else job.scenario
    with tqdm(desc=f"tune {name}", unit="generation", dynamic_ncols=True, disable=None) as bar:

        def on_generation(tuning: Tuning) -> None:
            bar.set_postfix_str(f"W {tuning.restarts[-1].history[-1]:.2f} bp", refresh=False)
            bar.update()

        family: Family
        if job.linear:
            family = Linear(LEVERS)
            found = tune_linear(family, job.known[0], tapes, selection, job.budget, on_generation)
            result: dict[str, Any] = {"levers": found.point.reshape(len(LEVERS), -1).tolist()}
        else:
            family = Constants(LEVERS)
            known = [np.array(one) for one in job.known]
            found = tune(family, tapes, selection, job.budget, known=known, on_generation=on_generation)
            result = {"levers": list(family.values(found.point).values())}
    result["row"] = gain_of(config, job.scenario, family, found.point, job.threads) | {
        "episodes": found.episodes, "tapes": job.tapes, "converged": int(found.converged),
    }  # fmt: skip
    result["restarts"] = {
        number: asdict(one) | {"history": [round(mean, 2) for mean in one.history], "gain": round(one.gain, 2)}
        for number, one in enumerate(found.restarts, start=1)
    }
    return {"found": np.array([json.dumps(result)])}


def tune_linear(
    family: Linear, constants: Sequence[float], tapes: Sequence[Tapes], selection: Sequence[Tapes], budget: Budget,
    on_generation: Callable[[Tuning], None],
) -> Tuning:  # fmt: skip
    """Search weights from constants on, then go as far toward what was found as other tapes support.

    A search over so many weights goes too far for the tapes it sees; where nothing of its way holds on others, the
    constants remain.
    """
    start = np.zeros((len(family.levers), family.size // len(family.levers)))
    start[:, 0] = constants
    own = replace(
        budget, sigma=min(LINEAR_SIGMA, budget.sigma), restarts=1,
        generations=min(LINEAR_GENERATIONS, budget.generations),
    )  # fmt: skip
    found = tune(family, tapes, tapes, own, start=start.ravel(), on_generation=on_generation)
    ways = start.ravel() + SHARES[:, None] * (found.point - start.ravel())
    scores = mean_score(selection, family, ways)
    found.episodes += len(ways) * sum(len(one.seeds) for one in selection)
    found.point = ways[int(np.argmax(scores))]
    found.gain = found.restarts[0].gain = float(scores.max() - scores[0])
    return found


def choose(config: WorldConfig, job: Choice) -> Table:
    """One row: "best", the number of the set that is clearly best on fresh tapes, or 0, and its gain over defaults."""
    family, sets = Constants(LEVERS), np.array(job.sets)
    (selection,) = open_tapes(config, [job.scenario], FIRST_SELECTION + 2**20, POOL * job.tapes, job.threads)
    played = selection.play(family, sets).totals[WELFARE]
    best = int(played.mean(axis=1).argmax())
    if student_t(played[best] - played[0]).z < CLEARLY:
        best = 0
    return columns([{"best": best, **gain_of(config, job.scenario, family, sets[best], job.threads)}])


def gain_of(config: WorldConfig, scenario: str, family: Family, point: Floats, threads: int) -> dict[str, float]:
    """W over the defaults on tapes that neither search nor selection saw."""
    (scoring,) = open_tapes(config, [scenario], FIRST_SCORING, SCORING, threads)
    # the defaults are the zeros of every family
    welfare = scoring.play(family, np.array([np.zeros(family.size), point])).totals[WELFARE]
    gain: Interval = student_t(welfare[1] - welfare[0])
    return {"gain": gain.mean, "standard_error": gain.error, "z": gain.z if np.isfinite(gain.z) else 0.0}


def judge(found: Found) -> Judged:
    """How many searches have converged, and what each gained."""
    rows = found.tables["searches"]
    sentences = [f"{rows['converged'].sum()} of {num_rows(rows)} searches ended because there was no more to gain."]
    for row, name in enumerate(rows["tuned_on"]):
        ways = [f"{rows[f'generations_{one}'][row]} generations ({rows[f'stopped_{one}'][row]})"
                for one in (1, 2) if rows[f"generations_{one}"][row]]  # fmt: skip
        sentences.append(
            f"{name}: {rows['gain'][row]:+.2f} +- {rows['standard_error'][row]:.2f} bp over the defaults; "
            f"{rows['episodes'][row]} episodes, {' and '.join(ways)}"
        )
    return Judged(tuple(sentences))


def draw(found: Found) -> Mapping[str, Figure]:
    """A panel a search: mean W of each generation on the tapes of the search, a line a restart."""
    rows, ways = found.tables["searches"], found.tables["ways"]
    count = num_rows(rows)
    lines = -(-count // COLUMNS)
    figure = new_figure(9.2, 1.0 + 1.85 * lines)
    panels = figure.subplots(lines, min(COLUMNS, count), squeeze=False)
    for axes in panels.flat[count:]:
        axes.remove()
    for row, (axes, name) in enumerate(zip(panels.flat, rows["tuned_on"], strict=False)):
        highest, lowest = -np.inf, np.inf
        for number, line in enumerate(RESTARTS, start=1):
            generations = int(rows[f"generations_{number}"][row])
            if not generations:
                continue
            history = ways[f"{name} {number}"][:generations]
            axes.plot(np.arange(1, generations + 1), history, **line)
            end = ENDS[rows[f"stopped_{number}"][row]]
            axes.plot(generations, history[-1], end, color=line["color"], markersize=4.5)
            highest, lowest = max(highest, history.max()), min(lowest, float(np.quantile(history, 0.1)))
        room = max(highest - lowest, 1.0)
        axes.set_ylim(lowest - OUT_OF_VIEW * room, highest + 0.12 * room)
        gain = f"{rows['gain'][row]:+.1f} ± {rows['standard_error'][row]:.1f} bp"
        axes.set_title(f"{name}\n{gain}", fontsize=8.5)
    for axes in panels[:, 0]:
        axes.set_ylabel("mean W [bp of K0]")
    for axes in panels.flat[max(count - COLUMNS, 0) : count]:
        axes.set_xlabel("generation")
    first = panels.flat[0]
    handles = [first.plot([], [], **line)[0] for line in RESTARTS]
    handles += [first.plot([], [], kind, color="black", markersize=4.5)[0] for kind in ENDS.values()]
    labels = ["from the defaults", "from the best known, twice the population"]
    labels += ["ended by its budget", "ended: no more gain", "ended: step too small"]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    sentences = judge(found).sentences[0].rstrip(".")
    headline(figure, f"{sentences}; in the titles the gain over the defaults on fresh tapes")
    return {"searches": figure}


def page(found: Found, judged: Judged) -> list[str]:
    """The searches, what they found, and the commands that made them."""
    return page_beside(
        __file__,
        searches=records(found.tables["searches"]),
        budget=found.facts["budget"],
        scoring=SCORING,
        generations=LINEAR_GENERATIONS,
        sigma=LINEAR_SIGMA,
        constants=_constants(values_of(found.tables["constants"])),
    )


def _constants(constants: Mapping[str, Floats]) -> list[list[str]]:
    """A row a lever in the unit that people read, a column a scenario; their names first."""
    rows = [["lever", "default", *constants]]
    for at, name in enumerate(LEVERS):
        lever = LEVER_BY_NAME[name]
        factor, unit = lever_scale(lever.unit)
        values = (lever.default, *(one[at] for one in constants.values()))
        rows.append([f"{spaced(name)} [{unit}]", *(f"{factor * value:.3g}" for value in values)])
    return rows


STUDY = Study("tuning", "What constants and a linear rule can be tuned to", Options, measure, judge, draw, page)
