"""Governors at play see what their world shows: no rule reads what only the simulator knows, few need a feed."""

import numpy as np
import pytest

from protogov.agents.tuning.objective import Linear, Tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import HiddenFeatureError
from protogov.experiments.errors import BadInput
from protogov.experiments.governors import BASELINES, baseline
from protogov.experiments.play import open_worlds, play, tape_seeds

NEED_FEEDS = {"steward_var", "inventory_quotes", "linear_feedback"}
SEEDS = tape_seeds(2)


def plays(name: str, config: WorldConfig) -> bool:
    """Whether a baseline plays an episode; the refusal of one that does not is one sentence."""
    world = open_worlds(config, "jump", SEEDS)
    try:
        steps = list(play(world, baseline(name, config).make(config), SEEDS))
    except BadInput as error:
        assert str(error).startswith("a governor does not fit this world: feature '")
        assert str(error).endswith("it is of the group 'feeds', which observe leaves out.")
        return False
    assert len(steps) == world.horizon
    return True


@pytest.mark.parametrize("name", BASELINES)
def test_no_baseline_needs_what_only_the_simulator_knows(name: str) -> None:
    assert plays(name, WorldConfig(episode_hours=24))


@pytest.mark.parametrize("name", sorted(name for name in BASELINES if not name.startswith("tuned-")))
def test_baselines_that_need_no_feed_play_without(name: str) -> None:
    assert plays(name, WorldConfig(episode_hours=24, observe=("chain",))) == (name not in NEED_FEEDS)


def test_the_tuner_reads_what_its_governors_will_see() -> None:
    family = Linear(role_levers("spread"))
    tapes = Tapes(WorldConfig(observe=("chain",), episode_hours=12), "flat", SEEDS)
    tapes.play(family, np.zeros((2, family.size)))  # realised vol, drawdown and toxicity are on the chain
    with pytest.raises(HiddenFeatureError, match="feature 'outside_yield' cannot be seen"):
        tapes.play(Linear(role_levers("rate")), np.zeros((1, Linear(role_levers("rate")).size)))
