"""Option pricers: predictive distributions of the return to each expiry, scored against opponents and the truth."""

from protogov.experiments.studies.pricing.study import STUDY, Options

__all__ = ["STUDY", "Options"]
