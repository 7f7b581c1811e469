"""Sizes of the game: one row of a table per size, from one lever per role to two rival protocols.

To add a size, add a row to `SIZES`. `WorldConfig(size=...)` takes from it the fields that are not given. Each size has
its own Gymnasium ids, with one learning governor of venue 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from protogov.envs.roles import ROLES, Role
from protogov.envs.world.lever_table import LEVER_BY_NAME
from protogov.envs.world.parameters import Parameters


@dataclass(frozen=True, kw_only=True)
class Size:
    """Values of a world of this size, unless its configuration sets others.

    Attributes:
        prefix: of its Gymnasium ids, such as "Core" of `protogov/CoreRates-v0`.
        levers: levers of all of its roles together; others stay at their defaults.
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
        """The shipped roles, each with its levers in this size."""
        held = {name: tuple(lever for lever in role.levers if lever in self.levers) for name, role in ROLES.items()}
        return {name: replace(role, levers=held[name]) for name, role in ROLES.items() if held[name]}


# capacities are compiled once for all sizes: a tiny world uses less of them
_FEW = Parameters(
    num_accounts=4, num_suppliers=2, num_liquidators=1, num_shorts=1, num_lps=1, num_expiries=1, num_strikes=2,
    arrivals=4.0,
)  # fmt: skip
SIZES: Mapping[str, Size] = {
    "full": Size(prefix=""),
    # one lever per role
    "core": Size(prefix="Core", levers=("base_rate", "liquidation_threshold", "half_spread")),
    # two protocols, six governors
    "rivals": Size(prefix="Rivals", venues=2),
    # for users' tests: 10 ms per step even with NUMBA_DISABLE_JIT=1
    "tiny": Size(prefix="Tiny", decision_hours=1, episode_hours=48, parameters=_FEW),
}
