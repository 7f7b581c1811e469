"""Flow toxicity: what the pool can tell of its takers from its own fills."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.world import fills
from protogov.envs.world.ticket import Ticket


def filled(bench: Any, *trades: tuple[int, int, bool, float, float]) -> None:
    """Fills at (expiry, strike, is call, contracts, sign), marked at 100 for a call and 50 for a put."""
    world, venue, _, _ = bench
    venue.num_expiries, venue.num_strikes = 2, 2
    venue.mark_call[:], venue.mark_put[:] = 100.0, 50.0
    for trade in trades:
        fills.note_fill(venue, Ticket(*trade))


def test_a_gain_of_the_takers_is_told_over_its_size(blank: Callable[..., Any]) -> None:
    bench = _, venue, _, _ = blank()
    filled(bench, (0, 1, True, 3.0, 1.0), (1, 0, False, 2.0, -1.0))
    assert venue.node_flow[0, 1] == 3.0 and venue.node_flow[1, 0] == -2.0
    venue.mark_call[0, 1], venue.mark_put[1, 0] = 110.0, 55.0
    fills.judge_fills(venue)  # bought calls gained 3 x 10, sold puts lost 2 x 5
    assert (venue.toxic_gain, venue.toxic_size) == (20.0, 20.0)
    filled(bench, (0, 0, True, 1.0, -1.0))
    venue.mark_call[0, 0] = 130.0
    fills.judge_fills(venue)
    assert (venue.toxic_gain, venue.toxic_size) == (-10.0, 50.0)
    assert fills.flow_toxicity(venue, 0.0) == pytest.approx(-0.2)
    fills.forget_fills(venue)
    assert (venue.toxic_gain, venue.toxic_size) == pytest.approx((-10.0 * 23 / 24, 50.0 * 23 / 24))


def test_fills_are_judged_once_and_few_prove_nothing(blank: Callable[..., Any]) -> None:
    bench = _, venue, _, _ = blank()
    filled(bench, (0, 0, True, 1.0, 1.0))
    venue.mark_call[0, 0] = 101.0
    for _ in range(3):
        fills.judge_fills(venue)
    assert (venue.toxic_gain, venue.toxic_size) == (1.0, 1.0)
    assert fills.flow_toxicity(venue, 20e6) == pytest.approx(1.0 / 201.0)


def test_it_rises_with_the_share_of_the_informed(simulate: Callable[..., Any], hold: Any) -> None:
    def toxicity(informed: float) -> np.ndarray:
        simulator = simulate("jump", 64, decision_hours=24, autonomy=0.0)
        simulator.tape["informed_share"] = informed
        seen = []
        for _ in range(7):
            simulator.step(hold(simulator))
            seen.append(simulator.feature("spread_0", "flow_toxicity"))
        return np.mean(seen, axis=0)

    nobody, some, all_of_them = (toxicity(share) for share in (0.0, 0.35, 1.0))
    assert nobody.mean() + 0.05 < some.mean() < all_of_them.mean() - 0.05
    assert np.abs([nobody, some, all_of_them]).max() <= 1.0
