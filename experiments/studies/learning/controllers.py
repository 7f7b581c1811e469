"""Controllers whose gains are tuned as hard as constants: on each market, around its tuned constants.

Every controller of the baselines that fits the world is searched by itself, and one of each role together. What was
found of each is kept, one after the other, so that the stage may end on another machine than it began.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from protogov.agents.baselines import controller_gains, controller_names
from protogov.agents.baselines.controller_file import ControllerFile
from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import NUM_LEVERS
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.fresh_tapes import Effort
from protogov.experiments.core.governors import baseline
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.statistics import Floats, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning import opponents
from protogov.experiments.studies.learning.kept import Kept, Rows, Unit
from protogov.experiments.studies.learning.opponents import Opponents
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.playing import MARKETS
from protogov.experiments.studies.tuning.controllers import TunedControllers, tune_controllers
from protogov.experiments.studies.tuning.searches import CONSTANTS, LEVERS, effort_of, play_all
from protogov.experiments.studies.tuning.study import actions_of

TOGETHER = ("pi", "steward_var", "inventory_quotes")  # one of each role, also searched as one
SEARCHES = 2  # on each market, as for constants


@dataclass(frozen=True)
class ControllerPlace(Kept):
    """Where what was found for controllers in a market is kept.

    Attributes:
        out: folder of the study.
        controllers: name, several joined by "+".
        size: of the world.
        market: whose tapes were played.
        around: lever -> constant of the market.
        effort: of each search.
        reduced: differences from the registered sizes.
    """

    out: Path
    controllers: str
    size: str
    market: str
    around: Mapping[str, float]
    effort: Effort
    reduced: Sequence[str]

    format = "protogov-tuned-controllers"

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.size}_controllers-{self.controllers.replace('+', '-')}-on-{self.market}"

    def depends(self) -> dict[str, Any]:
        """The search, and the ranges that it searched."""
        rows = {part: [asdict(gain) for gain in controller_gains(part)] for part in self.controllers.split("+")}
        search = {"size": self.size, "market": self.market, "searches": SEARCHES, "effort": asdict(self.effort)}
        return {"controllers": rows, "search": search, "around": dict(self.around)}


def measure(options: Options, how: Running, rivals: Opponents) -> Found:
    """Tune the controllers on both markets, on the last size; no tables if no controller fits that."""
    rows, gains = Rows(), Rows()
    names = roster(WorldOptions(size=options.last_size).make())
    for market in MARKETS:
        for name in names:
            unit = tune_kept(options, how, rivals, name, market)
            rows += unit.tables["controllers"]
            gains += unit.tables["gains"]
    tables = {"controllers": columns(rows), "gains": columns(gains)} if rows else {}
    return Found(tables, {"controllers": names})


def roster(config: WorldConfig) -> list[str]:
    """Every controller that fits the world, then those of `TOGETHER` if they all do."""
    alone = [name for name in controller_names() if _fits(name, config)]
    return alone + (["+".join(TOGETHER)] if set(TOGETHER) <= set(alone) else [])


def _fits(name: str, config: WorldConfig) -> bool:
    try:
        baseline(name, config)
    except BadInput:  # no role of this world has its levers, or none sees what it reads
        return False
    return True


def tune_kept(options: Options, how: Running, rivals: Opponents, name: str, market: str) -> Unit:
    """Tune controllers on a market, unless what was found is kept."""
    size = options.last_size
    around = rivals.values(size, market)
    effort = effort_of(CONSTANTS, options.generations, opponents.POPULATION, opponents.TAPES)
    place = ControllerPlace(options.check(), name, size, market, around, effort, options.reduced())
    kept = place.read()
    if kept is not None:
        return kept
    config = WorldOptions(size=size).make()
    found = tune_controllers(config, market, name, around, effort, how, searches=SEARCHES, checks=options.tapes)
    actions = actions_of(np.array([around[lever] for lever in LEVERS]))
    levels = [(market, CONSTANTS, np.stack([np.zeros(NUM_LEVERS), actions]))]
    ((defaults, constants),) = play_all(config, levels, "scoring", options.tapes, how)
    row = {"size": size, "market": market, "controllers": name, **scores(found, defaults, constants),
           "picked": found.picked, "apart": max(found.ends) - min(found.ends), "hours": found.hours,
           "tapes": found.tapes}  # fmt: skip
    return place.write(Unit({"controllers": [row], "gains": gain_rows(size, market, found.member)}))


def scores(found: TunedControllers, defaults: Floats, constants: Floats) -> dict[str, float]:
    """Gains in W with standard errors, on the same tapes: of the tuned, and untuned over the defaults of the levers."""
    tuned, plain = found.scored["tuned"], found.scored["as they are"]
    pairs = {
        "gain": tuned - defaults, "over_constants": tuned - constants, "over_untuned": tuned - plain,
        "over_default_gains": tuned - found.scored["default gains"], "untuned": plain - defaults,
    }  # fmt: skip
    row = dict[str, float]()
    for name, difference in pairs.items():
        interval = student_t(difference)
        row |= {name: interval.mean, f"{name}_error": interval.error}
    return row


def gain_rows(size: str, market: str, member: ControllerFile) -> Rows:
    """One row per gain: its range, default and tuned value."""
    return [
        {"size": size, "market": market, "controllers": member.name, "controller": part, "gain": gain.name,
         "unit": gain.unit, "low": gain.low, "high": gain.high, "default": gain.default,
         "tuned": member.gains[part][gain.name]}
        for part in member.name.split("+") for gain in controller_gains(part)
    ]  # fmt: skip
