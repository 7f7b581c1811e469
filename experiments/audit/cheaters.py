"""The cheater suite: whoever looks for a mistake in the rules must end below the default constants in welfare."""

from collections.abc import Mapping, Sequence

import numpy as np

from protogov.agents.baselines import CHEATERS
from protogov.agents.governor import Governor
from protogov.envs.config import WorldConfig
from protogov.experiments.audit.check import FIRST_SCORING, Check, columns
from protogov.experiments.evaluation import evaluate
from protogov.experiments.governors import STATIC, baseline
from protogov.experiments.statistics import Interval, student_t

CLAIM = "every cheater's welfare lies below the default constants', and the 95% interval of the difference below zero"


def audit_cheaters(
    config: WorldConfig,
    scenario: str = "mix",
    num_seeds: int = 256,
    cheaters: Sequence[str] = CHEATERS,
    planted: Mapping[str, Mapping[str, Governor]] | None = None,
) -> Check:
    """Play every cheater and the default constants on the same tapes.

    Args:
        config: the world.
        scenario: what is drawn from.
        num_seeds: tapes, at least 2.
        cheaters: names of baselines.
        planted: more of them, name -> a governor for each agent.
    """
    seeds = np.arange(FIRST_SCORING, FIRST_SCORING + num_seeds, dtype=np.uint64)
    base = evaluate(config, scenario, seeds, baseline(STATIC, config).make(config))["welfare/0"]
    sets = {name: baseline(name, config).make(config) for name in cheaters}
    rows: list[dict[str, object]] = []
    for name, governors in {**sets, **(planted or {})}.items():
        welfare = evaluate(config, scenario, seeds, governors)["welfare/0"]
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
    caught = [row for row in rows if row["below"]]
    free = ", ".join(f"{row['cheater']} {row['difference']:+.1f}" for row in rows if not row["below"])
    verdict = f"{len(caught)} of {len(rows)} below" + (f"; not: {free} bp" if free else "")
    return Check("cheaters", CLAIM, len(caught) == len(rows), verdict, columns(rows), (f"{num_seeds} paired tapes",))


def below(difference: Interval) -> bool:
    """Whether a cheater is caught: the whole interval lies below zero."""
    return difference.high < 0.0
