"""Physics: scalar functions, compiled by numba, that act on one state record. Imports only numpy and numba.

Start with :mod:`protogov.envs.world.step`: it lists the order of a sub-step. `state.py` describes every field.
"""
