"""Governors that do not learn, by name. To add one: a file here and a line in `_MAKERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from protogov.agents.baselines.adaptive_curve import CURVE_LEVERS, AdaptiveCurve
from protogov.agents.baselines.cheaters import (
    CHEATER_LEVERS,
    CHEATERS,
    Collapse,
    ExtendAndPretend,
    Gouge,
    LiquidationFarmer,
    NoTrade,
    RandomChurn,
    SelfMark,
    SupplierSqueeze,
)
from protogov.agents.baselines.composite import Composite
from protogov.agents.baselines.constant import Constant
from protogov.agents.baselines.inventory_quotes import InventoryQuotes
from protogov.agents.baselines.linear_feedback import LinearFeedback, features_read
from protogov.agents.baselines.mainnet import Mainnet
from protogov.agents.baselines.pi import PIController
from protogov.agents.baselines.random import Random
from protogov.agents.baselines.slope2_escalator import Slope2Escalator
from protogov.agents.baselines.slope2_oracle import RATE_LEVERS, Slope2Oracle
from protogov.agents.baselines.steward_var import StewardVar
from protogov.agents.baselines.tuned import Tuned, tuned_names
from protogov.agents.governor import Governor

if TYPE_CHECKING:
    from protogov.envs.roles import Role
    from protogov.envs.world.levers import Lever

__all__ = [
    "CHEATERS", "AdaptiveCurve", "Composite", "Constant", "InventoryQuotes", "LinearFeedback", "Mainnet",
    "PIController", "Random", "Slope2Escalator", "Slope2Oracle", "StewardVar", "Tuned", "governor_fits",
    "governor_names", "governor_reads", "make_governor",
]  # fmt: skip


def _tuned(scenario: str) -> Callable[[Sequence[Lever], int], Governor]:
    return lambda levers, seed: Tuned(levers, scenario)


# name -> maker from a role's levers, at the world's own defaults, and a seed
_MAKERS: dict[str, Callable[[Sequence[Lever], int], Governor]] = {
    "constant": lambda levers, seed: Constant(levers),
    "random": lambda levers, seed: Random(len(levers), seed=seed),
    "adaptive_curve": lambda levers, seed: AdaptiveCurve(levers),
    "slope2_oracle": lambda levers, seed: Slope2Oracle(levers),
    "mainnet": lambda levers, seed: Mainnet(levers),
    "pi": lambda levers, seed: PIController(levers),
    "slope2_escalator": lambda levers, seed: Slope2Escalator(levers),
    "steward_var": lambda levers, seed: StewardVar(levers),
    "inventory_quotes": lambda levers, seed: InventoryQuotes(levers),
    "linear_feedback": lambda levers, seed: LinearFeedback(levers),
    "collapse": lambda levers, seed: Collapse(levers),
    "gouge": lambda levers, seed: Gouge(levers),
    "no_trade": lambda levers, seed: NoTrade(levers),
    "supplier_squeeze": lambda levers, seed: SupplierSqueeze(levers),
    "extend_and_pretend": lambda levers, seed: ExtendAndPretend(levers),
    "self_mark": lambda levers, seed: SelfMark(levers),
    "liquidation_farmer": lambda levers, seed: LiquidationFarmer(levers),
    "random_churn": lambda levers, seed: RandomChurn(levers, seed),
    **{name: _tuned(scenario) for name, scenario in tuned_names().items()},
}
# what a rule must find in a role; a cheater has a hold on a role if it finds any of its levers
_NEEDED_LEVERS: dict[str, tuple[str, ...]] = {
    "adaptive_curve": CURVE_LEVERS,
    "slope2_oracle": RATE_LEVERS,
    "pi": PIController.needs,
    "slope2_escalator": Slope2Escalator.needs,
    "steward_var": StewardVar.needs,
    "inventory_quotes": InventoryQuotes.needs,
}


def governor_reads(name: str, role: Role) -> tuple[str, ...]:
    """Features beyond those on the chain that a governor of this name reads when it governs as `role`."""
    known = {"steward_var": StewardVar.reads, "inventory_quotes": InventoryQuotes.reads}
    return features_read(role.levers) if name == "linear_feedback" else known.get(name, ())


def governor_names() -> tuple[str, ...]:
    """Names that `make_governor` knows."""
    return tuple(_MAKERS)


def governor_fits(name: str, role: Role) -> bool:
    """Whether a governor of this name can govern as `role`; of several joined by "+", whether any of them can."""
    if "+" in name:
        return any(governor_fits(part, role) for part in name.split("+"))
    held = set(role.levers)
    if name in CHEATER_LEVERS:
        return not CHEATER_LEVERS[name] or bool(held & set(CHEATER_LEVERS[name]))
    return set(_NEEDED_LEVERS.get(name, ())) <= held


def make_governor(
    name: str | Path,
    role: Role,
    *,
    seed: int = 0,
    values: Mapping[str, float] | None = None,
    defaults: Mapping[str, float] | None = None,
) -> Governor:
    """A governor for a role.

    Args:
        name: one of `governor_names`; several joined by "+", each for the levers that it needs, the last one first
            (say "pi+steward_var"; those that do not fit the role are left out); or the path of a policy_<agent>.json.
        role: whose levers it sets.
        seed: of whatever is random in it.
        values: for "constant" alone: physical values by lever name, defaults for the others.
        defaults: the world's `config.defaults`, from which physical values have to be measured.

    Raises:
        ValueError: an unknown name, a governor that needs levers which the role does not have (`governor_fits`), values
            that the role does not take, a policy file that is damaged or that does not set this role's levers.
    """
    if name == "constant" and values is not None:
        return Constant(_levers(role, defaults), values)
    if values is not None:
        raise ValueError(f"values is given for governor {str(name)!r}; accepted: with constant only")
    if "+" in str(name) and all(part in _MAKERS for part in str(name).split("+")):
        return _composite(str(name), role, seed, defaults)
    if name in CHEATER_LEVERS and not governor_fits(str(name), role):
        wanted = CHEATER_LEVERS[str(name)]
        raise ValueError(f"governor {name!r} sets {', '.join(wanted)}; this role sets {', '.join(role.levers)}")
    if name in _MAKERS:
        return _MAKERS[str(name)](_levers(role, defaults), seed)
    if str(name).endswith(".json"):
        return _load(Path(name), role, seed)
    raise ValueError(f"governor is {str(name)!r}; accepted: {', '.join(_MAKERS)}, or the path of a policy's .json file")


def _composite(name: str, role: Role, seed: int, defaults: Mapping[str, float] | None) -> Governor:
    fitting = [part for part in name.split("+") if governor_fits(part, role)]
    if not fitting:
        raise ValueError(f"governor {name!r} has no part for a role that sets {', '.join(role.levers)}")
    if len(fitting) == 1:
        return make_governor(fitting[0], role, seed=seed, defaults=defaults)
    parts = []
    for part in fitting:
        own = _NEEDED_LEVERS.get(part) or CHEATER_LEVERS.get(part) or role.levers
        columns = [index for index, lever in enumerate(role.levers) if lever in own]
        parts.append((make_governor(part, role, seed=seed, defaults=defaults), columns))
    return Composite(parts, len(role.levers))


def _levers(role: Role, defaults: Mapping[str, float] | None) -> list[Lever]:
    """The role's rows of the table, at the defaults of the world."""
    own = defaults or {}
    return [replace(row, default=own.get(row.name, row.default)) for row in role.lever_rows()]


def _load(path: Path, role: Role, seed: int) -> Governor:
    from protogov.agents.policies import PolicyError, load_policy  # brings torch along

    governor = load_policy(path, seed=seed)
    if governor.levers != role.levers:
        raise PolicyError(f"{path}: sets {', '.join(governor.levers)}; this role sets {', '.join(role.levers)}")
    return governor
