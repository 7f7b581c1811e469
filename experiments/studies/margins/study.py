"""A margin engine beside today's rules: asked about the same positions, and in force on the same tapes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from protogov.agents.pricing.margins import FUTURES, LEVEL
from protogov.agents.pricing.recording import record_world
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import interval_in
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import concatenate, records, rounded
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import listed, signed_span
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.margins.asking import play_asked
from protogov.experiments.studies.margins.drawing import draw
from protogov.experiments.studies.margins.governing import play_governed
from protogov.experiments.studies.margins.plan import (
    HOURS,
    PRICERS,
    RULES,
    WORDS,
    Asked,
    Governed,
    Learning,
    rules_in_force,
)
from protogov.experiments.studies.margins.summary import ALL_UNSEEN, summarise, summarise_governed
from protogov.experiments.studies.pricing.plan import TRAINING, UNSEEN

DIGITS = 3  # of committed tables


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Margin requirements from a predictive law, beside today's rules: asked about the same positions, and in force.

    Learned laws are fitted on training markets first, in which crises are as rare as in `natural` (mlp) or all markets
    count alike (mlp-alike); validation markets are only played.

    Example: protogov study margins --out results/margins
    """

    pricers: tuple[Literal["implied", "ewma", "mlp", "mlp-alike"], ...] = ("implied", "ewma", "mlp", "mlp-alike")
    """Whose laws the engine takes; in markets with a known law also the true one."""
    markets: tuple[str, ...] = ("gbm", "heston", *UNSEEN)
    """Markets that are played."""
    training: tuple[str, ...] = TRAINING
    """Markets that learned laws are fitted on."""
    tapes: int = 8
    """Tapes of each market on which all rules are asked."""
    governed: int = 16
    """Tapes of each market on which each rule governs."""
    learn: int = 24
    """Tapes of each training market."""
    epochs: int = 12
    """Passes over the samples, at most."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world."""


def measure(options: Options, how: Running) -> Found:
    """Play every market with today's rules and ask, then with each rule in force; a piece each.

    Raises:
        BadInput: a size is out of range, or there is no pricer.
    """
    check_sizes(2, tapes=options.tapes, governed=options.governed, learn=options.learn)
    check_sizes(1, epochs=options.epochs)
    config = record_world(options.world.make())
    check_sizes(HOURS + 1, world_episode_hours=config.episode_hours)
    if not options.pricers:
        raise BadInput(f"pricers names none; one or more of {', '.join(PRICERS)} are accepted")
    learning = Learning(options.training, options.learn, options.epochs)
    asked = [
        Piece(f"asked_{market}", Asked(market, options.tapes, options.pricers, learning)) for market in options.markets
    ]
    governed = [
        Piece(f"governed_{market}_{rule}", Governed(market, rule, options.governed, learning))
        for market in options.markets
        for rule in rules_in_force(market, options.pricers)
    ]
    tables = {
        "margins": rounded(summarise(concatenate(run_pieces(play_asked, config, asked, how, "markets"))), DIGITS),
        "governed": rounded(
            summarise_governed(concatenate(run_pieces(play_governed, config, governed, how, "rules in force"))), DIGITS
        ),
    }
    facts = {
        "markets": list(options.markets), "tapes": options.tapes, "governed": options.governed, "learn": options.learn,
        "futures": FUTURES,
        "training": list(options.training), "pricers": list(options.pricers), "hours": config.episode_hours,
    }  # fmt: skip
    return Found(tables, facts)


def judge(found: Found) -> Judged:
    """What is insolvent on unseen markets, of each rule: asked, and in force."""
    rows = [row for row in records(found.tables["margins"]) if row["market"] == ALL_UNSEEN]
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
            *_in_force({row["rule"]: row for row in records(found.tables["governed"]) if row["market"] == ALL_UNSEEN}),
        )
    )


def _in_force(rows: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """What governing changes on unseen markets, in two sentences; the intervals are of the difference to today."""

    def each(text: Callable[[Mapping[str, Any]], str]) -> str:
        return listed([f"{WORDS[rule]} {text(row)}" for rule, row in rows.items()])

    def change(row: Mapping[str, Any], name: str) -> str:
        if row["rule"] == RULES[0]:
            return ""
        return f" ({signed_span(interval_in(row, f'over_{name}'))})"

    positions = each(lambda row: f"{row['bad_positions']:.1f}%{change(row, 'bad_positions')}")
    loans = each(lambda row: f"{row['loan_loss']:.0f} bp{change(row, 'loan_loss')}")
    posted = listed([f"{row['collateral']:.0f}%" for row in rows.values()])
    return (
        f"In force on unseen crises, positions of sellers that end with bad debt (in brackets the difference to "
        f"today's first rule): {positions}. Posted is, in this order, {posted} of their spot value.",
        f"Bad debt of loans, of the mean debt: {loans}.",
    )


def page(found: Found, judged: Judged) -> Sequence[str]:
    """The page from `page.md.j2`."""
    tables = {name: records(table) for name, table in found.tables.items()}
    shown = [row for row in tables["margins"] if row["market"] not in UNSEEN]
    governed = [row for row in tables["governed"] if row["market"] not in UNSEEN]
    return page_beside(
        __file__, filters={"change": signed_span}, rows=shown, governed=governed, facts=found.facts, words=WORDS,
        more=judged.sentences[1:],
    )  # fmt: skip


STUDY = Study("margins", "A margin engine beside today's rules", Options, measure, judge, draw, page)
