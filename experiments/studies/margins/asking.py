"""All rules are asked about the positions of a world that today's rules govern, and each is valued a day later.

Nothing is changed in the worlds: every hour the engine and today's rules are asked about the same open positions on the
same tapes. A position that posted exactly what a rule asked is insolvent 24 hours later if its buy-back costs more.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.pricing.margins import (
    DAY,
    LEVEL,
    Accounts,
    Futures,
    at_horizon,
    draw_futures,
    largest_ltv,
    node_vols,
    requirements,
    rules_of_today,
    short_book,
)
from protogov.agents.pricing.pricer import Pricer
from protogov.agents.pricing.reader import MarketReader, Reading
from protogov.agents.pricing.truth import KnownDay
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world.pricing import call_and_put
from protogov.envs.world.state import HOURS_PER_YEAR
from protogov.experiments.core.play import hold_still, open_worlds
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.studies.margins.plan import (
    HOURS,
    READ,
    RULES,
    THRESHOLD,
    Asked,
    Floats,
    pricer_of,
    tapes_of,
)
from protogov.experiments.studies.pricing.plan import KNOWN, TRUTH


def play_asked(config: WorldConfig, job: Asked) -> Table:
    """One row a tape, kind of account (`sellers` or `borrowers`) and rule: sums over all hours with a day after them.

    Columns: hours of accounts, what was required and what the positions were worth at the spot [USD], insolvent hours,
    what was missing a day later [USD], the same after all requirements of the market were multiplied to cost as much as
    today's, and `cover`: by what they must be multiplied for 99% of the market's hours to be covered, in hindsight.
    For borrowers USD are shares of the collateral's value, and what is required is what may not be lent.
    """
    pricers = {name: pricer_of(name, job.learning, config) for name in job.pricers}
    world = open_worlds(replace(config, decision_hours=1), job.market, tapes_of(job.tapes))
    watch = Watch(world, pricers, job.market if job.market in KNOWN else "")
    watch.look()
    for _ in hold_still(world):
        watch.look()
    return watch.table(job.market)


class Watch:
    """Asks all rules about the open positions of a batch, hour by hour, and looks a day later what they cost."""

    def __init__(self, world: Simulator, pricers: Mapping[str, Pricer], known: str) -> None:
        self._world, self._pricers, self._reader = world, pricers, MarketReader()
        self._truth = KnownDay(known) if known else None
        self._futures: dict[str, Futures] = {}
        self._spots: list[Floats] = []
        self._books: list[tuple[Accounts, NDArray[np.int64], Any]] = []
        self._needs: list[dict[str, Floats]] = []
        self._limits: list[dict[str, Floats]] = []
        self._bonus: list[Floats] = []

    def look(self) -> None:
        """Once an hour, at the opening first."""
        worlds, params = self._world.worlds.view(np.ndarray), self._world.params.view(np.ndarray)
        hour = len(self._spots)
        if hour % READ == 0:
            self._draw(self._reader.read(self._world))
        venue, book = worlds["venues"][:, 0], short_book(worlds, params)
        needs = rules_of_today(book, self._world.params[:, 0], venue["option_margin"].astype(np.float64))
        needs |= {name: requirements(futures, book) for name, futures in self._futures.items()}
        bonus = venue["liquidation_bonus"].astype(np.float64)
        limits = {THRESHOLD: venue["liquidation_threshold"].astype(np.float64)}
        for name, futures in self._futures.items():
            limits[name] = (1.0 - bonus) * largest_ltv(futures)
        slots = np.stack([venue["short_expiry"], venue["short_strike"]], axis=-1).astype(np.int64)
        self._spots.append(book.spot.copy())
        self._books.append((book, slots, (venue["expiry"].copy(), node_vols(venue, params[:, 0], book.spot))))
        self._needs.append(needs)
        self._limits.append(limits)
        self._bonus.append(bonus)

    def _draw(self, reading: Reading) -> None:
        day = at_horizon(reading, DAY)
        for name, pricer in self._pricers.items():
            self._futures[name] = draw_futures(pricer.laws(day))
        if self._truth is not None:
            self._futures[TRUTH] = draw_futures(self._truth.law(self._world, DAY))

    def table(self, market: str) -> Table:
        """See :func:`play_asked`."""
        last = len(self._spots) - HOURS
        owed = np.array([self._owed(hour) for hour in range(last)])
        there = np.array([self._books[hour][0].contracts > 0.0 for hour in range(last)])
        worth = np.array([self._books[hour][0].contracts * self._spots[hour][:, None] for hour in range(last)])
        rows = []
        today = sum(float(self._needs[hour][RULES[0]].sum()) for hour in range(last))
        for rule in self._needs[0]:
            needed = np.array([self._needs[hour][rule] for hour in range(last)])
            rows += _rows(market, "sellers", rule, there, worth, needed, owed, today)
        fell = np.array([self._spots[hour + HOURS] / self._spots[hour] for hour in range(last)])
        kept = (1.0 - np.array(self._bonus[:last])) * fell  # what a sale brings, over the collateral's value before
        every = np.ones_like(kept, bool)
        thresholds = np.array([self._limits[hour][THRESHOLD] for hour in range(last)])
        for rule in self._limits[0]:
            limit = np.array([self._limits[hour][rule] for hour in range(last)])
            lost = np.maximum(1.0 - kept, 0.0)  # of the collateral's value: more than what was not lent is missing
            rows += _rows(
                market, "borrowers", rule, every, np.ones_like(kept), 1.0 - limit, lost, float((1.0 - thresholds).sum())
            )
        return columns(rows)

    def _owed(self, hour: int) -> Floats:
        """Cost of buying every position of an hour back a day later, or of settling it: USD [n, a]."""
        book, slots, (expiries, _) = self._books[hour]
        _, _, (later_expiries, later_vols) = self._books[hour + HOURS]
        found = np.zeros(book.contracts.shape)
        for i, s in np.argwhere(book.contracts > 0.0):
            e, k = slots[i, s]
            left = book.hours[i, s] - HOURS
            at = hour + min(HOURS, int(np.rint(book.hours[i, s])))
            spot, vol = self._spots[at][i], book.vol[i, s]
            same = np.flatnonzero(later_expiries[i] == expiries[i, e])
            if left > 0.0 and len(same):
                vol = max(later_vols[i, same[0], k], 0.05)
            pair = call_and_put(spot, book.strike[i, s], max(left, 0.0) / HOURS_PER_YEAR, vol, book.rate[i])
            found[i, s] = book.contracts[i, s] * pair[0 if book.call[i, s] > 0.0 else 1]
        return found


def _rows(
    market: str, kind: str, rule: str, there: Any, worth: Floats, needed: Floats, owed: Floats, today: float
) -> list[dict[str, Any]]:
    """A row a tape; arrays are [hours, tapes] or [hours, tapes, accounts]."""
    total = float(needed[there].sum())
    ratio = owed[there] / np.maximum(needed[there], 1e-9)
    cover = float(np.quantile(ratio, LEVEL)) if ratio.size else float("nan")
    same = needed * (today / total if total > 0.0 else 1.0)
    rows = []
    for tape in range(there.shape[1]):
        on = there[:, tape]
        missing = np.maximum(owed[:, tape] - needed[:, tape], 0.0)[on]
        rows.append(
            {
                "market": market, "kind": kind, "rule": rule, "tape": tape, "hours": int(on.sum()),
                "worth": float(worth[:, tape][on].sum()), "required": float(needed[:, tape][on].sum()),
                "insolvent": int((missing > 0.0).sum()), "missing": float(missing.sum()),
                "missing_same": float(np.maximum(owed[:, tape] - same[:, tape], 0.0)[on].sum()), "cover": cover,
            }
        )  # fmt: skip
    return rows
