"""Tuning of governors without gradients: CMA-ES on the results of episodes, all candidates on the same tapes."""

from protogov.agents.tuning.controllers import Controllers
from protogov.agents.tuning.evolution import Budget, Way, evolve
from protogov.agents.tuning.objective import Constants, Episodes, Family, Linear, Tapes, open_tapes

__all__ = ["Budget", "Constants", "Controllers", "Episodes", "Family", "Linear", "Tapes", "Way", "evolve", "open_tapes"]
