"""Population hooks from the command line: a function in a Python file."""

from pathlib import Path
from typing import cast

from protogov.envs.population_hook import PopulationHook
from protogov.experiments.core.user_code import load_callable, place_of

NAME = "population_hook"  # of the option, and of the function where only a file is given


def hook_file(text: str) -> Path:
    """The file of `FILE.py` or `FILE.py:NAME`."""
    return Path(place_of(text, NAME)[0])


def load_hook(text: str) -> PopulationHook:
    """The function that `FILE.py` or `FILE.py:NAME` names; this runs the file.

    Raises:
        BadInput: the file does not exist, fails, or has no such function.
    """
    return cast(PopulationHook, load_callable(text, NAME, NAME))
