"""The price of variance that LPs' asked return comes to, by hand and from a world."""

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.experiments.scales import implied_aversion, measure


def test_a_year_of_the_variance_costs_what_is_asked():
    variance = np.array([1e8, 3e8])
    aversion, error = implied_aversion(variance, 0.04, 20e6)
    assert aversion * 8760 * 2e8 == pytest.approx(0.8e6)
    assert error == pytest.approx(aversion * 1e8 / 2e8)  # mean 2e8, its standard error 1e8


def test_the_variance_does_not_hang_on_its_price():
    config = WorldConfig(episode_hours=48)
    dear = config.with_parameters(variance_aversion=4e-6)
    found, other = (measure("jump", 2, one) for one in (config, dear))
    np.testing.assert_allclose(found.hourly_variance, other.hourly_variance, rtol=1e-9)
    assert (found.hourly_variance > 0.0).all()
    assert {name: values.size for name, values in found.daily.items()} == {
        "rate": 4, "risk": 4, "spread": 4, "welfare": 4,
    }  # fmt: skip
    with pytest.raises(ValueError, match="variance_aversion = 0"):
        measure("jump", 2, config.with_parameters(variance_aversion=0.0))
