"""Governors that do not learn any more, by name: rules, and the trained ones of the zoo.

To add one, write a file in this folder with a subclass of `Baseline` (or of `Rule`, for targets in physical units) that
has a `name`. Every file here is imported, and the class registers itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from protogov.agents.baselines.baseline import REGISTER, Baseline
from protogov.agents.baselines.composite import Composite
from protogov.agents.files import read_object
from protogov.agents.zoo.entries import PREFIX
from protogov.envs.world.lever_table import with_defaults

if TYPE_CHECKING:
    from protogov.envs.interfaces import Governor
    from protogov.envs.roles import Role

__all__ = ["CHEATERS", "Baseline", "governor_fits", "governor_names", "governor_reads", "make_governor", "rule_names"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

CHEATERS = tuple(name for name, entry in REGISTER.items() if entry.kind.cheats)


def governor_names() -> tuple[str, ...]:
    """Names that `make_governor` knows, in alphabetical order."""
    return tuple(sorted(REGISTER))


def rule_names() -> tuple[str, ...]:
    """Those of `governor_names` that nobody trained: all but the zoo."""
    return tuple(name for name in governor_names() if not name.startswith(PREFIX))


def governor_reads(name: str, role: Role) -> tuple[str, ...]:
    """Features outside the group chain that a governor of this name reads when it governs as `role`."""
    return REGISTER[name].kind.reads_for(role.levers)


def governor_fits(name: str, role: Role) -> bool:
    """Whether a governor of this name can govern as `role`; for names joined by "+", whether any of them can."""
    return any(REGISTER[part].kind.fits(role.levers) for part in name.split("+"))


def make_governor(
    name: str | Path,
    role: Role,
    *,
    agent: str = "",
    seed: int = 0,
    values: Mapping[str, float] | None = None,
    defaults: Mapping[str, float] | None = None,
) -> Governor:
    """A governor for a role.

    Args:
        name: one of `governor_names`; or several joined by "+", each for the levers that it sets, where the last one
            has priority (such as "pi+steward_var"; names that do not fit the role are ignored); or the path of a
            policy_<agent>.json, or of a contract's manifest.json.
        role: whose levers it sets.
        agent: the seat; entries of the zoo may have another policy for each seat of a role.
        seed: of its randomness.
        values: only for "constant": physical values by lever name; other levers keep their defaults.
        defaults: the world's `config.defaults`, the reference of physical values.

    Raises:
        ValueError: an unknown name, a governor that needs levers that the role lacks (`governor_fits`), values that the
            role does not accept, or a policy file that is damaged or does not set this role's levers.
    """
    if values is not None and name != "constant":
        raise ValueError(f"values is given for governor {str(name)!r}; values are accepted only with constant")
    parts = str(name).split("+")
    if not all(part in REGISTER for part in parts):
        if str(name).endswith(".json"):
            return _load(Path(name), role, seed)
        known = ", ".join(governor_names())
        raise ValueError(f"governor is {str(name)!r}; accepted: {known}, or the path of a policy's .json file")
    levers = with_defaults(role.lever_rows(), defaults or {})
    if values is not None:
        return REGISTER["constant"].make(levers, seed, values=values)

    def made(part: str) -> Baseline:
        entry = REGISTER[part]
        return entry.make(levers, seed, **({"agent": agent} if entry.kind.of_seat else {}))

    if len(parts) == 1:
        return made(parts[0])
    fitting = [made(part) for part in parts if governor_fits(part, role)]
    if not fitting:
        raise ValueError(f"governor {name!r} has no part for a role that sets {', '.join(role.levers)}")
    return Composite(fitting) if len(fitting) > 1 else fitting[0]


def _load(path: Path, role: Role, seed: int) -> Governor:
    from protogov.agents.onchain.governor import SpecificationGovernor, load_contract
    from protogov.agents.onchain.manifest import FORMAT
    from protogov.agents.policies import PolicyError, PolicyGovernor, load_policy  # imports torch

    is_contract = read_object(path, PolicyError).get("format") == FORMAT
    governor: PolicyGovernor | SpecificationGovernor = (
        load_contract(path) if is_contract else load_policy(path, seed=seed)
    )
    if governor.levers != role.levers:
        raise PolicyError(f"{path}: sets {', '.join(governor.levers)}; this role sets {', '.join(role.levers)}")
    return governor
