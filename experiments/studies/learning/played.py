"""What was played, as arrays: for every set of governors and column, F64[training seeds, tapes].

All sets play the same tapes in one order, so that a pair is one place in two arrays. Money is per fortnight, also on
longer episodes: one margin, one smallest effect of interest and one figure fit all suites.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios import get_scenario
from protogov.envs.scenarios.mixture import Mixture
from protogov.experiments.core.evaluation import PARTS
from protogov.experiments.core.statistics import Floats, Interval
from protogov.experiments.core.tables import Table, concatenate, select
from protogov.experiments.core.welfare_box import planes
from protogov.experiments.studies.learning.playing import FORTNIGHT, Tapes, episode_keys
from protogov.experiments.studies.learning.tails import resampled_shortfall, shortfall_difference, tape_counts

CRASH = -0.15  # deepest fall of the price from which a tape is a crash
# groups of people whose results are kept, columns of `core.incidence`: few enough for a page
GROUPS = ("small", "small_penalty", "decile_10", "worst", "worst_penalty", "first_out", "stayed", "left")
REST, LOSSES, TAKEN = "rest", "losses", "taken"  # W = rest - lambda * losses - kappa * taken
W, FALL, CHANGE = "W", "price_drawdown", "price_change"
LABELS = ("training_seed", "scenario", "tape_seed")


@dataclass(frozen=True)
class Played:
    """A suite that all sets of governors have played.

    Attributes:
        suite: its name.
        weeks: of an episode.
        parts: scenario of each tape, of a mixture the part that drew it, str[tapes].
        sets: governors -> column -> F64[training seeds, tapes]. W, rest, losses and taken are bp of K0 a fortnight,
            bears/GROUP in the unit of `core.incidence`, NaN without members, price_drawdown and price_change shares.
        resampled: governors -> `tails.resampled_shortfall`, filled as needed.
    """

    suite: str
    weeks: int
    parts: NDArray[np.str_]
    sets: Mapping[str, Mapping[str, Floats]]
    resampled: dict[str, Floats] = field(default_factory=dict)

    def of(self, governors: str, column: str = W) -> Floats:
        """A column of a set, F64[training seeds, tapes].

        Raises:
            KeyError: the set did not play the suite.
        """
        if governors not in self.sets:
            raise KeyError(f"{governors} on {self.suite}")
        return self.sets[governors][column]

    def difference(self, governors: str, against: str, column: str = W) -> Floats:
        """Pairs of two sets, F64[training seeds, tapes]; a set that was not trained meets every seed of the other."""
        return self.of(governors, column) - self.of(against, column)

    @property
    def tape(self) -> Mapping[str, Floats]:
        """The columns of one set: for what depends on the tape alone."""
        return next(iter(self.sets.values()))

    @property
    def crashes(self) -> NDArray[np.bool_]:
        """Whether the price of a tape falls by `CRASH` or more, bool[tapes]."""
        return np.asarray(self.tape[FALL][0] <= CRASH)

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        return tape_counts(self.parts.size)

    def part(self, name: str) -> "Played":
        """The tapes of one scenario as a suite."""
        here = self.parts == name
        sets = {own: {key: values[:, here] for key, values in table.items()} for own, table in self.sets.items()}
        return Played(f"{self.suite}: {name}", self.weeks, self.parts[here], sets)

    def shortfall(self, governors: str, against: str) -> Interval:
        """How much higher the expected shortfall of W at 5% is: an interval over tapes and training seeds."""
        for name in (governors, against):
            if name not in self.resampled:
                self.resampled[name] = resampled_shortfall(self.of(name), self._counts)
        return shortfall_difference(
            self.of(governors), self.of(against), self.resampled[governors], self.resampled[against]
        )


def gather(tables: Iterable[Table], tapes: Tapes) -> Played:
    """Pieces of a suite, tables of `playing.play_part`, as arrays."""
    rows: dict[str, list[Table]] = {}
    for table in tables:
        for name in np.unique(table["governors"]):
            rows.setdefault(str(name), []).append(_short(select(table, table["governors"] == name), tapes.times))
    sets: dict[str, dict[str, Floats]] = {}
    parts = np.array([], str)
    for name, own in rows.items():
        joined = concatenate(own)
        order = np.lexsort((joined["tape_seed"], joined["scenario"], joined["training_seed"]))
        seeds = np.unique(joined["training_seed"]).size
        if not parts.size:
            first = {label: joined[label][order].reshape(seeds, -1)[0] for label in ("scenario", "tape_seed")}
            parts = part_names(first)
        sets[name] = {key: joined[key][order].reshape(seeds, -1) for key in joined if key not in LABELS}
    return Played(tapes.name, FORTNIGHT * tapes.times, parts, sets)


def _short(table: Table, times: int) -> Table:
    """The columns of `Played`; an evaluation has five times as many."""
    rest, losses, taken = planes(table, PARTS) / times
    found = {label: table[label] for label in LABELS} | {REST: rest, LOSSES: losses, TAKEN: taken}
    found |= {W: table["welfare/0"] / times, FALL: table["price_drawdown"], CHANGE: table["price_change"]}
    return found | {f"bears/{name}": table[f"bears/0/{name}"] for name in GROUPS}


def part_names(table: Table) -> NDArray[np.str_]:
    """Name of each row's scenario; for a mixture, of the part from which the tape was drawn."""
    labels = table["scenario"].astype("U64")
    for name in np.unique(table["scenario"]):
        scenario, here = get_scenario(str(name)), table["scenario"] == name
        if isinstance(scenario, Mixture):
            labels[here] = [scenario.parts[at].name for at in scenario.part_of(episode_keys(table["tape_seed"][here]))]
    return labels
