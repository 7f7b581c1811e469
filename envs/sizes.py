"""How much of the game is played: a row of a table for each size, from one lever a role to two rival protocols.

To add a size: a row in `SIZES`. `WorldConfig(size=...)` takes from it the fields that are not given, and each has
Gymnasium ids of its own, in which one governor of venue 0 learns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from protogov.envs.roles import ROLES, Role
from protogov.envs.world.lever_table import LEVER_BY_NAME
from protogov.envs.world.parameters import Parameters


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a world of a size has where its configuration does not say otherwise.

    Attributes:
        prefix: of its Gymnasium ids, say "Core" of `protogov/CoreRates-v0`.
        levers: that its roles hold between them; others stay at their defaults.
        roles: names of the governors of each venue.
        venues, decision_hours, episode_hours, parameters: as in `WorldConfig`.
    """

    prefix: str
    levers: tuple[str, ...] = tuple(LEVER_BY_NAME)
    roles: tuple[str, ...] = ("rate", "risk", "spread")
    venues: int = 1
    decision_hours: int = 6
    episode_hours: int = 336
    parameters: Parameters = field(default_factory=Parameters)

    def known_roles(self) -> dict[str, Role]:
        """The shipped roles, each with those of its levers that this size has."""
        held = {name: tuple(lever for lever in role.levers if lever in self.levers) for name, role in ROLES.items()}
        return {name: replace(role, levers=held[name]) for name, role in ROLES.items() if held[name]}


# capacities are compiled once for all sizes: a tiny world uses less of them
_FEW = Parameters(
    num_accounts=4, num_suppliers=2, num_liquidators=1, num_shorts=1, num_lps=1, num_expiries=1, num_strikes=2,
    arrivals=4.0,
)  # fmt: skip
SIZES: Mapping[str, Size] = {
    "full": Size(prefix=""),
    # one lever a role
    "core": Size(prefix="Core", levers=("base_rate", "liquidation_threshold", "half_spread")),
    # two protocols, six governors
    "rivals": Size(prefix="Rivals", venues=2),
    # for tests of whoever uses this package: 10 ms a step even with NUMBA_DISABLE_JIT=1
    "tiny": Size(prefix="Tiny", decision_hours=1, episode_hours=48, parameters=_FEW),
}
