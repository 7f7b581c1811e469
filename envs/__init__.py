"""Worlds for autonomous protocol governance: physics, scenarios and interfaces for learners.

Importing this package registers the Gymnasium ids of `IDS`: `protogov/Rates-v0`, `protogov/Thresholds-v0`,
`protogov/Spreads-v0` and `protogov/Joint-v0`, and the same in other sizes, each with a native vector form.
:func:`parallel_env` makes the PettingZoo environment, :class:`Simulator` runs many worlds at once, and
`protogov.envs.sb3_vec_env.SB3VecEnv` (which imports stable-baselines3) is an environment for that library.
"""

import protogov.envs.world.sources  # noqa: F401  # isort: skip  first: it digests sources before they are imported

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.discrete import discrete_levers
from protogov.envs.ensemble import Ensemble, EnsembleError, read_ensemble, shipped_ensemble
from protogov.envs.gymnasium_env import IDS, register_all
from protogov.envs.interfaces import ActionError, ForkableWorld, HiddenFeatureError, RoleView, SnapshotError, Step
from protogov.envs.mandates import PRESETS, Term
from protogov.envs.observations import FeatureTable, feature_table
from protogov.envs.parallel_env import parallel_env
from protogov.envs.population_hook import HookError
from protogov.envs.rewards import RewardError
from protogov.envs.roles import ROLES, Role
from protogov.envs.scenarios import CandleError, Scenario, get_scenario, scenario_names
from protogov.envs.simulator import Simulator
from protogov.envs.sizes import SIZES, Size
from protogov.envs.world.lever_table import LEVERS, Lever
from protogov.envs.world.parameters import Parameters

register_all()

__all__ = [
    "IDS",
    "LEVERS",
    "PRESETS",
    "ROLES",
    "SIZES",
    "ActionError",
    "CandleError",
    "ConfigError",
    "Ensemble",
    "EnsembleError",
    "FeatureTable",
    "ForkableWorld",
    "HiddenFeatureError",
    "HookError",
    "Lever",
    "Parameters",
    "RewardError",
    "Role",
    "RoleView",
    "Scenario",
    "Simulator",
    "Size",
    "SnapshotError",
    "Step",
    "Term",
    "WorldConfig",
    "discrete_levers",
    "feature_table",
    "get_scenario",
    "parallel_env",
    "read_ensemble",
    "register_all",
    "scenario_names",
    "shipped_ensemble",
]
