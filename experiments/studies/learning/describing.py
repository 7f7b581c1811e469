"""Tables of the suites that learners and opponents have played, small enough for a page.

Wide tables have a column with its interval for each opponent, learner or pair; cells without a value are NaN. All
intervals are over tapes and training seeds together (`analysis.crossed`). Money is in bp of K0 a fortnight.

    pairs        registered comparisons on every suite: W, detectable difference, box of weights, expected shortfall
    effects      one row per suite and learner, a column per opponent and control
    controllers  one row per controller, a column per learner for welfare, on the suites of the aim
    seeds        one row per training seed, its gain over the tuned constants on each suite
    scenarios    one row per scenario and for tapes with and without a crash, a column per learner
    bears        one row per group of people, a column per registered comparison of the first candidate
    suites       what the tapes of each suite are like
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.governors import STATIC, GovernorSet, baseline
from protogov.experiments.core.statistics import Interval, ends_of, interval_columns, student_t
from protogov.experiments.core.tables import Table, columns, rounded
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning.analysis import crossed, effect, registered, who_bears
from protogov.experiments.studies.learning.opponents import Opponents, tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.played import CHANGE, Played
from protogov.experiments.studies.learning.playing import MARKETS, controls_of
from protogov.experiments.studies.learning.preregistration import (
    CONSTANTS,
    COOPERATIVE,
    LINEAR_RULE,
    NATURAL,
    SELFISH,
    SELFISH_CONSTANTS,
    STRESS,
    VALIDATION,
)
from protogov.experiments.studies.learning.runs import Learner, Trained
from protogov.experiments.training.open_test import SUITE as TEST

DIGITS = 4  # of a number in a file, as on a page: no interval is known better
TUNED = (CONSTANTS, LINEAR_RULE, SELFISH_CONSTANTS)
# constants and linear rule of results/tuning, found with more market hours than this study's
COMMITTED: Mapping[str, tuple[str, str]] = {
    NATURAL: ("tuned", "linear_feedback"), STRESS: ("tuned-mix", "linear_feedback-mix"),
}  # fmt: skip
COMMITTED_CONSTANTS, COMMITTED_RULE = "committed constants", "committed rule"
OTHER_CONSTANTS, OTHER_RULE = "other market's constants", "other market's rule"
BEST_CONTROLLER = "best controller"
OWN_MEANS, YOKED = "own means", "yoked"
# what a page has room for: suites with all opponents, with every controller, and with a row for each scenario
MAIN, EVERY_CONTROLLER, EACH_SCENARIO = (NATURAL, STRESS, TEST), (NATURAL, TEST), (NATURAL, STRESS, VALIDATION)
# suite -> training markets of the learners whose comparisons are described by groups of people
BEARS_OF: Mapping[str, Sequence[str]] = {NATURAL: (NATURAL,), STRESS: (STRESS,), TEST: MARKETS}
CRASH_ROWS = ("with a crash", "without a crash")


class Grid:
    """A table that is filled cell by cell, of rows that may lack columns: NaN, or no word.

    Args:
        keys: names of the columns that tell rows apart.
    """

    def __init__(self, *keys: str) -> None:
        self._keys = keys
        self._rows: dict[tuple[str | int, ...], dict[str, Any]] = {}

    def put(self, key: tuple[str | int, ...], cells: Mapping[str, Any]) -> None:
        """Fill cells of the row with this key."""
        self._rows.setdefault(key, {}).update(cells)

    def rows(self) -> list[dict[str, Any]]:
        """The rows, with their keys as columns; a row has the cells that were filled."""
        return [{**dict(zip(self._keys, key, strict=True)), **cells} for key, cells in self._rows.items()]

    def put_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Fill the cells of `rows()` of another grid with these keys."""
        for row in rows:
            key = tuple(row[name] for name in self._keys)
            self.put(key, {name: value for name, value in row.items() if name not in self._keys})

    def table(self) -> Table:
        """The rows and columns in the order in which they were first filled; no columns without rows."""
        names = list(dict.fromkeys(name for row in self._rows.values() for name in row))
        found = {name: np.array([key[at] for key in self._rows]) for at, name in enumerate(self._keys)}
        for name in names:
            words = any(isinstance(row.get(name), str) for row in self._rows.values())
            found[name] = np.array([row.get(name, "" if words else np.nan) for row in self._rows.values()])
        return found if self._rows else {}


class Description:
    """The tables, suite by suite.

    Args:
        trained: seeds of every learner, of the first candidate first.
        rivals: opponents, each once.
    """

    def __init__(self, trained: Sequence[Sequence[Trained]], rivals: Sequence[GovernorSet]) -> None:
        self._trained = trained
        self._candidates = list(dict.fromkeys(of[0].learner.candidate.name for of in trained))
        apart = {STATIC, *(name for names in COMMITTED.values() for name in names)}
        apart |= {tuned_on(name, market) for name in TUNED for market in MARKETS}
        self._controllers = [one.name for one in rivals if one.name not in apart]
        self._pairs: list[dict[str, Any]] = []
        self._grids = {
            "suites": Grid("suite"), "effects": Grid("suite", "learner"), "controllers": Grid("suite", "controller"),
            "seeds": Grid("learner", "seed"), "scenarios": Grid("suite", "scenario"),
            "bears": Grid("suite", "market", "group"),
        }  # fmt: skip

    def tables(self) -> dict[str, Table]:
        """What was described so far, in few digits."""
        found = {"pairs": columns(self._pairs) if self._pairs else {}}
        found |= {name: grid.table() for name, grid in self._grids.items()}
        return {name: rounded(table, DIGITS) for name, table in found.items() if table}

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """What was described so far, JSON-able and in all digits, for `put`."""
        found = {"pairs": self._pairs, **{name: grid.rows() for name, grid in self._grids.items()}}
        return {name: rows for name, rows in found.items() if rows}

    def put(self, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Add what was described before: `rows()` of other suites."""
        for name, rows in found.items():
            if name == "pairs":
                self._pairs += [dict(row) for row in rows]
            else:
                self._grids[name].put_rows(rows)

    def add(self, played: Played) -> None:
        """Describe a suite."""
        suite = played.suite
        changes = ends_of({"price_change": student_t(played.tape[CHANGE][0])})
        self._grids["suites"].put(
            (suite,),
            {"weeks": played.weeks, "tapes": played.parts.size, **changes, "crash_share": float(played.crashes.mean())},
        )
        for market in MARKETS:
            for candidate in self._candidates:
                for pair in registered(candidate, market, played.sets):
                    self._pairs.append(effect(played, pair))
                    if candidate == self._candidates[0] and market in BEARS_OF.get(suite, ()):
                        for group, found in who_bears(played, pair.learner, pair.against).items():
                            cells = interval_columns(pair.label, found)
                            self._grids["bears"].put((suite, market, group), cells)
        for of in self._trained:
            learner, market = of[0].learner.name, of[0].learner.scenario
            against = _beside(of[0].learner, all_of_them=suite in MAIN)
            cells = ends_of(
                {name: _both(played, learner, other) for name, other in against.items() if other in played.sets}
            )
            self._grids["effects"].put((suite, learner), {"W": float(played.of(learner).mean()), **cells})
            self._beside_controllers(played, learner, every=suite in EVERY_CONTROLLER and of[0].learner.form != SELFISH)
            gains = played.difference(learner, tuned_on(CONSTANTS, market)).mean(axis=1)
            for one, gain in zip(of, gains, strict=True):
                self._grids["seeds"].put((learner, one.seed), {suite: float(gain)})
            self._by_scenario(played, learner, market)

    def _beside_controllers(self, played: Played, learner: str, *, every: bool) -> None:
        names = [name for name in self._controllers if name in played.sets]
        if not names:
            return
        best = max(names, key=lambda name: played.of(name).mean())
        cells = interval_columns(BEST_CONTROLLER, _both(played, learner, best))
        self._grids["effects"].put((played.suite, learner), {**cells, "controller": best})
        for name in names if every else ():
            self._grids["controllers"].put(
                (played.suite, name), interval_columns(learner, _both(played, learner, name))
            )

    def _by_scenario(self, played: Played, learner: str, market: str) -> None:
        constants = tuned_on(CONSTANTS, market)
        pairs, level = played.difference(learner, constants), played.of(constants)[0]
        masks = (
            {name: played.parts == name for name in np.unique(played.parts)} if played.suite in EACH_SCENARIO else {}
        )
        masks |= dict(zip(CRASH_ROWS, (played.crashes, ~played.crashes), strict=True))
        for name, here in masks.items():
            if here.any():
                self._grids["scenarios"].put(
                    (played.suite, str(name)),
                    {"tapes": int(here.sum()), f"W, constants on {market}": float(level[here].mean()),
                     **interval_columns(learner, crossed(pairs[:, here]))},
                )  # fmt: skip


def _beside(learner: Learner, *, all_of_them: bool) -> dict[str, str]:
    """Column -> name of a set that a learner is compared with."""
    market = learner.scenario
    found = {
        "static": STATIC, CONSTANTS: tuned_on(CONSTANTS, market), LINEAR_RULE: tuned_on(LINEAR_RULE, market),
        **dict(zip((OWN_MEANS, YOKED), controls_of(learner.name), strict=True)),
    }  # fmt: skip
    if all_of_them:
        (other,) = (name for name in MARKETS if name != market)
        found |= {OTHER_CONSTANTS: tuned_on(CONSTANTS, other), OTHER_RULE: tuned_on(LINEAR_RULE, other)}
        found |= dict(zip((COMMITTED_CONSTANTS, COMMITTED_RULE), COMMITTED[market], strict=True))
    if learner.form == SELFISH:
        found[SELFISH_CONSTANTS] = tuned_on(SELFISH_CONSTANTS, market)
        found[COOPERATIVE] = f"{learner.candidate.name} {COOPERATIVE} on {market}"
    return found


def _both(played: Played, learner: str, against: str) -> Interval:
    return crossed(played.difference(learner, against))


def every_opponent(options: Options, opponents: Opponents) -> list[GovernorSet]:
    """The opponents of both markets, each once, and the constants and rules of results/tuning, the best known."""
    sets = [one for market in MARKETS for one in opponents.sets(options.last_size, market, options.check())]
    return list({one.name: one for one in [*sets, *_committed(options)]}.values())


def _committed(options: Options) -> Iterable[GovernorSet]:
    config = WorldOptions(size=options.last_size).make()
    for name in (one for names in COMMITTED.values() for one in names):
        try:
            yield baseline(name, config)
        except BadInput:  # this world lacks what it reads
            continue
