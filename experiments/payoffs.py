"""Everybody's payoffs on disk: one Parquet file with one row per decision, world and venue, from any loop.

    with PayoffRecorder("payoffs.parquet").attach(env):  # Gymnasium, PettingZoo, stable-baselines3, or a Simulator
        ...  # any loop or learner

`protogov simulate --record FILE` writes the same. The columns (`<role>` is the role of a governor of the venue):

    world, seed, episode         row of the batch, its first seed, and the number of its episode since that seed
    decision, hour, hours        number in the episode from 0; hours before the decision; hours of the decision
    venue, opening_value         number of the venue; its K0 [USD]: 1 bp of K0 is opening_value / 1e4 USD
    truncated                    whether the episode ended after the decision
    <role>/observation           list of float32: the governor's observation before the decision, in the order of its
                                 feature table, for dict and vector environments alike
    <role>/reward                its reward
    <role>/terms/<term>          unweighted terms of its mandate [bp of K0, except counts]
    proposed/<lever>             proposed value [the lever's unit], for every governed lever
    executed/<lever>             value in force afterwards [the lever's unit]
    reason/<lever>               the shield's reason, see `protogov.envs.world.levers.Reason`
    welfare/<part>, welfare      parts of W and W [bp of K0], signed to add up
    party/<party>/<what>         payoff of every party [USD]: `PARTIES`

Governors in the background are included. If a venue leaves a role empty, its columns hold nulls. The file's metadata
hold, as JSON: the configuration, the scenario, the name of the population hook (`population_hook`, if there is one),
the feature names of every governor, and a unit and a sentence for every column (`columns`).
"""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import protogov
from protogov.envs.callbacks import simulator_of
from protogov.envs.population_hook import hook_name
from protogov.envs.roles import Role
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_BY_NAME, LEVER_INDEX
from protogov.envs.world.levers import Reason
from protogov.envs.world.welfare import WELFARE_PARTS
from protogov.experiments.core.files import whole

SCHEMA_VERSION = 1
ROWS_OF_A_GROUP = 4096  # rows in memory before they are written
_REASONS = np.array([reason.name.lower() for reason in sorted(Reason)])


class Party(NamedTuple):
    """One payoff of a party in a decision, in USD.

    Attributes:
        source: "sum", a field of the venue that adds up during the decision; "term", a term of the world; or "record",
            a field of `protogov.envs.world.records.RECORD`.
        name: of the field or term.
        sign: +1, or -1 if the field counts the party's loss.
        about: its meaning.
    """

    source: str
    name: str
    sign: int
    about: str


PARTIES: dict[str, Party] = {
    "borrowers/surplus": Party("sum", "sum_borrower_surplus", 1, "area of their demand above the borrow rate"),
    "borrowers/liquidation_cost": Party("sum", "sum_liquidation_cost", -1, "collateral taken beyond the debt repaid"),
    "borrowers/put_payouts": Party("sum", "sum_put_payouts", 1, "payoffs of protective puts"),
    "suppliers/surplus": Party("sum", "sum_supplier_surplus", 1, "area of their supply curve below the supply rate"),
    "suppliers/haircuts": Party("sum", "sum_haircuts", -1, "deposits written off"),
    "suppliers/lockup": Party("sum", "sum_lockup", -1, "charge on unpaid withdrawals"),
    "liquidity_providers/profit": Party("record", "pool_profit", 1, "change of the option pool's value, minus flows"),
    "liquidity_providers/fees": Party("record", "pool_fees", 1, "part of it: fees and spread"),
    "liquidity_providers/interest": Party("record", "pool_interest", 1, "part of it: lent cash, minus haircuts"),
    "liquidity_providers/hedging": Party("record", "pool_hedging", 1, "part of it: slippage, fees and funding"),
    "liquidity_providers/adverse_selection": Party(
        "record", "pool_adverse_selection", 1, "part of it: informed trades"
    ),
    "liquidity_providers/haircuts": Party("sum", "sum_lp_haircuts", -1, "deposits written off"),
    "option_traders/surplus": Party("sum", "sum_uninformed_surplus", 1, "uninformed traders and short sellers"),
    "informed_traders/profit": Party("sum", "sum_informed_profit", 1, "latency traders and vol arbitrageurs"),
    "informed_traders/latency_profit": Party("sum", "sum_latency_profit", 1, "part of it: latency traders"),
    "liquidators/profit": Party("sum", "sum_liquidator_profit", 1, "realised when the coin is sold"),
    "validators/priority_fees": Party("sum", "sum_priority_fees", 1, "paid by liquidators for priority"),
    "keepers/subsidy": Party("sum", "sum_keeper_subsidy", 1, "paid from outside to liquidators at a loss"),
    "arbitrageurs/profit": Party("term", "arbitrage_profit", 1, "from the spot pool, shared evenly among venues"),
    "attackers/profit_since_reset": Party("record", "attacker_profit", 1, "of attackers of this venue"),
    "treasury/change": Party("term", "welfare_treasury", 1, "cash, reserve and coin"),
    "treasury/reserve_income": Party("sum", "sum_reserve_income", 1, "part of it: interest"),
    "lenders_outside/funding_cost": Party("sum", "sum_funding_cost", 1, "interest paid outside on lent money"),
    "nobody_yet/deficit": Party("sum", "sum_bad_debt", -1, "booked bad debt that nobody has covered yet"),
}


class PayoffRecorder:
    """Writes every decision of one batch of worlds into a Parquet file; see the module for its columns.

    The file appears when the recorder is closed; until then a hidden file in the same folder grows.
    """

    def __init__(self, path: str | Path) -> None:
        """Name the file; it is created with the first rows."""
        self.path = Path(path)
        self._simulator: Simulator | None = None
        self._before: dict[str, NDArray[np.float32]] = {}
        self._hour = np.zeros(0, np.int64)
        self._tables: list[Any] = []
        self._opened = ExitStack()  # the unfinished file and what writes it
        self._writer: Any = None

    def attach(self, env: Any) -> "PayoffRecorder":
        """Record every decision of `env` from now on: an environment of protogov, wrapped or not, or a `Simulator`.

        Raises:
            TypeError: `env` has no single simulator below it.
            ValueError: this recorder is already attached.
        """
        if self._simulator is not None:
            raise ValueError(f"the recorder of {self.path} is already attached; one file holds one batch of worlds.")
        self._simulator = simulator_of(env)
        self._simulator.callbacks.append(self)
        return self

    def __enter__(self) -> "PayoffRecorder":
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def before(self, simulator: Simulator, playing: NDArray[np.bool_]) -> None:
        """Keep the observations."""
        self._before = {agent: simulator.view(agent).obs for agent in simulator.places}
        self._hour = simulator.worlds["hour"].copy()

    def after(self, simulator: Simulator, playing: NDArray[np.bool_]) -> None:
        """Record the decision of the rows that played it."""
        rows = np.flatnonzero(playing)
        for venue in range(simulator.config.venues) if rows.size else ():
            self._tables.append(self._rows(simulator, venue, rows))
        if sum(table.num_rows for table in self._tables) >= ROWS_OF_A_GROUP:
            self._flush()

    def close(self) -> None:
        """Write the remaining rows and give the file its name; without decisions nothing is written.

        Raises:
            OSError: names the file, which is removed.
        """
        if self._simulator is None:
            return
        self._simulator.callbacks.remove(self)
        self._simulator = None
        self._flush()
        self._writer = None
        self._opened.close()

    def _flush(self) -> None:
        import pyarrow
        import pyarrow.parquet

        if not self._tables:
            return
        # if one venue leaves a role empty, only the rows of the other venue have its columns
        table = pyarrow.concat_tables(self._tables, promote_options="default")
        self._tables = []
        try:
            if self._writer is None:
                # through our own file: pyarrow's errors do not name the file and not always the reason
                file = self._opened.enter_context(self._opened.enter_context(whole(self.path)).open("wb"))
                self._writer = self._opened.enter_context(pyarrow.parquet.ParquetWriter(file, table.schema))
            self._writer.write_table(table)
        except BaseException:
            self._opened.__exit__(*sys.exc_info())  # nothing is left, and the error names the file
            raise

    def _rows(self, simulator: Simulator, venue: int, rows: NDArray[np.int64]) -> Any:
        """The rows of one venue as a pyarrow table."""
        import pyarrow

        worlds, state = simulator.worlds[rows], simulator.worlds["venues"][rows, venue]
        count, hour = len(rows), self._hour[rows]
        columns: dict[str, Any] = {
            "world": rows,
            "seed": simulator.base_seeds[rows],
            "episode": simulator.episodes[rows],
            "decision": hour // simulator.config.decision_hours,
            "hour": hour,
            "hours": worlds["hour"] - hour,
            "venue": np.full(count, venue),
            "opening_value": state["opening_value"],
            "truncated": simulator.truncated()[rows],
        }
        controls = simulator.controls()[rows, venue]
        for agent, place in simulator.places.items():
            if place.venue == venue:
                columns |= self._governor(simulator, agent, place.role, rows, controls)
        terms, record = simulator.all_terms()[rows, venue], simulator.records()[rows, venue]
        for part in WELFARE_PARTS:
            name = part.replace("welfare_", "welfare/")
            columns[name] = terms[part]
        dollars = state["opening_value"] / 1e4
        for name, party in PARTIES.items():
            values = {"sum": state, "record": record, "term": terms}[party.source][party.name]
            columns[f"party/{name}"] = party.sign * values * (dollars if party.source == "term" else 1.0)
        table = pyarrow.table(columns)
        return table.replace_schema_metadata(_notes(simulator) if self._writer is None else None)

    def _governor(
        self, simulator: Simulator, agent: str, role: Role, rows: NDArray[np.int64], controls: NDArray[np.void]
    ) -> dict[str, Any]:
        """Columns of one governor."""
        import pyarrow

        seen = self._before[agent][rows]
        starts = np.arange(len(rows) + 1, dtype=np.int32) * seen.shape[1]
        columns: dict[str, Any] = {
            f"{role.name}/observation": pyarrow.ListArray.from_arrays(starts, seen.reshape(-1)),
            f"{role.name}/reward": simulator.rewards(agent)[rows],
        }
        terms = simulator.terms(agent)[rows]
        columns |= {f"{role.name}/terms/{term.name}": terms[:, i].copy() for i, term in enumerate(role.terms)}
        for lever in role.levers:
            at = LEVER_INDEX[lever]
            columns |= {f"{what}/{lever}": controls[what][:, at].copy() for what in ("proposed", "executed")}
            columns[f"reason/{lever}"] = pyarrow.array(_REASONS[controls["reason"][:, at]].tolist(), pyarrow.string())
        return columns


def _units_of(role: Role) -> dict[str, tuple[str, str]]:
    """Unit and meaning of a governor's columns."""
    units = {
        f"{role.name}/observation": ("normalised", "observation before the decision"),
        f"{role.name}/reward": ("", "its reward"),
    }
    units |= {f"{role.name}/terms/{term.name}": ("bp of K0, except counts", "unweighted") for term in role.terms}
    for lever in role.levers:
        for what, about in (("proposed", "proposed value"), ("executed", "value in force afterwards")):
            units[f"{what}/{lever}"] = (LEVER_BY_NAME[lever].unit, about)
        units[f"reason/{lever}"] = ("", "the shield's reason")
    return units


_OF_WELFARE = "see protogov.envs.world.welfare"
_UNITS: dict[str, tuple[str, str]] = {
    "world": ("row", "row of the batch"),
    "seed": ("", "first seed of the world"),
    "episode": ("", "number since that seed"),
    "decision": ("", "number in the episode"),
    "hour": ("h", "hours before the decision"),
    "hours": ("h", "hours of the decision"),
    "venue": ("", "number of the venue"),
    "opening_value": ("USD", "K0"),
    "truncated": ("", "whether the episode ended after it"),
}


def _notes(simulator: Simulator) -> dict[str, str]:
    """The file's metadata."""
    units = dict(_UNITS)
    for place in simulator.places.values():
        units |= _units_of(place.role)
    units |= {part.replace("welfare_", "welfare/"): ("bp of K0", _OF_WELFARE) for part in WELFARE_PARTS}
    units |= {f"party/{name}": ("USD", party.about) for name, party in PARTIES.items()}
    hook = simulator.population_hook
    return {
        "schema_version": str(SCHEMA_VERSION),
        "protogov": protogov.__version__,
        "scenario": simulator.scenario.name,
        "config": json.dumps(simulator.config.to_dict()),
        "features": json.dumps({agent: simulator.observation_names(agent) for agent in simulator.places}),
        **({} if hook is None else {"population_hook": hook_name(hook)}),
        "columns": json.dumps({name: {"unit": unit, "about": about} for name, (unit, about) in units.items()}),
    }
