"""Frozen parameter sets that check their own ranges and are passed to compiled code as a record."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from math import isfinite
from typing import Any, ClassVar

import numpy as np


def bounded(default: float, low: float, high: float) -> Any:
    """A dataclass field with a `default` whose value must lie in [low, high]; typed Any, like `dataclasses.field`."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class ProcessParameters:
    """Base class of parameter sets whose fields are all floats made by :func:`bounded`.

    `ordered` of a subclass lists pairs of fields. The first of a pair must not exceed the second.

    Raises:
        ValueError: at construction, if a value is not a number, out of range or out of order. It names the field.
    """

    ordered: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __post_init__(self) -> None:
        for item in fields(self):
            value, low, high = getattr(self, item.name), item.metadata["low"], item.metadata["high"]
            # not (low <= value) instead of value < low: this also refuses NaN
            if not isinstance(value, int | float) or not isfinite(value) or not low <= value <= high:
                raise ValueError(f"{type(self).__name__}.{item.name} is {value!r}; it must lie in [{low:g}, {high:g}].")
        for low_name, high_name in self.ordered:
            low, high = getattr(self, low_name), getattr(self, high_name)
            if low > high:
                raise ValueError(
                    f"{type(self).__name__}.{low_name} is {low:g}; it must not exceed {high_name}, which is {high:g}."
                )

    def as_record(self) -> np.recarray:
        """The values as a float64 recarray of shape (1,), made once. Attribute access works with jitting on and off."""
        return self._record

    @cached_property
    def _record(self) -> np.recarray:
        dtype = np.dtype([(item.name, "f8") for item in fields(self)])
        record = np.recarray(1, dtype=dtype)
        for item in fields(self):
            record[item.name] = getattr(self, item.name)
        return record
