"""What the reference learner reaches on every Gymnasium id: a curve a seed, beside the defaults on the same tapes."""

from protogov.experiments.studies.references.study import STUDY

__all__ = ["STUDY"]
