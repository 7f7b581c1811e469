"""How much each term of a mandate moves under the defaults: a plain table, with nothing that it is held to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.roles import make_agents
from protogov.experiments.audit.measurement import FIRST_SCORING, Measurement, columns
from protogov.experiments.audit.playing import chunks, tape_range
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.audit.suites import SUITES, find_suite
from protogov.experiments.core.tables import Table, concatenate
from protogov.experiments.evaluation import evaluate
from protogov.experiments.governors import STATIC, baseline

QUESTION = "How large are the terms that the governors are paid by, under the defaults?"


@dataclass(frozen=True)
class Terms:
    """The defaults on some tapes.

    Attributes:
        suite: what is drawn from.
        first: seed of the first tape.
        count: tapes.
    """

    suite: str
    first: int
    count: int


def play_terms(config: WorldConfig, job: Terms) -> Table:
    """A row a tape: the episode's total of every unweighted term, `term/agent/name` [bp of K0]."""
    governors = baseline(STATIC, config).make(config)
    table = evaluate(config, find_suite(job.suite), tape_range(job.first, job.count), governors)
    return {name: values for name, values in table.items() if name.startswith("term/")}


def measure_balance(
    config: WorldConfig, suites: Sequence[str] = SUITES, num_seeds: int = 2048, how: Running = HERE
) -> Measurement:
    """Play the default constants and add up every term.

    Args:
        config: the world.
        suites: what is drawn from.
        num_seeds: tapes of each, at least 2.
        how: processes, and where finished pieces are kept.
    """
    pieces = [
        Piece(f"balance_{suite}_{first - FIRST_SCORING}", Terms(suite, first, count))
        for suite in suites
        for first, count in chunks(FIRST_SCORING, num_seeds)
    ]
    parts = run_pieces(play_terms, config, pieces, how, "balance")
    rows: list[dict[str, object]] = []
    for suite in suites:
        own = zip(pieces, parts, strict=True)
        table = concatenate(part for piece, part in own if piece.job.suite == suite)
        for agent in make_agents(config.roles, config.venues):
            for term in agent.role.terms:
                totals = np.abs(table[f"term/{agent.name}/{term.name}"])
                error = float(totals.std(ddof=1) / np.sqrt(totals.size))
                rows.append(
                    {
                        "suite": suite, "agent": agent.name, "term": term.name, "weight": term.weight,
                        "mean_absolute": float(totals.mean()), "standard_error": error,
                    }
                )  # fmt: skip
    found = columns(rows)
    note = f"{num_seeds} tapes a suite; mean absolute total of an episode, before its weight"
    return Measurement("balance", QUESTION, say(found), found, (note,))


def say(table: Table) -> tuple[str, ...]:
    """The largest and the smallest weighted term of every agent, suite by suite."""
    parts = []
    for suite in dict.fromkeys(table["suite"]):
        agents = []
        for agent in dict.fromkeys(table["agent"]):
            rows = np.flatnonzero((table["suite"] == suite) & (table["agent"] == agent))
            sizes = table["mean_absolute"][rows] * np.abs(table["weight"][rows])
            most, least = rows[sizes.argmax()], rows[sizes.argmin()]
            agents.append(
                f"{agent} from {sizes.min():.2g} ({table['term'][least]}) to {sizes.max():.3g} ({table['term'][most]})"
            )
        parts.append(f"{suite}: weighted, {', '.join(agents)} bp")
    return tuple(parts)
