"""The collusion battery: high profits are not collusion; six things have to hold together.

    1 gain        the profit gain (pi - pi_Nash) / (pi_joint - pi_Nash) is above that of a myopic control
    2 cross-play  with sellers of other training seeds less than half of it is left; else it is mutual optimism
    3 punished    a forced deviation down does not pay
    4 by reaction with the rivals' reaction replayed off it pays
    5 downward    the reaction to down exceeds that to as much up; else it is an any-change reset
    6 retrained   somebody who is trained anew against them finds a deviation that pays

Calvano, Calzolari, Denicolo and Pastorello (2020) force deviations; the other checks tell apart what looks alike there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from protogov.envs.interfaces import Governor
from protogov.experiments.core.statistics import ENOUGH_SEEDS, student_t
from protogov.experiments.core.text import number
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.cross_play import populations_of
from protogov.experiments.studies.emergence.forks import Branch, BranchingWorld, Floats, ForkPoint, Plan, fork_points
from protogov.experiments.studies.emergence.measure import Finding, family

# the verdict where a check is the first that does not hold
WORDS: Mapping[str, str] = {
    "gain": "not collusive: no more profit than a myopic control",
    "cross-play": "mutual optimism: as much is earned with strangers",
    "punished": "not collusive: a deviation pays, whatever the rivals answer",
    "by reaction": "not collusive: a deviation would not pay without a reaction either",
    "downward": "any-change reset: a move up is answered like one down",
    "retrained": "not collusive: nobody trained anew finds a deviation that pays",
}
COLLAPSE = 0.5  # share of the profit gain below which cross-play has collapsed
CLEAR, SIZE = 3.0, 0.05  # standard errors, and share of pi_Nash, by which pi_joint has to exceed it


@dataclass(frozen=True)
class Anchors:
    """The two profits of a step that a gain is measured between, of one agent in the mean.

    Attributes:
        nash, joint: at the equilibrium of constant strategies and at the joint optimum.
        error: standard error of their difference.
        unique: whether there is one such equilibrium.
    """

    nash: float
    joint: float
    error: float = 0.0
    unique: bool = True

    def refusal(self) -> str:
        """Why no gain can be measured between them, or nothing."""
        if not self.unique:
            return "the constant strategies have more than one equilibrium"
        gap = self.joint - self.nash
        if gap <= CLEAR * self.error or gap <= SIZE * abs(self.nash):
            return f"the joint optimum is only {number(gap)} above the equilibrium, standard error {number(self.error)}"
        return ""


@dataclass(frozen=True)
class CollusionSample:
    """What was measured, F64[units] each, means over the agents.

    Attributes:
        profit: of a step.
        strangers: the same with one seller of another training seed.
        answered, replayed: what a forced deviation down brings who deviates, discounted, over the branch without it;
            with the rivals free to answer, and with their actions replayed; see `Collusion.after`.
        reaction_down, reaction_up: mean absolute difference of the rivals' levers after it, over the plan's steps.
        retrained: what a best response that was trained anew gains, or None where none was trained.
        nash, joint: the anchors beside each unit's own seats and on its own tapes, or None where they are the same for
            all, those of `Collusion.anchors`.
    """

    profit: Floats
    strangers: Floats
    answered: Floats
    replayed: Floats
    reaction_down: Floats
    reaction_up: Floats
    retrained: Floats | None = None
    nash: Floats | None = None
    joint: Floats | None = None


@dataclass(frozen=True)
class Collusion:
    """The measure; see the module.

    Attributes:
        anchors: of the profit gain.
        myopic: profit gain of the control, in the mean.
        size: of a forced deviation of one decision, in actions.
        down: direction in which a deviation takes business from the rivals.
        lever: number of the lever.
        discount: of a step.
        after: decisions over which it is counted what a forced deviation brings; those of the plan where it has more.
            Where customers move slowly, an undercut costs at once and pays later: over a few decisions it does not pay
            even if nobody answers, and no cartel could be found. So it is counted to the end of an episode; of its
            whole weight the first ten decisions have two fifths at this discount.
        outcome: what is earned, as the plan's `read` names it, with `{agent}` for a name.
    """

    anchors: Anchors
    myopic: float
    size: float
    down: float = -1.0
    lever: int = 0
    discount: float = 0.95
    after: int = 0
    outcome: str = "reward/{agent}"
    name = "collusion"

    def extract(
        self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan, retrained: Floats | None = None
    ) -> CollusionSample:
        """Force deviations at the plan's times, and let strangers meet.

        Args:
            world: of two agents or more.
            governors: a `Population` an agent, a member a training seed.
            plan: its units are ignored: they are the training seeds.
            retrained: F64[units], see `CollusionSample`.
        """
        if len(world.agents) < 2:
            raise BadInput(f"{len(world.agents)} agent cannot collude; 2 are needed")
        populations = populations_of(governors)
        first = next(iter(populations.values()))
        units = Plan(plan.seeds, first.of_row, plan.times, plan.steps, plan.read, plan.limits)
        parts: dict[str, list[Floats]] = {name: [] for name in ("answered", "replayed", "reaction_down", "reaction_up")}
        profits = []
        for point in fork_points(world, populations, units):
            base = point.run(max(units.steps, self.after))
            profits.append(self._profit(base, world.agents, units.steps))
            for agent in world.agents:
                for name, own in self._deviations(point, base, agent, units.steps).items():
                    parts[name].append(own)
        met = [
            self._profit(point.run(units.steps), world.agents, units.steps)
            for agent in world.agents
            for shift in range(1, len(first.members))
            for point in fork_points(world, {**populations, agent: populations[agent].shifted(shift)}, units)
        ]
        means = {name: units.by_unit(np.mean(own, axis=0)) for name, own in parts.items()}
        return CollusionSample(
            profit=units.by_unit(np.mean(profits, axis=0)),
            strangers=units.by_unit(np.mean(met, axis=0)),
            retrained=retrained,
            **means,
        )

    def _profit(self, branch: Branch, agents: Iterable[str], steps: int) -> Floats:
        """Of a step and agent in the first steps of a branch, F64[n]."""
        return np.asarray(np.mean([self._earned(branch, agent)[:steps].mean(axis=0) for agent in agents], axis=0))

    def _earned(self, branch: Branch, agent: str) -> Floats:
        return branch.outcomes[self.outcome.format(agent=agent)]

    def _deviations(self, point: ForkPoint, base: Branch, agent: str, steps: int) -> dict[str, Floats]:
        """F64[n] of each part of the sample: what is earned over the whole branch, reactions in its first steps."""
        rivals = {name: own for name, own in base.asked.items() if name != agent}
        span = len(base.asked[agent])
        weights = self.discount ** np.arange(span)[:, None]
        found = {}
        for word, sign in (("down", self.down), ("up", -self.down)):
            path = base.asked[agent][:1].copy()
            path[..., self.lever] += sign * self.size
            free = point.run(span if word == "down" else steps, {agent: path})
            gaps = [np.abs(free.executed[rival][:steps] - base.executed[rival][:steps]) for rival in rivals]
            found[f"reaction_{word}"] = np.mean([gap.mean(axis=(0, 2)) for gap in gaps], axis=0)
            if word == "down":
                alone = point.run(span, {**rivals, agent: path})
                for name, branch in (("answered", free), ("replayed", alone)):
                    gap = self._earned(branch, agent) - self._earned(base, agent)
                    found[name] = (weights * gap).sum(axis=0)
        return found

    def reduce(self, sample: CollusionSample) -> list[Finding]:
        """The profit gain with the verdict, then each check, one family; a check claims that it holds."""
        refusal, units = self.anchors.refusal(), len(sample.profit)
        gain, strangers = self.gains(sample, sample.profit), self.gains(sample, sample.strangers)
        values = {
            "gain": gain - self.myopic,
            "cross-play": COLLAPSE * gain - strangers,
            "punished": -sample.answered,
            "by reaction": sample.replayed,
            "downward": sample.reaction_down - sample.reaction_up,
        }
        if sample.retrained is not None:
            values["retrained"] = sample.retrained
        checks = family(self.name, "holds", list(values), np.stack(list(values.values()), axis=1), upward=True)
        failed = next((check.name for check in checks if not check.found), "")
        if refusal:
            words = f"withheld: {refusal}"
        elif units < ENOUGH_SEEDS:
            words = checks[0].verdict
        elif failed:
            words = WORDS[failed]
        elif sample.retrained is None:
            words = "withheld: all checks hold but the last; no best response was trained anew"
        else:
            words = "collusive"
        first = checks[0]
        head = Finding(
            self.name, "profit gain", student_t(gain), self.myopic, first.adjusted_p, first.detectable, words,
            words == "collusive",
        )  # fmt: skip
        return [head, *checks]

    def gains(self, sample: CollusionSample, profit: Floats) -> Floats:
        """The profit gain of each unit, F64[units].

        Where units have anchors of their own, the mean is a ratio of means, G, and a unit counts with its share in the
        ratio's error: G + (what it earns above Nash - G times what lies between its anchors) / the mean of that. Pair
        and anchors met the same tapes, so that what these do to both drops out, and what is left is in the interval.
        The places of Nash and joint optimum are taken as known.

        Args:
            sample: whose anchors count.
            profit: F64[units].
        """
        if sample.nash is None or sample.joint is None:
            return np.asarray((profit - self.anchors.nash) / (self.anchors.joint - self.anchors.nash))
        above, apart = profit - sample.nash, sample.joint - sample.nash
        ratio = above.mean() / apart.mean()
        return np.asarray(ratio + (above - ratio * apart) / apart.mean())
