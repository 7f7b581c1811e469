"""What knows governors and pricers by name: the entry points of an environment, `protogov.agents` among them.

This package imports no agents. Every process in an environment with protogov therefore knows the names, and a plugin
can add its own.
"""

from functools import cache
from importlib.metadata import entry_points

GROUP = "protogov.governors"


@cache
def load_entry_points() -> None:
    """Import them, once a process."""
    for point in sorted(entry_points(group=GROUP)):
        point.load()
