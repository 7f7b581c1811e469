"""Why gradients find little: what one decision's exploration brings, when, and how well learners are told of it."""

from protogov.experiments.studies.credit.study import STUDY

__all__ = ["STUDY"]
