"""The calibration: its statistics against closed forms and planted processes, its bands, and a small run of it all."""

import json

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.envs.simulator import Simulator
from protogov.experiments import calibration, cli
from protogov.experiments.calibration_bands import (
    BAND_BY_NAME,
    BANDS,
    CRISES,
    FITTED,
    SCENARIOS,
    Band,
    Figure,
    failing,
)
from protogov.experiments.calibration_figures import all_figures, fit_markets, fit_risk, hours_of, spread_of
from protogov.experiments.calibration_market import (
    COLUMNS,
    ENOUGH_LIQUIDATIONS,
    FIRST_FITTING,
    FIRST_SEED,
    band_figure,
    measure_market,
    measure_scenarios,
)
from protogov.experiments.calibration_measure import (
    POPULATIONS,
    Markets,
    Sample,
    SharedTape,
    Source,
    all_sources,
    measure,
    measure_markets,
    pool_loss,
)
from protogov.experiments.calibration_statistics import (
    BETWEEN,
    CALM,
    FIRST_HOUR,
    STRESS,
    daily_fit,
    drawdown,
    gini,
    hour_kinds,
    lorenz,
    poisson_fit,
    ratio_of_sums,
    realised_vol,
)
from protogov.experiments.core.play import EVALUATION_SEEDS

# ---------------------------------------------------------------------- statistics


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
    np.testing.assert_allclose(fit.coefficients, published, rtol=1e-9)
    assert fit.r_squared == pytest.approx(1.0)
    assert fit.days == 300 * 13
    assert fit.multiplier() == pytest.approx(np.exp(0.05 * 29.9))  # 4.46: "about 4.5 times"


def test_intervals_of_the_regression_cover_what_was_planted_and_shrink_with_seeds() -> None:
    published = np.array([1.03, -29.9, -20.3, 4.6])
    few, many = (daily_fit(*planted(published, n, noise=1.0), np.arange(n)) for n in (60, 960))
    for fit in (few, many):
        assert (fit.low < published).all() and (published < fit.high).all()
        assert (fit.low < fit.coefficients).all() and (fit.coefficients < fit.high).all()
    np.testing.assert_allclose((few.high - few.low) / (many.high - many.low), 4.0, rtol=0.35)


def test_worlds_of_one_seed_are_one_cluster() -> None:
    # the same worlds four times over say nothing new: intervals are those of the worlds once, not half as wide
    returns, events = planted((1.0, -30.0, -20.0, 5.0), 100, noise=1.0)
    once = daily_fit(returns, events, np.arange(100))
    repeated = daily_fit(np.tile(returns, (4, 1)), np.tile(events, (4, 1)), np.tile(np.arange(100), 4))
    np.testing.assert_allclose(repeated.coefficients, once.coefficients)
    np.testing.assert_allclose(repeated.high - repeated.low, once.high - once.low)


def test_a_regression_without_falls_has_no_coefficients() -> None:
    fit = daily_fit(np.full((5, 4), 0.01), np.ones((5, 4)), np.arange(5))
    assert np.isnan(fit.coefficients).all()
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
    for number, value in enumerate(planted_there):
        found, low, high = fit.interval(number)
        assert low < value < high and low < found < high
    assert (fit.errors > 0.0).all() and fit.clusters == 200 and fit.observations == 800 * 13


def test_the_poisson_regression_does_not_depend_on_the_size_of_a_market_and_the_other_does() -> None:
    returns, events, tapes = planted_risk((-7.0, -25.0, -10.0, 3.0))
    together = events.reshape(200, 4, -1).sum(axis=1)
    alone, joined = poisson_fit(returns, events, tapes, 128), poisson_fit(returns[::4], together, tapes[::4], 512)
    np.testing.assert_allclose(joined.coefficients, alone.coefficients, rtol=1e-8)
    np.testing.assert_allclose(joined.errors, alone.errors, rtol=1e-8)  # a tape is a cluster, whatever is added up
    small, large = daily_fit(returns, events, tapes), daily_fit(returns[::4], together, tapes[::4])
    assert large.coefficients[1] < 1.3 * small.coefficients[1]


def test_errors_of_the_poisson_regression_know_that_worlds_on_one_tape_move_together() -> None:
    returns, events, tapes = planted_risk((-5.0, -25.0, -10.0, 3.0), tapes=100)
    random = np.random.default_rng(5)
    shaken = random.poisson(events * np.repeat(random.lognormal(0.0, 1.0, 100), 4)[:, None]).astype(float)
    clustered = poisson_fit(returns, shaken, tapes, 128)
    apart = poisson_fit(returns, shaken, np.arange(400), 128)
    assert (clustered.errors > 1.4 * apart.errors).all()


def test_a_poisson_regression_without_events_or_falls_has_no_coefficients() -> None:
    for returns, events in ((np.full((4, 5), 0.01), np.ones((4, 5))), (np.zeros((4, 5)), np.zeros((4, 5)))):
        fit = poisson_fit(returns, events, np.arange(4), 128)
        assert np.isnan(fit.coefficients).all() and np.isnan(fit.errors).all()


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
    share, held = lorenz(values)
    assert (share[0], held[0], share[-1], held[-1]) == (0.0, 0.0, 1.0, pytest.approx(1.0))
    assert gini(values) == pytest.approx(1.0 - 2.0 * np.trapezoid(held, share))
    assert np.isnan(gini([0.0, -1.0])) and np.isnan(gini([]))


def test_a_ratio_of_sums_counts_every_hour_the_same() -> None:
    value, low, high = ratio_of_sums(np.array([10.0, 0.0]), np.array([10.0, 90.0]))
    assert value == pytest.approx(0.1) and low == 0.0 and high == 1.0
    assert all(np.isnan(ratio_of_sums(np.zeros(3), np.zeros(3))))


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
    assert band.verdict(0.2, 0.15, 0.3) == "inside"
    assert band.verdict(0.1, 0.1, 0.1) == "inside"
    assert band.verdict(0.2, 0.05, 0.3) == "inside, interval crosses an edge"
    assert band.verdict(0.5, 0.45, 0.6) == "OUTSIDE"
    assert band.verdict(0.41, 0.3, 0.6) == "OUTSIDE, interval crosses an edge"
    assert band.verdict(float("nan"), 0.0, 1.0) == "not measured"


def test_a_figure_outside_absent_or_not_a_number_fails() -> None:
    inside = {band.name: Figure(band.name, (band.low + min(band.high, 1e9)) / 2, 0.0, 0.0, "") for band in BANDS}
    assert failing(inside) == []
    first, second, third = BANDS[:3]
    assert np.isfinite(first.high)
    wrong = dict(inside)
    wrong[first.name] = Figure(first.name, first.high * 1.001, 0.0, 0.0, "")
    wrong[second.name] = Figure(second.name, float("nan"), 0.0, 0.0, "")
    del wrong[third.name]
    assert failing(wrong) == [first, second, third]


# ---------------------------------------------------------------------- worlds


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    """Six worlds of four days on jumps and on a calm market."""
    sources = [Source(name, "everyday", get_scenario(name)) for name in ("jump", "calm")]
    return [measure(source, np.arange(6), WorldConfig(episode_hours=96)) for source in sources]


def test_gains_are_made_of_the_debt_nearby_and_the_depth(samples) -> None:
    for sample in samples:
        hourly = {name: values.astype(np.float64) for name, values in sample.hourly.items()}
        gain = 0.2 * hourly["near"] * hourly["debt"] / hourly["depth"]
        np.testing.assert_allclose(hourly["liquidation_gain"], gain, rtol=1e-4, atol=1e-9)
        assert (hourly["hedge_gain"] > 0.0).all()
        for name in ("near", "overdue", "near_idle", "utilisation"):
            assert (hourly[name] >= 0.0).all() and (hourly[name] <= 1.0 + 1e-6).all()
        assert ((sample.largest > 13 / 128) & (sample.largest < 1.0)).all()


def test_events_of_the_days_are_the_liquidations_of_the_record() -> None:
    falling = Source("drop", "synthetic", _Drop())
    sample = measure(falling, np.arange(4), WorldConfig(episode_hours=72))
    assert sample.events[:, 0].sum() == 0.0  # nothing moves on the first day
    assert (sample.events[:, 1] > 0.0).all()  # the price falls by 30% in the second
    np.testing.assert_allclose(sample.daily_returns, [[0.0, np.log(0.7), 0.0]] * 4, atol=1e-6)
    assert (sample.totals["liquidated"] > 0.0).all()


def test_the_last_hour_of_a_day_belongs_to_it() -> None:
    falling = Source("drop", "synthetic", _Drop(first=23, last=24))
    assert (measure(falling, np.arange(4), WorldConfig(episode_hours=48)).events[:, 0] > 0.0).all()


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
    source = Source("jump", "everyday", get_scenario("jump"))
    shared = SharedTape(source.scenario, np.arange(5, 5 + 2 * POPULATIONS))
    config = WorldConfig(episode_hours=48)
    world = Simulator(config, 2 * POPULATIONS, scenario=shared)
    world.reset(seeds=np.arange(5, 5 + 2 * POPULATIONS))
    closes = world.tape["close"]
    assert (closes[:POPULATIONS] == closes[0]).all() and (closes[POPULATIONS:] == closes[POPULATIONS]).all()
    assert (closes[0] != closes[POPULATIONS]).any()
    alone = Simulator(config, 1, scenario=source.scenario)
    alone.reset(seeds=[5])
    assert (alone.tape["close"][0] == closes[0]).all()  # the tape of its first seed, not some other
    leverage = world.worlds["venues"]["account_leverage"][:, 0, :128]
    assert (leverage[0] != leverage[1]).all()
    market = measure_markets(source, 2, 5, config)
    np.testing.assert_allclose(market.daily_returns, np.diff(np.log(closes[::POPULATIONS, ::24].astype(float)), axis=1))


def test_small_markets_flatten_the_slope_that_a_large_one_shows() -> None:
    random = np.random.default_rng(4)
    returns = random.normal(0.0, 0.04, (200, 14))
    rate = 0.05 * np.exp(-30.0 * np.minimum(returns, 0.0))[:, None]
    market = Markets(
        Source("jump", "everyday", get_scenario("jump")),
        np.arange(200),
        returns,
        random.poisson(np.repeat(rate, POPULATIONS, 1)).astype(float),
        128,
    )
    alone, together = fit_markets([market], 1), fit_markets([market])
    assert alone.days == POPULATIONS * together.days and alone.events == together.events
    assert together.coefficients[1] < 1.7 * alone.coefficients[1] < 0.0
    assert -30.0 < together.coefficients[1]


def test_hours_of_a_kind_are_pooled_over_samples(samples) -> None:
    found = spread_of(samples, "hedge_gain", CALM)
    values = hours_of(samples, "hedge_gain", CALM)
    assert found.hours == values.size > 0
    assert found.mean == pytest.approx(values.mean())
    assert found.low <= found.mean <= found.high
    assert found.p5 <= found.median <= found.p95
    assert np.isnan(spread_of(samples[1:], "hedge_gain", STRESS).mean)  # no stress in a calm market


def test_a_feeless_pool_loses_an_eighth_of_the_variance() -> None:
    found = pool_loss(Source("jump", "everyday", get_scenario("jump")), np.arange(2), WorldConfig(episode_hours=96))
    np.testing.assert_allclose(found.loss, found.path_variance / 8.0, rtol=0.02)
    assert (found.loss > 0.0).all()


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
    assert set(table) == {column.name for column in COLUMNS} | {f"profit_{k}" for k in range(8)}


def test_the_figure_of_a_band_counts_scenarios_alike_and_seeds_as_one(falling) -> None:
    table, _ = falling
    twice = {name: {column: (k + 1.0) * values for column, values in table.items()} for k, name in enumerate(CRISES)}
    band = BAND_BY_NAME["liquidated_crises"]
    found = band_figure(band, twice)
    assert found.value == pytest.approx(2.5 * table["liquidated"].mean())
    # four scenarios of one seed are no four independent worlds: the interval is that of the seeds
    half = 2.5 * 2.3646 * table["liquidated"].std(ddof=1) / np.sqrt(8)
    assert found.high - found.value == pytest.approx(half, rel=1e-4)


def test_gini_leaves_out_worlds_with_few_liquidations() -> None:
    profits = np.array([[0, 0, 0, 0, 0, 0, 0, 8.0], [2.0] * 8, [0, 0, 0, 0, 0, 0, 0, 1.0]])
    few = ENOUGH_LIQUIDATIONS - 1.0
    table = {f"profit_{k}": profits[:, k] for k in range(8)} | {"liquidations": np.array([20.0, 30.0, few])}
    measured = {name: table for name in CRISES}
    assert band_figure(BAND_BY_NAME["gini_within"], measured).value == pytest.approx((7 / 8 + 0.0) / 2)
    assert band_figure(BAND_BY_NAME["gini_pooled"], measured).value == pytest.approx(gini(profits[:2]))
    none = {name: table | {"liquidations": np.full(3, few)} for name in CRISES}
    assert np.isnan(band_figure(BAND_BY_NAME["gini_within"], none).value)


def test_no_other_tape_is_played_by_the_calibration_or_the_fit() -> None:
    assert FIRST_FITTING > FIRST_SEED + 2**32
    assert not {FIRST_SEED, FIRST_FITTING} & {0, EVALUATION_SEEDS, 2**41, 2**42, 2**45, 2**46, 2**48, 2**50}


def test_figures_cover_every_band_that_is_fitted(samples) -> None:
    config = WorldConfig(episode_hours=72)
    measured = measure_scenarios(config, dict.fromkeys(SCENARIOS, 2))
    markets = [measure_markets(sample.source, 2, 0, config) for sample in samples]
    figures = all_figures(measured, samples, markets, None)
    assert {band.name for band in FITTED} <= set(figures) and "pool_loss" not in figures
    assert figures["risk_fall_today"].basis.startswith("64 world-days on 2 tapes")
    assert 0.0 < figures["utilisation_calm"].value < 1.0
    assert fit_risk(markets).observations == 2 * fit_risk(markets[:1]).observations


# ---------------------------------------------------------------------- command


def main(arguments: list[str]) -> int:
    return cli.run_command(calibration, arguments, calibration.PROGRAM)


def test_sources_are_everyday_markets_and_the_crises_that_may_be_fitted() -> None:
    assert [source.name for source in all_sources()] == list(SCENARIOS)
    assert all(source.scenario.split == "train" for source in all_sources())
    assert max(name.rpartition("crisis-")[2] for name in CRISES) < "2023"


def test_the_command_measures_draws_and_checks(tmp_path, capsys) -> None:
    arguments = ["--seeds", "8", "--episode-hours", "48", "--member", "w01", "--out", str(tmp_path)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    for band in BANDS:
        assert band.name in printed
    about = json.loads((tmp_path / "calibration.json").read_text())
    assert about["command"].startswith("python -m protogov.experiments.calibration --seeds 8")
    assert about["config"]["member"] == "w01" and about["seeds"] == [FIRST_SEED, FIRST_SEED + 7]
    assert set(about["bands"]) == {band.name for band in BANDS}
    page = (tmp_path / "README.md").read_text()
    for words in ("Figures against their bands", "Poisson regression", "What was fitted on what", "Made by"):
        assert words in page
    assert all(band.source in page for band in BANDS)
    assert "<svg" in (tmp_path / "calibration.svg").read_text()
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")
    # two days of eight worlds hold no whole crisis: a figure that is outside or not measured fails the check
    assert main([*arguments, "--check"]) == 1
    assert "lie outside their band" in capsys.readouterr().err


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
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
