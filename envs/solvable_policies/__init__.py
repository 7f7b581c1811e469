"""Solvable worlds whose best governor is a policy: what it sees tells it what to do, and no constant is near it.

    switching   the world `rate` of `solvable.py`: demand D0 (1 - r / z) at r = R / 12.5%, where z is .5 or 1.5 and
                becomes the other with probability .1 a decision; reward r (1 - r / z) - .8 |r - r before|. The optimum
                is a band for each state, by value iteration: in the low one r falls to .29, in the high one it rises
                to .63. Needs `funding`, which leverage demand follows within the hour, and `lever_executed[base_rate]`.
    tracking    the same with a coin whose price moves as the demand does, so that people borrow D0 (z - r) at
                r = R / 12%; z is an AR(1) around 1, .95 a decision, standard deviation .3; reward
                r (z - r) - 10 (r - r before)^2. The optimum is linear, by the Riccati equation:
                r = 1/2 + .73 (r before - 1/2) + .12 (z - 1). Needs `funding` and `lever_executed[base_rate]`.
    quoting     an option pool like that of the world `spread`, without a hedge, with one strike far in the money and
                one far out of it (for calls): what it sells there makes it short and long of delta. Buyers take a quote
                with probability exp(-k h), k = .4 a vol point; reward is the edge less a price of the variance of the
                pool's delta. The optimum leans both quotes against the delta (Avellaneda and Stoikov 2008), by value
                iteration of a market maker who changes its quotes once an hour. Needs `net_delta`.

Values are the mean reward a decision of an episode from the world's opening, in the units of these formulas; the theory
is in `optima.py`. All limits on levers are off. A constant is a governor that asks for the same all the time, and pays
for the move away from the default as any other does.
"""

from collections.abc import Callable
from functools import cache

from protogov.envs.solvable_policies.base import Feedback, Known, SolvablePolicy
from protogov.envs.solvable_policies.market_maker import quoting
from protogov.envs.solvable_policies.moving_demand import switching, tracking

__all__ = ["Feedback", "Known", "SolvablePolicy", "solvable_policy", "solvable_policy_names"]

_PRESETS: dict[str, Callable[[], SolvablePolicy]] = {
    "switching": switching,
    "tracking": tracking,
    "quoting": quoting,
}


def solvable_policy_names() -> tuple[str, ...]:
    """Names that :func:`solvable_policy` knows."""
    return tuple(_PRESETS)


@cache
def solvable_policy(name: str) -> SolvablePolicy:
    """A world whose best governor is a policy that is known; made once, in seconds.

    Raises:
        ValueError: an unknown name; the message lists the known ones.
    """
    if name not in _PRESETS:
        raise ValueError(f"solvable policy {name!r} is not known; known are {', '.join(_PRESETS)}.")
    return _PRESETS[name]()
