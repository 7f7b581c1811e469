"""What was described of a suite is kept: an evaluation goes on from there on another machine, suite by suite."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.studies.learning.kept import Kept
from protogov.experiments.studies.learning.playing import Tapes
from protogov.experiments.training.open_test import describe


@dataclass(frozen=True)
class SuitePlace(Kept):
    """Where what was described of a suite is kept.

    Attributes:
        out: folder of the study.
        size: of the world.
        label: of the suite, or "ensemble on MARKET".
        tapes: of the suite.
        sets: of governors that play it.
        members: of the ensemble, in whose worlds it is played; none for the default world.
        reduced: differences from the registered sizes.
    """

    out: Path
    size: str
    label: str
    tapes: Tapes
    sets: Sequence[GovernorSet]
    members: Sequence[str]
    reduced: Sequence[str]

    format = "protogov-suite"

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.size}_evaluation-{self.label}".replace(" ", "-")

    def depends(self) -> dict[str, Any]:
        """The tapes, the members, and every governor with its files, wherever they lie."""
        sets = []
        for one in describe(self.sets):
            words = {agent: source for agent, source in one["sources"].items() if not Path(source).is_file()}
            sets.append([one["name"], one["training_seed"], words, sorted(one["files"].values())])
        governors = hashlib.sha256(json.dumps(sets, sort_keys=True).encode()).hexdigest()[:16]
        return {"size": self.size, "tapes": asdict(self.tapes), "members": list(self.members), "governors": governors}
