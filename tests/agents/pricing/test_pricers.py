"""Readings of a market, what the generations make of them, opponents, files, and fits."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from protogov.agents.pricing.features import FEATURES, LIMIT, WORLD_INPUTS, input_names
from protogov.agents.pricing.learned import LearnedPricer, PricerError, PricerFile, load_pricer
from protogov.agents.pricing.networks import make_network
from protogov.agents.pricing.opponents import EwmaPricer, GarchPricer, ImpliedPricer, SurfacePricer, fit_garch
from protogov.agents.pricing.quantile_law import LEVELS, MEDIAN
from protogov.agents.pricing.reader import SIDES, MarketReader
from protogov.agents.pricing.recording import Recording, record, record_world, settled_apart
from protogov.agents.pricing.shape import GENERATIONS, MOST_INPUTS, Shape, make_shape
from protogov.agents.pricing.spikes import clean_spikes
from protogov.agents.pricing.training import Effort, Regularisation, fit, row_counts, samples_of
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario
from protogov.envs.simulator import Simulator

CONFIG = record_world(WorldConfig(episode_hours=96))


@pytest.fixture(scope="module")
def market() -> Recording:
    return record(CONFIG, "heston", 11, 6, training=True)


def still(world: Simulator) -> dict[str, np.ndarray]:
    return {agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents}


def test_flow_by_node_is_the_change_of_what_is_held_and_reading_touches_nothing() -> None:
    world, twin = (Simulator(CONFIG, 2, scenario="jump", seed=4) for _ in range(2))
    world.reset(), twin.reset()
    reader = MarketReader()
    held, expiries = np.zeros(0), np.zeros(0)
    for _ in range(10):
        before = world.snapshot()
        reading = reader.read(world)
        assert world.snapshot() == before
        venue = world.worlds["venues"][:, 0]
        now = np.stack([venue[side] for side in SIDES], axis=1)
        if held.size and (venue["expiry"] == expiries).all():
            assert reading.flow.sum() == pytest.approx((now - held).sum(), abs=1e-9)
            # bought less sold of longs, written less bought back of shorts: what the world itself counts as flow
            net = reading.flow[:, 0] + reading.flow[:, 1] - reading.flow[:, 2] - reading.flow[:, 3]
            assert np.corrcoef(np.sort(net.ravel()), np.sort(venue["node_flow"].ravel()))[0, 1] > 0.8
        held, expiries = now.copy(), venue["expiry"].copy()
        world.step(still(world)), twin.step(still(twin))
    assert world.snapshot() == twin.snapshot()


def test_a_reading_says_what_the_world_says(market: Recording) -> None:
    world = Simulator(CONFIG, 6, scenario="heston", seed=11)
    world.reset(seeds=11)
    for _ in range(5):
        world.step(still(world))
    reading = market.readings[5]
    np.testing.assert_array_equal(reading.spot, world.worlds["venues"]["oracle_price"][:, 0])
    np.testing.assert_allclose(reading.realised[:, 1], world.venue_feature(0, "realised_72h"), rtol=0.01)
    assert (np.diff(np.where(reading.listed, reading.hours, 1e9), axis=1) >= 0).all()
    for row in range(6):
        venue = world.worlds["venues"][row, 0]
        e = int(np.argmin(np.where(venue["expiry"] > world.worlds["substep"][row], venue["expiry"], 2**50)))
        np.testing.assert_array_equal(reading.strike[row, 0], venue["strike"][e])
        np.testing.assert_allclose(reading.node_vol[row, 0], venue["base_vol"][e] * venue["skew"][e])
    inputs = reading.inputs(input_names("feed"))
    assert np.isfinite(inputs).all() and (np.abs(inputs) <= LIMIT).all()


def test_funding_is_less_its_week() -> None:
    reader, world = MarketReader(), Simulator(CONFIG, 1, scenario="flat")
    world.reset()
    column, seen = WORLD_INPUTS.index("funding_over_week"), []
    for number in range(6):
        reading = reader.read(world)
        funding = float(world.worlds["funding"][0])
        seen += [funding] * (168 if number == 0 else 6)
        assert reading.world[0, column] == pytest.approx(funding - np.mean(seen[-168:]), abs=1e-9)
        world.step(still(world))


def test_the_sets_of_inputs_say_where_they_are_from() -> None:
    assert len(input_names("feed")) <= MOST_INPUTS
    assert all(FEATURES[name].source == "chain" for name in input_names("chain"))
    assert {"implied_vol", "funding_over_week"} == set(input_names("feed")) - set(input_names("chain"))
    assert not [name for name in input_names("prices") if FEATURES[name].group == "surface"]
    for row in FEATURES.values():
        assert row.about and row.unit and row.scale > 0.0


@pytest.mark.parametrize("generation", GENERATIONS)
def test_quantiles_never_cross_whatever_the_weights(generation: str) -> None:
    shape = make_shape(generation, "feed")
    network = make_network(shape, 1)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(2.0 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)))
        found = network(
            torch.randn(64, len(shape.inputs)), torch.randn(64, shape.window, len(shape.sequence)),
            torch.randn(64, shape.tokens, len(shape.node_inputs)),
        )  # fmt: skip
    assert found.shape == (64, len(LEVELS)) and (found.diff(dim=1) > 0.0).all()
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == shape.shapes()


def test_a_fresh_network_starts_at_the_normal_law() -> None:
    for generation in ("mlp", "compact"):
        shape = make_shape(generation, "chain")
        with torch.no_grad():
            found = make_network(shape, 0)(
                torch.zeros(1, len(shape.inputs)), torch.zeros(1, 1, 0), torch.zeros(1, 20, 0)
            )
        spread = float(found[0, LEVELS.index(0.85)] - found[0, LEVELS.index(0.15)])
        assert spread == pytest.approx(2 * 1.0364, rel=0.15) and abs(float(found[0, MEDIAN])) < 0.1


def test_compact_refuses_more_than_a_contract_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {f"extra_{number}": FEATURES["depth"] for number in range(MOST_INPUTS)}
    for name, row in more.items():
        monkeypatch.setitem(FEATURES, name, row)
    assert Shape("compact", tuple(more))
    with pytest.raises(ValueError, match="compact has 33 inputs; at most 32"):
        Shape("compact", (*more, "depth"))


def test_a_fit_is_repeatable_better_than_its_start_and_survives_its_file(market: Recording, tmp_path: Path) -> None:
    shape = make_shape("recurrent", "feed")
    effort = Effort(epochs=2, batch=64)
    one = fit("small", shape, [market], seed=3, effort=effort)
    two = fit("small", shape, [market], seed=3, effort=effort)
    for name, weights in one.file.weights.items():
        np.testing.assert_array_equal(weights, two.file.weights[name])
    assert one.learned[-1] < one.learned[0] and one.rows > 300
    description, weights_file = one.file.save(tmp_path)
    pricer, again = load_pricer(description), LearnedPricer(one.file)
    for reading in market.readings[:4]:
        laws = pricer.laws(reading)
        np.testing.assert_array_equal(laws.quantiles, again.laws(reading).quantiles)
    # what is learned on is what prices: the same rows from samples and from readings in order
    samples = samples_of([market], shape, "oracle")
    assert samples.sequence.shape[1:] == (shape.window, len(shape.sequence))
    n = len(market.keys)
    np.testing.assert_array_equal(samples.sequence[3 * n : 4 * n], pricer._past)
    weights_file.write_bytes(weights_file.read_bytes()[:-4])
    with pytest.raises(PricerError, match="cut short or changed|cannot be read"):
        load_pricer(description)


def test_a_market_counts_for_its_share(market: Recording) -> None:
    counts = row_counts(np.array([0, 0, 0, 1, 2, 2]), [0.5, 0.3, 0.2])
    np.testing.assert_allclose(counts, [1.0, 1.0, 1.0, 1.8, 0.6, 0.6])
    with pytest.raises(ValueError, match=r"shares are \[1.0, 0.0\]; 2 positive numbers, one a recording"):
        row_counts(np.array([0, 1]), [1.0, 0.0])
    # returns that are three times as large in a second market: a law learned from both is as wide as its share says
    wild = replace(market, log_close=market.log_close[:, :1] + 3.0 * (market.log_close - market.log_close[:, :1]))
    shape, effort = make_shape("linear", "chain"), Effort(epochs=8, batch=64, learning_rate=0.03)

    def width(shares: list[float]) -> float:
        file = fit("own", shape, [market, wild], effort=effort, shares=shares).file
        assert file.about["shares"] == shares
        return float(LearnedPricer(file).laws(market.readings[3]).moments()[1].mean())

    assert width([0.02, 0.98]) > 1.3 * width([0.98, 0.02])


def test_a_file_that_makes_no_sense_is_refused(market: Recording, tmp_path: Path) -> None:
    shape = make_shape("linear", "chain")
    network = make_network(shape, 0)
    weights = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    (description, _) = PricerFile("own", shape, "oracle", weights).save(tmp_path)
    text = description.read_text()
    for old, new, said in (
        ('"linear"', '"cubic"', "generation is 'cubic'"),
        ('"spot": "oracle"', '"spot": "moon"', "spot is 'moon'"),
        ('"levels": [', '"levels": [0.5,', "levels are not the"),
        ('"generation": "linear"', '"generation": "mlp"', "holds other weights"),
    ):
        description.write_text(text.replace(old, new))
        with pytest.raises(PricerError, match=said):
            load_pricer(description)


def test_held_out_markets_are_never_learned_from() -> None:
    for name in ("crash-heldout", "crisis-2020-03"):
        with pytest.raises(ValueError, match="never trained or tuned on"):
            record(CONFIG, name, 1, 2, training=True)


def test_opponents_say_what_their_formula_says(market: Recording) -> None:
    reading = market.readings[9]
    e = reading.hours.shape[1]
    years = np.repeat(1.0, e) * reading.hours[2] / 8760.0
    spread = (LEVELS.index(0.15), LEVELS.index(0.85))

    def deviations(pricer: object) -> np.ndarray:
        q = pricer.laws(reading).quantiles[2 * e : 3 * e]  # type: ignore[attr-defined]
        return np.asarray((q[:, spread[1]] - q[:, spread[0]]) / (2 * 1.0364334))

    np.testing.assert_allclose(deviations(ImpliedPricer()), reading.implied_vol[2] * np.sqrt(years), rtol=1e-5)
    moves = reading.returns[2, : int(reading.hour[2])]
    flat = EwmaPricer(half_life=1e9)
    np.testing.assert_allclose(deviations(flat), np.sqrt((moves**2).mean() * 8760.0 * years), rtol=1e-4)
    garch = GarchPricer(omega=1e-6, alpha=0.1, beta=0.8)
    variance = 1e-5
    for move in moves[::-1]:
        variance = 1e-6 + 0.1 * move**2 + 0.8 * variance
    total, step = 0.0, variance
    for _ in range(round(reading.hours[2, 0])):
        total, step = total + step, 1e-6 + 0.9 * step
    assert deviations(garch)[0] == pytest.approx(np.sqrt(total), rel=1e-4)
    # a smile is about as wide as its vols, and leans to the side where they are higher
    wide = deviations(SurfacePricer()) / np.sqrt(years)
    assert (np.abs(wide / reading.node_vol[2].mean(axis=1) - 1.0) < 0.15).all()
    with pytest.raises(ValueError, match="sum below 1"):
        GarchPricer(1e-6, 0.5, 0.6)


@pytest.mark.skipif(importlib.util.find_spec("arch") is None, reason="the extra pricing is not installed")
def test_garch_is_found_in_its_own_returns() -> None:
    rng = np.random.default_rng(0)
    variance, moves = 2e-5, np.empty(3000)
    for i in range(len(moves)):
        moves[i] = np.sqrt(variance) * rng.standard_normal()
        variance = 1e-6 + 0.1 * moves[i] ** 2 + 0.85 * variance
    found = fit_garch([moves])
    assert found.alpha == pytest.approx(0.1, abs=0.04) and found.beta == pytest.approx(0.85, abs=0.07)


def test_only_bad_prints_are_cleaned() -> None:
    rng = np.random.default_rng(1)
    logs = np.cumsum(0.005 * rng.standard_normal((3, 200)), axis=1)
    clean = logs.copy()
    logs[1, 50] += 0.4  # there and back within the hour
    logs[2, 80:] -= 0.4  # a crash that stays
    found, counts = clean_spikes(logs)
    assert counts.tolist() == [0, 1, 0]
    assert found[1, 50] == pytest.approx(0.5 * (clean[1, 49] + clean[1, 51]))
    np.testing.assert_array_equal(np.delete(found, 50, axis=1), np.delete(logs, 50, axis=1))


def test_outcomes_are_those_of_the_tape(market: Recording) -> None:
    tape = get_scenario("heston").draw(market.keys, 800)
    returns, known = market.outcomes(3, "oracle")
    reading = market.readings[3]
    end = int(reading.hour[4] + round(reading.hours[4, 1]))
    expected = np.log(float(tape["close"][4, end])) - np.log(reading.spot[4])
    assert known[4 * 4 + 1] and returns[4 * 4 + 1] == pytest.approx(expected, abs=1e-9)
    assert settled_apart([0, 2, 5, 6], [5, 4, 9, 7]) == [1, 3]
    assert Regularisation().held_out < 0.5
