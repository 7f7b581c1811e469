"""The margin engine against closed forms: quantiles of a short call, covered positions, loans, coverage."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from protogov.agents.pricing.margins import (
    Accounts,
    Futures,
    at_horizon,
    draw_futures,
    largest_ltv,
    requirements,
    rules_of_today,
    short_book,
)
from protogov.agents.pricing.opponents import ImpliedPricer
from protogov.agents.pricing.quantile_law import normal_law
from protogov.agents.pricing.reader import MarketReader
from protogov.envs.config import WorldConfig
from protogov.envs.laws import known_law
from protogov.envs.scenarios import PathScenario, get_scenario
from protogov.envs.simulator import Simulator
from protogov.envs.world.pricing import call_and_put

DAY_SD = 0.6 * np.sqrt(24.0 / 8760.0)  # of a vol of 60%
GBM = known_law(get_scenario("gbm"), np.full(2, round(0.36 / 1e-9)), np.full(2, 24.0))
FUTURES = draw_futures(GBM, vol_spread=0.0)


def accounts_of(contracts: list[float], **values: float) -> Accounts:
    """Two worlds with the same accounts, calls at 100 a week from expiry unless told otherwise."""
    many = np.tile(np.array(contracts), (2, 1))
    known = {"call": 1.0, "strike": 100.0, "hours": 168.0, "vol": 0.6, "coin": 0.0, "debt": 0.0} | values
    return Accounts(many, *(np.full(many.shape, known[name]) for name in known), np.full(2, 100.0), np.zeros(2))


@pytest.mark.parametrize("call", [1.0, 0.0])
def test_a_short_option_needs_its_price_at_the_quantile_of_the_spot(call: float) -> None:
    """Under GBM the buy-back is monotone in the price: its quantile is its value at the price's quantile."""
    found = requirements(FUTURES, accounts_of([1.0], call=call))
    z = norm.ppf(0.99 if call else 0.01)
    spot = 100.0 * np.exp(-0.5 * DAY_SD**2 + DAY_SD * z)
    value = call_and_put(spot, 100.0, 144.0 / 8760.0, 0.6, 0.0)[0 if call else 1]
    np.testing.assert_allclose(found, value, rtol=4e-3)  # one draw of 4,096 there is .01 standard deviations


def test_it_rises_with_size_level_and_doubt_about_vols() -> None:
    sizes = requirements(FUTURES, accounts_of([0.0, 1.0, 2.0, 5.0]))
    np.testing.assert_allclose(sizes[0], sizes[0, 1] * np.array([0.0, 1.0, 2.0, 5.0]), rtol=1e-12)
    part_covered = requirements(FUTURES, accounts_of([1.0, 2.0, 3.0], coin=1.0, strike=40.0))[0]
    assert (np.diff(part_covered) > 0.0).all() and part_covered[0] == 0.0
    one = accounts_of([1.0])
    assert (requirements(FUTURES, one, level=0.999) > requirements(FUTURES, one)).all()
    assert (requirements(draw_futures(GBM, vol_spread=0.3), one) > requirements(FUTURES, one)).all()


def test_what_is_covered_needs_nothing_and_what_is_not_does() -> None:
    """A call against as much coin can always be delivered; a put against cash of its strike can too."""
    assert (requirements(FUTURES, accounts_of([3.0], coin=3.0)) == 0.0).all()
    assert (requirements(FUTURES, accounts_of([3.0], coin=2.9, strike=1.0)) > 0.0).all()
    puts = requirements(FUTURES, accounts_of([2.0], call=0.0, strike=150.0))
    assert (puts <= 2.0 * 150.0).all()
    expired = requirements(FUTURES, accounts_of([1.0], hours=0.0, strike=90.0))
    np.testing.assert_allclose(expired, 10.0)


def test_a_loan_needs_nothing_up_to_the_largest_ltv() -> None:
    ltv = largest_ltv(FUTURES, sale_cost=0.05)
    np.testing.assert_allclose(ltv, 0.95 * np.exp(-0.5 * DAY_SD**2 + DAY_SD * norm.ppf(0.01)), rtol=1e-3)
    for share, is_safe in ((0.9999, True), (1.0001, False)):
        debt = float(share * ltv[0] * 100.0)
        needed = requirements(FUTURES, accounts_of([0.0], coin=1.0, debt=debt), sale_cost=0.05)
        assert (needed[0] == 0.0).all() == is_safe


def test_ninety_nine_of_a_hundred_days_are_covered_on_tapes_of_known_law_and_fewer_by_a_wrong_one() -> None:
    scenario = get_scenario("gbm")
    assert isinstance(scenario, PathScenario)
    seeds, hours = np.arange(1500, dtype=np.uint64), 24
    close = scenario.draw(seeds, hours)["close"].astype(np.float64)
    marks = scenario.marks(seeds, hours)[:, 0]
    spot = close[:, 0]
    one = np.ones((len(spot), 1))
    book = Accounts(one, one, spot[:, None], 168.0 * one, 0.6 * one, 0.0 * one, 0.0 * one, spot, np.zeros(len(spot)))
    owed = np.array([call_and_put(s, k, 144.0 / 8760.0, 0.6, 0.0)[0] for s, k in zip(close[:, -1], spot, strict=True)])

    def breaches(factor: float) -> int:
        law = known_law(scenario, np.rint(marks * factor**2), np.full(len(spot), 24.0))
        needed = requirements(draw_futures(law, count=1024, vol_spread=0.0), book)[:, 0]
        return int((owed > needed).sum())

    assert binomtest(breaches(1.0), len(spot), 0.01).pvalue > 0.01
    assert binomtest(breaches(0.8), len(spot), 0.01).pvalue < 1e-4  # the negative control: a vol of four fifths


def test_it_reads_the_book_of_a_world_and_the_rules_of_today() -> None:
    world = Simulator(WorldConfig(episode_hours=48), 3, scenario="jump", seed=2)
    world.reset()
    still = {agent: np.zeros((3, world.action_size(agent))) for agent in world.agents}
    reader = MarketReader()
    reader.read(world)
    for _ in range(6):
        world.take_actions(still)
        world.advance()
        reading = reader.read(world)
    laws = ImpliedPricer().laws(at_horizon(reading))
    deviation = reading.implied_vol * np.sqrt(24 / 8760)
    np.testing.assert_allclose(laws.quantiles, normal_law(-0.5 * deviation**2, deviation).quantiles, rtol=1e-9)
    worlds, params = world.worlds.view(np.ndarray), world.params.view(np.ndarray)
    book = short_book(worlds, params)
    needed = requirements(draw_futures(laws, count=256), book)
    there = book.contracts > 0.0
    assert there.any() and (needed[there] > 0.0).all() and (needed[~there] == 0.0).all()
    # the engine's vol is the pool's own: marks come back
    venue = worlds["venues"][:, 0]
    i, s = np.argwhere(there)[0]
    mark = venue["mark_call" if book.call[i, s] else "mark_put"][
        i, venue["short_expiry"][i, s], venue["short_strike"][i, s]
    ]
    own = call_and_put(book.spot[i], book.strike[i, s], book.hours[i, s] / 8760.0, book.vol[i, s], book.rate[i])
    assert own[0 if book.call[i, s] else 1] == pytest.approx(mark, rel=0.1)
    rules = rules_of_today(book, world.params[:, 0], venue["option_margin"].astype(np.float64))
    assert all((rule[there] > 0.0).all() and (rule[~there] == 0.0).all() for rule in rules.values())


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="count of futures is 100; a power of two"):
        draw_futures(GBM, count=100)
    with pytest.raises(ValueError, match="futures are of 1 worlds and accounts of 2"):
        requirements(Futures(np.zeros((1, 4)), np.ones(4)), accounts_of([1.0]))
