"""What the market outside a protocol does: scenarios, each of which draws a tape for a seed.

A scenario is found by name (:func:`get_scenario`; :func:`scenario_names` lists them): synthetic markets ("jump",
"regimes", "self-exciting" ...), crises ("crisis-2020-03" ...), "natural" (calm and turbulent markets and the training
crises, as often as they happen), the stress "mix"; by the path of a candle file; or is a :class:`Scenario` object.
`a + b` puts an overlay on a path; :func:`overlay_names` lists those that have a name, attacks among them.

Adding a scenario takes one place, and its `split` alone says who may see it: "validation" is refused by all that trains
or tunes (:func:`check_trainable`), "test" is drawn by nobody (``seal.py``). A market whose price is a walk is a row of
the table in ``markets.py``, and a new walk is ten lines (``path.py``)::

    PathScenario("wild", "train", JumpProcess(vol=1.2, crash_hazard=0.002), about="crashes every three weeks"),

Any other is a subclass of :class:`Scenario` with `name`, `split` and a `fill` that writes all fields of the tapes it
is given; one that changes a tape instead is an :class:`Overlay` with a `change`. Two rules hold for both: row i is a
function of `seeds[i]` alone (use the keyed draws of ``protogov.envs.world.noise``, never a stream), and hour h knows
nothing of later hours. Say in `recorded`, `derived` (of an overlay: `changes`) where its channels come from; what is
not named counts as invented (:meth:`Scenario.provenance`). Register it in its own module and import that module below::

    class Thin(Overlay):
        name, split, changes = "thin", "free", ("depth",)

        def change(self, tapes, seeds):
            tapes["depth"] *= 0.5

    register(Thin(), "half of the depth is gone")
    get_scenario("jump + thin").draw([1, 2, 3], num_hours=336)  # TAPE[3, 337]
"""

from protogov.envs.scenarios.attacks import Pulse, StakedDiscount
from protogov.envs.scenarios.base import (
    Composed,
    Named,
    Overlay,
    Scenario,
    Split,
    check_trainable,
    held_out,
    held_out_splits,
    overlay_names,
    register,
    scenario_names,
)
from protogov.envs.scenarios.candles import CandleError, Candles, load_candles
from protogov.envs.scenarios.conditions import Conditions
from protogov.envs.scenarios.crises import CRISES
from protogov.envs.scenarios.drift import Drift
from protogov.envs.scenarios.governor_failures import MISPRICE, SLOPE2
from protogov.envs.scenarios.known import HestonProcess, MertonProcess
from protogov.envs.scenarios.lookup import get_scenario
from protogov.envs.scenarios.markets import MARKETS
from protogov.envs.scenarios.mixture import Mixture, effective_sample_size
from protogov.envs.scenarios.natural import NATURAL
from protogov.envs.scenarios.path import PathScenario, SimulatedWalk, Walk
from protogov.envs.scenarios.regimes import Regime, RegimeProcess, RegimeWalk
from protogov.envs.scenarios.replay import Replay, cleaning_report
from protogov.envs.scenarios.seal import SealedError
from protogov.envs.scenarios.sealed import free_copy
from protogov.envs.scenarios.self_exciting import HawkesProcess
from protogov.envs.scenarios.stories import Story, Surroundings
from protogov.envs.scenarios.synthetic import Flat, JumpProcess
from protogov.envs.scenarios.waypoints import Crisis

__all__ = [
    "CRISES",
    "CandleError",
    "Candles",
    "Composed",
    "Conditions",
    "Crisis",
    "Drift",
    "Flat",
    "HawkesProcess",
    "HestonProcess",
    "JumpProcess",
    "MARKETS",
    "MISPRICE",
    "MertonProcess",
    "Mixture",
    "NATURAL",
    "Named",
    "Overlay",
    "PathScenario",
    "Pulse",
    "Regime",
    "RegimeProcess",
    "RegimeWalk",
    "Replay",
    "SLOPE2",
    "Scenario",
    "SealedError",
    "SimulatedWalk",
    "Split",
    "StakedDiscount",
    "Story",
    "Surroundings",
    "Walk",
    "check_trainable",
    "cleaning_report",
    "effective_sample_size",
    "free_copy",
    "get_scenario",
    "held_out",
    "held_out_splits",
    "load_candles",
    "overlay_names",
    "register",
    "scenario_names",
]
