"""Pricers in the loop: they quote the option pool, people trade against them, and the cash tells who was right."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal

from protogov.agents.pricing.prices import Premium
from protogov.envs.config import WorldConfig
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import interval_in
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import records, rounded
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import aligned, listed, signed_span, span
from protogov.experiments.errors import as_bad_input
from protogov.experiments.studies.closed_loop.drawing import draw
from protogov.experiments.studies.closed_loop.plan import (
    ABOUT,
    ATTACKED,
    BASE,
    BY_ALL,
    FEED,
    FIRST_MANAGED,
    GAMMA_GREEKS,
    HEDGES,
    LEARNED_FROM,
    MANAGED,
    MARKETS,
    NONE,
    OWN,
    PLAIN,
    PRICERS,
    QUOTE_ATTACKS,
    RULE,
    RUN_OFF,
    SURFACE,
    TAPE,
    TODAY,
    TOLD,
    UNHEDGED,
    Attack,
    Learning,
    Loop,
)
from protogov.experiments.studies.closed_loop.playing import play_attack, play_loop
from protogov.experiments.studies.closed_loop.summary import attack_table, gamma_table, greek_table, loop_table


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Let pricers quote the option pool, and judge them by the realised cash of options held to expiry.

    Learned pricers are trained inside, on simulated markets. Pools of one market and seed see the same path.

    Example: protogov study closed_loop --out results/closed_loop
    """

    markets: tuple[Literal["gbm", "merton", "heston"], ...] = ("gbm", "merton", "heston")
    """Markets of loops and hedges: their law is known."""
    parts: tuple[Literal["loops", "greeks", "gamma", "attacks"], ...] = ("loops", "greeks", "gamma", "attacks")
    """What is played: pools, hedges, what pools do about their gamma, attacks."""
    seeds: int = 96
    """Worlds of each piece."""
    hours: int = 336
    """Hours in which options trade in a loop; the farthest expiry settles four weeks later."""
    width: float = 1.15
    """Premium of pricers: factor on all distances of a law from its median, 0.5 to 3. The default is about that of the
    tape's implied vol, which is 14 to 17% above the law in these markets."""
    reversion: float = 24.0
    """Half-life of the surface's return to its anchors in loops and hedges, the pool of today included [h]."""
    learn: int = 32
    """Tapes of each market that learned pricers are trained on."""
    epochs: int = 16
    """Passes over their samples, at most."""


def measure(options: Options, how: Running) -> Found:
    """Play every piece and compare them seed by seed.

    Raises:
        BadInput: a size is out of range.
    """
    check_sizes(2, seeds=options.seeds, learn=options.learn)
    check_sizes(1, epochs=options.epochs)
    check_sizes(24, 4000, hours=options.hours)
    with as_bad_input():
        Premium(options.width)
        WorldConfig().with_parameters(vol_reversion=options.reversion)
    loops, attacks = loops_of(options), attacks_of(options)
    config = WorldConfig()
    played = run_pieces(play_loop, config, [Piece(_name(job), job) for job in loops], how, "loops")
    attacked = run_pieces(play_attack, config, [Piece(_name(job), job) for job in attacks], how, "attacks")
    tables = {
        "loops": loop_table(loops, played) if "loops" in options.parts else {},
        "greeks": greek_table(loops, played) if "greeks" in options.parts else {},
        "gamma": rounded(gamma_table(loops, played), 4) if "gamma" in options.parts else {},
        "attacks": attack_table(attacks, attacked) if "attacks" in options.parts else {},
    }
    left = max((float(table["left"].max()) for table in played), default=0.0)
    facts = {
        "seeds": options.seeds, "hours": options.hours, "width": options.width, "reversion": options.reversion,
        "markets": list(options.markets),
        "learning": asdict(Learning(options.learn, options.epochs)), "contracts_left": left,
    }  # fmt: skip
    return Found({name: rounded(table) for name, table in tables.items() if table}, facts)


def loops_of(options: Options) -> list[Loop]:
    """Pools, and pools hedged or managed in other ways; what several parts need is played once."""
    learning = Learning(options.learn, options.epochs)
    wanted: list[tuple[str, str, str, str, str, int]] = []
    if "loops" in options.parts:
        asked = product(options.markets, (TAPE, TOLD), PRICERS)
        wanted += [(market, who, told, PLAIN, TODAY, 0) for market, told, who in asked]
    if "greeks" in options.parts:
        for market in options.markets:
            wanted += [(market, FEED, TAPE, hedge, TODAY, 0) for hedge in HEDGES]
            wanted += [(market, RULE, TAPE, hedge, TODAY, 0) for hedge in (UNHEDGED, PLAIN)]
    if "gamma" in options.parts:
        asked = product(options.markets, GAMMA_GREEKS, MANAGED)
        wanted += [(market, FEED, TAPE, hedge, gamma, FIRST_MANAGED) for market, hedge, gamma in asked]
    return [
        Loop(
            market,
            who,
            told,
            hedge,
            options.seeds,
            options.hours,
            options.width,
            options.reversion,
            learning,
            gamma,
            first,
        )
        for market, who, told, hedge, gamma, first in dict.fromkeys(wanted)
    ]


def attacks_of(options: Options) -> list[Attack]:
    """Attacks on quotes, and on the price of shares with and without averages; each beside peace."""
    if "attacks" not in options.parts:
        return []
    learning = Learning(options.learn, options.epochs)
    kinds = [(attack, True, False) for attack in QUOTE_ATTACKS]
    kinds += [(attack, gwav, True) for gwav, attack in product((True, False), (NONE, SURFACE))]
    return [
        Attack(attack, who, gwav, shares, options.seeds, options.width, learning)
        for (attack, gwav, shares), who in product(kinds, ATTACKED)
    ]


def _name(job: Loop | Attack) -> str:
    if isinstance(job, Loop):
        return f"loop_{job.market}_{job.pricer}_{job.informed}_{job.hedge}_{job.gamma}_{job.first}"
    return f"attack_{job.attack}_{job.pricer}{'' if job.gwav else '_present'}{'_shares' if job.shares else ''}"


def judge(found: Found) -> Judged:
    """What changes in cash when a pricer quotes, whose greeks hedge better, and who gains from attacks."""
    lines: list[str] = []
    if "loops" in found.tables:
        lines += _say_loops(records(found.tables["loops"]))
    if "greeks" in found.tables:
        lines += _say_greeks(records(found.tables["greeks"]))
    if "gamma" in found.tables:
        lines += _say_gamma(records(found.tables["gamma"]))
    if "attacks" in found.tables:
        lines += _say_attacks(records(found.tables["attacks"]))
    return Judged(tuple(lines))


def _say_loops(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    learned = [row for row in rows if row["pricer"] == FEED]
    better = [f"{row['market']} ({row['informed']})" for row in learned if row["realised_over_rule_low"] > 0.0]
    worse = [f"{row['market']} ({row['informed']})" for row in learned if row["realised_over_rule_high"] < 0.0]
    first = (
        f"The pool that the learned pricer quotes realises more cash than today's in {len(better)} and less in "
        f"{len(worse)} of {len(learned)} comparisons (market, what vol arbitrageurs know), beyond the 95% interval."
    )
    cells = [["market", "informed", "pricer", "cash over today's [kUSD]", "by the tape's vol [kUSD]"]]
    for row in rows:
        cells.append(
            [row["market"], row["informed"], row["pricer"], signed_span(interval_in(row, "realised_over_rule")),
             signed_span(interval_in(row, "edge_over_rule"))]
        )  # fmt: skip
    return [first, *aligned(cells)]


def _say_greeks(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    own = [row for row in rows if row["hedge"] == OWN]
    less = [row["market"] for row in own if row["variance_over_plain_high"] < 1.0]
    more = [row["market"] for row in own if row["variance_over_plain_low"] > 1.0]
    first = (
        f"Hedged by greeks of the moving market, the learned pool's profit varies less than by Black-Scholes' on "
        f"{listed(less) if less else 'no market'}, and more on {listed(more) if more else 'none'} (95% intervals)."
    )
    cells = [["market", "pricer", "hedge", "cash [kUSD]", "variance over Black-Scholes'", "hedging cost [kUSD]"]]
    for row in rows:
        cells.append(
            [row["market"], row["pricer"], row["hedge"], span(interval_in(row, "realised")),
             span(interval_in(row, "variance_over_plain")), f"{row['hedging_cost']:.1f}"]
        )  # fmt: skip
    return [first, *aligned(cells)]


def _say_gamma(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    every = [row for row in rows if row["managed"] == BY_ALL]
    calmer = [row for row in every if row["variance_over_nothing_high"] < 1.0]
    richer = [row for row in every if row["over_nothing_low"] > 0.0]
    poorer = [row for row in every if row["over_nothing_high"] < 0.0]
    first = (
        "A pool that manages its gamma by skew, half-spread and limit has a profit that varies less than that of one "
        f"that does nothing in {len(calmer)} of {len(every)} comparisons (market, greeks), and realises more cash in "
        f"{len(richer)} and less in {len(poorer)}, beyond the 95% interval."
    )
    cells = [
        ["market", "greeks", "managed by", "cash over nothing's [kUSD]", "variance over nothing's", "hedging cost"]
    ]
    for row in rows:
        cells.append(
            [row["market"], row["greeks"], row["managed"], signed_span(interval_in(row, "over_nothing")),
             span(interval_in(row, "variance_over_nothing")), f"{row['hedging_cost']:.1f}"]
        )  # fmt: skip
    return [first, *aligned(cells)]


def _say_attacks(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    paid = [f"{row['attack']} on {row['pricer']}" for row in rows if row["both_low"] > 0.0 and row["gwav"]]
    first = (
        "Attacker and takers of quotes together gain from "
        f"{listed(paid) if paid else 'no attack'} beyond the 95% interval (shares at average vols)."
    )
    cells = [["attack", "pool", "averages", "attacker [kUSD]", "takers [kUSD]", "LPs [kUSD]"]]
    for row in rows:
        loss = "others" if row["attack"] == SURFACE else "pool"
        cells.append(
            [row["attack"], row["pricer"], "on" if row["gwav"] else "off", signed_span(interval_in(row, "attacker")),
             signed_span(interval_in(row, "takers")), signed_span(interval_in(row, loss))]
        )  # fmt: skip
    return [first, *aligned(cells)]


def page(found: Found, judged: Judged) -> Sequence[str]:
    """The page from `page.md.j2`."""
    rows = {name: records(found.tables.get(name, {})) for name in ("loops", "greeks", "gamma", "attacks")}

    def interval(row: Mapping[str, Any], name: str, signed: bool = True) -> str:
        return signed_span(interval_in(row, name)) if signed else span(interval_in(row, name))

    return page_beside(
        __file__,
        facts=found.facts, **rows, interval=interval, about=ABOUT, learned_from=listed(LEARNED_FROM), run_off=RUN_OFF,
        base=BASE, managed=MANAGED, surface=SURFACE, markets=listed(MARKETS), sentences=judged.sentences,
    )  # fmt: skip


STUDY = Study("closed_loop", "Pricers that quote the option pool", Options, measure, judge, draw, page)
