"""Pricers that quote an option pool: what they write, what the pool makes of it, and that none changes nothing."""

import numpy as np
import pytest

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.interfaces import SnapshotError
from protogov.envs.pricer import Anchors, PricerError, write_anchors
from protogov.envs.simulator import Simulator
from protogov.envs.world.pricing import quote
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS

CONFIG = WorldConfig(episode_hours=96, decision_hours=24).with_parameters(num_accounts=8)
QUIET = CONFIG.with_parameters(num_accounts=8, arrivals=0.0, num_shorts=0, put_look=0.0)
SHAPE = (4, 5)


class Smile:
    """A plain smile; it remembers how often it was asked."""

    def __init__(self, level=0.9, tilt=-0.3, slope=None, gamma=None, law=None, *, vols=True) -> None:
        self.level, self.tilt, self.slope, self.gamma, self.law, self.vols = level, tilt, slope, gamma, law, vols
        self.asked = 0

    def anchors(self, simulator) -> Anchors:
        self.asked += 1
        venue = simulator.worlds.view(np.ndarray)["venues"][:, 0]
        x = np.log(venue["strike"] / venue["oracle_price"][:, None, None])
        full = [None if value is None else np.full(x.shape, value) for value in (self.slope, self.gamma, self.law)]
        return Anchors(x, self.level + self.tilt * x if self.vols else None, *full)

    def fork(self, rows) -> "Smile":
        return self


def play(config, pricer, decisions=2, scenario="jump", worlds=2):
    world = Simulator(config, worlds, scenario=scenario, seed=3, pricers={} if pricer is None else {0: pricer})
    world.reset()
    still = {agent: np.zeros((worlds, world.action_size(agent))) for agent in world.agents}
    steps = [world.step(still) for _ in range(decisions)]
    return world, world.worlds.view(np.ndarray)["venues"][:, 0], steps


def test_a_pricer_that_writes_nothing_changes_nothing() -> None:
    _, plain, steps = play(CONFIG, None)
    _, written, others = play(CONFIG, Smile(vols=False))
    for one, other in zip(steps, others, strict=True):
        assert one.records.tobytes() == other.records.tobytes()
        np.testing.assert_array_equal(one.obs["rate_0"], other.obs["rate_0"])
    assert plain["base_vol"].tobytes() == written["base_vol"].tobytes()


def test_strikes_move_along_their_smile_with_the_spot_between_two_decisions() -> None:
    """Nobody trades and the surface stands on its anchor: it stays there, wherever the spot has gone in a day."""
    pricer = Smile()
    config = QUIET.with_parameters(num_accounts=8, arrivals=0.0, num_shorts=0, put_look=0.0, vol_reversion=0.1)
    world, venue, _ = play(config, pricer, 2)
    assert pricer.asked == 2
    x = np.log(venue["strike"] / venue["oracle_price"][:, None, None])
    ends = venue["anchor_moneyness"][..., [0, -1]]
    inside = (x > ends[..., :1]) & (x < ends[..., 1:])  # beyond the points a smile is flat
    vol = venue["base_vol"][:, :, None] * venue["skew"]
    moved = np.abs(x - venue["anchor_moneyness"]).max()
    assert moved > 0.003 and inside.any()
    np.testing.assert_allclose(vol[inside], (0.9 - 0.3 * x)[inside], rtol=1e-9)
    # the rule's skews were left where they were an hour ago
    _, other, _ = play(config, None, 2)
    assert (other["anchored"] == 0).all() and (other["carried_ratio"] >= 0).all()


def test_the_surface_reverts_with_the_half_life_of_its_rule() -> None:
    config = QUIET.with_parameters(num_accounts=8, arrivals=0.0, num_shorts=0, put_look=0.0, vol_reversion=24.0)
    _, venue, _ = play(config, Smile(tilt=0.0), 2, scenario="flat")
    world = Simulator(config, 2, scenario="flat", seed=3)
    world.reset()
    start = world.worlds["venues"]["base_vol"][:, 0]
    # two half-lives; the first expiry has settled, and the next one was listed on the anchor
    np.testing.assert_allclose((0.9 - venue["base_vol"])[:, 1:], (0.9 - start)[:, 1:] * 0.25, rtol=1e-6)
    np.testing.assert_allclose(venue["base_vol"][:, 0], 0.9, rtol=1e-9)


def test_delta_and_gamma_of_the_pricer_reach_the_book() -> None:
    config = QUIET.with_parameters(num_accounts=8, arrivals=0.0, num_shorts=0, put_look=0.0)
    world, venue, _ = play(config, Smile(slope=0.4, gamma=1.5), 1)
    _, plain, _ = play(config, Smile(), 1)
    record, now = venue[0], world.worlds.view(np.ndarray)["substep"][0]
    delta = gamma = 0.0
    for e in range(4):
        years = (record["expiry"][e] - (now - 1)) / (HOURS_PER_YEAR * SUBSTEPS)  # marked in the last sub-step
        for k in range(5):
            spot, strike = record["oracle_price"], record["strike"][e, k]
            vol = record["base_vol"][e] * record["skew"][e, k] + record["skew_shift"]
            _, _, own, bend, vega = quote(spot, strike, years, vol, 0.03)
            own += vega * 0.4 / spot
            calls = record["short_calls"][e, k] - record["long_calls"][e, k]
            puts = record["short_puts"][e, k] - record["long_puts"][e, k]
            delta += calls * own + puts * (own - 1.0)
            gamma += (calls + puts) * bend * 1.5
    assert record["net_delta"] == pytest.approx(delta, rel=1e-6)
    assert record["net_gamma"] == pytest.approx(gamma, rel=1e-6)
    assert plain[0]["net_gamma"] != pytest.approx(gamma, rel=0.1)
    assert record["hedge_coin"] == pytest.approx(-record["hedge_ratio"] * delta, rel=0.2)


def test_who_knows_the_law_gains_nothing_from_a_pool_that_quotes_it() -> None:
    """Vol arbitrageurs trade against the tape's vol; told the law, they leave a pool alone that is anchored to it."""

    def gained(law) -> float:
        config = CONFIG.with_parameters(
            num_accounts=8, vol_reversion=0.1, latency_share=0.0, informed_scale=5.0, buy_share=0.5, lp_choice=0.0
        )
        world = Simulator(config, 4, scenario="jump", seed=1, pricers={0: Smile(level=1.2, tilt=0.0, law=law)})
        world.reset()
        still = {agent: np.zeros((4, world.action_size(agent))) for agent in world.agents}
        total = 0.0
        for _ in range(3):
            world.step(still)
            total += world.worlds["venues"]["sum_informed_profit"].sum()
        return total

    told, tape, wrong = gained(1.2), gained(None), gained(1.6)
    assert told < 0.2 * min(tape, wrong) and tape > 0 and wrong > 0


def test_a_new_expiry_has_the_farthest_smile() -> None:
    config = WorldConfig(episode_hours=240, decision_hours=24).with_parameters(
        num_accounts=8, arrivals=0.0, num_shorts=0, put_look=0.0
    )

    class Terms(Smile):
        """Each slot has its own level."""

        def anchors(self, simulator) -> Anchors:
            found = super().anchors(simulator)
            return found._replace(vol=np.broadcast_to(np.array([0.5, 0.6, 0.7, 0.8])[:, None], found.vol.shape).copy())

    world = Simulator(config, 1, scenario="flat", seed=3, pricers={0: Terms()})
    world.reset()
    still = {agent: np.zeros((1, world.action_size(agent))) for agent in world.agents}
    venue = world.worlds.view(np.ndarray)["venues"][:, 0]
    first = venue["expiry"][0, 0]
    while venue["expiry"][0, 0] == first:
        world.step(still)
    assert venue["base_vol"][0, 0] == pytest.approx(0.8, abs=1e-3)  # of slot 3, not the index, not its own


def test_quotes_come_from_the_pool_and_settle_at_the_oracle() -> None:
    outside = {"num_accounts": 8, "arrivals": 0.0, "num_shorts": 0, "put_look": 0.0, "hedge_through_pool": 0.0}
    config = QUIET.with_parameters(**outside, quotes_from_pool=1.0)
    world, venue, _ = play(config, None, 2)
    now = world.worlds["substep"][0] - 1
    seen = venue["pool_seen"][0][[(now - back) % 16 for back in range(6)]]
    assert venue["quote_price"][0] == pytest.approx(venue["opening_price"][0] * np.exp(seen.mean()), rel=1e-12)
    assert venue["quote_price"][0] != venue["oracle_price"][0]
    _, plain, _ = play(QUIET.with_parameters(**outside), None, 2)
    assert plain["oracle_price"].tobytes() == venue["oracle_price"].tobytes()  # nobody traded: the feed is as it was
    settled = [np.asarray(one["option_cash"] + one["option_scaled"] * one["supply_index"]) for one in (plain, venue)]
    hedges = [one["hedge_coin"] for one in (plain, venue)]
    assert (hedges[0] != hedges[1]).all() and np.isfinite(settled).all()
    assert (plain["net_delta"] != venue["net_delta"]).all()


def test_forks_go_on_alike_and_snapshots_refuse() -> None:
    world, _, _ = play(CONFIG, Smile(), 1)
    copy = world.fork([0, 1])
    still = {agent: np.zeros((2, world.action_size(agent))) for agent in world.agents}
    assert world.step(still).records.tobytes() == copy.step(still).records.tobytes()
    with pytest.raises(SnapshotError, match="memory of pricers"):
        world.snapshot()


@pytest.mark.parametrize(
    ("anchors", "said"),
    [
        ({"vol": np.full((1, *SHAPE), 7.0)}, "vol 7 in world 0, expiry 0, strike 0; 0.05 to 5 is accepted"),
        ({"vol": np.full((1, *SHAPE), np.nan)}, "vol nan in world 0"),
        ({"vol": np.full((2, *SHAPE), 0.5)}, r"vol of shape \(2, 4, 5\)"),
        ({"gamma": np.full((1, *SHAPE), -1.0)}, "gamma -1 in world 0"),
        ({"moneyness": np.zeros((1, *SHAPE))}, "moneyness that does not rise in world 0"),
    ],
)
def test_anchors_that_no_surface_can_have_are_refused(anchors, said) -> None:
    world = Simulator(CONFIG, 1, scenario="flat")
    world.reset()
    venue = world.worlds.view(np.ndarray)["venues"][:, 0]
    before = venue.tobytes()
    rising = np.broadcast_to(np.linspace(-0.2, 0.2, 5), (1, *SHAPE)).copy()
    with pytest.raises(PricerError, match=said):
        write_anchors(venue, Anchors(**{"moneyness": rising, **anchors}))
    assert venue.tobytes() == before


def test_a_venue_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="pricers names venue 1; 0 to 0 are accepted"):
        Simulator(CONFIG, 1, pricers={1: Smile()})
