"""The cheater suite: whoever looks for a mistake in the rules must end below the default constants in welfare.

The claim is of the stress mix, which may be learned from. What a cheater earns in each market alone stands beside it:
in a crisis constants that are wrong on the whole may well be right, and the defaults are no optimum there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protogov.agents.baselines import CHEATERS
from protogov.agents.governor import Governor
from protogov.envs.config import WorldConfig
from protogov.experiments.audit.check import FIRST_SCORING, Check, Floats, columns
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.evaluation import evaluate
from protogov.experiments.governors import STATIC, baseline
from protogov.experiments.statistics import Interval, student_t
from protogov.experiments.tables import Table

CLAIM = (
    "every cheater's welfare on the stress mix lies below the default constants', and the 95% interval of the "
    "difference below zero"
)
TAPES = 12288  # self_mark is half a basis point below, which fewer do not tell from zero
REGIME_TAPES = 256  # a market alone is told, not judged


@dataclass(frozen=True)
class Play:
    """Governors on the scoring tapes.

    Attributes:
        governors: name of a baseline.
        scenario: what is drawn from.
        num_seeds: tapes.
    """

    governors: str
    scenario: str
    num_seeds: int


def play_welfare(config: WorldConfig, job: Play) -> Table:
    """A row a tape: welfare of the episode [bp of K0]."""
    return {"welfare": _welfare(config, job.scenario, job.num_seeds, baseline(job.governors, config).make(config))}


def _welfare(config: WorldConfig, scenario: str, num_seeds: int, governors: Mapping[str, Governor]) -> Floats:
    seeds = np.arange(FIRST_SCORING, FIRST_SCORING + num_seeds, dtype=np.uint64)
    return np.asarray(evaluate(config, scenario, seeds, dict(governors))["welfare/0"])


def audit_cheaters(
    config: WorldConfig,
    scenario: str = "mix",
    num_seeds: int = 256,
    cheaters: Sequence[str] = CHEATERS,
    planted: Mapping[str, Mapping[str, Governor]] | None = None,
    regimes: Sequence[str] = (),
    how: Running = HERE,
) -> Check:
    """Play every cheater and the default constants on the same tapes.

    Args:
        config: the world.
        scenario: what is drawn from.
        num_seeds: tapes, at least 2.
        cheaters: names of baselines.
        planted: more of them, name -> a governor for each agent.
        regimes: further scenarios on which each is played without a verdict, on `REGIME_TAPES` tapes at most.
        how: processes, and where finished pieces are kept: a piece is a cheater.
    """
    names = [STATIC, *cheaters]
    played = _play_all(config, scenario, num_seeds, names, how)
    base = played.pop(STATIC)
    for name, governors in (planted or {}).items():
        played[name] = _welfare(config, scenario, num_seeds, governors)
    rows = _rows(base, played)
    caught = [row for row in rows if row["below"]]
    free = ", ".join(f"{row['cheater']} {row['difference']:+.1f}" for row in rows if not row["below"])
    verdict = f"{len(caught)} of {len(rows)} below" + (f"; not: {free} bp" if free else "")
    notes = [f"{num_seeds} paired tapes of {scenario}"]
    by_regime: list[dict[str, object]] = []
    few = min(num_seeds, REGIME_TAPES)
    for regime in regimes:
        there = _play_all(config, regime, few, names, how)
        by_regime += [{"regime": regime} | row for row in _rows(there.pop(STATIC), there)]
    if by_regime:
        above = [row for row in by_regime if float(str(row["low"])) > 0.0]
        gains = "; ".join(f"{row['cheater']} {row['difference']:+.1f} on {row['regime']}" for row in above)
        notes.append(
            f"by regime on {few} tapes (cheaters_regimes.csv), no part of the claim: {len(above)} "
            f"of {len(by_regime)} lie above the defaults with their whole interval{': ' + gains if gains else ''}"
        )
    more = {"cheaters_regimes": columns(by_regime)} if by_regime else {}
    return Check("cheaters", CLAIM, len(caught) == len(rows), verdict, columns(rows), tuple(notes), more)


def _play_all(
    config: WorldConfig, scenario: str, num_seeds: int, names: Sequence[str], how: Running
) -> dict[str, Floats]:
    pieces = [Piece(f"cheaters_{name}_{scenario}", Play(name, scenario, num_seeds)) for name in names]
    parts = run_pieces(play_welfare, config, pieces, how, f"cheaters: {scenario}")
    return {name: part["welfare"] for name, part in zip(names, parts, strict=True)}


def _rows(base: Floats, played: Mapping[str, Floats]) -> list[dict[str, object]]:
    """A row a cheater: its welfare beside the defaults' on the same tapes, with the difference's interval."""
    rows: list[dict[str, object]] = []
    for name, welfare in played.items():
        difference = student_t(welfare - base)
        rows.append(
            {
                "cheater": name,
                "welfare": float(welfare.mean()),
                "default": float(base.mean()),
                "difference": difference.mean,
                "low": difference.low,
                "high": difference.high,
                "below": below(difference),
            }  # fmt: skip
        )
    return rows


def below(difference: Interval) -> bool:
    """Whether a cheater is caught: the whole interval lies below zero."""
    return difference.high < 0.0
