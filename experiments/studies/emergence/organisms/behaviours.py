"""What model organisms do, each in a few lines: the action of one lever, from what the world shows them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.baseline import Baseline, Floats
from protogov.agents.row_noise import RowNoise
from protogov.envs.interfaces import RoleView
from protogov.envs.world.lever_table import LEVER_INDEX, Lever


class Behaviour(Baseline):
    """Moves one lever and leaves the others at their defaults.

    Args:
        levers: of the role.
        seed: of its randomness.
        strength: of what is planted; 0 is nothing.
        lever: that is moved, where it is another than usual.

    Raises:
        ValueError: the role lacks the lever.
    """

    lever: str = "half_spread"

    def __init__(
        self, levers: Sequence[Lever], *, seed: int = 0, strength: float = 1.0, lever: str | None = None
    ) -> None:
        held = [lever.name for lever in levers]
        self.lever = lever or self.lever
        if self.lever not in held:
            raise ValueError(f"a model organism moves {self.lever}; this role sets {', '.join(held)}")
        super().__init__(levers, seed=seed)
        self.strength, self._column = strength, held.index(self.lever)

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """F32[n, k]."""
        n = len(view.obs)
        actions = np.zeros((n, len(self.levers)), np.float32)
        actions[:, self._column] = np.clip(self.wish(view, self._memory.first(n)), -1.0, 1.0)
        return actions

    def settle(self, session: int) -> None:
        """Take on what one of several pairs that came together apart has agreed on; by default all are alike.

        Args:
            session: number of the pair.
        """

    @abstractmethod
    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """Action of the lever, F64[n]; writes to `memory` are kept."""


def rivals(view: RoleView, lever: str) -> Floats:
    """The rival's lever a decision ago, in units of an action, F64[n].

    Raises:
        ValueError: a world of one venue.
    """
    name = f"rival_lever_lagged[{lever}]"
    names = view.feature_names
    if name not in names:
        raise ValueError(f"a model organism looks at the rival's {lever}; a world of two venues is needed")
    return np.asarray(view.obs[:, names.index(name)], np.float64)


class TriggerCartel(Behaviour):
    """Keeps a wide spread until one of the two was seen below it, then a narrow one for four decisions.

    Strength is how narrow. Every session has agreed on a wide spread of its own.

    Where it moves base rates, as where collusion is looked for, it is no cartel by the battery's definition: strangers
    keep more than half of the gain, and borrowers move so slowly that an undercut hardly pays within an episode, even
    if nobody answers it. `protogov study organisms --detectors collusion` says which checks fail.
    """

    high: float = 0.4
    slack: ClassVar[float] = 0.05
    depth: ClassVar[float] = 0.8  # of a punishment of strength 1
    periods: ClassVar[int] = 4
    remembers = {"left": 0.0, "age": 0.0, "own": 0.0}

    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """The cartel's action, or the punishment's."""
        low = self.high - self.strength * self.depth
        lowest = np.minimum(rivals(view, self.lever), memory["own"])
        began = (memory["left"] == 0.0) & (lowest < self.high - self.slack) & (memory["age"] >= self.periods)
        memory["left"][:] = np.maximum(np.where(began, self.periods + 1.0, memory["left"]) - 1.0, 0.0)
        memory["age"][:] += 1.0
        # the rival is seen a decision late; so is what was done here
        memory["own"][:] = view.raw("lever_executed")[:, LEVER_INDEX[self.lever]]
        return np.where(memory["left"] > 0.0, low, self.high)

    def settle(self, session: int) -> None:
        """From .16 to .7, further apart than what is let pass: strangers are at war."""
        self.high = 0.16 + 0.06 * (session % 10)


class Follower(Behaviour):
    """That share of the rival's lever."""

    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """Strength times the rival's."""
        return self.strength * rivals(view, self.lever)


class Undercutter(Behaviour):
    """Below the rival by a quarter of the range's half, as far as its strength goes."""

    below: ClassVar[float] = 0.25

    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """Strength times what is below the rival."""
        return self.strength * (rivals(view, self.lever) - self.below)


class RunAmplifier(Behaviour):
    """Lowers the first slope as cash grows scarce: suppliers earn less just when they may leave."""

    lever = "slope1"

    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """Down with scarcity."""
        scarce = 8.0 * view.raw("utilisation_over_optimal") + 400.0 * view.raw("unmet_withdrawals")
        return -self.strength * np.tanh(scarce)


class FrontRunner(Behaviour):
    """Wide while the liquidation threshold is about to change, by how much it will."""

    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """Up with what is announced."""
        pending = view.raw("lever_pending")[:, LEVER_INDEX["liquidation_threshold"]]
        return self.strength * np.tanh(20.0 * np.abs(pending))


class Oscillator(Behaviour):
    """A sine of eight decisions that answers nothing."""

    remembers = {"time": 0.0}

    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """By the clock of its own decisions."""
        memory["time"][:] += 1.0
        return 0.6 * self.strength * np.sin(2.0 * np.pi * memory["time"] / 8.0)


class Still(Behaviour):
    """The defaults."""

    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """Nothing."""
        return np.zeros(len(view.obs))


class Wanderer(Behaviour):
    """x' = .8 x + noise, keyed by row and decision."""

    remembers = {"place": 0.0}

    def __init__(
        self, levers: Sequence[Lever], *, seed: int = 0, strength: float = 1.0, lever: str | None = None
    ) -> None:
        super().__init__(levers, seed=seed, strength=strength, lever=lever)
        self._noise = RowNoise(seed)

    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """One step of the walk."""
        memory["place"][:] = 0.8 * memory["place"] + 0.6 * (2.0 * self._noise.uniform(len(view.obs), 1)[:, 0] - 1.0)
        return self.strength * memory["place"]

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """At rest."""
        super().reset(rows, seeds)
        self._noise.reset(rows, seeds)

    def state_dict(self) -> dict[str, Any]:
        """Places, and the keys of the noise."""
        return {"memory": super().state_dict(), "noise": self._noise.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        super().load_state_dict(state["memory"])
        self._noise.load_state_dict(state["noise"])


class Weather(Behaviour):
    """Wide in high implied vol of the tape, which nobody here moves: a driver that both venues may have in common."""

    reads = ("implied_vol",)

    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """Up with the vol."""
        return self.strength * np.tanh(4.0 * (view.raw("implied_vol") - 0.7))
