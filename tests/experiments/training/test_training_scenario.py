"""What learners may see: nothing of validation and test, by name, in a sum, in a mixture, under another name."""

import pytest

from protogov.agents.ppo import Trainer
from protogov.agents.tuning.objective import open_tapes
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import (
    CRISES,
    MARKETS,
    Crisis,
    Flat,
    Mixture,
    Named,
    PathScenario,
    Split,
    get_scenario,
    register,
    scenario_names,
)
from protogov.envs.scenarios.base import Overlay, Seeds, Tapes
from protogov.envs.scenarios.seal import SealedError, opened
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
        refused = f"'{name}' is of the split 'validation' and is never trained or tuned on"
        with pytest.raises(ValueError, match=refused):
            Trainer(Simulator(config, 2, scenario=name), total_rollouts=1)
        with pytest.raises(ValueError, match=refused):
            open_tapes(config, [name], 0, 2)


@pytest.mark.parametrize("split", ["train", "free", "validation", "test"])
def test_one_field_of_a_row_holds_a_market_out(split: Split, registry: None) -> None:
    """The same row in a copy of the register, under each split: who learns, tunes or draws asks that field alone."""
    jump = MARKETS["jump"]
    register(PathScenario("row", split, jump.walk, jump.conditions))
    config = WorldConfig(episode_hours=24)
    assert ("row" in scenario_names(split)) and ("row" in scenario_names()) == (split != "test")
    ways = {
        "train": lambda: training_scenario("row"),
        "train on a sum": lambda: training_scenario("row + oracle-push"),
        "learn": lambda: Trainer(Simulator(config, 2, scenario="row"), total_rollouts=1),
        "tune": lambda: open_tapes(config, ["row"], 0, 2),
        "draw": lambda: get_scenario("row").draw([1], 3),
    }
    refused: dict[str, type[BaseException]] = {}
    for way, act in ways.items():
        try:
            act()
        except (ValueError, BadInput) as error:
            refused[way] = type(error.__cause__ or error)
    if split == "test":
        assert refused == dict.fromkeys(ways, SealedError)
        with opened():
            get_scenario("row").draw([1], 3)
            with pytest.raises(BadInput, match="'row' is of the split 'test' and is never trained or tuned on"):
                training_scenario("row")
    else:
        assert set(refused) == ({*ways} - {"draw"} if split == "validation" else set())
