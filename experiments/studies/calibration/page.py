"""The calibration in words: lines for the terminal and the page of `results/calibration`."""

from collections.abc import Mapping, Sequence

from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.study import Found, Judged
from protogov.experiments.core.tables import Table, records
from protogov.experiments.core.text import listed, markdown, number, span
from protogov.experiments.studies.calibration.bands import (
    BANDS,
    CALM_DRAWDOWN,
    CALM_VOL,
    CRISES,
    PUBLISHED_REGRESSION,
    STRESS_DRAWDOWN,
    STRESS_VOL,
    failing,
)
from protogov.experiments.studies.calibration.hours import LARGEST, POPULATIONS
from protogov.experiments.studies.calibration.market import COLUMNS, ENOUGH_LIQUIDATIONS
from protogov.experiments.studies.calibration.statistics import HOUR_KINDS, REGRESSORS
from protogov.experiments.studies.calibration.summary import QUANTILES, REPORTED, figures_in

# figure without a band -> what it is, and what was published of it
BESIDE: dict[str, tuple[str, str]] = {
    **{
        f"{name}_{kind}": (f"{name.replace('_', ' ')}, mean of {kind} hours", "")
        for name in REPORTED for kind in ("calm", "stress")
    },
    "intercept": ("regression of ln(events + 1): intercept", f"{PUBLISHED_REGRESSION['intercept']:g}"),
    "fall_today": ("coefficient of the day's fall", f"{PUBLISHED_REGRESSION['fall_today']:g}"),
    "fall_yesterday": ("coefficient of the fall of the day before", f"{PUBLISHED_REGRESSION['fall_yesterday']:g}"),
    "rise_today": ("coefficient of the day's rise", f"{PUBLISHED_REGRESSION['rise_today']:g}"),
    "multiplier": ("factor on (events + 1) of a 5% fall", "4.5"),
    "risk_intercept": ("Poisson regression: log risk of an account in a day without a move", ""),
    "risk_fall_today": ("coefficient of the day's fall on that log risk", ""),
    "risk_fall_yesterday": ("coefficient of the fall of the day before", ""),
    "risk_rise_today": ("coefficient of the day's rise", ""),
    "risk_multiplier": ("factor on an account's risk of a 5% fall", ""),
    "pool_loss_closes": ("the pool's loss over sigma^2/8 with sigma of hourly closes", ""),
}  # fmt: skip
# column of a source beside those of an episode -> its name for people
OF_SOURCES = {
    "liquidation_gain_calm": "liq gain calm", "liquidation_gain_stress": "liq gain stress",
    "hedge_gain_calm": "hedge gain calm", "hedge_gain_stress": "hedge gain stress", "fall_today": "fall",
    "fall_yesterday": "fall t-1", "rise_today": "rise", "risk_fall_today": "risk: fall", "largest": f"top {LARGEST}",
    "welfare": "W bp", "lost": "lost",
}  # fmt: skip


def headline_of(figures: Mapping[str, Interval]) -> str:
    """What came out, in one sentence."""
    missed = failing(figures)
    if not missed:
        return f"All {len(BANDS)} figures lie inside their stated band."
    names = listed([band.name.replace("_", " ") for band in missed])
    return f"{len(BANDS) - len(missed)} of {len(BANDS)} figures lie inside their stated band; not so: {names}."


def figure_rows(figures: Mapping[str, Interval]) -> list[list[str]]:
    """For the terminal: every figure with its interval, band, published value and verdict."""
    rows = [["figure", "value [95% over seeds]", "band", "published", "verdict"]]
    for band in BANDS:
        target = "" if band.target is None else f"{band.target:g}"
        rows.append([band.name, span(figures[band.name]), band.span, target, band.verdict(figures[band.name])])
    return rows + [[name, span(figures[name]), "none", published, ""] for name, (_, published) in BESIDE.items()]


def source_rows(sources: Table) -> list[list[str]]:
    """A column a source."""
    words = {"source": "source", **{name: name for name in COLUMNS}, **OF_SOURCES}
    return [
        [word, *(str(value) if name in ("source", "lost") else number(float(value)) for value in sources[name])]
        for name, word in words.items()
    ]


def calibration_page(found: Found, judged: Judged) -> Sequence[str]:
    """Bands, what is reported beside, sources, gains, words, and what was fitted on what."""
    tables, facts = found.tables, found.facts
    figures, head, *rows = figures_in(tables["figures"]), *source_rows(tables["sources"])
    basis = dict(zip(tables["figures"]["name"].tolist(), tables["figures"]["basis"].tolist(), strict=True))
    return [
        "![Bands, gains, regression and response](calibration.png)",
        "",
        "## Figures against their bands",
        "",
        f"Every band has a source outside this project. Crises are {', '.join(CRISES)}, their episodes counting the "
        "same; each alone stands in the table by source below.",
        "",
        *_band_table(figures, basis),
        "",
        "## Reported without a band",
        "",
        "Nothing is fitted to these. Gains have no source but this world; what was published of the regression depends "
        "on how many accounts a market has (see below), the Poisson regression does not.",
        "",
        *markdown(
            ["figure", "published", "value [95%]", "rests on"],
            [[words, told, span(figures[name]), basis[name]] for name, (words, told) in BESIDE.items()],
        ),
        "",
        "## The regression and the size of the market",
        "",
        f"The same worlds, {POPULATIONS} populations on each tape, added up to markets of different size: "
        "ln(events + 1) of small counts flattens every slope.",
        "",
        *_size_table(records(tables["fits"])[: len(facts["sizes"])], facts["accounts"]),
        "",
        "## By source",
        "",
        f"Means of an episode. {'; '.join(f'{name}: {words}' for name, words in COLUMNS.items())}; gains over hours of "
        "the kind; fall, fall t-1, rise: coefficients of ln(events + 1) in markets of 2,048 accounts; risk: fall: that "
        f"of the Poisson regression; top {LARGEST}: share of all debt that the {LARGEST} largest of "
        f"{facts['accounts']} accounts owe; W: in bp of K0; lost: events beyond what an hour can record, which are not "
        "counted.",
        "",
        *markdown(head, rows),
        "",
        "## Where the gains come from",
        "",
        *_gain_tables(tables["spreads"]),
        "",
        *MEANINGS,
        "",
        f"Seeds {facts['seeds'][0]} to {facts['seeds'][1]} of every source (what is read hour by hour: the first "
        "quarter).",
    ]


def _band_table(figures: Mapping[str, Interval], basis: Mapping[str, str]) -> list[str]:
    rows = []
    for band in BANDS:
        target = "" if band.target is None else f" ({band.target:g})"
        where = "crises" if band.scenarios == CRISES else ", ".join(band.scenarios)
        found = figures[band.name]
        told = [span(found), basis[band.name], band.verdict(found), band.source]
        rows.append([band.meaning, where, f"{band.span}{target}", *told])
    head = ["figure", "on", "band (published)", "value [95% over seeds]", "rests on", "verdict", "source of the band"]
    return markdown(head, rows)


def _size_table(fits: Sequence[Mapping[str, float]], accounts: int) -> list[str]:
    rows = [
        [
            f"{accounts * int(fit['populations']):,}",
            *(span(Interval(fit[name], fit[f"{name}_low"], fit[f"{name}_high"])) for name in REGRESSORS),
            number(fit["r_squared"]),
        ]
        for fit in fits
    ]
    return markdown(["accounts", "intercept", "fall today", "fall the day before", "rise today", "R^2"], rows)


def _gain_tables(spreads: Table) -> list[str]:
    rows = {(str(row["kind"]), str(row["name"])): row for row in records(spreads)}
    ends = ("mean", *QUANTILES)
    gains = [
        [kind, name.replace("_", " "), *(number(row[end]) for end in ends), f"{row['hours']:,}"]
        for (kind, name), row in rows.items()
        if name in REPORTED[:2]
    ]
    made_of = {"near": 1.0, "debt": 1e6, "depth": 1e6, "overdue": 1.0, "near_idle": 1.0, "overdue_gain": 1.0}
    parts = [
        [kind, *(number(rows[kind, name]["mean"] / scale) for name, scale in made_of.items())] for kind in HOUR_KINDS
    ]
    return [
        *markdown(["hours", "gain", "mean", "5%", "25%", "median", "75%", "95%", "number"], gains),
        "",
        "Liquidation gain = 0.2 x debt that a fall of 5% makes liquidatable / depth of 1%. Debt within 5% holds also "
        "what is liquidatable already and was left, which is in no gain; the part that idle accounts owe:",
        "",
        *markdown(
            ["hours", "debt within 5% of liquidation / debt", "debt $M", "depth $M", "overdue part", "idle part",
             "gain if the overdue counted"],
            parts,
        ),
    ]  # fmt: skip


MEANINGS = f"""## What the words mean

- **Stress hour**: the tape's vol over the last 24 h is {100 * STRESS_VOL:.0f}% a year or more, or its price is
  {100 * STRESS_DRAWDOWN:.0f}% or more below its high of 72 h. **Calm hour**: that vol is below {100 * CALM_VOL:.0f}%
  and the price less than {100 * CALM_DRAWDOWN:.0f}% below its high of seven days. Other hours count as neither. Fixed
  before any gain was looked at; they use the tape alone, which no governor and no trade moves.
- **Liquidation gain**: debt that a fall of 1% makes liquidatable over the depth of 1%. Of a hundred accounts a single
  percent is mostly empty, so it is a fifth of what the next five percent make liquidatable, without what is so
  already. **Hedge gain**: |net gamma| S^2 1% over the depth of 1%. Both are read at the end of every hour.
- **Daily regression**: ln(liquidation events + 1) of a day on the day's fall, the fall of the day before and the
  day's rise (log returns of the tape; falls are negative numbers), ordinary least squares; the first day of an episode
  only serves as the day before. On most days of a world of 128 accounts nobody is liquidated, and ln(events + 1) cannot
  fall below 0; what was published is about thousands of accounts, so it is shown for {POPULATIONS} populations on one
  tape, added up.
- **Poisson regression**: events of a day ~ Poisson(accounts x exp(...)) on the same three and a constant, a world a
  day, maximum likelihood, errors that let all days on one tape depend on one another. Worlds added up give the same
  coefficients.
- **Profit Gini**: of the liquidators' profits since the episode began, losses as nothing, in worlds with
  {ENOUGH_LIQUIDATIONS} liquidations or more; no correction for their small number, so eight liquidators reach 0.875 at
  most.
- **Pool's loss**: a world in which nobody but the arbitrageur trades, without fee, band or limit; its profit over the
  pool's value, against an eighth of the realised variance of the five-minute path.
- **Intervals** are over seeds (a seed is a population and a tape, and plays every source): Student's t for what has a
  band, resampled seeds for gains. A crisis happened once: they say nothing about other histories.

## What was fitted on what

- People, elasticities and lasting impact (`protogov study ensemble`) are fitted to the bands above, on
  `between-crises`, `calm` and {", ".join(CRISES)}, on tapes from seed 2^43 + 2^40 on; this page is measured on others.
- Later crises, 2023-03 to 2025-10, are predicted and not fitted: `protogov study prediction`.
- Loop gains and regressions have no band. Earlier versions fitted constants to stated loop gains and to whether audits
  held; neither is done any more.
- No lever, no reward weight and no learner was fitted here: all levers stand at their defaults and nobody moves one.
""".splitlines()
