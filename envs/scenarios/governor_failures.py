"""Two failures of automated governors, as markets in which they can be replayed.

March 2026: an automated price agent reports a collateral 2.85% too low for some hours, and healthy loans are liquidated
(about 26.6M USD). February 2026: an automated oracle sets the second slope of a market. Suppliers leave and borrowers
come, and utilisation reaches 99.85%. The oracle first cuts the slope, and then does nothing for days. Facts are the two
numbers, the utilisation, and the oracle's actions; the hours around them are plausible. The rule that failed is the
governor ``slope2_oracle`` of ``protogov.agents.baselines``.
"""

from protogov.envs.scenarios.attacks import Pulse
from protogov.envs.scenarios.base import Named, register
from protogov.envs.scenarios.conditions import Conditions
from protogov.envs.scenarios.path import PathScenario
from protogov.envs.scenarios.synthetic import JumpProcess

# ---- March 2026: a quiet market; the report is wrong by the known 2.85% for eight hours
_QUIET = JumpProcess(vol=0.50, vol_spread=0.2, crash_hazard=0.0)
PRICE_AGENT = register(
    Pulse("price-agent-error", 8, sets={"oracle_error": -0.0285}), "the oracle reports 2.85% too little for eight hours"
)
MISPRICE = register(
    Named("misprice-2026-03", PathScenario("march 2026", "free", _QUIET) + PRICE_AGENT, kind="failure"),
    "a quiet market in which an automated price agent is wrong by 2.85% for eight hours",
)

# ---- February 2026: prices fall, most suppliers leave within a day and a half and stay away for days. Borrowers whose
# trades take weeks to unwind pay any rate, hence the large factor on their reservation rates
_FALLING = JumpProcess(
    vol=0.80, crash_from=60.0, crash_to=120.0, crash_least=0.12, crash_most=0.22, crash_shortest=12.0,
    crash_longest=36.0, crash_vol=1.6, rebound=0.3,
)  # fmt: skip
_ANXIOUS = Conditions(vol_anchor=0.80, vol_typical=0.80)
DRAWN_MARKET = register(
    Pulse("drawn-market", 132, rise=36, sets={"supplier_exit": 0.85}, scales={"leverage_demand": 6.0}, onset=(48, 120)),
    "over a day and a half most suppliers leave and borrowers come, for days",
)
SLOPE2 = register(
    Named(
        "slope2-2026-02",
        PathScenario("february 2026", "free", _FALLING, _ANXIOUS) + DRAWN_MARKET,
        kind="failure",
    ),
    "utilisation is driven to 99.85% for days: the market in which slope2_oracle failed",
)
