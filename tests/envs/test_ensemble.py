"""Worlds by name: what a member sets is in force, its draws are a function of the seed, and a bad name is told."""

import json

import numpy as np
import pytest

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.ensemble import EnsembleError, members_drawn, read_ensemble, shipped_ensemble
from protogov.envs.simulator import Simulator
from protogov.envs.world.parameters import Parameters

SHORT = {"episode_hours": 24, "decision_hours": 12}
NAMES = shipped_ensemble().names
LAST = NAMES[-1]


def play(world: Simulator, decisions: int = 2) -> None:
    for _ in range(decisions):
        world.step({agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents})


def values_of(world: Simulator, row: int) -> dict[str, float]:
    return {name: float(world.params[name][row, 0]) for name in shipped_ensemble().ranges}


def test_members_are_named_in_order_differ_and_lie_in_their_ranges():
    ensemble = shipped_ensemble()
    assert ensemble.names == tuple(f"w{k + 1:02d}" for k in range(len(ensemble.names)))
    assert len({tuple(values.values()) for values in ensemble.members.values()}) == len(ensemble.names)
    table = ensemble.table()
    for column, one in enumerate(ensemble.ranges.values()):
        assert ((table[:, column] >= one.low) & (table[:, column] <= one.high)).all()
        assert one.source


def test_a_member_is_the_world_of_its_parameters_bit_for_bit():
    named = Simulator(WorldConfig(**SHORT, member=LAST), 2, seed=7)
    written = Simulator(WorldConfig(**SHORT).with_parameters(**shipped_ensemble().members[LAST]), 2, seed=7)
    plain = Simulator(WorldConfig(**SHORT), 2, seed=7)
    for world in (named, written, plain):
        world.reset()
        play(world)
    assert named.worlds.tobytes() == written.worlds.tobytes()
    assert named.worlds.tobytes() != plain.worlds.tobytes()
    assert values_of(named, 0) == pytest.approx(dict(shipped_ensemble().members[LAST]), rel=0)


@pytest.mark.parametrize("name", ["w00", "W01", "world", " "])
def test_an_unknown_name_is_refused_in_one_sentence(name):
    with pytest.raises(ConfigError, match=rf"member = '{name}' must be '' .*'ensemble'.* or one of w01, w02"):
        WorldConfig(member=name)


def test_the_name_survives_a_round_trip_and_what_has_changed_since_is_told():
    config = WorldConfig(member=LAST)
    data = json.loads(json.dumps(config.to_dict()))
    assert WorldConfig.from_dict(data) == config and data["member"] == LAST
    assert WorldConfig.from_dict(WorldConfig(member="ensemble").to_dict()).member == "ensemble"
    data["parameters"]["supplier_need"] *= 1.5
    with pytest.raises(ConfigError, match=f"supplier_need = .* but member '{LAST}' of this version has"):
        WorldConfig.from_dict(data)


@pytest.mark.parametrize("member", [LAST, "ensemble"])
def test_a_parameter_that_a_member_sets_is_not_set_twice(member):
    assert WorldConfig(member=member).with_parameters(gas_cost=3.0).parameters.gas_cost == 3.0
    with pytest.raises(ConfigError, match="parameters set supplier_need, which member = "):
        WorldConfig(member=member).with_parameters(supplier_need=0.3)


def test_parameters_that_no_member_can_live_with_are_refused():
    bold = Parameters(leverage_low=0.01, leverage_high=0.02)
    with pytest.raises(ConfigError, match="contradict member 'w01'.*leverage_low"):
        WorldConfig(member="w01", parameters=bold)
    with pytest.raises(ConfigError, match="contradict member 'w01'.*leverage_low"):
        Simulator(WorldConfig(member="ensemble", parameters=bold), 1)
    # nor may a row's own value contradict a member that it may meet
    with pytest.raises(ConfigError, match="leverage_low"):
        Simulator(WorldConfig(member="ensemble"), 1, parameters={"leverage_high": [0.02]})


# ---------------------------------------------------------------------- a member drawn each episode


def test_draws_reach_all_members_about_as_often_and_follow_the_key():
    keys = np.arange(4000, dtype=np.uint64)
    drawn = members_drawn(keys, 32)
    assert (drawn == members_drawn(keys, 32)).all()
    counts = np.bincount(drawn, minlength=32)
    assert counts.size == 32 and counts.min() > 80 and counts.max() < 180


def test_each_episode_of_each_row_is_played_by_the_member_that_its_seed_draws():
    members = [dict(values) for values in shipped_ensemble().members.values()]
    crowd = Simulator(WorldConfig(**SHORT, member="ensemble"), 16, seed=3)
    seen = []
    for _ in range(3):
        crowd.reset()
        seen.append([members.index(values_of(crowd, row)) for row in range(16)])
    assert set(np.ravel(seen)) == set(range(len(members))) if len(members) <= 8 else len(set(np.ravel(seen))) > 8
    assert seen[0] != seen[1]
    # the same seeds in another batch: the same members, whatever was there before
    alone = Simulator(WorldConfig(**SHORT, member="ensemble"), 1)
    for row in (0, 9):
        alone.reset(seeds=[3 + row])
        assert members.index(values_of(alone, 0)) == seen[0][row]
    # and the world is that member's, bit for bit
    row, name = 9, NAMES[seen[0][9]]
    crowd.reset(seeds=np.arange(3, 19))
    member = Simulator(WorldConfig(**SHORT, member=name), 1, seed=3 + row)
    member.reset()
    play(crowd)
    play(member)
    assert crowd.worlds[row].tobytes() == member.worlds[0].tobytes()


def test_a_reset_of_some_rows_leaves_the_others_their_member():
    crowd = Simulator(WorldConfig(**SHORT, member="ensemble"), 8, seed=11)
    crowd.reset()
    before = [values_of(crowd, row) for row in range(8)]
    for _ in range(4):  # some draw of four differs
        crowd.reset(mask=np.arange(8) >= 4)
    assert [values_of(crowd, row) for row in range(4)] == before[:4]


def test_what_a_row_is_given_wins_over_the_member_in_every_later_episode_and_copy():
    own = {"supplier_need": [0.31, 0.32], "gas_cost": [1.0, 2.0]}
    crowd = Simulator(WorldConfig(**SHORT, member="ensemble"), 2, parameters=own)
    crowd.reset()
    crowd.reset()
    fork, other = crowd.fork([1]), Simulator(WorldConfig(**SHORT, member="ensemble"), 2)
    other.restore(crowd.snapshot())
    elsewhere = crowd.with_scenario("flat")
    for world in (fork, other, elsewhere):
        world.reset()
    assert list(crowd.params["supplier_need"][:, 0]) == [0.31, 0.32]
    assert list(fork.params["supplier_need"][:, 0]) == [0.32]
    assert list(other.params["supplier_need"][:, 0]) == list(elsewhere.params["supplier_need"][:, 0]) == [0.31, 0.32]
    named = Simulator(WorldConfig(**SHORT, member=LAST), 2, parameters=own)
    named.reset()
    assert list(named.params["supplier_need"][:, 0]) == [0.31, 0.32]
    free = set(np.array([values_of(crowd, row)["lasting_share"] for row in range(2)]))
    assert free <= {values["lasting_share"] for values in shipped_ensemble().members.values()}


def test_a_fork_and_a_snapshot_carry_the_member():
    crowd = Simulator(WorldConfig(**SHORT, member="ensemble"), 4, seed=5)
    crowd.reset()
    play(crowd, 1)
    fork, other = crowd.fork([2]), Simulator(WorldConfig(**SHORT, member="ensemble"), 4, seed=50)
    other.reset()
    other.restore(crowd.snapshot())
    assert values_of(fork, 0) == values_of(crowd, 2)
    for world in (crowd, fork, other):
        play(world, 1)
    assert crowd.worlds[2].tobytes() == fork.worlds[0].tobytes()
    assert crowd.worlds.tobytes() == other.worlds.tobytes()


# ---------------------------------------------------------------------- the file


def broken(change) -> dict:
    data = {
        "ranges": {"supplier_need": {"low": 0.01, "high": 0.1, "log": True, "source": "a test"}},
        "members": {"a": {"supplier_need": 0.02}, "b": {"supplier_need": 0.05}},
    }
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("members"), "cannot be read as an ensemble"),
        (lambda d: d.update(members={}), "holds no member"),
        (lambda d: d["ranges"].update(hunger=d["ranges"]["supplier_need"]), "'hunger', which is not a parameter"),
        (lambda d: d["ranges"]["supplier_need"].update(low=0.0), "the range of supplier_need is 0.0 to 0.1"),
        (lambda d: d["members"]["b"].update(gas_cost=1.0), "'b' has a value for 'gas_cost'"),
        (lambda d: d["members"]["b"].pop("supplier_need"), "'b' lacks 'supplier_need'"),
        (lambda d: d["members"]["b"].update(supplier_need=0.2), "of member 'b' is 0.2; a number between 0.01 and 0.1"),
        (lambda d: d["members"]["b"].update(supplier_need="much"), "is 'much'"),
        (lambda d: d["members"].update(ensemble={"supplier_need": 0.02}), "a member is named 'ensemble'"),
    ],
)
def test_a_file_that_holds_no_ensemble_says_what_is_wrong(tmp_path, change, said):
    path = tmp_path / "ensemble.json"
    path.write_text(json.dumps(broken(change)))
    with pytest.raises(EnsembleError) as error:
        read_ensemble(path)
    assert said in str(error.value) and str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_a_file_survives_a_round_trip(tmp_path):
    path = tmp_path / "ensemble.json"
    path.write_text(json.dumps(shipped_ensemble().to_dict()))
    assert read_ensemble(path) == shipped_ensemble()
    with pytest.raises(EnsembleError, match="cannot be read"):
        read_ensemble(tmp_path / "nowhere.json")
