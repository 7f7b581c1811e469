"""The native vector environment does what Gymnasium's own does with single ones, in every autoreset mode."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from numpy.typing import NDArray

from protogov.envs import ActionError
from protogov.envs.vector_env import GovernorVectorEnv

pytestmark = pytest.mark.filterwarnings("error")

# rows of the first episode end at different times
FIELDS = {"episode_hours": 30, "stagger": True, "randomise_levers": 0.25}
COUNT = 5


def native(mode: AutoresetMode | str, **fields: Any) -> GovernorVectorEnv:
    envs = gym.make_vec("protogov/Rates-v0", num_envs=COUNT, autoreset_mode=mode, **{**FIELDS, **fields})
    assert isinstance(envs, GovernorVectorEnv)
    return envs


def gymnasiums_own(mode: AutoresetMode) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: gym.make("protogov/Rates-v0", **FIELDS)] * COUNT, autoreset_mode=mode)  # type: ignore[arg-type]


def recorded(steps: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-1, 1, (steps, COUNT, 4)).astype(np.float32)


def same(one: Any, other: Any) -> None:
    assert len(one) == len(other)
    for mine, own in zip(one, other, strict=True):
        assert data_equivalence(mine, own, exact=True), (mine, own)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_step_for_step_like_gymnasiums_own(mode: AutoresetMode) -> None:
    mine, own = native(mode), gymnasiums_own(mode)
    assert mine.metadata["autoreset_mode"] is mine.autoreset_mode is own.metadata["autoreset_mode"] is mode
    assert mine.observation_space == own.observation_space and mine.action_space == own.action_space
    assert mine.single_observation_space == own.single_observation_space
    assert mine.single_action_space == own.single_action_space
    same(mine.reset(seed=11), own.reset(seed=11))
    ends = []
    for actions in recorded(18):
        result = mine.step(actions)
        same(result, own.step(actions))
        over = result[3]
        ends.append(over)
        if mode is AutoresetMode.DISABLED and over.any():
            same(
                mine.reset(options={"reset_mask": over}),
                own.reset(options={"reset_mask": over.copy()}),
            )
    assert np.sum(ends, axis=0).min() >= 3  # episodes a row
    assert 0 < np.sum(ends[0]) < COUNT  # some ended while others ran on
    same(mine.reset(), own.reset())  # the next episode, from the middle of this one
    same(mine.reset(seed=[3, 1, 4, 1, 5]), own.reset(seed=[3, 1, 4, 1, 5]))


def test_a_mask_with_seeds_restarts_those_rows_alone() -> None:
    mode = AutoresetMode.DISABLED
    mine, own = native(mode, stagger=False), gymnasiums_own(mode)
    mine.reset(seed=1)
    mask = np.array([True, False, False, True, False])
    before = mine.step(recorded(1)[0])[0]
    options = {"reset_mask": mask, "something": "unknown"}
    obs, infos = mine.reset(seed=20, options=options)
    assert (obs[~mask] == before[~mask]).all()
    assert (obs[mask] == own.reset(seed=20)[0][mask]).all()
    assert (infos["_executed/slope1"] == mask).all() and (infos["_terms/churn"] == mask).all()
    assert options["reset_mask"] is mask  # the caller's options are not taken apart


def test_final_observations_and_infos_of_the_same_step() -> None:
    envs = native(AutoresetMode.SAME_STEP, stagger=False)
    envs.reset(seed=0)
    for actions in recorded(5):
        obs, rewards, _, over, infos = envs.step(actions)
    assert over.all() and (rewards != 0.0).all()
    assert infos["_final_obs"].all() and infos["_final_info"].all()
    assert (infos["final_info"]["welfare"] != 0.0).all() and (infos["welfare"] == 0.0).all()
    keys = {key for key in infos if not key.removeprefix("_").startswith("final_")}
    assert infos["final_info"].keys() == keys and infos["final_info"]["_terms/churn"].all()
    assert all(
        last.dtype == np.float32 and (last != now).any() for last, now in zip(infos["final_obs"], obs, strict=True)
    )
    assert "final_obs" not in envs.step(recorded(1)[0])[-1]


def test_a_row_that_waits_for_its_reset_ignores_its_action_and_earns_nothing() -> None:
    one, other = native(AutoresetMode.NEXT_STEP), native(AutoresetMode.NEXT_STEP)
    one.reset(seed=11)
    other.reset(seed=11)
    waiting = one.step(recorded(1)[0])[3]
    other.step(recorded(1)[0])
    assert waiting.any()
    actions = recorded(2)[1]
    result = one.step(actions)
    actions[waiting] *= -1.0
    same(result, other.step(actions))
    assert (result[1][waiting] == 0.0).all() and not result[3][waiting].any()
    assert ((result[4]["welfare"] == 0.0) == waiting).all() and result[4]["_welfare"].all()


def test_a_finished_row_is_not_stepped_when_autoreset_is_disabled() -> None:
    envs = native("Disabled")
    envs.reset(seed=11)
    over = envs.step(recorded(1)[0])[3]
    with pytest.raises(RuntimeError, match=f"world {np.flatnonzero(over)[0]} is truncated"):
        envs.step(recorded(1)[0])


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_threads_change_nothing(mode: AutoresetMode) -> None:
    one, two = native(mode), native(mode, num_threads=2)
    same(one.reset(seed=0), two.reset(seed=0))
    for actions in recorded(8):
        result = one.step(actions)
        same(result, two.step(actions))
        if mode is AutoresetMode.DISABLED and result[3].any():
            same(*(envs.reset(options={"reset_mask": result[3]}) for envs in (one, two)))


def test_one_seed_is_not_two_batches() -> None:
    envs, other = native(AutoresetMode.NEXT_STEP), native(AutoresetMode.NEXT_STEP)
    first = envs.reset(seed=4)[0]
    assert len({row.tobytes() for row in first}) == COUNT
    assert (envs.reset(seed=5)[0][:-1] == first[1:]).all()  # row i is world seed + i
    assert (envs.reset()[0] != other.reset()[0]).any()  # no seed: the system's entropy


def test_gymnasiums_vector_wrappers_take_it() -> None:
    envs: VectorEnv = RecordEpisodeStatistics(native(AutoresetMode.NEXT_STEP, stagger=False))
    envs.reset(seed=0)
    total = np.zeros(COUNT)
    for actions in recorded(5):
        _, rewards, _, _, infos = envs.step(actions)
        total += rewards
    assert (infos["episode"]["l"] == 5).all()
    np.testing.assert_allclose(infos["episode"]["r"], total)


def test_nothing_that_was_returned_changes_later() -> None:
    envs = native(AutoresetMode.SAME_STEP)
    envs.reset(seed=11)
    first = envs.step(recorded(1)[0])
    kept = (first[0].copy(), first[1].copy(), first[3].copy(), first[4]["terms/churn"].copy())
    for actions in recorded(3):
        envs.step(actions)
    for value, old in zip((first[0], first[1], first[3], first[4]["terms/churn"]), kept, strict=True):
        assert value.tobytes() == old.tobytes()


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        (np.zeros((COUNT, 3)), r"action of rate_0 has shape \(5, 3\), expected \(5, 4\)"),
        (np.zeros(4), r"action of rate_0 has shape \(4,\), expected \(5, 4\)"),
        (np.full((COUNT, 4), [0, 0, np.nan, 0]), "action of rate_0 is nan for lever slope2 of world 0"),
    ],
)
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_wrong_action_changes_nothing(mode: AutoresetMode, actions: NDArray[Any], words: str) -> None:
    envs, twin = native(mode, stagger=False), native(mode, stagger=False)
    envs.reset(seed=0)
    twin.reset(seed=0)
    with pytest.raises(ActionError, match=words):
        envs.step(actions)
    same(envs.step(recorded(1)[0]), twin.step(recorded(1)[0]))


@pytest.mark.parametrize(
    ("mask", "error"),
    [
        ([True] * COUNT, TypeError),
        (np.ones(COUNT), TypeError),
        (np.ones(COUNT + 1, np.bool_), ValueError),
        (np.zeros(COUNT, np.bool_), ValueError),
    ],
)
def test_a_wrong_mask_is_refused(mask: Any, error: type[Exception]) -> None:
    envs = native("Disabled")
    envs.reset(seed=0)
    with pytest.raises(error, match="reset_mask"):
        envs.reset(options={"reset_mask": mask})


def test_a_mask_before_the_first_reset_is_refused() -> None:
    with pytest.raises(ValueError, match="rows that have never been reset"):
        native("Disabled").reset(options={"reset_mask": np.arange(COUNT) == 0})
    with pytest.raises(ValueError, match="rows that have never been reset"):
        native("Disabled").reset(seed=1, options={"reset_mask": np.arange(COUNT) == 0})
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        native(AutoresetMode.NEXT_STEP).step(recorded(1)[0])


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="'Sometimes' is not a valid AutoresetMode"):
        native("Sometimes")
    with pytest.raises(ValueError, match="seeds"):
        native(AutoresetMode.NEXT_STEP).reset(seed=[1, 2])
    with pytest.raises(ValueError, match="num_threads = 0"):
        native(AutoresetMode.NEXT_STEP, num_threads=0)
