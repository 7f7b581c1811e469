"""Training seeds that meet strangers; and the battery, which tells a cartel from what looks like one."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.collusion import Anchors, Collusion
from protogov.experiments.studies.emergence.controls import OPEN
from protogov.experiments.studies.emergence.cross_play import CrossPlay
from protogov.experiments.studies.emergence.fixtures import Conventions, LogitDuopoly, Still, Trigger
from protogov.experiments.studies.emergence.forks import Plan, fork_points
from protogov.experiments.studies.emergence.populations import Population

SESSIONS = 9
ROWS = np.arange(SESSIONS)
PLAN = Plan(ROWS.astype(np.uint64), times=(12,), steps=10, limits=OPEN)
NASH, JOINT = LogitDuopoly.nash(), LogitDuopoly.joint()
PROFITS = {price: float(LogitDuopoly.profits(np.array([price, price]))[0]) for price in (NASH, JOINT)}
BATTERY = Collusion(Anchors(PROFITS[NASH], PROFITS[JOINT]), myopic=0.2, size=JOINT - LogitDuopoly.best_reply(JOINT))
PRICES = JOINT - 0.03 * ROWS  # each session has settled on one of its own


def sessions(make):
    """Both sellers of every session."""
    return {agent: Population([make(price) for price in PRICES], ROWS) for agent in LogitDuopoly.agents}


def judged(make, retrained=None, battery=BATTERY):
    sample = battery.extract(LogitDuopoly(SESSIONS), sessions(make), PLAN, retrained)
    return battery.reduce(sample)


def test_a_trigger_cartel_is_collusive_once_a_retrained_deviation_is_known():
    def cartel(price):
        return Trigger(price, NASH, SESSIONS)

    head, *checks = judged(cartel, np.full(SESSIONS, 0.1))
    assert head.verdict == "collusive" and head.found and all(check.found for check in checks)
    prices = np.stack([PRICES, PRICES], axis=1)
    gain = (LogitDuopoly.profits(prices)[:, 0] - PROFITS[NASH]) / (PROFITS[JOINT] - PROFITS[NASH])
    assert head.value == pytest.approx(gain.mean())
    # one deviation, then four decisions at Nash prices, by hand for the first session
    lost = sum(0.95**t for t in range(1, 5)) * (PROFITS[JOINT] - PROFITS[NASH])
    once = LogitDuopoly.profits(np.array([JOINT - BATTERY.size, JOINT]))[0] - PROFITS[JOINT]
    sample = BATTERY.extract(LogitDuopoly(SESSIONS), sessions(cartel), PLAN)
    assert once == pytest.approx(0.07420, abs=5e-6)
    assert sample.answered[0] == pytest.approx(once - lost, abs=1e-9)
    assert sample.reaction_down[0] == pytest.approx(0.4 * (JOINT - NASH)) and (sample.reaction_up == 0.0).all()
    assert BATTERY.reduce(sample)[0].verdict.startswith("withheld: all checks hold but the last")
    assert judged(cartel, np.zeros(SESSIONS))[0].verdict.startswith("not collusive: nobody trained anew")


class SlowDuopoly(LogitDuopoly):
    """A seller keeps its customers for a while: of its sales only a share `moves` follows today's prices."""

    moves = 0.15

    def opening(self, n):
        opening = super().opening(n)
        return {**opening, "sales": self.profits(opening["price"]) / (opening["price"] - self.cost)}

    def move(self, a, noise):
        wanted = super().move(a, noise) / (a - self.cost)
        self.state["sales"] = (1.0 - self.moves) * self.state["sales"] + self.moves * wanted
        return (a - self.cost) * self.state["sales"]


def test_where_customers_move_slowly_a_deviation_has_to_be_counted_until_they_have():
    """Anchors are as in `LogitDuopoly`: constants have the same profits in the end."""

    def verdict(make, after):
        battery = replace(BATTERY, after=after)
        sample = battery.extract(SlowDuopoly(SESSIONS), sessions(make), PLAN, np.full(SESSIONS, 0.1))
        return battery.reduce(sample)[0].verdict, sample

    def cartel(price):
        return Trigger(price, NASH, SESSIONS)

    early, short = verdict(cartel, 0)
    found, whole = verdict(cartel, 38)
    assert early.startswith("not collusive: a deviation would not pay without a reaction either")
    assert found == "collusive" and (whole.answered < 0.0).all()
    assert short.replayed.mean() < 0.0 < whole.replayed.mean()
    for name in ("profit", "strangers", "reaction_down", "reaction_up"):  # these are over the plan's steps in both
        np.testing.assert_allclose(getattr(short, name), getattr(whole, name), atol=1e-12)
    for make, words in (
        (Still, "mutual optimism"),
        (lambda price: Still(NASH), "not collusive: no more profit than a myopic control"),
        (lambda price: Trigger(price, NASH, SESSIONS, any_change=True), "any-change reset"),
    ):
        assert verdict(make, 38)[0].startswith(words)
    # by hand: one decision below the joint price, the rival's answer replayed and none of one's own
    always = verdict(Still, 38)[1].replayed[0]
    sales, margin = [PROFITS[JOINT] / (JOINT - 1.0)] * 2, np.full(38, JOINT - 1.0)
    margin[0] -= BATTERY.size
    brought, wanted = 0.0, LogitDuopoly.profits(np.array([JOINT - BATTERY.size, JOINT]))[0] / margin[0]
    for t in range(38):
        sales[0] += 0.15 * ((wanted if t == 0 else sales[1]) - sales[0])
        brought += 0.95**t * (margin[t] * sales[0] - (JOINT - 1.0) * sales[1])
    assert always == pytest.approx(brought, abs=1e-9)


def test_the_profit_gain_is_0_at_nash_and_1_at_the_joint_optimum():
    for price, gain in ((NASH, 0.0), (JOINT, 1.0)):
        head, *_ = judged(lambda own, price=price: Still(price))
        assert head.value == pytest.approx(gain, abs=1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Still, "mutual optimism"),
        (lambda price: Still(NASH), "not collusive: no more profit than a myopic control"),
        (lambda price: Trigger(price, NASH, SESSIONS, any_change=True), "any-change reset"),
    ],
    ids=["always high", "competitive", "any change"],
)
def test_what_is_no_cartel_is_called_by_its_name(make, words):
    head = judged(make, np.full(SESSIONS, 0.1))[0]
    assert head.verdict.startswith(words) and not head.found


def test_without_sound_anchors_or_enough_seeds_nothing_is_said():
    def cartel(price):
        return Trigger(price, NASH, SESSIONS)

    for anchors, word in (
        (Anchors(0.2, 0.3, unique=False), "more than one equilibrium"),
        (Anchors(0.2, 0.3, error=0.04), "standard error 0.04"),
        (Anchors(0.3, 0.31), "only 0.01 above"),
    ):
        head = judged(cartel, np.ones(SESSIONS), replace(BATTERY, anchors=anchors))[0]
        assert head.verdict.startswith("withheld") and word in head.verdict and not head.found
    few = Population([Still(JOINT), Still(JOINT)], [0, 1])
    sample = BATTERY.extract(
        LogitDuopoly(2), dict.fromkeys(LogitDuopoly.agents, few), replace(PLAN, seeds=PLAN.seeds[:2])
    )
    assert BATTERY.reduce(sample)[0].verdict.startswith("underpowered: 2 units")


# ---------------------------------------------------------------------- populations


def test_strangers_with_other_conventions_earn_less_by_their_distance_and_alike_ones_nothing():
    places, plan = 0.1 * ROWS**2, Plan(np.arange(2 * SESSIONS, dtype=np.uint64), steps=3, limits=OPEN)
    homes = np.repeat(ROWS, 2)
    measure, world = CrossPlay(), Conventions(2 * SESSIONS)
    governors = {agent: Population([Still(place) for place in places], homes) for agent in Conventions.agents}
    sample = measure.extract(world, governors, plan)
    apart = 6.0 * (1.0 - (places[:, None] - places[None, :]) ** 2)
    for payoffs in sample.payoffs:
        np.testing.assert_allclose(payoffs, apart, atol=1e-12)
    drop = 6.0 * ((places[:, None] - places[None, :]) ** 2).sum(axis=1) / (SESSIONS - 1)
    assert sample.drops()[:, 1] == pytest.approx(drop)
    assert sample.reverse() == pytest.approx(6.0 - drop)
    assert all(finding.found and finding.verdict == "learned conventions" for finding in measure.reduce(sample))
    alike = {agent: Population([Still(0.3) for _ in places], homes) for agent in Conventions.agents}
    assert not any(finding.found for finding in measure.reduce(measure.extract(world, alike, plan)))


def test_a_population_governs_each_row_as_its_member_would_alone():
    made = {
        agent: Population([Trigger(price, NASH, 3) for price in (1.9, 1.6)], [0, 1, 0]) for agent in LogitDuopoly.agents
    }
    plan = Plan(np.arange(3, dtype=np.uint64), times=(2,), limits=OPEN)
    pinned = {"rate_0": np.full((1, 3, 1), 1.5)}
    both = next(fork_points(LogitDuopoly(3), made, plan)).run(6, pinned)
    for rows, price in (([0, 2], 1.9), ([1], 1.6)):
        alone = {agent: Trigger(price, NASH, 3) for agent in LogitDuopoly.agents}
        one = next(fork_points(LogitDuopoly(3), alone, plan)).run(6, pinned)
        assert np.array_equal(one.asked["rate_1"][:, rows], both.asked["rate_1"][:, rows])
    with pytest.raises(BadInput, match="numbers from 0 to 1"):
        Population([Still(), Still()], [0, 2])
    with pytest.raises(BadInput, match="'rate_0' is no Population"):
        CrossPlay().extract(LogitDuopoly(3), {agent: Still() for agent in LogitDuopoly.agents}, plan)
