"""How a scalar function of the physics is compiled: one place for the options that all of them share."""

from typing import Any

from numba import njit

# "numpy": a division by zero gives inf or nan, which the books' check reports, instead of an exception inside a kernel
OPTIONS: dict[str, Any] = {"error_model": "numpy"}

compiled = njit(**OPTIONS)


def uncompiled(function: Any) -> Any:
    """The Python function behind a compiled one; the function itself where jitting is off."""
    return getattr(function, "py_func", function)
