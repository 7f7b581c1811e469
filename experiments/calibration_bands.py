"""The stated bands of the calibration: what each figure is, between which values it should lie, and who says so.

The bands were written down before any constant was fitted and do not follow what is measured. A published number gets a
band around it: the published regressions differ between markets and years by more than their own standard errors.

The three bands of the regression were first stated for the days of one world. Its 128 accounts have no liquidation on
most days, and ln(events + 1) of small counts flattens any slope; what was published is about a market of thousands of
accounts. So the same bands are now held against the days of markets of 16 populations on one tape, and the slopes of
single worlds are reported beside them.
"""

from dataclasses import dataclass
from math import isfinite

# ---- kinds of hours, fixed before looking at any gain
STRESS_VOL = 1.5  # annual, realised over 24 h: the mildest of the named crises reached 1.56 at its worst
STRESS_DRAWDOWN = 0.2  # below the high of the last 72 h: a crash is under way whatever vol says
CALM_VOL = 0.75  # annual; the ether option index stood at 0.7 in the median of 2023-26
CALM_DRAWDOWN = 0.1  # below the high of the last 7 days

LOOP_GAINS = "loop gains asked of a world of this scale: deposits $100M, depth $0.8M per 1% calm and $0.2M under stress"
DAILY_REGRESSION = (
    "daily on-chain liquidations: ln(events + 1) = 1.03 - 29.9 neg - 20.3 neg(t-1) + 4.6 pos of the ether return"
)
LIQUIDATORS = "profits of liquidators on chain, Gini 0.84"
POOL_THEORY = "loss-versus-rebalancing of a constant product, sigma^2/8 (Milionis et al. 2022)"
SCALE = "scale of the world: debt $75M on deposits of $100M, kink at 88%"


@dataclass(frozen=True)
class Band:
    """Where one figure should lie.

    Attributes:
        name: of the figure.
        meaning: what it is, for people.
        low, high: closed band, in the figure's unit.
        target: the published value inside the band, None where the source gives a range.
        source: who says so.
    """

    name: str
    meaning: str
    low: float
    high: float
    target: float | None
    source: str

    def holds(self, value: float) -> bool:
        """Whether `value` is a number within the closed band."""
        return self.low <= value <= self.high

    def verdict(self, value: float, low: float, high: float) -> str:
        """Inside, outside, or not measured; says so when the interval [low, high] crosses an edge of the band."""
        if not isfinite(value):
            return "not measured"
        word = "inside" if self.holds(value) else "OUTSIDE"
        crosses = any(low < edge < high for edge in (self.low, self.high))
        return f"{word}, interval crosses an edge" if crosses else word


BANDS: tuple[Band, ...] = (
    Band("liquidation_gain_calm", "liquidation gain, mean of calm hours", 0.1, 0.4, None, LOOP_GAINS),
    Band("liquidation_gain_stress", "liquidation gain, mean of stress hours", 0.8, 2.0, None, LOOP_GAINS),
    Band("hedge_gain_calm", "hedge gain, mean of calm hours", 0.2, 0.5, None, LOOP_GAINS),
    Band("hedge_gain_stress", "hedge gain, mean of stress hours", 0.8, 1.5, None, LOOP_GAINS),
    Band("fall_today", "coefficient of the day's fall, 2,048 accounts", -45.0, -18.0, -29.9, DAILY_REGRESSION),
    Band("fall_yesterday", "coefficient of the fall of the day before, same", -35.0, -5.0, -20.3, DAILY_REGRESSION),
    Band("rise_today", "coefficient of the day's rise, same", -5.0, 15.0, 4.6, DAILY_REGRESSION),
    Band("gini_within", "profit Gini of the liquidators of one world, mean", 0.7, 0.95, 0.84, LIQUIDATORS),
    Band("gini_pooled", "profit Gini of the liquidators of all worlds", 0.7, 0.95, 0.84, LIQUIDATORS),
    Band("pool_loss", "arbitrage loss of a feeless pool over sigma^2/8", 0.97, 1.03, 1.0, POOL_THEORY),
    Band("utilisation_calm", "utilisation, mean of calm hours", 0.65, 0.85, 0.75, SCALE),
    Band("borrow_rate_calm", "borrow rate, mean of calm hours", 0.035, 0.075, None, SCALE),
)
BAND_BY_NAME = {band.name: band for band in BANDS}


@dataclass(frozen=True)
class Figure:
    """One measured figure with the 95% interval of its seeds and what it rests on.

    Attributes:
        name: a band's name, or that of a figure that is reported without one.
        value, low, high: in the figure's unit; nan where it could not be measured.
        basis: what was counted, for people.
    """

    name: str
    value: float
    low: float
    high: float
    basis: str


def failing(figures: dict[str, Figure]) -> list[Band]:
    """The bands that a measured figure misses, or whose figure is not there."""
    return [band for band in BANDS if band.name not in figures or not band.holds(figures[band.name].value)]
