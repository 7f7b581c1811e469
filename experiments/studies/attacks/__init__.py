"""The cheapest attack on a protocol: the least capital for a stated profit, and who loses."""

from protogov.experiments.studies.attacks.study import STUDY

__all__ = ["STUDY"]
