"""A policy that does not fit a contract, imitated by one that does, with the change of W."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from protogov.agents.onchain.distil import Distilled, distil
from protogov.agents.policies.policy import Policy
from protogov.envs.config import WorldConfig
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.play import FIRST_DISTILLING, tape_seeds
from protogov.experiments.core.quantised import in_integers, training_markets, welfare_change
from protogov.experiments.core.statistics import Interval, interval_columns, student_t
from protogov.experiments.core.text import paragraph, signed_span
from protogov.experiments.errors import as_bad_input


@dataclass(frozen=True)
class Imitated:
    """An imitator and the change of W.

    Attributes:
        distilled: the imitator.
        scenario: of the tapes that it learned from.
        tapes: number of these tapes, in all rounds.
        changes: market -> change of W [bp of K0] where the imitator's contract decides in the policy's place.
    """

    distilled: Distilled
    scenario: str
    tapes: int
    changes: Mapping[str, Interval]

    @property
    def policy(self) -> Policy:
        """The imitator."""
        return self.distilled.policy

    def lines(self) -> list[str]:
        """One paragraph for people: how it was made, its errors, and the change of W on each market."""
        own = ", ".join(f"{error:.3f}" for error in self.distilled.errors)
        changes = [f"{name} {signed_span(one)} (n = {one.n})" for name, one in self.changes.items()]
        return [
            paragraph(
                f"The policy of {self.policy.agent} does not fit a contract; a compact one imitates it, learned from "
                f"{self.distilled.samples:,} decisions on {self.tapes:,} tapes of {self.scenario}. Its actions are off "
                f"by {own} (root mean square, on tapes that it did not learn from, round by round; actions lie within "
                f"+-1). Change of W, contract less policy, bp of K0 with 95% interval: {'; '.join(changes)}."
            )
        ]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, for the manifest."""
        return {
            "architecture": self.policy.architecture,
            "scenario": self.scenario,
            "tapes": self.tapes,
            "decisions": self.distilled.samples,
            "rms_error_by_round": list(self.distilled.errors),
            "welfare_change_bp": {
                name: interval_columns("mean", one) | {"tapes": one.n} for name, one in self.changes.items()
            },
        }


def imitated(
    policy: Policy,
    chosen: GovernorSet,
    config: WorldConfig,
    scenario: str,
    *,
    rounds: int,
    tapes: int,
    judged: int,
    lanes: int,
) -> Imitated:
    """Imitate a policy, and play its imitator in whole numbers beside it on other tapes.

    Args:
        policy: to imitate.
        chosen: the governors of the world, it among them.
        config: the world.
        scenario: of the tapes to learn from.
        rounds: of tapes, see `distil`.
        tapes: of each round, at least 8.
        judged: tapes of each market of `training_markets`.
        lanes: of the contract.

    Raises:
        BadInput: the scenario is unknown or held out, or a governor does not fit the world.
        ExportError: the observation lacks a number that an imitator reads.
    """
    governors = chosen.make(config)
    others = {name: governor for name, governor in governors.items() if name != policy.agent}
    first = np.uint64(FIRST_DISTILLING)
    seeds = (first + np.arange(rounds * tapes, dtype=np.uint64)).reshape(rounds, tapes)
    with as_bad_input():
        distilled = distil(policy, config, scenario, seeds, others)
    contract = {**governors, policy.agent: in_integers(distilled.policy, lanes)}
    changes = {}
    for market in training_markets():
        played = welfare_change(config, market, tape_seeds(judged), governors, contract)
        changes[market] = student_t(played["after"] - played["before"])
    return Imitated(distilled, scenario, rounds * tapes, changes)
