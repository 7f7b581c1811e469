"""Phenomena of real markets that the world must show, each with its mechanism and the switch that removes it.

A phenomenon has a world, a quantity measured on one episode, and a named change of parameters that must make this
quantity vanish. Both worlds play the same seeds, tape and keyed noise, and differences are taken seed by seed.

To add one, write a file in this package with a `Phenomenon` (see `cascade.py`), and its name in `study.py`.
"""

from protogov.experiments.studies.phenomena.study import STUDY

__all__ = ["STUDY"]
