"""Governors at play see what their world shows: no rule reads what only the simulator knows, few need a feed."""

import numpy as np
import pytest

from protogov.agents.baselines import rule_names
from protogov.agents.tuning.objective import Linear, Tapes, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import HiddenFeatureError
from protogov.experiments.core.governors import BASELINES, baseline
from protogov.experiments.core.play import open_worlds, play, tape_seeds
from protogov.experiments.errors import BadInput

NEED_FEEDS = {"steward_var", "inventory_quotes"}  # the linear rule needs them for the rates alone
SEEDS = tape_seeds(2)


def plays(name: str, config: WorldConfig) -> bool:
    """Whether a baseline plays an episode in some role; the refusal of one that does not is one sentence."""
    try:
        governors = baseline(name, config)
    except BadInput as error:
        assert "cannot see that" in str(error) and "whose observe is chain" in str(error)
        return False
    world = open_worlds(config, "jump", SEEDS)
    steps = list(play(world, governors.make(config), SEEDS))
    assert len(steps) == world.horizon
    return True


@pytest.mark.parametrize("name", BASELINES)
def test_no_baseline_needs_what_only_the_simulator_knows(name: str) -> None:
    assert plays(name, WorldConfig(episode_hours=24))


@pytest.mark.parametrize("name", sorted(name for name in BASELINES if not name.startswith("tuned-")))
def test_baselines_that_need_no_feed_play_without(name: str) -> None:
    without = name not in NEED_FEEDS and BASELINES[name] in rule_names()  # those of the zoo learned with feeds
    assert plays(name, WorldConfig(episode_hours=24, observe=("chain",))) == without


def test_a_governor_that_looks_where_it_may_not_ends_in_a_sentence() -> None:
    class Peeping:
        def reset(self, rows, seeds):  # type: ignore[no-untyped-def]
            pass

        def act(self, view):  # type: ignore[no-untyped-def]
            return view.raw("informed_share")

    world = open_worlds(WorldConfig(), "flat", SEEDS)
    with pytest.raises(BadInput, match="a governor does not fit this world: feature 'informed_share' cannot be seen"):
        next(play(world, dict.fromkeys(world.agents, Peeping()), SEEDS))


def test_the_tuner_reads_what_its_governors_will_see() -> None:
    family = Linear(role_levers("spread"))
    tapes = Tapes(WorldConfig(observe=("chain",), episode_hours=12), "flat", SEEDS)
    tapes.play(family, np.zeros((2, family.size)))  # realised vol, drawdown and toxicity are on the chain
    with pytest.raises(HiddenFeatureError, match="feature 'outside_yield' cannot be seen"):
        tapes.play(Linear(role_levers("rate")), np.zeros((1, Linear(role_levers("rate")).size)))
