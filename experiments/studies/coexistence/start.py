"""Where the governors of a cell start to learn: at constants, to whose actions every network adds its outputs."""

from collections.abc import Mapping
from dataclasses import dataclass

from protogov.agents.baselines import make_governor
from protogov.agents.baselines.baseline import Baseline
from protogov.agents.baselines.linear_feedback import WEIGHTS
from protogov.agents.tuning.networks import Networks
from protogov.envs.config import WorldConfig
from protogov.experiments.errors import BadInput, as_bad_input


@dataclass(frozen=True)
class Start:
    """Constants at which all governors start.

    Attributes:
        constants: name of their baseline, which may later have other values.
        actions: lever -> its action in [-1, 1], of every lever that somebody governs.
    """

    constants: str
    actions: Mapping[str, float]

    def networks(self, config: WorldConfig) -> Networks:
        """The networks of a world's governors around these constants; with outputs of 0 they are the constants."""
        return Networks(config, {name: (action, *[0.0] * (WEIGHTS - 1)) for name, action in self.actions.items()})


def find_start(config: WorldConfig, constants: str) -> Start:
    """The start at a baseline of constants.

    Raises:
        BadInput: the baseline cannot govern these roles, or does more than to stand still.
    """
    actions: dict[str, float] = {}
    for agent in config.learners():
        with as_bad_input():
            governor = make_governor(constants, agent.role, agent=agent.name, defaults=config.defaults)
        rule = governor.incumbent() if isinstance(governor, Baseline) else None
        if rule is None or rule.slopes:
            raise BadInput(f"constants is {constants!r}; a baseline that stands still is accepted, such as tuned-mix")
        actions |= zip(agent.role.levers, rule.constants, strict=True)
    return Start(constants, actions)
