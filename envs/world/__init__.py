"""Physics: plain scalar functions under numba on one state record. Imports numpy and numba alone.

Start with :mod:`protogov.envs.world.step`, which is the order of a sub-step; `state.py` holds every field once.
"""
