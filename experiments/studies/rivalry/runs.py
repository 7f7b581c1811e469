"""Shocks to the deposits of one venue, and what happens there and next door: by forks.

Hour `AT` of an episode in which nobody moves a lever is forked: in one branch something happens to one venue, in the
other nothing. The rest of both branches has the same noise, so their difference is the effect.

    theft   a share of the suppliers' deposits is stolen (at an options protocol: of the LPs' stakes), by the record of
            interventions. Beyond the market's cash the loss is owed ahead of everybody
    run     every second supplier loses its taste for the venue and wants all its money back at once: to take it out of
            the market, or to put it into the rival (where venues are equal)

A theft of nothing is the placebo: it must change nothing, in every bit. And a switch: the run out of the market again
where nobody changes the venue and no forced sale or hedge is heard by the price; what next door feels of it then came
by another way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interventions import Interventions
from protogov.envs.simulator import Simulator
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import hold_still, open_worlds
from protogov.experiments.core.statistics import Floats, interval_columns, student_t
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.studies.audit.play import tape_range
from protogov.experiments.studies.audit.suites import find_suite
from protogov.experiments.studies.rivalry.games import Pairing, world_of

AT = 120  # hour of the shock
THEFTS = (0.02, 0.4)  # shares stolen: the shock of the contagion matrix, and more than the market's cash
PLACEBO, AWAY, OVER, SWITCHED = "placebo", "run away", "run to the rival", "run away, ways closed"
GONE = 100.0  # log odds that no rate outweighs
# outcome -> what it is: the difference of the branches, at the end, at the worst moment, or a day after the shock
OUTCOMES = {
    "welfare": "W, bp of K0", "deposits": "deposits a day later, % of those without the shock",
    "unpaid": "largest sum of unpaid withdrawals, % of the opening deposits",
    "borrow_rate": "borrow rate a day later, % a year", "bad_debt": "bad debt, bp of K0",
    "liquidated": "liquidated debt, bp of K0",
}  # fmt: skip
Kind = Literal["theft", "run away", "run to the rival"]


@dataclass(frozen=True)
class Shock:
    """A piece: one market, one venue hit.

    Attributes:
        market: source of the tapes.
        venue: that is hit.
        kind: of the shock.
        share: stolen, of the deposits, or of the LPs' stakes where there are no deposits.
        first, count: seeds of the tapes.
        muted: no forced sale or hedge moves the price, in both branches.
    """

    market: str
    venue: int
    kind: Kind
    share: float
    first: int
    count: int
    muted: bool = False


def play_shock(config: WorldConfig, job: Shock) -> Table:
    """One row per tape and venue: `OUTCOMES` with the shock less those without."""
    seeds = tape_range(job.first, job.count)
    opening = open_worlds(config, find_suite(job.market), seeds)
    stands = {agent: np.zeros((opening.num_worlds, opening.action_size(agent))) for agent in opening.agents}
    if job.muted:
        opening.intervene(Interventions(opening).without_impact())
    for _ in range(AT // config.decision_hours):
        opening.step(stands)
    rows = np.arange(opening.num_worlds)
    without, world = _rest(opening.fork(rows)), opening.fork(rows)
    _hit(world, job)
    hit = _rest(world)
    found = {name: hit[name] - without[name] for name in OUTCOMES}
    there = without["deposits"] > 0.0
    found["deposits"] = np.where(there, 100.0 * found["deposits"] / np.where(there, without["deposits"], 1.0), 0.0)
    return {name: values.ravel() for name, values in found.items()}


def _hit(world: Simulator, job: Shock) -> None:
    venues = world.worlds["venues"]
    if job.kind == "theft":
        plan = Interventions(world)
        if job.muted:
            plan.without_impact()
        has_deposits = bool((venues["supplier_scaled"][:, job.venue] > 0.0).any())
        suppliers, providers = (job.share, 0.0) if has_deposits else (0.0, job.share)
        world.intervene(plan.write_off(job.venue, AT, suppliers=suppliers, liquidity_providers=providers))
        return
    venues["supplier_taste"][:, job.venue, ::2] = -GONE
    venues["supplier_patience"][:, job.venue, ::2] = 1.0
    if job.kind == OVER:
        venues["supplier_taste"][:, 1 - job.venue, ::2] = GONE
        venues["supplier_patience"][:, 1 - job.venue, ::2] = 1.0


def _rest(world: Simulator) -> dict[str, Floats]:
    """Play to the end; outcomes of each venue, F64[n, venues]."""
    found = {name: np.zeros(world.worlds["venues"]["opening_value"].shape) for name in OUTCOMES}
    day, start = 24 // world.config.decision_hours, _deposits(world)
    for number, _ in enumerate(hold_still(world), start=1):
        terms, venues = world.all_terms(), world.worlds["venues"]
        for name in ("welfare", "bad_debt", "liquidated"):
            found[name] += terms[name]
        unpaid = 100.0 * venues["unmet_withdrawals"] / np.where(start > 0.0, start, 1.0)
        found["unpaid"] = np.maximum(found["unpaid"], unpaid)
        if number == day:
            found["deposits"] = _deposits(world)
            found["borrow_rate"] = 100.0 * venues["borrow_rate"]
    return found


def _deposits(world: Simulator) -> NDArray[np.float64]:
    """Of the suppliers at each venue [USD], F64[n, venues]."""
    venues = world.worlds["venues"]
    return np.asarray(venues["supplier_scaled"].sum(axis=2) * venues["supply_index"])


def measure_runs(markets: Sequence[str], first: int, tapes: int, how: Running, hours: int = 336) -> Table:
    """One row per pairing, market, venue hit, shock (or control) and venue looked at."""
    asked: list[tuple[Pairing, str, WorldConfig, Shock]] = []
    for pairing, market, venue in _places(markets):
        # `autonomy` as where governors are trained; here nobody moves a lever
        world = replace(world_of(pairing, hours=hours), autonomy=72.0)
        thefts = [(f"{share:.0%} stolen", share) for share in THEFTS] + [(PLACEBO, 0.0)]
        asked += [(pairing, name, world, Shock(market, venue, "theft", share, first, tapes)) for name, share in thefts]
        if venue == 0:  # of the options protocol nobody can ask deposits back
            closed = world.with_parameters(venue_choice=0.0)
            if pairing == "alike":
                asked.append((pairing, OVER, world, Shock(market, venue, "run to the rival", 0.0, first, tapes)))
            asked.append((pairing, AWAY, world, Shock(market, venue, "run away", 0.0, first, tapes)))
            asked.append((pairing, SWITCHED, closed, Shock(market, venue, "run away", 0.0, first, tapes, True)))
    pieces = [Piece(f"shock_{pairing}_{job.market}", job, world) for pairing, _, world, job in asked]
    rows = []
    tables = run_pieces(play_shock, world_of("alike", hours=hours), pieces, how, "shocks")
    for (pairing, name, _, job), table in zip(asked, tables, strict=True):
        for seen in (0, 1):
            row = {"pairing": pairing, "market": job.market, "hit": job.venue, "shock": name, "venue": seen}
            for outcome in OUTCOMES:
                values = table[outcome].reshape(-1, 2)[:, seen]
                row |= interval_columns(outcome, student_t(values))
                row[f"{outcome}_largest"] = float(np.abs(values).max())
            rows.append(row)
    return columns(rows)


def _places(markets: Sequence[str]) -> list[tuple[Pairing, str, int]]:
    """Of equal venues one is enough."""
    return [
        *[("alike", market, 0) for market in markets],
        *[("unlike", market, venue) for market in markets for venue in (0, 1)],
    ]
