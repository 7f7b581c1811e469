"""The same tapes with one rule in force: who ends with bad debt, who bears it, and what collateral it takes."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.margin_engine import PredictiveMargins
from protogov.agents.pricing.truth import KnownDay
from protogov.envs.config import WorldConfig
from protogov.envs.margin_engine import MarginEngine, Margins
from protogov.envs.simulator import Simulator
from protogov.envs.world.state import CollateralKind, EventKind
from protogov.experiments.core.play import hold_still, open_worlds
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.studies.margins.plan import READ, RULES, Floats, Governed, pricer_of, tapes_of
from protogov.experiments.studies.pricing.plan import TRUTH

NOTHING = Margins(None, None, None, None)
LEAST = 1.0  # USD: less is rounding
HOURLY = ("contracts_value", "posted", "posted_value", "threshold", "debt")  # sums over hours


class Witness:
    """Looks at every hour, and passes on what an engine asks; without an engine the worlds are those of today.

    Attributes:
        hours: that were looked at.
        sums: F64[n] by name, over these hours: spot value of open contracts [USD], cash and coin posted for them [USD],
            spot value of the contracts that these are for, liquidation threshold, debt [USD].
        opened: I64[n], positions written since the opening.
    """

    def __init__(self, engine: MarginEngine | None, worlds: int) -> None:
        self._engine = engine
        self._held = np.zeros((worlds, 0))
        self.hours, self.opened = 0, np.zeros(worlds, np.int64)
        self.sums = {name: np.zeros(worlds) for name in HOURLY}

    def requirements(self, simulator: Simulator) -> Margins:
        """See `protogov.envs.margin_engine.MarginEngine`."""
        self.look(simulator.worlds.view(np.ndarray)["venues"][:, 0])
        return NOTHING if self._engine is None else self._engine.requirements(simulator)

    def fork(self, rows: NDArray[np.int64]) -> "Witness":
        """A fresh one: nothing here copies worlds."""
        return Witness(None if self._engine is None else self._engine.fork(rows), len(rows))

    def look(self, venue: NDArray[np.void]) -> None:
        """Add this hour, from records [n]."""
        held = np.where(
            np.arange(venue["short_contracts"].shape[1]) < venue["num_shorts"][:, None], venue["short_contracts"], 0.0
        ).astype(np.float64)
        if not self._held.shape[1]:
            self._held = np.zeros_like(held)
        self.opened += ((held > 0.0) & (held != self._held)).sum(axis=1)
        self._held = held
        spot = venue["oracle_price"][:, None]
        own = (held > 0.0) & (venue["short_kind"] != CollateralKind.PLEDGE)
        found = {
            "contracts_value": (held * spot).sum(axis=1), "posted_value": (held * spot * own).sum(axis=1),
            "posted": ((venue["short_collateral"] + venue["short_coin"] * spot) * own).sum(axis=1),
            "threshold": venue["liquidation_threshold"], "debt": venue["scaled_debt"] * venue["borrow_index"],
        }  # fmt: skip
        for name, value in found.items():
            self.sums[name] += value
        self.hours += 1


def play_governed(config: WorldConfig, job: Governed) -> Table:
    """One row a tape.

    Columns: means over hours of what `Witness` sees; positions written (`opened`), closed by force or short of money at
    settlement (`closed`), of these with bad debt above `LEAST` (`bad_positions`); this bad debt, which LPs bear
    (`lp_loss`) [USD]; liquidations of loans and what they repaid [USD], loans written off (`bad_loans`), this bad debt
    (`loan_loss`) [USD], and what of it the treasury did not cover by the end (`uncovered`) [USD]; what LPs gained
    (`lp_gain`), NAV0 [USD].
    """
    rules = config.with_parameters(standard_margin=1.0 if job.rule == "derive" else 0.0)
    engine: MarginEngine | None = None
    if job.rule == TRUTH:
        engine = PredictiveMargins(KnownDay(job.market))
    elif job.rule not in RULES:
        engine = PredictiveMargins(pricer_of(job.rule, job.learning, config))
    world = open_worlds(replace(rules, decision_hours=READ), job.market, tapes_of(job.tapes))
    witness = Witness(engine, job.tapes)
    world.margin_engines = {0: witness}
    venue = world.worlds.view(np.ndarray)["venues"][:, 0]
    zero = np.zeros(job.tapes)
    total: dict[str, Floats] = {name: zero.copy() for name in ("liquidations", "liquidated")}
    counts: dict[str, Floats] = {name: zero.copy() for name in ("closed", "bad_positions", "bad_loans")}
    shortfall, loans = zero.copy(), zero.copy()
    for step in hold_still(world):
        for name in total:
            total[name] += venue[f"sum_{name}"]
        there = np.arange(step.events.shape[1]) < step.n_events[:, None]
        closed = there & (step.events["kind"] == EventKind.SHORT_LIQUIDATION)
        lost = np.where(there & (step.events["bad_debt"] > LEAST), step.events["bad_debt"], 0.0)
        shortfall += np.where(closed, lost, 0.0).sum(axis=1)
        loans += np.where(there & (step.events["kind"] == EventKind.BAD_DEBT), lost, 0.0).sum(axis=1)
        counts["closed"] += closed.sum(axis=1)
        counts["bad_positions"] += (closed & (lost > 0.0)).sum(axis=1)
        counts["bad_loans"] += (there & (step.events["kind"] == EventKind.BAD_DEBT)).sum(axis=1)
    means = {name: value / witness.hours for name, value in witness.sums.items()}
    found = {
        **means, "opened": witness.opened, **counts, "lp_loss": shortfall, "liquidations": total["liquidations"],
        "liquidated": total["liquidated"], "loan_loss": loans,
        "uncovered": venue["deficit"] + zero, "lp_gain": venue["spread_score"] + zero,
    }  # fmt: skip
    return columns(
        [
            {"market": job.market, "rule": job.rule, "tape": tape, **{name: float(found[name][tape]) for name in found}}
            for tape in range(job.tapes)
        ]
    )
