"""The balance of a mandate: no positive term so large that the others are noise, none so small that it is not seen."""

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.roles import make_agents
from protogov.experiments.audit.check import FIRST_SCORING, Check, columns
from protogov.experiments.evaluation import evaluate
from protogov.experiments.governors import STATIC, baseline

LOW, HIGH = 2.0, 20.0  # bp of K0: mean absolute total of an episode
RATIO = 10.0  # of the largest term over the smallest, within a mandate
FULL = 1.0  # weight of the terms that are held to this
CLAIM = (
    f"under defaults every term of weight +-1 has a mean absolute episode total of {LOW:g} to {HIGH:g} bp of K0, "
    f"and within a mandate the largest is at most {RATIO:g} times the smallest"
)


def audit_balance(
    config: WorldConfig, scenario: str = "mix", num_seeds: int = 256, low: float = LOW, high: float = HIGH
) -> Check:
    """Play the default constants and add up every term.

    Args:
        config: the world.
        scenario: the stress mix.
        num_seeds: tapes.
        low: smallest mean absolute total that is accepted [bp of K0].
        high: largest.
    """
    seeds = np.arange(FIRST_SCORING, FIRST_SCORING + num_seeds, dtype=np.uint64)
    governors = baseline(STATIC, config)
    played = governors.make(config)
    table = evaluate(config, scenario, seeds, played)
    rows: list[dict[str, object]] = []
    for agent in make_agents(config.roles, config.venues):
        for term in agent.role.terms:
            totals = np.abs(table[f"term/{agent.name}/{term.name}"])
            size, held = float(totals.mean()), abs(term.weight) == FULL
            rows.append(
                {
                    "agent": agent.name,
                    "term": term.name,
                    "weight": term.weight,
                    "mean_absolute": size,
                    "standard_error": float(totals.std(ddof=1) / np.sqrt(num_seeds)),
                    "held": held,
                    "within": low <= size <= high or not held,
                }  # fmt: skip
            )
    outside = [row for row in rows if not row["within"]]
    ratios = {}
    for agent in make_agents(config.roles, config.venues):
        sizes = [float(str(row["mean_absolute"])) for row in rows if row["agent"] == agent.name and row["held"]]
        ratios[agent.name] = max(sizes) / max(min(sizes), 1e-12)
    worst = max(ratios, key=lambda name: ratios[name])
    said = ", ".join(f"{row['agent']} {row['term']} {row['mean_absolute']:.2f} bp" for row in outside)
    verdict = (f"outside: {said}; " if said else "all within; ") + f"largest ratio {ratios[worst]:.1f} ({worst})"
    return Check(
        "balance", CLAIM, not outside and ratios[worst] <= RATIO, verdict, columns(rows), (f"{num_seeds} tapes",)
    )
