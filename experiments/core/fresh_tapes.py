"""Which tapes a search sees that plays fresh ones in every generation, and on which others its result is picked.

What a search finds on the same few tapes is in part their luck: constants from 63 tapes were 2 bp worse on fresh ones.
"""

from dataclasses import dataclass

from protogov.agents.tuning.evolution import Budget
from protogov.experiments.core.play import FIRST_SELECTION

STRIDE = 2**14  # tapes between those of two searches: no two share any
FIRST_PICKING = FIRST_SELECTION + 2**22  # tapes from this one on pick winners; no search reaches them
FIRST_VALIDATING = FIRST_SELECTION + 2**23  # tapes from this one on stop trainings; nothing else plays them


@dataclass(frozen=True)
class Effort:
    """What a search spends.

    Attributes:
        generations: of the search.
        population: candidates a generation, at least 4.
        tapes: fresh ones a generation.
        sigma: first step, in actions.
    """

    generations: int
    population: int
    tapes: int
    sigma: float = 0.35

    @property
    def distinct(self) -> int:
        """Tapes that a search sees."""
        return self.generations * self.tapes

    @property
    def episodes(self) -> int:
        """Episodes that a search plays."""
        return self.distinct * self.population

    @property
    def budget(self) -> Budget:
        """The same for the search itself, which nothing else ends."""
        return Budget(self.generations, self.population, self.sigma, plateau=None)


def search_tapes(number: int, effort: Effort) -> range:
    """Seeds of all tapes that search `number` sees, in their order.

    Raises:
        ValueError: the search sees more tapes than there are before those of the next one or of picking.
    """
    first = FIRST_SELECTION + number * STRIDE
    if effort.distinct > STRIDE or first + STRIDE > FIRST_PICKING:
        raise ValueError(
            f"a search of seed {number} sees {effort.distinct} tapes; at most {STRIDE} tapes and seeds below "
            f"{(FIRST_PICKING - FIRST_SELECTION) // STRIDE} are accepted."
        )
    return range(first, first + effort.distinct)
