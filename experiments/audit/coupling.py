"""Coupling: does one role's move change what is best for another, and what does it cost not to notice?

On one venue the others' moves are the other roles'; on two (`rivals`) they are the same role's of the other venue.

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

import numpy as np

from protogov.agents.tuning.evolution import Budget, tune
from protogov.agents.tuning.objective import Constants, Episodes, Family, Game, Tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.world.levers import LEVER_INDEX, LEVERS
from protogov.experiments.audit.measurement import (
    FIRST_SCORING,
    FIRST_SELECTION,
    Floats,
    Measurement,
    Paired,
    columns,
    holm,
)
from protogov.experiments.audit.playing import WELFARE, play_constants, tape_range
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.audit.suites import SUITES, find_suite
from protogov.experiments.tables import Table, concatenate, num_rows

QUESTION = "Does one role's move change what is best for another, and what does it cost not to notice?"
ROLES = ("rate", "risk", "spread")
SUPPORT = 1.0  # standard errors on the tapes of selection by which a fresh response must beat the stale one
LEVEL = 0.05  # of Holm's family
SHORT = 2.0  # standard errors at the defaults by which a search is told to have fallen short
BUDGET = Budget(generations=12, population=10, plateau=12, tolerance=0.02, restarts=1)
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


class Duel:
    """Tapes of two venues: the family's levers are venue 0's, `held` is all of venue 1's.

    Args:
        config: two venues.
        suite: what is drawn from.
        seeds: U64[m] of the tapes.
    """

    def __init__(self, config: WorldConfig, suite: str, seeds: np.ndarray) -> None:
        self.config, self.suite, self.seeds = config, suite, seeds

    def play(self, family: Family, points: Floats, held: Floats | None = None) -> Episodes:
        """Mandates and welfare of venue 0; what nobody sets stands at its default, the rival without `held`."""
        actions = np.zeros((len(points), 2, len(LEVERS)))
        actions[:, 0, [LEVER_INDEX[name] for name in family.levers]] = points
        if held is not None:
            actions[:, 1] = held
        totals = play_constants(self.config, find_suite(self.suite), self.seeds, actions)
        own = {role: totals[f"mandate/{role}_0"] for role in self.config.roles}
        return Episodes({WELFARE: totals[f"{WELFARE}/0"]} | own)


def open_game(config: WorldConfig, suite: str, first: int, count: int) -> Game:
    """Tapes `first` to `first + count - 1` of a suite, on one venue or on two."""
    seeds = tape_range(first, count)
    return Tapes(config, find_suite(suite), seeds) if config.venues == 1 else Duel(config, suite, seeds)


@dataclass(frozen=True)
class Answers:
    """One answerer in one suite, to everything that its rivals do.

    Attributes:
        suite: what is drawn from.
        answerer: role whose responses are searched.
        moves: (rival, move, lever -> action); the defaults come on top.
        budget: of the search at the defaults; a move's takes half the generations from a shorter first step.
        search_seeds: tapes of each search.
        selection_seeds: tapes on which responses are picked from the pool.
        scoring_seeds: tapes on which they are scored.
    """

    suite: str
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
    began, role, each = time.perf_counter(), job.answerer, job.search_seeds
    search = [open_game(config, job.suite, FIRST_SELECTION, each)]
    selection = open_game(config, job.suite, FIRST_SELECTION + each, job.selection_seeds)
    scoring = open_game(config, job.suite, FIRST_SCORING, job.scoring_seeds)
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
                "mover": mover, "move": name, "answerer": role, "suite": job.suite,
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


def measure_coupling(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    num_seeds: int = 384,
    search_seeds: int = 24,
    budget: Budget = BUDGET,
    roles: Sequence[str] = ROLES,
    how: Running = HERE,
) -> Measurement:
    """Search best responses to every move and measure the regret of the stale ones.

    Args:
        config: one venue with the three roles.
        suites: what is drawn from.
        num_seeds: tapes on which responses are scored.
        search_seeds: tapes of each search; four times as many others pick the responses.
        budget: see `Answers`.
        roles: between whom.
        how: processes, and where finished pieces are kept: a piece is an answerer in a suite.
    """
    jobs = []
    for suite in suites:
        for answerer in roles:
            rivals = [rival for rival in roles if rival != answerer]
            moves = tuple((rival, name, dict(move)) for rival in rivals for name, move in MOVES[rival].items())
            jobs.append(Answers(suite, answerer, moves, budget, search_seeds, 4 * search_seeds, num_seeds))
    table, notes = measure_regrets(config, jobs, how, "coupling")
    return Measurement("coupling", QUESTION, say(table), table, notes)


def measure_regrets(
    config: WorldConfig, jobs: Sequence[Answers], how: Running, label: str
) -> tuple[Table, tuple[str, ...]]:
    """(a row a suite, move and answerer, with Holm's probabilities over all rows; what a reader must know)."""
    pieces = [Piece(f"{label}_{job.suite}_{job.answerer}", job) for job in jobs]
    parts = run_pieces(answer, config, pieces, how, label)
    episodes = sum(int(part["episodes"][0]) for part in parts)
    seconds = sum(float(part["seconds"][0]) for part in parts)
    table = concatenate(parts)
    del table["episodes"], table["seconds"]
    table["p_holm"] = holm(table["p"])
    one = jobs[0]
    searches = sum(1 + len(job.moves) for job in jobs)
    notes = (
        f"{searches} searches on {one.search_seeds} tapes, {one.budget}; picked on {one.selection_seeds} others, "
        f"scored on {one.scoring_seeds}; {episodes} episodes in {seconds:.0f} s of one core",
        "at_defaults: what the fresh response gains over the stale one where nobody has moved; where it is clearly "
        "above zero the search at the defaults fell short and the regret is not strategy alone",
    )
    return table, notes


def short_searches(table: Table) -> np.ndarray:
    """Bool [rows]: whether the fresh response beats the stale one at the defaults, too, by 2 standard errors."""
    return np.asarray(table["at_defaults"] > SHORT * table["at_defaults_error"]) & table["moved"]


def say(table: Table) -> str:
    """How many regrets are more than luck, and the largest of each answerer."""
    survive = table["p_holm"] < LEVEL
    short = int((survive & short_searches(table)).sum())
    largest = []
    for answerer in dict.fromkeys(table["answerer"]):
        rows = np.flatnonzero(table["answerer"] == answerer)
        row = int(rows[table["regret"][rows].argmax()])
        largest.append(
            f"{answerer} {table['regret'][row]:+.2f} +- {table['standard_error'][row]:.2f} bp (to "
            f"{table['mover'][row]} {table['move'][row]} on {table['suite'][row]})"
        )
    return (
        f"{int(survive.sum())} of {num_rows(table)} stale responses lose so much that it survives Holm at {LEVEL:.0%}, "
        f"{short} of them better at the defaults, too; the largest regrets: {'; '.join(largest)}"
    )


def _said(family: Constants, point: Floats) -> str:
    return " ".join(f"{name}={value:.4g}" for name, value in family.values(point).items())
