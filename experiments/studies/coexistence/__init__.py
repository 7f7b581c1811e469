"""The study of coexistence: what independently trained governors do to each other and to their users."""

from protogov.experiments.studies.coexistence.study import STUDY

__all__ = ["STUDY"]
