"""The calibration: its statistics against closed forms and planted processes, its bands, and a small run of it all."""

import json

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.envs.simulator import Simulator
from protogov.experiments.cli import main
from protogov.experiments.core.play import EVALUATION_SEEDS
from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.tables import Table, concatenate
from protogov.experiments.studies.calibration.bands import BAND_BY_NAME, BANDS, CRISES, FITTED, SCENARIOS, Band, failing
from protogov.experiments.studies.calibration.hours import (
    HOURLY,
    POPULATIONS,
    SharedTape,
    days_of,
    grouped,
    play_markets,
    play_pool,
    read_hours,
)
from protogov.experiments.studies.calibration.market import (
    COLUMNS,
    ENOUGH_LIQUIDATIONS,
    FIRST_FITTING,
    FIRST_SEED,
    Tapes,
    band_figure,
    measure_market,
    measure_scenarios,
)
from protogov.experiments.studies.calibration.statistics import (
    BETWEEN,
    CALM,
    FIRST_HOUR,
    STRESS,
    Fit,
    daily_fit,
    design,
    drawdown,
    gini,
    hour_kinds,
    poisson_fit,
    ratio_of_sums,
    realised_vol,
)
from protogov.experiments.studies.calibration.summary import figures_in, figures_of, fit_markets, fit_risk, spread_of

# ---------------------------------------------------------------------- statistics


def ends(fit: Fit) -> np.ndarray:
    """Coefficients, lower and upper ends of their intervals, F64[3, 4]."""
    return np.array([(one.mean, one.low, one.high) for one in fit.coefficients]).T


def planted(coefficients, num_worlds=300, days=14, noise=0.0, seed=1):
    """Daily returns and events whose ln(events + 1) follows the four regressors exactly, but for `noise`."""
    random = np.random.default_rng(seed)
    returns = random.normal(0.0, 0.05, (num_worlds, days))
    before = np.concatenate([np.zeros((num_worlds, 1)), returns[:, :-1]], axis=1)
    a, today, yesterday, rise = coefficients
    logs = a + today * np.minimum(returns, 0) + yesterday * np.minimum(before, 0) + rise * np.maximum(returns, 0)
    return returns, np.expm1(logs + random.normal(0.0, noise, logs.shape) if noise else logs)


def test_the_regression_finds_a_planted_process() -> None:
    published = (1.03, -29.9, -20.3, 4.6)
    returns, events = planted(published)
    fit = daily_fit(returns, events, np.arange(300))
    np.testing.assert_allclose(ends(fit)[0], published, rtol=1e-9)
    assert fit.r_squared == pytest.approx(1.0)
    assert fit.days == 300 * 13
    assert fit.multiplier.mean == pytest.approx(np.exp(0.05 * 29.9))  # 4.46: "about 4.5 times"


def test_intervals_of_the_regression_cover_what_was_planted_and_shrink_with_seeds() -> None:
    published = np.array([1.03, -29.9, -20.3, 4.6])
    few, many = (daily_fit(*planted(published, n, noise=1.0), np.arange(n)) for n in (60, 960))
    for fit in (few, many):
        found, low, high = ends(fit)
        assert (low < published).all() and (published < high).all()
        assert (low < found).all() and (found < high).all()
        assert fit.multiplier.low < fit.multiplier.mean < fit.multiplier.high
    np.testing.assert_allclose(np.diff(ends(few)[1:], axis=0) / np.diff(ends(many)[1:], axis=0), 4.0, rtol=0.35)


def test_worlds_of_one_seed_are_one_cluster() -> None:
    # the same worlds four times over say nothing new: intervals are those of the worlds once, not half as wide
    returns, events = planted((1.0, -30.0, -20.0, 5.0), 100, noise=1.0)
    once = daily_fit(returns, events, np.arange(100))
    repeated = daily_fit(np.tile(returns, (4, 1)), np.tile(events, (4, 1)), np.tile(np.arange(100), 4))
    np.testing.assert_allclose(ends(repeated), ends(once))


def test_a_regression_without_falls_has_no_coefficients() -> None:
    fit = daily_fit(np.full((5, 4), 0.01), np.ones((5, 4)), np.arange(5))
    assert np.isnan(ends(fit)[0]).all()
    with pytest.raises(ValueError, match="1 days"):
        daily_fit(np.zeros((3, 1)), np.zeros((3, 1)), np.arange(3))


def planted_risk(coefficients, tapes=200, populations=4, days=14, accounts=128, seed=2):
    """Daily returns [worlds, days], Poisson events and tapes of worlds of which `populations` share a tape."""
    random = np.random.default_rng(seed)
    returns = np.repeat(random.normal(0.0, 0.04, (tapes, days)), populations, axis=0)
    before = np.concatenate([np.zeros((returns.shape[0], 1)), returns[:, :-1]], axis=1)
    a, today, yesterday, rise = coefficients
    logs = a + today * np.minimum(returns, 0) + yesterday * np.minimum(before, 0) + rise * np.maximum(returns, 0)
    events = random.poisson(accounts * np.exp(logs)).astype(float)
    return returns, events, np.repeat(np.arange(tapes), populations)


def test_the_poisson_regression_finds_a_planted_risk() -> None:
    planted_there = np.array([-7.0, -25.0, -10.0, 3.0])
    fit = poisson_fit(*planted_risk(planted_there), 128)
    found, low, high = ends(fit)
    assert (low < planted_there).all() and (planted_there < high).all() and (low < found).all() and (found < high).all()
    assert fit.clusters == 200 and fit.days == 800 * 13


def test_the_poisson_regression_does_not_depend_on_the_size_of_a_market_and_the_other_does() -> None:
    returns, events, tapes = planted_risk((-7.0, -25.0, -10.0, 3.0))
    together = events.reshape(200, 4, -1).sum(axis=1)
    alone, joined = poisson_fit(returns, events, tapes, 128), poisson_fit(returns[::4], together, tapes[::4], 512)
    np.testing.assert_allclose(ends(joined), ends(alone), rtol=1e-8)  # a tape is a cluster, whatever is added up
    small, large = daily_fit(returns, events, tapes), daily_fit(returns[::4], together, tapes[::4])
    assert ends(large)[0, 1] < 1.3 * ends(small)[0, 1]


def test_errors_of_the_poisson_regression_know_that_worlds_on_one_tape_move_together() -> None:
    returns, events, tapes = planted_risk((-5.0, -25.0, -10.0, 3.0), tapes=100)
    random = np.random.default_rng(5)
    shaken = random.poisson(events * np.repeat(random.lognormal(0.0, 1.0, 100), 4)[:, None]).astype(float)
    clustered = poisson_fit(returns, shaken, tapes, 128)
    apart = poisson_fit(returns, shaken, np.arange(400), 128)
    assert (np.diff(ends(clustered)[1:], axis=0) > 1.4 * np.diff(ends(apart)[1:], axis=0)).all()


def test_errors_of_the_poisson_regression_are_the_sandwich_written_out() -> None:
    returns, events, tapes = planted_risk((-5.0, -25.0, -10.0, 3.0), tapes=40)
    found, low, high = ends(poisson_fit(returns, events, tapes, 128))
    x, y = design(returns).reshape(-1, 4), events[:, 1:].ravel()
    mean = 128 * np.exp(x @ found)
    np.testing.assert_allclose(x.T @ (y - mean), 0.0, atol=1e-5)  # the likelihood is at its highest
    scores = np.zeros((40, 4))
    np.add.at(scores, np.repeat(tapes, 13), x * (y - mean)[:, None])
    bread = np.linalg.inv((x * mean[:, None]).T @ x)
    errors = np.sqrt(np.diag(bread @ scores.T @ scores @ bread))
    np.testing.assert_allclose(high - low, 2 * 1.959964 * errors, rtol=1e-6)


def test_a_poisson_regression_without_events_or_falls_has_no_coefficients() -> None:
    for returns, events in ((np.full((4, 5), 0.01), np.ones((4, 5))), (np.zeros((4, 5)), np.zeros((4, 5)))):
        fit = poisson_fit(returns, events, np.arange(4), 128)
        assert np.isnan(ends(fit)).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5.0, 5.0, 5.0], 0.0),
        ([0.0, 0.0, 0.0, 7.0], 3 / 4),  # one has all: (n - 1) / n
        ([1.0, 3.0], 0.25),
        ([0.0, 1.0, 2.0, 3.0, 4.0], 0.4),
        ([-9.0, -1.0, 1.0, 3.0], 0.625),  # losses count as nothing
        (np.arange(1, 1001) / 1000.0, 1 / 3),  # uniform on (0, 1)
    ],
)
def test_gini_closed_forms(values, expected) -> None:
    assert gini(values) == pytest.approx(expected, abs=1e-3)
    assert gini(np.asarray(values) * 1e6) == pytest.approx(gini(values))


def test_gini_is_one_less_twice_the_area_below_the_lorenz_curve() -> None:
    values = np.random.default_rng(3).pareto(1.5, 50)
    held = np.concatenate([[0.0], np.cumsum(np.sort(values))]) / values.sum()
    share = np.linspace(0.0, 1.0, held.size)
    assert gini(values) == pytest.approx(1.0 - 2.0 * np.trapezoid(held, share))
    assert np.isnan(gini([0.0, -1.0])) and np.isnan(gini([]))


def test_a_ratio_of_sums_counts_every_hour_the_same() -> None:
    found = ratio_of_sums(np.array([10.0, 0.0]), np.array([10.0, 90.0]))
    assert found.mean == pytest.approx(0.1) and found.low == 0.0 and found.high == 1.0
    nothing = ratio_of_sums(np.zeros(3), np.zeros(3))
    assert np.isnan([nothing.mean, nothing.low, nothing.high]).all()


# ---------------------------------------------------------------------- kinds of hours


def zigzag(vol: float, hours: int) -> np.ndarray:
    """Closes whose every hourly log return is of the size that an annual `vol` means, up and down in turn."""
    size = vol / np.sqrt(8760.0)
    return 3000.0 * np.exp(np.cumsum(np.concatenate([[0.0], size * (-1.0) ** np.arange(hours)])))


def test_realised_vol_and_drawdown_on_paths_that_are_known() -> None:
    np.testing.assert_allclose(realised_vol(zigzag(0.9, 60)[None]), 0.9)
    closes = np.array([[100.0, 120.0, 90.0, 60.0, 66.0]])
    np.testing.assert_allclose(drawdown(closes, 10), [[0.0, 0.25, 0.5, 0.45]])
    np.testing.assert_allclose(drawdown(closes, 1), [[0.0, 0.25, 1 / 3, 0.0]])


@pytest.mark.parametrize(("vol", "kind"), [(0.74, CALM), (0.76, BETWEEN), (1.49, BETWEEN), (1.51, STRESS)])
def test_vol_alone_decides_while_the_price_stays(vol, kind) -> None:
    kinds = hour_kinds(zigzag(vol, 60)[None])
    assert (kinds[0, :FIRST_HOUR] == -1).all()
    assert (kinds[0, FIRST_HOUR:] == kind).all()


def test_a_fall_is_stress_for_three_days_and_not_calm_for_a_week() -> None:
    # 21% within ten hours at the slow end of what vol would notice, then nothing moves any more
    fall = np.concatenate([np.zeros(20), np.linspace(0.0, np.log(0.79), 30), np.full(300, np.log(0.79))])
    kinds = hour_kinds(3000.0 * np.exp(fall)[None])[0]
    assert kinds[15] == CALM
    assert kinds[48] == STRESS and kinds[48 + 20] == STRESS  # vol is over after a day, the drawdown not
    assert kinds[48 + 72] == BETWEEN  # the high of three days is gone, that of the week not
    assert kinds[-1] == CALM


# ---------------------------------------------------------------------- bands


def test_every_band_is_a_range_that_its_published_value_lies_in() -> None:
    assert len(BAND_BY_NAME) == len(BANDS)
    for band in BANDS:
        assert band.low < band.high and band.source
        assert "this world" not in band.source and set(band.scenarios) <= set(SCENARIOS)
        assert band.target is None or band.holds(band.target)


def test_a_band_says_inside_outside_and_unsure() -> None:
    band = Band("gain", "a gain", "borrow_rate", ("calm",), 0.1, 0.4, None, "somebody")
    assert band.verdict(Interval(0.2, 0.15, 0.3)) == "inside"
    assert band.verdict(Interval(0.1, 0.1, 0.1)) == "inside"
    assert band.verdict(Interval(0.2, 0.05, 0.3)) == "inside, interval crosses an edge"
    assert band.verdict(Interval(0.5, 0.45, 0.6)) == "OUTSIDE"
    assert band.verdict(Interval(0.41, 0.3, 0.6)) == "OUTSIDE, interval crosses an edge"
    assert band.verdict(Interval(float("nan"), 0.0, 1.0)) == "not measured"


def test_a_figure_outside_absent_or_not_a_number_fails() -> None:
    inside = {band.name: Interval((band.low + min(band.high, 1e9)) / 2, 0.0, 0.0) for band in BANDS}
    assert failing(inside) == []
    first, second, third = BANDS[:3]
    assert np.isfinite(first.high)
    wrong = dict(inside)
    wrong[first.name] = Interval(first.high * 1.001, 0.0, 0.0)
    wrong[second.name] = Interval(float("nan"), 0.0, 0.0)
    del wrong[third.name]
    assert failing(wrong) == [first, second, third]


# ---------------------------------------------------------------------- worlds


SIX = np.arange(6, dtype=np.uint64)


@pytest.fixture(scope="module")
def hours() -> dict[str, Table]:
    """Six worlds of four days on jumps and on a calm market."""
    return {name: read_hours(WorldConfig(episode_hours=96), name, SIX) for name in ("jump", "calm")}


def test_gains_are_made_of_the_debt_nearby_and_the_depth(hours) -> None:
    for table in hours.values():
        rows = np.tile(np.arange(97), 6) > 0
        hourly = {name: table[name][rows].astype(np.float64) for name in HOURLY}
        gain = 0.2 * hourly["near"] * hourly["debt"] / hourly["depth"]
        np.testing.assert_allclose(hourly["liquidation_gain"], gain, rtol=1e-4, atol=1e-9)
        assert (hourly["hedge_gain"] > 0.0).all()
        for name in ("near", "overdue", "near_idle", "utilisation"):
            assert (hourly[name] >= 0.0).all() and (hourly[name] <= 1.0 + 1e-6).all()
        largest = table["largest"][np.isfinite(table["largest"])]
        assert largest.size == 6 * 4 and ((largest > 13 / 128) & (largest < 1.0)).all()
        assert (table["kind"].reshape(6, 97)[:, : FIRST_HOUR + 1] == -1).all() and (table["lost"] == 0.0).all()


def test_the_record_of_an_hour_is_what_the_world_says_then(hours) -> None:
    world = Simulator(WorldConfig(episode_hours=96, decision_hours=1), 6, scenario="jump")
    world.reset(seeds=SIX)
    still = {agent: np.zeros((6, world.action_size(agent))) for agent in world.agents}
    for _ in range(3):
        world.step(still)
    third = {name: values.reshape(6, 97)[:, 3] for name, values in hours["jump"].items()}
    np.testing.assert_array_equal(third["close"], world.tape["close"][:, 3].astype(float))
    np.testing.assert_array_equal(third["borrow_rate"], world.worlds["venues"]["borrow_rate"][:, 0].astype(np.float32))
    np.testing.assert_array_equal(third["welfare"], world.welfare(0))


def test_events_of_the_days_are_the_liquidations_of_the_record() -> None:
    days = days_of(read_hours(WorldConfig(episode_hours=80), _Drop(), SIX[:4]))
    returns, events, tapes = grouped(days)
    assert events[:, 0].sum() == 0.0  # nothing moves on the first day
    assert (events[:, 1] > 0.0).all()  # the price falls by 30% in the second
    np.testing.assert_allclose(returns, [[0.0, np.log(0.7), 0.0]] * 4, atol=1e-6)  # hours of no whole day are left
    assert tapes.tolist() == [0, 1, 2, 3]


def test_the_last_hour_of_a_day_belongs_to_it() -> None:
    days = days_of(read_hours(WorldConfig(episode_hours=48), _Drop(first=23, last=24), SIX[:4]))
    assert (days["events"][days["day"] == 0] > 0.0).all()


class _Drop(Scenario):
    """Quiet days and a fall of 30% between two hours."""

    name, split = "drop", "free"

    def __init__(self, first: int = 24, last: int = 48) -> None:
        self.first, self.last = first, last

    def fill(self, tapes, seeds) -> None:
        get_scenario("flat").fill(tapes, seeds)
        hours = np.arange(tapes.shape[1])
        path = 3000.0 * np.exp(np.log(0.7) * np.clip((hours - self.first) / (self.last - self.first), 0.0, 1.0))
        opens = np.concatenate([path[:1], path[:-1]])
        for field, values in (("open", opens), ("high", opens), ("low", path), ("close", path)):
            tapes[field] = values


def test_a_market_is_many_populations_on_one_tape() -> None:
    seeds = Tapes("jump", 5, 2 * POPULATIONS).seeds
    config = WorldConfig(episode_hours=48)
    world = Simulator(config, 2 * POPULATIONS, scenario=SharedTape(get_scenario("jump"), seeds))
    world.reset(seeds=seeds)
    closes = world.tape["close"]
    assert (closes[:POPULATIONS] == closes[0]).all() and (closes[POPULATIONS:] == closes[POPULATIONS]).all()
    assert (closes[0] != closes[POPULATIONS]).any()
    alone = Simulator(config, 1, scenario="jump")
    alone.reset(seeds=[5])
    assert (alone.tape["close"][0] == closes[0]).all()  # the tape of its first seed, not some other
    leverage = world.worlds["venues"]["account_leverage"][:, 0, :128]
    assert (leverage[0] != leverage[1]).all()
    days = play_markets(config, Tapes("jump", 5, 2))
    returns, events, tapes = grouped(days, POPULATIONS)
    np.testing.assert_allclose(returns, np.diff(np.log(closes[::POPULATIONS, ::24].astype(float)), axis=1))
    assert tapes.tolist() == [5, 5 + POPULATIONS] and events.sum() == days["events"].sum()
    # the worlds of a tape played with others, or in a piece of their own
    np.testing.assert_array_equal(
        concatenate(play_markets(config, Tapes("jump", first, 1)) for first in (5, 5 + POPULATIONS))["events"],
        days["events"],
    )


def test_small_markets_flatten_the_slope_that_a_large_one_shows() -> None:
    random = np.random.default_rng(4)
    returns = np.repeat(random.normal(0.0, 0.04, (200, 14)), POPULATIONS, axis=0)
    events = random.poisson(0.05 * np.exp(-30.0 * np.minimum(returns, 0.0))).astype(float)
    days = {"tape": np.repeat(np.arange(200), 14 * POPULATIONS), "day": np.tile(np.arange(14), 200 * POPULATIONS)}
    days |= {"return": returns.ravel(), "events": events.ravel()}
    alone, together = fit_markets(days, 1), fit_markets(days)
    assert alone.days == POPULATIONS * together.days and alone.events == together.events
    assert ends(together)[0, 1] < 1.7 * ends(alone)[0, 1] < 0.0
    assert -30.0 < ends(together)[0, 1]


def test_hours_of_a_kind_are_pooled_over_sources(hours) -> None:
    table = concatenate(hours.values())
    found, values = spread_of(table, "hedge_gain", CALM), table["hedge_gain"][table["kind"] == CALM]
    assert found["hours"] == values.size > 0
    assert found["mean"] == pytest.approx(values.mean())
    assert found["low"] <= found["mean"] <= found["high"]
    assert found["median"] == pytest.approx(np.median(values)) and found["p5"] <= found["median"] <= found["p95"]
    assert np.isnan(spread_of(hours["calm"], "hedge_gain", STRESS)["mean"])  # no stress in a calm market


def test_a_feeless_pool_loses_an_eighth_of_the_variance() -> None:
    found = play_pool(WorldConfig(episode_hours=96), Tapes("jump", 0, 2))
    np.testing.assert_allclose(found["loss"], found["path_variance"] / 8.0, rtol=0.02)
    assert (found["loss"] > 0.0).all()


# ---------------------------------------------------------------------- what bands are held against


HOURS = 48


@pytest.fixture(scope="module")
def falling():
    """Eight worlds of two days in which the price falls by 30% on the second; the same read by hand, hour by hour."""
    config, seeds = WorldConfig(episode_hours=HOURS), np.arange(8, dtype=np.uint64)
    table = measure_market(config, _Drop(), seeds)
    return table, seeds


def test_every_column_is_what_the_world_did_read_every_decision(falling) -> None:
    table, seeds = falling
    world = Simulator(WorldConfig(episode_hours=HOURS, decision_hours=6), 8, scenario=_Drop())
    world.reset(seeds=seeds)
    venue = world.worlds["venues"][:, 0]

    def deposits():
        return (venue["supplier_scaled"] * venue["supply_index"][:, None]).sum(axis=1)

    debt, opening = venue["scaled_debt"] * venue["borrow_index"], deposits()
    value = (venue["lp_shares"] * venue["lp_price"][:, None]).sum(axis=1)
    still = {agent: np.zeros((8, world.action_size(agent))) for agent in world.agents}
    steps, rates, used, held = [], [], [], []
    for _ in range(HOURS // 6):
        steps.append(world.step(still))
        rates.append(venue["borrow_rate"].copy())
        used.append(venue["utilisation"].copy())
        held.append(deposits())

    def record(name):
        return np.array([step.records[name][:, 0] for step in steps])

    taken = record("liquidated")
    year = 8760.0 / HOURS
    for name, expected in {
        "borrow_rate": np.mean(rates, axis=0), "peak_rate": np.max(rates, axis=0),
        "utilisation": np.mean(used, axis=0), "peak_utilisation": np.max(used, axis=0),
        "unmet": record("unmet_hours").sum(axis=0) / HOURS, "debt": debt,
        "liquidated": taken.sum(axis=0) / debt, "bad_debt": record("bad_debt").sum(axis=0) / debt,
        "liquidated_day": np.max([taken[at : at + 4].sum(axis=0) for at in range(5)], axis=0) / debt,
        "borrower_surplus": sum(step.terms["welfare_0"][:, 0] for step in steps),
        "lp_return": record("pool_profit").sum(axis=0) / value * year,
        "outflow": np.maximum(1.0 - np.min(held, axis=0) / opening, 0.0),
        "liquidations": record("liquidations").sum(axis=0),
    }.items():  # fmt: skip
        np.testing.assert_allclose(table[name], expected, rtol=1e-12, atol=1e-15, err_msg=name)
    bets = sum(record(f"pool_{name}").sum(axis=0) for name in ("delta", "gamma_theta", "vega", "residual"))
    np.testing.assert_allclose(table["lp_return"] - table["lp_earned"], bets / value * year, atol=1e-9)
    assert (table["liquidated"] > 0.0).all() and (table["outflow"] > 0.0).all()
    assert set(table) == set(COLUMNS) | {f"profit_{k}" for k in range(8)}


def test_the_figure_of_a_band_counts_scenarios_alike_and_seeds_as_one(falling) -> None:
    table, _ = falling
    twice = {name: {column: (k + 1.0) * values for column, values in table.items()} for k, name in enumerate(CRISES)}
    band = BAND_BY_NAME["liquidated_crises"]
    found, basis = band_figure(band, twice)
    assert basis == "8 seeds of 4 scenarios" and found.mean == pytest.approx(2.5 * table["liquidated"].mean())
    # four scenarios of one seed are no four independent worlds: the interval is that of the seeds
    half = 2.5 * 2.3646 * table["liquidated"].std(ddof=1) / np.sqrt(8)
    assert found.half_width == pytest.approx(half, rel=1e-4)


def test_gini_leaves_out_worlds_with_few_liquidations() -> None:
    profits = np.array([[0, 0, 0, 0, 0, 0, 0, 8.0], [2.0] * 8, [0, 0, 0, 0, 0, 0, 0, 1.0]])
    few = ENOUGH_LIQUIDATIONS - 1.0
    table = {f"profit_{k}": profits[:, k] for k in range(8)} | {"liquidations": np.array([20.0, 30.0, few])}
    measured = {name: table for name in CRISES}
    assert band_figure(BAND_BY_NAME["gini_within"], measured)[0].mean == pytest.approx((7 / 8 + 0.0) / 2)
    assert band_figure(BAND_BY_NAME["gini_pooled"], measured)[0].mean == pytest.approx(gini(profits[:2]))
    none = {name: table | {"liquidations": np.full(3, few)} for name in CRISES}
    assert np.isnan(band_figure(BAND_BY_NAME["gini_within"], none)[0].mean)


def test_no_other_tape_is_played_by_the_calibration_or_the_fit() -> None:
    assert FIRST_FITTING > FIRST_SEED + 2**32
    assert not {FIRST_SEED, FIRST_FITTING} & {0, EVALUATION_SEEDS, 2**41, 2**42, 2**45, 2**46, 2**48, 2**50}


def test_figures_cover_every_band_that_is_fitted(hours) -> None:
    config = WorldConfig(episode_hours=72)
    measured = measure_scenarios(config, dict.fromkeys(SCENARIOS, 2))
    markets = {name: play_markets(config, Tapes(name, 0, 2)) for name in hours}
    table = figures_of(measured, concatenate(hours.values()), markets, None, 128)
    figures = figures_in(table)
    assert {band.name for band in FITTED} <= set(figures) and "pool_loss" not in figures
    assert table["basis"][table["name"] == "risk_fall_today"][0].startswith("64 world-days on 2 tapes")
    assert 0.0 < figures["utilisation_calm"].mean < 1.0
    assert fit_risk(concatenate(markets.values()), 128).days == 2 * fit_risk(markets["jump"], 128).days


# ---------------------------------------------------------------------- command


def study(*arguments: str) -> int:
    return main(["study", "calibration", "--jobs", "1", *arguments])


def test_sources_are_everyday_markets_and_the_crises_that_may_be_fitted() -> None:
    assert all(get_scenario(name).split == "train" for name in SCENARIOS)
    assert max(name.rpartition("crisis-")[2] for name in CRISES) < "2023"


def test_the_command_measures_draws_and_checks(tmp_path, capsys) -> None:
    arguments = ["--seeds", "8", "--episode-hours", "48", "--member", "w01", "--out", str(tmp_path)]
    # two days of eight worlds hold no whole crisis: a figure that is outside or not measured fails the check
    assert study(*arguments, "--check") == 1
    printed = capsys.readouterr()
    assert "lie outside their band" in printed.err
    for band in BANDS:
        assert band.name in printed.out
    about = json.loads((tmp_path / "manifest.json").read_text())
    assert about["command"].startswith("protogov study calibration --jobs 1 --seeds 8")
    assert about["facts"]["config"]["member"] == "w01" and about["facts"]["seeds"] == [FIRST_SEED, FIRST_SEED + 7]
    page = (tmp_path / "README.md").read_text()
    for words in ("Figures against their bands", "Poisson regression", "What was fitted on what", "Made on"):
        assert words in page
    assert all(band.source in page for band in BANDS)
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")
    assert study(*arguments) == 0 and study("--redraw", "--out", str(tmp_path)) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seeds", "1"], "seeds is 1"),
        (["--first-seed", "-1"], "first-seed is -1"),
        (["--episode-hours", "24"], "episode-hours is 24"),
        (["--parameters", "arivals=3"], "'arivals'"),
        (["--member", "w99"], "member = 'w99'"),
        (["--member", "w01", "--parameters", "supplier_need=.1"], "supplier_need"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(arguments, said, capsys) -> None:
    assert study(*arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
