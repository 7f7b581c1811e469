"""Governors that do not learn any more, by name: rules, and the trained ones of the zoo.

To add one, write a file in this folder with a subclass of `Baseline` (or of `Rule`, for targets in physical units) that
has a `name`. Every file here is imported, and the class registers itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from protogov.agents.baselines.baseline import REGISTER, Baseline
from protogov.agents.baselines.composite import Composite
from protogov.agents.baselines.controller_file import holds_controllers, read_controllers
from protogov.agents.baselines.gains import checked_gains
from protogov.agents.files import read_object
from protogov.agents.zoo.entries import PREFIX
from protogov.envs.world.lever_table import LEVER_BY_NAME, with_defaults

if TYPE_CHECKING:
    from protogov.agents.baselines.gains import Gain, Gains
    from protogov.envs.interfaces import Governor
    from protogov.envs.roles import Role
    from protogov.envs.world.lever_table import Lever

__all__ = [
    "CHEATERS", "Baseline", "controller_gains", "controller_names", "governor_fits", "governor_names",
    "governor_reads", "make_governor", "rule_names",
]  # fmt: skip

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

CHEATERS = tuple(name for name, entry in REGISTER.items() if entry.kind.cheats)


def governor_names() -> tuple[str, ...]:
    """Names that `make_governor` knows, in alphabetical order."""
    return tuple(sorted(REGISTER))


def rule_names() -> tuple[str, ...]:
    """Those of `governor_names` that nobody trained: all but the zoo."""
    return tuple(name for name in governor_names() if not name.startswith(PREFIX))


def controller_names() -> tuple[str, ...]:
    """Those of `rule_names` with gains, which a tuner may search."""
    return tuple(name for name in rule_names() if REGISTER[name].kind.gains)


def controller_gains(name: str) -> tuple[Gain, ...]:
    """The gains of a governor of this name; empty if it has none."""
    return REGISTER[name].kind.gains


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
    gains: Mapping[str, Gains] | None = None,
    around: Mapping[str, float] | None = None,
) -> Governor:
    """A governor for a role.

    Args:
        name: one of `governor_names`; or several joined by "+", each for the levers that it sets, where the last one
            has priority (such as "pi+steward_var"; names that do not fit the role are ignored); or the path of a
            policy_<agent>.json, of a contract's manifest.json, or of tuned controllers (`controller_file`).
        role: whose levers it sets.
        agent: the seat; entries of the zoo may have another policy for each seat of a role.
        seed: of its randomness.
        values: only for "constant": physical values by lever name; other levers keep their defaults.
        defaults: the world's `config.defaults`, the reference of physical values.
        gains: only for `controller_names`: controller -> gain -> value, or F64[rows] with one for each world.
        around: only for `controller_names`: lever -> value around which they act, and at which levers stay that they do
            not move. With it a role of which no controller moves a lever is governed too.

    Raises:
        ValueError: an unknown name, a governor that needs levers that the role lacks (`governor_fits`), values, gains
            or levers that are not accepted, or a file that is damaged or does not set this role's levers.
    """
    if values is not None and name != "constant":
        raise ValueError(f"values is given for governor {str(name)!r}; values are accepted only with constant")
    parts = str(name).split("+")
    if not all(part in REGISTER for part in parts):
        if str(name).endswith(".json") and gains is None and around is None:
            return _load(Path(name), role, seed, defaults)
        known = ", ".join(governor_names())
        raise ValueError(f"governor is {str(name)!r}; accepted: {known}, or the path of a policy's .json file")
    levers = with_defaults(role.lever_rows(), defaults or {})
    if gains is not None or around is not None:
        return _controllers(parts, role, levers, seed, gains or {}, around)
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


def _controllers(
    parts: Sequence[str],
    role: Role,
    levers: Sequence[Lever],
    seed: int,
    gains: Mapping[str, Gains],
    around: Mapping[str, float] | None,
) -> Governor:
    """Controllers with other gains, or around other values, in one role."""
    for name in gains:
        if name not in parts:
            raise ValueError(f"gains are given of {name!r}; accepted: {', '.join(parts)}")
    for name in parts:
        if not controller_gains(name):
            raise ValueError(f"governor {name!r} has no gains; accepted: {', '.join(controller_names())}")
    for name in around or {}:
        if name not in LEVER_BY_NAME:
            raise ValueError(f"around holds {name!r}; accepted: {', '.join(LEVER_BY_NAME)}")
    own = {name: value for name, value in (around or {}).items() if name in role.levers}
    made: list[Baseline] = [] if around is None else [REGISTER["constant"].make(levers, seed, values=own)]
    for name in parts:
        if governor_fits(name, role):
            made.append(REGISTER[name].make(levers, seed, gains=gains.get(name), around=own))
        else:
            # a number out of range is refused in every role
            checked_gains(controller_gains(name), gains.get(name, {}), name)
    if not made:
        raise ValueError(f"governor {'+'.join(parts)!r} has no part for a role that sets {', '.join(role.levers)}")
    return Composite(made) if len(made) > 1 else made[0]


def _load(path: Path, role: Role, seed: int, defaults: Mapping[str, float] | None) -> Governor:
    if holds_controllers(path):
        found = read_controllers(path)
        try:
            return make_governor(found.name, role, seed=seed, defaults=defaults, gains=found.gains, around=found.around)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
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
