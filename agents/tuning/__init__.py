"""Tuning by evolution: what constants or a linear rule can reach with hindsight and a budget that is reported."""

from protogov.agents.tuning.evolution import Budget, Tuning, tune
from protogov.agents.tuning.objective import Constants, Episodes, Linear, Tapes, open_tapes

__all__ = ["Budget", "Constants", "Episodes", "Linear", "Tapes", "Tuning", "open_tapes", "tune"]
