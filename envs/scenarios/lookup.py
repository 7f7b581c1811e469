"""Find a scenario by the user's text: a registered name, names joined by `+`, or a path to candles."""

import os
from pathlib import Path

from protogov.envs.scenarios.base import CANDLE_SUFFIXES, Scenario, overlay_names, registered, scenario_names
from protogov.envs.scenarios.mixture import Mixture
from protogov.envs.scenarios.replay import Replay

WITHOUT = "-without-"  # mix-without-jump: the mixture, less one of its parts


def get_scenario(scenario: str | Path | Scenario, *, begin: str | None = None, end: str | None = None) -> Scenario:
    """Find a scenario.

    Args:
        scenario: a registered name; several joined by `+`; `mix-without-PART`, a registered mixture without one of its
            parts; a path to candles (.csv, .csv.gz or .parquet), which gives a
            :class:`~protogov.envs.scenarios.replay.Replay`; or a Scenario, which is returned unchanged.
        begin: for a path to candles: ISO-8601 time before which no episode starts. Other scenarios have no dates.
        end: for a path to candles: ISO-8601 time after which no episode ends.

    Raises:
        ValueError: the name is unknown; the message lists the known ones.
        CandleError: the file of candles cannot be replayed.
        SealedError: the scenario belongs to the sealed test, which is not opened. It is a ValueError.
    """
    if isinstance(scenario, Scenario):
        return scenario
    if not isinstance(scenario, str | Path):
        raise ValueError(f"scenario is {scenario!r}; it must be a name, a path or a Scenario.")
    found = registered(str(scenario))
    if found is not None:
        found.check_open()
        return found
    if os.path.exists(scenario) or str(scenario).lower().endswith(CANDLE_SUFFIXES):
        return Replay(scenario, begin=begin, end=end)
    if "+" in str(scenario):
        first, *rest = (get_scenario(part.strip(), begin=begin, end=end) for part in str(scenario).split("+"))
        for part in rest:
            first = first + part
        return first
    name, without, left_out = str(scenario).partition(WITHOUT)
    if without and isinstance(whole := registered(name), Mixture):
        return whole.without(left_out)
    raise ValueError(
        f"scenario {str(scenario)!r} is not known; known are {', '.join(scenario_names())}; "
        f"with '+' also {', '.join(overlay_names())}; or a path to candles ({', '.join(CANDLE_SUFFIXES)})."
    )
