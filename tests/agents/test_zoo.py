"""The zoo: what is shipped is whole, small and found by name; an entry of one or two venues governs its own seats."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.background import background_governor
from protogov.agents.baselines import baseline as registered
from protogov.agents.baselines import governor_names, make_governor, rule_names
from protogov.agents.baselines.zoo import Zoo
from protogov.agents.policies import Policy, PolicyGovernor
from protogov.agents.policies.policy import load_policy_file
from protogov.agents.pricing.learned import load_pricer_file
from protogov.agents.zoo import MOST_BYTES, ZooError, entries, zoo_policies, zoo_pricer
from protogov.agents.zoo.entries import FOLDER, FORMAT, VERSION, governors, read_entry
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.envs.simulator import Simulator

GOVERNORS = [name for name, entry in entries().items() if entry.kind == "governors"]
TWO = WorldConfig(size="tiny", venues=2, roles=("rate",), decision_hours=6)


def save_policies(folder, config):
    """A linear policy for each agent of a world, each with weights of its own."""
    world = Simulator(config, 1)
    for number, (agent, role) in enumerate(world.roles.items()):
        names, rng = tuple(world.observation_names(agent)), np.random.default_rng(number)
        weights = {
            "layer_0.weight": rng.normal(scale=0.1, size=(len(role.levers), len(names))).astype(np.float32),
            "layer_0.bias": np.zeros(len(role.levers), np.float32),
        }
        folder.mkdir(parents=True, exist_ok=True)
        Policy(agent, names, role.levers, (), "relu", None, float(config.decision_hours), weights).save(folder)


@pytest.fixture
def entry(tmp_path):
    """An entry of two venues with the seeds 0 and 3."""
    for seed in (0, 3):
        save_policies(tmp_path / "pair" / str(seed), TWO)
    about = {"format": FORMAT, "version": VERSION, "name": "pair", "kind": "governors", "seeds": [0, 3], "chosen": 3}
    (tmp_path / "pair" / "manifest.json").write_text(json.dumps(about))
    return read_entry(tmp_path / "pair")


@pytest.fixture
def pair(entry, monkeypatch):
    """The same, registered as zoo/pair."""
    monkeypatch.setattr(registered, "REGISTER", dict(registered.REGISTER))
    import protogov.agents.baselines as baselines

    monkeypatch.setattr(baselines, "REGISTER", registered.REGISTER)
    levers = tuple(dict.fromkeys(ROLES["rate"].levers))
    type("pair", (Zoo,), {"name": "zoo/pair", "files": entry.policies(), "sets": levers})
    return entry


def test_all_entries_together_are_small():
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.suffix in (".json", ".safetensors"))
    assert 0 < size <= MOST_BYTES


def test_names_are_those_of_the_entries_and_of_their_seeds():
    assert set(governor_names()) - set(rule_names()) == set(governors())
    for name in GOVERNORS:
        seeds = entries()[name].seeds
        assert {f"zoo/{name}", *(f"zoo/{name}-{seed}" for seed in seeds)} <= set(governor_names())
        assert zoo_policies(f"zoo/{name}") == zoo_policies(f"zoo/{name}-{entries()[name].chosen}")
    assert zoo_policies("zoo/nobody") == {} and zoo_pricer("zoo/nobody") is None


@pytest.mark.parametrize("name", entries())
def test_a_manifest_says_how_its_entry_was_made(name):
    one = entries()[name]
    for field in ("command", "seeds", "market_hours", "scenario", "commit", "validation", "about"):
        assert one.manifest[field], field
    assert one.manifest["command"].startswith("protogov ")
    if one.kind == "pricer":
        assert load_pricer_file(zoo_pricer(f"zoo/{name}")).name == name
        return
    scores = {int(seed): row["mean"] for seed, row in one.manifest["validation"]["by_seed"].items()}
    assert scores.keys() == set(one.seeds) and one.chosen == max(scores, key=scores.get)
    world = WorldConfig.from_dict(one.manifest["world"])
    for seed in one.seeds:
        assert one.policies(seed).keys() == {agent.name for agent in world.learners()}
        for agent, path in one.policies(seed).items():
            assert load_policy_file(path).agent == agent
            assert {file.name for file in path.parent.iterdir()} == {
                f"policy_{other}.{kind}" for other in one.policies(seed) for kind in ("json", "safetensors")
            }


@pytest.mark.parametrize("name", GOVERNORS)
def test_a_name_acts_as_its_policies_do(name):
    world = Simulator(replace(WorldConfig.from_dict(entries()[name].manifest["world"]), episode_hours=12), 3)
    world.reset(seeds=5)
    for agent, role in world.roles.items():
        view = world.view(agent)
        expected = PolicyGovernor(load_policy_file(zoo_policies(f"zoo/{name}")[agent])).act(view)
        assert np.array_equal(make_governor(f"zoo/{name}", role, agent=agent).act(view), expected)
        assert np.abs(expected).max() > 0


def test_each_seat_of_a_role_has_its_own_policy(pair):
    world = Simulator(TWO, 2)
    world.reset(seeds=1)
    role = world.roles["rate_0"]
    for agent in ("rate_0", "rate_1"):
        governor = make_governor("zoo/pair", role, agent=agent)
        assert governor.policy.agent == agent
        assert np.array_equal(governor.act(world.view(agent)), PolicyGovernor(governor.policy).act(world.view(agent)))
    assert make_governor("zoo/pair", role).policy.agent == "rate_0"  # without a seat the first
    assert not Zoo.__subclasses__()[-1].fits(ROLES["risk"].levers)
    with pytest.raises(ValueError, match="governor 'zoo/pair' sets "):
        make_governor("zoo/pair", ROLES["risk"])


def test_a_background_is_the_same_in_any_batch_alone_and_beside_a_rule(pair):
    world = Simulator(TWO, 5)
    world.reset(seeds=1)
    seat, view = world.places["rate_1"], world.view("rate_1")
    one_row = Simulator(TWO, 1)
    for source in ("zoo/pair", "zoo/pair+pi"):
        governor = background_governor(source, seat, TWO)
        together = governor.act(view)
        for row in range(5):
            one_row.restore(world.fork([row]).snapshot())
            alone = background_governor(source, seat, TWO)
            assert np.array_equal(alone.act(one_row.view("rate_1"))[0], together[row])


def test_a_world_in_which_it_did_not_learn_is_refused(pair):
    other = replace(TWO, decision_hours=12)
    with pytest.raises(ValueError, match="the policy of rate_1 decides every 6 hours"):
        background_governor("zoo/pair", Simulator(other, 1).places["rate_1"], other)
    alone = replace(TWO, venues=1)
    for source in ("zoo/pair", "pi+zoo/pair"):
        with pytest.raises(ValueError, match="the policy of rate_0 learned on .* numbers that are not the"):
            background_governor(source, Simulator(alone, 1).places["rate_0"], alone)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "else"}, "is of the format 'else', not protogov-zoo"),
        ({"kind": "animal"}, "kind is 'animal'; accepted: governors, pricer"),
        ({"name": "other"}, "name is 'other'; accepted: pair"),
        ({"chosen": 7}, r"seeds are \[0, 3\], chosen is 7|seeds are \[0, 3\] and chosen is 7"),
        ({"seeds": [0, 9], "chosen": 0}, "9: holds no policy_<agent>.json"),
        ({"kind": "pricer"}, r"pricer_pair\.json: there is no such file"),
    ],
)
def test_a_damaged_entry_is_refused(entry, changes, why):
    path = entry.folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ZooError, match=why):
        read_entry(entry.folder)
