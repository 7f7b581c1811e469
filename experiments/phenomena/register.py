"""The phenomena, in the order of the table."""

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


def chosen(names: tuple[str, ...] = ()) -> list[Phenomenon]:
    """Phenomena by name, in the order of the register; without names all of them.

    Raises:
        BadInput: an unknown name; the message lists those there are.
    """
    for name in names:
        if name not in PHENOMENA:
            raise BadInput(f"{name!r} is no phenomenon; known are {', '.join(PHENOMENA)}")
    return [one for one in PHENOMENA.values() if not names or one.name in names]
