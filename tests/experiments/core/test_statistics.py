"""Intervals and tails against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import binom, chi2

from protogov.experiments.core.statistics import (
    bootstrap_mean,
    cluster_means,
    critical_max_t,
    detectable_mean,
    expected_shortfall,
    holm,
    interval_of,
    means_by,
    percentile,
    seed_draws,
    share_of,
    sign_flips,
    student_t,
    value_at_risk,
)

finite = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


def test_interval_of_four_numbers():
    # sd of 1, 2, 3, 4 is sqrt(5/3); t(0.975, 3 degrees of freedom) = 3.182446305
    interval = student_t([1.0, 2.0, 3.0, 4.0])
    half = 3.182446305 * np.sqrt(5.0 / 3.0) / 2.0
    assert interval.mean == 2.5
    assert interval.low == pytest.approx(2.5 - half, rel=1e-8)
    assert interval.high == pytest.approx(2.5 + half, rel=1e-8)
    assert interval.half_width == pytest.approx(half, rel=1e-8)
    assert interval.n == 4


def test_two_seeds_are_told_by_the_cauchy_quantile():
    # one degree of freedom: t is Cauchy, whose 97.5% quantile is tan(0.475 pi); sd of 1 and 3 over sqrt(2) is 1
    interval = student_t([1.0, 3.0])
    assert interval.high - interval.mean == pytest.approx(np.tan(0.475 * np.pi), rel=1e-9)


def test_one_value_says_nothing_of_the_spread():
    interval = student_t([7.0])
    assert (interval.mean, interval.low, interval.high) == (7.0, -np.inf, np.inf)
    assert not interval.excludes_zero


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.normal(3.0, 2.0, (2000, 5))
    covered = np.mean([(i := student_t(row)).low <= 3.0 <= i.high for row in samples])
    assert abs(covered - 0.95) < 0.015  # three standard errors


@pytest.mark.parametrize("values", [[], [[1.0]], [1.0, np.nan], [np.inf]])
def test_no_interval_of_nothing_or_of_what_is_not_finite(values):
    with pytest.raises(ValueError, match="values"):
        student_t(values)


def test_expected_shortfall_of_a_hundred_numbers():
    values = np.random.default_rng(1).permutation(np.arange(1.0, 101.0))
    assert expected_shortfall(values) == pytest.approx(3.0)  # mean of 1 .. 5
    assert expected_shortfall(values, 1.0) == pytest.approx(50.5)


def test_expected_shortfall_counts_part_of_the_value_on_the_boundary():
    # 5% of 30 values is one and a half of them
    assert expected_shortfall(np.arange(1.0, 31.0)) == pytest.approx((1.0 + 0.5 * 2.0) / 1.5)
    assert expected_shortfall([4.0, 9.0]) == 4.0  # a tenth of a value


@given(finite)
def test_expected_shortfall_lies_between_minimum_and_mean(values):
    slack = 1e-6 * (1.0 + max(abs(value) for value in values))
    assert min(values) - slack <= expected_shortfall(values) <= np.mean(values) + slack


@given(finite, st.floats(-100.0, 100.0))
def test_expected_shortfall_moves_with_the_values(values, shift):
    moved = expected_shortfall(np.asarray(values) + shift)
    assert moved == pytest.approx(expected_shortfall(values) + shift, abs=1e-6)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_shortfall_refuses_a_share_that_is_none(share):
    with pytest.raises(ValueError, match="share"):
        expected_shortfall([1.0], share)


def test_cluster_means():
    assert cluster_means([1.0, 5.0, 3.0], ["a", "b", "a"]).tolist() == [2.0, 5.0]
    with pytest.raises(ValueError, match="clusters"):
        cluster_means([1.0, 2.0], ["a"])


def test_a_share_has_the_interval_of_clopper_and_pearson():
    # no hit in n trials: the upper end is 1 - .025^(1/n)
    found = share_of(0, 20)
    assert (found.mean, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(1.0 - 0.025 ** (1 / 20))
    assert share_of(20, 20).low == pytest.approx(0.025 ** (1 / 20))


@pytest.mark.parametrize("hits", [1, 7, 39])
def test_the_ends_of_a_share_invert_the_binomial_tails(hits):
    found = share_of(hits, 40)
    assert binom.sf(hits - 1, 40, found.low) == pytest.approx(0.025)
    assert binom.cdf(hits, 40, found.high) == pytest.approx(0.025)


def test_value_at_risk_is_an_order_statistic():
    losses = np.random.default_rng(2).permutation(np.arange(1.0, 21.0))
    assert value_at_risk(losses, 0.95) == 19.0
    assert value_at_risk(np.stack([losses, -losses]), 0.5).tolist() == [10.0, -11.0]


def test_holm_by_hand_and_nan_is_no_test():
    adjusted = holm(np.array([0.04, np.nan, 0.01, 0.03]))
    # sorted .01 .03 .04 times 3 2 1, then never falling
    np.testing.assert_allclose(adjusted, [0.06, np.nan, 0.03, 0.06])


def test_bootstrap_of_a_mean_is_as_wide_as_students():
    values = np.random.default_rng(3).normal(size=400)
    found, exact = bootstrap_mean(values, seed_draws(400)), student_t(values)
    assert found.mean == exact.mean
    assert found.half_width == pytest.approx(exact.half_width, rel=0.1)


def test_replicates_that_are_nan_half_the_time_give_no_interval():
    assert np.isnan(percentile(1.0, [np.nan, np.nan, 1.0]).low)
    assert percentile(1.0, [np.nan, 2.0, 2.0]).low == 2.0


def test_max_t_of_one_is_students_and_of_many_is_larger():
    draws = seed_draws(300)
    family = list(np.random.default_rng(4).normal(size=(40, 300)))
    assert critical_max_t(family[:1], draws) == pytest.approx(1.96, abs=0.2)
    # of 40 independent ones: the 0.95^(1/40) quantile of |normal| is 3.2
    assert critical_max_t(family, draws) == pytest.approx(3.2, abs=0.3)
    assert critical_max_t([np.ones(300)], draws) == 0.0


def test_means_by_group():
    table = {"who": np.array(["a", "b", "a", "b"]), "x": np.array([1.0, 5.0, 3.0, 5.0])}
    found = means_by(table, ("who",), ("x",))
    assert found["who"].tolist() == ["a", "b"] and found["n"].tolist() == [2, 2]
    assert interval_of(found, 0, "x").high == pytest.approx(student_t([1.0, 3.0]).high)
    assert interval_of(found, 1, "x").half_width == 0.0


@pytest.mark.parametrize(("units", "least"), [(5, 0.0625), (10, 0.001953125), (12, 0.00048828125)])
def test_sign_flips_know_the_least_p_that_so_few_units_allow(units, least):
    found = sign_flips(np.ones((units, 1)))
    assert found.p == pytest.approx([least]) == found.adjusted
    assert np.isinf(found.detectable) == (units == 5)


def test_sign_flips_of_three_values_by_hand():
    # |1 + 2 + 3| = 6 is met by 2 of 8 flips, |1 + 2 - 3| = 0 by all, |1 - 2 + 3| = 2 by 6 (+-2, +-4, +-6)
    found = sign_flips(np.array([[1.0, 1.0, 1.0, 0.0, np.nan], [2.0, 2.0, -2.0, 0.0, 1.0], [3.0, -3.0, 3.0, 0.0, 1.0]]))
    assert found.p == pytest.approx([0.25, 1.0, 0.75, 1.0, np.nan], nan_ok=True)
    assert (found.adjusted[:4] >= found.p[:4]).all() and found.adjusted[3] == 1.0 and np.isnan(found.adjusted[4])


def test_a_family_of_nothing_is_found_in_one_case_of_twenty_and_its_copies_cost_nothing():
    draw = np.random.default_rng(0)
    hits = sum(sign_flips(draw.normal(size=(9, 6))).adjusted.min() <= 0.05 for _ in range(100))
    assert 1 <= hits <= 13  # 5% of 100, within four standard errors
    values = draw.normal(0.5, 1.0, (9, 1))
    assert sign_flips(np.repeat(values, 7, axis=1)).adjusted == pytest.approx(np.repeat(sign_flips(values).p, 7))


def test_an_effect_of_the_detectable_size_is_found_in_four_cases_of_five():
    draw = np.random.default_rng(1)
    size = sign_flips(draw.normal(size=(12, 1))).detectable
    assert size == pytest.approx(0.89, abs=0.03)  # Student's for 12 values: 0.8887
    hits = sum(sign_flips(draw.normal(size, 1.0, (12, 1))).p[0] <= 0.05 for _ in range(60))
    assert 0.6 < hits / 60 < 0.97


@pytest.mark.parametrize(("n", "critical"), [(12, 2.201), (12, 7.65), (8, 11.21), (64, 7.17)])
def test_detectable_means_have_their_power_at_the_small_levels_of_large_families_too(n, critical):
    # t > c is Z + shift > c sqrt(V / (n - 1)), V ~ chi2(n - 1): the mean over quantiles of V
    spread = np.sqrt(chi2.ppf((np.arange(4000) + 0.5) / 4000, n - 1) / (n - 1))
    shift = detectable_mean(critical, n) * np.sqrt(n)
    assert ndtr(shift - critical * spread).mean() == pytest.approx(0.8, abs=2e-4)
    assert detectable_mean(0.0, n) == detectable_mean(1.5, n) > 0.0
