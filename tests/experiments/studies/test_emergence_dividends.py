"""Dividends: planted ones are found, an additive world has none, and they add up."""

import numpy as np
import pytest

from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.controls import OPEN
from protogov.experiments.studies.emergence.dividends import Dividends, DividendSample, coalitions_of
from protogov.experiments.studies.emergence.fixtures import Still, Synergy
from protogov.experiments.studies.emergence.forks import Plan

PLAN = Plan(np.arange(10, dtype=np.uint64), steps=4, limits=OPEN)
LEARNED = {agent: Still(1.0) for agent in Synergy.agents}
MEASURE = Dividends({agent: Still(0.0) for agent in Synergy.agents})


def found_in(world):
    sample = MEASURE.extract(world, LEARNED, PLAN)
    one = DividendSample(sample.coalitions, sample.outcomes[:1], sample.worth[:, :, :1])  # all have the same reward
    return {finding.name.partition(" -> ")[0]: finding for finding in MEASURE.reduce(one)}


def test_planted_dividends_are_found_and_nothing_else():
    found = found_in(Synergy(10))
    for name, planted in Synergy.PLANTED.items():
        assert found[name].value == pytest.approx(4 * planted, abs=1e-12) and found[name].found
    assert found["rate_0+risk_0"].verdict == "emergent interaction"
    for name in ("rate_0+spread_0", "rate_0+risk_0+spread_0"):
        assert found[name].value == pytest.approx(0.0, abs=1e-12) and "emergent" not in found[name].verdict
    # half of each pair's dividend beside what is earned alone
    shapley = {"rate_0": 1.0 + 0.4, "risk_0": -0.5 + 0.4 - 0.3, "spread_0": 0.3 - 0.3}
    for agent, value in shapley.items():
        assert found[f"Shapley of {agent}"].value == pytest.approx(4 * value, abs=1e-12)


def test_an_additive_world_has_no_interactions():
    found = found_in(Synergy(10, planted=Synergy.ALONE))
    assert not any("+" in name and finding.found for name, finding in found.items())
    assert found["rate_0"].found and found["rate_0"].verdict == "effect"


def test_three_together_by_hand_and_parts_add_up_to_the_whole():
    coalitions = coalitions_of(("a", "b", "c"))
    assert coalitions[0] == () and coalitions[-1] == ("a", "b", "c") and len(coalitions) == 8
    draw = np.random.default_rng(0).normal(size=(5, 8, 2))
    sample = DividendSample(coalitions, ["x", "y"], draw)
    v = dict(zip(coalitions, draw[2, :, 1], strict=True))
    by_hand = v["a", "b", "c"] - v["a", "b"] - v["a", "c"] - v["b", "c"] + v["a",] + v["b",] + v["c",] - v[()]
    assert sample.dividends()[2, -1, 1] == pytest.approx(by_hand)
    assert sample.dividends().sum(axis=1) == pytest.approx(draw[:, -1])
    assert sample.shapley().sum(axis=1) == pytest.approx(draw[:, -1] - draw[:, 0])


def test_an_agent_without_a_baseline_is_named():
    with pytest.raises(BadInput, match="'spread_0' has no baseline"):
        Dividends({agent: Still() for agent in Synergy.agents[:2]}).extract(Synergy(10), LEARNED, PLAN)
