"""Rounds of LPs: the same market for both pools, and returns that agree with the pool's own profit."""

import numpy as np
import pytest

from protogov.envs.scenarios import get_scenario
from protogov.experiments.errors import BadInput
from protogov.experiments.lp_rounds import HEDGES, draw, play_round, play_rounds, table_of, world_of
from protogov.experiments.phenomena.worlds import episodes
from protogov.experiments.play import tape_seeds


def test_hedging_takes_risk_away_and_seeds_repeat() -> None:
    returns = play_rounds(("jump",), 8, hours=72)
    table = table_of(returns)
    assert table["hedge"].tolist() == list(HEDGES)
    unhedged, hedged = returns["jump", "unhedged"], returns["jump", "hedged"]
    assert unhedged.std() > 1.5 * hedged.std() > 0.0
    np.testing.assert_array_equal(play_round("jump", "hedged", tape_seeds(8), 72), hedged)
    assert (table["low"] < table["mean"]).all() and (table["mean"] < table["high"]).all()
    assert len(draw(returns).axes) == 1


@pytest.mark.parametrize("hedge", HEDGES)
def test_an_unhedged_pool_never_holds_a_coin(hedge: str) -> None:
    for _, step in episodes(world_of(hedge, 72), get_scenario("jump"), tape_seeds(8)):
        held = step.records[:, 0]["hedge_coin"]
        assert (held == 0.0).all() if hedge == "unhedged" else (held != 0.0).any()


def test_what_cannot_be_played_is_refused() -> None:
    with pytest.raises(BadInput, match="held out"):
        play_rounds(("crash-heldout",), 8)
    with pytest.raises(BadInput, match="at least 8"):
        play_rounds(("jump",), 7)
