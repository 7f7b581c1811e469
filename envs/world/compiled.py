"""How a scalar function of the physics is compiled. All of them share the options of this file."""

from functools import cache
from typing import Any

import numba
from numba import njit
from numba.core.types import unliteral

# "numpy": a division by zero then gives inf or nan, which the check of the books reports; an exception inside a kernel
# would end the run. No C code calls these functions, and without the C wrapper compilation takes a fifth less time.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}
NO_WRAPPER: dict[str, Any] = {"no_cpython_wrapper": True}  # a call from Python would then crash


def compiled(function: Any, **options: Any) -> Any:
    """`function`, compiled once for the types of its arguments. A constant argument counts as its plain type.

    numba gives a constant a type of its own: it would compile f(world, 0), f(world, 1) and f(world, i) separately.

    A function that Python calls needs a wrapper, which takes as long to compile as most of these functions. Compiled
    code therefore calls a version without one. It is made on the first such call; `called()` returns it.
    """
    dispatcher = njit(**OPTIONS, **options)(function)
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]

        @cache
        def called() -> Any:
            return njit(**OPTIONS, **options, **NO_WRAPPER)(function)

        def get_call_template(arguments: Any, named: Any) -> Any:
            plain = {name: unliteral(kind) for name, kind in named.items()}
            return called().get_call_template(tuple(map(unliteral, arguments)), plain)

        dispatcher.called = called
        dispatcher.get_call_template = get_call_template
        dispatcher.get_overload = lambda arguments: called().get_overload(arguments)
    return dispatcher


def copied(function: Any) -> Any:
    """`function`, compiled into each of its callers: for short work that is done very often."""
    return compiled(function, forceinline=True)


def inlined(function: Any) -> Any:
    """`function`, which has one caller and is compiled as a part of it.

    Every other function is optimised together with all that it calls, and again in each of its callers. Where calls are
    deepest this costs most, and gains nothing.
    """
    return njit(inline="always", **OPTIONS)(function)


def uncompiled(function: Any) -> Any:
    """The Python function behind a compiled one; the function itself if jitting is off."""
    return getattr(function, "py_func", function)
