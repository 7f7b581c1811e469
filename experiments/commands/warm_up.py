"""`protogov warm-up`: compile worlds and markets now; later starts do not wait."""

from dataclasses import dataclass
from time import perf_counter

from protogov.experiments.errors import BadInput, CheckFailed


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compile the worlds and the markets, and print how long each took.

    Every machine and version compiles once: one to three minutes for worlds of one venue, the same again for two. The
    result is kept in the folder that NUMBA_CACHE_DIR names, else in the folder of the sources, else in the user's cache
    folder. The exit code is 1 if it could not be kept.

    Example: protogov warm-up
    """

    venues: tuple[int, ...] = (1, 2)
    """Numbers of venues to compile for, 1 or 2."""


def run(options: Options, command: str) -> int:
    """Compile, or load compiled code, and print the seconds."""
    import numba
    import numpy as np

    from protogov.envs.compilation import Compiling
    from protogov.envs.config import WorldConfig
    from protogov.envs.scenarios import get_scenario, scenario_names
    from protogov.envs.simulator import Simulator
    from protogov.envs.world.kernels import KEPT, UNCACHED

    if not options.venues or any(venues not in (1, 2) for venues in options.venues):
        raise BadInput(f"venues are {options.venues}; 1, 2 or both are accepted")
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        print("Nothing to compile: NUMBA_DISABLE_JIT is set.")
        return 0
    for venues in dict.fromkeys(options.venues):
        began = perf_counter()
        seconds = Simulator(WorldConfig(venues=venues)).compile()
        print(_summary(f"worlds of {venues} venue{'s' * (venues - 1)}", seconds, perf_counter() - began), flush=True)
    began = perf_counter()
    with Compiling("compiling the markets (takes up to a minute)", "compiled the markets") as compiling:
        for name in scenario_names():
            get_scenario(name).draw(np.zeros(1, np.uint64), 24)
    print(_summary("markets", compiling.seconds, perf_counter() - began))
    if UNCACHED:
        raise CheckFailed(f"later starts must compile again: {UNCACHED[0]}; NUMBA_CACHE_DIR may name another folder")
    print(f"Compiled code: {', '.join(dict.fromkeys(str(kernel.stats.cache_path) for kernel in KEPT))}")
    return 0


def _summary(what: str, compiling: float, everything: float) -> str:
    """A sentence with the seconds of compiling or loading."""
    return f"{what}: compiled in {compiling:.0f} s." if compiling else f"{what}: ready, loaded in {everything:.1f} s."
