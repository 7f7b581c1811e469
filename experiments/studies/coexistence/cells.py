"""The cells: cooperation x venues x autonomy x algorithm, with their registered sizes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from protogov.envs.config import WorldConfig
from protogov.experiments.errors import BadInput

PPO: Final = "ppo"
EVOLUTION: Final = "evolution"
ALGORITHMS = (PPO, EVOLUTION)
HEADLINE_AUTONOMY = 72.0
SEEDS, HOURS = 12, 1e7  # of a headline cell
FEWER, SHORTER = 3, 4  # a cell of another autonomy has a third of the seeds and a quarter of the hours
SEEDS_TOGETHER = 4  # that are trained and stored together; a machine that ends loses those that it has begun
RANDOMISE_LEVERS = 0.25  # as `protogov train` does
GROUPS = ("headline", "autonomy", "all")


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        algorithm: "ppo", or "evolution", where every governor climbs its own reward by pairs.
        cooperation: weight of welfare in rewards.
        venues: 1, or 2 for rivals.
        autonomy: by which delays and notices are divided.
    """

    algorithm: str
    cooperation: float
    venues: int
    autonomy: float

    @property
    def name(self) -> str:
        """For files, folders and `--cells`."""
        return f"{self.algorithm}-{self.setting}"

    @property
    def setting(self) -> str:
        """All but the algorithm: what two algorithms have in common."""
        return f"c{self.cooperation:g}-v{self.venues}-a{self.autonomy:g}"

    @property
    def headline(self) -> bool:
        """Whether it has the full seeds and hours, and everything is measured of it."""
        return self.autonomy == HEADLINE_AUTONOMY

    @property
    def words(self) -> str:
        """The setting for people."""
        pay = {0.0: "own mandates", 1.0: "all paid welfare"}.get(self.cooperation, f"cooperation {self.cooperation:g}")
        where = "one venue" if self.venues == 1 else "two rival venues"
        return f"{where}, {pay}" + ("" if self.headline else f", autonomy {self.autonomy:g}")

    def seeds(self, headline: int) -> tuple[int, ...]:
        """Training seeds where a headline cell has so many."""
        return tuple(range(headline if self.headline else max(1, headline // FEWER)))

    def parts(self, headline: int) -> list[tuple[int, ...]]:
        """The training seeds, as many at a time as are stored together."""
        seeds = self.seeds(headline)
        return [seeds[at : at + SEEDS_TOGETHER] for at in range(0, len(seeds), SEEDS_TOGETHER)]

    def hours(self, headline: float) -> float:
        """Market hours a seed where a headline cell has so many."""
        return headline if self.headline else headline / SHORTER

    def world(self, size: str) -> WorldConfig:
        """The world in which its governors are measured."""
        return WorldConfig(size=size, venues=self.venues, autonomy=self.autonomy, cooperation=self.cooperation)

    def learning_world(self, size: str) -> WorldConfig:
        """The world in which they learn by gradient: levers spread, worlds staggered."""
        return replace(self.world(size), randomise_levers=RANDOMISE_LEVERS, stagger=True)


def _cells() -> tuple[Cell, ...]:
    return tuple(
        Cell(algorithm, cooperation, venues, autonomy)
        for autonomy in (HEADLINE_AUTONOMY, 12.0, inf)
        for venues in (1, 2) for cooperation in (0.0, 1.0) for algorithm in ALGORITHMS
    )  # fmt: skip


CELLS = _cells()


def find_cells(names: Sequence[str]) -> list[Cell]:
    """Cells by name, or by "headline", "autonomy" (the others) and "all", in the order of the table.

    Raises:
        BadInput: an unknown name, or none.
    """
    known = {one.name: one for one in CELLS}
    for name in names:
        if name not in known and name not in GROUPS:
            raise BadInput(f"cells holds {name!r}; {', '.join(GROUPS)} and {', '.join(known)} are accepted")
    if not names:
        raise BadInput(f"cells is empty; some of {', '.join(GROUPS)} and {', '.join(known)} are accepted")
    return [
        one for one in CELLS
        if {one.name, "all", "headline" if one.headline else "autonomy"} & set(names)
    ]  # fmt: skip
