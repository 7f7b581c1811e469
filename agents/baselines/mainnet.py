"""The constants of today's protocols: Aave's main market for ETH against USDC, Lyra's pools for the options."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.rule import Rule

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

# Aave v3 Ethereum: USDC's curve, ETH as collateral (loan-to-value 80.5%, threshold 83%, bonus 5%). Lyra charges its
# fees without a further half-spread, and hedges its full delta; the margin is the shocked one, times 1.
MAINNET: Mapping[str, float] = MappingProxyType(
    {
        "base_rate": 0.0,
        "slope1": 0.055,
        "slope2": 0.40,
        "optimal_utilisation": 0.92,
        "liquidation_threshold": 0.83,
        "ltv_gap": 0.025,
        "liquidation_bonus": 0.05,
        "option_margin": 1.0,
        "half_spread": 0.0025,  # the low end of the lever
        "skew_shift": 0.0,
        "vega_fee": 1.0,
        "hedge_ratio": 1.0,
    }
)


class Mainnet(Rule):
    """Keeps the levers at `MAINNET`, independent of the world's defaults."""

    name = "mainnet"

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The same for every row and decision."""
        return MAINNET
