"""The vol surface: what a trade moves, where it returns to, and the averages that nobody can push for a profit."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import surface
from protogov.envs.world.surface import vol_impact

STRIKES = (900.0, 1000.0, 1100.0)


def flat(bench: Any, vol: float = 0.7) -> None:
    """Two expiries with three strikes, flat at `vol`, listed at the opening."""
    _, venue, _, _ = bench
    venue.num_expiries, venue.num_strikes = 2, 3
    for e in range(2):
        venue.expiry[e], venue.base_vol[e] = (e + 1) * 2016, vol
        venue.strike[e, :3], venue.skew[e, :3] = STRIKES, 1.0


def test_vol_impact() -> None:
    # 40 contracts over a standard size of 400: a tenth of a vol point, three tenths of that on the skew
    assert vol_impact(0.7, 1.0, 40.0, 400.0, 0.3) == pytest.approx((0.701, 1.0003))
    assert vol_impact(0.7, 1.0, -40.0, 400.0, 0.3) == pytest.approx((0.699, 0.9997))


def test_the_skew_shift_tilts_around_the_spot(blank: Callable[..., Any]) -> None:
    bench = _, venue, p, _ = blank(skew_shift_width=0.2)
    flat(bench)
    venue.skew_shift = 0.04
    for k, strike in enumerate(STRIKES):
        tilt = min(max(math.log(1000.0 / strike) / 0.2, -1.0), 1.0)
        assert surface.mid_vol(venue, 0, k, 1000.0, p) == pytest.approx(0.7 + 0.04 * tilt)
    assert surface.mid_vol(venue, 0, 0, 1000.0, p) > 0.7 > surface.mid_vol(venue, 0, 2, 1000.0, p)
    venue.base_vol[0] = 9.0
    assert surface.mid_vol(venue, 0, 0, 1000.0, p) == 5.0
    venue.base_vol[0] = 0.0
    venue.skew_shift = -0.08
    assert surface.mid_vol(venue, 0, 0, 1000.0, p) == 0.05


def test_the_surface_returns_half_of_the_way_in_its_half_life(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(vol_reversion=48.0, surface_skew=-0.25)
    flat(bench)
    world.anchor_vol = 0.5
    fair = 1.0 - 0.25 * math.log(0.9)
    for _ in range(48):
        surface.revert_surface(world, venue, p)
    assert venue.base_vol[:2] == pytest.approx([0.6, 0.6])
    assert venue.skew[1, 0] == pytest.approx(1.0 + 0.5 * (fair - 1.0))


# ---------------------------------------------------------------- averages


def test_an_average_is_the_geometric_mean_over_time(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank()
    flat(bench, 0.5)
    assert surface.base_gwav(world, venue, 0, 6) == 0.5  # no time has passed
    for substep, vol in ((10, 0.8), (25, 0.6), (25, 0.9)):
        world.substep = substep
        surface.move_surface(world, venue, 0, 1, vol, vol)
    world.substep = 40
    area = 10.0 * math.log(0.5) + 15.0 * math.log(0.8) + 15.0 * math.log(0.9)
    assert surface.base_gwav(world, venue, 0, 6) == pytest.approx(math.exp(area / 40.0), rel=1e-14)
    skew_area = 15.0 * math.log(0.8) + 15.0 * math.log(0.9)
    assert surface.skew_gwav(world, venue, 0, 1, 6) == pytest.approx(math.exp(skew_area / 40.0), rel=1e-14)
    assert surface.skew_gwav(world, venue, 0, 0, 6) == 1.0 and surface.base_gwav(world, venue, 1, 6) == 0.5
    both = surface.base_gwav(world, venue, 0, 6) * surface.skew_gwav(world, venue, 0, 1, 6)
    assert surface.average_vol(world, venue, 0, 1, 6) == pytest.approx(both)


@given(vols=st.lists(st.floats(0.1, 3.0), min_size=50, max_size=90), hours=st.integers(1, 36))
def test_a_window_sees_its_hours_alone(blank: Callable[..., Any], vols: list[float], hours: int) -> None:
    bench = world, venue, p, _ = blank(vol_reversion=1e9)
    flat(bench, vols[0])
    path = []  # the base vol in force in each sub-step
    for hour, vol in enumerate(vols):
        world.hour, world.substep = hour, 12 * hour + 5
        surface.move_surface(world, venue, 0, 1, vol, 1.0)
        world.substep = 12 * hour + 11
        surface.revert_surface(world, venue, p)
        path += [vols[max(hour - 1, 0)]] * 5 + [vol] * 7
    world.hour, world.substep = len(vols), 12 * len(vols) + 3
    path += [vols[-1]] * 3
    start = 12 * (world.hour - hours - 1) + 11
    expected = np.exp(np.mean(np.log(path[start : world.substep])))
    assert surface.base_gwav(world, venue, 0, hours) == pytest.approx(expected, rel=1e-6)  # reversion is slow, not off


def test_an_average_of_a_fresh_expiry_begins_at_its_listing(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank()
    flat(bench, 0.5)
    world.hour, world.substep, world.anchor_vol = 30, 30 * 12 + 2, 0.8
    surface.open_surface(world, venue, 0, p)
    world.substep += 4
    surface.move_surface(world, venue, 0, 1, 1.6, 1.0)
    world.substep += 4
    assert surface.base_gwav(world, venue, 0, 36) == pytest.approx(0.8 * math.sqrt(2.0), rel=1e-12)


def test_one_push_hardly_moves_an_average(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(vol_reversion=1e9)
    flat(bench, 0.7)
    for hour in range(10):
        world.hour, world.substep = hour, 12 * hour + 11
        surface.revert_surface(world, venue, p)
    surface.move_surface(world, venue, 0, 1, 1.4, 1.0)
    world.substep += 1
    assert surface.base_gwav(world, venue, 0, 6) < 0.7 * 1.02
    assert venue.base_vol[0] == 1.4
