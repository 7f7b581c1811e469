"""Options of commands that play files of candles, and their sentences about such files."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from protogov.experiments.core.options import Named
from protogov.experiments.errors import BadInput

if TYPE_CHECKING:  # --help answers without worlds
    from protogov.envs.scenarios import Scenario


@dataclass(frozen=True, kw_only=True)
class CandleWindow:
    """Which hours of files of candles are played."""

    begin: Annotated[str | None, Named("--from", instead=True)] = None
    """For files of candles: no episode begins before this time, for example 2022-05-01 or 2022-05-01T12:00, UTC."""
    end: Annotated[str | None, Named("--to", instead=True)] = None
    """For files of candles: no episode ends after this time."""

    @property
    def given(self) -> dict[str, str]:
        """Option -> time, for those that were given."""
        return {name: time for name, time in (("from", self.begin), ("to", self.end)) if time is not None}

    def check(self) -> None:
        """Raise BadInput unless both are times, in this order."""
        from protogov.envs.scenarios.candle_times import parse_iso

        seconds = []
        for option, time in self.given.items():
            try:
                seconds.append(parse_iso(time))
            except ValueError:
                raise BadInput(
                    f"--{option} is {time!r}; a time such as 2022-05-01 or 2022-05-01T12:00 is accepted"
                ) from None
        if len(seconds) == 2 and seconds[0] >= seconds[1]:
            raise BadInput(f"--from is {self.begin!r} and --to is {self.end!r}; a time before that of --to is accepted")

    def check_used(self, scenarios: "Iterable[Scenario]") -> None:
        """Raise BadInput if a time is given and no scenario is a file of candles."""
        from protogov.envs.scenarios import Replay

        if not any(isinstance(leaf, Replay) for one in scenarios for leaf in one.leaves):
            for option in self.given:
                raise BadInput(f"--{option} is given, but no scenario is a file of candles; only these have dates")


def candle_report(scenarios: "Iterable[Scenario]", episode_hours: int) -> list[str]:
    """For each file of candles: its content, possible openings of episodes, and what reading it changed or assumed."""
    from protogov.envs.scenarios import Replay

    leaves = (leaf for scenario in scenarios for leaf in scenario.leaves if isinstance(leaf, Replay))
    lines = []
    for replay in dict.fromkeys(leaves):
        openings = replay.openings(episode_hours).size
        lines.append(f"{replay.name}: {replay.about}; {openings} can open an episode of {episode_hours} hours.")
        lines += [f"{replay.name}: {line}" for line in replay.report or ("Nothing had to be cleaned.",)]
    return lines
