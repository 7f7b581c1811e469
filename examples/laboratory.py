"""Ten lines of governor through the whole laboratory, as a rival of itself; of so few tapes it claims nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from protogov.envs import WorldConfig
from protogov.experiments.studies.emergence.laboratory import examine, headline
from protogov.experiments.studies.emergence.subjects import typed_subject
from protogov.experiments.studies.emergence.tasks import Setting
from protogov.experiments.studies.emergence.tiers import TIERS
from protogov.experiments.studies.emergence.writing import write_report


class Nervous:
    """Lowers all four levers of a seat as the price falls."""

    def reset(self, rows, seeds):
        """Nothing to forget."""

    def act(self, view):
        """Four actions in every world."""
        return np.tile(np.tanh(-5.0 * view.raw("drawdown_week"))[:, None], 4)

    def state_dict(self):
        """Nothing."""
        return {}

    def load_state_dict(self, state):
        """Nothing."""


if __name__ == "__main__":  # at full size: protogov emergence --governors examples/laboratory.py:Nervous --tier full
    small = {"worlds": 2, "episodes": 2, "windows": (1, 3), "doses": (1.0,), "generations": 1, "sessions": 4}
    setting = Setting(WorldConfig(size="tiny", venues=2, episode_hours=8), stress="jump", crisis="jump")
    report = examine(typed_subject([f"{__file__}:Nervous"], setting.world), setting, replace(TIERS["smoke"], **small))
    print("\n".join(headline(report)))
    print(write_report(Path("laboratory"), report, "examples/laboratory.py")[-1])
