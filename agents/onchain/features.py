"""How the world's features are handed to a contract: whose scaling is folded into its first layer."""

from __future__ import annotations

from protogov.agents.onchain.inputs import ContractInput, Term, contract_input
from protogov.agents.policies.architectures import COMPACT_INPUTS
from protogov.agents.policies.policy import Policy
from protogov.envs.world.features import FEATURES, LIMIT

_RIVAL = "rival_"
# Levers in force lie within +-1 of an action, and so does where a lever is bound, what is announced being within it: a
# narrower input has finer steps and a smaller bound.
_WITHIN_ONE = ("lever_executed", "lever_lagged")
_BOUND_WITHIN = 1.0


def policy_inputs(policy: Policy) -> tuple[ContractInput, ...]:
    """The inputs of a policy's contract: its named features where it is compact, else each number of its observation.

    What is observed linearly is handed in in its own unit; signed logs, and names that the table of features does not
    know, as the observation itself, which the caller works out.
    """
    if policy.architecture == "compact":
        sums = policy.front.inputs.items()
        return tuple(
            contract_input(
                name,
                [_term(feature, weight) for feature, weight in sum_.items()],
                _BOUND_WITHIN if name.startswith("bound[") and sum_ == COMPACT_INPUTS.get(name) else None,
            )
            for name, sum_ in sums
        )
    return tuple(contract_input(name, [_term(name)]) for name in policy.features)


def _term(name: str, weight: float = 1.0) -> Term:
    """What the table of features says of an observed number."""
    known = name.split("[", 1)[0].removeprefix(_RIVAL)
    feature = FEATURES.get(known)
    if feature is None:
        return Term(name, weight, "", 1.0, "", LIMIT)
    limit = 1.0 / feature.scale if known in _WITHIN_ONE else LIMIT
    return Term(name, weight, feature.unit, feature.scale, feature.transform, limit)
