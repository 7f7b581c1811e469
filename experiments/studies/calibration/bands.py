"""The stated bands of the calibration: what each figure is, where it is measured, and its band.

Every band has a source outside this project, except two bounds: their rows say that no figure is published. Figures
without a band are reported, and nothing is fitted to them. "Outside crises" is the scenario `between-crises`, `natural`
without its crises (for the borrow rate `calm`, because it is quoted for quiet weeks). Crises are those of the training
split up to 2022; a figure is the mean of all four with equal weights.
The bands were written down before the people of the world were fitted, and do not follow the measurements.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite

from protogov.experiments.core.statistics import Interval

# ---- kinds of hours, fixed before looking at any gain
STRESS_VOL = 1.5  # annual, realised over 24 h: the mildest of the named crises reached 1.56 at its worst
STRESS_DRAWDOWN = 0.2  # below the high of the last 72 h: a crash is under way, whatever the vol
CALM_VOL = 0.75  # annual; the ether option index stood at 0.7 in the median of 2023-26
CALM_DRAWDOWN = 0.1  # below the high of the last 7 days

CALM, OUTSIDE = ("calm",), ("between-crises",)
CRISES = ("crisis-2021-05", "crisis-2022-05", "crisis-2022-06", "crisis-2022-11")
SCENARIOS = (*OUTSIDE, *CALM, *CRISES)

# daily on-chain liquidations: ln(events + 1) on the ether return, a market of thousands of accounts
PUBLISHED_REGRESSION = {"intercept": 1.03, "fall_today": -29.9, "fall_yesterday": -20.3, "rise_today": 4.6}


@dataclass(frozen=True)
class Band:
    """The band of one figure.

    Attributes:
        name: of the figure.
        meaning: its name for people.
        column: column of `market.py` whose mean it is; or "gini_within", "gini_pooled", "pool_loss".
        scenarios: where it is measured; their episodes have equal weights.
        low, high: closed band, in the figure's unit; infinite if the source names only one end.
        target: the published value inside the band; None if the source gives a range.
        source: who published it.
    """

    name: str
    meaning: str
    column: str
    scenarios: tuple[str, ...]
    low: float
    high: float
    target: float | None
    source: str

    def holds(self, value: float) -> bool:
        """Whether `value` is a number within the closed band."""
        return self.low <= value <= self.high

    def verdict(self, found: Interval) -> str:
        """Inside, outside, or not measured; also whether the interval crosses an edge of the band."""
        if not isfinite(found.mean):
            return "not measured"
        word = "inside" if self.holds(found.mean) else "OUTSIDE"
        crosses = any(found.low < edge < found.high for edge in (self.low, self.high))
        return f"{word}, interval crosses an edge" if crosses else word

    @property
    def span(self) -> str:
        """The band for people."""
        if self.high == inf:
            return f"{self.low:g} or more"
        return f"{self.low:g} to {self.high:g}"


BANDS: tuple[Band, ...] = (
    Band(
        "calm_borrow_rate", "borrow rate in calm markets", "borrow_rate", CALM, 0.04, 0.08, None,
        "USDC on Aave stood at 5.0-5.4% a year in quiet months",
    ),
    Band(
        "unmet_outside", "hours with an unmet withdrawal, outside crises", "unmet", OUTSIDE, 0.0, 0.01, None,
        "a stablecoin market of Aave was fully used on 0.7% of days",
    ),
    Band(
        "unmet_crises", "hours with an unmet withdrawal, in crises", "unmet", CRISES, 0.0, 0.10, None,
        "Aave: full utilisation is rare in such weeks too; no share of hours is published, ten times the bound above",
    ),
    Band(
        "liquidated_crises", "debt liquidated in a crisis, of that at the opening", "liquidated", CRISES, 0.01, 0.10,
        None, "liquidations on Aave were 1-4% of all debt in such weeks, and loans on ether are a part of it",
    ),
    Band(
        "borrower_surplus", "borrowers' surplus per episode, outside crises [bp of K0]", "borrower_surplus", OUTSIDE,
        0.0, inf, None, "revealed preference: people who lost by borrowing would repay",
    ),
    Band(
        "lp_return", "yearly return of the option pool, outside crises", "lp_return", OUTSIDE, 0.08, 0.20, None,
        "Lyra's pool made 36% a year in its first weeks of 2022, and its makers hoped for a quarter of it to last",
    ),
    Band(
        "outflow_crises", "largest fall of suppliers' deposits in a crisis", "outflow", CRISES, 0.0, 0.50, None,
        "no run on Aave in these weeks took half of a market's deposits; no figure is published, so a bound alone",
    ),
    Band(
        "gini_within", "profit Gini of the liquidators of one world, mean", "gini_within", CRISES, 0.7, 0.95, 0.84,
        "profits of liquidators on chain, Gini 0.84",
    ),
    Band(
        "gini_pooled", "profit Gini of the liquidators of all worlds", "gini_pooled", CRISES, 0.7, 0.95, 0.84,
        "profits of liquidators on chain, Gini 0.84",
    ),
    Band(
        "pool_loss", "arbitrage loss of a feeless pool over sigma^2/8", "pool_loss", OUTSIDE, 0.97, 1.03, 1.0,
        "loss-versus-rebalancing of a constant product, sigma^2/8 (Milionis et al. 2022)",
    ),
)  # fmt: skip
BAND_BY_NAME = {band.name: band for band in BANDS}
# an identity of the spot pool: no person can change it
FITTED: tuple[Band, ...] = tuple(band for band in BANDS if band.column != "pool_loss")


def failing(figures: Mapping[str, Interval]) -> list[Band]:
    """The bands whose figure is outside or missing."""
    return [band for band in BANDS if band.name not in figures or not band.holds(figures[band.name].mean)]
