"""Coupling: does one role's move change what is best for another, and what does it cost not to notice?

Influence is not strategy: a lever may move everybody's totals and nobody's optimum. For an ordered pair (i moves, j
answers) j's best response on its own mandate is searched at i's defaults and at each of i's moves; the regret of the
stale response is what j loses by keeping the first. All candidates are picked on some tapes and scored on others.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations

import numpy as np

from protogov.agents.tuning.objective import Constants, Tapes, open_tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.world.levers import LEVER_INDEX, LEVERS
from protogov.experiments.audit.check import FIRST_SCORING, FIRST_SELECTION, Check, Floats, Paired, columns

REGIMES = ("calm", "jump", "crisis-2021-05")
SIGNIFICANT = 3.0  # standard errors
PAIRS = 3  # of the six that must be coupled
# what a role may do to the others: name -> its levers' actions; those not named stand at their default
MOVES: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "rate": {
        "cheap": {"base_rate": -1.0, "slope1": -0.8, "slope2": -0.8, "optimal_utilisation": 0.8},
        "dear": {"base_rate": 0.4, "slope1": 0.6, "slope2": 0.6, "optimal_utilisation": -0.4},
    },
    "risk": {
        "lax": {"liquidation_threshold": 0.8, "ltv_gap": -0.8, "option_margin": -0.8},
        "strict": {"liquidation_threshold": -0.4, "ltv_gap": 0.3, "option_margin": 0.8},
    },
    "spread": {
        "tight": {"half_spread": -0.8, "vega_fee": -1.0, "hedge_ratio": 0.8},
        "wide": {"half_spread": 0.6, "vega_fee": 0.6, "hedge_ratio": -1.0},
    },
}
CLAIM = (
    f"at least {PAIRS} of the 6 ordered pairs of roles, and one into each role, have a stale best response whose "
    f"regret exceeds {SIGNIFICANT:g} standard errors in some regime"
)


def candidates(levers: Sequence[str], count: int) -> Floats:
    """Points in the levers, F64[1 + 2k + count, k]: the defaults, each lever alone half up and down, then Sobol's."""
    from scipy.stats import qmc

    size = len(levers)
    spread = 2.0 * qmc.Sobol(size, scramble=False).random(count + 1)[1:] - 1.0 if count else np.empty((0, size))
    return np.concatenate([np.zeros((1, size)), 0.5 * np.eye(size), -0.5 * np.eye(size), spread])


def held_actions(move: Mapping[str, float]) -> Floats:
    """All twelve actions of a move, F64[12]."""
    actions = np.zeros(len(LEVERS))
    for name, place in move.items():
        actions[LEVER_INDEX[name]] = place
    return actions


def audit_coupling(
    config: WorldConfig,
    regimes: Sequence[str] = REGIMES,
    num_seeds: int = 48,
    scoring_seeds: int = 128,
    count: int = 15,
    roles: Sequence[str] = ("rate", "risk", "spread"),
    num_threads: int = 1,
    tell: Callable[[str], None] = lambda text: None,
) -> Check:
    """Search best responses on a design of points and measure the regret of the stale ones.

    Args:
        config: one venue with the three roles.
        regimes: scenarios.
        num_seeds: tapes on which responses are picked.
        scoring_seeds: tapes on which they are scored.
        count: Sobol points beside the defaults and each lever alone.
        roles: between whom.
        num_threads: of the simulator.
        tell: called with a line for each pair and regime.
    """
    rows: list[dict[str, object]] = []
    for regime in regimes:
        (pick,) = open_tapes(config, [regime], FIRST_SELECTION, num_seeds, num_threads)
        (score,) = open_tapes(config, [regime], FIRST_SCORING, scoring_seeds, num_threads)
        stale = {role: _best(pick, role, np.zeros(len(LEVERS)), count) for role in roles}
        for mover, answerer in permutations(roles, 2):
            for name, move in MOVES[mover].items():
                held = held_actions(move)
                fresh = _best(pick, answerer, held, count)
                pair = np.array([stale[answerer], fresh])
                totals = score.play(Constants(role_levers(answerer)), pair, held).totals[answerer]
                regret = Paired.of(totals[1] - totals[0])
                rows.append(
                    {
                        "mover": mover,
                        "move": name,
                        "answerer": answerer,
                        "regime": regime,
                        "regret": regret.mean,
                        "standard_error": regret.error,
                        "z": regret.z,
                        "moved": not np.array_equal(stale[answerer], fresh),
                        "coupled": regret.z > SIGNIFICANT,
                        "stale": _said(answerer, stale[answerer]),
                        "fresh": _said(answerer, fresh),
                    }  # fmt: skip
                )
                tell(f"{regime}: {mover} {name} -> {answerer} {regret.mean:+.3f} +- {regret.error:.3f} bp")
    coupled = {(row["mover"], row["answerer"]) for row in rows if row["coupled"]}
    into = {answerer for _, answerer in coupled}
    verdict = f"{len(coupled)} of {len(roles) * (len(roles) - 1)} pairs coupled: " + (
        ", ".join(f"{mover} -> {answerer}" for mover, answerer in sorted(coupled)) or "none"
    )
    holds = len(coupled) >= PAIRS and into == set(roles)
    notes = (f"regimes {', '.join(regimes)}; {num_seeds} tapes to pick, {scoring_seeds} to score",)
    return Check("coupling", CLAIM, holds, verdict, columns(rows), notes)


def _best(tapes: Tapes, role: str, held: Floats, count: int) -> Floats:
    """The candidate of the highest mean mandate."""
    family = Constants(role_levers(role))
    points = candidates(family.levers, count)
    return np.asarray(points[int(tapes.play(family, points, held).totals[role].mean(axis=1).argmax())])


def _said(role: str, point: Floats) -> str:
    return " ".join(f"{name}={value:.4g}" for name, value in Constants(role_levers(role)).values(point).items())
