"""A margin engine beside today's rules: what each asks, and what happens where each is in force."""

from protogov.experiments.studies.margins.study import STUDY

__all__ = ["STUDY"]
