"""Coupling: does one role's move change what is best for another, and what does it cost not to notice?

On one venue the others' moves are the other roles'; on two (`rivals`) they are the same role's of the other venue.

Influence is not strategy: a lever may move everybody's totals and nobody's optimum. For an ordered pair (i moves, j
answers) j's best response on its own mandate is searched at i's defaults and at each of i's moves; the regret of the
stale response is what j loses by keeping the first.

Three sets of tapes that share none: searches run on the first; all that an answerer's searches found is pooled, with
the points halfway from the stale response, because a search on few tapes goes too far; the response to each state is
picked from that pool on the second; stale and fresh are scored on the third. The pool keeps the luck of one search from
passing for strategy: what a search for a move found is stale too if it is best at the defaults. Where no better reply
is found there is no regret to score: what the second set could have told is said instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from protogov.agents.tuning.evolution import Budget, tune
from protogov.agents.tuning.objective import Constants, Episodes, Family, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.audit.claims import Totals, difference, play_claims, promising
from protogov.experiments.audit.measurement import (
    CLAIM_TAPES,
    FIRST_SCORING,
    FIRST_SELECTION,
    FIRST_TAPES,
    PICKING,
    Floats,
    Measurement,
    Paired,
    columns,
    holm,
)
from protogov.experiments.audit.playing import (
    WELFARE,
    Actions,
    Play,
    as_points,
    episodes_of,
    play_constants,
    play_pieces_of,
    said_levers,
    tape_range,
    unique_points,
)
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.audit.suites import SUITES, find_suite
from protogov.experiments.core.tables import Table, num_rows

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


class Constancy:
    """Tapes on which one role's constants are played: of venue 0, beside what `held` says of those who do not answer.

    On one venue these are the other roles, on two the other venue; who is not held stands at the defaults.

    Args:
        config: one venue or two.
        suite: what is drawn from.
        seeds: U64[m] of the tapes.
    """

    def __init__(self, config: WorldConfig, suite: str, seeds: np.ndarray) -> None:
        self.config, self.suite, self.seeds = config, suite, seeds

    def play(self, family: Family, points: Floats, held: Floats | None = None) -> Episodes:
        """Mandates and welfare of venue 0 for every point."""
        actions = all_actions(self.config, family.levers, points, np.zeros(len(LEVERS)) if held is None else held)
        shape = (len(points), self.config.venues, len(LEVERS))
        totals = play_constants(self.config, find_suite(self.suite), self.seeds, actions.reshape(shape))
        own = {role: totals[f"mandate/{role}_0"] for role in self.config.roles}
        return Episodes({WELFARE: totals[f"{WELFARE}/0"]} | own)


def all_actions(config: WorldConfig, levers: Sequence[str], points: Floats, held: Floats) -> Floats:
    """Actions of all levers of all venues, F64[c, 12 * venues], of an answerer's points beside F64[12] of others."""
    actions = np.zeros((len(points), config.venues, len(LEVERS)))
    actions[:, -1] = held
    actions[:, 0, [LEVER_INDEX[name] for name in levers]] = points
    return actions.reshape(len(points), -1)


@dataclass(frozen=True)
class Response:
    """One search for the best response to one state.

    Attributes:
        suite: what is drawn from.
        answerer: role whose levers are searched, on its own mandate.
        held: actions of all twelve levers of those who do not answer.
        budget: of the search.
        count: tapes of it.
        start: actions of the answerer's levers, from which it starts.
        seed: of the search.
    """

    suite: str
    answerer: str
    held: Actions
    budget: Budget
    count: int
    start: Actions
    seed: int


def search_response(config: WorldConfig, job: Response) -> Table:
    """A row a lever of the answerer: the point that was found; and, in each row, episodes."""
    family = Constants(role_levers(job.answerer))
    tapes = [Constancy(config, job.suite, tape_range(FIRST_SELECTION, job.count))]
    # a search picks on its own tapes: what is luck there, the tapes of selection sort out with more power
    found = tune(
        family, tapes, tapes, job.budget, measure=job.answerer, held=np.array(job.held), start=np.array(job.start),
        seed=job.seed,
    )  # fmt: skip
    return {"point": found.point, "episodes": np.full(family.size, found.episodes)}


@dataclass(frozen=True)
class Sizes:
    """What the regrets of a measurement spend.

    Attributes:
        budget: of the search at the defaults; a move's takes half the generations from a shorter first step.
        search_seeds: tapes of each search.
        pick_seeds: tapes on which responses are picked from the pool.
        num_seeds: tapes on which those that another one beats are scored first.
        claim_seeds: tapes of those whose regret may be one.
    """

    budget: Budget = BUDGET
    search_seeds: int = 24
    pick_seeds: int = 512
    num_seeds: int = FIRST_TAPES
    claim_seeds: int = CLAIM_TAPES


SIZES = Sizes(pick_seeds=256)  # of all pairs on one venue


@dataclass(frozen=True)
class Answers:
    """One answerer in one suite, to everything that its rivals do.

    Attributes:
        suite: what is drawn from.
        answerer: role whose responses are searched.
        moves: (rival, move) -> F64[12], actions of those who do not answer; the defaults come on top.
    """

    suite: str
    answerer: str
    moves: Mapping[tuple[str, str], Floats]

    @property
    def states(self) -> list[Floats]:
        """Of those who do not answer, F64[12] each: the defaults, then each move."""
        return [np.zeros(len(LEVERS)), *self.moves.values()]

    @property
    def levers(self) -> tuple[str, ...]:
        """Of the answerer."""
        return role_levers(self.answerer)


def held_actions(move: Mapping[str, float]) -> Floats:
    """All twelve actions of a move, F64[12]."""
    actions = np.zeros(len(LEVERS))
    for name, place in move.items():
        actions[LEVER_INDEX[name]] = place
    return actions


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


def resolution(totals: Floats, stale: int) -> float:
    """Standard error by which the best other row of F64[pool, tapes] is told from the stale one."""
    means = totals.mean(axis=1)
    means[stale] = -np.inf
    return Paired.of(totals[int(means.argmax())] - totals[stale]).error if len(totals) > 1 else np.nan


def measure_coupling(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    sizes: Sizes = SIZES,
    roles: Sequence[str] = ROLES,
    how: Running = HERE,
) -> Measurement:
    """Search best responses to every move and measure the regret of the stale ones.

    Args:
        config: one venue with the three roles.
        suites: what is drawn from.
        sizes: see `Sizes`.
        roles: between whom.
        how: processes, and where finished pieces are kept.
    """
    jobs = []
    for suite in suites:
        for answerer in roles:
            rivals = [rival for rival in roles if rival != answerer]
            moves = {(rival, name): held_actions(move) for rival in rivals for name, move in MOVES[rival].items()}
            jobs.append(Answers(suite, answerer, moves))
    table, notes = measure_regrets(config, jobs, sizes, how, "coupling")
    return Measurement("coupling", QUESTION, say(table), table, notes)


def measure_regrets(
    config: WorldConfig, jobs: Sequence[Answers], sizes: Sizes, how: Running, label: str
) -> tuple[Table, tuple[str, ...]]:
    """(a row a suite, move and answerer, with Holm's probabilities over all that moved; what a reader must know)."""
    pools, episodes = _search_pools(config, jobs, sizes, how, label)
    picking = {
        f"{number}/{state}": Play(
            job.suite, as_points(all_actions(config, job.levers, pools[number], held)), FIRST_SELECTION + PICKING,
            sizes.pick_seeds,
        )
        for number, job in enumerate(jobs) for state, held in enumerate(job.states)
    }  # fmt: skip
    played = play_pieces_of(config, picking, how, f"{label}: picking")
    mandates = [
        [played[f"{number}/{state}"][f"mandate/{job.answerer}_0"] for state in range(len(job.states))]
        for number, job in enumerate(jobs)
    ]
    best = [pick_responses(of) for of in mandates]
    scoring = {}
    for number, job in enumerate(jobs):
        for state, held in enumerate(job.states):
            if best[number][state] != best[number][0]:
                pair = pools[number][[best[number][0], best[number][state]]]
                both = [all_actions(config, job.levers, pair, at) for at in (held, job.states[0])]
                scoring[f"{number}/{state}"] = Play(
                    job.suite, as_points(np.concatenate(both)), FIRST_SCORING, sizes.num_seeds
                )

    def mandate(name: str) -> str:
        return f"mandate/{jobs[int(name.partition('/')[0])].answerer}_0"

    def goes_on(name: str, totals: Sequence[Totals]) -> set[int]:
        return {0, 1} if promising(difference(totals, mandate(name), 1, 0)) else set()

    scored = play_claims(config, scoring, sizes.claim_seeds, goes_on, how, f"{label}: scoring")
    rows: list[dict[str, object]] = []
    for number, job in enumerate(jobs):
        for state, (mover, move) in enumerate(job.moves, start=1):
            name = f"{number}/{state}"
            regret, before = (
                difference(scored[name], mandate(name), *pair) if name in scored else None for pair in ((1, 0), (3, 2))
            )
            told = pools[number][[best[number][0], best[number][state]]]
            stale, fresh = (_said(config, job, point) for point in told)
            rows.append(
                {
                    "mover": mover, "move": move, "answerer": job.answerer, "suite": job.suite,
                    "moved": regret is not None, **_told(regret, before),
                    "resolution": resolution(mandates[number][state], best[number][0]), "stale": stale, "fresh": fresh,
                }
            )  # fmt: skip
    table = columns(rows)
    table["p_holm"] = holm(table["p"])
    episodes += episodes_of([*picking.values(), *scoring.values()])
    notes = (
        f"{sum(len(job.states) for job in jobs)} searches on {sizes.search_seeds} tapes, {sizes.budget}; picked on "
        f"{sizes.pick_seeds} others; where another response was picked, scored on {sizes.num_seeds} others, and on "
        f"{sizes.claim_seeds} where these tell it from nothing by more than one standard error; {episodes} episodes "
        "before those",
        "moved: another response than the stale one was picked; where none was, resolution is the standard error by "
        "which the next best is told from it on the tapes of selection, and there is no regret to score",
        "at_defaults: what the fresh response gains over the stale one where nobody has moved; where it is clearly "
        "above zero the search at the defaults fell short and the regret is not strategy alone",
    )
    return table, notes


def _search_pools(
    config: WorldConfig, jobs: Sequence[Answers], sizes: Sizes, how: Running, label: str
) -> tuple[list[Floats], int]:
    """(points that each answerer picks from, F64[pool, 4]; episodes played)."""
    half, step = max(sizes.budget.generations // 2, 1), NEARBY * sizes.budget.sigma
    nearby = replace(sizes.budget, generations=half, sigma=step)

    def search(asked: Sequence[tuple[Answers, int, Budget, Floats]]) -> Iterator[Table]:
        pieces = [
            Piece(
                f"{label}_{job.suite}_{job.answerer}_{state}",
                Response(
                    job.suite, job.answerer, as_points(job.states[state])[0], budget, sizes.search_seeds,
                    as_points(start)[0], state,
                ),
            )
            for job, state, budget, start in asked
        ]  # fmt: skip
        return iter(run_pieces(search_response, config, pieces, how, f"{label}: searches"))

    # the defaults' winner is where the others start
    firsts = list(search([(job, 0, sizes.budget, np.zeros(len(job.levers))) for job in jobs]))
    moved = [
        (job, state, nearby, first["point"])
        for job, first in zip(jobs, firsts, strict=True)
        for state in range(1, len(job.states))
    ]
    others = search(moved)
    pools, episodes = [], 0
    for job, first in zip(jobs, firsts, strict=True):
        found = [first, *(next(others) for _ in job.moves)]
        episodes += sum(int(table["episodes"][0]) for table in found)
        ends = [np.zeros(len(job.levers)), *(table["point"] for table in found)]
        halfway = [0.5 * (ends[1] + point) for point in (ends[0], *ends[2:])]
        pools.append(unique_points(np.array([*ends, *halfway])))
    return pools, episodes


def _told(regret: Paired | None, before: Paired | None) -> dict[str, object]:
    """Columns of one regret; NaN where the stale response stays."""
    if regret is None or before is None:
        names = ("regret", "standard_error", "z", "p", "at_defaults", "at_defaults_error")
        return {**dict.fromkeys(names, np.nan), "tapes": 0}
    return {
        "regret": regret.mean, "standard_error": regret.error, "z": regret.z, "p": regret.p,
        "at_defaults": before.mean, "at_defaults_error": before.error, "tapes": regret.n,
    }  # fmt: skip


def short_searches(table: Table) -> np.ndarray:
    """Bool [rows]: whether the fresh response beats the stale one at the defaults, too, by 2 standard errors."""
    return np.asarray(table["moved"] & (table["at_defaults"] > SHORT * table["at_defaults_error"]))


def say(table: Table) -> tuple[str, ...]:
    """How many regrets are more than luck, how many there are none of, and the largest of each answerer."""
    survive, short = table["p_holm"] < LEVEL, short_searches(table)
    said = [
        f"{int(survive.sum())} of {num_rows(table)} stale responses lose so much that it survives Holm at {LEVEL:.0%}, "
        f"{int((survive & short).sum())} of them better at the defaults, too"
    ]
    said += no_reply(table)
    for answerer in dict.fromkeys(table["answerer"]):
        rows = np.flatnonzero((table["answerer"] == answerer) & table["moved"])
        if len(rows):
            row = int(rows[table["regret"][rows].argmax()])
            claimed = "" if survive[row] else ", which may be chance"
            said.append(
                f"largest regret of {answerer}: {table['regret'][row]:+.2f} +- {table['standard_error'][row]:.2f} bp, "
                f"to {table['mover'][row]} {table['move'][row]} on {table['suite'][row]}{claimed}"
            )
    return tuple(said)


def no_reply(table: Table) -> list[str]:
    """A sentence on those moves to which no better reply than the stale one was found, if there are any."""
    still = ~table["moved"]
    if not still.any():
        return []
    errors = table["resolution"][still]
    return [
        f"no better reply found to {int(still.sum())} of {num_rows(table)} moves; the next best is told from the stale "
        f"one with a standard error of {np.nanmin(errors):.2f} to {np.nanmax(errors):.2f} bp"
    ]


def _said(config: WorldConfig, job: Answers, point: Floats) -> str:
    values = said_levers(held_actions(dict(zip(job.levers, point, strict=True))), config)
    return " ".join(f"{name}={values[name]:.4g}" for name in job.levers)
