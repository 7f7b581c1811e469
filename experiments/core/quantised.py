"""The cost of whole numbers: W under a quantised policy less that under the policy itself, on the same tapes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.agents.onchain.features import policy_inputs
from protogov.agents.onchain.governor import ContractGovernor, SpecificationGovernor
from protogov.agents.onchain.quantise import integer_specification
from protogov.agents.policies.policy import Policy
from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.envs.scenarios import CRISES
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.play import open_worlds, play
from protogov.experiments.core.statistics import Floats, Interval, student_t
from protogov.experiments.core.tables import Table, columns

MARGIN = 0.2  # of W [bp of K0], within which two governors count as the same
ONE_SIDED = 0.05  # of each of the two tests
NATURAL = "natural"


def training_markets() -> tuple[str, ...]:
    """`natural` and each crisis that may be trained on."""
    return NATURAL, *(name for name, crisis in CRISES.items() if crisis.split == "train")


def in_integers(policy: Policy, lanes: int) -> SpecificationGovernor:
    """The governor that computes what the policy's contract would.

    Raises:
        ExportError: the policy does not fit a contract.
    """
    return SpecificationGovernor(integer_specification(policy, policy_inputs(policy), lanes), policy.decision_hours)


def welfare_of(table: Table) -> Floats:
    """W of each episode [bp of K0], the mean over venues, F64[n]."""
    venues = [values for name, values in table.items() if name.startswith("welfare/") and name.count("/") == 1]
    return np.asarray(np.mean(venues, axis=0))


def welfare_change(
    config: WorldConfig,
    scenario: str,
    seeds: NDArray[np.uint64],
    before: Mapping[str, Governor],
    after: Mapping[str, Governor],
) -> Table:
    """W [bp of K0] of one set of governors and of another on the same tapes: columns before and after, F64[n] each."""
    played = [welfare_of(evaluate(config, scenario, seeds, governors)) for governors in (before, after)]
    return dict(zip(("before", "after"), played, strict=True))


@dataclass(frozen=True)
class Equivalence:
    """A change of W, and whether it is too small to count.

    Attributes:
        change: mean change of W with its 95% interval [bp of K0].
        inner: the same with its 90% interval. Two one-sided tests at 5% both reject where it lies within +-margin
            (Schuirmann 1987, "A comparison of the two one-sided tests procedure").
        margin: a smaller change counts as none [bp of K0].
    """

    change: Interval
    inner: Interval
    margin: float

    @property
    def holds(self) -> bool:
        """Whether both tests reject that the change is as large as the margin."""
        return -self.margin < self.inner.low and self.inner.high < self.margin


def equivalence(changes: Floats, margin: float = MARGIN) -> Equivalence:
    """Two one-sided t tests of the mean of independent paired changes F64[n] of W [bp of K0]."""
    return Equivalence(student_t(changes), student_t(changes, 1.0 - 2.0 * ONE_SIDED), margin)


def govern_by_contract(config: WorldConfig, scenario: str, seed: int, governors: Mapping[str, Governor]) -> Table:
    """One whole episode under contracts, each decision a call in an EVM, and the same episode in whole numbers.

    Args:
        config: of the world.
        scenario: the outside market.
        seed: of the tape.
        governors: one for each agent; in the first of two episodes a `SpecificationGovernor` is replaced by its
            contract.

    Returns:
        A row for each decision of each contract: decision (from 0 on), agent, and proposed_gap and executed_gap, the
        largest |difference| between the two episodes of the levers proposed, and of those in force [a lever's unit].

    Raises:
        ExtraMissing: the optional extra is not installed.
    """
    seeds = np.array([seed], np.uint64)
    contracts = {
        name: ContractGovernor(governor.specification, governor.decision_hours)
        for name, governor in governors.items()
        if isinstance(governor, SpecificationGovernor)
    }
    by_contract, by_integers = (
        play(open_worlds(config, scenario, seeds), chosen, seeds) for chosen in ({**governors, **contracts}, governors)
    )
    rows = [
        {
            "decision": number,
            "agent": name,
            "proposed_gap": float(np.abs(one.proposed[name] - other.proposed[name]).max()),
            "executed_gap": float(np.abs(one.executed[name] - other.executed[name]).max()),
        }
        for number, (one, other) in enumerate(zip(by_contract, by_integers, strict=True))
        for name in contracts
    ]
    return columns(rows)
