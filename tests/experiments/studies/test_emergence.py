"""Forks, influence and their controls: against algebra, and against planted mistakes."""

import numpy as np
import pytest

from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence import controls
from protogov.experiments.studies.emergence.controls import OPEN, SideBySide
from protogov.experiments.studies.emergence.fixtures import (
    CommonDriver,
    Feedback,
    FollowedMarkets,
    LinearQuadraticGame,
    Queues,
    Still,
)
from protogov.experiments.studies.emergence.forks import Plan, fork_points, read_actions, read_all, read_rewards
from protogov.experiments.studies.emergence.influence import LEAST, Influence
from protogov.experiments.studies.emergence.measure import family, withhold

NASH = LinearQuadraticGame.nash()
BOTH = {agent: Feedback(NASH[i]) for i, agent in enumerate(LinearQuadraticGame.agents)}


def read_state(step, asked):
    return {f"x/{column}": step.obs["rate_0"][:, column].astype(float) for column in range(2)}


class Exact(LinearQuadraticGame):
    """The game seen in float64, so that algebra holds to the last bits."""

    def sees(self, agent):
        return self.x.copy()


def plan(seeds=12, **rest):
    return Plan(np.arange(seeds, dtype=np.uint64), limits=OPEN, **rest)


def test_influence_is_what_algebra_says_in_a_linear_loop():
    windows = tuple((h, h) for h in range(1, 7))
    measure = Influence(windows=windows)
    sample = measure.extract(Exact(3), BOTH, plan(3, times=(2, 5), steps=6, read=read_all(read_state, read_actions)))
    for place, (agent, _) in enumerate(sample.levers):
        for kind, replayed in (("total", False), ("mechanical", True)):
            response = sample.pushes[place] * LinearQuadraticGame.response(NASH, place, 6, replayed)
            for column in range(2):
                found = sample.effect(kind, agent, 0, f"x/{column}")
                assert np.abs(found - response[:, column]).max() < 4e-15
            if not replayed:  # and the other's action answers a step later
                other = LinearQuadraticGame.agents[1 - place]
                answer = sample.effect(kind, agent, 0, f"action/{other}/0")
                assert np.abs(answer[:, 1:] + (response @ NASH[1 - place])[:-1]).max() < 4e-15
                assert (answer[:, 0] == 0.0).all()
    apart = sample.effects["total"] - sample.effects["mechanical"]
    np.testing.assert_allclose(sample.effects["policy"], apart, rtol=0.0, atol=1e-15)
    assert sample.replay_gap == 0.0


def test_a_push_is_scaled_to_what_the_policy_does_itself_and_clipping_is_accounted_for():
    world, governors = FollowedMarkets(12), {"rate_0": Feedback([0.4, 0.0]), "rate_1": FollowedMarkets.follower(0.3)}
    measure = Influence(windows=((1, 1), (2, 2)), agents=("rate_0",))
    free = measure.extract(world, governors, plan(times=(0, 7), steps=2))
    # a = -.4 x and x' = .1 x + w: changes of a have variance .16 * 2 (1 - .1) / (1 - .01)
    assert free.movements[0] == pytest.approx(np.sqrt(0.16 * 1.8 / 0.99), rel=0.35)
    assert free.effect("total", "rate_0", 0, "reward/rate_0")[:, 0] == pytest.approx(free.pushes[0])
    seeds = np.arange(12, dtype=np.uint64)
    narrow = measure.extract(world, governors, Plan(seeds, times=(0, 7), steps=2, limits=(-0.2, 0.2)))
    assert narrow.effect("total", "rate_0", 0, "reward/rate_0")[:, 0] == pytest.approx(narrow.pushes[0])
    still = measure.extract(world, governors | {"rate_0": Still()}, plan(steps=2))
    assert still.movements[0] == 0.0 and still.pushes[0] == LEAST


def test_units_of_inference_are_what_the_plan_says():
    made = plan(6, units=np.repeat([3, 1], 3))
    assert made.by_unit(np.arange(6.0)).tolist() == [4.0, 1.0]
    with pytest.raises(BadInput, match="units have shape"):
        plan(6, units=np.arange(2)).by_unit(np.arange(6.0))


def test_a_held_push_stays_and_is_let_go():
    point = next(fork_points(FollowedMarkets(2), {"rate_0": Still(0.1), "rate_1": Still()}, plan(2)))
    base = point.run(4)
    path = np.full((2, 2, 1), 0.7)
    path[1, 1] = np.nan
    branch = point.run(4, {"rate_0": path})
    assert branch.asked["rate_0"][:, :, 0].tolist() == [[0.7, 0.7], [0.7, 0.1], [0.1, 0.1], [0.1, 0.1]]
    assert branch.gap(base, ["rate_1"]) == 0.0 and branch.gap(base) == pytest.approx(0.9)


def test_what_does_not_fit_is_named():
    point = next(fork_points(FollowedMarkets(2, horizon=5), {"rate_0": Still(), "rate_1": Still()}, plan(2)))
    with pytest.raises(BadInput, match="'risk_0'; agents are rate_0, rate_1"):
        point.run(2, {"risk_0": np.zeros((1, 2, 1))})
    with pytest.raises(BadInput, match=r"shape \(1, 2\); \(decisions, 2, 1\)"):
        point.run(2, {"rate_0": np.zeros((1, 2))})
    with pytest.raises(BadInput, match="has 6 decisions; an episode is over after 5"):
        point.run(6)
    with pytest.raises(BadInput, match="'rate_1' has no governor"):
        next(fork_points(FollowedMarkets(2), {"rate_0": Still()}, plan(2)))
    with pytest.raises(BadInput, match=r"window \(1, 11\)"):
        Influence(windows=((1, 11),)).extract(FollowedMarkets(2), {}, plan(2))


# ---------------------------------------------------------------------- controls


class Forgetful(Feedback):
    """Answers what it saw last, and does not put that into its state."""

    seen = 0.0

    def act(self, view):
        action = 0.3 * np.asarray(self.seen) + super().act(view)
        self.seen = view.obs[:, :1].astype(float)
        return action


def test_placebo_is_nothing_bit_for_bit_and_sees_a_memory_that_is_not_kept():
    control = controls.placebo(LinearQuadraticGame(4), BOTH, plan(4, times=(0, 3), steps=5))
    assert control.passed and control.found == "exactly 0"
    governors = {"rate_0": Forgetful(NASH[0]), "risk_0": Feedback(NASH[1])}
    assert not controls.placebo(LinearQuadraticGame(4), governors, plan(4, times=(0, 3), steps=5)).passed


def test_decoupled_is_nothing_with_keyed_noise_and_fails_where_a_stream_is_shared():
    governors = {agent: Feedback([0.2]) for agent in Queues.agents}
    sides = (["rate_0"], ["rate_1"])
    where = plan(4, times=(2,), steps=6)
    assert controls.decoupled(Queues(4), governors, where, sides).passed
    stream = controls.decoupled(Queues(4, stream=True), governors, where, sides)
    assert not stream.passed and float(stream.found) > 0.0
    assert controls.placebo(Queues(4, stream=True), governors, where).passed  # which that does not see


def test_decoupled_says_when_its_push_moved_nothing_and_when_two_sides_are_linked():
    sides = (["rate_0"], ["rate_1"])
    followed = {"rate_0": Still(), "rate_1": FollowedMarkets.follower(0.3)}
    assert not controls.decoupled(FollowedMarkets(2), followed, plan(2), sides).passed
    assert controls.decoupled(FollowedMarkets(2), {"rate_0": Still(), "rate_1": Still()}, plan(2), sides).passed
    shut = Plan(np.arange(2, dtype=np.uint64), limits=(0.0, 0.0))
    assert "moved nothing" in controls.decoupled(FollowedMarkets(2), followed, shut, sides).found
    pair = SideBySide([LinearQuadraticGame(2), LinearQuadraticGame(2)])
    apart = {f"{agent}@{side}": governor for side in (0, 1) for agent, governor in BOTH.items()}
    assert controls.decoupled(pair, apart, plan(2, read=read_all(read_rewards, read_actions))).passed


def test_the_planted_follower_is_found_at_its_size():
    assert FollowedMarkets.effect(0.3, 9) == pytest.approx(0.1319, abs=5e-5)
    assert controls.follower().passed
    assert not controls.follower(played=0.0).passed
    assert not controls.follower(played=0.32).passed


def test_forks_find_nothing_where_a_record_with_a_common_driver_cries_influence():
    control = controls.common_driver()
    assert control.passed and control.found.startswith("0 by forks")
    draw = np.random.default_rng(0).normal(size=(200, 20, 2))
    assert sum(controls.granger(row[:, 0], row[:, 1]) < 0.05 for row in draw) in range(2, 25)  # of 200, 5%


def test_a_yoked_follower_moves_as_much_and_nothing_goes_through_it():
    world, governors = FollowedMarkets(12), {"rate_0": Feedback([0.3, 0.0]), "rate_1": FollowedMarkets.follower(0.5)}
    where, measure = plan(times=(2,), steps=6), Influence(windows=((1, 6),))
    assert controls.yoked(world, governors, where, measure).passed
    doubles = measure.extract(world, controls.yoke(world, governors, where), where)
    own = measure.extract(world, governors, where)
    assert doubles.movements == pytest.approx(own.movements)
    assert (own.effects["policy"] != 0.0).any() and (doubles.effects["policy"] == 0.0).all()
    claims = {finding.name: finding.verdict for finding in measure.reduce(own) if finding.found}
    assert (
        claims["total rate_0/0 -> reward/rate_1 @1-6"] == claims["policy rate_0/0 -> reward/rate_1 @1-6"] == "influence"
    )
    assert claims["total rate_0/0 -> reward/rate_0 @1-6"] == "own effect"
    with pytest.raises(BadInput, match="needs another tape"):
        controls.yoke(FollowedMarkets(1), governors, plan(1))


def test_a_failed_control_takes_the_claim_away_in_words():
    findings = family("influence", "influence", ["strong", "none"], np.array([[1.0, (-1) ** i] for i in range(12)]))
    assert [finding.found for finding in findings] == [True, False]
    assert findings[0].verdict == "influence" and "4 of 5" in findings[1].verdict
    bad = controls.placebo(
        LinearQuadraticGame(2), {"rate_0": Forgetful(NASH[0]), "risk_0": Feedback(NASH[1])}, plan(2, times=(1,))
    )
    withheld = withhold(findings, [bad, controls.follower(seeds=8)])
    assert not any(finding.found for finding in withheld)
    assert withheld[0].verdict.startswith("withheld, because a control failed: placebo should be exactly 0 and was ")
    other = [finding.__class__(**{**vars(finding), "measure": "another"}) for finding in findings]
    assert withhold(other, [bad]) == other


def test_few_units_are_underpowered_and_a_row_has_all_that_a_report_needs():
    finding = family("influence", "influence", ["x"], np.ones((7, 1)) + 0.01 * np.arange(7.0)[:, None])[0]
    assert finding.adjusted_p < 0.05 and not finding.found and finding.verdict.startswith("underpowered: 7 units")
    assert set(finding.row()) >= {"value", "low", "high", "n", "null", "adjusted_p", "minimum_detectable_effect"}


def test_a_driver_moves_both_and_a_push_only_its_own():
    sample = Influence(windows=((1, 3),)).extract(CommonDriver(2), {a: Still() for a in CommonDriver.agents}, plan(2))
    assert (sample.effect("total", "rate_0", 0, "reward/rate_1") == 0.0).all()
    assert sample.effect("total", "rate_0", 0, "reward/rate_0") == pytest.approx(LEAST / 3)
