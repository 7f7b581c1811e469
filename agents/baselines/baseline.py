"""What every baseline is: a governor that does not learn, found by its name, that says which levers it sets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.row_memory import RowMemory
from protogov.envs.world.lever_table import Lever

if TYPE_CHECKING:
    from protogov.agents.policies.incumbent import Incumbent
    from protogov.envs.interfaces import RoleView

Floats = NDArray[np.float64]


class Baseline(ABC):
    """A governor that does not learn; a subclass with a `name` is registered by it.

    A subclass says which levers it cannot do without (`needs`), which it sets as far as the role holds them (`sets`:
    those that it needs where it is empty, and all where both are), which features it reads that are not on the chain
    (`reads`), what it remembers of a row (`remembers`: name -> value at the start), and whether it looks for a mistake
    in the rules (`cheats`).

    Args:
        levers: the levers of the role, at the defaults of the world.
        seed: of whatever is random in it.

    Raises:
        ValueError: a role that it cannot govern.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    sets: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[tuple[str, ...]] = ()
    remembers: ClassVar[Mapping[str, float]] = {}
    cheats: ClassVar[bool] = False

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
        """Whether it can govern a role with these levers: all that it needs, and one at least that it sets."""
        return set(cls.needs) <= set(levers) and (not cls.sets or not set(cls.sets).isdisjoint(levers))

    @classmethod
    def reads_for(cls, levers: Sequence[str]) -> tuple[str, ...]:
        """Features beyond those on the chain that it reads where it sets these levers."""
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
        """What is remembered of all rows."""
        return self._memory.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self._memory.load_state_dict(state)


class Entry(NamedTuple):
    """How a name becomes a governor: its class, and the arguments of its own."""

    kind: type[Baseline]
    arguments: Mapping[str, Any]

    def make(self, levers: Sequence[Lever], seed: int, **more: Any) -> Baseline:
        """The governor of a role with these levers."""
        return self.kind(levers, seed=seed, **self.arguments, **more)


REGISTER: dict[str, Entry] = {}  # name -> entry, in the order of registration


def register(name: str, kind: type[Baseline], **arguments: Any) -> None:
    """Make a baseline known by name; `arguments` are given to its constructor.

    Raises:
        ValueError: the name is taken.
    """
    if name in REGISTER:
        raise ValueError(f"name = {name!r} of {kind.__name__} is taken by {REGISTER[name].kind.__name__}.")
    REGISTER[name] = Entry(kind, arguments)
