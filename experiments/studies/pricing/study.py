"""What pricers know of the return to an expiry: learned ones, their opponents, and the truth where that is known."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from protogov.agents.pricing.recording import record_world
from protogov.agents.pricing.shape import GENERATIONS, Generation
from protogov.envs.scenarios import CandleError, check_trainable, get_scenario
from protogov.envs.scenarios.natural import CRISIS_SHARE
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import Table, records
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import aligned, listed
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.pricing import final
from protogov.experiments.studies.pricing.contests import play_contest
from protogov.experiments.studies.pricing.drawing import draw
from protogov.experiments.studies.pricing.final import refuse_after_opening
from protogov.experiments.studies.pricing.plan import (
    CRISES,
    EVALUATION,
    FUTURES,
    IMPLIED,
    KNOWN,
    OPPONENTS,
    TRAINING,
    TRUTH,
    Contest,
    Contestant,
    Sizes,
    shares,
)
from protogov.experiments.studies.pricing.summary import (
    Played,
    comparison_table,
    feature_rows,
    fit_table,
    future_table,
    pit_table,
    price_table,
    score_table,
    vol_table,
)

WITHIN = 2.0  # percent of the true law's CRPS: the target
LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Train pricers on simulated markets, and score their predictive distributions against opponents and the truth.

    Markets with a known law tell what the best possible score is. Validation markets and recorded files are only
    scored, never learned from; the sealed test is not drawn.

    Example: protogov study pricing --out results/pricing
    """

    generations: tuple[Generation, ...] = ("linear", "mlp", "recurrent", "attention", "compact")
    """Which are trained."""
    inputs: tuple[Literal["chain", "prices"], ...] = ("chain", "prices")
    """Beside all inputs: what a contract can read, with the pool's average as spot; the same without the pool's vols.
    Tried with the first generation but `linear`."""
    training: tuple[str, ...] = TRAINING
    """Markets that are learned from."""
    markets: tuple[str, ...] = EVALUATION
    """Markets that are scored."""
    recorded: tuple[Path, ...] = ()
    """Candle files that are scored too."""
    leave_out: tuple[str, ...] = CRISES
    """Training markets of which each is left out of a training of its own, then scored."""
    learn: int = 96
    """Tapes of each training market."""
    judge: int = 64
    """Tapes of each market that is scored."""
    epochs: int = 24
    """Passes over the samples, at most."""
    crises: float = CRISIS_SHARE
    """Share of all crises together in what is learned, above 0 and below 1; the other markets have equal parts of the
    rest. The default is that of `natural`."""
    states: int = 6
    """States of `jump` and `regimes` whose futures tell the truth."""
    futures: int = 10_000
    """Futures of each state."""
    final: Path | None = None
    """Folder of this study's finished result: open the sealed test, once, and score its pricers there. Nothing is
    fitted by this study after that."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world."""

    @property
    def sizes(self) -> Sizes:
        """How much is played."""
        return Sizes(self.learn, self.judge, self.epochs, self.states, self.futures, self.crises)

    def reduced(self) -> list[str]:
        """Options that differ from their defaults, apart from what is written and how."""
        plain = Options()
        names = ("generations", "training", "learn", "judge", "epochs", "crises", "world")
        return [name for name in names if getattr(self, name) != getattr(plain, name)]


def measure(options: Options, how: Running) -> Found:
    """Fit and score every contestant, a piece each.

    Raises:
        BadInput: a market is unknown, or is held out and to be learned from; a size is out of range; the sealed test
            was opened by this study before.
    """
    if options.final is not None:
        return measure_final(options, how, options.final)
    refuse_after_opening()
    check_sizes(2, learn=options.learn, judge=options.judge, futures=options.futures)
    check_sizes(1, epochs=options.epochs)
    check_sizes(0, states=options.states)
    if not 0.0 < options.crises < 1.0:
        raise BadInput(f"crises is {options.crises:g}; a share above 0 and below 1 is accepted")
    markets = (*options.markets, *map(str, options.recorded))
    _check_markets(options, markets)
    contests = {
        who.name: Contest(who, options.training, _markets_of(who, markets), options.sizes) for who in _entrants(options)
    }
    pieces = [Piece(f"contest_{name}", job) for name, job in contests.items()]
    tables = run_pieces(play_contest, record_world(options.world.make()), pieces, how, "pricers")
    played = {name: (contests[name], table) for name, table in zip(contests, tables, strict=True)}
    return _found(options, played, markets)


def measure_final(options: Options, how: Running, folder: Path) -> Found:
    """Score the generations of a finished study and their opponents on the sealed test, which this opens, once.

    Raises:
        BadInput: as of `final.check`, or the test was opened by this study for others before.
    """
    best = final.check(folder, asdict(options.sizes), options.training, options.reduced())
    test = final.open_for([*OPPONENTS, *options.generations], str(folder))
    markets = tuple(test.scenarios)
    entrants = [Contestant(name, name) for name in (*OPPONENTS, *options.generations)]
    contests = {who.name: Contest(who, options.training, markets, options.sizes) for who in entrants}
    pieces = [Piece(f"sealed_{name}", job) for name, job in contests.items()]
    tables = run_pieces(final.play_sealed, record_world(options.world.make()), pieces, how, "pricers")
    played = {name: (contests[name], table) for name, table in zip(contests, tables, strict=True)}
    found = _found(options, played, markets)
    apart = final.refitted_apart(folder, found.tables["fits"])
    return Found(found.tables, {**found.facts, "best": best, "sealed": test.digest, "refitted_apart": apart})


def _found(options: Options, played: Played, markets: tuple[str, ...]) -> Found:
    learned = [name for name, (job, _) in played.items() if job.contestant.kind in GENERATIONS]
    scores = score_table(played, markets)
    found = {
        "scores": scores, "comparisons": comparison_table(played, markets, learned), "pit": pit_table(played, markets),
        "vols": vol_table(played, markets), "fits": fit_table(played), "prices": price_table(played),
    }  # fmt: skip
    told = future_table(played)
    absent = [name for name, (_, table) in played.items() if "absent" in table["kind"]]
    main = [name for name in learned if name in options.generations]
    facts = {
        "learned": learned, "absent": absent, "best": best_of(scores, main), "training": list(options.training),
        "sizes": asdict(options.sizes), "recorded": [path.name for path in options.recorded],
    }  # fmt: skip
    return Found({name: table for name, table in (found | {"futures": told}).items() if table}, facts)


def _entrants(options: Options) -> list[Contestant]:
    known = [Contestant(name, name) for name in (TRUTH, *OPPONENTS)]
    learned = [Contestant(name, name) for name in options.generations]
    tried = next((name for name in options.generations if name != "linear"), options.generations[0])
    sets = [
        Contestant(f"{tried}-{inputs}", tried, inputs, "pool" if inputs == "chain" else "oracle")
        for inputs in options.inputs
    ]
    sets += [Contestant(f"{tried}-chain-oracle", tried, "chain")] * ("chain" in options.inputs)
    without = [Contestant(f"{tried}-without-{crisis}", tried, left_out=crisis) for crisis in options.leave_out]
    alike = [Contestant(f"{tried}-alike", tried, alike=True)] * (shares(options.training, options.crises) is not None)
    return [*known, *learned, *sets, *alike, *without]


def _markets_of(who: Contestant, markets: tuple[str, ...]) -> tuple[str, ...]:
    if who.kind == TRUTH:
        return tuple(market for market in markets if market in KNOWN)
    return (who.left_out,) if who.left_out else markets


def _check_markets(options: Options, markets: Sequence[str]) -> None:
    for name in options.training:
        try:
            check_trainable(get_scenario(name))
        except ValueError as error:
            raise BadInput(f"training names {name!r}: {error}") from None
    for name in markets:
        try:
            get_scenario(name)
        except (ValueError, CandleError) as error:
            raise BadInput(f"markets or recorded name {name!r}: {error}") from None
    for name in options.leave_out:
        if name not in options.training or name not in markets:
            raise BadInput(f"leave-out names {name!r}; markets of training that are scored too are accepted")
    if not options.generations:
        raise BadInput("generations names none; one or more are accepted")


def best_of(scores: Mapping[str, Any], names: Sequence[str]) -> str:
    """The contestant with the lowest mean CRPS over the truth's, over implied vol's where no truth is known."""
    rows = [row for row in records(dict(scores)) if row["contestant"] in names]
    column = "over_truth" if any(np.isfinite(row["over_truth"]) for row in rows) else "over_implied"
    means = {name: np.nanmean([row[column] for row in rows if row["contestant"] == name]) for name in names}
    return min(means, key=lambda name: means[name])


def _some(markets: list[str], known: list[dict[str, Any]]) -> str:
    """Which of the markets with a known law, in words."""
    everywhere = listed([row["market"] for row in known])
    if len(markets) == len(known):
        return everywhere
    return f"{listed(markets)}, not on the others of {everywhere}" if markets else f"none of {everywhere}"


def judge(found: Found) -> Judged:
    """Whether the best learned pricer reaches the target in markets with a known law, and what each scores."""
    best, rows = found.facts["best"], records(found.tables["scores"])
    own = [row for row in rows if row["contestant"] == best]
    known = [row for row in own if row["market"] in KNOWN]
    near = [row["market"] for row in known if row["over_truth"] <= WITHIN]
    uniform, adjusted = ([row["market"] for row in known if row[p] >= LEVEL] for p in ("pit_p", "pit_holm"))
    better = [row["market"] for row in own if row["over_implied"] < 0.0]
    beside = (
        f"Its mean CRPS is lower than that of implied vol in {len(better)} of {len(own)} markets"
        f"{': ' * bool(better)}{listed(better)}."
    )
    if found.facts.get("sealed"):
        headline = f"On the sealed test, opened once: the learned pricer chosen before is {best}. {beside}"
    elif known:
        headline = (
            f"The best learned pricer is {best}. Its CRPS is at most {WITHIN:g}% above that of the true law on "
            f"{_some(near, known)}; its PIT passes the test of uniformity (p of {LEVEL:g} or more) on "
            f"{_some(uniform, known)}"
            + ("" if adjusted == uniform else f", by Holm's p of these markets on {_some(adjusted, known)}")
            + f". {beside}"
        )
    else:
        headline = f"The best learned pricer is {best}. {beside}"
    lines = [["market", "pricer", "CRPS over truth", "over implied vol", "PIT p", "below 1%"]]
    for row in rows:
        lines.append(
            [row["market"], row["contestant"], _percent(row["over_truth"]), _percent(row["over_implied"]),
             f"{row['pit_p']:.3f}", f"{row['below_1']} of {row['windows']}"]
        )  # fmt: skip
    return Judged((headline, *aligned(lines)))


def _percent(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:+.1f}%"


def page(found: Found, judged: Judged) -> Sequence[str]:
    """The page from `page.md.j2`."""
    scores = records(found.tables["scores"])
    main = [row for row in scores if not row["left_out"]]
    names = list(dict.fromkeys(row["contestant"] for row in main))
    markets = list(dict.fromkeys(row["market"] for row in main))
    at = {(row["market"], row["contestant"]): row for row in main}

    def grid(column: str, only: Sequence[str]) -> list[list[str]]:
        shown = [name for name in names if any(np.isfinite(at[m, name][column]) for m in only if (m, name) in at)]
        lines = [
            [market, *(_percent(at[market, name][column]) if (market, name) in at else "" for name in shown)]
            for market in only
        ]
        return [["market", *shown], *lines]

    best, known = found.facts["best"], [market for market in markets if market in KNOWN]
    shown = (TRUTH, *OPPONENTS, *(name for name in found.facts["learned"] if name in GENERATIONS))
    against = {(row["market"], row["contestant"]): row for row in records(found.tables["comparisons"])
               if row["against"] == IMPLIED}  # fmt: skip
    tails = [
        {**row, "beyond_over": 100.0 * (row["beyond_bp"] / at[row["market"], IMPLIED]["beyond_bp"] - 1.0),
         "beyond_p": against.get((row["market"], row["contestant"]), {}).get("tail_p", float("nan"))}
        for row in main if row["contestant"] in (best, IMPLIED, TRUTH) and (row["market"], IMPLIED) in at
    ]  # fmt: skip
    plain = next((name.removesuffix("-alike") for name in names if name.endswith("-alike")), "")
    alike = [
        {"market": market, "own": at[market, plain], "alike": at[market, f"{plain}-alike"]}
        for market in markets if (market, plain) in at and (market, f"{plain}-alike") in at
    ]  # fmt: skip
    crises = [
        {**row, "seen": at[row["market"], str(row["contestant"]).partition("-without-")[0]]["over_implied"]}
        for row in scores
        if row["left_out"]
    ]
    return page_beside(
        __file__,
        facts=found.facts, sizes=found.facts["sizes"], within=WITHIN,
        over_truth=grid("over_truth", known) if known else "",
        over_implied=grid("over_implied", markets),
        tails=tails, crises=crises, plain=plain, alike=alike,
        fits=records(found.tables["fits"]), comparisons=_of(best, found.tables["comparisons"]),
        futures=records(found.tables.get("futures", {})), features=feature_rows(),
        prices=_of(best, found.tables["prices"]), future_markets=listed(FUTURES), percent=_percent,
        number=lambda form, value: "" if np.isnan(value) else form % value, alike_share=_crises_in(found.facts),
        better_alike=_better_alike(alike),
        files=found.facts["recorded"], sealed=found.facts.get("sealed", ""),
        vols=[row for row in records(found.tables["vols"]) if row["market"] in (*KNOWN, *FUTURES) or
              row["contestant"] in (best, IMPLIED)],
        shown=shown,
    )  # fmt: skip


def _better_alike(alike: Sequence[Mapping[str, Any]]) -> str:
    """In how many crises a pricer that learned them as often as other markets scores better."""
    crises = [row for row in alike if row["market"] in CRISES or row["own"]["split"] == "validation"]
    better = [row for row in crises if row["alike"]["crps_bp"] < row["own"]["crps_bp"]]
    return f"{len(better)} of {len(crises)}"


def _crises_in(facts: Mapping[str, Any]) -> float:
    """Share of crises among the training markets."""
    return sum(name in CRISES for name in facts["training"]) / len(facts["training"])


def _of(name: str, table: Table) -> list[dict[str, Any]]:
    return [row for row in records(table) if row["contestant"] == name]


STUDY = Study("pricing", "What pricers know of the return to an expiry", Options, measure, judge, draw, page)
