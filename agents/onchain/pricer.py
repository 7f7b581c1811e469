"""A pricer that computes what its contract does: the quantile head in whole numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from protogov.agents.onchain.heads import QUANTILES, quantiles
from protogov.agents.onchain.inputs import counts_of
from protogov.agents.onchain.manifest import ManifestError, read_manifest
from protogov.agents.onchain.specification import Specification
from protogov.agents.pricing.pricer import years_of
from protogov.agents.pricing.quantile_law import QuantileLaw
from protogov.agents.pricing.reader import Reading


class SpecificationPricer:
    """A quantised pricer as a `protogov.agents.pricing.pricer.Pricer`.

    Args:
        specification: of a compact pricer.
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self.name = f"{specification.agent} in whole numbers"

    def laws(self, reading: Reading) -> QuantileLaw:
        """See `Pricer`."""
        inputs = self.specification.inputs
        n, e = reading.hours.shape
        seen = reading.inputs(tuple(one.name for one in inputs)).reshape(n * e, len(inputs))
        found = quantiles(self.specification.decide(counts_of(inputs, seen)) / self.specification.one)
        scale = np.repeat(reading.reference_vol(), e) * np.sqrt(years_of(reading))
        return QuantileLaw(found * scale[:, None])


def load_pricer_contract(path: Path) -> SpecificationPricer:
    """The pricer of a manifest.json; neither compiler nor EVM is needed.

    Raises:
        ManifestError: it cannot be used, or is of a policy.
    """
    _, specification = read_manifest(path)
    if specification.head != QUANTILES:
        raise ManifestError(f"{path}: its outputs are {specification.head}; a pricer needs {QUANTILES}")
    return SpecificationPricer(specification)
