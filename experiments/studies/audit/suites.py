"""The suites of the audit: fortnights at their natural frequency, the training crises alone; and their markets.

`natural` is the registered scenario. `stress` holds the crises of `natural` with equal shares and their historical
depth. A market is a part of a suite; a suite's mean is the mean of its markets weighted by their shares. Any other
scenario that may be trained on is a suite of one market, or, if it is a mixture, of its parts.
"""

from collections.abc import Sequence

from protogov.envs.scenarios import Scenario
from protogov.envs.scenarios.mixture import Mixture
from protogov.envs.scenarios.natural import NATURAL, TRAINING_CRISES
from protogov.experiments.training.run_config import training_scenario

NATURAL_NAME, STRESS_NAME = "natural", "stress"
SUITES = (NATURAL_NAME, STRESS_NAME)
STRESS = Mixture(STRESS_NAME, [(crisis, 1.0) for crisis in TRAINING_CRISES])
_PARTS = {part.name: part for part in NATURAL.parts}


def find_suite(name: str) -> Scenario:
    """A suite, a market of a suite, or a registered scenario.

    Raises:
        BadInput: the name is unknown, or kept for evaluation.
    """
    if name == STRESS_NAME:
        return STRESS
    return _PARTS[name] if name in _PARTS else training_scenario(name)


def market_shares(suite: str) -> dict[str, float]:
    """Market -> its share of a suite's tapes; the shares add up to 1."""
    scenario = find_suite(suite)
    if not isinstance(scenario, Mixture):
        return {suite: 1.0}
    return {part.name: float(share) for part, share in zip(scenario.parts, scenario.shares, strict=True)}


def markets_of(suites: Sequence[str]) -> tuple[str, ...]:
    """The markets of all suites, each once."""
    return tuple(dict.fromkeys(market for suite in suites for market in market_shares(suite)))
