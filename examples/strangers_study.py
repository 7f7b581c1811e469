"""An outside user's study: can a learned base rate keep its depositors while a rival venue plays a fixed rule?

It has one lever per role, two venues, an own reward, and one stable-baselines3 learner against a frozen rival. Then the
learner and the static default play the same tapes, which training has not seen.
"""

from collections.abc import Callable

import numpy as np
from stable_baselines3 import PPO

from protogov.envs import Simulator, Step, WorldConfig
from protogov.envs.sb3_vec_env import SB3VecEnv


def keep_depositors(step: Step, agent: str) -> np.ndarray:
    """Welfare of the own venue [10 bp of K0], minus 0.1 for every hour with an unmet withdrawal there."""
    return 0.1 * (step.welfare(0) - step.records["unmet_hours"][:, 0])


# venue 1 is smaller and only lends
UNLIKE = [{}, {"supply_size": 4e7, "options_on": 0}]
WORLD = WorldConfig(
    size="core",
    venues=2,
    venue_overrides=UNLIKE,
    episode_hours=168,
    roles=("rate",),  # levers without a governor do not move
    reward_fn=keep_depositors,
    background={"rate_1": "tuned", "risk_1": "mainnet"},
)


def play(act: Callable[[np.ndarray], np.ndarray], seeds: list[int]) -> dict[str, np.ndarray]:
    """Sums over one episode per seed, [n] each."""
    worlds = Simulator(WORLD, len(seeds), scenario="natural")
    observation = worlds.reset(seeds=seeds)["rate_0"]
    sums = dict.fromkeys(("reward", "own W [bp]", "rival's W [bp]"), 0.0)
    while not worlds.truncated().any():
        step = worlds.step({"rate_0": act(observation)})
        observation = step.obs["rate_0"]
        for name, value in zip(sums, (step.rewards["rate_0"], step.welfare(0), step.welfare(1)), strict=True):
            sums[name] = sums[name] + value
    return sums


market = SB3VecEnv(Simulator(WORLD, 16, scenario="mix"))
learner = PPO("MlpPolicy", market, n_steps=28, batch_size=64, learning_rate=3e-3, device="cpu", seed=0)
learner.learn(4 * 16 * 28)

paired = list(range(10**6, 10**6 + 32))
learned = play(lambda observation: learner.predict(observation, deterministic=True)[0], paired)
static = play(lambda observation: np.zeros((len(observation), 1)), paired)
print(f"{'a week':16}{'static':>10}{'learned':>10}{'difference':>12}   standard error, {len(paired)} tapes")
for name in static:
    gain = learned[name] - static[name]
    error = gain.std(ddof=1) / len(paired) ** 0.5
    print(f"{name:16}{static[name].mean():10.2f}{learned[name].mean():10.2f}{gain.mean():+12.3f} ± {error:.3f}")
