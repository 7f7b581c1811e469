"""Stress: a grid of protocols on the same drawn futures, its losses, and the least collateral that keeps it solvent."""

from protogov.experiments.studies.stress.study import STUDY

__all__ = ["STUDY"]
