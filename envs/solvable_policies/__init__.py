"""Solvable worlds whose best governor is a policy: it must react to what it observes, and no constant comes close.

    switching   The world `rate` of `solvable.py` with demand D0 (1 - r / z) at r = R / 12.5%. z is .5 or 1.5 and
                changes to the other value with probability .1 per decision. Reward: r (1 - r / z) - .8 |r - r before|.
                The optimum is a band for each state, by value iteration: in the low state r falls to .29, in the high
                state r rises to .63. It needs `funding`, which leverage demand follows within the hour, and
                `lever_executed[base_rate]`.
    tracking    The same with a coin whose price moves like the demand: people then borrow D0 (z - r) at r = R / 12%.
                z is an AR(1) around 1, .95 per decision, standard deviation .3. Reward:
                r (z - r) - 10 (r - r before)^2. The optimum is linear, by the Riccati equation:
                r = 1/2 + .73 (r before - 1/2) + .12 (z - 1). It needs `funding` and `lever_executed[base_rate]`.
    quoting     An option pool like that of the world `spread`, without a hedge. One strike is far in the money and one
                far out of the money (for calls): sales there make the pool short and long of delta. Buyers take a quote
                with probability exp(-k h), k = .4 per vol point. Reward: the edge minus a price of the variance of the
                pool's delta. The optimum shifts both quotes against the delta (Avellaneda and Stoikov 2008). It is
                found by value iteration of a market maker who changes quotes once an hour. It needs `net_delta`.

Values are the mean reward per decision of an episode from the world's opening, in the units of these formulas. The
theory is in `optima.py`. All limits on levers are off. A constant is a governor that always asks for the same. It pays
for the first move away from the default, as every governor does.
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
    """Names that :func:`solvable_policy` accepts."""
    return tuple(_PRESETS)


@cache
def solvable_policy(name: str) -> SolvablePolicy:
    """The world with this name, whose best governor is a known policy. It is made once, which takes seconds.

    Raises:
        ValueError: the name is unknown; the message lists the known ones.
    """
    if name not in _PRESETS:
        raise ValueError(f"solvable policy {name!r} is not known; known are {', '.join(_PRESETS)}.")
    return _PRESETS[name]()
