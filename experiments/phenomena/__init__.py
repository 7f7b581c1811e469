"""Phenomena of real markets that the world must show, each with its mechanism and the switch that removes it.

A phenomenon is a world, a quantity measured on one episode, and a named change of parameters under which that quantity
must vanish. Both worlds are played on the same seeds, tape and keyed noise, so that differences are taken seed by seed.

To add one: a file in this package with a :class:`Phenomenon` (see ``cascade.py``), and a line in ``register.py``.
"""

from protogov.experiments.phenomena.phenomenon import Change, Measure, Phenomenon, Sample
from protogov.experiments.phenomena.runner import Finding, run_phenomena

__all__ = ["Change", "Finding", "Measure", "Phenomenon", "Sample", "run_phenomena"]
