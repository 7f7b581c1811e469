"""Roles and mandates as typed: `curator=base_rate,ltv_gap`, `rate=profit`, `risk=reserve_income:1,bad_debt:-1`."""

from collections.abc import Collection, Sequence
from typing import Any

from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.experiments.errors import BadInput


def typed_roles(items: Sequence[str]) -> Any:
    """The value of `WorldConfig.roles`: names, or a mapping if any item reads name=lever,lever.

    Raises:
        BadInput: some items name shipped roles and others list levers, or a name is repeated.
    """
    split = [item.partition("=") for item in items]
    if not any(sign for _, sign, _ in split):
        return tuple(items)
    if not all(sign for _, sign, _ in split):
        bare = next(name for name, sign, _ in split if not sign)
        raise BadInput(f"--world.roles {bare!r} must read name=lever,lever as the others do")
    return _once("roles", [(name.strip(), _listed(levers)) for name, _, levers in split])


def typed_mandates(items: Sequence[str]) -> Any:
    """The value of `WorldConfig.mandates`: None without items, a preset's name, or a mapping from roles.

    Raises:
        BadInput: several items without a role, a repeated role, or a weight that is not a number.
    """
    if not items:
        return None
    split = [item.partition("=") for item in items]
    if len(split) == 1 and not split[0][1]:
        return split[0][0].strip()
    for name, sign, _ in split:
        if not sign:
            raise BadInput(f"--world.mandates {name!r} must read role=preset or role=term:weight,term:weight")
    return _once("mandates", [(name.strip(), _mandate(name, text.strip())) for name, _, text in split])


def _mandate(role: str, text: str) -> Any:
    if ":" not in text:
        return text
    weights: dict[str, float] = {}
    for part in _listed(text):
        term, _, weight = part.partition(":")
        try:
            weights[term.strip()] = float(weight)
        except ValueError:
            raise BadInput(
                f"--world.mandates gives {term} of {role} the weight {weight!r}; a number is accepted"
            ) from None
    return weights


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _once(option: str, rows: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in rows]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"--world.{option} names the role {name!r} twice")
    return dict(rows)


def check_all_held(config: WorldConfig, what: str, levers: Collection[str] = tuple(LEVER_INDEX)) -> None:
    """Raise BadInput unless each of the levers belongs to a role: setting a lever without a role has no effect."""
    held = {lever for role in config.roles.values() for lever in role.levers}
    loose = [name for name in levers if name not in held]
    if loose:
        raise BadInput(f"{what} sets all levers, and no role of this world holds {', '.join(loose)}")
