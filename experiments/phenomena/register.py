"""The phenomena, in the order of the table."""

from dataclasses import replace

from protogov.envs.ensemble import shipped_ensemble
from protogov.envs.world.parameters import Parameters
from protogov.experiments.errors import BadInput
from protogov.experiments.phenomena.adverse_selection import ADVERSE_SELECTION
from protogov.experiments.phenomena.cascade import CASCADE
from protogov.experiments.phenomena.gamma_feedback import GAMMA_FEEDBACK
from protogov.experiments.phenomena.lockup import LOCKUP
from protogov.experiments.phenomena.oracle_lag import ORACLE_LAG
from protogov.experiments.phenomena.phenomenon import Phenomenon
from protogov.experiments.phenomena.skipping import SKIPPING
from protogov.experiments.phenomena.surface_manipulation import SURFACE_MANIPULATION
from protogov.experiments.phenomena.toxic_spiral import TOXIC_SPIRAL

PHENOMENA: dict[str, Phenomenon] = {
    one.name: one
    for one in (
        CASCADE,
        SKIPPING,
        TOXIC_SPIRAL,
        LOCKUP,
        ORACLE_LAG,
        GAMMA_FEEDBACK,
        SURFACE_MANIPULATION,
        ADVERSE_SELECTION,
    )
}


def chosen(names: tuple[str, ...] = (), member: str = "") -> list[Phenomenon]:
    """Phenomena by name, in the order of the register; without names all of them.

    Args:
        names: of phenomena.
        member: world of the ensemble in which they are looked for, but for what a phenomenon itself says of its world.

    Raises:
        BadInput: an unknown name or member; the message lists those there are.
    """
    for name in names:
        if name not in PHENOMENA:
            raise BadInput(f"{name!r} is no phenomenon; known are {', '.join(PHENOMENA)}")
    found = [one for one in PHENOMENA.values() if not names or one.name in names]
    return [_of_member(one, member) for one in found] if member else found


def _of_member(one: Phenomenon, member: str) -> Phenomenon:
    members = shipped_ensemble().members
    if member not in members:
        raise BadInput(f"member is {member!r}; a phenomenon is looked for in one of {', '.join(members)}")
    plain = Parameters()
    values = {
        name: value
        for name, value in members[member].items()
        if getattr(one.config.parameters, name) == getattr(plain, name)
    }
    return replace(one, config=one.config.with_parameters(**values))
