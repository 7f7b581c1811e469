"""A policy of any kind imitated by one that fits a contract: the 32 named features of `compact`, then 32x32 ReLU.

The student learns the teacher's actions. The teacher plays the first round of episodes; the student plays every further
round, and the teacher's action in each state is what it learns there (DAgger: Ross, Gordon, Bagnell, 2011, "A Reduction
of Imitation Learning and Structured Prediction to No-Regret Online Learning"). A contract has no memory and no
incumbent beside the network; the student replaces both as far as 32 numbers of the present allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from protogov.agents.onchain.network import FITS, ExportError
from protogov.agents.policies.architectures import COMPACT_HIDDEN, COMPACT_INPUTS, Front, make_front
from protogov.agents.policies.policy import Policy
from protogov.agents.policies.policy_governor import PolicyGovernor
from protogov.envs.scenarios import Scenario, check_trainable, get_scenario
from protogov.envs.simulator import Simulator

if TYPE_CHECKING:
    from protogov.envs.config import WorldConfig
    from protogov.envs.interfaces import Governor

Floats32 = NDArray[np.float32]
_HELD_OUT = 8  # every eighth tape is not fitted to
_BATCH, _LEARNING_RATE = 1024, 3e-3


@dataclass(frozen=True)
class Distilled:
    """A student.

    Attributes:
        policy: compact.
        samples: decisions that it was fitted to.
        errors: for each round, the root mean square difference of its actions, within +-1, from the teacher's, on tapes
            of that round that it was not fitted to. The teacher played the first round, the student all others.
    """

    policy: Policy
    samples: int
    errors: tuple[float, ...]


@dataclass(frozen=True)
class _Samples:
    """Decisions: named features F32[n, 32], the teacher's actions F32[n, k], and whether they are fitted to, [n]."""

    features: Floats32
    actions: Floats32
    fitted: NDArray[np.bool_]


def student_front(policy: Policy) -> Front:
    """The named features of a student of this policy.

    Raises:
        ExportError: its observation lacks a number of some sum.
    """
    try:
        return make_front("compact", policy.features)
    except ValueError as error:
        raise ExportError(
            f"the policy of {policy.agent} does not fit a contract, and none that fits can imitate it: {error}; {FITS}"
        ) from None


def distil(
    teacher: Policy,
    config: WorldConfig,
    scenario: str | Scenario,
    seeds: NDArray[np.uint64],
    others: Mapping[str, Governor],
    *,
    steps: int = 4000,
    seed: int = 0,
) -> Distilled:
    """A compact policy that imitates a teacher: least squares of actions, by Adam, round after round.

    Args:
        teacher: any policy whose observation holds the numbers of `COMPACT_INPUTS`.
        config: the world.
        scenario: of the split train or free.
        seeds: of the tapes, U64 [rounds, tapes]: the teacher plays those of the first round, the student all others.
        others: a governor for each other agent of the world.
        steps: of Adam, in each round, 1,024 decisions each.
        seed: of weights and batches.

    Raises:
        ExportError: see `student_front`.
        ValueError: the scenario is held out, or a round has fewer than 8 tapes.
    """
    market = get_scenario(scenario) if isinstance(scenario, str) else scenario
    check_trainable(market)
    if seeds.ndim != 2 or seeds.shape[0] < 1 or seeds.shape[1] < _HELD_OUT:
        raise ValueError(f"seeds are {seeds.shape}; (rounds, tapes) with at least {_HELD_OUT} tapes are accepted")
    front = student_front(teacher)
    network = _Network(len(COMPACT_INPUTS), len(teacher.levers), seed)
    rounds: list[_Samples] = []
    errors: list[float] = []
    for number, tapes in enumerate(seeds):
        student = None if number == 0 else PolicyGovernor(network.policy(teacher, front))
        world = Simulator(config, len(tapes), scenario=market)
        played = _play(PolicyGovernor(teacher), student, front, world, tapes, others)
        rounds.append(played)
        network.fit(_joined(rounds), steps, np.random.default_rng((seed, number)))
        kept = ~played.fitted
        off = network.actions(played.features[kept]) - played.actions[kept]
        errors.append(float(np.sqrt(np.mean(off**2))))
    return Distilled(network.policy(teacher, front), int(sum(one.fitted.sum() for one in rounds)), tuple(errors))


def _play(
    teacher: PolicyGovernor,
    student: PolicyGovernor | None,
    front: Front,
    world: Simulator,
    seeds: NDArray[np.uint64],
    others: Mapping[str, Governor],
) -> _Samples:
    """Whole episodes under the student, or under the teacher if there is none; the teacher's action in each state."""
    world.reset(seeds=seeds)
    sums = front.matrix().T
    rows = np.arange(world.num_worlds, dtype=np.int64)
    for governor in (teacher, *others.values(), *([student] if student is not None else [])):
        governor.reset(rows, seeds)
    features, wanted = [], []
    while not world.truncated().any():
        view = world.view(teacher.agent)
        features.append(view.obs @ sums)
        wanted.append(teacher.act(view))
        actions = {name: governor.act(world.view(name)) for name, governor in others.items()}
        world.step({**actions, teacher.agent: wanted[-1] if student is None else student.act(view)})
    fitted = np.tile(rows % _HELD_OUT != 0, len(features))
    return _Samples(np.concatenate(features).astype(np.float32), np.concatenate(wanted), fitted)


def _joined(rounds: list[_Samples]) -> _Samples:
    return _Samples(
        np.concatenate([one.features for one in rounds]),
        np.concatenate([one.actions for one in rounds]),
        np.concatenate([one.fitted for one in rounds]),
    )


class _Network:
    """The student's stack while it is fitted; each round starts from the weights of the round before."""

    def __init__(self, inputs: int, outputs: int, seed: int) -> None:
        rng, sizes = np.random.default_rng(seed), (inputs, *COMPACT_HIDDEN, outputs)
        self._layers = []
        for index, (ins, outs) in enumerate(zip(sizes, sizes[1:], strict=False)):
            spread = np.sqrt(2.0 / ins) if outs != outputs or index < len(sizes) - 2 else 0.1 / np.sqrt(ins)
            weight = torch.from_numpy(rng.normal(scale=spread, size=(outs, ins)).astype(np.float32))
            self._layers.append((weight.requires_grad_(), torch.zeros(outs, requires_grad=True)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs F32[n, k] of named features F32[n, 32]."""
        hidden = features
        for weight, bias in self._layers[:-1]:
            hidden = torch.relu(functional.linear(hidden, weight, bias))
        return functional.linear(hidden, *self._layers[-1])

    def actions(self, features: Floats32) -> Floats32:
        """Outputs within +-1, F32[n, k], of named features F32[n, 32]."""
        with torch.no_grad():
            return np.clip(self.forward(torch.from_numpy(features)).numpy(), -1.0, 1.0)

    def fit(self, samples: _Samples, steps: int, rng: np.random.Generator) -> None:
        """Least squares by Adam. Where the teacher's action is +-1, an output beyond it is no error: it is clipped."""
        features, actions = (torch.from_numpy(array[samples.fitted]) for array in (samples.features, samples.actions))
        parameters = [tensor for layer in self._layers for tensor in layer]
        optimizer = torch.optim.Adam(parameters, lr=_LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for chosen in _batches(len(features), steps, rng):
            wanted = actions[chosen]
            difference = self.forward(features[chosen]) - wanted
            beyond = (wanted.abs() >= 1.0) & (difference * wanted > 0.0)
            loss = torch.where(beyond, torch.zeros_like(difference), difference).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

    def policy(self, teacher: Policy, front: Front) -> Policy:
        """The weights as they are now, under the teacher's name; a copy."""
        weights = {}
        for index, (weight, bias) in enumerate(self._layers):
            weights[f"layer_{index}.weight"] = weight.detach().numpy().copy()
            weights[f"layer_{index}.bias"] = bias.detach().numpy().copy()
        return Policy(
            agent=teacher.agent,
            features=teacher.features,
            levers=teacher.levers,
            hidden_sizes=COMPACT_HIDDEN,
            activation="relu",
            log_std=None,
            decision_hours=teacher.decision_hours,
            weights=weights,
            front=front,
        )


def _batches(count: int, steps: int, rng: np.random.Generator) -> Iterator[torch.Tensor]:
    for _ in range(steps):
        yield torch.from_numpy(rng.integers(0, count, min(_BATCH, count)))
