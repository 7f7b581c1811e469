"""Leaderboard: every baseline on every scenario, on paired seeds, with hindsight-best constants as the ceiling."""
