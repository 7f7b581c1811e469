"""Population hooks from the command line: a function in a Python file."""

from pathlib import Path
from runpy import run_path
from typing import cast

from protogov.envs.population_hook import PopulationHook
from protogov.experiments.errors import BadInput

NAME = "population_hook"  # default name of the function


def hook_place(text: str) -> tuple[str, str]:
    """File and function of `FILE.py` or `FILE.py:NAME`."""
    file, _, name = text.rpartition(":")
    return (file, name or NAME) if file.endswith(".py") else (text, NAME)


def load_hook(place: str) -> PopulationHook:
    """The function that `FILE.py` or `FILE.py:NAME` names; this runs the file.

    Raises:
        BadInput: the file does not exist, fails, or has no such function.
    """
    file, name = hook_place(place)
    if not Path(file).is_file():
        raise BadInput(f"population_hook is {place!r}, but there is no file {file}; FILE.py:NAME is accepted")
    try:
        found = run_path(file).get(name)
    except Exception as error:  # whatever a file of the user's may raise
        raise BadInput(f"{file}: cannot be run ({type(error).__name__}: {error})") from error
    if not callable(found):
        raise BadInput(f"{file}: holds no function {name!r}; FILE.py:NAME is accepted as population_hook")
    return cast(PopulationHook, found)
