"""Find a scenario by what a user writes: a registered name, names joined by `+`, or a path to candles."""

from pathlib import Path

from protogov.envs.scenarios.base import CANDLE_SUFFIXES, Scenario, overlay_names, registered, scenario_names
from protogov.envs.scenarios.replay import Replay


def get_scenario(scenario: str | Path | Scenario) -> Scenario:
    """Find a scenario.

    Args:
        scenario: a registered name; several joined by `+`; a path to candles (.csv, .csv.gz or .parquet), which gives a
            :class:`~protogov.envs.scenarios.replay.Replay`; or a Scenario, returned as it is.

    Raises:
        ValueError: for an unknown name; the message lists the known ones.
        CandleError: for a file of candles that cannot be replayed.
        SealedError: for a scenario of the sealed test, as long as nobody has opened it; a ValueError.
    """
    if isinstance(scenario, Scenario):
        return scenario
    if not isinstance(scenario, str | Path):
        raise ValueError(f"scenario is {scenario!r}; it must be a name, a path or a Scenario.")
    found = registered(str(scenario))
    if found is not None:
        found.check_open()
        return found
    if str(scenario).lower().endswith(CANDLE_SUFFIXES):
        return Replay(scenario)
    if "+" in str(scenario):
        first, *rest = (get_scenario(part.strip()) for part in str(scenario).split("+"))
        for part in rest:
            first = first + part
        return first
    raise ValueError(
        f"scenario {str(scenario)!r} is not known; known are {', '.join(scenario_names())}; "
        f"with '+' also {', '.join(overlay_names())}; or a path to candles ({' or '.join(CANDLE_SUFFIXES)})."
    )
