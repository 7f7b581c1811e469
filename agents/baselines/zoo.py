"""The trained governors of `protogov.agents.zoo`, by name: `zoo/headline`, and `zoo/headline-1` for training seed 1.

They are governors of exactly the roles and observations that they learned in; all others are refused by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.baseline import Baseline
from protogov.agents.files import read_object
from protogov.agents.zoo.entries import ZooError, governors, zoo_policies
from protogov.envs.world.features import FEATURES
from protogov.envs.world.lever_table import Lever

if TYPE_CHECKING:
    from protogov.agents.policies.policy import Policy
    from protogov.envs.interfaces import RoleView


class Zoo(Baseline):
    """A trained governor; a subclass for each name.

    Args:
        levers: the levers of the role.
        seed: nothing is random.
        agent: the seat; without one, or in a seat that nobody learned, the first policy with these levers governs.
    """

    of_seat = True
    files: ClassVar[Mapping[str, Path]] = {}

    def __init__(self, levers: Sequence[Lever], *, seed: int = 0, agent: str = "") -> None:
        super().__init__(levers, seed=seed)
        from protogov.agents.policies.policy_governor import load_policy  # brings torch along

        fitting = self._fitting(tuple(self.levers))
        self._governor = load_policy(self.files[agent if agent in fitting else fitting[0]], seed=seed)

    @classmethod
    def _fitting(cls, levers: tuple[str, ...]) -> list[str]:
        return [agent for agent, path in cls.files.items() if _about(path)[0] == levers]

    @classmethod
    def fits(cls, levers: Collection[str]) -> bool:
        """Whether one of its policies sets exactly these levers."""
        return bool(cls._fitting(tuple(levers)))

    @classmethod
    def reads_for(cls, levers: Sequence[str]) -> tuple[str, ...]:
        """Features outside the group chain that its policy of these levers reads."""
        return _about(cls.files[cls._fitting(tuple(levers))[0]])[1]

    @property
    def policy(self) -> Policy:
        """The policy."""
        return self._governor.policy

    def in_any_batch(self) -> None:
        """From now on a row gets the same action, bit for bit, in a batch of any size."""
        self._governor.any_batch = True

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """See `PolicyGovernor.act`."""
        return self._governor.act(view)

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over."""
        self._governor.reset(rows, seeds)

    def state_dict(self) -> dict[str, Any]:
        """See `PolicyGovernor.state_dict`."""
        return self._governor.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._governor.load_state_dict(state)


@cache
def _about(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Levers that a policy sets, and the features outside the group chain that it reads."""
    document = read_object(path, ZooError)
    names = dict.fromkeys(name.split("[")[0] for name in document["features"])
    known = [FEATURES[name] for name in names if name in FEATURES]
    read = tuple(one.name for one in known if one.group != "chain" or one.needs_feeds)
    return tuple(document["levers"]), read


for _name in governors():
    _files = zoo_policies(_name)
    _levers = tuple(dict.fromkeys(lever for path in _files.values() for lever in _about(path)[0]))
    type(
        _name, (Zoo,), {"name": _name, "files": _files, "sets": _levers, "__doc__": f"{_name}.", "__module__": __name__}
    )
