"""How the world's features are handed to a contract: whose scaling is folded into its first layer."""

from __future__ import annotations

from collections.abc import Sequence

from protogov.agents.onchain.inputs import ContractInput, LinearFeature, contract_inputs
from protogov.envs.world.features import FEATURES, LIMIT

_RIVAL = "rival_"


def world_inputs(names: Sequence[str]) -> tuple[ContractInput, ...]:
    """The inputs of a contract for a policy that learned on these numbers of an observation.

    Features that are observed linearly are handed in in their own unit; signed logs, and names that the table of
    features does not know, as the observation itself, which the caller works out.
    """
    linear = {}
    for name in names:
        feature = FEATURES.get(name.split("[", 1)[0].removeprefix(_RIVAL))
        if feature is not None and feature.transform == "linear":
            linear[name] = LinearFeature(feature.unit, feature.scale)
    return contract_inputs(names, LIMIT, linear)
