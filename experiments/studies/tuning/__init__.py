"""Tuning: what constants and a linear rule can gain, market by market, and what that costs in market hours."""

from protogov.experiments.studies.tuning.study import STUDY, Options

__all__ = ["STUDY", "Options"]
