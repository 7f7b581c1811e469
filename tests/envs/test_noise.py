"""Keyed noise: the right distribution, along every operand and between any two keys."""

import numpy as np
import pytest
from numba import njit
from scipy import special, stats

from protogov.envs.world.noise import Purpose, key, normal, normal_quantile, poisson_count, uniform

OPERANDS = ("seed", "entity", "step", "substep", "purpose")
MASK = 2**64 - 1


def draw(**operands: int) -> float:
    return uniform(*(np.uint64(operands.get(name, 3)) for name in OPERANDS))


def splitmix_of_integers(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


@pytest.mark.parametrize("name", OPERANDS)
def test_uniform_along_each_operand(name: str) -> None:
    values = np.array([draw(**{name: i}) for i in range(20_000)])
    assert values.min() > 0.0
    assert values.max() < 1.0
    assert stats.kstest(values, "uniform").pvalue > 1e-3
    counts = np.bincount((values * 256).astype(int), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-3
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 4.0 / np.sqrt(values.size)


@njit
def draws_of(count: int, keys: np.ndarray, along: int) -> np.ndarray:
    """F64[count]: `keys` (U64[5]) with operand `along` running from 0."""
    values = np.empty(count)
    k = keys.copy()
    for i in range(count):
        k[along] = np.uint64(i)
        values[i] = uniform(k[0], k[1], k[2], k[3], k[4])
    return values


@pytest.mark.parametrize("other", range(5))
def test_neighbouring_keys_are_independent(other: int) -> None:
    # what a world does: many draws along the steps, for two neighbouring values of any other operand
    along = 1 if other == 2 else 2
    keys = np.full(5, 3, np.uint64)
    columns = []
    for value in range(41):
        keys[other] = value
        columns.append((draws_of(20_000, keys, along) * 16).astype(int))
    tables = [
        np.bincount(a * 16 + b, minlength=256).reshape(16, 16) for a, b in zip(columns[:-1], columns[1:], strict=True)
    ]
    pvalues = [stats.chi2_contingency(table).pvalue for table in tables]
    assert stats.kstest(pvalues, "uniform").pvalue > 1e-3
    assert min(pvalues) > 1e-5


def test_every_pair_of_purposes_differs() -> None:
    values = np.array([[draw(step=i, purpose=purpose) for i in range(500)] for purpose in Purpose])
    correlation = np.corrcoef(values) - np.eye(len(Purpose))
    assert np.abs(correlation).max() < 5.0 / np.sqrt(500)
    assert len({int(purpose) for purpose in Purpose}) == len(Purpose)


def test_uniform_is_the_integer_formula() -> None:
    # the whole 64 bits take part: a promotion to float64 anywhere would lose the low ones
    rng = np.random.default_rng(1)
    primes = (1, 0xD1342543DE82EF95, 0xAF251AF3B0F025B5, 0xB564EF22EC7AECE5, 0xF7C2EBC08F67F2B5)
    for _ in range(200):
        operands = [int(x) for x in rng.integers(0, MASK, 5, dtype=np.uint64, endpoint=True)]
        z = sum(operand * prime for operand, prime in zip(operands, primes, strict=True)) & MASK
        golden = 0x9E3779B97F4A7C15
        z = splitmix_of_integers(splitmix_of_integers((z + golden) & MASK) + golden & MASK)
        assert uniform(*(np.uint64(x) for x in operands)) == ((z >> 12) + 0.5) * 2.0**-52


@pytest.mark.parametrize(("bits", "expected"), [(MASK, 1.0 - 2.0**-53), (0, 2.0**-53)])
def test_uniform_is_never_0_or_1(monkeypatch: pytest.MonkeyPatch, bits: int, expected: float) -> None:
    # what a mixer may return in the worst case; with 53 bits the largest would round to 1, whose normal is infinite
    plain = getattr(uniform, "py_func", uniform)
    monkeypatch.setitem(plain.__globals__, "splitmix", lambda z: np.uint64(bits))
    with np.errstate(over="ignore"):
        value = plain(*(np.uint64(3) for _ in OPERANDS))
    assert value == expected and 0.0 < value < 1.0
    assert np.isfinite(normal_quantile(value))


def test_keys_of_episodes_do_not_collide() -> None:
    keys = {int(key(np.uint64(seed), np.uint64(number))) for seed in range(100) for number in range(100)}
    assert len(keys) == 10_000


def test_normal_has_the_normal_distribution() -> None:
    three = np.uint64(3)
    values = np.array([normal(three, three, np.uint64(i), three, three) for i in range(20_000)])
    assert stats.kstest(values, "norm").pvalue > 1e-3
    assert normal_quantile(draw(step=5)) == normal(three, three, np.uint64(5), three, three)


def test_normal_quantile_agrees_with_scipy() -> None:
    rng = np.random.default_rng(2)
    p = np.r_[rng.uniform(size=20_000), 10.0 ** -rng.uniform(1, 300, 5_000), 1.0 - 10.0 ** -rng.uniform(1, 15, 5_000)]
    ours = np.array([normal_quantile(x) for x in p])
    np.testing.assert_allclose(ours, special.ndtri(p), rtol=1e-14, atol=1e-16)
    assert normal_quantile(0.5) == 0.0


@pytest.mark.parametrize("mean", [1e-6, 0.03, 0.7, 4.0, 20.0])
def test_poisson_count_is_the_inverse_cdf(mean: float) -> None:
    u = np.random.default_rng(3).uniform(size=3_000)
    ours = np.array([poisson_count(x, mean) for x in u])
    np.testing.assert_array_equal(ours, stats.poisson.ppf(u, mean))


def test_poisson_count_is_bounded() -> None:
    assert poisson_count(1.0 - 2.0**-53, 20.0) <= 64
    assert poisson_count(0.5, 0.0) == 0
