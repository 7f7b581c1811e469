"""What learners may see: nothing of validation and test, by name, in a sum, in a mixture, under another name."""

import pytest

from protogov.agents.ppo import Trainer
from protogov.agents.tuning.objective import open_tapes
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import CRISES, Crisis, Flat, Mixture, Named, get_scenario, register, scenario_names
from protogov.envs.scenarios.base import Overlay, Seeds, Tapes
from protogov.envs.scenarios.sealed import opened
from protogov.envs.simulator import Simulator
from protogov.experiments.errors import BadInput
from protogov.experiments.training.run_config import training_scenario


class HeldOut(Overlay):
    name, split = "held-out-overlay", "validation"

    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        tapes["depth"] *= 0.5


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the register, so that what a test adds is gone after it."""
    from protogov.envs.scenarios import base

    monkeypatch.setattr(base, "_registry", dict(base._registry))


@pytest.mark.parametrize("name", [name for name in scenario_names() if name not in scenario_names("validation")])
def test_learners_may_see_all_others(name: str) -> None:
    assert training_scenario(name) is get_scenario(name)
    assert training_scenario(f"{name} + oracle-push + supplier-run").split in ("train", "free")


@pytest.mark.parametrize("name", scenario_names("validation"))
def test_learners_see_no_validation_scenario_alone_or_in_a_sum(name: str) -> None:
    with pytest.raises(
        BadInput, match=f"'{name}' is of the split 'validation' and is never trained or tuned on; train on one of"
    ):
        training_scenario(name)
    with pytest.raises(BadInput, match=f"never trained or tuned on, because of .*{name}"):
        training_scenario(f"{name} + pool-drain")


@pytest.mark.parametrize("name", scenario_names("test"))
def test_learners_see_nothing_of_the_sealed_test(name: str) -> None:
    for asked in (name, f"{name} + pool-drain"):
        with pytest.raises(BadInput, match=f"'{name}' belongs to the sealed test"):
            training_scenario(asked)
    with opened(), pytest.raises(BadInput, match=f"'{name}' is of the split 'test' and is never trained or tuned on"):
        training_scenario(name)


def test_learners_see_no_validation_overlay_and_no_mixture_with_a_validation_part(registry: None) -> None:
    register(HeldOut())
    with pytest.raises(BadInput, match="because of .*held-out-overlay"):
        training_scenario("jump + held-out-overlay")
    register(Mixture("nearly", [(get_scenario("mix"), 0.99), (get_scenario("crisis-2020-03"), 0.01)]))
    with pytest.raises(BadInput, match="because of nearly, crisis-2020-03"):
        training_scenario("nearly")


def test_another_split_or_name_does_not_help(registry: None) -> None:
    story = CRISES["crisis-2025-10"].story
    register(Named("renamed", Mixture("inside", [(Flat(), 1.0), (Crisis("crisis-2025-10", "train", story), 1.0)])))
    assert get_scenario("renamed").split == "train"
    with pytest.raises(BadInput, match="because of crisis-2025-10"):
        training_scenario("renamed + griefing-borrower")


def test_learner_and_tuner_refuse_it_themselves(registry: None) -> None:
    register(Mixture("nearly", [(get_scenario("jump"), 0.99), (get_scenario("crisis-2020-03"), 0.01)]))
    config = WorldConfig(episode_hours=336)
    for name in ("crash-heldout", "nearly"):
        with pytest.raises(ValueError, match="held out from training"):
            Trainer(Simulator(config, 2, scenario=name), total_rollouts=1)
        with pytest.raises(ValueError, match=f"'{name}', which is held out for validation"):
            open_tapes(config, [name], 0, 2)
