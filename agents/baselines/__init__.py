"""Governors that do not learn, by name. To add one: a file here and a line in `_MAKERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from protogov.agents.baselines.adaptive_curve import CURVE_LEVERS, AdaptiveCurve
from protogov.agents.baselines.constant import Constant
from protogov.agents.baselines.random import Random
from protogov.agents.baselines.slope2_oracle import RATE_LEVERS, Slope2Oracle
from protogov.agents.governor import Governor

if TYPE_CHECKING:
    from protogov.envs.roles import Role
    from protogov.envs.world.levers import Lever

__all__ = ["AdaptiveCurve", "Constant", "Random", "Slope2Oracle", "governor_fits", "governor_names", "make_governor"]

# name -> maker from a role's levers, at the world's own defaults, and a seed
_MAKERS: dict[str, Callable[[Sequence[Lever], int], Governor]] = {
    "constant": lambda levers, seed: Constant(levers),
    "random": lambda levers, seed: Random(len(levers), seed=seed),
    "adaptive_curve": lambda levers, seed: AdaptiveCurve(levers),
    "slope2_oracle": lambda levers, seed: Slope2Oracle(levers),
}
_NEEDED_LEVERS: dict[str, tuple[str, ...]] = {"adaptive_curve": CURVE_LEVERS, "slope2_oracle": RATE_LEVERS}


def governor_names() -> tuple[str, ...]:
    """Names that `make_governor` knows."""
    return tuple(_MAKERS)


def governor_fits(name: str, role: Role) -> bool:
    """Whether a governor of this name can govern as `role`; those that ask for no levers by name always can."""
    return set(_NEEDED_LEVERS.get(name, ())) <= set(role.levers)


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
        name: one of `governor_names`, or the path of a policy_<agent>.json file.
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
    if name in _MAKERS:
        return _MAKERS[str(name)](_levers(role, defaults), seed)
    if str(name).endswith(".json"):
        return _load(Path(name), role, seed)
    raise ValueError(f"governor is {str(name)!r}; accepted: {', '.join(_MAKERS)}, or the path of a policy's .json file")


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
