"""What a governor of ten lines does to others: influence by forks, with controls that could take the claim away."""

import numpy as np

from protogov.envs import Simulator, WorldConfig
from protogov.experiments.studies.emergence import controls
from protogov.experiments.studies.emergence.forks import Plan
from protogov.experiments.studies.emergence.influence import Influence
from protogov.experiments.studies.emergence.measure import withhold


class Nervous:
    """Raises its lever as the price falls; remembers nothing."""

    def reset(self, rows, seeds):
        """Nothing to forget."""

    def act(self, view):
        """One lever, in every world."""
        return np.tanh(-5.0 * view.raw("drawdown_week"))[:, None]

    def state_dict(self):
        """Nothing."""
        return {}

    def load_state_dict(self, state):
        """Nothing."""


plan = Plan(seeds=np.arange(10, dtype=np.uint64), times=(8,), steps=4)  # here a tape is a unit of inference
world = Simulator(WorldConfig(size="core", autonomy=float("inf")), num_worlds=10, scenario="jump")
governors = {agent: Nervous() for agent in world.agents}
measure = Influence(windows=((1, 4),), agents=("rate_0",))
sample = measure.extract(world, governors, plan)
findings = withhold(measure.reduce(sample), [controls.placebo(world, governors, plan), controls.replay(sample)])
for finding in findings:
    print(f"{finding.name}: {finding.value:+.2g}, p {finding.adjusted_p:.3f}: {finding.verdict}")
