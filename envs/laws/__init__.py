"""The laws of markets: what the log return over the next hours truly is like, where that is known.

    law = known_law(get_scenario("heston"), marks, hours)  # a law for each row: of its variance now, over its hours
    law.cdf(returns), law.quantile(levels), law.crps(returns)

For `gbm`, `merton` and `heston` they come from characteristic functions; for any market that can be resumed, from
futures of one state (:func:`future_law`).
"""

from protogov.envs.laws.grid_law import GridLaw, invert
from protogov.envs.laws.known import future_law, known_law, known_names
from protogov.envs.laws.sample_law import SampleLaw

__all__ = ["GridLaw", "SampleLaw", "future_law", "invert", "known_law", "known_names"]
