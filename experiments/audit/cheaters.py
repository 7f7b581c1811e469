"""W of the defaults, and what governors that look for a mistake in the rules do to it, on the same tapes."""

from collections.abc import Mapping, Sequence

import numpy as np

from protogov.agents.baselines import CHEATERS
from protogov.envs.config import WorldConfig
from protogov.experiments.audit.measurement import CLAIM_TAPES, FIRST_SCORING, Floats, Measurement, Paired, columns
from protogov.experiments.audit.playing import WELFARE, Govern, chunks, govern_piece
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.audit.suites import SUITES
from protogov.experiments.governors import STATIC

QUESTION = "What is W under the defaults, and does a governor that looks for a mistake in the rules do better?"


def measure_cheaters(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    num_seeds: int = CLAIM_TAPES,
    cheaters: Sequence[str] = CHEATERS,
    how: Running = HERE,
) -> Measurement:
    """Play every cheater and the default constants on the same tapes.

    Args:
        config: the world.
        suites: what is drawn from.
        num_seeds: tapes of each, at least 2.
        cheaters: names of baselines.
        how: processes, and where finished pieces are kept: a piece is a cheater on some tapes.
    """
    names = (STATIC, *cheaters)
    found = play_all({"": config}, suites, num_seeds, names, how, "cheaters")
    rows: list[dict[str, object]] = []
    for suite in suites:
        played = {name: found["", suite, name] for name in names}
        rows += [{"suite": suite} | row for row in cheater_rows(played)]
    table = columns(rows)
    notes = (f"{num_seeds} paired tapes a suite; {len(names) * len(suites) * num_seeds} episodes",)
    return Measurement("cheaters", QUESTION, say(table), table, notes)


def play_all(
    worlds: Mapping[str, WorldConfig],
    suites: Sequence[str],
    num_seeds: int,
    names: Sequence[str],
    how: Running,
    label: str,
) -> dict[tuple[str, str, str], Floats]:
    """(world, suite, governors) -> welfare of every scoring tape [bp of K0]."""
    pieces, owners = [], []
    for world, config in worlds.items():
        for suite in suites:
            for name in names:
                for first, count in chunks(FIRST_SCORING, num_seeds):
                    words = "_".join(part for part in (label, world, suite, name, str(first - FIRST_SCORING)) if part)
                    pieces.append(Piece(words, Govern(suite, name, first, count), config))
                    owners.append((world, suite, name))
    parts = run_pieces(govern_piece, next(iter(worlds.values())), pieces, how, label)
    found: dict[tuple[str, str, str], list[Floats]] = {}
    for owner, part in zip(owners, parts, strict=True):
        found.setdefault(owner, []).append(part[WELFARE])
    return {owner: np.concatenate(some) for owner, some in found.items()}


def cheater_rows(played: Mapping[str, Floats]) -> list[dict[str, object]]:
    """A row a governor, the defaults' first: W with its interval, and what it has over the defaults [bp of K0]."""
    rows: list[dict[str, object]] = []
    for name, welfare in played.items():
        own, over = Paired.of(welfare), Paired.of(welfare - played[STATIC])
        rows.append(
            {
                "governors": name, "welfare": own.mean, "welfare_low": own.low, "welfare_high": own.high,
                "difference": over.mean, "low": over.low, "high": over.high,
            }
        )  # fmt: skip
    return rows


def say(table: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """What came out, suite by suite."""
    parts = []
    for suite in dict.fromkeys(table["suite"]):
        here = table["suite"] == suite
        cheats = here & (table["governors"] != STATIC)
        base = int(np.flatnonzero(here & (table["governors"] == STATIC))[0])
        below = int((table["high"][cheats] < 0.0).sum())
        free = [
            f"{table['governors'][row]} {table['difference'][row]:+.2f} "
            f"[{table['low'][row]:+.2f}, {table['high'][row]:+.2f}]"
            for row in np.flatnonzero(cheats & ~(table["high"] < 0.0))
        ]
        interval = f"[{table['welfare_low'][base]:+.1f}, {table['welfare_high'][base]:+.1f}]"
        parts.append(
            f"{suite}: W of the defaults {table['welfare'][base]:+.1f} {interval} bp, {below} of {int(cheats.sum())} "
            f"cheaters below them{', not ' + ', '.join(free) if free else ''}"
        )
    return tuple(parts)
