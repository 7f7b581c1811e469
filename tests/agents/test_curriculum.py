"""Scenarios follow one another by their shares of the hours, in the world and its twin, and after a resume."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from protogov.agents.ppo import PPOSettings, Trainer, latest_checkpoint
from protogov.agents.ppo.curriculum import Curriculum
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario
from protogov.envs.simulator import Simulator

CALM, JUMP, MIX = (get_scenario(name) for name in ("calm", "jump", "mix"))
SETTINGS = PPOSettings(
    num_steps=2, batch_size=8, num_epochs=1, hidden_sizes=(4,), checkpoint_every=1, keep_checkpoints=0
)
SHORT = WorldConfig(size="tiny", decision_hours=6, episode_hours=12, roles=("rate",))


def test_stages_are_walked_by_hand():
    three = Curriculum([(CALM, 0.2), (JUMP, 0.5), (MIX, 0.3)])
    assert [three.scenario(rollout, 10).name for rollout in range(1, 11)] == ["calm"] * 2 + ["jump"] * 5 + ["mix"] * 3
    assert [three.scenario(rollout, 3).name for rollout in (1, 2, 3)] == ["calm", "jump", "jump"]
    assert Curriculum([(CALM, 0.1)] * 9 + [(MIX, 0.1)]).scenario(10, 10) is MIX  # shares that add up to nearly 1


def test_episodes_are_of_their_stage_and_a_resumed_run_goes_on_with_it(tmp_path):
    curriculum = Curriculum([(CALM, 0.5), (MIX, 0.5)])
    drawn = []

    def make(folder=None):
        return Trainer(Simulator(SHORT, 4), SETTINGS, total_rollouts=4, folder=folder, curriculum=curriculum)

    whole = make()
    for _ in range(4):
        whole.run(stop_after=1)
        drawn.append((whole.world.scenario.name, whole._joint.twin.world.scenario.name))
    assert drawn == [("calm", "calm")] * 2 + [("mix", "mix")] * 2
    keys = whole.world.worlds["seed"]  # of the episodes that the last rollout opened
    assert np.array_equal(whole.world.tape["close"], MIX.draw(keys, 12)["close"])
    make(tmp_path).run()
    for done in (1, 2, 3):
        place = tmp_path / "checkpoints" / str(8 * done)
        half = Trainer.resume(place, Simulator(SHORT, 4, scenario="mix"), curriculum=curriculum)
        half.run()
        theirs = whole.learners[0].policy.state_dict()
        assert all(torch.equal(x, theirs[name]) for name, x in half.learners[0].policy.state_dict().items()), done
    assert latest_checkpoint(tmp_path / "checkpoints").name == "32"


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ([(CALM, 0.5)], r"shares of the stages are \[0.5\]; accepted: numbers above 0 that add up to 1"),
        ([(CALM, 1.5), (MIX, -0.5)], "accepted: numbers above 0"),
        ([], "accepted: numbers above 0"),
        (
            [(get_scenario("crash-heldout"), 0.5), (MIX, 0.5)],
            "'crash-heldout' is of the split 'validation' and is never",
        ),
    ],
)
def test_what_is_no_curriculum_is_refused(stages, reason):
    with pytest.raises(ValueError, match=reason):
        Curriculum(stages)
