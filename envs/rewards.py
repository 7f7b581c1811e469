"""A user's own reward: a function of a step in plain numpy, its importable name, and checks of its result."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

# (step, agent) -> F32[n]; the step is `protogov.envs.interfaces.Step`, whose `rewards` are those of the mandates
RewardFunction = Callable[[Any, str], Any]


class RewardError(ValueError):
    """A reward function returned an invalid result; the message names agent and shape, or the value."""


def find_reward(given: Any) -> RewardFunction | None:
    """The function `given`, or the function named by a text "package.module:function"; None for None.

    Raises:
        ValueError: it cannot be imported, or is not a function.
    """
    if given is None or (callable(given) and not isinstance(given, str)):
        return given
    wanted = "a function of (step, agent), or its name as 'package.module:function'"
    if not isinstance(given, str) or ":" not in given:
        raise ValueError(f"reward_fn = {given!r} must be {wanted}.")
    module, _, path = given.partition(":")
    try:
        found: Any = import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"reward_fn = {given!r} cannot be imported ({error}).") from None
    if not callable(found):
        raise ValueError(f"reward_fn = {given!r} must be {wanted}, but it is {found!r}.")
    return found


def reward_name(function: RewardFunction) -> str:
    """The name by which `find_reward` finds a function in any process.

    Raises:
        ValueError: it has none because it was defined inside a function, a script or a notebook.
    """
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if module and path and module != "__main__" and "<" not in path:
        name = f"{module}:{path}"
        try:
            if find_reward(name) is function:
                return name
        except ValueError:
            pass
    raise ValueError(
        f"reward_fn = {function!r} has no name that another process could import, so the configuration cannot be "
        "written; put the function at the top level of a module."
    )


def checked_reward(given: Any, agent: str, num_worlds: int) -> NDArray[np.float64]:
    """The result of a reward function as a fresh float64 [n].

    Raises:
        RewardError: another shape, something other than numbers, or a value that is not finite.
    """
    expected = f"expected numbers of shape ({num_worlds},)"
    try:
        rewards = np.array(given, np.float64)
    except (TypeError, ValueError):
        raise RewardError(f"reward_fn returned {given!r} for agent {agent}, {expected}.") from None
    if rewards.shape != (num_worlds,):
        raise RewardError(f"reward_fn returned shape {rewards.shape} for agent {agent}, {expected}.")
    if not np.isfinite(rewards).all():
        row = int(np.flatnonzero(~np.isfinite(rewards))[0])
        raise RewardError(
            f"reward_fn returned {rewards[row]} for agent {agent} in world {row}, finite numbers are accepted."
        )
    return rewards
