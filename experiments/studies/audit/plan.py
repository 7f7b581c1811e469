"""The input of every measurement of the audit: sizes, a world, suites; and its intervals in words."""

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
FIRST_TAPES = 2048  # tapes of the first stage, which suggest a sign or not
ROLES = ("rate", "risk", "spread")
_LEAST = {"num_seeds": 2, "search_seeds": 2, "pick_seeds": 2, "grid_seeds": 2, "claim_seeds": 2,
          "generations": 1, "population": 4, "points": 2}  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """Tapes and budgets; 0 means each measurement's own default."""

    num_seeds: int = 0
    """Tapes of scoring per suite (room: per market; ensemble: per member, all suites together); in optima, rivals and
    coupling the tapes of the first stage, which suggest a sign or not."""
    search_seeds: int = 0
    """Tapes of each search: per generation in tuned, optima and room, in total in coupling and rivals."""
    pick_seeds: int = 0
    """Tapes on which results of searches are picked; in worth, tapes on which all points are played."""
    grid_seeds: int = 0
    """Tapes on which optima picks each lever's best action alone."""
    claim_seeds: int = 0
    """Paired tapes on which optima, rivals and coupling claim a sign."""
    generations: int = 0
    """Generations of each search; in optima and room also of the searches of tuned, which they reuse."""
    population: int = 0
    """Candidates per generation, at least 4."""
    points: int = 0
    """Points of each role in worth, a power of two."""

    @property
    def effort(self) -> Effort:
        """Effort of a search for constants."""
        return Effort(self.generations, self.population, self.search_seeds)

    def check(self) -> None:
        """Raise BadInput for a size that is too small to measure anything."""
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value != 0 and value < least:
                raise BadInput(f"{name} is {value}; 0, or a whole number from {least}, is accepted")
        if self.points & (self.points - 1):
            raise BadInput(f"points is {self.points}; 0, or a power of two, is accepted")


@dataclass(frozen=True)
class Audit:
    """The input of every measurement.

    Attributes:
        config: the world, of one venue.
        suites: sources of the tapes.
        asked: sizes that replace a measurement's own.
        members: of the ensemble; empty means all.
        how: processes, and the folder of finished pieces.
    """

    config: WorldConfig
    suites: Sequence[str] = SUITES
    asked: Sizes = field(default_factory=Sizes)
    members: Sequence[str] = ()
    how: Running = HERE

    def sizes(self, own: Sizes) -> Sizes:
        """A measurement's own sizes, replaced by those that were asked for."""
        return replace(own, **{name: value for name, value in asdict(self.asked).items() if value})

    def play(self, asked: Mapping[str, Play | Govern], label: str) -> dict[str, Totals]:
        """See `play_all`."""
        return play_all(self.config, asked, self.how, label)


def span_of(row: Mapping[str, float], name: str) -> str:
    """An interval in words, of a row that holds its `interval_columns`."""
    return signed_span(interval_in(row, name))
