"""The calibration in words: lines for the terminal and the page of `results/calibration`."""

from collections.abc import Mapping, Sequence

from protogov.experiments.core.statistics import Interval, interval_of
from protogov.experiments.core.study import Found, Judged
from protogov.experiments.core.tables import Table, records
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import listed, number, span
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

# figure without a band -> its meaning, and its published value
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
# column of a source other than those of an episode -> its name for people
OF_SOURCES = {
    "liquidation_gain_calm": "liq gain calm", "liquidation_gain_stress": "liq gain stress",
    "hedge_gain_calm": "hedge gain calm", "hedge_gain_stress": "hedge gain stress", "fall_today": "fall",
    "fall_yesterday": "fall t-1", "rise_today": "rise", "risk_fall_today": "risk: fall", "largest": f"top {LARGEST}",
    "welfare": "W bp", "lost": "lost",
}  # fmt: skip


def headline_of(figures: Mapping[str, Interval]) -> str:
    """The result in one sentence."""
    missed = failing(figures)
    if not missed:
        return f"All {len(BANDS)} figures lie inside their stated band."
    names = listed([band.name.replace("_", " ") for band in missed])
    return f"{len(BANDS) - len(missed)} of {len(BANDS)} figures lie inside their stated band; the others: {names}."


def figure_rows(figures: Mapping[str, Interval]) -> list[list[str]]:
    """For the terminal: every figure with its interval, band, published value and verdict."""
    rows = [["figure", "value [95% over seeds]", "band", "published", "verdict"]]
    for band in BANDS:
        target = "" if band.target is None else f"{band.target:g}"
        rows.append([band.name, span(figures[band.name]), band.span, target, band.verdict(figures[band.name])])
    return rows + [[name, span(figures[name]), "none", published, ""] for name, (_, published) in BESIDE.items()]


def source_rows(sources: Table) -> list[list[str]]:
    """One column per source."""
    words = {"source": "source", **{name: name for name in COLUMNS}, **OF_SOURCES}
    return [
        [word, *(str(value) if name in ("source", "lost") else number(float(value)) for value in sources[name])]
        for name, word in words.items()
    ]


def calibration_page(found: Found, judged: Judged) -> Sequence[str]:
    """Bands, figures without bands, sources, gains, definitions, and what was fitted on what."""
    tables, facts = found.tables, found.facts
    figures = figures_in(tables["figures"])
    basis = dict(zip(tables["figures"]["name"].tolist(), tables["figures"]["basis"].tolist(), strict=True))
    beside = [[words, cells, span(figures[name]), basis[name]] for name, (words, cells) in BESIDE.items()]
    return page_beside(
        __file__,
        bands=_band_rows(figures, basis),
        beside=[["figure", "published", "value [95%]", "rests on"], *beside],
        sizes=_size_rows(tables["fits"], len(facts["sizes"]), facts["accounts"]),
        sources=source_rows(tables["sources"]),
        **_gain_rows(tables["spreads"]),
        crises=CRISES,
        populations=POPULATIONS,
        of_episodes=COLUMNS,
        largest=LARGEST,
        accounts=facts["accounts"],
        enough=ENOUGH_LIQUIDATIONS,
        stress_vol=STRESS_VOL,
        stress_drawdown=STRESS_DRAWDOWN,
        calm_vol=CALM_VOL,
        calm_drawdown=CALM_DRAWDOWN,
        seeds=facts["seeds"],
    )


def _band_rows(figures: Mapping[str, Interval], basis: Mapping[str, str]) -> list[list[str]]:
    rows = [["figure", "on", "band (published)", "value [95% over seeds]", "rests on", "verdict", "source of the band"]]
    for band in BANDS:
        target = "" if band.target is None else f" ({band.target:g})"
        where = "crises" if band.scenarios == CRISES else ", ".join(band.scenarios)
        found = figures[band.name]
        cells = [span(found), basis[band.name], band.verdict(found), band.source]
        rows.append([band.meaning, where, f"{band.span}{target}", *cells])
    return rows


def _size_rows(fits: Table, sizes: int, accounts: int) -> list[list[str]]:
    rows = [["accounts", "intercept", "fall today", "fall the day before", "rise today", "R^2"]]
    for row in range(sizes):
        spans = [span(interval_of(fits, row, name)) for name in REGRESSORS]
        rows.append([f"{accounts * int(fits['populations'][row]):,}", *spans, number(fits["r_squared"][row])])
    return rows


def _gain_rows(spreads: Table) -> dict[str, list[list[str]]]:
    """The spread of both gains by kind of hour, and the parts of the liquidation gain."""
    rows = {(str(row["kind"]), str(row["name"])): row for row in records(spreads)}
    gains = [["hours", "gain", "mean", "5%", "25%", "median", "75%", "95%", "number"]]
    for (kind, name), row in rows.items():
        if name in REPORTED[:2]:
            ends = (number(row[end]) for end in ("mean", *QUANTILES))
            gains.append([kind, name.replace("_", " "), *ends, f"{row['hours']:,}"])
    parts = {
        "near": ("debt within 5% of liquidation / debt", 1.0), "debt": ("debt $M", 1e6), "depth": ("depth $M", 1e6),
        "overdue": ("overdue part", 1.0), "near_idle": ("idle part", 1.0),
        "overdue_gain": ("gain if the overdue counted", 1.0),
    }  # fmt: skip
    made_of = [
        [kind, *(number(rows[kind, name]["mean"] / scale) for name, (_, scale) in parts.items())] for kind in HOUR_KINDS
    ]
    return {"gains": gains, "parts": [["hours", *(words for words, _ in parts.values())], *made_of]}
