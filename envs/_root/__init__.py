"""A reinforcement-learning gym for autonomous protocol governance.

One world holds a lending market with liquidations, an options market maker with margined short sellers, a spot pool and
an oracle, which share one price. Learning governors set its parameters. The parts:

- ``protogov.envs``: the world and its Gymnasium, PettingZoo and stable-baselines3 interfaces;
- ``protogov.agents``: baselines, learners and shared policies;
- ``protogov.experiments``: training, evaluation, reports, benchmarks and the command line.
"""

__version__ = "0.1.0"
