"""What each role is worth: how far W ranges over what its levers can do, the others at their defaults.

The points that end the range are picked on tapes of selection and scored on others: the range of means on one set of
tapes grows with their noise.
"""

from collections.abc import Sequence

import numpy as np

from protogov.agents.tuning.objective import role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.audit.measurement import (
    FIRST_SCORING,
    FIRST_SELECTION,
    PICKING,
    Floats,
    Measurement,
    Paired,
    columns,
)
from protogov.experiments.audit.playing import WELFARE, Play, as_points, episodes_of, play_pieces_of
from protogov.experiments.audit.running import HERE, Running
from protogov.experiments.audit.suites import SUITES
from protogov.experiments.core.tables import Table

QUESTION = "What is each role worth: how far does W range over its levers?"
ROLES = ("rate", "risk", "spread")
POINTS = 256
SCRAMBLE = 15  # seed of the Sobol sequence
ENDS = ("lowest", "low_5", "high_95", "highest")


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
    num_seeds: int = 1024,
    count: int = POINTS,
    pick_seeds: int = 32,
    how: Running = HERE,
) -> Measurement:
    """Play Sobol points of every role's levers, and score those that end the range on other tapes.

    Args:
        config: one venue.
        suites: what is drawn from.
        num_seeds: scoring tapes of a role's lowest, highest, 5% and 95% points.
        count: points a role, a power of two.
        pick_seeds: tapes of selection on which all points are played and these are picked.
        how: processes, and where finished pieces are kept.
    """
    still = np.zeros((1, len(LEVERS)))
    points = {role: np.concatenate([still, sobol_points(role, count)]) for role in ROLES}
    asked = {
        f"{suite}/{role}": Play(suite, as_points(points[role]), FIRST_SELECTION + PICKING, pick_seeds)
        for suite in suites for role in ROLES
    }  # fmt: skip
    played = play_pieces_of(config, asked, how, "worth: points")
    over = {
        key: totals[f"{WELFARE}/0"][1:].mean(axis=1) - totals[f"{WELFARE}/0"][0].mean()
        for key, totals in played.items()
    }
    ends = {key: pick_ends(means) for key, means in over.items()}
    scored = {
        key: Play(job.suite, as_points(np.concatenate([still, np.array(job.points)[1:][ends[key]]])), FIRST_SCORING,
                  num_seeds)
        for key, job in asked.items()
    }  # fmt: skip
    found = play_pieces_of(config, scored, how, "worth: scoring")
    rows: list[dict[str, object]] = []
    every: list[dict[str, object]] = []
    for suite in suites:
        for role in ROLES:
            key = f"{suite}/{role}"
            above = float((over[key] > 0.0).mean())
            rows.append({"suite": suite, "role": role, **range_row(found[key][f"{WELFARE}/0"]), "above_default": above})
            every += [
                {"suite": suite, "role": role, "point": at, "over_default": float(w)} for at, w in enumerate(over[key])
            ]
    table = columns(rows)
    notes = (
        f"{count} Sobol points of each role's four levers, others at their defaults, on {pick_seeds} tapes of "
        "selection (worth_points.csv, above_default); the lowest, the highest and those at 5% and 95% there, scored "
        f"on {num_seeds} others; {episodes_of([*asked.values(), *scored.values()])} episodes",
    )
    return Measurement("worth", QUESTION, say(table), table, notes, {"worth_points": columns(every)})


def pick_ends(means: Floats) -> list[int]:
    """Numbers of the lowest point, of those with 5% below and 5% above them, and of the highest."""
    order = np.argsort(means, kind="stable")
    tail = round(0.05 * (len(order) - 1))
    return [int(order[at]) for at in (0, tail, len(order) - 1 - tail, len(order) - 1)]


def range_row(welfare: Floats) -> dict[str, object]:
    """Of W of the defaults, lowest, 5%, 95% and highest points, F64[5, tapes]: each over the defaults, and ranges."""
    default, *ends = welfare
    row: dict[str, object] = {
        name: float((of - default).mean()) for name, of in zip(ENDS, ends, strict=True)
    }  # fmt: skip
    whole, most = Paired.of(ends[3] - ends[0]), Paired.of(ends[2] - ends[1])
    row |= {"range": whole.mean, "range_low": whole.low, "range_high": whole.high}
    return row | {"range_90": most.mean, "range_90_low": most.low, "range_90_high": most.high}


def say(table: Table) -> tuple[str, ...]:
    """The ranges, suite by suite."""
    parts = []
    for suite in dict.fromkeys(table["suite"]):
        ranges = ", ".join(
            f"{table['role'][row]} {table['range'][row]:.1f} [{table['range_low'][row]:.1f}, "
            f"{table['range_high'][row]:.1f}] ({table['range_90'][row]:.1f} from 5% to 95%)"
            for row in np.flatnonzero(table["suite"] == suite)
        )
        parts.append(f"{suite}: W ranges over {ranges} bp")
    return tuple(parts)
