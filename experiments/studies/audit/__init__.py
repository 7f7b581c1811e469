"""What governors can do in this world, measured: cheaters, tuned constants, optima, room to adapt, rivals."""

from protogov.experiments.studies.audit.study import STUDY

__all__ = ["STUDY"]
