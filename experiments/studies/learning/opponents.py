"""Opponents: constants and a linear rule tuned for welfare, and constants that each role tuned for its own mandate.

`studies.tuning` tunes for welfare, on every market on which a learner trains or which a ceiling in hindsight knows.
Selfish constants are the result of rounds: in each, one role after the other searches its best constants for its own
mandate while the others keep theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from protogov.agents.baselines import CHEATERS, rule_names
from protogov.agents.baselines.controller_file import ControllerFile
from protogov.agents.baselines.linear_feedback import WEIGHTS
from protogov.agents.tuning.evolution import evolve
from protogov.agents.tuning.objective import Constants, open_tapes
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios.natural import SHARES as QUIET
from protogov.envs.scenarios.natural import TRAINING_CRISES
from protogov.envs.world.lever_table import LEVER_BY_NAME, LEVER_INDEX, NUM_LEVERS
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.files import write_text
from protogov.experiments.core.fresh_tapes import Effort, search_tapes
from protogov.experiments.core.governors import NO_SEED, STATIC, GovernorSet, baseline
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, concatenate, num_rows, records, rounded, select
from protogov.experiments.core.versions import now, versions
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.playing import MARKETS
from protogov.experiments.studies.learning.preregistration import (
    CONSTANTS,
    LINEAR_RULE,
    NATURAL,
    PLAN,
    SELFISH_CONSTANTS,
    STRESS,
)
from protogov.experiments.studies.learning.runs import Start, linear_policies
from protogov.experiments.studies.tuning.searches import LEVERS, LINEAR, linear_start
from protogov.experiments.studies.tuning.study import Options as TuneOptions
from protogov.experiments.studies.tuning.study import actions_of
from protogov.experiments.studies.tuning.study import measure as tune
from protogov.experiments.training.learned import policy_files

CRISES = tuple(crisis.name for crisis in TRAINING_CRISES)
PARTS = (*QUIET, *CRISES)  # markets that natural and the mix are made of
TABLES = ("constants", "linear", "tuned", "selfish", "curves", "origins")
UNKNOWN = "unknown"  # whose constants a market has; before that was kept
MARKET_COLUMN = {"tuned": "tuned_on"}  # of a table whose rows have another than `market`
POPULATION, TAPES = 12, 32  # candidates and fresh tapes of a generation, as registered
ROUND_SHARE = 4  # a role's search in a round has a quarter of the generations
OWN_SEARCH = 60  # number of the first search of selfish constants; no other search has the same tapes


@dataclass(frozen=True)
class Rounds:
    """Best responses in turn.

    Attributes:
        scenario: whose tapes are played.
        number: of the search, which chooses its tapes.
        rounds: in each, every role searches once.
        generations, population, tapes: of one role's search.
    """

    scenario: str
    number: int
    rounds: int
    generations: int
    population: int
    tapes: int


def has_rule(market: str) -> bool:
    """Whether a linear rule is tuned on a market; without one crisis only constants are."""
    return market in MARKETS


def crisis_market(crisis: str) -> str:
    """The stress mix without a crisis."""
    return f"{STRESS}-without-{crisis}"


def measure(options: Options, how: Running, before: Mapping[str, Table] | None = None) -> Found:
    """Tune every opponent on every size, except what was tuned before.

    All markets of a size are searched together, because one may get the constants of another. A market without a crisis
    is searched by itself: constants of another market may know the crisis.

    Args:
        options: of the study.
        how: processes, and where finished pieces are kept.
        before: tables of this stage from the same world and with the same sizes; see `with_origins`.
    """
    before, parts = before or {}, []
    for size in options.size:
        markets, without = [*MARKETS], list[str]()
        if size == options.last_size:  # whose constants in hindsight, and without a crisis, later stages play
            markets += PARTS
            without += map(crisis_market, CRISES)
        tuning = TuneOptions(scenarios=(*markets, *without), families=("constants",), generations=options.generations,
                             population=POPULATION, tapes=TAPES, checks=options.tapes,
                             world=WorldOptions(size=size))  # fmt: skip
        parts.append(_tuned_before(before, size, markets) or _together(size, markets, tuning, how))
        for name in without:
            alone = replace(tuning, scenarios=(name,))
            parts.append(_tuned_before(before, size, [name]) or _of_tuning(size, tune(alone, how).tables, [name]))
    tables = {name: concatenate(part.get(name, {}) for part in parts) for name in TABLES}
    sizes = np.array([options.size.index(size) for size in tables["tuned"]["size"].tolist()])
    order = np.lexsort((tables["tuned"]["family"] == LINEAR, sizes))
    tables["tuned"] = {name: values[order] for name, values in tables["tuned"].items()}
    return Found({name: table for name, table in tables.items() if num_rows(table)})


def with_origins(tables: Mapping[str, Table], made: str, commit: str) -> dict[str, Table]:
    """Tables of this stage; those written before origins were kept get them; whose constants these are is unknown."""
    if "origins" in tables:
        return dict(tables)
    named = dict.fromkeys(
        zip(tables["constants"]["size"].tolist(), tables["constants"]["market"].tolist(), strict=True)
    )
    rows = [{"size": size, "market": market, "constants_of": UNKNOWN, "made": made, "commit": commit}
            for size, market in named]  # fmt: skip
    return {**tables, "origins": columns(rows)}


def _tuned_before(before: Mapping[str, Table], size: str, markets: Sequence[str]) -> dict[str, Table]:
    """Rows of markets of a size; none unless all were tuned, and those without a crisis have constants of their own."""
    found = {
        name: select(table, (table["size"] == size) & np.isin(table[MARKET_COLUMN.get(name, "market")], markets))
        for name, table in before.items()
    }
    own = {row["market"]: row["constants_of"] for row in records(found.get("origins", {}))}
    alone = set(map(crisis_market, CRISES))
    return found if all(name in own and (name not in alone or own[name] == name) for name in markets) else {}


def _together(size: str, markets: Sequence[str], tuning: TuneOptions, how: Running) -> dict[str, Table]:
    """All tables of the markets of a size that are searched together."""
    found = _of_tuning(size, tune(tuning, how).tables, markets)
    # its searches of constants are those above, so that nothing is searched twice
    rules = tune(replace(tuning, scenarios=MARKETS, families=("constants", "linear")), how).tables
    linear = _of_tuning(size, rules, MARKETS, LINEAR)
    found |= {name: concatenate([found[name], linear[name]]) for name in ("tuned", "curves")}
    found["linear"] = _sized(size, _renamed(rules["linear"]))
    found["selfish"] = _sized(size, selfish_constants(tuning.world.make(), tuning.generations, how))
    return found


def _of_tuning(
    size: str, tables: Mapping[str, Table], markets: Sequence[str], family: str = "constants"
) -> dict[str, Table]:  # fmt: skip
    """Constants, gains, curves and origins of some of the markets that were tuned, of one family."""
    own = {
        name: select(table, (table["family"] == family) & np.isin(table["tuned_on"], markets))
        for name, table in tables.items() if name in ("tuned", "curves")
    }  # fmt: skip
    values = [
        {"market": np.full(len(LEVERS), name), "lever": tables["constants"]["lever"],
         "value": tables["constants"][name]} for name in markets
    ]  # fmt: skip
    about, count = own["tuned"], num_rows(own["tuned"])
    origins = {"market": about["tuned_on"], "constants_of": about["constants_of"], "made": np.full(count, now()),
               "commit": np.full(count, versions()["commit"])}  # fmt: skip
    gains = {name: about[name] for name in ("tuned_on", "family", "gain", "standard_error", "hours")}
    found = {"constants": concatenate(values), "tuned": gains, "curves": rounded(_renamed(own["curves"])),
             "origins": origins}  # fmt: skip
    return {name: _sized(size, table) for name, table in found.items()}


def _renamed(table: Table) -> Table:
    return {"market" if name == "tuned_on" else name: values for name, values in table.items()}


def _sized(size: str, table: Table) -> Table:
    return {"size": np.full(num_rows(table), size), **table}


def selfish_constants(config: WorldConfig, generations: int, how: Running) -> Table:
    """One row per market and lever: its value, and how far it moved in the last round [actions]."""
    each = max(generations // ROUND_SHARE, 1)
    jobs = [Rounds(name, OWN_SEARCH + at, PLAN.rounds, each, POPULATION, TAPES) for at, name in enumerate(MARKETS)]
    pieces = [Piece(f"selfish_{config.size}_{job.scenario}", job) for job in jobs]
    return concatenate(
        {"market": np.full(NUM_LEVERS, job.scenario), **table}
        for job, table in zip(jobs, run_pieces(rounds_piece, config, pieces, how, "selfish constants"), strict=True)
    )


def rounds_piece(config: WorldConfig, job: Rounds) -> Table:
    """Rounds of best responses: each role's constants for its own mandate, while the others keep theirs."""
    searches = job.rounds * len(config.roles)
    whole = Effort(searches * job.generations, job.population, job.tapes)
    tapes = iter(search_tapes(job.number, whole)[:: job.tapes])
    budget = replace(whole, generations=job.generations).budget
    held, before = np.zeros(NUM_LEVERS), np.zeros(NUM_LEVERS)
    for turn in range(job.rounds):
        before = held.copy()
        for at, role in enumerate(config.roles.values()):
            family, own = Constants(role.levers), [LEVER_INDEX[name] for name in role.levers]
            others = held.copy()

            def score(
                generation: int, points: Floats, family: Constants = family, name: str = role.name,
                others: Floats = others,
            ) -> Floats:  # fmt: skip
                (opened,) = open_tapes(config, [job.scenario], next(tapes), job.tapes)
                return np.asarray(opened.play(family, points, others).totals[name].mean(axis=1))

            seed = job.number + turn * len(config.roles) + at
            held[own] = evolve(held[own], budget, score, seed=seed).average
    rows = [(name, LEVER_BY_NAME[name].value(held[LEVER_INDEX[name]])) for name in LEVERS]
    moved = np.abs(held - before)[[LEVER_INDEX[name] for name in LEVERS]]
    return {"lever": np.array(LEVERS), "value": np.array([float(value) for _, value in rows]), "moved": moved}


@dataclass(frozen=True)
class Opponents:
    """Results of the stage, as sets of governors to play against and as starts of a training."""

    tables: Mapping[str, Table]

    def _rows(self, table: str, size: str, market: str) -> Table:
        own = self.tables[table]
        found = select(own, (own["size"] == size) & (own["market"] == market))
        if not found["lever"].size:
            raise BadInput(f"opponents holds nothing of {market} on size {size}; run --stage opponents again")
        return found

    def values(self, size: str, market: str, table: str = "constants") -> dict[str, float]:
        """Constants of a market: lever -> value in its unit."""
        return {row["lever"]: row["value"] for row in records(self._rows(table, size, market))}

    def start(self, size: str, market: str) -> Start:
        """Where learning may start; a market without a linear rule (`has_rule`) starts at its constants."""
        constants = actions_of(np.array([self.values(size, market)[name] for name in LEVERS]))
        if has_rule(market):
            rows = {row["lever"]: [row[f"weight_{at}"] for at in range(WEIGHTS)]
                    for row in records(self._rows("linear", size, market))}  # fmt: skip
            return Start(constants, np.array([rows[name] for name in LEVERS]))
        return Start(constants, linear_start(constants).reshape(-1, WEIGHTS))

    def named(self, size: str, market: str, label: str, table: str = "constants") -> GovernorSet:
        """Constants as a set of governors."""
        return GovernorSet(label, NO_SEED, {}, self.values(size, market, table))

    def sets(self, size: str, market: str, out: Path) -> list[GovernorSet]:
        """All opponents of a learner of this market; the linear rule and tuned controllers are written to `out`."""
        config = WorldOptions(size=size).make()
        place = out / "rules" / f"{size}_{market}"
        place.mkdir(parents=True, exist_ok=True)
        for policy in linear_policies(config, self.start(size, market).linear):
            policy.save(place)
        return [
            baseline(STATIC, config), self.named(size, market, tuned_on(CONSTANTS, market)),
            GovernorSet(tuned_on(LINEAR_RULE, market), NO_SEED, policy_files(place)),
            self.named(size, market, tuned_on(SELFISH_CONSTANTS, market), "selfish"), *controllers(config, market),
            *self.tuned_controllers(size, market, place),
        ]  # fmt: skip

    def tuned_controllers(self, size: str, market: str, place: Path) -> list[GovernorSet]:
        """Controllers with the gains tuned on a market, written to `place`; none before their stage was measured."""
        found = []
        gains = self.tables.get("gains", {})
        rows = [row for row in records(gains) if (row["size"], row["market"]) == (size, market)] if gains else []
        agents = [agent.name for agent in WorldOptions(size=size).make().learners()]
        for name in dict.fromkeys(row["controllers"] for row in rows):
            own: dict[str, dict[str, float]] = {}
            for row in rows:
                if row["controllers"] == name:
                    own.setdefault(row["controller"], {})[row["gain"]] = float(row["tuned"])
            around = {lever: float(value) for lever, value in self.values(size, market).items()}
            # a "+" in the path would join names of governors
            path = place / f"controllers_{name.replace('+', '-')}.json"
            write_text(path, ControllerFile(name, own, around).text())
            found.append(
                GovernorSet(tuned_on(f"tuned gains of {name}", market), NO_SEED, dict.fromkeys(agents, str(path)))
            )
        return found


def controllers(config: WorldConfig, market: str) -> list[GovernorSet]:
    """Every controller that fits the world, alone and on the committed tuned constants of the market."""
    tuned = "tuned" if market == NATURAL else f"tuned-{market}"
    names = [
        name for name in rule_names()
        if name not in (*CHEATERS, "constant", "random") and not name.startswith(("tuned", "linear_feedback"))
    ]  # fmt: skip
    found = []
    for name in names:
        for one in (name, f"{tuned}+{name}"):
            try:
                baseline(name, config)
                found.append(baseline(one, config))
            except BadInput:  # no role of this world has its levers
                continue
    return found


def tuned_on(opponent: str, market: str) -> str:
    """Name of an opponent that was tuned on a market."""
    return f"{opponent} on {market}"
