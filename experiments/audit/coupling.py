"""Coupling: does one role's move change what is best for another, and what does it cost not to notice?

Influence is not strategy: a lever may move everybody's totals and nobody's optimum. For an ordered pair (i moves, j
answers) j's best response on its own mandate is searched at i's defaults and at each of i's moves; the regret of the
stale response is what j loses by keeping the first.

Three sets of tapes that share none: searches run on the first; all that an answerer's searches found is pooled, with
the points halfway from the stale response, because a search on few tapes goes too far; the response to each state is
picked from that pool on the second; stale and fresh are scored on the third. The pool keeps the luck of one search from
passing for strategy: what a search for a move found is stale too if it is best at the defaults.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from protogov.agents.tuning.evolution import Budget, tune
from protogov.agents.tuning.objective import Constants, open_tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.world.levers import LEVER_INDEX, LEVERS
from protogov.experiments.audit.check import FIRST_SCORING, FIRST_SELECTION, Check, Floats, Paired, columns, holm
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.tables import Table, concatenate, num_rows

REGIMES = ("calm", "crisis-2022-06")  # the quiet one and the longest slump: little noise, and everything moves
ROLES = ("rate", "risk", "spread")
SIGNIFICANT = 3.0  # standard errors
PAIRS = 3  # of the six that must be coupled
SUPPORT = 1.0  # standard errors on the tapes of selection by which a fresh response must beat the stale one
LEVEL = 0.05  # of Holm's family, and of the search's own shortfall
BUDGET = Budget(generations=24, population=12, plateau=12, tolerance=0.02, restarts=1)
NEARBY = 0.6  # first step of a move's search in that of the defaults': it starts at a good response
# what a role may do to the others: name -> its levers' actions; those not named stand at their default
MOVES: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "rate": {
        "cheap": {"base_rate": -1.0, "slope1": -1.0, "slope2": -0.5, "optimal_utilisation": 0.8},
        "dear": {"base_rate": 0.5, "slope1": 0.8, "slope2": 0.8, "optimal_utilisation": -0.4},
    },
    "risk": {
        "lax": {"liquidation_threshold": 0.9, "ltv_gap": -1.0, "option_margin": -1.0},
        "strict": {"liquidation_threshold": -0.5, "ltv_gap": 0.4, "option_margin": 1.0},
    },
    "spread": {
        "tight": {"half_spread": -0.8, "vega_fee": -1.0, "hedge_ratio": 1.0},
        "wide": {"half_spread": 0.6, "vega_fee": 0.6, "hedge_ratio": -1.0},
    },
}
CLAIM = (
    f"at least {PAIRS} of the 6 ordered pairs of roles, and one into each role, have a stale best response whose "
    f"regret exceeds {SIGNIFICANT:g} standard errors in some regime"
)


@dataclass(frozen=True)
class Answers:
    """One answerer in one regime, to everything that its rivals do.

    Attributes:
        regime: scenario.
        answerer: role whose responses are searched.
        moves: (rival, move, lever -> action); the defaults come on top.
        budget: of the search at the defaults; a move's takes half the generations from a shorter first step.
        search_seeds: tapes of each search.
        selection_seeds: tapes on which responses are picked from the pool.
        scoring_seeds: tapes on which they are scored.
    """

    regime: str
    answerer: str
    moves: tuple[tuple[str, str, Mapping[str, float]], ...]
    budget: Budget
    search_seeds: int
    selection_seeds: int
    scoring_seeds: int


def held_actions(move: Mapping[str, float]) -> Floats:
    """All twelve actions of a move, F64[12]."""
    actions = np.zeros(len(LEVERS))
    for name, place in move.items():
        actions[LEVER_INDEX[name]] = place
    return actions


def answer(config: WorldConfig, job: Answers) -> Table:
    """A row a move: regret of the stale response [bp of K0], and what fresh gains over stale at the defaults."""
    began, role, regime, each = time.perf_counter(), job.answerer, [job.regime], job.search_seeds
    search = open_tapes(config, regime, FIRST_SELECTION, each)
    (selection,) = open_tapes(config, regime, FIRST_SELECTION + each, job.selection_seeds)
    (scoring,) = open_tapes(config, regime, FIRST_SCORING, job.scoring_seeds)
    family = Constants(role_levers(role))
    states = [np.zeros(len(LEVERS)), *(held_actions(move) for _, _, move in job.moves)]
    half, step = max(job.budget.generations // 2, 1), NEARBY * job.budget.sigma
    pool, episodes = [np.zeros(family.size)], 0
    for number, held in enumerate(states):  # the first is the defaults': its winner is where the others start
        start = pool[min(number, 1)]
        budget = replace(job.budget, generations=half, sigma=step) if number else job.budget
        # a search picks on its own tapes: what is luck there, the second set sorts out with more power
        found = tune(family, search, search, budget, measure=role, held=held, start=start, seed=number)
        episodes += found.episodes
        pool.append(found.point)
    pool += [0.5 * (pool[1] + point) for point in (pool[0], *pool[2:])]
    points = np.unique(np.array(pool), axis=0)
    best = pick_responses([selection.play(family, points, held).totals[role] for held in states])
    at_defaults = scoring.play(family, points[best]).totals[role]
    episodes += len(points) * len(states) * job.selection_seeds + (3 * len(states) - 2) * job.scoring_seeds
    rows: list[dict[str, object]] = []
    for number, (mover, name, _) in enumerate(job.moves, start=1):
        pair = points[[best[0], best[number]]]
        totals = scoring.play(family, pair, states[number]).totals[role]
        regret = Paired.of(totals[1] - totals[0])
        before = Paired.of(at_defaults[number] - at_defaults[0])
        rows.append(
            {
                "mover": mover, "move": name, "answerer": role, "regime": job.regime,
                "regret": regret.mean, "standard_error": regret.error, "z": regret.z, "p": regret.p,
                "moved": bool(best[number] != best[0]),
                "at_defaults": before.mean, "at_defaults_error": before.error,
                "stale": _said(family, pair[0]), "fresh": _said(family, pair[1]), "episodes": episodes,
            }
        )  # fmt: skip
    return columns(rows) | {"seconds": np.full(len(rows), time.perf_counter() - began)}


def pick_responses(totals: Sequence[Floats]) -> list[int]:
    """The row of the pool that is played in each state, from mandates F64[pool, tapes] a state, the defaults' first.

    The stale response stays unless the tapes support another: few of them decide, because losses have fat tails.
    """
    stale = int(totals[0].mean(axis=1).argmax())
    best = [stale]
    for of_state in totals[1:]:
        fresh = int(of_state.mean(axis=1).argmax())
        best.append(fresh if Paired.of(of_state[fresh] - of_state[stale]).z > SUPPORT else stale)
    return best


def audit_coupling(
    config: WorldConfig,
    regimes: Sequence[str] = REGIMES,
    search_seeds: int = 48,
    scoring_seeds: int = 256,
    budget: Budget = BUDGET,
    roles: Sequence[str] = ROLES,
    how: Running = HERE,
) -> Check:
    """Search best responses to every move and measure the regret of the stale ones.

    Args:
        config: one venue with the three roles.
        regimes: scenarios.
        search_seeds: tapes of each search; four times as many others pick the responses.
        scoring_seeds: tapes on which they are scored.
        budget: see `Answers`.
        roles: between whom.
        how: processes, and where finished pieces are kept: a piece is an answerer in a regime.
    """
    pieces = []
    for regime in regimes:
        for answerer in roles:
            rivals = [rival for rival in roles if rival != answerer]
            moves = tuple((rival, name, dict(move)) for rival in rivals for name, move in MOVES[rival].items())
            job = Answers(regime, answerer, moves, budget, search_seeds, 4 * search_seeds, scoring_seeds)
            pieces.append(Piece(f"coupling_{regime}_{answerer}", job))
    parts = run_pieces(answer, config, pieces, how, "coupling")
    episodes = sum(int(part["episodes"][0]) for part in parts)
    seconds = sum(float(part["seconds"][0]) for part in parts)
    table = concatenate(parts)
    del table["episodes"], table["seconds"]
    table["p_holm"] = holm(table["p"])
    table["coupled"] = table["z"] > SIGNIFICANT
    notes = (
        f"regimes {', '.join(regimes)}; {len(parts) * (1 + 2 * (len(roles) - 1))} searches on {search_seeds} tapes, "
        f"{budget}; picked on {4 * search_seeds} others, scored on {scoring_seeds}; {episodes} episodes in "
        f"{seconds:.0f} s of one core",
        "at_defaults: what the fresh response gains over the stale one where nobody has moved; where it is clearly "
        "above zero the search at the defaults fell short and the regret is not strategy alone",
    )
    return Check("coupling", CLAIM, _holds(table, roles), _verdict(table, roles), table, notes)


def coupled_pairs(table: Table) -> list[tuple[str, str]]:
    """(mover, answerer) of the pairs that some move couples in some regime, in order."""
    rows = range(num_rows(table))
    return sorted({(str(table["mover"][k]), str(table["answerer"][k])) for k in rows if table["coupled"][k]})


def short_searches(table: Table) -> np.ndarray:
    """Bool [rows]: whether the fresh response beats the stale one at the defaults, too, by 2 standard errors."""
    return np.asarray(table["at_defaults"] > 2.0 * table["at_defaults_error"]) & table["moved"]


def _holds(table: Table, roles: Sequence[str]) -> bool:
    pairs = coupled_pairs(table)
    return len(pairs) >= PAIRS and {answerer for _, answerer in pairs} == set(roles)


def _verdict(table: Table, roles: Sequence[str]) -> str:
    pairs = coupled_pairs(table)
    named = ", ".join(f"{mover} -> {answerer}" for mover, answerer in pairs) or "none"
    coupled, survive = table["coupled"], table["p_holm"] < LEVEL
    short = int((coupled & short_searches(table)).sum())
    return (
        f"{len(pairs)} of {len(list(permutations(roles, 2)))} pairs coupled: {named}; {int(coupled.sum())} of "
        f"{num_rows(table)} cells beyond {SIGNIFICANT:g} standard errors, {int(survive.sum())} survive Holm at "
        f"{LEVEL:.0%}; in {short} of the coupled cells the fresh response is better at the defaults, too"
    )


def _said(family: Constants, point: Floats) -> str:
    return " ".join(f"{name}={value:.4g}" for name, value in family.values(point).items())
