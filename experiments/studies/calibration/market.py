"""A credit market and its option pool under default levers, one episode per row: the figures that have bands.

Decisions take six hours, and nobody moves a lever. Levels are read at the end of each decision.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Step
from protogov.envs.scenarios import Scenario
from protogov.envs.world.state import HOURS_PER_YEAR, MAX_LIQUIDATORS
from protogov.envs.world.welfare import WELFARE_PARTS
from protogov.experiments.core.play import hold_still, open_worlds
from protogov.experiments.core.statistics import Floats, Interval, cluster_means, percentile, student_t
from protogov.experiments.core.tables import Table, concatenate, num_rows
from protogov.experiments.studies.calibration.bands import Band
from protogov.experiments.studies.calibration.statistics import gini, seed_weights

BATCH = 64  # worlds in one simulator: as many as the processor's cache holds
DECISION_HOURS = 6
FIRST_SEED = 2**43  # first tape seed of the calibration; nothing else plays these tapes
FIRST_FITTING = FIRST_SEED + 2**40  # and of the search for an ensemble
_BORROWERS = WELFARE_PARTS.index("welfare_borrowers")
# parts of the option pool's profit that are not a bet on price or vol
_EARNED = (
    "pool_fees", "pool_interest", "pool_hedging", "pool_adverse_selection", "pool_shorts", "pool_settlement",
)  # fmt: skip

# figure of an episode -> its meaning [unit]
COLUMNS: dict[str, str] = {
    "borrow_rate": "borrow rate, mean of the decisions [per year]",
    "utilisation": "utilisation, mean of the decisions [share]",
    "unmet": "hours that end with an unmet withdrawal [share]",
    "liquidated": "debt repaid by liquidators over the debt at the opening [share]",
    "liquidated_day": "the same in the worst 24 hours [share]",
    "debt": "debt at the opening [USD]",
    "borrower_surplus": "borrowers' surplus [bp of K0]",
    "lp_return": "change of NAV over the LPs' value at the opening [per year]",
    "lp_earned": "the same without delta, gamma, theta and vega [per year]",
    "outflow": "largest fall of suppliers' deposits from the opening [share]",
    "peak_utilisation": "highest utilisation [share]",
    "peak_rate": "highest borrow rate [per year]",
    "bad_debt": "bad debt booked over the debt at the opening [share]",
    "liquidations": "liquidations [events]",
}


@dataclass(frozen=True)
class Tapes:
    """What one process plays: `count` tapes of a scenario, one per seed, from `first` on."""

    scenario: str
    first: int
    count: int

    @property
    def seeds(self) -> NDArray[np.uint64]:
        """U64 [count]."""
        return np.uint64(self.first) + np.arange(self.count, dtype=np.uint64)


def play_episodes(config: WorldConfig, job: Tapes) -> Table:
    """`measure_market` as a piece."""
    return measure_market(config, job.scenario, job.seeds)


def measure_market(config: WorldConfig, scenario: str | Scenario, seeds: NDArray[np.uint64]) -> Table:
    """Play one episode per seed and read it.

    Args:
        config: of the world; the length of its decisions is replaced.
        scenario: the outside market.
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
    found = {name: np.zeros(n) for name in COLUMNS} | {"debt": np.array(debt)}
    day = deque([np.zeros(n)] * (24 // DECISION_HOURS), 24 // DECISION_HOURS)  # liquidated in the last decisions
    for step in hold_still(world):
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
    """Add the readings of one decision."""
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


ENOUGH_LIQUIDATIONS = 20  # in a world; with fewer, one liquidator has nearly everything in any market


def measure_scenarios(config: WorldConfig, tapes: Mapping[str, int], first_seed: int = FIRST_SEED) -> dict[str, Table]:
    """Scenario -> readings of `measure_market` on its number of tapes, from `first_seed` on."""
    return {name: play_episodes(config, Tapes(name, first_seed, count)) for name, count in tapes.items()}


def band_figure(band: Band, measured: Mapping[str, Table]) -> tuple[Interval, str]:
    """The figure of a band, the mean over seeds of the mean over its scenarios, and its sample in words.

    Raises:
        KeyError: a scenario of the band was not measured, or the band is not one of `FITTED`.
    """
    tables = [measured[name] for name in band.scenarios]
    if band.column.startswith("gini"):
        return _gini(tables, pooled=band.column == "gini_pooled")
    rows = np.stack([table[band.column] for table in tables])
    where = f" of {len(tables)} scenarios" if len(tables) > 1 else ""
    return student_t(rows.mean(axis=0)), f"{rows.shape[1]:,} seeds{where}"


def _gini(tables: Sequence[Table], *, pooled: bool) -> tuple[Interval, str]:
    """Gini of liquidators' profits, per world or of all, if there were enough liquidations and any profit."""
    profits = np.concatenate(
        [np.stack([table[f"profit_{k}"] for k in range(MAX_LIQUIDATORS)], axis=1) for table in tables]
    )
    events = np.concatenate([table["liquidations"] for table in tables])
    seeds = np.concatenate([np.arange(num_rows(table)) for table in tables])
    kept = (events >= ENOUGH_LIQUIDATIONS) & (profits.max(axis=1, initial=0.0) > 0.0)
    profits, seeds = profits[kept], seeds[kept]
    basis = f"{len(profits)} worlds with {ENOUGH_LIQUIDATIONS} liquidations or more"
    if pooled:
        basis = f"{profits.size} liquidators of {basis}"
    if not len(profits):
        return Interval(nan, nan, nan), basis
    if not pooled:
        return student_t(cluster_means(np.array([gini(row) for row in profits]), seeds)), basis
    labels, at = np.unique(seeds, return_inverse=True)
    weights = seed_weights(labels.size, 200)
    replicated = [gini(np.repeat(profits, w[at].astype(int), axis=0)) for w in weights]
    return percentile(gini(profits), replicated), basis
