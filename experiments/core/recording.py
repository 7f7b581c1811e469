"""Episodes recorded decision by decision, for the logs of `simulate` and for the dashboard."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor, Step
from protogov.envs.population_hook import PopulationHook
from protogov.envs.scenarios import Scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVERS
from protogov.envs.world.levers import Reason
from protogov.envs.world.records import RECORD
from protogov.envs.world.state import MAX_EXPIRIES, SUBSTEPS, EventKind, venue_dtype
from protogov.envs.world.welfare import WELFARE_PARTS
from protogov.experiments.core.evaluation import REALISED
from protogov.experiments.core.play import open_worlds, play
from protogov.experiments.core.tables import Table, concatenate, read_table, write_table
from protogov.experiments.payoffs import PayoffRecorder

# Edges of the health-factor bands; below 1 a loan can be liquidated.
HEALTH_EDGES = (1.0, 1.05, 1.1, 1.25, 1.5)
HEALTH_BANDS = ("below_1", "1_to_1.05", "1.05_to_1.1", "1.1_to_1.25", "1.25_to_1.5", "above_1.5")

_WORLD_FIELDS = (
    "tape_price", "outside_price", "lasting_impact", "implied_vol", "anchor_vol", "congestion", "depth",
    "funding", "open_interest", "peg", "leverage_demand", "outside_yield", "informed_share", "flow_intensity",
)  # fmt: skip
_VENUE_FIELDS = (
    "oracle_price", "utilisation", "borrow_rate", "supply_rate", "cash", "reserve", "treasury_cash", "deficit",
    "at_risk", "option_cash", "option_unpaid", "hedge_coin", "net_delta", "net_gamma", "net_vega",
    "book_value", "short_collateral_sum", "opening_value",
)  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """Episodes of some worlds under one set of governors.

    Attributes:
        decisions: one row per decision, world and venue; row 0 of an episode is its opening. Money in USD, flows summed
            over the decision, `welfare` and `mandate` in basis points of K0 (NaN if the seat is empty), `<lever>`
            executed and `<lever>_proposed`, and every field of `protogov.envs.world.records.RECORD` (loop gains, extent
            of cascades). `latent` is defined in `protogov.envs.world.latent`: the value of loans' puts and what sellers
            owe beyond their collateral.
        hours: one row per hour and world: the tape's candle and the oracle's close, `oracle_close`; at a second venue
            `oracle_close_1`.
        events: one row per event; see `protogov.envs.world.state.EVENT`. `cascades` beside this file finds the trees.
    """

    decisions: Table
    hours: Table
    events: Table

    def save(self, folder: Path, suffix: str = ".parquet") -> list[Path]:
        """Write the three tables into `folder`; returns their paths."""
        tables = {"decisions": self.decisions, "hours": self.hours, "events": self.events}
        return [write_table(folder / f"{name}{suffix}", table) for name, table in tables.items()]

    @classmethod
    def load(cls, folder: Path) -> "Recording":
        """Read the Parquet files of `save`.

        Raises:
            BadInput: a table is missing or damaged.
        """
        return cls(*(read_table(folder / f"{name}.parquet") for name in ("decisions", "hours", "events")))


def record(
    config: WorldConfig,
    scenario: str | Scenario,
    seeds: NDArray[np.uint64],
    governors: Mapping[str, Governor],
    *,
    payoffs: Path | None = None,
    hook: PopulationHook | None = None,
) -> Recording:
    """Play one episode for each seed and record it.

    Args:
        config: of the worlds.
        scenario: the outside market.
        seeds: U64 [n], one per world.
        governors: one for each agent.
        payoffs: file for everybody's payoffs; see `protogov.experiments.payoffs`.
        hook: population hook in plain Python; see `protogov.envs.population_hook`.
    """
    world = open_worlds(config, scenario, seeds)
    world.population_hook = hook
    if payoffs is not None:
        with PayoffRecorder(payoffs).attach(world):
            return _play_and_record(world, seeds, governors)
    return _play_and_record(world, seeds, governors)


def _play_and_record(world: Simulator, seeds: NDArray[np.uint64], governors: Mapping[str, Governor]) -> Recording:
    config = world.config
    oracle = np.full((config.venues, world.num_worlds, config.episode_hours + 1), np.nan)
    oracle[..., 0] = world.worlds["venues"]["oracle_price"].T
    rows, events = [_snapshot(world, None, 0)], []
    for decision, step in enumerate(play(world, governors, seeds), start=1):
        rows.append(_snapshot(world, step, decision))
        events.append(_events(step))
        _copy_closes(world, oracle)
    return Recording(concatenate(rows), _hours(world, oracle), concatenate(events))


def _snapshot(world: Simulator, step: Step | None, decision: int) -> Table:
    """The state after a decision, one row per world and venue."""
    parts = []
    for v in range(world.config.venues):
        count, worlds, venue = world.num_worlds, world.worlds, world.worlds["venues"][:, v]
        table: Table = {
            "world": np.arange(count),
            "venue": np.full(count, v),
            "decision": np.full(count, decision),
            "hour": worlds["hour"].copy(),
        }
        table |= {name: worlds[name].copy() for name in _WORLD_FIELDS}
        table["pool_price"] = worlds["pool_cash"] / worlds["pool_coin"]
        table |= {name: venue[name].copy() for name in _VENUE_FIELDS}
        table["debt"] = venue["scaled_debt"] * venue["borrow_index"]
        table["deposits"] = venue["scaled_deposits"] * venue["supply_index"]
        table["option_lent"] = venue["option_scaled"] * venue["supply_index"]
        table["option_nav"] = venue["last_nav"].copy()
        table["treasury"] = venue["last_treasury"] - venue["last_deficit"]  # minus its debt
        table["latent"] = venue["last_latent"].copy()
        table["surface_over_fair"] = world.venue_feature(v, "surface_over_fair")
        for e in range(MAX_EXPIRIES):
            used = e < venue["num_expiries"]
            table[f"base_vol_{e}"] = np.where(used, venue["base_vol"][:, e], np.nan)
            hours_left = (venue["expiry"][:, e] - worlds["substep"]) / SUBSTEPS
            table[f"expiry_hours_{e}"] = np.where(used, hours_left, np.nan)
        table |= _health_bands(world, v)
        table |= _records(world, step, v)
        table |= _flows(world, step, v)
        table |= _levers(world, step, v)
        parts.append(table)
    return concatenate(parts)


def _health_bands(world: Simulator, v: int) -> Table:
    """Debt by health factor [USD]: collateral at the oracle's price times the threshold, over debt."""
    venue = world.worlds["venues"][:, v]
    debt = venue["account_scaled_debt"] * venue["borrow_index"][:, None]
    worth = venue["account_collateral"] * venue["oracle_price"][:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        health = np.where(debt > 0.0, worth * venue["liquidation_threshold"][:, None] / debt, np.inf)
    band = np.searchsorted(HEALTH_EDGES, health, side="right")
    return {
        f"debt_health_{name}": np.where(band == index, debt, 0.0).sum(axis=1) for index, name in enumerate(HEALTH_BANDS)
    }


def _flows(world: Simulator, step: Step | None, v: int) -> Table:
    """Flows since the last decision, 0 at the opening [USD]; welfare and mandates in basis points of K0."""
    venue = world.worlds["venues"][:, v]
    zero = np.zeros(world.num_worlds)
    table: Table = {name: zero if step is None else venue[field].copy() for name, field in REALISED.items()}
    table["liquidation_cost"] = zero if step is None else venue["sum_liquidation_cost"].copy()
    parts = np.zeros((world.num_worlds, len(WELFARE_PARTS))) if step is None else step.terms[f"welfare_{v}"]
    table["welfare"] = zero if step is None else step.welfare(v)
    table |= {name: parts[:, column].copy() for column, name in enumerate(WELFARE_PARTS) if name != "welfare"}
    here = {place.role.name: agent for agent, place in world.places.items() if place.venue == v}
    for name in dict.fromkeys(role.name for role in world.roles.values()):
        if name not in here:  # a seat that is empty at this venue but not at the other
            table[f"mandate_{name}"] = np.full(world.num_worlds, np.nan)
            continue
        weights = np.array([term.weight for term in world.roles[here[name]].terms])
        table[f"mandate_{name}"] = zero if step is None else step.terms[here[name]] @ weights
    return table


def _records(world: Simulator, step: Step | None, v: int) -> Table:
    """The step's records of a venue; at the opening the present gains, and zero for everything else."""
    table: Table = {}
    for name in RECORD.names or ():
        if step is not None:
            table[name] = step.records[name][:, v].copy()
        elif name in (venue_dtype.names or ()):
            table[name] = world.worlds["venues"][name][:, v].copy()
        else:
            table[name] = np.zeros(world.num_worlds, RECORD[name])
    return table


def _levers(world: Simulator, step: Step | None, v: int) -> Table:
    """Every executed lever, its proposal, and the shield's reason; at the opening `proposed` is the default."""
    rows = world.worlds["venues"]["levers"][:, v]
    table: Table = {}
    reasons = np.array([reason.name.lower() for reason in Reason])
    for index, lever in enumerate(LEVERS):
        table[lever.name] = rows["executed"][:, index].copy()
        table[f"{lever.name}_proposed"] = rows["target"][:, index].copy()
        table[f"{lever.name}_reason"] = reasons[rows["reason"][:, index]]
    if step is None:
        for lever in LEVERS:
            table[f"{lever.name}_proposed"] = table[lever.name].copy()
    return table


def _events(step: Step) -> Table:
    """The valid events of a decision, world by world."""
    kinds = {kind.value: kind.name.lower() for kind in EventKind}
    rows = [(i, step.events[i, : step.n_events[i]]) for i in range(len(step.n_events))]
    flat = np.concatenate([part for _, part in rows])
    table: Table = {
        "world": np.concatenate([np.full(len(part), i) for i, part in rows]),
        "hour": flat["substep"] / SUBSTEPS,
        "kind": np.array([kinds.get(int(kind), str(kind)) for kind in flat["kind"]], "U20"),
    }
    names: Any = flat.dtype.names
    return table | {name: flat[name].copy() for name in names if name not in ("kind",)}


def _copy_closes(world: Simulator, oracle: NDArray[np.float64]) -> None:
    """Hourly closes of every venue's oracle from the record's ring, for the hours of the last decision."""
    ring = world.worlds["venues"]["hourly_close"]
    now = int(world.worlds["hour"].max())
    for hour in range(max(0, now - world.config.decision_hours), now + 1):
        oracle[..., hour] = ring[..., hour % ring.shape[-1]].T


def _hours(world: Simulator, oracle: NDArray[np.float64]) -> Table:
    count, hours = world.tape.shape
    table: Table = {"world": np.repeat(np.arange(count), hours), "hour": np.tile(np.arange(hours), count)}
    for name in world.tape.dtype.names:
        table[name] = world.tape[name].reshape(-1).astype(np.float64)
    names = ("oracle_close", *(f"oracle_close_{venue}" for venue in range(1, world.config.venues)))
    return table | {name: closes.reshape(-1) for name, closes in zip(names, oracle, strict=True)}
