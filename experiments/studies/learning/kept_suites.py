"""What was described of a suite, or of a ceiling, is kept: its stage goes on from there on another machine."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.studies.learning.kept import Kept
from protogov.experiments.studies.learning.playing import Tapes
from protogov.experiments.training.open_test import describe, identity


@dataclass(frozen=True)
class SuitePlace(Kept):
    """Where what was described of a suite is kept.

    Attributes:
        out: folder of the study.
        size: of the world.
        label: stage and suite, a part of the file's name.
        tapes: of the suite.
        sets: of governors that play it.
        reduced: differences from the registered sizes.
        members: of the ensemble, in whose worlds it is played; none for the default world.
        settings: what else the numbers depend on, JSON-able.
    """

    out: Path
    size: str
    label: str
    tapes: Tapes
    sets: Sequence[GovernorSet]
    reduced: Sequence[str]
    members: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    format = "protogov-suite"

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.size}_{self.label}".replace(" ", "-")

    def depends(self) -> dict[str, Any]:
        """The tapes, the members, the settings, and every governor with its files, wherever they lie."""
        governors = json.dumps(identity(describe(self.sets)), sort_keys=True)
        return {
            "size": self.size, "tapes": asdict(self.tapes), "members": list(self.members), **self.settings,
            "governors": hashlib.sha256(governors.encode()).hexdigest()[:16],
        }  # fmt: skip
