"""Coupling: does one role's move change the best response of another, and what does a stale response cost?

On one venue the movers are the other roles. On two venues (`rivals`) the mover is the same role of the other venue.

Influence is not strategy: a lever may move everybody's totals and nobody's optimum. For an ordered pair (i moves, j
answers) j's best response on its own mandate is searched at i's defaults and at each of i's moves. The regret of the
stale response is what j loses by keeping the response to the defaults.

There are three disjoint sets of tapes. Searches run on the first. The results of all searches of an answerer form a
pool, together with the points halfway from the stale response, because a search on few tapes goes too far. The response
to each state is picked from that pool on the second set. Stale and fresh response are scored on the third. The pool
prevents the luck of one search from looking like strategy: a response found for a move is also the stale response if it
is best at the defaults. If no better response is found there is no regret to score. Then the page gives the standard
error of the second set instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.agents.tuning.evolution import Budget
from protogov.agents.tuning.objective import role_levers
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.experiments.core.pieces import Piece, run_pieces
from protogov.experiments.core.statistics import Floats, holm, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, groups, num_rows, records
from protogov.experiments.core.text import number, signed
from protogov.experiments.figures.style import BLUE, FAINT, GREY, headline
from protogov.experiments.studies.audit.claims import difference, play_claims, promising
from protogov.experiments.studies.audit.drawing import footnote, names_of, row_panels
from protogov.experiments.studies.audit.plan import CLAIM_TAPES, FIRST_TAPES, ROLES, Audit, Sizes
from protogov.experiments.studies.audit.play import (
    DEFAULTS,
    Totals,
    as_points,
    lever_values,
    num_episodes,
    picking,
    scoring,
    unique_points,
)
from protogov.experiments.studies.audit.search import Response, joined_actions, search_response

QUESTION = "Does one role's move change the best response of another, and what does a stale response cost?"
SIZES = Sizes(
    num_seeds=FIRST_TAPES, claim_seeds=CLAIM_TAPES, pick_seeds=256, search_seeds=24, generations=12, population=10
)  # fmt: skip
SUPPORT = 1.0  # standard errors on the tapes of selection by which a fresh response must beat the stale one
LEVEL = 0.05  # of Holm's family
SHORT = 2.0  # standard errors at the defaults by which a search is taken to have fallen short
BUDGET = Budget(plateau=12, tolerance=0.02)
NEARBY = 0.6  # first step of a move's search in that of the defaults': it starts at a good response
LINEAR_WITHIN = 5.0  # standard errors within which an axis is linear
FARTHEST = 1e3  # standard errors at which the axis of a regret ends
# moves of a role: name -> its levers' actions; levers not named stay at their default
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


@dataclass(frozen=True)
class Answers:
    """One answerer in one suite, and all moves of its rivals.

    Attributes:
        suite: source of the tapes.
        answerer: role whose responses are searched.
        moves: (rival, move) -> F64[12], actions of everybody else; the defaults are added.
    """

    suite: str
    answerer: str
    moves: Mapping[tuple[str, str], Floats]

    @property
    def states(self) -> list[Floats]:
        """Actions of everybody but the answerer, F64[12] each: the defaults, then each move."""
        return [DEFAULTS, *self.moves.values()]

    @property
    def levers(self) -> tuple[str, ...]:
        """Of the answerer."""
        return role_levers(self.answerer)

    @property
    def mandate(self) -> str:
        """Column of its totals."""
        return f"mandate/{self.answerer}_0"


def move_actions(move: Mapping[str, float]) -> Floats:
    """All twelve actions of a move, F64[12]."""
    actions = DEFAULTS.copy()
    for name, place in move.items():
        actions[LEVER_INDEX[name]] = place
    return actions


def moves_of(roles: Sequence[str]) -> dict[tuple[str, str], Floats]:
    """(role, move) -> F64[12] actions."""
    return {(role, name): move_actions(move) for role in roles for name, move in MOVES[role].items()}


def pick_responses(totals: Sequence[Floats]) -> list[int]:
    """The row of the pool that is played in each state, from mandates F64[pool, tapes] per state, the defaults first.

    The stale response stays unless the tapes support another. Losses have fat tails, so few tapes decide.
    """
    stale = int(totals[0].mean(axis=1).argmax())
    best = [stale]
    for of_state in totals[1:]:
        fresh = int(of_state.mean(axis=1).argmax())
        best.append(fresh if student_t(of_state[fresh] - of_state[stale]).z > SUPPORT else stale)
    return best


def resolution(totals: Floats, stale: int) -> float:
    """Standard error of the difference between the best other row of F64[pool, tapes] and the stale one."""
    means = totals.mean(axis=1)
    means[stale] = -np.inf
    return student_t(totals[int(means.argmax())] - totals[stale]).error if len(totals) > 1 else np.nan


def measure(audit: Audit, roles: Sequence[str] = ROLES) -> Found:
    """Search best responses to every move and measure the regret of the stale responses."""
    jobs = [
        Answers(suite, answerer, moves_of([rival for rival in roles if rival != answerer]))
        for suite in audit.suites for answerer in roles
    ]  # fmt: skip
    table, notes = measure_regrets(audit, jobs, audit.sizes(SIZES), "coupling")
    return Found({"coupling": table}, {"notes": notes})


def measure_regrets(audit: Audit, jobs: Sequence[Answers], sizes: Sizes, label: str) -> tuple[Table, list[str]]:
    """(One row per suite, move and answerer, with Holm's probabilities over all that moved; notes)."""
    config = audit.config
    budget = replace(BUDGET, generations=sizes.generations, population=sizes.population)
    pools, episodes = _search_pools(audit, jobs, budget, sizes.search_seeds, label)
    states = {
        f"{who}/{state}": picking(job.suite, joined_actions(config, job.levers, pools[who], held), sizes.pick_seeds)
        for who, job in enumerate(jobs) for state, held in enumerate(job.states)
    }  # fmt: skip
    played = audit.play(states, f"{label}: picking")
    mandates = [[played[f"{who}/{state}"][job.mandate] for state in range(len(job.states))]
                for who, job in enumerate(jobs)]  # fmt: skip
    best = [pick_responses(of) for of in mandates]
    duels = {}
    for who, job in enumerate(jobs):
        for state, held in enumerate(job.states):
            if best[who][state] != best[who][0]:
                pair = pools[who][[best[who][0], best[who][state]]]
                both = [joined_actions(config, job.levers, pair, at) for at in (held, DEFAULTS)]
                duels[f"{who}/{state}"] = scoring(job.suite, np.concatenate(both), sizes.num_seeds)

    def second_stage(name: str, totals: Sequence[Totals]) -> set[int]:
        mandate = jobs[int(name.partition("/")[0])].mandate
        return {0, 1} if promising(difference(totals, mandate, 1, 0)) else set()

    scored = play_claims(config, duels, sizes.claim_seeds, second_stage, audit.how, f"{label}: scoring")
    rows = []
    for who, job in enumerate(jobs):
        for state, (mover, move) in enumerate(job.moves, start=1):
            totals, stale = scored.get(f"{who}/{state}"), best[who][0]
            values = [
                lever_values(move_actions(dict(zip(job.levers, point, strict=True))), config)
                for point in pools[who][[stale, best[who][state]]]
            ]
            old, new = (" ".join(f"{name}={of[name]:.4g}" for name in job.levers) for of in values)
            rows.append(
                {
                    "mover": mover, "move": move, "answerer": job.answerer, "suite": job.suite,
                    "moved": totals is not None, **_regret_row(totals, job.mandate),
                    "resolution": resolution(mandates[who][state], stale), "stale": old, "fresh": new,
                }
            )  # fmt: skip
    table = columns(rows)
    table["p_holm"] = holm(table["p"])
    episodes += num_episodes([*states.values(), *duels.values()])
    return table, [
        f"{sum(len(job.states) for job in jobs)} searches on {sizes.search_seeds} tapes, at most "
        f"{budget.generations} generations of {budget.population}, and half as many that start at a response; picked "
        f"on {sizes.pick_seeds} other tapes; if another response was picked, scored on {sizes.num_seeds} others, and "
        f"on {sizes.claim_seeds} if the difference there exceeds one standard error; {episodes} episodes without the "
        "last ones",
        "`moved`: another response than the stale one was picked; otherwise there is no regret to score. `resolution`: "
        "the standard error of the difference between the next best response and the stale one, on tapes of selection",
        "`at_defaults`: gain of the fresh response over the stale one without a move; if it is clearly above zero, the "
        "search at the defaults failed and the regret is not strategy alone",
    ]


def _search_pools(
    audit: Audit, jobs: Sequence[Answers], budget: Budget, count: int, label: str
) -> tuple[list[Floats], int]:
    """(points that each answerer picks from, F64[pool, 4]; episodes played)."""
    nearby = replace(budget, generations=max(budget.generations // 2, 1), sigma=NEARBY * budget.sigma)

    def search(asked: Sequence[tuple[Answers, int, Budget, Floats]]) -> Iterator[Table]:
        pieces = [
            Piece(
                f"{label}_{job.suite}_{job.answerer}_{state}",
                Response(job.suite, job.answerer, as_points(job.states[state])[0], spent, count, as_points(start)[0],
                         state),
            )
            for job, state, spent, start in asked
        ]  # fmt: skip
        return iter(run_pieces(search_response, audit.config, pieces, audit.how, f"{label}: searches"))

    # the other searches start at the winner for the defaults
    firsts = list(search([(job, 0, budget, np.zeros(len(job.levers))) for job in jobs]))
    others = search([
        (job, state, nearby, first["point"])
        for job, first in zip(jobs, firsts, strict=True) for state in range(1, len(job.states))
    ])  # fmt: skip
    pools, episodes = [], 0
    for job, first in zip(jobs, firsts, strict=True):
        found = [first, *(next(others) for _ in job.moves)]
        episodes += sum(int(table["episodes"][0]) for table in found)
        ends = [np.zeros(len(job.levers)), *(table["point"] for table in found)]
        halfway = [0.5 * (ends[1] + point) for point in (ends[0], *ends[2:])]
        pools.append(unique_points([*ends, *halfway]))
    return pools, episodes


def _regret_row(totals: Sequence[Totals] | None, mandate: str) -> dict[str, Any]:
    """Columns of one regret, from totals of stale and fresh at a move, then at the defaults; NaN without totals."""
    if totals is None:
        names = ("regret", "standard_error", "z", "p", "at_defaults", "at_defaults_error")
        return {**dict.fromkeys(names, np.nan), "tapes": 0}
    regret, before = difference(totals, mandate, 1, 0), difference(totals, mandate, 3, 2)
    return {
        "regret": regret.mean, "standard_error": regret.error, "z": regret.z, "p": regret.p,
        "at_defaults": before.mean, "at_defaults_error": before.error, "tapes": regret.n,
    }  # fmt: skip


def fell_short(table: Table) -> np.ndarray:
    """Bool [rows]: whether the fresh response also beats the stale one at the defaults, by 2 standard errors."""
    return np.asarray(table["moved"] & (table["at_defaults"] > SHORT * table["at_defaults_error"]))


def summarise(found: Found) -> list[str]:
    """How many regrets are significant, how many moves need no answer, and the largest regret of each answerer."""
    table = found.tables["coupling"]
    survive = table["p_holm"] < LEVEL
    sentences = [
        f"{int(survive.sum())} of {num_rows(table)} stale responses have a significant loss (Holm, {LEVEL:.0%}); for "
        f"{int((survive & fell_short(table)).sum())} of these the fresh response is also better at the defaults",
        *summarise_unmoved(table),
    ]
    for key, own in groups(table, ["answerer"]):
        moved = [row for row in records(own) if row["moved"]]
        if moved:
            row = max(moved, key=lambda one: float(one["regret"]))
            chance = "" if row["p_holm"] < LEVEL else ", perhaps by chance"
            sentences.append(
                f"largest regret of {key['answerer']}: {signed(row['regret'])} ± {number(row['standard_error'])} bp, "
                f"to {row['mover']} {row['move']} on {row['suite']}{chance}"
            )
    return sentences


def summarise_unmoved(table: Table) -> list[str]:
    """A sentence on the moves without a better response than the stale one, if there are any."""
    errors = table["resolution"][~table["moved"]]
    if not errors.size:
        return []
    return [
        f"no better reply found to {errors.size} of {num_rows(table)} moves; the standard error of the next best "
        f"reply's difference from the stale one is {number(np.nanmin(errors))} to {number(np.nanmax(errors))} bp"
    ]


def draw(found: Found) -> Figure:
    """Regret of every stale response in standard errors, labels in bp: one row per move, one panel per suite."""
    table = found.tables["coupling"]
    keys = [tuple(key.values()) for key, _ in groups(table, ["answerer", "mover", "move"])]
    survive = int((table["p_holm"] < LEVEL).sum())
    figure, panels = row_panels(
        names_of(table["suite"]), [f"{mover} {move} → {answerer}" for answerer, mover, move in keys], left=2.0,
        panel=2.7, rest=1.9,
    )  # fmt: skip
    top = min(float(np.nanmax(np.abs([*table["z"], LINEAR_WITHIN]))), FARTHEST)
    for row, short in zip(records(table), fell_short(table), strict=True):
        key = (row["answerer"], row["mover"], row["move"])
        _draw_regret(panels[row["suite"]], keys.index(key), row, short)
    for axes in panels.values():
        for place in range(1, len(keys)):  # between answerers
            if keys[place][0] != keys[place - 1][0]:
                axes.axhline(place - 0.5, color=FAINT, linewidth=0.8)
        axes.set_xscale("symlog", linthresh=LINEAR_WITHIN, linscale=1.0)
        axes.set_xlim(-LINEAR_WITHIN, 6.0 * max(top, LINEAR_WITHIN))  # room for labels
        axes.set_xticks([tick for tick in (-3, 0, 3, 10, 30, 100, 300, 1000) if tick <= max(top, 10.0)])
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
    footnote(
        figure,
        f"regret of the stale response in standard errors (labels: bp of K0 per episode); filled: survives Holm at "
        f"{LEVEL:.0%};\ntriangle: fresh is better at the defaults, too (the search fell short);\n"
        "none: no better reply found, and the standard error [bp] of the next best",
    )
    headline(figure, f"{survive} of {num_rows(table)} responses that do not notice another's move lose beyond chance")
    return figure


def _draw_regret(axes: Axes, place: int, row: Mapping[str, Any], short: bool) -> None:
    sure = bool(row["p_holm"] < LEVEL)
    colour = BLUE if sure else GREY
    z, words = 0.0, f"none ± {number(row['resolution'])}"
    if row["moved"]:
        z, words = float(np.clip(row["z"], -LINEAR_WITHIN, FARTHEST)), signed(row["regret"])
        axes.plot([z], [place], marker="^" if short else "o", markersize=5.5, color=colour, zorder=3,
                  markerfacecolor=colour if sure else "white")  # fmt: skip
    axes.annotate(
        words, (z, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=7, color=colour, zorder=4,
        bbox={"facecolor": "white", "linewidth": 0, "pad": 0.6},
    )  # fmt: skip
