"""How a scalar function of the physics is compiled. All of them share the options of this file."""

from typing import Any

import numba
from numba import njit
from numba.core.types import unliteral

# "numpy": a division by zero then gives inf or nan, which the check of the books reports; an exception inside a kernel
# would end the run. No C code calls these functions, and without the C wrapper compilation takes a fifth less time.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}


def compiled(function: Any) -> Any:
    """`function`, compiled once for the types of its arguments. A constant argument counts as its plain type.

    numba gives a constant a type of its own: it would compile f(world, 0), f(world, 1) and f(world, i) separately.
    """
    dispatcher = njit(**OPTIONS)(function)
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        template = dispatcher.get_call_template

        def get_call_template(arguments: Any, named: Any) -> Any:
            return template(tuple(map(unliteral, arguments)), {name: unliteral(kind) for name, kind in named.items()})

        dispatcher.get_call_template = get_call_template
    return dispatcher


def uncompiled(function: Any) -> Any:
    """The Python function behind a compiled one; the function itself if jitting is off."""
    return getattr(function, "py_func", function)
