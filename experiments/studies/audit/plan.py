"""What every measurement of the audit is given: sizes, a world, suites; and how its intervals are said."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from protogov.envs.config import WorldConfig
from protogov.experiments.core.fresh_tapes import Effort
from protogov.experiments.core.pieces import HERE, Running
from protogov.experiments.core.statistics import interval_in
from protogov.experiments.core.text import signed_span
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.audit.play import Govern, Play, Totals, play_all
from protogov.experiments.studies.audit.suites import SUITES

CLAIM_TAPES = 12288  # paired tapes where a sign is claimed
FIRST_TAPES = 2048  # of these, on which is seen whether there may be a sign
ROLES = ("rate", "risk", "spread")
_LEAST = {"num_seeds": 2, "search_seeds": 2, "pick_seeds": 2, "grid_seeds": 2, "claim_seeds": 2,
          "generations": 1, "population": 4, "points": 2}  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """Tapes and budgets; 0 is each measurement's own."""

    num_seeds: int = 0
    """Tapes on which is scored, of each suite (room: of each market; ensemble: of each member, all suites together);
    in optima, rivals and coupling those on which is seen whether a sign may be claimed."""
    search_seeds: int = 0
    """Tapes of each search: a generation's in tuned, optima and room, all of them in coupling and rivals."""
    pick_seeds: int = 0
    """Tapes on which what was searched is picked; worth: on which all points are played."""
    grid_seeds: int = 0
    """Tapes on which optima picks each lever's best action alone."""
    claim_seeds: int = 0
    """Paired tapes on which optima, rivals and coupling claim a sign."""
    generations: int = 0
    """Of each search; optima and room: also of those of tuned, which they take up."""
    population: int = 0
    """Candidates a generation, at least 4."""
    points: int = 0
    """Of each role in worth, a power of two."""

    @property
    def effort(self) -> Effort:
        """Of a search for constants."""
        return Effort(self.generations, self.population, self.search_seeds)

    def check(self) -> None:
        """Raises BadInput where a size is too small to measure anything."""
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value != 0 and value < least:
                raise BadInput(f"{name} is {value}; 0, or a whole number from {least}, is accepted")
        if self.points & (self.points - 1):
            raise BadInput(f"points is {self.points}; 0, or a power of two, is accepted")


@dataclass(frozen=True)
class Audit:
    """What is asked of every measurement.

    Attributes:
        config: the world, of one venue.
        suites: what is drawn from.
        asked: sizes other than a measurement's own.
        members: of the ensemble, all when empty.
        how: processes, and where finished pieces are kept.
    """

    config: WorldConfig
    suites: Sequence[str] = SUITES
    asked: Sizes = field(default_factory=Sizes)
    members: Sequence[str] = ()
    how: Running = HERE

    def sizes(self, own: Sizes) -> Sizes:
        """A measurement's own sizes, but for those that were asked for."""
        return replace(own, **{name: value for name, value in asdict(self.asked).items() if value})

    def play(self, asked: Mapping[str, Play | Govern], label: str) -> dict[str, Totals]:
        """See `play_all`."""
        return play_all(self.config, asked, self.how, label)


def span_of(row: Mapping[str, float], name: str) -> str:
    """An interval in words, of a row that holds its `interval_columns`."""
    return signed_span(interval_in(row, name))
