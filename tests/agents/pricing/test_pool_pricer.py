"""Smiles and greeks of laws against bumps, what informed traders know against the law itself, quotes of a pool."""

import dataclasses

import numpy as np
import pytest

from protogov.agents.pricing.features import input_names
from protogov.agents.pricing.greeks import input_slopes, moved, reference_slope
from protogov.agents.pricing.learned import LearnedPricer, PricerFile
from protogov.agents.pricing.networks import make_network
from protogov.agents.pricing.opponents import EwmaPricer
from protogov.agents.pricing.pool_pricer import PoolPricer
from protogov.agents.pricing.prices import Premium, implied_vol, price
from protogov.agents.pricing.quantile_law import LEVELS, QuantileLaw, normal_law
from protogov.agents.pricing.reader import MarketReader, Reading
from protogov.agents.pricing.shape import GENERATIONS, make_shape
from protogov.agents.pricing.smiles import GAMMA_MOVE, smiles
from protogov.agents.pricing.truth import KnownVols, _calls
from protogov.envs.config import WorldConfig
from protogov.envs.laws import known_law
from protogov.envs.scenarios import get_scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.pricing import quote
from protogov.envs.world.state import HOURS_PER_YEAR

CONFIG = WorldConfig(episode_hours=96).with_parameters(num_accounts=8)
HOURS = np.array([[100.0, 300.0, 470.0, 640.0]])
X = np.log(np.array([80.0, 90, 100, 111, 122]) / 100.0) * np.ones((1, 4, 5))
RATE = np.array([0.03])


def learned(generation: str, seed: int = 0) -> LearnedPricer:
    """A network with large random weights: its laws move with every input."""
    shape = make_shape(generation, "feed")  # type: ignore[arg-type]
    weights = {name: 1.5 * value.detach().numpy() for name, value in make_network(shape, seed).state_dict().items()}
    return LearnedPricer(PricerFile(generation, shape, "oracle", weights))


def still(world: Simulator) -> dict[str, np.ndarray]:
    return {agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents}


@pytest.fixture(scope="module")
def world() -> Simulator:
    found = Simulator(CONFIG, 6, scenario="jump", seed=11)
    found.reset()
    for _ in range(8):
        found.step(still(found))
    return found


@pytest.fixture(scope="module")
def reading(world: Simulator) -> Reading:
    return MarketReader().read(world)


def a_law(seed: int = 1) -> tuple[QuantileLaw, np.ndarray]:
    """Four crooked laws, wider with time, and slopes of their quantiles."""
    rng = np.random.default_rng(seed)
    q = np.cumsum(rng.uniform(0.01, 0.02, (4, len(LEVELS))), axis=1)
    q = (q - q[:, 15:16]) * np.sqrt(HOURS[0] / 300.0)[:, None]
    return QuantileLaw(q), rng.normal(0.0, 0.05, q.shape)


def priced(law: QuantileLaw, slopes: np.ndarray, by: float, plain: Reading):
    """The slow prices once the log of the spot has risen by `by`."""
    strikes = np.where(np.arange(5) < 5, 100.0 * np.exp(X), 0.0)
    market = dataclasses.replace(
        plain, listed=np.ones((1, 4), bool), hours=HOURS, strike=strikes, spot=np.array([100.0 * np.exp(by)]), rate=RATE
    )
    return price(QuantileLaw(law.quantiles + by * slopes), market)


def test_smiles_are_those_of_the_prices_and_their_greeks_are_bumps(reading: Reading) -> None:
    law, slopes = a_law()
    found, h = smiles(law, X, HOURS / HOURS_PER_YEAR, RATE, slopes), 1e-5
    up, down = (priced(law, slopes, by, reading) for by in (h, -h))
    np.testing.assert_allclose(found.vol, priced(law, slopes, 0.0, reading).vol, atol=1e-6)
    np.testing.assert_allclose(found.slope, (up.vol - down.vol) / (2 * h), atol=1e-4)

    def delta(by: float) -> np.ndarray:
        ends = [priced(law, slopes, by + step, reading).call for step in (h, -h)]
        return (ends[0] - ends[1]) / (2 * h) / (100.0 * np.exp(by))

    def black(by: float) -> np.ndarray:
        """Black-Scholes at the vols found: delta and vega, [2, e, k]."""
        spot, years = 100.0 * np.exp(by), HOURS[0] / HOURS_PER_YEAR
        nodes = [(e, k) for e in range(4) for k in range(5)]
        found_there = [quote(spot, 100.0 * np.exp(X[0][at]), years[at[0]], found.vol[0][at], 0.03) for at in nodes]
        return np.array(found_there)[:, [2, 4]].T.reshape(2, 4, 5)

    # the slope is what the pricer's delta adds to Black-Scholes'
    plain, vega = black(0.0)
    np.testing.assert_allclose(plain + vega * found.slope[0] / 100.0, delta(0.0)[0], atol=1e-5)
    change = (delta(GAMMA_MOVE) - delta(-GAMMA_MOVE))[0]
    standard = (black(GAMMA_MOVE) - black(-GAMMA_MOVE))[0]
    inside = (found.gamma[0] > 0.2) & (found.gamma[0] < 5.0)
    assert inside.sum() > 15
    np.testing.assert_allclose(found.gamma[0][inside], (change / standard)[inside], atol=1e-3)


def test_a_normal_law_has_the_greeks_of_black_and_scholes() -> None:
    years = HOURS / HOURS_PER_YEAR
    law = normal_law(-0.18 * years[0], 0.6 * np.sqrt(years[0]))
    found = smiles(law, 0.5 * X, years, RATE, np.zeros_like(law.quantiles))
    np.testing.assert_allclose(found.vol, 0.6, atol=0.006)  # linear between quantiles: a little wider
    middle = found.gamma[0, 1:, 1:4]
    np.testing.assert_allclose(middle, 1.0, atol=0.05)
    assert np.abs(found.slope[0, 1:, 1:4]).max() < 0.05
    vols_alone = smiles(law, 0.5 * X, years, RATE)
    np.testing.assert_array_equal(vols_alone.vol, found.vol)
    assert (vols_alone.gamma == 1.0).all() and (vols_alone.slope == 0.0).all()
    with pytest.raises(ValueError, match="law has 3 rows"):
        smiles(law.rows(np.arange(3)), X, years, RATE)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_slopes_of_a_network_are_bumps_of_the_whole_market(generation: str, reading: Reading) -> None:
    law, slopes = learned(generation).laws_and_slopes(reading)
    h = 1e-4  # single precision
    up, down = (learned(generation).laws(moved(reading, by)).quantiles for by in (h, -h))
    bumps = (up - down) / (2 * h)
    scale = np.abs(slopes).max()
    assert scale > 0.01 and (np.abs(bumps - slopes) < 0.02 * scale).mean() > 0.97  # a bump may cross a kink
    np.testing.assert_allclose(law.quantiles, learned(generation).laws(reading).quantiles, rtol=1e-5, atol=1e-7)


def test_slopes_of_inputs_are_bumps(reading: Reading) -> None:
    names, h = input_names("feed"), 1e-6
    bumps = (moved(reading, h).inputs(names) - moved(reading, -h).inputs(names)) / (2 * h)
    np.testing.assert_allclose(input_slopes(reading, names), bumps, rtol=1e-4, atol=1e-4)
    reference = (moved(reading, h).reference_vol() - moved(reading, -h).reference_vol()) / (2 * h)
    np.testing.assert_allclose(reference_slope(reading), reference, rtol=1e-4, atol=1e-6)
    assert np.abs(reference).max() > 0.01


def test_what_is_written_is_what_the_law_asks(world: Simulator) -> None:
    pricer = EwmaPricer()
    anchors = PoolPricer(pricer, premium=Premium(1.2)).anchors(world)
    venue, reading = world.worlds.view(np.ndarray)["venues"][:, 0], MarketReader().read(world)
    wanted = price(pricer.laws(reading), reading, premium=Premium(1.2))
    assert anchors.vol is not None and anchors.slope is None
    for row in range(world.num_worlds):
        for place, slot in enumerate(reading.slot[row]):
            costs = np.minimum(wanted.call, wanted.put)[row, place] > 1e-4 * reading.spot[row]
            np.testing.assert_allclose(anchors.vol[row, slot][costs], wanted.vol[row, place][costs], atol=1e-5)
            np.testing.assert_allclose(
                anchors.moneyness[row, slot], np.log(venue["strike"][row, slot] / venue["oracle_price"][row])
            )
    with pytest.raises(ValueError, match="greeks of the market are asked of ewma"):
        PoolPricer(pricer, greeks="market")
    with pytest.raises(ValueError, match="greeks is 'own'; accepted: black-scholes, law, market"):
        PoolPricer(pricer, greeks="own")  # type: ignore[arg-type]
    law = PoolPricer(learned("compact"), greeks="law").anchors(world)
    market = PoolPricer(learned("compact"), greeks="market").anchors(world)
    assert law.slope is not None and market.slope is not None
    np.testing.assert_allclose(law.vol, market.vol, atol=1e-4)  # one law, other greeks
    assert np.abs(law.slope - market.slope).max() > 0.01


def test_a_pool_that_is_short_gamma_asks_more_where_gamma_is(world: Simulator) -> None:
    plain, leaning = (PoolPricer(EwmaPricer(), lean=lean).anchors(world) for lean in (0.0, 0.05))
    added = leaning.vol - plain.vol
    short = world.worlds["venues"]["net_gamma"][:, 0] < 0.0
    assert short.any() and (added[short] >= 0.0).all() and (added[~short] <= 0.0).all()
    assert (added[short].max(axis=(1, 2)) > added[short].min(axis=(1, 2))).all() and added.max() <= 0.1
    nearest = np.argmin(np.abs(plain.moneyness).mean(axis=(0, 1)))
    assert np.abs(added).mean(axis=(0, 1)).argmax() == nearest


@pytest.mark.parametrize("name", ["gbm", "merton", "heston"])
def test_informed_traders_know_the_law_itself(name: str) -> None:
    world = Simulator(CONFIG, 4, scenario=get_scenario(name) + get_scenario("pool-drain"), seed=5)
    world.reset()
    scenario = get_scenario(name)
    keys = world.worlds["seed"].astype(np.uint64)
    np.testing.assert_array_equal(
        world.tape["close"], scenario.draw(keys, 96)["close"]
    )  # overlays leave the path alone
    for _ in range(4):
        world.step(still(world))
    reading = MarketReader().read(world)
    inside = 1.5 * 0.6 * np.sqrt(np.maximum(reading.hours, 24.0) / HOURS_PER_YEAR)[:, :, None]
    x = np.clip(np.log(reading.strike / reading.spot[:, None, None]), -inside, inside)
    known = KnownVols(name).vols(world, reading, x)
    marks = scenario.marks(keys, 96)[np.arange(4), reading.hour]
    hours = np.maximum(reading.hours, 1.0)
    law = known_law(scenario, np.repeat(marks, 4), hours.ravel())
    flat = x.reshape(16, 5)
    exact = implied_vol(_calls(law, flat), flat, hours.reshape(16, 1) / HOURS_PER_YEAR).reshape(4, 4, 5)
    far = reading.hours >= 24.0
    np.testing.assert_allclose(known[far], exact[far], atol=0.003)
    if name == "gbm":
        vol = np.broadcast_to(np.sqrt(marks * 1e-9)[:, None, None], known.shape)
        np.testing.assert_allclose(known[far], vol[far], atol=0.003)
    with pytest.raises(ValueError, match="is not known in closed form"):
        KnownVols("jump")


def test_a_fork_takes_memory_along() -> None:
    world = Simulator(
        CONFIG, 3, scenario="jump", seed=2, pricers={0: PoolPricer(learned("recurrent"), greeks="market")}
    )
    world.reset()
    world.step(still(world)), world.step(still(world))
    copy = world.fork([2, 0])
    for _ in range(2):
        ours, theirs = world.step(still(world)), copy.step(still(copy))
    assert ours.records[[2, 0]].tobytes() == theirs.records.tobytes()
    np.testing.assert_array_equal(world.worlds["venues"]["anchor_smile"][[2, 0]], copy.worlds["venues"]["anchor_smile"])
