"""What a credit market and its option pool do under default levers, an episode a row: what bands are held against.

Decisions of six hours in which nobody moves a lever; what is a level is read at the end of each.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Step
from protogov.envs.scenarios import Scenario
from protogov.envs.world.state import HOURS_PER_YEAR, MAX_LIQUIDATORS
from protogov.envs.world.welfare import WELFARE_PARTS
from protogov.experiments.calibration_bands import Band, Figure
from protogov.experiments.calibration_statistics import Floats, gini, interval, seed_weights
from protogov.experiments.core.play import open_worlds
from protogov.experiments.core.statistics import cluster_means, student_t
from protogov.experiments.core.tables import Table, concatenate, num_rows

BATCH = 64  # worlds in one simulator: what the processor's cache holds
DECISION_HOURS = 6
FIRST_SEED = 2**43  # first tape seed of the calibration, which nothing else plays
FIRST_FITTING = FIRST_SEED + 2**40  # and of the search for an ensemble
_BORROWERS = WELFARE_PARTS.index("welfare_borrowers")
# parts of the option pool's profit that are no bet on price or vol
_EARNED = (
    "pool_fees", "pool_interest", "pool_hedging", "pool_adverse_selection", "pool_shorts", "pool_settlement",
)  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A figure of an episode.

    Attributes:
        name: of the column.
        meaning: what it is, for people.
        unit: of its values.
    """

    name: str
    meaning: str
    unit: str


COLUMNS: tuple[Column, ...] = (
    Column("borrow_rate", "borrow rate, mean of the decisions", "a year"),
    Column("utilisation", "utilisation, mean of the decisions", "share"),
    Column("unmet", "hours at whose end a withdrawal stood unmet", "share"),
    Column("liquidated", "debt repaid by liquidators over the debt at the opening", "share"),
    Column("liquidated_day", "the same in the worst 24 hours", "share"),
    Column("debt", "debt at the opening", "USD"),
    Column("borrower_surplus", "borrowers' surplus", "bp of K0"),
    Column("lp_return", "change of NAV over the LPs' value at the opening, a year", "a year"),
    Column("lp_earned", "the same without delta, gamma, theta and vega", "a year"),
    Column("outflow", "largest fall of suppliers' deposits from the opening", "share"),
    Column("peak_utilisation", "highest utilisation", "share"),
    Column("peak_rate", "highest borrow rate", "a year"),
    Column("bad_debt", "bad debt booked over the debt at the opening", "share"),
    Column("liquidations", "liquidations", "events"),
)


def measure_market(config: WorldConfig, scenario: str | Scenario, seeds: NDArray[np.uint64]) -> Table:
    """Play one episode a seed and read it.

    Args:
        config: of the world; the length of its decisions is replaced.
        scenario: what the outside market does.
        seeds: U64 [n].

    Returns:
        F64 [n] for every name of `COLUMNS`, and "profit_0" to "profit_7": of each liquidator [USD].

    Raises:
        BadInput: an unknown scenario, or one that is too short.
    """
    world = replace(config, decision_hours=DECISION_HOURS)
    parts = [_measure_batch(world, scenario, seeds[at : at + BATCH]) for at in range(0, len(seeds), BATCH)]
    return concatenate(parts)


def _measure_batch(config: WorldConfig, scenario: str | Scenario, seeds: NDArray[np.uint64]) -> Table:
    world = open_worlds(config, scenario, seeds)
    venue, n = world.worlds["venues"][:, 0], len(seeds)
    debt, deposits = venue["scaled_debt"] * venue["borrow_index"], _deposits(venue)
    value = np.maximum(venue["lp_shares"].sum(axis=1) * venue["lp_price"], 1.0)
    found = {column.name: np.zeros(n) for column in COLUMNS} | {"debt": np.array(debt)}
    day = deque([np.zeros(n)] * (24 // DECISION_HOURS), 24 // DECISION_HOURS)  # liquidated in the last decisions
    still = {agent: np.zeros((n, world.action_size(agent))) for agent in world.agents}
    for _ in range(world.horizon):
        step = world.step(still)
        _read(step, venue, deposits, found)
        day.append(step.records[:, 0]["liquidated"])
        np.maximum(found["liquidated_day"], sum(day), out=found["liquidated_day"])
    years = config.episode_hours / HOURS_PER_YEAR
    for name, scale in (
        ("borrow_rate", world.horizon), ("utilisation", world.horizon), ("unmet", config.episode_hours),
        ("liquidated", debt), ("liquidated_day", debt), ("bad_debt", debt),
        ("lp_return", value * years), ("lp_earned", value * years),
    ):  # fmt: skip
        found[name] /= scale
    profits = world.worlds["liquidator_profit"]
    return found | {f"profit_{k}": profits[:, k].copy() for k in range(profits.shape[1])}


def _deposits(venue: NDArray[np.void]) -> Floats:
    return np.asarray(venue["supplier_scaled"].sum(axis=1) * venue["supply_index"])


def _read(step: Step, venue: NDArray[np.void], deposits: Floats, found: dict[str, Floats]) -> None:
    """Add what one decision says."""
    records = step.records[:, 0]
    for name, column in (
        ("unmet", "unmet_hours"), ("liquidated", "liquidated"), ("bad_debt", "bad_debt"),
        ("lp_return", "pool_profit"), ("liquidations", "liquidations"),
    ):  # fmt: skip
        found[name] += records[column]
    for column in _EARNED:
        found["lp_earned"] += records[column]
    for name in ("borrow_rate", "utilisation"):
        found[name] += venue[name]
    found["borrower_surplus"] += step.terms["welfare_0"][:, _BORROWERS]
    np.maximum(found["outflow"], 1.0 - _deposits(venue) / np.maximum(deposits, 1.0), out=found["outflow"])
    np.maximum(found["peak_utilisation"], venue["utilisation"], out=found["peak_utilisation"])
    np.maximum(found["peak_rate"], venue["borrow_rate"], out=found["peak_rate"])


# ---------------------------------------------------------------------- figures


ENOUGH_LIQUIDATIONS = 20  # in a world: with fewer, one liquidator has nearly all whatever the market is like


def measure_scenarios(config: WorldConfig, tapes: Mapping[str, int], first_seed: int = FIRST_SEED) -> dict[str, Table]:
    """Scenario -> what `measure_market` reads on so many tapes of it, from `first_seed` on."""
    return {
        name: measure_market(config, name, np.uint64(first_seed) + np.arange(count, dtype=np.uint64))
        for name, count in tapes.items()
    }


def band_figure(band: Band, measured: Mapping[str, Table]) -> Figure:
    """The figure that belongs to a band: mean over the seeds of the mean over the band's scenarios, with its interval.

    Raises:
        KeyError: a scenario of the band was not measured, or the band is not one of `FITTED`.
    """
    tables = [measured[name] for name in band.scenarios]
    if band.column in _GINIS:
        return _GINIS[band.column](band.name, tables)
    rows = np.stack([table[band.column] for table in tables])
    found = student_t(rows.mean(axis=0))
    where = f" of {len(tables)} scenarios" if len(tables) > 1 else ""
    return Figure(band.name, found.mean, found.low, found.high, f"{rows.shape[1]:,} seeds{where}")


def _busy(tables: Sequence[Table]) -> tuple[Floats, NDArray[np.int64]]:
    """(profits F64[worlds, liquidators], seed's number) of the worlds with enough liquidations and any profit."""
    profits = np.concatenate(
        [np.stack([table[f"profit_{k}"] for k in range(MAX_LIQUIDATORS)], axis=1) for table in tables]
    )
    events = np.concatenate([table["liquidations"] for table in tables])
    numbers = np.concatenate([np.arange(num_rows(table)) for table in tables])
    kept = (events >= ENOUGH_LIQUIDATIONS) & (profits.max(axis=1, initial=0.0) > 0.0)
    return profits[kept], numbers[kept]


def _gini_within(name: str, tables: Sequence[Table]) -> Figure:
    profits, numbers = _busy(tables)
    basis = f"{len(profits)} worlds with {ENOUGH_LIQUIDATIONS} liquidations or more"
    if not len(profits):
        return Figure(name, nan, nan, nan, basis)
    found = student_t(cluster_means(np.array([gini(row) for row in profits]), numbers))
    return Figure(name, found.mean, found.low, found.high, basis)


def _gini_pooled(name: str, tables: Sequence[Table]) -> Figure:
    profits, numbers = _busy(tables)
    basis = f"{profits.size} liquidators of {len(profits)} worlds with {ENOUGH_LIQUIDATIONS} liquidations or more"
    if not len(profits):
        return Figure(name, nan, nan, nan, basis)
    labels, at = np.unique(numbers, return_inverse=True)
    weights = seed_weights(labels.size, 200)
    pooled = np.array([gini(np.repeat(profits, w[at].astype(int), axis=0)) for w in weights])
    return Figure(name, gini(profits), *interval(pooled), basis)


_GINIS: dict[str, Callable[[str, Sequence[Table]], Figure]] = {
    "gini_within": _gini_within,
    "gini_pooled": _gini_pooled,
}
