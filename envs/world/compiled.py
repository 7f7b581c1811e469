"""How a scalar function of the physics is compiled: one place for the options that all of them share."""

from typing import Any

import numba
from numba import njit
from numba.core.types import unliteral

# "numpy": a division by zero gives inf or nan, which the books' check reports, instead of an exception inside a kernel;
# nobody calls from C, and without a wrapper for it a function is compiled a fifth faster
OPTIONS: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}


def compiled(function: Any) -> Any:
    """`function`, compiled once for the types of its arguments, whether they are constants where it is called or not.

    numba takes a constant for a type of its own: it would compile f(world, 0), f(world, 1) and f(world, i) apart.
    """
    dispatcher = njit(**OPTIONS)(function)
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        template = dispatcher.get_call_template

        def get_call_template(arguments: Any, named: Any) -> Any:
            return template(tuple(map(unliteral, arguments)), {name: unliteral(kind) for name, kind in named.items()})

        dispatcher.get_call_template = get_call_template
    return dispatcher


def uncompiled(function: Any) -> Any:
    """The Python function behind a compiled one; the function itself where jitting is off."""
    return getattr(function, "py_func", function)
