"""The self-test: every measure where its answer is known, and where it must find nothing.

A row of `CHECKS` is a function of the number of planted learners that returns controls. What a check guards is
withheld in a report as soon as it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from protogov.experiments.core.text import number
from protogov.experiments.studies.emergence import controls
from protogov.experiments.studies.emergence.cascades import Branching
from protogov.experiments.studies.emergence.collusion import Anchors, Collusion
from protogov.experiments.studies.emergence.controls import OPEN
from protogov.experiments.studies.emergence.cross_play import CrossPlay
from protogov.experiments.studies.emergence.dividends import Dividends, DividendSample
from protogov.experiments.studies.emergence.exploitability import Exploitability
from protogov.experiments.studies.emergence.fixtures import (
    Conventions,
    Feedback,
    LinearQuadraticGame,
    LogitDuopoly,
    Offspring,
    Queues,
    Still,
    Synergy,
    Trigger,
)
from protogov.experiments.studies.emergence.forks import Floats, Plan, fork_points
from protogov.experiments.studies.emergence.influence import Influence
from protogov.experiments.studies.emergence.measure import Control, Finding
from protogov.experiments.studies.emergence.populations import Population
from protogov.experiments.studies.emergence.q_learning import DISCOUNT, Learned, Session, learn

PRICES, BEYOND = 15, 0.1  # of a Q-learner; share of (joint - Nash) by which they reach beyond both
GAIN_OF_LEARNERS, GAIN_OF_MYOPIC, GAIN_WITH_STRANGERS = (0.75, 0.95), 0.35, 0.4
VERDICTS_OF_LEARNERS, VERDICTS_OF_MYOPIC = ("collusive", "any-change reset"), ("not collusive",)


def _plan(seeds: int, **rest: object) -> Plan:
    return Plan(np.arange(seeds, dtype=np.uint64), limits=OPEN, **rest)  # type: ignore[arg-type]


def _near(
    name: str, found: float, wanted: float, tolerance: float, guards: tuple[str, ...], more: bool = True
) -> Control:
    passed = bool(abs(found - wanted) <= tolerance and more)
    return Control(name, f"{number(wanted)} ± {number(tolerance)}", number(found), passed, guards)


def linear_loop(sessions: int) -> list[Control]:
    """Influence in a loop of two linear policies, against algebra, as closely as observations in float32 allow."""
    game, steps = LinearQuadraticGame, 6
    gains = game.nash()
    governors = {agent: Feedback(gains[i]) for i, agent in enumerate(game.agents)}
    measure = Influence(windows=((steps, steps),))
    # rewards are quadratic: what is compared is how the other's action answers
    plan = _plan(3, times=(2,), steps=steps, read=_actions)
    sample = measure.extract(game(3), governors, plan)
    worst = 0.0
    for place, (agent, _) in enumerate(sample.levers):
        other = game.agents[1 - place]
        response = sample.pushes[place] * game.response(gains, place, steps)
        wanted = -(response @ gains[1 - place])[steps - 2]
        worst = max(worst, float(np.abs(sample.effect("total", agent, 0, f"action/{other}/0") / wanted - 1.0).max()))
    return [_near("linear loop", worst, 0.0, 1e-4, ("influence",))]


def _actions(step: object, asked: dict[str, Floats]) -> dict[str, Floats]:
    return {f"action/{agent}/0": own[:, 0] for agent, own in asked.items()}


def planted_followers(sessions: int) -> list[Control]:
    """A follower is found at its size, a common driver is not."""
    return [make() for make in controls.PLANTED]


def noise(sessions: int) -> list[Control]:
    """Two queues that have nothing in common: nothing with keyed noise, and red with one stream for both."""
    governors = {agent: Still() for agent in Queues.agents}
    plan, sides = _plan(4, times=(3,), steps=4), (["rate_0"], ["rate_1"])
    keyed = controls.decoupled(Queues(4), governors, plan, sides)
    stream = controls.decoupled(Queues(4, stream=True), governors, plan, sides)
    return [
        Control("queues with keyed noise", keyed.expected, keyed.found, keyed.passed, keyed.guards),
        Control("queues with one stream", "not 0", stream.found, not stream.passed, stream.guards),
    ]


def planted_dividends(sessions: int) -> list[Control]:
    """Planted dividends are found, and an additive world has none."""
    measure = Dividends({agent: Still(0.0) for agent in Synergy.agents})
    ones = {agent: Still(1.0) for agent in Synergy.agents}

    def found_in(world: Synergy) -> dict[str, Finding]:
        sample = measure.extract(world, ones, _plan(10, steps=4))
        one = DividendSample(sample.coalitions, sample.outcomes[:1], sample.worth[:, :, :1])
        return {finding.name.partition(" -> ")[0]: finding for finding in measure.reduce(one)}

    planted, additive = found_in(Synergy(10)), found_in(Synergy(10, planted=Synergy.ALONE))
    pair = planted["rate_0+risk_0"]
    together = [name for name, one in additive.items() if "+" in name and one.found]
    return [
        _near("planted dividend", pair.value, 3.2, 1e-9, ("dividends",), pair.found),
        Control("additive world", "no dividend", ", ".join(together) or "no dividend", not together, ("dividends",)),
    ]


def best_replies(sessions: int) -> list[Control]:
    """A seller at the cartel price can gain what algebra says, at Nash nobody can."""
    seeds = np.arange(8, dtype=np.uint64)
    search, choice = seeds + np.uint64(100), seeds + np.uint64(200)
    measure = Exploitability(search, choice, rungs=("offset",), generations=15, population=6)
    found = []
    for name, price, gain in (
        ("cartel price", LogitDuopoly.joint(), 0.0742042),
        ("Nash price", LogitDuopoly.nash(), 0.0),
    ):
        governors = {agent: Still(price) for agent in LogitDuopoly.agents}
        first, *_ = measure.reduce(measure.extract(LogitDuopoly(8), governors, _plan(8, steps=1)))
        found.append(
            _near(f"gain at the {name}", first.value, gain, 5e-6, ("exploitability",), first.found == (gain > 0))
        )
    return found


def conventions(sessions: int) -> list[Control]:
    """Those who learned to meet somewhere lose with strangers; those who all learned the same do not."""
    rows = np.arange(9)
    plan = _plan(9, steps=3)
    found = []
    for name, places in (("conventions", 0.1 * rows**2), ("one convention", 0.0 * rows)):
        governors = {agent: Population([Still(place) for place in places], rows) for agent in Conventions.agents}
        findings = CrossPlay().reduce(CrossPlay().extract(Conventions(9), governors, plan))
        dropped = all(finding.found for finding in findings)
        wanted = name == "conventions"
        words = ("no drop", "a drop with strangers")
        found.append(Control(name, words[wanted], words[dropped], dropped == wanted, ("cross-play", "collusion")))
    return found


def offspring(sessions: int) -> list[Control]:
    """Events that beget events have descendants, bursts with a common cause have none."""
    rows = 480
    labels = np.repeat(np.arange(12), rows // 12)
    plan = Plan(np.arange(rows, dtype=np.uint64), labels, times=(25,), steps=45, limits=OPEN)
    sample = Branching().extract(Offspring(rows, mean=0.8), {"risk_0": Still()}, plan)
    descendants, *_ = Branching().reduce(sample)
    error = float(np.sqrt(0.8 / 0.2**3 / sample.muted))
    few = Plan(plan.seeds[:60], np.repeat(np.arange(12), 5), times=(25,), steps=30, limits=OPEN)
    bursts = Branching().extract(Offspring(60, mean=0.0, rate=20.0, swing=0.8), {"risk_0": Still()}, few)
    lost = float(np.abs(bursts.lost).max())
    return [
        _near("descendants of an event", descendants.value, 4.0, 3.0 * error, ("cascades",), descendants.found),
        Control("bursts with a common cause", "exactly 0", number(lost), lost == 0.0, ("cascades",)),
    ]


# ---------------------------------------------------------------------- the battery


def duopoly_anchors() -> Anchors:
    """Of the logit duopoly."""
    nash, joint = (
        float(LogitDuopoly.profits(np.array([p, p]))[0]) for p in (LogitDuopoly.nash(), LogitDuopoly.joint())
    )
    return Anchors(nash, joint)


def price_game() -> tuple[Floats, Floats]:
    """Prices of Q-learners, F64[15], and own profit by (own, rival's) price, F64[15, 15]."""
    nash, joint = LogitDuopoly.nash(), LogitDuopoly.joint()
    prices = np.linspace(nash - BEYOND * (joint - nash), joint + BEYOND * (joint - nash), PRICES)
    own, rival = np.meshgrid(prices, prices, indexing="ij")
    return prices, LogitDuopoly.profits(np.stack([own, rival], axis=-1))[..., 0]


def learned_sessions(count: int, discount: float) -> list[Session]:
    """So many pairs of Q-learners."""
    prices, payoffs = price_game()
    return [learn(payoffs, prices, seed, discount) for seed in range(count)]


def judged(pairs: Sequence[Sequence[object]], retrained: Floats, myopic: float = GAIN_OF_MYOPIC) -> list[Finding]:
    """The battery's findings on sessions, each a pair of governors of the duopoly."""
    count = len(pairs)
    rows = np.arange(count)
    governors = {
        agent: Population([pair[side] for pair in pairs], rows)  # type: ignore[misc]
        for side, agent in enumerate(LogitDuopoly.agents)
    }
    joint = LogitDuopoly.joint()
    battery = Collusion(duopoly_anchors(), myopic, size=joint - LogitDuopoly.best_reply(joint))
    plan = _plan(count, times=(12,), steps=16)
    return battery.reduce(battery.extract(LogitDuopoly(count), governors, plan, retrained))


def gain_with_strangers(pairs: Sequence[Sequence[object]]) -> float:
    """Profit gain of sellers who meet the other seller of every other session, on their way and after it."""
    count, anchors = len(pairs), duopoly_anchors()
    rows = np.arange(count)
    found = []
    for shift in range(1, count):
        first = Population([pair[0] for pair in pairs], rows)  # type: ignore[misc]
        second = Population([pair[1] for pair in pairs], rows).shifted(shift)  # type: ignore[misc]
        governors = dict(zip(LogitDuopoly.agents, (first, second), strict=True))
        outcomes = next(fork_points(LogitDuopoly(count), governors, _plan(count))).run(40).outcomes
        found.append(np.mean([own[20:].mean() for own in outcomes.values()]))
    return float((np.mean(found) - anchors.nash) / (anchors.joint - anchors.nash))


def planted_cartels(sessions: int) -> list[Control]:
    """A trigger cartel is called collusive; a pair that always keeps high prices is called optimistic."""
    count, nash = 9, LogitDuopoly.nash()
    prices = LogitDuopoly.joint() - 0.03 * np.arange(count)
    better = np.full(count, 0.1)
    found = []
    for name, words, make in (
        ("trigger cartel", "collusive", lambda price: Trigger(price, nash, count)),
        ("always high prices", "mutual optimism", Still),
    ):
        head, *_ = judged([(make(price), make(price)) for price in prices], better)
        found.append(Control(name, words, head.verdict, head.verdict.startswith(words), ("collusion",)))
    return found


def q_learners(sessions: int) -> list[Control]:
    """Q-learners learn high prices together, myopic ones do not: the battery finds collusion, not learning as such.

    What these Q-learners do passes every check but that of the direction: they answer a move up as they answer one
    down, and the battery says so.
    """
    _, payoffs = price_game()
    found = []
    for name, discount in (("Q-learners", DISCOUNT), ("myopic Q-learners", 0.0)):
        learned = learned_sessions(sessions, discount)
        pairs = [tuple(Learned(one, who, sessions) for who in range(2)) for one in learned]
        retrained = np.array([one.best_response(payoffs, 0) for one in learned])
        head, *_ = judged(pairs, retrained)
        low, high = GAIN_OF_LEARNERS if discount else (-np.inf, GAIN_OF_MYOPIC)
        words = f"a profit gain of {number(low)} to {number(high)}" if discount else f"below {number(high)}"
        found.append(Control(f"{name}: gain", words, number(head.value), low <= head.value <= high, ("collusion",)))
        if discount:
            met = gain_with_strangers(pairs)
            limit = f"below {number(GAIN_WITH_STRANGERS)}"
            found.append(
                Control(f"{name}: gain with strangers", limit, number(met), met < GAIN_WITH_STRANGERS, ("collusion",))
            )
        verdicts = VERDICTS_OF_LEARNERS if discount else VERDICTS_OF_MYOPIC
        said = head.verdict.startswith(verdicts)
        found.append(Control(f"{name}: verdict", " or ".join(verdicts), head.verdict, said, ("collusion",)))
    return found


CHECKS: tuple[Callable[[int], list[Control]], ...] = (
    linear_loop, planted_followers, noise, planted_dividends, best_replies, conventions, offspring, planted_cartels,
    q_learners,
)  # fmt: skip


def self_test(sessions: int = 10) -> list[Control]:
    """Every check, with so many sessions of each kind of Q-learner."""
    return [control for check in CHECKS for control in check(sessions)]
