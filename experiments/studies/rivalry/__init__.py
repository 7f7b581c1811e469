"""Two rival venues: what pairs of constants pay, races to the bottom, anarchy, runs, learners beside Nash and joint."""

from protogov.experiments.studies.rivalry.study import STUDY

__all__ = ["STUDY"]
