"""`protogov features`: every number that the governor of a Gymnasium id sees."""

from dataclasses import asdict, dataclass
from typing import Annotated

from protogov.experiments.core.options import Positional
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.outputs import OutputFile


@dataclass(frozen=True, kw_only=True)
class Options:
    """List the numbers of an observation: index, name, group, unit, and the range before clipping.

    ID is a Gymnasium id of protogov, or "protogov/Core-v0" for every id of that size; without an ID the command lists
    the ids. An observation is normalised, stateless and within +-10: low and high are the physical values at which it
    reaches these ends. The table is generated from the tables that the world uses. In Python it is
    `env.unwrapped.feature_table`.

    Example: protogov features protogov/Rates-v0
    """

    id: Annotated[str, Positional("ID")] = ""
    """Gymnasium id of the environment."""
    observe: tuple[str, ...] = ("chain", "feeds")
    """Groups of features that governors see: chain, feeds, surface, accounts."""
    privileged: bool = False
    """Governors also see what only the simulator knows."""
    out: OutputFile | None = None
    """Also write the table to this file, .csv or .parquet; for a size, a column "id" is added."""


def run(options: Options, command: str) -> int:
    """Print the table of one id, or the list of ids."""
    import gymnasium as gym
    import numpy as np

    from protogov.envs import SIZES, register_all
    from protogov.experiments.core.tables import columns, write_table

    register_all()
    known = [name for name in gym.registry if name.startswith("protogov/")]
    if not options.id:
        print("\n".join(known))
        return 0
    sizes = {f"protogov/{size.prefix}-v0": size.prefix for size in SIZES.values() if size.prefix}
    if options.id not in (*known, *sizes):
        raise BadInput(f"id is {options.id!r}; known are {', '.join((*known, *sizes))}")
    if options.out is not None and options.out.suffix not in (".csv", ".parquet"):
        raise BadInput(f"out is {options.out}; a file that ends in .csv or .parquet is accepted")
    prefix = sizes.get(options.id)
    names = [options.id] if prefix is None else [name for name in known if name.startswith(f"protogov/{prefix}")]
    rows = []
    for name in names:
        with as_bad_input():
            env = gym.make(name, observe=options.observe, privileged=options.privileged, disable_env_checker=True)
        table = env.unwrapped.feature_table  # type: ignore[attr-defined]
        print(table if prefix is None else f"{name}\n{table}\n")
        rows += [asdict(row) if prefix is None else {"id": name, **asdict(row)} for row in table]
    if options.out is not None:
        print(write_table(options.out, {name: np.asarray(column) for name, column in columns(rows).items()}))
    return 0
