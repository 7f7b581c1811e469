"""The tapes of a search that plays new tapes in every generation, and the other tapes on which its result is picked.

The result of a search on the same few tapes partly fits these tapes by luck: constants from 63 tapes were 2 bp worse on
new ones.
"""

from dataclasses import dataclass

from protogov.agents.tuning.evolution import Budget
from protogov.agents.tuning.strategy import StrategyBudget
from protogov.experiments.core.play import FIRST_SELECTION

STRIDE = 2**14  # tapes between the first ones of two searches: two searches never share a tape
FIRST_PICKING = FIRST_SELECTION + 2**22  # first tape on which winners are picked; no search reaches it
FIRST_VALIDATING = FIRST_SELECTION + 2**23  # first tape on which a training is stopped; nothing else plays these


@dataclass(frozen=True)
class Effort:
    """The size of a search.

    Attributes:
        generations: number of generations.
        population: candidates per generation, at least 4.
        tapes: new tapes per generation.
        sigma: first step size, in units of an action; of a strategy the distance of its pairs, in units of a parameter.
        rate: step of a strategy, in units of a parameter; CMA-ES finds its own.
    """

    generations: int
    population: int
    tapes: int
    sigma: float = 0.35
    rate: float = StrategyBudget.rate

    @property
    def distinct(self) -> int:
        """Number of tapes that a search sees."""
        return self.generations * self.tapes

    @property
    def episodes(self) -> int:
        """Number of episodes that a search plays."""
        return self.distinct * self.population

    @property
    def budget(self) -> Budget:
        """The same size as a budget of the search, which ends only with it."""
        return Budget(self.generations, self.population, self.sigma, plateau=None)

    @property
    def pairs(self) -> StrategyBudget:
        """The same size as a budget of the strategy of pairs."""
        return StrategyBudget(self.generations, self.population // 2, self.sigma, self.rate)


def search_tapes(number: int, effort: Effort) -> range:
    """Seeds of all tapes that search `number` sees, in order.

    Raises:
        ValueError: the search sees more tapes than there are before those of the next search or of picking.
    """
    first = FIRST_SELECTION + number * STRIDE
    if effort.distinct > STRIDE or first + STRIDE > FIRST_PICKING:
        raise ValueError(
            f"a search of seed {number} sees {effort.distinct} tapes; at most {STRIDE} tapes and seeds below "
            f"{(FIRST_PICKING - FIRST_SELECTION) // STRIDE} are accepted."
        )
    return range(first, first + effort.distinct)
