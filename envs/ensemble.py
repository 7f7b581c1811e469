"""An ensemble of worlds: sets of parameters inside all bands of the calibration, each playable by name.

`ensemble.json` in this folder holds the fields in which members differ, each with its range and the range's source, and
the members, "w01", "w02" and so on. `protogov study ensemble` writes it. All other parameters have the same value in
every member.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.noise import Purpose, uniform
from protogov.envs.world.parameters import Parameters

ENSEMBLE_FILE = Path(__file__).with_name("ensemble.json")
EVERY_MEMBER = "ensemble"  # this name means: each episode draws a member
_SPECS = {spec.name: spec for spec in fields(Parameters)}


class EnsembleError(ValueError):
    """An invalid file of an ensemble, or the name of an unknown member."""


@dataclass(frozen=True)
class Range:
    """The range of one parameter.

    Attributes:
        low, high: closed range, in the parameter's unit.
        log: drawn evenly in the logarithm.
        source: source of the range, in words.
    """

    low: float
    high: float
    log: bool
    source: str


@dataclass(frozen=True)
class Ensemble:
    """Worlds by name.

    Attributes:
        ranges: parameter -> range, in the order of the file.
        members: name -> parameter -> value.
    """

    ranges: Mapping[str, Range]
    members: Mapping[str, Mapping[str, float]]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the members, in the order of the file."""
        return tuple(self.members)

    def table(self) -> NDArray[np.float64]:
        """Values of all members, F64[members, fields], in the order of `members` and `ranges`."""
        return np.array([[values[name] for name in self.ranges] for values in self.members.values()])

    def to_dict(self) -> dict[str, Any]:
        """The content of the file."""
        ranges = {
            name: {"low": one.low, "high": one.high, "log": one.log, "source": one.source}
            for name, one in self.ranges.items()
        }
        return {"ranges": ranges, "members": {name: dict(values) for name, values in self.members.items()}}


def whole(name: str) -> bool:
    """Whether a parameter takes only whole numbers."""
    return _SPECS[name].type in (int, "int")


def read_ensemble(path: Path = ENSEMBLE_FILE) -> Ensemble:
    """The ensemble in a file.

    Raises:
        EnsembleError: the file is missing or has another form, a field is not a parameter, or a member lacks a field,
            has an additional one, or has a value outside its range.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        ranges = {name: Range(**one) for name, one in data["ranges"].items()}
        members = {str(name): dict(values) for name, values in data["members"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EnsembleError(f"{path}: cannot be read as an ensemble ({error!r}).") from None
    if not members:
        raise EnsembleError(f"{path}: holds no member; at least one is needed.")
    for name, one in ranges.items():
        if name not in _SPECS:
            raise EnsembleError(f"{path}: ranges names {name!r}, which is not a parameter of a world.")
        if not (isfinite(one.low) and isfinite(one.high) and one.low <= one.high and (one.low > 0.0 or not one.log)):
            raise EnsembleError(
                f"{path}: the range of {name} is {one.low!r} to {one.high!r}; two numbers in order are accepted, "
                "above 0 where it is logarithmic."
            )
    for member, values in members.items():
        _check_member(path, member, values, ranges)
    return Ensemble(ranges, members)


def _check_member(path: Path, member: str, values: Mapping[str, Any], ranges: Mapping[str, Range]) -> None:
    if member in ("", EVERY_MEMBER):
        raise EnsembleError(f"{path}: a member is named {member!r}, which has a meaning of its own.")
    for name in {**ranges, **values}:
        if name not in values or name not in ranges:
            problem = "lacks" if name not in values else "has a value for"
            raise EnsembleError(
                f"{path}: member {member!r} {problem} {name!r}; members have exactly the fields of ranges."
            )
        value, one = values[name], ranges[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not one.low <= value <= one.high:
            raise EnsembleError(
                f"{path}: {name} of member {member!r} is {value!r}; a number between {one.low:g} and {one.high:g} is "
                "accepted."
            )
    try:
        Parameters(**values)
    except ValueError as error:
        raise EnsembleError(f"{path}: member {member!r} is not a valid world ({error})") from None


@cache
def shipped_ensemble() -> Ensemble:
    """The ensemble of this package.

    Raises:
        EnsembleError: see `read_ensemble`.
    """
    return read_ensemble()


def check_member(name: str) -> None:
    """Raise EnsembleError unless `name` is "", "ensemble" or a member of the shipped ensemble."""
    if name in ("", EVERY_MEMBER):
        return
    if name not in shipped_ensemble().names:
        known = ", ".join(shipped_ensemble().names)
        raise EnsembleError(
            f"member = {name!r} must be '' for the parameters as given, {EVERY_MEMBER!r} for one drawn each episode, "
            f"or one of {known}."
        )


def members_drawn(keys: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """Number of the member, below `count`, of each episode, I64[n]; a function of the episode's key only."""
    with np.errstate(over="ignore"):  # the keyed noise wraps around
        draws = [uniform(np.uint64(one), 0, 0, 0, Purpose.MEMBER) for one in keys]
    return np.array([int(draw * count) for draw in draws], np.int64)
