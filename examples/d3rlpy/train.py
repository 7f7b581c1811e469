"""TD3+BC (Fujimoto and Gu 2021) learns from logs of stewards and rules; then all play the same fresh tapes.

Logs of constants hold one action: nobody can learn from them what another would have done.
"""

import os
import tempfile

import d3rlpy
from judge import Learned, judge

from protogov.experiments.cli import main

SCENARIO, STEPS = "mix", 2000
RULES = ("steward_var", "linear_feedback", "tuned")
os.environ["MINARI_DATASETS_PATH"] = tempfile.mkdtemp()


def learn(name: str, *options: str):
    """Write logs as a Minari dataset, and train on them; (policy, environment)."""
    assert main(["dataset", name, "--role", "risk", "--scenario", SCENARIO, "--episodes", "64", *options]) == 0
    data, env = d3rlpy.datasets.get_minari(name)
    config = d3rlpy.algos.TD3PlusBCConfig(
        gamma=0.99,
        observation_scaler=d3rlpy.preprocessing.StandardObservationScaler(),
        reward_scaler=d3rlpy.preprocessing.StandardRewardScaler(),
    )
    policy = config.create(device=False)
    quiet = d3rlpy.logging.NoopAdapterFactory()
    policy.fit(data, n_steps=STEPS, n_steps_per_epoch=STEPS, logger_adapter=quiet, show_progress=False)
    return Learned(policy), env.unwrapped.simulator


d3rlpy.seed(0)
from_rules, world = learn("protogov/rules-v0", "--governors", *RULES, "static", "--noise", "0.2", "--memory", "0.9")
from_constants, _ = learn("protogov/constants-v0", "--governors", "tuned", "--noise", "0")
learned = {"TD3+BC on rules": from_rules, "TD3+BC on constants": from_constants}
gains = judge(world, SCENARIO, learned, RULES)
print("trained:", ", ".join(f"{name} {gains[name]:+.3f} over static" for name in learned))
