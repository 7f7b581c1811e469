"""Population hooks from the command line: a function in a Python file."""

from pathlib import Path
from runpy import run_path
from typing import cast

from protogov.envs.population_hook import PopulationHook
from protogov.experiments.errors import BadInput

NAME = "population_hook"  # of the function, where none is given


def hook_place(text: str) -> tuple[str, str]:
    """File and function of `FILE.py` or `FILE.py:NAME`."""
    file, _, name = text.rpartition(":")
    return (file, name or NAME) if file.endswith(".py") else (text, NAME)


def load_hook(place: str) -> PopulationHook:
    """The function that `FILE.py` or `FILE.py:NAME` names; the file is run.

    Raises:
        BadInput: there is no such file, it fails, or it holds no such function.
    """
    file, name = hook_place(place)
    if not Path(file).is_file():
        raise BadInput(f"population_hook is {place!r}, and {file}: there is no such file; FILE.py:NAME is accepted")
    try:
        found = run_path(file).get(name)
    except Exception as error:  # whatever a file of the user's may raise
        raise BadInput(f"{file}: cannot be run ({type(error).__name__}: {error})") from error
    if not callable(found):
        raise BadInput(f"{file}: holds no function {name!r}; population_hook is given as FILE.py:NAME")
    return cast(PopulationHook, found)
