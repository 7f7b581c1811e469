"""Leaderboard: every baseline on every scenario, on paired seeds, with hindsight-best constants as the ceiling."""

from protogov.experiments.studies.leaderboard.study import STUDY

__all__ = ["STUDY"]
