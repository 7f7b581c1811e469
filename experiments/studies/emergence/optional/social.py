"""Social influence: how much a draw of one policy tells of what another does next, everything else being the same.

Jaques et al. (2019): the mean divergence of p(a_j | a_i, s) from its mixture over counterfactual draws of a_i, one
decision later. A draw is a mean action plus the policy's own exploration; a policy without any is deterministic, then
the mixture is one distribution and its influence 0. With forks a pair without a link has exactly 0, whatever the noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from protogov.envs.interfaces import Governor
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan, fork_points
from protogov.experiments.studies.emergence.measure import Finding, family
from protogov.experiments.studies.emergence.populations import Population

RESAMPLES = 64  # the reference asks for as many at least; fewer bias the divergence
QUADRATURE = 32  # draws of an answer with which a divergence is integrated
CLAIM = "social influence: a draw of the one policy tells of the other's next draw"

Spreads = Callable[[str, Governor, int], Floats | None]


def exploration(agent: str, governor: Governor, rows: int) -> Floats | None:
    """Standard deviation of a governor's actions in training, F64[n, k]; None of one that is deterministic."""
    if isinstance(governor, Population):
        every = [exploration(agent, member, rows) for member in governor.members]
        if any(own is None for own in every):
            return None
        return np.stack([own for own in every if own is not None])[governor.of_row, np.arange(rows)]
    log_std: Any = getattr(getattr(governor, "policy", None), "log_std", None)
    return None if log_std is None else np.tile(np.exp(np.asarray(log_std, np.float64)), (rows, 1))


def divergence(means: Floats, spread: Floats, draw: np.random.Generator, points: int = QUADRATURE) -> Floats:
    """Mean divergence of each of K normal answers from their mixture, F64[n], in nats.

    Args:
        means: F64[K, n, k], means of the answers.
        spread: F64[n, k], standard deviations, the same for all.
        draw: of the points at which the divergence is integrated.
        points: how many, in mirrored pairs.
    """
    scaled = means / spread
    half = draw.normal(size=(-(-points // 2), *scaled.shape[1:]))
    total = np.zeros(scaled.shape[1])
    for noise in (*half, *-half):
        drawn = scaled + noise  # one draw of each answer
        gaps = ((drawn[:, None] - scaled[None, :]) ** 2).sum(axis=-1)  # [K, K, n]
        own = (noise**2).sum(axis=-1)
        mixture = np.log(np.exp(-0.5 * (gaps - own)).mean(axis=1))
        total -= mixture.mean(axis=0)
    return total / (2 * len(half))


@dataclass(frozen=True)
class SocialSample:
    """What was measured of k ordered pairs.

    Attributes:
        pairs: (who draws, who answers).
        influence: F64[units, k], nats.
        deterministic: governors that draw nothing.
    """

    pairs: tuple[tuple[str, str], ...]
    influence: Floats
    deterministic: tuple[str, ...]


@dataclass(frozen=True)
class SocialInfluence:
    """The measure; see the module.

    Attributes:
        resamples: counterfactual draws, 64 at least.
        spreads: of each governor's draws.
        seed: of the draws.
    """

    resamples: int = RESAMPLES
    spreads: Spreads = exploration
    seed: int = 0
    name = "social-influence"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> SocialSample:
        """Draw each governor's action anew at every time of the plan, and ask what the others answer.

        Raises:
            BadInput: fewer draws than 64.
        """
        if self.resamples < RESAMPLES:
            raise BadInput(f"resamples is {self.resamples}; {RESAMPLES} at least are accepted")
        rows = world.num_worlds
        spreads = {agent: self.spreads(agent, governors[agent], rows) for agent in world.agents}
        drawing = [agent for agent in world.agents if spreads[agent] is not None]
        pairs = tuple((i, j) for i in drawing for j in drawing if i != j)
        found = []
        draw = np.random.default_rng(self.seed)
        for point in fork_points(world, governors, plan):
            base = point.run(2)
            parts = np.zeros((rows, len(pairs)))
            for agent in drawing:
                spread = spreads[agent]
                assert spread is not None
                answers = {other: list[Floats]() for other in drawing if other != agent}
                for _ in range(self.resamples):
                    path = base.asked[agent][:1] + spread * draw.normal(size=spread.shape)
                    run = point.run(2, {agent: path})
                    for other, own in answers.items():
                        own.append(run.asked[other][1])
                for other, own in answers.items():
                    of_other = spreads[other]
                    assert of_other is not None
                    parts[:, pairs.index((agent, other))] = divergence(np.stack(own), of_other, draw)
            found.append(parts)
        still = tuple(agent for agent in world.agents if agent not in drawing)
        return SocialSample(pairs, plan.by_unit(np.mean(found, axis=0)), still)

    def reduce(self, sample: SocialSample) -> list[Finding]:
        """Every pair, one family; the null is exactly 0, as forks without a link give it."""
        names = [f"{one} -> {other}" for one, other in sample.pairs]
        return family(self.name, CLAIM, names, sample.influence, upward=True) if names else []
