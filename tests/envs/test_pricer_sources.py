"""Pricers in a world's configuration: by name through every interface, copied with batches, kept in snapshots."""

import gymnasium as gym
import numpy as np
import pytest

import protogov.envs
from protogov.agents.pricing.learned import LearnedPricer, PricerFile
from protogov.agents.pricing.networks import make_network
from protogov.agents.pricing.opponents import EwmaPricer
from protogov.agents.pricing.pool_pricer import PoolPricer
from protogov.agents.pricing.shape import make_shape
from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.interfaces import SnapshotError
from protogov.envs.pricer import Anchors
from protogov.envs.sb3_vec_env import SB3VecEnv
from protogov.envs.simulator import Simulator

TINY = {"size": "tiny", "roles": ("spread",), "observe": ("chain", "feeds", "surface")}


def learned(generation: str, seed: int = 0, inputs: str = "prices") -> PricerFile:
    """A network with large random weights: its laws move with every input."""
    shape = make_shape(generation, inputs)  # type: ignore[arg-type]
    weights = {name: 1.5 * value.detach().numpy() for name, value in make_network(shape, seed).state_dict().items()}
    return PricerFile(generation, shape, "oracle", weights)


def still(world: Simulator) -> dict[str, np.ndarray]:
    return {agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents}


def played(world: Simulator, decisions: int = 3) -> np.ndarray:
    for _ in range(decisions):
        world.step(still(world))
    return np.asarray(world.worlds.view(np.ndarray)["venues"]["base_vol"][:, 0])


def test_every_interface_takes_a_pricer_by_name() -> None:
    """The same seed shows the same surface through each of them, and another one than without a pricer."""
    world = Simulator(WorldConfig(**TINY), 1, scenario="jump", pricers={0: PoolPricer(EwmaPricer())})
    world.reset(seeds=5)
    shown = [world.step(still(world)).obs["spread_0"][0] for _ in range(2)][-1]
    named = {**TINY, "scenario": "jump", "pricers": {0: "ewma"}}
    one = gym.make("protogov/Spreads-v0", **named)
    one.reset(seed=5)
    many = gym.make_vec("protogov/Spreads-v0", num_envs=2, **named)
    many.reset(seed=[5, 6])
    market = protogov.envs.parallel_env(**named)
    market.reset(seed=5)
    config = WorldConfig(**TINY, pricers={"0": "ewma"})
    library = SB3VecEnv(Simulator(config, 1, scenario="jump"))
    library.seed(5)
    library.reset()
    zeros = np.zeros(len(WorldConfig(**TINY).roles["spread"].levers), np.float32)
    for _ in range(2):
        found = [
            one.step(zeros)[0], many.step(np.stack([zeros, zeros]))[0][0],
            market.step({"spread_0": zeros})[0]["spread_0"], library.step(zeros[None])[0][0],
        ]  # fmt: skip
    for other in found:
        np.testing.assert_array_equal(other, shown)
    plain = Simulator(WorldConfig(**TINY), 1, scenario="jump")
    plain.reset(seeds=5)
    assert np.abs([plain.step(still(plain)).obs["spread_0"][0] for _ in range(2)][-1] - shown).max() > 0.01


def test_a_configuration_keeps_names_and_its_own_objects() -> None:
    config = WorldConfig(**TINY, pricers={"0": "ewma"})
    assert config.pricers == {0: "ewma"} and config.to_dict()["pricers"] == {"0": "ewma"}
    assert WorldConfig.from_dict(config.to_dict()) == config
    assert "pricers" not in WorldConfig(**TINY).to_dict()
    pricer = PoolPricer(EwmaPricer())
    batches = [Simulator(WorldConfig(**TINY, pricers={0: pricer}), n) for n in (2, 3)]
    own = [batch.pricers[0] for batch in batches]
    assert own[0] is not own[1] and pricer not in own  # one reader each, whatever the number of rows
    for batch in batches:
        batch.reset()
        played(batch)
    described = batches[0].config.to_dict()
    assert described["pricers"] == {"0": {"object": "protogov.agents.pricing.pool_pricer.PoolPricer"}}
    with pytest.raises(ConfigError, match="must be a pricer's name"):
        WorldConfig.from_dict(described)
    # what is given to the batch itself is used instead, as it is
    assert (
        Simulator(config, 1, pricers={0: pricer}).pricers[0] is pricer and not Simulator(config, 1, pricers={}).pricers
    )


def test_with_two_venues_each_has_its_own() -> None:
    config = WorldConfig(size="tiny", venues=2, pricers={1: "implied"})
    world = Simulator(config, 2, scenario="jump")
    world.reset()
    played(world, 1)
    assert world.worlds["venues"]["anchored"].tolist() == [[0, 1], [0, 1]]
    assert world.pricers[1].venue == 1


@pytest.mark.parametrize("generation", ["recurrent", "compact"])
def test_a_snapshot_holds_what_pricers_remember(generation: str, tmp_path) -> None:
    path, _ = learned(generation).save(tmp_path)
    config = WorldConfig(**TINY, pricers={0: path})
    world = Simulator(config, 3, scenario="jump", seed=4)
    world.reset()
    played(world, 4)
    data = world.snapshot()
    on = played(world)
    later = Simulator(config, 3, scenario="jump")
    later.restore(data)
    np.testing.assert_array_equal(played(later), on)
    # the memory matters: a pricer that has seen nothing goes on otherwise
    later.restore(data)
    later.pricers = Simulator(config, 3).pricers
    assert (played(later) != on).any()
    # other weights under the same name, and no pricer at all
    learned(generation, seed=1).save(tmp_path)
    before = later.worlds.tobytes()
    changed = Simulator(config, 3, scenario="jump")
    with pytest.raises(SnapshotError, match=rf"pricers\[0\]: the weights of {generation} differ"):
        changed.restore(data)
    assert later.worlds.tobytes() == before
    with pytest.raises(SnapshotError, match="another configuration"):
        Simulator(WorldConfig(**TINY), 3, scenario="jump").restore(data)
    with pytest.raises(SnapshotError, match="of other pricers: pricers of the venues 0 were packed"):
        Simulator(config, 3, scenario="jump", pricers={}).restore(data)


class Plain:
    """The least that a pricer is."""

    def anchors(self, simulator: Simulator) -> Anchors:
        venue = simulator.worlds.view(np.ndarray)["venues"][:, 0]
        return Anchors(np.broadcast_to(np.linspace(-0.2, 0.2, 5), venue["strike"].shape))

    def fork(self, rows: np.ndarray) -> "Plain":
        return self


def test_a_pricer_without_a_state_is_forked_but_not_stored() -> None:
    world = Simulator(WorldConfig(**TINY), 2, pricers={0: Plain()})
    world.reset()
    played(world.fork([1, 0, 1]), 1)
    with pytest.raises(SnapshotError, match="a Plain without state_dict and load_state_dict; use fork"):
        world.snapshot()


@pytest.mark.parametrize(
    ("pricers", "said"),
    [
        (3, "pricers = 3 must be a mapping from venues to pricers"),
        ({1: "ewma"}, "pricers names venue 1; 0 to 0 are accepted"),
        ({"first": "ewma"}, "pricers names venue 'first'; 0 to 0 are accepted"),
        ({True: "ewma"}, "pricers names venue True"),
        ({0: ""}, r"pricers\[0\] = '' must be a pricer's name, the path of a pricer_<name>.json file, or an object"),
        ({0: PoolPricer}, "must be a pricer's name"),
        ({0: LearnedPricer(learned("compact"))}, "or an object with anchors and fork"),
    ],
)
def test_what_is_no_pricer_is_refused(pricers, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        WorldConfig(**TINY, pricers=pricers)


def test_names_and_files_that_cannot_quote_are_refused(tmp_path) -> None:
    def opened(source) -> None:
        Simulator(WorldConfig(**TINY, pricers={0: source}), 1)

    with pytest.raises(ConfigError, match=r"pricers\[0\] = 'garch': it is no pricer; accepted: implied, ewma, zoo/"):
        opened("garch")
    with pytest.raises(ConfigError, match=r"pricer_none.json: .*"):
        opened(tmp_path / "pricer_none.json")
    for generation in ("compact", "attention"):
        path, _ = learned(generation, inputs="feed").save(tmp_path)
        with pytest.raises(
            ConfigError, match="vols of the pool that it would quote; a pricer that was trained without"
        ):
            opened(path)
