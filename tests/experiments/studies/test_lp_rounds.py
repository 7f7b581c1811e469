"""Rounds of LPs: the same market for both pools, and returns that agree with the pool's own profit."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.envs.scenarios import get_scenario
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.play import still, tape_seeds
from protogov.experiments.core.tables import select
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.lp_rounds import HEDGES, STUDY, Options, Round, measure, play_rounds, world_of

FEW = Options(seeds=8, scenarios=("jump",), hours=72, jobs=1)


def test_hedging_takes_risk_away_and_seeds_repeat() -> None:
    found = measure(FEW, HERE)
    table, rounds = found.tables["summary"], found.tables["rounds"]
    assert table["hedge"].tolist() == list(HEDGES)
    unhedged, hedged = (select(rounds, rounds["hedge"] == hedge)["return"] for hedge in HEDGES)
    assert unhedged.std() > 1.5 * hedged.std() > 0.0
    np.testing.assert_array_equal(play_rounds(world_of("hedged", 72), Round("jump", "hedged", 8))["return"], hedged)
    assert (table["low"] < table["mean"]).all() and (table["mean"] < table["high"]).all()
    assert len(STUDY.draw(found)["lp_rounds"].axes) == 1
    assert STUDY.judge(found).sentences[0] == "Hedging narrows the spread of rounds in 1 of 1 markets."


@pytest.mark.parametrize("hedge", HEDGES)
def test_an_unhedged_pool_never_holds_a_coin(hedge: str) -> None:
    for _, step in still(world_of(hedge, 72), get_scenario("jump"), tape_seeds(8)):
        held = step.records[:, 0]["hedge_coin"]
        assert (held == 0.0).all() if hedge == "unhedged" else (held != 0.0).any()


def test_what_cannot_be_played_is_refused() -> None:
    with pytest.raises(BadInput, match="never trained or tuned on"):
        measure(replace(FEW, scenarios=("crash-heldout",)), HERE)
    with pytest.raises(BadInput, match="at least 8"):
        measure(replace(FEW, seeds=7), HERE)
