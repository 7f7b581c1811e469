"""Cascades by fork: descendants where events beget events, none where they only come in bursts; and who contributed."""

import numpy as np
import pytest

from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.cascades import Attribution, Branching
from protogov.experiments.studies.emergence.controls import OPEN, placebo
from protogov.experiments.studies.emergence.fixtures import Feedback, FollowedMarkets, Offspring, Still
from protogov.experiments.studies.emergence.forks import Plan

ROWS = 480
# a training seed's worlds are a unit
PLAN = Plan(np.arange(ROWS, dtype=np.uint64), np.repeat(np.arange(12), ROWS // 12), times=(25,), steps=45, limits=OPEN)
NOBODY = {"risk_0": Still()}


def test_galton_watson_has_four_descendants_an_event_and_a_branching_ratio_of_eight_tenths():
    measure = Branching()
    sample = measure.extract(Offspring(ROWS, mean=0.8), NOBODY, PLAN)
    descendants, by_fork, by_record = measure.reduce(sample)
    error = np.sqrt(0.8 / 0.2**3 / sample.muted)  # variance of the progeny m / (1 - m)^3
    assert sample.muted > 0.9 * ROWS
    assert descendants.found and abs(descendants.value - 4.0) < 3.0 * error
    assert by_fork.value == pytest.approx(0.8, abs=3.0 * 0.04 * error)
    assert by_fork.interval.low < by_fork.value < by_fork.interval.high
    assert by_record.value == pytest.approx(0.75, abs=0.1) and not by_record.found  # short records bias it down


def test_bursts_with_a_common_cause_have_no_descendants_by_fork_whatever_the_record_says():
    measure = Branching()
    plan = Plan(PLAN.seeds[:60], np.repeat(np.arange(12), 5), times=(25,), steps=60, limits=OPEN)
    sample = measure.extract(Offspring(60, mean=0.0, rate=20.0, swing=0.8), NOBODY, plan)
    descendants, _, by_record = measure.reduce(sample)
    assert (sample.lost == 0.0).all() and not descendants.found
    assert by_record.value > 0.6


def test_forks_of_a_branching_world_are_the_same_bit_for_bit():
    plan = Plan(np.arange(5, dtype=np.uint64), times=(4,), steps=8, limits=OPEN)
    assert placebo(Offspring(5, mean=0.6, rate=3.0), NOBODY, plan).passed
    with pytest.raises(BadInput, match="no event happened"):
        Branching().extract(Offspring(5), NOBODY, Plan(plan.seeds, times=(0,), limits=OPEN))


def test_contributions_are_those_of_the_governors_that_did_something():
    plan = Plan(np.arange(9, dtype=np.uint64), times=(2,), steps=5, limits=OPEN)
    measure = Attribution({"rate_0": Still(0.0), "rate_1": Still(0.0)})
    governors = {"rate_0": Still(0.7), "rate_1": Feedback([0.0, 0.0])}
    sample = measure.extract(FollowedMarkets(9), governors, plan)
    found = {finding.name: finding for finding in measure.reduce(sample)}
    own = 0.7 * sum((1.0 - 0.5**h) / 0.5 for h in range(1, 6))  # the geometric sums of five steps
    assert found["rate_0's decisions -> reward/rate_0"].value == pytest.approx(own)
    assert found["rate_0's decisions -> reward/rate_0"].verdict == "contribution"
    assert all(not finding.found for name, finding in found.items() if name != "rate_0's decisions -> reward/rate_0")
