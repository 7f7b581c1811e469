"""The market outside a protocol: scenarios, each of which draws one tape per seed.

There are three ways to get a scenario. A name (:func:`get_scenario`; :func:`scenario_names` lists the names): synthetic
markets ("jump", "regimes", "self-exciting" ...), crises ("crisis-2020-03" ...), "natural" (calm markets, turbulent
markets and the training crises, as often as they happen), and the stress "mix". The path of a candle file. Or a
:class:`Scenario` object. `a + b` applies the overlay b to the path a; :func:`overlay_names` lists the overlays with a
name, which include attacks.

A new scenario needs an entry in one place. Only its `split` decides who may use it: code that trains or tunes refuses
"validation" (:func:`check_trainable`), and nobody can draw "test" while it is sealed (``seal.py``). A market whose
price is a walk is one row of the table in ``markets.py``. A new walk has about ten lines (``path.py``)::

    PathScenario("wild", "train", JumpProcess(vol=1.2, crash_hazard=0.002), about="crashes every three weeks"),

Any other scenario is a subclass of :class:`Scenario` with `name`, `split` and a `fill` that writes all fields of its
tapes. A scenario that changes a tape is an :class:`Overlay` with a `change`. Two rules hold for both. Row i is a
function of `seeds[i]` only (use the keyed draws of ``protogov.envs.world.noise``, never a stream). Hour h uses nothing
from later hours. List in `recorded` and `derived` (for an overlay: `changes`) where its channels come from; a channel
without an entry counts as invented (:meth:`Scenario.provenance`). Register it in its own module, and import it below::

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
