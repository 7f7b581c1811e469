"""Constants and linear rules tuned by evolution, in a small file of this folder.

    {"constants": {"natural": {"ltv_gap": 0.1, ...}, "jump": {...}}, "linear": {"natural": {"ltv_gap": [...], ...}}}

The constants of a scenario are lever -> value in the lever's unit; a lever that is not named stays at its default. A
linear rule is lever -> weights (`protogov.agents.baselines.linear_feedback`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protogov.agents.baselines.baseline import Floats, register
from protogov.agents.baselines.rule import Rule
from protogov.agents.policies.incumbent import Incumbent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protogov.envs.interfaces import RoleView
    from protogov.envs.world.lever_table import Lever

TUNED_FILE = Path(__file__).with_name("tuned.json")
ALL_REGIMES = "natural"  # scenario of "tuned" without a name


@cache
def tuned_file() -> Mapping[str, Any]:
    """The content of the committed file; empty if it is missing."""
    if not TUNED_FILE.is_file():
        return {"constants": {}, "linear": {}}
    data: dict[str, Any] = json.loads(TUNED_FILE.read_text(encoding="utf-8"))
    return data


class Tuned(Rule):
    """Keeps the levers at constants tuned on one scenario.

    Args:
        levers: the levers of the role.
        scenario: a key of the file.
        seed: nothing is random.
    """

    def __init__(self, levers: Sequence[Lever], scenario: str, *, seed: int = 0) -> None:
        super().__init__(levers, seed=seed)
        self._scenario = scenario
        self._values: dict[str, float] = dict(tuned_file()["constants"][scenario])

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The same for every row and decision."""
        return self._values

    def incumbent(self) -> Incumbent:
        """Its action."""
        return Incumbent(f"tuned on {self._scenario}", tuple(self.aimed(self._values, 1)[0].tolist()))


for _scenario in tuned_file()["constants"]:
    register("tuned" if _scenario == ALL_REGIMES else f"tuned-{_scenario}", Tuned, scenario=_scenario)
