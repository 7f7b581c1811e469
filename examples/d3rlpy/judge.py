"""Governors of one seat on the same fresh tapes: mean reward of an episode, and what each gains over the defaults."""

import numpy as np

from protogov.envs import RoleView, Simulator
from protogov.experiments.core.governors import STATIC, baseline
from protogov.experiments.core.play import open_worlds, play, tape_seeds

TAPES = 128


class Learned:
    """A d3rlpy policy as a governor; it keeps no memory."""

    def __init__(self, policy) -> None:
        self.policy = policy

    def reset(self, rows, seeds) -> None:
        """Nothing to forget."""

    def act(self, view: RoleView) -> np.ndarray:
        """Actions [n, levers] for observations [n, d]."""
        return self.policy.predict(view.obs)


def judge(simulator: Simulator, scenario: str, learned: dict[str, Learned], rules: tuple[str, ...]) -> dict[str, float]:
    """Print a row a governor; returns name -> mean gain over the defaults."""
    config, seeds, (agent,) = simulator.config, tape_seeds(TAPES), simulator.agents
    governors = {name: baseline(name, config).make(config)[agent] for name in (STATIC, *rules)} | learned
    rewards, gains = {}, {}
    for name, governor in governors.items():
        steps = play(open_worlds(config, scenario, seeds), {agent: governor}, seeds)
        rewards[name] = sum(step.rewards[agent] for step in steps)
        gain = rewards[name] - rewards[STATIC]
        gains[name] = float(gain.mean())
        error = gain.std(ddof=1) / TAPES**0.5
        print(f"{name:24} reward {rewards[name].mean():+8.3f}   over {STATIC} {gain.mean():+7.3f} ± {error:.3f}")
    return gains
