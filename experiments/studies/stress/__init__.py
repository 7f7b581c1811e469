"""Stress: a grid of protocols on the same drawn futures, losses, and the minimum collateral that keeps it solvent."""

from protogov.experiments.studies.stress.study import STUDY

__all__ = ["STUDY"]
