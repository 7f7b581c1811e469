"""Evaluation: the same tapes under several sets of governors, one row per episode with everybody's payoff.

Columns, for venue v and agent a; money in basis points of K0, summed over the episode:

    governors, training_seed, suite, scenario, split, tape_seed   governors and tape
    hours, price_change, price_drawdown, opening_value/v          the tape, and K0 [USD]
    welfare/v, welfare/v/<part>                                   W and its parts, with signs such that W is their sum
    loss/v/<part>                                                 losses before their weight in W, positive: haircuts,
                                                                  deficit, latent, liquidation (`welfare_box`)
    mandate/a, term/a/<term>                                      the governor's mandate; its terms without weight
    lp_profit/v pool_delta/v pool_gamma_theta/v pool_vega/v       realised, with weight 0 in W or already a part of W:
    liquidator_profit/v informed_profit/v arbitrage_profit/v      LPs' dNAV0 and its market profit; others' profits;
    bad_debt/v liquidated/v option_fees/v                         amounts that W contains under another name
    bears/v/<group>                                               who bears it, bp of the group's own opening debt or
                                                                  deposit per fortnight; NaN without members
                                                                  (`incidence`)
    max_utilisation/v, liquidations/v, lever/v/<lever>            diagnostics; mean executed levers, physical units
    uptime/v                                                      share of hours that end without an unmet withdrawal
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor, Step
from protogov.envs.scenarios import Scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVERS
from protogov.envs.world.welfare import WELFARE_PARTS
from protogov.experiments.core.governors import LEARNED, GovernorSet
from protogov.experiments.core.incidence import who_bears
from protogov.experiments.core.play import open_worlds, play, tape_seeds
from protogov.experiments.core.tables import Table, concatenate
from protogov.experiments.core.yoked import Paths

MAX_BATCH = 256  # worlds at a time
YOKED = "yoked"  # governors that repeat a set's actions of another tape; see `control_of`
PARTS = tuple(name.removeprefix("welfare_") for name in WELFARE_PARTS if name != "welfare")
# column -> field of the venue that holds the decision's sum in USD
REALISED = {
    "lp_profit": "nav_change",
    "pool_delta": "pool_delta",
    "pool_gamma_theta": "pool_gamma_theta",
    "pool_vega": "pool_vega",
    "liquidator_profit": "sum_liquidator_profit",
    "informed_profit": "sum_informed_profit",
    "bad_debt": "sum_bad_debt",
    "liquidated": "sum_liquidated",
    "option_fees": "sum_option_fees",
}
ARBITRAGE = "arbitrage_profit"  # also realised; the venue holds its share since the opening, not a sum
# part of W -> fields of the venue whose sum in a decision, or change over an episode, is that loss, in USD
LOSS_SUMS = {"haircuts": ("sum_haircuts", "sum_lp_haircuts"), "liquidation": ("sum_liquidation_cost",)}
LOSS_CHANGES = {"deficit": "last_deficit", "latent": "last_latent"}


@dataclass(frozen=True)
class Suite:
    """Tapes of one kind for a comparison.

    Attributes:
        name: name in tables and figures.
        scenarios: sources of the tapes.
        episodes: tapes of each scenario.
        overlapping: tapes of one scenario are windows of the same recording and therefore not independent.
        first: number of the first tape.
    """

    name: str
    scenarios: tuple[Scenario, ...]
    episodes: int
    overlapping: bool = False
    first: int = 0


class EpisodeSums:
    """Sums the decisions of a batch of episodes."""

    def __init__(self, world: Simulator) -> None:
        self._world = world
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._peak = np.zeros((world.num_worlds, world.config.venues))
        self._unmet = np.zeros((world.num_worlds, world.config.venues))
        self._opening = {
            field: np.array(world.worlds["venues"][field]) for field in (*LOSS_CHANGES.values(), "last_arbitrage")
        }
        self._decisions = 0

    def add(self, step: Step) -> None:
        """Count one decision of every world."""
        self._decisions += 1
        for agent, role in self._world.roles.items():
            terms = step.terms[agent]
            self._add(f"mandate/{agent}", terms @ np.array([term.weight for term in role.terms]))
            for column, term in enumerate(role.terms):
                self._add(f"term/{agent}/{term.name}", terms[:, column])
        for v in range(self._world.config.venues):
            venue = self._world.worlds["venues"][:, v]
            parts = step.terms[f"welfare_{v}"]
            self._add(f"welfare/{v}", step.welfare(v))
            for part in PARTS:
                self._add(f"welfare/{v}/{part}", parts[:, WELFARE_PARTS.index(f"welfare_{part}")])
            bp = 1e4 / venue["opening_value"]
            for name, field in REALISED.items():
                self._add(f"{name}/{v}", venue[field] * bp)
            for name, fields in LOSS_SUMS.items():
                self._add(f"loss/{v}/{name}", sum(venue[field] for field in fields) * bp)
            self._peak[:, v] = np.maximum(self._peak[:, v], venue["utilisation"])
            self._add(f"liquidations/{v}", step.records["liquidations"][:, v])
            self._unmet[:, v] += step.records["unmet_hours"][:, v]
            for index, lever in enumerate(LEVERS):
                self._add(f"lever/{v}/{lever.name}", venue["levers"]["executed"][:, index])

    def _add(self, name: str, values: NDArray[Any]) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + values.astype(np.float64)

    def table(self) -> Table:
        """One row per episode."""
        world = self._world
        closes = world.tape["close"].astype(np.float64)
        table: Table = {
            "hours": world.worlds["hour"].astype(np.int64),
            "price_change": closes[:, -1] / closes[:, 0] - 1.0,
            "price_drawdown": (closes / np.maximum.accumulate(closes, axis=1) - 1.0).min(axis=1),
        }
        for v in range(world.config.venues):
            table[f"opening_value/{v}"] = np.array(world.worlds["venues"]["opening_value"][:, v])
            table[f"max_utilisation/{v}"] = self._peak[:, v].copy()
        for name, values in self._sums.items():
            table[name] = values / self._decisions if name.startswith("lever/") else values
        opening_debt = world.worlds["venues"]["account_opening_debt"].sum(axis=1)
        for v in range(world.config.venues):
            table[f"uptime/{v}"] = 1.0 - self._unmet[:, v] / table["hours"]
            table[f"{ARBITRAGE}/{v}"] = self._change("last_arbitrage", v)
            table |= {f"loss/{v}/{name}": self._change(field, v) for name, field in LOSS_CHANGES.items()}
            bears = who_bears(world.worlds["venues"][:, v], table["hours"], opening_debt)
            table |= {f"bears/{v}/{name}": values for name, values in bears.items()}
        return table

    def _change(self, field: str, v: int) -> NDArray[np.float64]:
        """Change of a field of venue `v` since the opening [bp of K0]."""
        venue = self._world.worlds["venues"][:, v]
        return np.asarray((venue[field] - self._opening[field][:, v]) * 1e4 / venue["opening_value"])


def evaluate(
    config: WorldConfig, scenario: str | Scenario, seeds: NDArray[np.uint64], governors: Mapping[str, Governor]
) -> Table:
    """Play one episode per seed.

    Args:
        config: of the worlds; see `evaluation_world`.
        scenario: the outside market.
        seeds: U64 [n] of the tapes.
        governors: one for each agent.

    Returns:
        One row per episode, without the columns of governors and tape.
    """
    parts = []
    for start in range(0, len(seeds), MAX_BATCH):
        batch = seeds[start : start + MAX_BATCH]
        world = open_worlds(config, scenario, batch)
        sums = EpisodeSums(world)
        for step in play(world, governors, batch):
            sums.add(step)
        parts.append(sums.table())
    return concatenate(parts)


def evaluate_sets(
    config: WorldConfig,
    suites: Sequence[Suite],
    sets: Sequence[GovernorSet],
    on_played: Callable[[int], None] = lambda episodes: None,
    yoke: Collection[str] = (),
) -> Table:
    """Play every suite under every set of governors, on the same tapes.

    Args:
        config: of the worlds.
        suites: tapes.
        sets: governors.
        on_played: called with the number of episodes just played.
        yoke: names of sets that are followed by their yoked control, with the same training seed; see `control_of`.

    Returns:
        The table described at the head of this file.
    """
    tables = []
    for suite in suites:
        seeds = tape_seeds(suite.episodes, suite.first)
        for scenario in suite.scenarios:
            for chosen in sets:
                governors, paths = chosen.make(config), Paths()
                if chosen.name in yoke:
                    governors = paths.recorded(governors)
                table = evaluate(config, scenario, seeds, governors)
                tables.append(_labels(chosen.name, chosen.training_seed, suite, scenario, seeds) | table)
                on_played(len(seeds))
                if chosen.name in yoke:
                    table = evaluate(config, scenario, seeds, paths.yoked())
                    tables.append(
                        _labels(control_of(YOKED, chosen.name), chosen.training_seed, suite, scenario, seeds) | table
                    )
                    on_played(len(seeds))
    return concatenate(tables)


def control_of(control: str, governors: str) -> str:
    """Name of a control of a set: that of the control, and where several sets have one, "control of NAME"."""
    return control if governors == LEARNED else f"{control} of {governors}"


def _labels(governors: str, training_seed: int, suite: Suite, scenario: Scenario, seeds: NDArray[np.uint64]) -> Table:
    """The columns for the governors and the tape."""
    count = len(seeds)
    return {
        "governors": np.full(count, governors),
        "training_seed": np.full(count, training_seed, np.int64),
        "suite": np.full(count, suite.name),
        "scenario": np.full(count, scenario.name),
        "split": np.full(count, scenario.split),
        "overlapping": np.full(count, suite.overlapping),
        "tape_seed": seeds,
    }


def mean_levers(table: Table, venue: int = 0) -> dict[str, float]:
    """Mean executed value of every lever of a venue over the rows of an evaluation."""
    return {lever.name: float(table[f"lever/{venue}/{lever.name}"].mean()) for lever in LEVERS}
