"""The base of all baselines: a governor that does not learn, has a name, and states which levers it sets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.gains import Gain
from protogov.agents.baselines.row_memory import RowMemory
from protogov.envs.world.lever_table import Lever

if TYPE_CHECKING:
    from protogov.agents.policies.incumbent import Incumbent
    from protogov.envs.interfaces import RoleView

Floats = NDArray[np.float64]


class Baseline(ABC):
    """A governor that does not learn; a subclass with a `name` registers itself.

    A subclass declares: the levers that it requires (`needs`); the levers that it sets if the role has them (`sets`; if
    empty, those of `needs`, or all levers if both are empty); the features that it reads outside the group chain
    (`reads`); its memory of a row (`remembers`: name -> value at the start); the numbers that may be changed (`gains`,
    which only a `Rule` has); whether it tries to exploit the rules (`cheats`); and whether its constructor also takes
    the `agent` that it governs as (`of_seat`).

    Args:
        levers: the levers of the role, at the defaults of the world.
        seed: of its randomness.

    Raises:
        ValueError: it cannot govern the role.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    sets: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[tuple[str, ...]] = ()
    remembers: ClassVar[Mapping[str, float]] = {}
    gains: ClassVar[tuple[Gain, ...]] = ()
    cheats: ClassVar[bool] = False
    of_seat: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" in vars(cls):
            register(cls.name, cls)

    def __init__(self, levers: Sequence[Lever], *, seed: int = 0) -> None:
        self.levers = {lever.name: lever for lever in levers}
        if not self.fits(self.levers):
            raise ValueError(
                f"governor {self.name!r} sets {', '.join(self.sets or self.needs)}; "
                f"this role sets {', '.join(self.levers)}"
            )
        self._memory = RowMemory(**self.remembers)

    @classmethod
    def fits(cls, levers: Collection[str]) -> bool:
        """Whether it can govern a role with these levers: all that it needs, and at least one that it sets."""
        return set(cls.needs) <= set(levers) and (not cls.sets or not set(cls.sets).isdisjoint(levers))

    @classmethod
    def reads_for(cls, levers: Sequence[str]) -> tuple[str, ...]:
        """Features outside the group chain that it reads to set these levers."""
        return cls.reads

    @abstractmethod
    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Decide for all worlds of the view: F32[n, k] in [-1, 1], one column a lever of the role."""

    def incumbent(self) -> Incumbent | None:
        """What it does, as a policy can deviate from it: constants and slopes; None where it does anything else."""
        return None

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over."""
        self._memory.reset(rows)

    def state_dict(self) -> dict[str, Any]:
        """The memory of all rows."""
        return self._memory.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._memory.load_state_dict(state)


class Entry(NamedTuple):
    """The maker of a named governor: its class and its own arguments."""

    kind: type[Baseline]
    arguments: Mapping[str, Any]

    def make(self, levers: Sequence[Lever], seed: int, **more: Any) -> Baseline:
        """The governor of a role with these levers."""
        return self.kind(levers, seed=seed, **self.arguments, **more)


REGISTER: dict[str, Entry] = {}  # name -> entry, in the order of registration


def register(name: str, kind: type[Baseline], **arguments: Any) -> None:
    """Register a baseline by name; its constructor gets `arguments`.

    Raises:
        ValueError: the name is taken.
    """
    if name in REGISTER:
        raise ValueError(f"name = {name!r} of {kind.__name__} is taken by {REGISTER[name].kind.__name__}.")
    REGISTER[name] = Entry(kind, arguments)
