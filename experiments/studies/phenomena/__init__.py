"""Phenomena of real markets that the world must show, each with its mechanism and the switch that removes it.

A phenomenon is a world, a quantity measured on one episode, and a named change of parameters under which that quantity
must vanish. Both worlds are played on the same seeds, tape and keyed noise, so that differences are taken seed by seed.

To add one: a file in this package with a `Phenomenon` (see `cascade.py`), and its name in `study.py`.
"""

from protogov.experiments.studies.phenomena.study import STUDY

__all__ = ["STUDY"]
