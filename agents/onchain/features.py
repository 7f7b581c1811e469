"""The inputs of a contract by the tables of features of policies and pricers: unit, scaling and range of each."""

from __future__ import annotations

from protogov.agents.onchain.inputs import ContractInput, Term, contract_input
from protogov.agents.onchain.network import Network
from protogov.agents.policies.architectures import COMPACT_INPUTS
from protogov.agents.policies.policy import Policy
from protogov.agents.pricing.features import FEATURES as PRICING_FEATURES
from protogov.agents.pricing.features import LIMIT as PRICING_LIMIT
from protogov.agents.pricing.learned import PricerFile
from protogov.envs.world.features import FEATURES, LIMIT

_RIVAL = "rival_"
# Levers in force are actions within +-1. `bound[LEVER]` is the lever in force plus the change that is announced, so it
# lies within +-1 too. A narrower input has finer steps, and the proved bound is smaller.
_WITHIN_ONE = ("lever_executed", "lever_lagged")
_BOUND_WITHIN = 1.0


def network_inputs(network: Network) -> tuple[ContractInput, ...]:
    """The inputs of the contract of a policy or a pricer."""
    return pricer_inputs(network) if isinstance(network, PricerFile) else policy_inputs(network)


def pricer_inputs(pricer: PricerFile) -> tuple[ContractInput, ...]:
    """The inputs of a pricer's contract: each input of its network, linear ones in the feature's own unit."""
    rows = [PRICING_FEATURES[name] for name in pricer.shape.inputs]
    transforms = {False: "linear", True: "symlog"}
    terms = [Term(row.name, 1.0, row.unit, row.scale, transforms[row.symlog], PRICING_LIMIT) for row in rows]
    return tuple(contract_input(term.feature, [term]) for term in terms)


def policy_inputs(policy: Policy) -> tuple[ContractInput, ...]:
    """The inputs of a policy's contract: its named features where it is compact, else each number of its observation.

    A feature that is observed linearly is an input in its own unit. For a signed log, or a name that is not in its
    table, the input is the observation, which the caller computes.
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
    """An observed number with its unit, scale, transform and limit from the table of features."""
    known = name.split("[", 1)[0].removeprefix(_RIVAL)
    feature = FEATURES.get(known)
    if feature is None:
        return Term(name, weight, "", 1.0, "", LIMIT)
    limit = 1.0 / feature.scale if known in _WITHIN_ONE else LIMIT
    return Term(name, weight, feature.unit, feature.scale, feature.transform, limit)
