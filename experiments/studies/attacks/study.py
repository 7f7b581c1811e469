"""`protogov study attacks`: the least capital with which somebody earns a stated profit, and what the victims lose."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.experiments.core.fresh_tapes import Effort, search_tapes
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import Floats, interval_columns, interval_in, student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, records
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import number
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.studies.attacks.drawing import draw_attacks
from protogov.experiments.studies.attacks.plans import ENTRIES, SIZE, STARTS, Attack, decode
from protogov.experiments.studies.attacks.search import Hunt, Trial, fields_of, hunt, pool_cash, starts_of, trial
from protogov.experiments.studies.audit.suites import find_suite
from protogov.experiments.studies.emergence.subjects import Subject, typed_subject
from protogov.experiments.studies.rivalry.cells import PARTIES, WELFARE

# protocol -> what differs from the defaults
PROTOCOLS: dict[str, dict[str, float]] = {
    "market feed": {},
    "thin pool": {"oracle_pool_average": 1.0, "depth_scale": 0.1},
    "control": {"oracle_pool_weight": 0.0, "oracle_deviation": 0.0, "oracle_delay": 0.0, "depth_scale": 1e9},
}
CONTROL = "control"
REACHED, NOT_REACHED = "found", "none found"


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Search the cheapest attack on a protocol, governor by governor.

    A CMA-ES attacker with a budget chooses channels (push of the spot pool up or down, drain of the pool, griefing,
    push of the vol surface), when, how strong, how long, and how its money is divided. If the best plan found earns
    --profit on tapes that no search saw (the lower end of its interval), the budget is lowered, until it no longer
    does. Three protocols: the default market feed; an oracle that reads a thin spot pool; and the control, a feed
    without lag over a pool without limit, where nothing may be found. What is not found is not proven to be absent.

    Example: protogov study attacks --governors static tuned --jobs 2 --out results/attacks
    """

    governors: tuple[str, ...] = ("static", "tuned", "pi+steward_var+inventory_quotes", "zoo/headline")
    """Who governs: baselines, organisms, paths of policies, FILE.py:NAME; joined by + for several roles, role=NAME for
    one role."""
    market: str = "flat"
    """Source of tapes: flat, calm, stress, or any scenario that may be trained on. Where the price moves, profit also
    holds the luck of the coin that an attacker owns meanwhile."""
    profit: float = 1e5
    """What the attack has to earn [USD]."""
    budget: float = 1e8
    """Most capital [USD]."""
    least: float = 1e6
    """Capital below which nobody looks [USD]."""
    steps: int = 4
    """Smaller budgets that are tried where the first one suffices."""
    generations: int = 15
    """Generations of a search."""
    population: int = 12
    """Plans in a generation, at least 4."""
    search_tapes: int = 12
    """New tapes in every generation: profits of one plan differ by millions of USD from tape to tape, and a search that
    sees few of them follows luck."""
    pick_tapes: int = 16
    """Tapes on which the offers of a search are compared."""
    tapes: int = 64
    """Tapes on which the chosen plan is paid, which no search saw."""
    episode_hours: int = 192
    """Length of an episode."""


@dataclass
class Case:
    """A protocol and its governors, while budgets are tried.

    Attributes:
        protocol, name: of the protocol and of the governors.
        config: the world.
        who: the governors.
        budget: the next one to try [USD]; 0 ends it.
        low, high: largest budget that was too small, smallest capital that sufficed [USD].
        warm: the vector of the last plan that sufficed.
    """

    protocol: str
    name: str
    config: WorldConfig
    who: Subject
    budget: float
    low: float
    high: float = np.inf
    warm: Floats | None = None


def measure(options: Options, how: Running) -> Found:
    """Search with the whole budget, then with smaller ones where it sufficed.

    Raises:
        BadInput: a size or an amount is out of range, or a governor is unknown.
    """
    _check(options)
    plain = WorldConfig(episode_hours=options.episode_hours)
    cases = []
    for protocol, changes in PROTOCOLS.items():
        config = plain.with_parameters(**changes)
        for name in options.governors:
            who = typed_subject(name.split("+"), config)
            cases.append(Case(protocol, name, config, who, options.budget, options.least))
    tried: list[dict[str, Any]] = []
    for step in range(options.steps + 1):
        open_cases = [case for case in cases if case.budget]
        if open_cases:
            tried += _try_budgets(open_cases, options, step, how)
    tried += _borrowed(cases, tried, options, how)
    best = [_best([row for row in tried if (row["protocol"], row["governors"]) == (case.protocol, case.name)])
            for case in cases]  # fmt: skip
    facts = {
        "market": options.market, "profit": options.profit, "budget": options.budget, "tapes": options.tapes,
        "pick_tapes": options.pick_tapes, "episode_hours": options.episode_hours, "least": options.least,
        "episodes": options.generations * options.population * options.search_tapes, "starts": list(STARTS),
    }  # fmt: skip
    return Found({"attacks": columns(best), "budgets": columns([_short(row) for row in tried])}, facts)


def _check(options: Options) -> None:
    check_sizes(1, generations=options.generations, episode_hours=options.episode_hours - 119)
    check_sizes(4, population=options.population)
    check_sizes(2, search_tapes=options.search_tapes, pick_tapes=options.pick_tapes, tapes=options.tapes)
    check_sizes(0, 20, steps=options.steps)
    if not options.governors:
        raise BadInput("governors is empty; at least one name is accepted")
    if not 0.0 < options.least < options.budget < 1e12:
        raise BadInput(
            f"least is {options.least:g} and budget {options.budget:g}; 0 < least < budget < 1e12 USD is accepted"
        )
    if not options.profit > 0.0:
        raise BadInput(f"profit is {options.profit:g}; an amount above 0 is accepted")
    find_suite(options.market)  # never one kept for evaluation
    with as_bad_input():
        effort = Effort(options.generations, options.population, options.search_tapes)
        search_tapes(len(STARTS) + options.steps, effort)


def _try_budgets(cases: Sequence[Case], options: Options, step: int, how: Running) -> Iterator[dict[str, Any]]:
    """Search with every case's budget and pay the best plan; sets the next budget. One row a case."""
    hunts = []
    for case in cases:
        for at, (start, warm) in enumerate(starts_of(case.warm).items()):
            tapes_of = at + (step and len(STARTS) + step - 1)  # no search sees the tapes of another
            job = Hunt(
                options.market, case.who, case.budget, start, options.generations, options.population,
                options.search_tapes, options.pick_tapes, tapes_of, warm,
            )  # fmt: skip
            hunts.append((case, Piece(f"hunt_{case.protocol}_{case.name}", job, case.config)))
    found = run_pieces(hunt, cases[0].config, [piece for _, piece in hunts], how, f"searches, budget {step + 1}")
    chosen = []
    for case in cases:
        own = [table for (other, _), table in zip(hunts, found, strict=True) if other is case]
        best = max(own, key=lambda table: float(table["picked"][0]))
        point = np.array([best[f"x{at}"][0] for at in range(SIZE)])
        cash = pool_cash(case.config, options.market)
        chosen.append((case, point, decode(point, case.budget, options.episode_hours, cash), best))
    pieces = [
        Piece(f"trial_{case.protocol}_{case.name}", Trial(options.market, case.who, fields_of(plan), options.tapes),
              case.config)
        for case, _, plan, _ in chosen
    ]  # fmt: skip
    paid = run_pieces(trial, cases[0].config, pieces, how, f"plans paid, budget {step + 1}")
    for (case, point, plan, best), table in zip(chosen, paid, strict=True):
        yield _settle(case, point, plan, float(best["picked"][0]), table, options)


def _settle(case: Case, point: Floats, plan: Attack, picked: float, table: Table, options: Options) -> dict[str, Any]:
    """The row of a budget; the case gets its next one."""
    profit = student_t(table["profit"])
    reached = profit.low >= options.profit
    budget = case.budget
    if reached:
        case.high, case.warm = min(plan.capital, case.high), point.copy()
        case.warm[ENTRIES.index("used")] = 1.0  # the next search starts with all of its smaller budget
    else:
        case.low = max(case.low, budget)
    case.budget = float(np.sqrt(case.low * case.high)) if case.high < np.inf and case.low < case.high else 0.0
    return _row(case, budget, plan, picked, table, reached)


def _borrowed(
    cases: Sequence[Case], tried: Sequence[dict[str, Any]], options: Options, how: Running
) -> Iterator[dict[str, Any]]:
    """Plans that work against other governors of a protocol, where they cost less than what was found, if anything."""
    asked = [
        (case, _plan_of(row))
        for case in cases for row in tried
        if row["protocol"] == case.protocol and row["governors"] != case.name and row["reached"]
        and row["capital"] < case.high
    ]  # fmt: skip
    pieces = [
        Piece(f"trial_{case.protocol}_{case.name}", Trial(options.market, case.who, fields_of(plan), options.tapes),
              case.config)
        for case, plan in asked
    ]  # fmt: skip
    tables = run_pieces(trial, cases[0].config, pieces, how, "plans tried on others")
    for (case, plan), table in zip(asked, tables, strict=True):
        reached = student_t(table["profit"]).low >= options.profit
        yield _row(case, plan.capital, plan, float("nan"), table, reached)


def _plan_of(row: Mapping[str, Any]) -> Attack:
    return Attack(**{name: row[name] for name in Attack.__dataclass_fields__})


def _row(case: Case, budget: float, plan: Attack, picked: float, table: Table, reached: bool) -> dict[str, Any]:
    return {
        "protocol": case.protocol, "governors": case.name, "budget": budget, "capital": plan.capital,
        "reached": int(reached), "channels": plan.channels, "picked": picked,
        **interval_columns("profit", student_t(table["profit"])),
        **dict(fields_of(plan)),
        **{end: value for name in (WELFARE, *PARTIES)
           for end, value in interval_columns(name, student_t(table[name])).items()},
    }  # fmt: skip


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("protocol", "governors", "budget", "capital", "reached", "channels", "picked")
    return {name: row[name] for name in (*kept, "profit", "profit_low", "profit_high")}


def _best(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The cheapest plan that earned enough; without one, the plan that earned most."""
    reached = [row for row in rows if row["reached"]]
    if reached:
        return min(reached, key=lambda row: float(row["capital"]))
    return max(rows, key=lambda row: float(row["profit"]))


# ---------------------------------------------------------------------- words


def judge(found: Found) -> Judged:
    """The least capital of every protocol and governor; the control may have none."""
    facts, said, failed = found.facts, [], []
    for row in sorted(records(found.tables["attacks"]), key=lambda row: -int(row["reached"])):
        name = f"{row['protocol']}, {row['governors']}"
        if row["protocol"] == CONTROL:
            if row["profit_low"] > 0.0:
                failed.append(f"{name}: the control must not be attacked with profit, and {_plan(row)}")
            continue
        if row["reached"]:
            falls = f"W falls by {_money(-row[WELFARE])}" if row[f"{WELFARE}_high"] < 0.0 else "W does not clearly fall"
            said.append(f"{name}: {_plan(row)}, and {falls}")
        else:
            most = "no plan that earns anything" if row["profit"] <= 0.0 else f"at most {_money(row['profit'])}"
            said.append(
                f"{name}: none found that earns {_money(facts['profit'])} with up to {_money(facts['budget'])}, which "
                f"does not show that there is none ({most})"
            )
    control = "the control was attacked with profit" if failed else "in the control nothing that pays was found"
    return Judged((f"{said[0]}", *said[1:], control), tuple(failed))


def _plan(row: Mapping[str, Any]) -> str:
    return (
        f"{_money(row['capital'])} earn {number(row['profit'] / 1e6)} [{number(row['profit_low'] / 1e6)}, "
        f"{number(row['profit_high'] / 1e6)}] million by {row['channels']}"
    )


def _money(value: float) -> str:
    return f"{number(value / 1e6)} million USD"


def draw(found: Found) -> Mapping[str, Figure]:
    """Profit over capital, and who loses."""
    return {"attacks": draw_attacks(found, judge(found).sentences[0])}


def page(found: Found, judged: Judged) -> list[str]:
    """See page.md.j2."""
    plans = [
        [
            row["protocol"], row["governors"], REACHED if row["reached"] else NOT_REACHED,
            number(row["capital"] / 1e6),
            f"{number(row['profit'] / 1e3)} [{number(row['profit_low'] / 1e3)}, {number(row['profit_high'] / 1e3)}]",
            row["channels"], str(row["onset"]) if row["capital"] else "",
            f"{row['push']:+.2f} for {row['push_hours']} h" if row["push"] else "",
            f"{row['drain']:.0%}" if row["drain"] else "",
        ] for row in records(found.tables["attacks"])
    ]  # fmt: skip
    lost = [
        [row["protocol"], row["governors"], *(_thousands(row, name) for name in (WELFARE, *PARTIES))]
        for row in records(found.tables["attacks"]) if row["capital"]
    ]  # fmt: skip
    return page_beside(
        __file__, facts=found.facts, judged=judged, plans=plans, lost=lost, parties=[WELFARE, *PARTIES],
        protocols=PROTOCOLS,
    )  # fmt: skip


def _thousands(row: Mapping[str, Any], name: str) -> str:
    one = interval_in(row, name)
    return f"{number(one.mean / 1e3)} [{number(one.low / 1e3)}, {number(one.high / 1e3)}]"


STUDY = Study("attacks", "The cheapest attack", Options, measure, judge, draw, page)
