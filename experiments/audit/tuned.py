"""What constants tuned in hindsight gain over the defaults, and how much of the gain stands beside market profit.

Three searches of each suite, on fresh tapes every generation; the best of what they offer is picked on tapes of
selection that none of them saw, and scored on others. The option pool's profit by price and vol (delta, gamma, theta,
vega) is no part of W; a gain that comes with such a profit is still asked where it comes from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVERS
from protogov.experiments.audit.measurement import (
    CLAIM_TAPES,
    FIRST_SCORING,
    FIRST_SELECTION,
    PICKING,
    Floats,
    Measurement,
    Paired,
    columns,
    told,
)
from protogov.experiments.audit.playing import PROFIT, WELFARE, Play, as_points, play_pieces_of, said_levers
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.audit.searching import Effort, Search, offers, search_piece
from protogov.experiments.audit.suites import SUITES

QUESTION = (
    "What do constants tuned in hindsight gain in W, and what does the option pool earn by price and vol beside it?"
)
EFFORT = Effort(generations=32, population=11, tapes=32)  # 1,024 distinct tapes
SEEDS = (1, 2, 3)
PICK_TAPES = 512
LEVER_NAMES = tuple(lever.name for lever in LEVERS)


@dataclass(frozen=True)
class Tuned:
    """What the searches of one suite found.

    Attributes:
        point: F64[12], the pick's actions; the defaults where no search has anything better.
        seed: of the search it came from, 0 for the defaults.
        gains: seed of a search -> gain of its better offer over the defaults on the tapes of selection [bp of K0].
    """

    point: Floats
    seed: int
    gains: Mapping[int, float]


def find_tuned(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    effort: Effort = EFFORT,
    pick_seeds: int = PICK_TAPES,
    how: Running = HERE,
) -> dict[str, Tuned]:
    """Search and pick; suite -> what was found. Pieces that are kept are taken as they are."""
    ends = search_tuned(config, suites, effort, how)
    asked = {
        suite: Play(suite, as_points(np.vstack([np.zeros(len(LEVERS)), of])), FIRST_SELECTION + PICKING, pick_seeds)
        for suite, of in ends.items()
    }
    played = play_pieces_of(config, asked, how, "tuned: picking")
    return {
        suite: pick_tuned(np.array(asked[suite].points), totals[f"{WELFARE}/0"]) for suite, totals in played.items()
    }


def search_tuned(
    config: WorldConfig, suites: Sequence[str] = SUITES, effort: Effort = EFFORT, how: Running = HERE
) -> dict[str, Floats]:
    """Suite -> what the three searches offer, two points each: F64[6, 12]."""
    jobs = [Search(suite, LEVER_NAMES, effort, seed) for suite in suites for seed in SEEDS]
    pieces = [Piece(f"tuned_{job.suite}_{job.seed}", job) for job in jobs]
    found = run_pieces(search_piece, config, pieces, how, "tuned: searches")
    ends: dict[str, list[Floats]] = {suite: [] for suite in suites}
    for job, table in zip(jobs, found, strict=True):
        ends[job.suite] += offers(table)
    return {suite: np.array(of) for suite, of in ends.items()}


def pick_tuned(points: Floats, welfare: Floats) -> Tuned:
    """The best of the defaults (first) and of two offers a search, from welfare F64[1 + 2 * seeds, tapes]."""
    means = welfare.mean(axis=1) - welfare[0].mean()
    best = int(means.argmax())
    gains = {seed: float(means[1 + 2 * at : 3 + 2 * at].max()) for at, seed in enumerate(SEEDS)}
    return Tuned(points[best], SEEDS[(best - 1) // 2] if best else 0, gains)


def measure_tuned(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    num_seeds: int = CLAIM_TAPES,
    effort: Effort = EFFORT,
    pick_seeds: int = PICK_TAPES,
    how: Running = HERE,
) -> Measurement:
    """Tune all twelve levers on W, pick the best of three searches, and score it on other tapes.

    Args:
        config: one venue.
        suites: what is drawn from.
        num_seeds: paired tapes of the score.
        effort: of each search.
        pick_seeds: tapes of selection.
        how: processes, and where finished pieces are kept.
    """
    found = find_tuned(config, suites, effort, pick_seeds, how)
    asked = {
        suite: Play(suite, as_points(np.array([np.zeros(len(LEVERS)), one.point])), FIRST_SCORING, num_seeds)
        for suite, one in found.items()
    }
    played = play_pieces_of(config, asked, how, "tuned: scoring")
    rows: list[dict[str, object]] = []
    for suite, totals in played.items():
        welfare, profit = totals[f"{WELFARE}/0"], totals[f"{PROFIT}/0"]
        gain, market = Paired.of(welfare[1] - welfare[0]), Paired.of(profit[1] - profit[0])
        rows.append(
            {
                "suite": suite, "default": float(welfare[0].mean()), "tuned": float(welfare[1].mean()),
                "gain": gain.mean, "low": gain.low, "high": gain.high,
                "default_profit": float(profit[0].mean()), "tuned_profit": float(profit[1].mean()),
                "profit_gain": market.mean, "profit_low": market.low, "profit_high": market.high,
                "search": found[suite].seed,
            }
        )  # fmt: skip
    searches: list[dict[str, object]] = [
        {
            "suite": suite, "search": seed, "selection_gain": gain, "picked": seed == one.seed,
            "tapes": effort.distinct, "episodes": effort.episodes,
        }
        for suite, one in found.items() for seed, gain in one.gains.items()
    ]  # fmt: skip
    constants: list[dict[str, object]] = [
        {"suite": suite, "lever": name, "action": float(place), "value": said_levers(one.point, config)[name]}
        for suite, one in found.items() for name, place in zip(LEVER_NAMES, one.point, strict=True)
    ]  # fmt: skip
    table = columns(rows)
    episodes = len(suites) * (len(SEEDS) * effort.episodes + (1 + 2 * len(SEEDS)) * pick_seeds + 2 * num_seeds)
    notes = (
        f"{len(SEEDS)} searches a suite, {effort.generations} generations of {effort.population} on {effort.tapes} "
        f"fresh tapes each, {effort.distinct} distinct tapes; picked on {pick_seeds} others, scored on {num_seeds}; "
        f"{episodes} episodes",
        "market profit: the option pool's delta, gamma, theta and vega, which W leaves out",
    )
    more = {"tuned_searches": columns(searches), "tuned_constants": columns(constants)}
    return Measurement("tuned", QUESTION, _say(rows, played), table, notes, more)


def _say(rows: Sequence[Mapping[str, object]], played: Mapping[str, Mapping[str, Floats]]) -> tuple[str, ...]:
    parts = []
    for row in rows:
        totals = played[str(row["suite"])]
        gain, market = (Paired.of(totals[f"{name}/0"][1] - totals[f"{name}/0"][0]) for name in (WELFARE, PROFIT))
        parts.append(f"{row['suite']}: gain in W {told(gain)} bp, in market profit {told(market)}")
    return tuple(parts)
