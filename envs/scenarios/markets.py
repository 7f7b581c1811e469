"""The synthetic markets, one row each. In a row only `split` decides who may use it."""

from protogov.envs.scenarios.base import register
from protogov.envs.scenarios.conditions import Conditions
from protogov.envs.scenarios.known import HestonProcess, MertonProcess
from protogov.envs.scenarios.path import PathScenario
from protogov.envs.scenarios.regimes import RegimeWalk
from protogov.envs.scenarios.self_exciting import HawkesProcess
from protogov.envs.scenarios.synthetic import Flat, JumpProcess

_QUIET = JumpProcess(vol=0.35, vol_spread=0.2, jump_hazard=0.0, crash_hazard=0.0)
# deeper and faster crashes than in jump, from a higher vol and with a larger rebound
_CRASH = JumpProcess(
    start_price=1800.0, vol=0.75, vol_spread=0.3, vol_half_life=72.0, leverage=-0.6, jump_hazard=0.02, jump_mean=0.0,
    jump_spread=0.015, crash_from=72.0, crash_to=240.0, crash_least=0.25, crash_most=0.55, crash_shortest=2.0,
    crash_longest=18.0, crash_vol=2.5, rebound=0.6,
)  # fmt: skip

_ROWS = (
    PathScenario(
        "jump", "train", JumpProcess(), about="stochastic vol, small jumps, and a crash in one episode of ten"
    ),
    PathScenario(
        "calm", "train", _QUIET, Conditions(yield_hazard=0.0),
        about="low vol, no jumps, no surprises in the outside yield",
    ),
    PathScenario(
        "regimes", "train", RegimeWalk(),
        about="calm, normal, boom, turbulent and stress take turns; everything moves with them",
    ),
    PathScenario(
        "self-exciting", "train", HawkesProcess(),
        about="jumps that set off jumps (Hawkes): quiet weeks, then bursts",
    ),
    PathScenario(
        "gbm", "train", MertonProcess(vol=0.6, vol_spread=0.3, jump_hazard=0.0),
        about="geometric Brownian motion, a vol for each tape: its law is known",
    ),
    PathScenario("merton", "train", MertonProcess(), about="constant vol and Poisson jumps (Merton): its law is known"),
    PathScenario("heston", "train", HestonProcess(), about="square-root variance (Heston): its law is known"),
    PathScenario(
        "crash-heldout", "validation", _CRASH,
        about="one certain crash between day 3 and day 10, deeper and faster than those of jump",
    ),
)  # fmt: skip

MARKETS: dict[str, PathScenario] = {row.name: row for row in _ROWS}
for _row in _ROWS:
    register(_row)
register(Flat(), "nothing ever moves: for worlds that are walked by hand")
