"""What a margin engine asks of short sellers and borrowers, and what happens a day later, beside today's rules.

Nothing is changed in the worlds: every hour the engine and today's rules are asked about the same open positions on the
same tapes, and 24 hours later each position is valued again. A position that posted exactly what a rule asked is
insolvent then if its buy-back costs more.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from protogov.agents.pricing.learned import LearnedPricer
from protogov.agents.pricing.margins import (
    DAY,
    FUTURES,
    LEVEL,
    Accounts,
    Futures,
    at_horizon,
    draw_futures,
    largest_ltv,
    requirements,
    rules_of_today,
    short_book,
)
from protogov.agents.pricing.opponents import EwmaPricer, ImpliedPricer
from protogov.agents.pricing.pricer import Pricer
from protogov.agents.pricing.reader import MarketReader, Reading
from protogov.agents.pricing.recording import record, record_world
from protogov.agents.pricing.shape import make_shape
from protogov.agents.pricing.training import Effort, fit
from protogov.envs.config import WorldConfig
from protogov.envs.laws import known_law
from protogov.envs.scenarios import PathScenario, get_scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.pricing import call_and_put
from protogov.envs.world.state import HOURS_PER_YEAR
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import hold_still, open_worlds
from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, columns, concatenate, records, rounded, select
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import listed
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import BLACK, BLUE, GREEN, GREY, VERMILLION, headline, new_figure
from protogov.experiments.studies.pricing.plan import FIRST_LEARNING, KNOWN, TRAINING, TRUTH, UNSEEN

FIRST_MARGIN = FIRST_LEARNING + 2**43  # first tape seed; nothing else plays these tapes
HOURS = 24
READ = 6  # hours from one law to the next; requirements follow the price every hour
LEARNED = "mlp"
RULES = ("avalon", "derive")  # of short sellers today
THRESHOLD = "threshold"  # of borrowers today
PRICERS = ("implied", "ewma", LEARNED)
WORDS = {
    "avalon": "today: Lyra's minimum collateral", "derive": "today: Derive's maintenance margin",
    THRESHOLD: "today: liquidation threshold", "implied": "engine on implied vol", "ewma": "engine on EWMA",
    LEARNED: "engine on a learned law (mlp)", TRUTH: "engine on the true law",
}  # fmt: skip
COLOURS = {
    "avalon": VERMILLION, "derive": GREEN, THRESHOLD: VERMILLION, "implied": BLUE, "ewma": GREY, LEARNED: "#7a3fa0",
    TRUTH: BLACK,
}  # fmt: skip
Floats = NDArray[np.float64]
BP = 1e4


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Margin requirements from a predictive law, beside today's rules, on the same positions of the same tapes.

    The learned law is fitted on training markets first; validation markets are only played.

    Example: protogov study margins --out results/margins
    """

    pricers: tuple[Literal["implied", "ewma", "mlp"], ...] = ("implied", "ewma", "mlp")
    """Whose laws the engine takes; in markets with a known law also the true one."""
    markets: tuple[str, ...] = ("gbm", "heston", *UNSEEN)
    """Markets that are played."""
    training: tuple[str, ...] = TRAINING
    """Markets that the learned law is fitted on."""
    tapes: int = 8
    """Tapes of each market."""
    learn: int = 24
    """Tapes of each training market."""
    epochs: int = 12
    """Passes over the samples, at most."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world."""


@dataclass(frozen=True)
class Job:
    """A piece: a market under all rules."""

    market: str
    tapes: int
    pricers: tuple[str, ...]
    training: tuple[str, ...]
    learn: int
    epochs: int


@lru_cache(maxsize=4)
def _learned(config: str, training: tuple[str, ...], learn: int, epochs: int) -> LearnedPricer:
    """Fitted once a process; `config` is JSON, which can be a key."""
    world = WorldConfig.from_dict(json.loads(config))
    played = [record(world, name, FIRST_LEARNING, learn, training=True) for name in training]
    return LearnedPricer(fit(LEARNED, make_shape(LEARNED, "feed"), played, effort=Effort(epochs=epochs)).file)


def play_market(config: WorldConfig, job: Job) -> Table:
    """One row a tape, kind of account (`sellers` or `borrowers`) and rule: sums over all hours with a day after them.

    Columns: hours of accounts, what was required and what the positions were worth at the spot [USD], insolvent hours,
    what was missing a day later [USD], the same after all requirements of the market were multiplied to cost as much as
    today's, and `cover`: by what they must be multiplied for 99% of the market's hours to be covered, in hindsight.
    For borrowers USD are shares of the collateral's value, and what is required is what may not be lent.
    """
    known: dict[str, Any] = {"implied": ImpliedPricer, "ewma": EwmaPricer}
    own = json.dumps(config.to_dict(), sort_keys=True)
    pricers: dict[str, Pricer] = {
        name: known[name]() if name in known else _learned(own, job.training, job.learn, job.epochs)
        for name in job.pricers
    }
    seeds = np.uint64(FIRST_MARGIN) + np.arange(job.tapes, dtype=np.uint64)
    world = open_worlds(replace(config, decision_hours=1), job.market, seeds)
    watch = Watch(world, pricers, job.market if job.market in KNOWN else "", seeds)
    watch.look()
    for _ in hold_still(world):
        watch.look()
    return watch.table(job.market)


class Watch:
    """Asks all rules about the open positions of a batch, hour by hour, and looks a day later what they cost."""

    def __init__(self, world: Simulator, pricers: Mapping[str, Pricer], known: str, seeds: NDArray[np.uint64]) -> None:
        self._world, self._pricers, self._reader = world, pricers, MarketReader()
        scenario = get_scenario(known) if known else None
        self._scenario = scenario if isinstance(scenario, PathScenario) else None
        self._marks = self._scenario.marks(seeds, world.config.episode_hours) if self._scenario else None
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
            self._draw(self._reader.read(self._world), hour)
        venue, book = worlds["venues"][:, 0], short_book(worlds, params)
        needs = rules_of_today(book, self._world.params[:, 0], venue["option_margin"].astype(np.float64))
        needs |= {name: requirements(futures, book) for name, futures in self._futures.items()}
        bonus = venue["liquidation_bonus"].astype(np.float64)
        limits = {THRESHOLD: venue["liquidation_threshold"].astype(np.float64)}
        for name, futures in self._futures.items():
            limits[name] = (1.0 - bonus) * largest_ltv(futures)
        slots = np.stack([venue["short_expiry"], venue["short_strike"]], axis=-1).astype(np.int64)
        self._spots.append(book.spot.copy())
        self._books.append((book, slots, (venue["expiry"].copy(), _vols(venue, params[:, 0], book.spot))))
        self._needs.append(needs)
        self._limits.append(limits)
        self._bonus.append(bonus)

    def _draw(self, reading: Reading, hour: int) -> None:
        day = at_horizon(reading, DAY)
        for name, pricer in self._pricers.items():
            self._futures[name] = draw_futures(pricer.laws(day))
        if self._scenario is not None and self._marks is not None:
            law = known_law(self._scenario, self._marks[:, hour], np.full(len(self._marks), DAY))
            self._futures[TRUTH] = draw_futures(law)

    def table(self, market: str) -> Table:
        """See :func:`play_market`."""
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


def _vols(venue: NDArray[np.void], params: NDArray[np.void], spot: Floats) -> Floats:
    """The pool's vol of every node, F64[n, e, k]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        lean = -np.log(venue["strike"] / spot[:, None, None]) / params["skew_shift_width"][:, None, None]
    lean = np.clip(np.nan_to_num(lean), -1.0, 1.0)
    vol = venue["base_vol"][:, :, None] * venue["skew"] + venue["skew_shift"][:, None, None] * lean
    return np.asarray(np.clip(vol, 0.05, 5.0))


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


# ---------------------------------------------------------------- the study


def measure(options: Options, how: Running) -> Found:
    """Play every market, a piece each.

    Raises:
        BadInput: a size is out of range, or there is no pricer.
    """
    check_sizes(2, tapes=options.tapes, learn=options.learn)
    check_sizes(1, epochs=options.epochs)
    config = record_world(options.world.make())
    check_sizes(HOURS + 1, world_episode_hours=config.episode_hours)
    if not options.pricers:
        raise BadInput(f"pricers names none; one or more of {', '.join(PRICERS)} are accepted")
    pieces = [
        Piece(f"margins_{market}", Job(market, options.tapes, options.pricers, options.training, options.learn,
                                       options.epochs))
        for market in options.markets
    ]  # fmt: skip
    played = concatenate(run_pieces(play_market, config, pieces, how, "markets"))
    facts = {
        "markets": list(options.markets), "tapes": options.tapes, "learn": options.learn, "futures": FUTURES,
        "training": list(options.training), "pricers": list(options.pricers),
    }  # fmt: skip
    return Found({"margins": rounded(summarise(played)), "tapes": played}, facts)


def summarise(played: Table) -> Table:
    """A row a kind, market and rule, and over all unseen markets: shares in percent, what is missing in bp of worth.

    Intervals (95%) are over tapes. `difference` is what is missing at the cost of today's rule, less that of today's.
    """
    rows = []
    for kind, first in (("sellers", RULES[0]), ("borrowers", THRESHOLD)):
        own = select(played, played["kind"] == kind)
        unseen = np.isin(own["market"], UNSEEN)
        groups = {market: own["market"] == market for market in dict.fromkeys(own["market"].tolist())}
        if unseen.any():
            groups["unseen"] = unseen
        for market, chosen in groups.items():
            here = select(own, chosen)
            base = select(here, here["rule"] == first)
            for rule in dict.fromkeys(here["rule"].tolist()):
                one = select(here, here["rule"] == rule)
                if len(one["tape"]) != len(base["tape"]):
                    continue  # the true law is known in some markets only
                usable = one["hours"] > 0
                share = student_t(100.0 * one["insolvent"][usable] / one["hours"][usable])
                gap = BP * (one["missing_same"] - base["missing_same"])[usable] / one["worth"][usable]
                paired = student_t(gap)
                worth = one["worth"].sum()
                rows.append(
                    {
                        "kind": kind, "market": market, "rule": rule, "hours": int(one["hours"].sum()),
                        "required": 100.0 * one["required"].sum() / worth, "insolvent": share.mean,
                        "low": share.low, "high": share.high, "missing_bp": BP * one["missing"].sum() / worth,
                        "missing_same_bp": BP * one["missing_same"].sum() / worth, "difference_bp": paired.mean,
                        "difference_low": paired.low, "difference_high": paired.high,
                        "to_cover": 100.0 * float((one["cover"] * one["required"]).sum()) / worth,
                    }
                )  # fmt: skip
    return columns(rows)


def judge(found: Found) -> Judged:
    """What is insolvent on unseen markets, of each rule."""
    rows = [row for row in records(found.tables["margins"]) if row["market"] == "unseen"]
    if not rows:
        return Judged(("No unseen market was played.",))
    sellers = {row["rule"]: row for row in rows if row["kind"] == "sellers"}
    aimed = 100.0 * (1.0 - LEVEL)
    told = listed([f"{WORDS[rule]} {row['insolvent']:.1f}%" for rule, row in sellers.items()])
    asked = listed([f"{row['required']:.0f}%" for row in sellers.values()])
    loans = {row["rule"]: row for row in rows if row["kind"] == "borrowers"}
    lent = listed([f"{WORDS[rule]} {row['insolvent']:.1f}%" for rule, row in loans.items()])
    limits = listed([f"{100.0 - row['required']:.0f}%" for row in loans.values()])
    return Judged(
        (
            f"In unseen crises, hours in which a short seller who posts just what is asked cannot pay a day later "
            f"(aim: {aimed:g}%): {told}. Asked is, in this order, {asked} of the spot value of the contracts.",
            f"Hours in which a loan at its limit is not paid by its coin a day later: {lent}. The mean limit, in this "
            f"order, is {limits} LTV.",
        )
    )


def draw(found: Found) -> Mapping[str, Figure]:
    """Two panels: what is required and how often it does not suffice, a mark a market and rule."""
    rows = [row for row in records(found.tables["margins"]) if row["market"] != "unseen"]
    figure = new_figure(9.2, 4.4)
    panels = figure.subplots(1, 2)
    titles = ("short sellers", "borrowers at their limit")
    for axes, kind, title in zip(panels, ("sellers", "borrowers"), titles, strict=True):
        own = [row for row in rows if row["kind"] == kind]
        for rule in dict.fromkeys(row["rule"] for row in own):
            for filled in (False, True):
                some = [row for row in own if row["rule"] == rule and (row["market"] in UNSEEN) == filled]
                x, y = [row["required"] for row in some], [row["insolvent"] for row in some]
                axes.scatter(
                    x, y, s=30, marker="o" if filled else "s", edgecolors=COLOURS[rule],
                    facecolors=COLOURS[rule] if filled else "none",
                    label=WORDS[rule] if filled or rule == TRUTH else None,
                )  # fmt: skip
        axes.axhline(100.0 * (1.0 - LEVEL), color=GREY, linewidth=0.8)
        axes.set_title(title, fontsize=9)
        axes.set_ylabel("insolvent a day later [% of hours]")
        axes.set_yscale("symlog", linthresh=1.0)
        axes.set_ylim(bottom=-0.05)
        axes.set_yticks([0, 1, 3, 10, 30], ["0", "1", "3", "10", "30"])
    panels[0].set_xlabel("required [% of the spot value of the contracts]")
    panels[1].set_xlabel("not lent [% of the coin's value]")
    found_labels: dict[str, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        found_labels |= {label: handle for label, handle in zip(labels, handles, strict=True) if label}
    figure.legend(found_labels.values(), found_labels.keys(), loc="outside lower center", ncols=3)
    headline(figure, "Safety and its cost (a mark a market; filled: unseen crises; grey line: the 1% that is aimed at)")
    return {"margins": figure}


def page(found: Found, judged: Judged) -> Sequence[str]:
    """The page from `margins.md.j2`."""
    rows = records(found.tables["margins"])
    return page_beside(__file__, rows=rows, facts=found.facts, words=WORDS, more=judged.sentences[1:])


STUDY = Study("margins", "A margin engine beside today's rules", Options, measure, judge, draw, page)
