"""Governors that do not learn, by name. To add one: a file here and a line in `_MAKERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from protogov.agents.baselines.constant import Constant
from protogov.agents.baselines.random import Random
from protogov.agents.governor import Governor

if TYPE_CHECKING:
    from protogov.envs.roles import Role

__all__ = ["Constant", "Random", "governor_names", "make_governor"]

_MAKERS: dict[str, Callable[[Role, int], Governor]] = {
    "constant": lambda role, seed: Constant(role.lever_rows()),
    "random": lambda role, seed: Random(len(role.levers), seed=seed),
}


def governor_names() -> tuple[str, ...]:
    """Names that `make_governor` knows."""
    return tuple(_MAKERS)


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
        defaults: the world's `config.defaults`, which `values` have to be measured from.

    Raises:
        ValueError: an unknown name, values that the role does not take, a policy file that is damaged or that does not
            set this role's levers.
    """
    if name == "constant" and values is not None:
        own = defaults or {}
        return Constant([replace(row, default=own.get(row.name, row.default)) for row in role.lever_rows()], values)
    if values is not None:
        raise ValueError(f"values is given for governor {str(name)!r}; accepted: with constant only")
    if name in _MAKERS:
        return _MAKERS[str(name)](role, seed)
    if str(name).endswith(".json"):
        return _load(Path(name), role, seed)
    raise ValueError(f"governor is {str(name)!r}; accepted: {', '.join(_MAKERS)}, or the path of a policy's .json file")


def _load(path: Path, role: Role, seed: int) -> Governor:
    from protogov.agents.policies import PolicyError, load_policy  # brings torch along

    governor = load_policy(path, seed=seed)
    if governor.levers != role.levers:
        raise PolicyError(f"{path}: sets {', '.join(governor.levers)}; this role sets {', '.join(role.levers)}")
    return governor
