"""Learning: whether governors that learn beat honest opponents, in stages, as registered beforehand."""

from protogov.experiments.studies.learning.study import STUDY, Options

__all__ = ["STUDY", "Options"]
