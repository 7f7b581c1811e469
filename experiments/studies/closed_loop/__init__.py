"""Pricers in the loop: realised cash of the pools that they quote, greeks, and what attackers gain."""

from protogov.experiments.studies.closed_loop.study import STUDY

__all__ = ["STUDY"]
