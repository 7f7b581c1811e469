"""A crisis taken apart: trees of known parents, a known amplification, a last way out on a known day."""

import json
from dataclasses import asdict, replace
from functools import partial
from math import inf

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.cascades import Attribution
from protogov.experiments.studies.emergence.controls import OPEN, placebo
from protogov.experiments.studies.emergence.crisis import Amplification, TurningPoint
from protogov.experiments.studies.emergence.fixtures import Offspring, Reservoir, Still
from protogov.experiments.studies.emergence.forks import Plan, fork_points
from protogov.experiments.studies.emergence.interventions import SEEN, Push, intervening, read_crisis
from protogov.experiments.studies.emergence.tree import Tree, TreeSample

NOBODY = {"risk_0": Still()}


def no_trades(world, decisions):
    return []


def planted(within=10**6, **fields):
    return Tree(within, events=lambda step: step.events, mute=Offspring.mute_in, trades=no_trades, most=10**6, **fields)


def by_number(events, parents):
    """Number of each event's cause, None for a root."""
    return [None if at == -1 else int(events["serial"][at]) for at in parents]


def test_the_tree_by_forks_is_the_planted_one():
    plan = Plan(np.arange(12, dtype=np.uint64), times=(0, 6), steps=6, limits=OPEN)
    measure = planted()
    sample = measure.extract(Offspring(12, mean=0.5, rate=0.7), NOBODY, plan)
    alive = [set(sample.events["serial"][sample.episode == own].tolist()) for own in range(24)]
    truth = [
        int(event["parent"]) if int(event["parent"]) in alive[own] else None
        for event, own in zip(sample.events, sample.episode, strict=True)
    ]
    assert by_number(sample.events, sample.parents) == truth
    assert sum(own is not None for own in truth) > 20 and sample.left_out == 0
    # what an event causes is its whole offspring, and sizes are 1
    depth = sample.depth()
    children = np.bincount(sample.parents[sample.parents >= 0], minlength=len(depth))
    assert (sample.caused[depth == depth.max()] == 0.0).all()
    assert (sample.caused >= children).all() and sample.caused.sum() == depth.sum()
    np.testing.assert_array_equal(sample.caused, sample.caused_size)
    worst = sample.episode == sample.worst()
    assert (sample.parents[worst] >= 0).sum() == max(
        (sample.parents[sample.episode == e] >= 0).sum() for e in range(24)
    )


def test_sales_cause_what_they_cause_and_bursts_cause_nothing():
    # of three steps of cascades m + m^2 + m^3 descendants at the first of four steps, fewer later
    plan = Plan(np.arange(60, dtype=np.uint64), np.repeat(np.arange(12), 5), times=(0,), steps=4, limits=OPEN)
    first, size, with_cause, *_ = planted().reduce(planted().extract(Offspring(60, mean=0.6, rate=2.0), NOBODY, plan))
    assert first.found and first.verdict == "cascade" and size.value == first.value
    assert 0.2 < with_cause.value < 0.6
    bursts = planted().extract(Offspring(60, mean=0.0, rate=2.0, swing=0.8), NOBODY, plan)
    assert not any(finding.found for finding in planted().reduce(bursts)) and (bursts.caused == 0.0).all()


def test_the_window_and_the_rounds_limit_what_is_found():
    plan = Plan(np.arange(12, dtype=np.uint64), times=(0,), steps=6, limits=OPEN)
    world = Offspring(12, mean=0.5, rate=0.7)
    near = planted(within=1).extract(world, NOBODY, plan)
    children = np.bincount(near.parents[near.parents >= 0], minlength=len(near.parents))
    np.testing.assert_array_equal(near.caused, children)  # a step later are an event's children alone
    few = Tree(10**6, 2, lambda step: step.events, Offspring.mute_in, no_trades).extract(world, NOBODY, plan)
    muted = ~np.isnan(few.caused)
    assert np.bincount(few.episode[muted]).max() == 2 and few.left_out == (~muted).sum() > 0
    with pytest.raises(BadInput, match="no event"):
        planted().extract(Offspring(12, mean=0.0, rate=1e-12), NOBODY, plan)


def test_events_that_beget_eight_tenths_amplify_what_comes_from_outside():
    m, steps = 0.8, 60
    plan = Plan(
        np.arange(240, dtype=np.uint64), np.repeat(np.arange(12), 20), steps=steps, limits=OPEN,
        read=lambda step, asked: {"events": step.counts},
    )  # fmt: skip
    measure = Amplification("events", Offspring.barren)
    sample = measure.extract(Offspring(240, mean=m), NOBODY, plan)
    through, ratio = measure.reduce(sample)
    # every event of step t has m + ... + m^(steps - t) descendants
    truth = (steps - m * (1.0 - m**steps) / (1.0 - m)) / ((1.0 - m) * steps)
    error = np.sqrt((1.0 + m) / (1.0 - m) ** 3 / (240 * steps))  # of an event's progeny, over all events
    assert abs(ratio.value - truth) < 3.0 * error and ratio.interval.low < truth < ratio.interval.high
    assert through.found and ratio.found and ratio.null == 1.0
    still = measure.extract(Offspring(240, mean=0.0), NOBODY, plan)
    assert (still.loud == still.quiet).all() and not any(finding.found for finding in measure.reduce(still))
    with pytest.raises(BadInput, match="liquidated"):
        Amplification(quieten=Offspring.barren).extract(Offspring(240), NOBODY, plan)


def test_the_last_way_out_is_as_long_before_the_storm_as_the_sluice_needs():
    seeds = np.arange(12, dtype=np.uint64)
    plan = Plan(seeds, times=tuple(range(14)), steps=18, limits=OPEN, read=Reservoir.read_harm)
    measure = TurningPoint("harm")
    sample = measure.extract(Reservoir(12), {"risk_0": Still(0.0)}, plan)
    drained = np.cumsum(np.minimum(0.25 * np.arange(1, 15), sample.settings["risk_0"].max()))
    needs = [1 + int(np.argmax(drained >= 0.5 * (4.0 + seed % 3))) for seed in range(12)]
    assert needs[:3] == [4, 5, 5]  # .25 + .5 + .75 + ... reaches 2 in the fourth, 2.5 and 3 in the fifth step
    np.testing.assert_array_equal(sample.last, 14.0 - np.array(needs))
    assert (sample.lost == 13.0).all()  # it comes in the decision after decision 13
    # looked for at every fifth decision first, it is found to the decision all the same
    coarse = measure.extract(Reservoir(12), {"risk_0": Still(0.0)}, replace(plan, times=(0, 5, 10)))
    np.testing.assert_array_equal(coarse.last, sample.last)
    assert coarse.times.tolist() == [0, 5, 10]
    ahead, ways = measure.reduce(sample)
    assert ahead.value == pytest.approx(np.mean(needs) - 1.0) and ahead.found and ways.value == 1.0
    # and behind a sluice that is slower there is none
    slow = measure.extract(Reservoir(12, cap=0.01), {"risk_0": Still(0.0)}, plan)
    (ways,) = measure.reduce(slow)
    assert np.isnan(slow.last).all() and ways.value == 0.0
    assert (slow.left > 0.5).all()
    for broken, reason in (
        (partial(measure.extract, Reservoir(12, level=-9.0), NOBODY, plan), "nothing to avert"),
        (partial(TurningPoint("harm", settings=60).extract, Reservoir(12), NOBODY, plan), "power of two"),
        (partial(measure.extract, Reservoir(12), NOBODY, Plan(seeds, times=(0, 9), steps=9)), "reach 9"),
    ):
        with pytest.raises(BadInput, match=reason):
            broken()


# ---------------------------------------------------------------------- the real world


class Constant:
    """Every lever at one action."""

    def __init__(self, action, levers, rows):
        self.action = np.full((rows, levers), action)

    def reset(self, rows, seeds):
        pass

    def act(self, view):
        return self.action

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


CRASH = {
    "depth_scale": 0.05, "leverage_high": 1.0, "leverage_low": 0.9, "attentive_activity": 0.02, "num_accounts": 12,
    "debt_size": 30e6, "lasting_share": 0.6, "oracle_pool_weight": 0.8,
}  # fmt: skip
ROWS = 4


def crashing():
    config = WorldConfig(size="tiny", autonomy=inf, decision_hours=4).with_parameters(**CRASH)
    return Simulator(config, ROWS, scenario="jump")


def seated(world, action=0.0):
    return {agent: Constant(action, world.action_size(agent), ROWS) for agent in world.agents}


PLAN = Plan(np.arange(ROWS, dtype=np.uint64), times=(0,), steps=8, read=read_crisis)


def test_liquidations_of_the_real_world_are_trees():
    world = crashing()
    assert placebo(world, seated(world), PLAN).passed
    measure = Tree(most=6)
    sample = measure.extract(world, seated(world), PLAN)
    causes = sample.parents[sample.parents >= 0]
    assert causes.size > 0 and (sample.caused[causes] != 0.0).any()
    later = sample.events["at"][sample.parents >= 0] >= sample.events["at"][causes]
    assert later.all() and (sample.episode[sample.parents >= 0] == sample.episode[causes]).all()
    assert all(np.isfinite(finding.value) for finding in measure.reduce(sample))
    loud = Amplification().extract(world, seated(world), PLAN)
    assert (loud.loud > loud.quiet).any()


def test_what_governors_and_the_last_way_out_did_to_a_crisis():
    world = crashing()
    governors = seated(world)
    governors["risk_0"] = Constant(0.9, world.action_size("risk_0"), ROWS)
    sample = Attribution(seated(world)).extract(world, governors, PLAN)
    found = dict(zip(sample.agents, np.abs(sample.contributions).sum(axis=(0, 2)), strict=True))
    assert found["risk_0"] > 0.0 == found["rate_0"] == found["spread_0"]  # who sits on the baseline contributes nothing
    point = TurningPoint(settings=4)
    way = point.extract(world, governors, Plan(PLAN.seeds, times=(0, 2), steps=8, read=read_crisis))
    assert way.left.shape == (2, len(way.last)) and np.isfinite(way.left).all()
    assert all(np.isfinite(finding.value) for finding in point.reduce(way))


def test_a_write_off_in_a_fork_beside_replayed_governors():
    world = crashing()
    (point,) = fork_points(world, seated(world), Plan(PLAN.seeds, read=lambda step, _: {"welfare": step.welfare(0)}))
    base = point.run(2)
    same = point.run(2, base.asked, intervening(lambda own: own.mute(np.full(ROWS, -1))))
    assert same.gap(base) == 0.0
    robbed = point.run(2, base.asked, intervening(lambda own: own.write_off(0, 5, suppliers=0.02)))
    push = Push("risk_0", 0, -8.0)
    moved = point.run(2, {name: base.asked[name] for name in ("rate_0", "spread_0")}, push)
    assert push.given == pytest.approx(np.full(ROWS, -8.0))
    assert moved.gap(base, ["rate_0", "spread_0"]) == 0.0
    threshold = base.executed["risk_0"][0, :, 0]  # eight half points down, and back in the next decision
    np.testing.assert_allclose(moved.executed["risk_0"][:, :, 0], [threshold - 0.04, threshold], rtol=1e-12)
    assert (moved.outcomes["welfare"] != base.outcomes["welfare"]).any()
    spread = Push("spread_0", 0, -40.0)  # a cap of the half-spread is a ratio of 1.25, its lowest value .25 vol points
    low = point.run(1, {}, spread).executed["spread_0"][0, :, 0]
    np.testing.assert_allclose(low, 0.0025)
    start = point.look(lambda world: world.worlds["venues"]["levers"]["executed"][:, 0, LEVER_INDEX["half_spread"]])
    assert spread.given == pytest.approx(np.log(0.0025 / start) / np.log(1.25)) and (spread.given > -40.0).all()
    fell = base.outcomes["welfare"] - robbed.outcomes["welfare"]
    assert (fell[0] == 0.0).all() and (fell[1] > 0.0).all()


def test_a_tree_goes_through_json_and_its_worst_episode_is_drawn_by_places_of_its_own():
    events = np.zeros(4, SEEN)
    events["who"], events["at"], events["size"] = (5, 7, 8, -1), (12, 24, 36, 12), (1.0, 2.0, 3.0, 0.0)
    parents = np.array([-1, 3, 1, -1])  # of the second episode: a hedge, then 7, then 8
    tree = TreeSample(
        events,
        np.array([0, 1, 1, 1]),
        parents,
        np.array([0.0, 1.0, np.nan, 2.0]),
        np.zeros(4),
        np.array(list("abbb")),
        1,
    )
    again = TreeSample.from_json(json.loads(json.dumps(asdict(tree), default=lambda array: array.tolist())))
    assert (again.events == events).all() and (again.labels == tree.labels).all() and again.left_out == 1
    np.testing.assert_array_equal(again.caused, tree.caused)
    assert again.worst_episode() == {
        "hours": [2.0, 3.0, 1.0], "size": [2.0, 3.0, 0.0], "hedge": [False, False, True],
        "generation": [1, 2, 0], "parents": [2, 0, -1],
    }  # fmt: skip
