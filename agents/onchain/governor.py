"""Governors that decide in whole numbers: by the integer specification, or by a call of the contract in an EVM.

Both read the observation by name, round each input to its nearest count and divide the outputs by 2**bits. They keep no
state, and the action of a row is the same, bit for bit, in a batch of any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.onchain.compiler import Code, compile_vyper
from protogov.agents.onchain.heads import ACTIONS
from protogov.agents.onchain.inputs import counts_of, summed
from protogov.agents.onchain.machine import Deployed
from protogov.agents.onchain.manifest import ManifestError, read_manifest
from protogov.agents.onchain.specification import Specification
from protogov.agents.onchain.vyper_source import vyper_source
from protogov.agents.policies.policy import PolicyError

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class SpecificationGovernor:
    """A quantised policy as a governor.

    Args:
        specification: of the policy.
        decision_hours: hours between two decisions that the policy learned with.
    """

    def __init__(self, specification: Specification, decision_hours: float) -> None:
        self.specification = specification
        self.decision_hours = decision_hours
        self._accepted: tuple[str, ...] | None = None  # feature names of a view that has passed the check

    @property
    def agent(self) -> str:
        """The governor that learned the policy."""
        return self.specification.agent

    @property
    def levers(self) -> tuple[str, ...]:
        """A name for each column of an action."""
        return self.specification.levers

    def check_features(self, names: Sequence[str]) -> None:
        """Refuse an observation that lacks a number of some input's sum.

        Args:
            names: name of every number of the observation, in any order; more than the contract reads are accepted.

        Raises:
            PolicyError: a number is missing; the message names it.
        """
        needed = dict.fromkeys(term.feature for one in self.specification.inputs for term in one.terms)
        seen = set(names)
        missing = [name for name in needed if name not in seen]
        if missing:
            some = ", ".join(missing[:6]) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
            raise PolicyError(f"the contract of {self.agent} reads {some}, which this observation lacks")

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Nothing to do: there is no state."""

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Decide for all worlds of the view: F32[n, k] in [-1, 1].

        Raises:
            PolicyError: the view lacks a number that the contract reads.
        """
        names = view.feature_names
        if names is not self._accepted:
            self.check_features(names)
            self._accepted = names
        return self.act_on(view.obs, names)

    def act_on(self, observations: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
        """Decide from observations F32[n, d] whose numbers have these names: F32[n, k] in [-1, 1].

        Raises:
            KeyError: a number that the contract reads is not among the names; `check_features` names all of them.
        """
        inputs = self.specification.inputs
        outputs = self.decide(counts_of(inputs, summed(inputs, names, observations)))
        return (outputs / self.specification.one).astype(np.float32)  # exact: outputs have 17 bits

    def decide(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Outputs int64 [n, k] of counts int64 [n, inputs]."""
        return self.specification.decide(counts)

    def state_dict(self) -> dict[str, Any]:
        """Empty: there is no state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to do: there is no state."""


class ContractGovernor(SpecificationGovernor):
    """The same policy; each decision is a call of its contract in an EVM on this machine.

    Args:
        specification: of the policy.
        decision_hours: hours between two decisions that the policy learned with.
        code: of the contract; compiled from the specification where it is not given.

    Raises:
        ExtraMissing: the optional extra is not installed.
    """

    def __init__(self, specification: Specification, decision_hours: float, code: Code | None = None) -> None:
        super().__init__(specification, decision_hours)
        self._contract = Deployed(code or compile_vyper(vyper_source(specification)), specification)

    def decide(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The contract's answers, int64 [n, k], to counts int64 [n, inputs], a call each.

        Raises:
            RuntimeError: a call was reverted.
        """
        return np.array([self._contract.decide(row) for row in counts.tolist()], np.int64)


def load_contract(path: Path) -> SpecificationGovernor:
    """The governor of a manifest.json, which computes what the contract does; neither compiler nor EVM is needed.

    Raises:
        ManifestError: it cannot be used, or is of a pricer.
    """
    about, specification = read_manifest(path)
    if specification.head != ACTIONS:
        raise ManifestError(f"{path}: its outputs are {specification.head}; a governor needs {ACTIONS}")
    return SpecificationGovernor(specification, about["decision_hours"])
