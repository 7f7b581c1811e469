"""What each role is worth: how far W ranges over what its levers can do, the others at their defaults."""

from collections.abc import Sequence

import numpy as np

from protogov.agents.tuning.objective import role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.world.levers import LEVER_INDEX, LEVERS
from protogov.experiments.audit.measurement import FIRST_SCORING, Floats, Measurement, columns
from protogov.experiments.audit.playing import WELFARE, Play, as_points, play_pieces_of
from protogov.experiments.audit.running import HERE, Running
from protogov.experiments.audit.suites import SUITES
from protogov.experiments.tables import Table

QUESTION = "What is each role worth: how far does W range over its levers?"
ROLES = ("rate", "risk", "spread")
POINTS = 256
GROUP = 32  # points of a piece
SCRAMBLE = 15  # seed of the Sobol sequence


def sobol_points(role: str, count: int = POINTS) -> Floats:
    """Actions of all twelve levers, F64[count, 12]: scrambled Sobol points over a role's levers, others at 0.

    Sobol (1967), scrambled after Owen (1998), by scipy; `count` must be a power of two.

    Raises:
        ValueError: another count.
    """
    from scipy.stats import qmc  # slow to import

    if count < 2 or count & (count - 1):
        raise ValueError(f"count is {count}; a power of two from 2 is accepted.")
    levers = role_levers(role)
    drawn = qmc.Sobol(len(levers), scramble=True, seed=SCRAMBLE).random(count)
    points = np.zeros((count, len(LEVERS)))
    points[:, [LEVER_INDEX[name] for name in levers]] = 2.0 * drawn - 1.0
    return points


def measure_worth(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    num_seeds: int = 48,
    count: int = POINTS,
    how: Running = HERE,
) -> Measurement:
    """Play Sobol points of every role's levers on the same tapes.

    Args:
        config: one venue.
        suites: what is drawn from.
        num_seeds: tapes, the same for all points.
        count: points a role, a power of two.
        how: processes, and where finished pieces are kept.
    """
    asked = {}
    for suite in suites:
        asked[f"{suite}/default/0"] = Play(suite, as_points(np.zeros(len(LEVERS))), FIRST_SCORING, num_seeds)
        for role in ROLES:
            points = sobol_points(role, count)
            for at in range(0, count, GROUP):
                asked[f"{suite}/{role}/{at}"] = Play(
                    suite, as_points(points[at : at + GROUP]), FIRST_SCORING, num_seeds
                )
    played = play_pieces_of(config, asked, how, "worth")
    rows, every = [], []
    for suite in suites:
        default = played[f"{suite}/default/0"][f"{WELFARE}/0"]
        for role in ROLES:
            welfare = np.concatenate([played[f"{suite}/{role}/{at}"][f"{WELFARE}/0"] for at in range(0, count, GROUP)])
            rows.append({"suite": suite, "role": role} | range_row(welfare, default[0]))
            over = welfare.mean(axis=1) - default.mean()
            every += [
                {"suite": suite, "role": role, "point": at, "over_default": float(w)} for at, w in enumerate(over)
            ]
    table = columns(rows)
    episodes = sum(len(job.points) for job in asked.values()) * num_seeds
    notes = (
        f"{count} Sobol points of each role's four levers, others at their defaults, on the same {num_seeds} tapes; "
        f"{episodes} episodes; standard_error: the median one of a point's difference from the defaults",
    )
    return Measurement("worth", QUESTION, say(table), table, notes, {"worth_points": columns(every)})


def range_row(welfare: Floats, default: Floats) -> dict[str, object]:
    """Of points' welfare F64[points, tapes] over the defaults' F64[tapes]: lowest, quantiles, highest, ranges [bp]."""
    over = welfare - default
    means, errors = over.mean(axis=1), over.std(axis=1, ddof=1) / np.sqrt(over.shape[1])
    low, median, high = (float(value) for value in np.quantile(means, (0.05, 0.5, 0.95)))
    return {
        "lowest": float(means.min()), "low_5": low, "median": median, "high_95": high, "highest": float(means.max()),
        "range": float(np.ptp(means)), "range_90": high - low, "above_default": float((means > 0.0).mean()),
        "standard_error": float(np.median(errors)),
    }  # fmt: skip


def say(table: Table) -> str:
    """The ranges, suite by suite."""
    parts = []
    for suite in dict.fromkeys(table["suite"]):
        ranges = ", ".join(
            f"{table['role'][row]} {table['range'][row]:.1f} ({table['range_90'][row]:.1f} from 5% to 95%)"
            for row in np.flatnonzero(table["suite"] == suite)
        )
        parts.append(f"{suite}: W ranges over {ranges} bp")
    return "; ".join(parts)
