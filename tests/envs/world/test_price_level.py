"""A market does not care what its coin is worth: the same candles in another unit of the coin are the same game."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.features import WORLD_FEATURES

PRICES = ("open", "high", "low", "close")


class Redenominated(Scenario):
    """A scenario whose coin is split or joined: every price times a factor, or up to an opening price."""

    split = "free"

    def __init__(self, inner: str, factor: float = 1.0, opening: float = 0.0) -> None:
        self.inner, self.factor, self.opening, self.name = (
            get_scenario(inner),
            factor,
            opening,
            f"{inner} redenominated",
        )

    @property
    def salt(self) -> np.uint64:
        return self.inner.salt

    def fill(self, tapes: Any, seeds: Any) -> None:
        self.inner.fill(tapes, seeds)
        factor = self.opening / tapes["close"][:, :1] if self.opening else self.factor
        for field in PRICES:
            tapes[field] *= factor
        tapes["high"] = np.maximum(tapes["high"], np.maximum(tapes["open"], tapes["close"]))
        tapes["low"] = np.minimum(tapes["low"], np.minimum(tapes["open"], tapes["close"]))


def played(
    scenario: Scenario, shake: Callable[..., Any], worlds: int = 6, **config: Any
) -> tuple[Simulator, list[Any]]:
    """Worlds after an episode of random levers, and what every step returned."""
    parameters = config.pop("parameters", {})
    simulator = Simulator(WorldConfig(**config).with_parameters(**parameters), worlds, scenario=scenario)
    simulator.reset(seeds=np.arange(worlds))
    rng = np.random.default_rng(2)
    return simulator, [simulator.step(shake(simulator, rng)) for _ in range(simulator.horizon)]


@pytest.mark.parametrize(
    ("scenario", "config"),
    [
        ("jump", {}),
        ("crisis-2020-03", {}),
        ("crisis-2020-03 + oracle-push + griefing-borrower", {"venues": 2}),
        ("jump + vol-push + supplier-run", {"parameters": {"oracle_pool_average": 1.0, "standard_margin": 1.0}}),
        (
            "jump",
            {"parameters": {"variance_fee_vega_static": 1e-3, "short_coin_share": 1.0, "short_pledge_share": 0.0}},
        ),
    ],
)
@pytest.mark.parametrize("power", [-20, 5])
def test_a_redenominated_tape_plays_the_same_bit_for_bit(
    shake: Callable[..., Any], scenario: str, config: dict[str, Any], power: int
) -> None:
    usual, steps = played(Redenominated(scenario, 1.0), shake, **config)
    other, same = played(Redenominated(scenario, 2.0**power), shake, **config)
    for hour, (a, b) in enumerate(zip(steps, same, strict=True)):
        for name in a.terms:
            assert np.array_equal(a.terms[name], b.terms[name]), (hour, name)
        for agent in a.obs:
            assert np.array_equal(a.obs[agent], b.obs[agent]), (hour, agent)
            assert np.array_equal(a.rewards[agent], b.rewards[agent])
        assert np.array_equal(a.n_events, b.n_events)
        assert np.array_equal(a.events["repaid"], b.events["repaid"])
        assert np.array_equal(a.events["seized"], b.events["seized"] * 2.0**power)
        assert np.array_equal(a.events["price"], b.events["price"] * 2.0**-power)
    ours, theirs = usual.worlds["venues"], other.worlds["venues"]
    assert np.array_equal(ours["long_calls"], theirs["long_calls"] * 2.0**power) and ours["long_calls"].sum() > 0.0
    assert np.array_equal(ours["account_scaled_debt"], theirs["account_scaled_debt"])


@pytest.mark.parametrize("scenario", ["jump", "crisis-2020-03"])
def test_welfare_and_option_fees_are_those_of_any_price(shake: Callable[..., Any], scenario: str) -> None:
    sums = {}
    for opening in (2_000.0, 64_000.0, 2e-5, 137.0):
        simulator, steps = played(Redenominated(scenario, opening=opening), shake, worlds=16)
        assert simulator.tape["close"][:, 0] == pytest.approx(opening, rel=1e-6)
        fees = sum(step.records["pool_fees"][:, 0] for step in steps)
        sums[opening] = np.stack([sum(step.terms["welfare_0"][:, -1] for step in steps), fees])
    usual = sums.pop(2_000.0)
    assert sums[64_000.0].mean(axis=1) == pytest.approx(usual.mean(axis=1), rel=0.01)
    for opening, found in sums.items():
        # candles in single precision round otherwise at other prices, and a loan may just be liquidated or not
        gap = found - usual
        error = gap.std(axis=1) / np.sqrt(gap.shape[1])
        assert (np.abs(gap.mean(axis=1)) <= 4.0 * error + 1e-12).all(), opening
        assert (np.abs(gap).mean(axis=1) < 0.2 * usual.std(axis=1)).all(), opening


def test_a_size_in_coins_would_be_found(shake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # the negative control: trades that are larger in money where the coin is dear do not play the same
    usual, _ = played(Redenominated("jump"), shake, worlds=2, episode_hours=48)
    sizes = {"trade_size": 33e3 * 32.0, "informed_cap": 360e3 * 32.0}
    other, _ = played(Redenominated("jump", 32.0), shake, worlds=2, episode_hours=48, parameters=sizes)
    flow = [simulator.feature("spread_0", "option_flow").mean() for simulator in (usual, other)]
    assert flow[1] > 2.0 * flow[0]


def test_no_feature_is_a_price() -> None:
    assert not {feature.unit for feature in WORLD_FEATURES} & {"USD", "USD per coin"}
