"""The search for an ensemble: ranges, a Latin hypercube of parameter sets, and which of them lie inside all bands.

The search has two rounds. In round 1 every set plays a few tapes; a set is rejected if the whole 95% interval of a
figure lies outside its band. In round 2 the others play more tapes; a set is a member if every figure lies inside its
band.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.ensemble import Range, whole
from protogov.experiments.core.statistics import Interval, interval_of
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.studies.calibration.bands import CALM, CRISES, FITTED, OUTSIDE
from protogov.experiments.studies.calibration.market import FIRST_FITTING, band_figure, measure_scenarios

FIRST_CHECKING = FIRST_FITTING + 2**39  # first tape seed of the check of members
DIGITS = 4  # significant digits of a drawn value: the file holds exactly what was measured

_NONE = "no published range"
# Without a published range, the range surrounds a value that was tried by hand: a fair share of sets passes.
RANGES: dict[str, Range] = {
    # ---- suppliers
    "num_suppliers": Range(12, 16, False, f"{_NONE}: three quarters of the most that a venue holds, to all of it"),
    "supplier_need": Range(0.01, 0.04, True, f"{_NONE}: .04 was tried by hand; a quarter of it, to it"),
    "supplier_flight": Range(0.1, 0.8, True, f"{_NONE}: 2 was tried by hand, with which too many leave"),
    "supply_elasticity": Range(3, 12, True, f"{_NONE}: 12 was the first guess; a quarter of it, to it"),
    "supply_half_life_low": Range(12, 24, True, f"{_NONE}: 12 h to twice that"),
    "supply_half_life_high": Range(48, 96, True, f"{_NONE}: 48 h to twice that"),
    "lockup_fear": Range(0.125, 0.5, True, f"{_NONE}: half to twice .25"),
    "crash_frequency": Range(
        0.5, 2, True, "ether fell by more than a quarter 7 times in 2020-25 (`crises.py`), 1.2 a year: half to twice 1"
    ),
    # ---- borrowers
    "borrow_elasticity": Range(3, 12, True, f"{_NONE}: half to twice 6"),
    "borrow_half_life": Range(12, 48, True, f"{_NONE}: 12 h was tried by hand; to four times that"),
    "reservation_median": Range(0.07, 0.12, True, f"{_NONE}: three quarters to four thirds of .09"),
    "idle_share": Range(0.2, 0.4, False, f"{_NONE}: a third below to a third above .3, tried by hand"),
    "idle_activity": Range(0.1, 0.225, True, f"{_NONE}: a third below to half above .15, tried by hand"),
    "leverage_low": Range(0.3, 0.5, False, f"{_NONE}: a quarter below to a quarter above .4, tried by hand"),
    "safety_high": Range(1.12, 1.3, False, f"{_NONE}: two to five thirds as far above 1 as 1.18, tried by hand"),
    "wallet_share": Range(0.15, 0.4, True, f"{_NONE}: three fifths to eight fifths of .25, tried by hand"),
    "leverage_buying": Range(0.15, 0.6, True, f"{_NONE}: half to twice .3"),
    # ---- the option pool's people
    "lp_patience": Range(20, 80, True, f"{_NONE}: a third of 60 days, tried by hand, to four thirds"),
    "lp_choice": Range(4, 12, True, f"{_NONE}: two thirds of 6, tried by hand, to twice that"),
    "spread_elasticity": Range(28, 42, True, f"{_NONE}: a fifth below to a fifth above 35"),
    # ---- lasting impact
    "lasting_share": Range(
        0.02, 0.15, True, "impact of uninformed orders decays nearly wholly (Donier and Bonart 2015, bitcoin)"
    ),
    "lasting_half_life": Range(24, 96, True, f"{_NONE}: half to twice 48 h"),
}  # fmt: skip


@dataclass(frozen=True)
class Tapes:
    """Number of tapes of each kind that a set of parameters plays."""

    outside: int
    calm: int
    crisis: int

    def by_scenario(self) -> dict[str, int]:
        """Scenario -> tapes."""
        return {
            **dict.fromkeys(OUTSIDE, self.outside),
            **dict.fromkeys(CALM, self.calm),
            **dict.fromkeys(CRISES, self.crisis),
        }

    def __str__(self) -> str:
        return f"{self.outside} tapes between crises, {self.calm} of calm and {self.crisis} of each crisis"


@dataclass(frozen=True)
class Trial:
    """What one process measures: some sets of parameters on the same tapes.

    Attributes:
        sets: parameter -> value, one mapping per set.
        tapes: of each.
        first: seed of the first tape.
    """

    sets: tuple[Mapping[str, float], ...]
    tapes: Tapes
    first: int


def place(one: Range, share: float) -> float:
    """The value at `share` of the way through a range."""
    if one.log:
        return exp(log(one.low) + share * (log(one.high) - log(one.low)))
    return one.low + share * (one.high - one.low)


def share_of(one: Range, value: float) -> float:
    """Inverse of `place`; one half if a range is a point."""
    low, high, at = (log(one.low), log(one.high), log(value)) if one.log else (one.low, one.high, value)
    return (at - low) / (high - low) if high > low else 0.5


def rounded(name: str, value: float, one: Range, digits: int = DIGITS) -> float:
    """`value` with few significant digits, inside its range, and whole if the parameter is."""
    if whole(name):
        return int(min(max(round(value), one.low), one.high))
    return min(max(float(f"{value:.{digits}g}"), one.low), one.high)


def draw_sets(count: int, seed: int) -> list[dict[str, float]]:
    """`count` sets of parameters, a Latin hypercube in the units of their ranges."""
    from scipy.stats import qmc  # slow to import

    shares = qmc.LatinHypercube(d=len(RANGES), rng=np.random.default_rng(seed)).random(count)
    return [
        {
            name: rounded(name, place(one, float(share)), one)
            for (name, one), share in zip(RANGES.items(), row, strict=True)
        }
        for row in shares
    ]


def measure_trial(config: WorldConfig, trial: Trial) -> Table:
    """Figures of every set of a trial: columns `<band>`, `<band>_low`, `<band>_high`, F64[sets]."""
    rows = []
    for values in trial.sets:
        measured = measure_scenarios(config.with_parameters(**values), trial.tapes.by_scenario(), trial.first)
        row: dict[str, float] = {}
        for band in FITTED:
            found, _ = band_figure(band, measured)
            row |= {band.name: found.mean, f"{band.name}_low": found.low, f"{band.name}_high": found.high}
        rows.append(row)
    return columns(rows)


def hopeless(table: Table, row: int) -> list[str]:
    """Bands that a figure misses with its whole interval, or whose figure could not be measured."""
    found: dict[str, Interval] = {band.name: interval_of(table, row, band.name) for band in FITTED}
    return [
        band.name for band in FITTED
        if not isfinite(found[band.name].mean)
        or found[band.name].high < band.low or found[band.name].low > band.high
    ]  # fmt: skip


def missed(table: Table, row: int) -> list[str]:
    """Bands that a figure misses."""
    return [band.name for band in FITTED if not band.holds(float(table[band.name][row]))]


def nearest_to_centre(sets: Sequence[Mapping[str, float]]) -> int:
    """Number of the set nearest to the median of all, with all ranges scaled to the same length."""
    shares = np.array([[share_of(one, values[name]) for name, one in RANGES.items()] for values in sets])
    return int(np.argmin(((shares - np.median(shares, axis=0)) ** 2).sum(axis=1)))


def check_ranges(base: WorldConfig) -> None:
    """Raise ConfigError if an end of a range is not a valid world together with the rest of `base`."""
    for end in ("low", "high"):
        base.with_parameters(**{name: rounded(name, getattr(one, end), one) for name, one in RANGES.items()})
