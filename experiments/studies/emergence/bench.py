"""Subject, setting and tier of a report, and the way to play parts of it; what was found so far.

All that is played ahead goes through one pool of processes, the longest first, so that none is idle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from protogov.envs.config import WorldConfig
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.anchors import CORE
from protogov.experiments.studies.emergence.extraction import extract, loaded
from protogov.experiments.studies.emergence.measure import Control, Finding
from protogov.experiments.studies.emergence.subjects import Subject
from protogov.experiments.studies.emergence.tasks import Setting, Task
from protogov.experiments.studies.emergence.tiers import Tier

# parts whose pieces take longest come first, so that no process is left alone with one of them
LONGEST = ("turning-point", "anchors", "dividends", "ladder", "cross-play", "influence")


@dataclass
class Notes:
    """What was found so far; the fields are those of `laboratory.Report`."""

    findings: list[Finding] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    series: dict[str, Any] = field(default_factory=dict)
    episodes: Table = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """Subject, setting and tier, and the way to run parts of them."""

    subject: Subject
    setting: Setting
    tier: Tier
    how: Running
    played: dict[Task, dict[str, Any]] = field(default_factory=dict)  # ahead of their parts

    @property
    def agents(self) -> tuple[str, ...]:
        """Seats that are examined."""
        return tuple(agent.name for agent in self.setting.world.learners())

    @property
    def strata(self) -> tuple[str, ...]:
        """Scenarios of forks: the calm one, and the stressed one if it is another."""
        return tuple(dict.fromkeys((self.setting.calm, self.setting.stress)))

    @property
    def scenarios(self) -> tuple[str, ...]:
        """All outside markets of the report."""
        return tuple(dict.fromkeys((*self.strata, self.setting.crisis)))

    def levers(self, agent: str) -> tuple[str, ...]:
        """Names of an agent's levers, in their order."""
        (role,) = (seat.role for seat in self.setting.world.learners() if seat.name == agent)
        return tuple(role.levers)

    def run(
        self,
        part: str,
        *focuses: str,
        scenario: str = "",
        extra: tuple[float, ...] = (),
        by: Callable[[WorldConfig, Task], Table] = extract,
    ) -> list[dict[str, Any]]:
        """What a part measured for every focus, on the stressed tapes unless a scenario is named."""
        return self.run_tasks(self.tasks(part, *focuses, scenario=scenario, extra=extra), by)

    def run_tasks(
        self, tasks: Sequence[Task], by: Callable[[WorldConfig, Task], Table] = extract
    ) -> list[dict[str, Any]]:
        """What was measured for these tasks of one part."""
        if all(task in self.played for task in tasks):
            return [self.played[task] for task in tasks]
        return self._play(tasks, f"{tasks[0].part} on {tasks[0].scenario}", by)

    def tasks(self, part: str, *focuses: str, scenario: str = "", extra: tuple[float, ...] = ()) -> list[Task]:
        """A part's tasks, one a focus."""
        where = scenario or self.setting.stress
        stratum = int(where != self.setting.calm) + 2 * int(where == self.setting.crisis)
        return [Task(part, self.subject, self.tier, where, stratum, focus, extra) for focus in focuses]

    def play_ahead(self, tasks: Sequence[Task]) -> None:
        """Play what parts will ask for, all in one pool of processes."""
        found = sorted(tasks, key=lambda task: LONGEST.index(task.part) if task.part in LONGEST else len(LONGEST))
        self.played.update(zip(found, self._play(found, "all parts"), strict=True))

    def _play(
        self, tasks: Sequence[Task], label: str, by: Callable[[WorldConfig, Task], Table] = extract
    ) -> list[dict[str, Any]]:
        names = [f"{task.part}-{task.scenario}-{task.focus}".replace("|", "-") for task in tasks]
        pieces = [Piece(name, task) for name, task in zip(names, tasks, strict=True)]
        return [loaded(table) for table in run_pieces(by, self.setting.world, pieces, self.how, label)]

    def checkpoints(self) -> dict[int, list[tuple[float, Task]]]:
        """Of each training seed its checkpoints, to be probed in states of `stress`: (market hours, task).

        Raises:
            BadInput: nobody was trained, or too few were kept.
        """
        if self.setting.checkpoints is None:
            raise BadInput("only governors that were trained have checkpoints")
        found = self.setting.checkpoints(self.subject.training_seeds)
        (task,) = self.tasks("probe", "")
        return {
            seed: [(hours, replace(task, subject=own, focus=own.name)) for hours, own in places]
            for seed, places in found.items()
        }

    def rivals(self) -> tuple[list[str], str]:
        """Roles whose pair at both venues may collude, or why there is none."""
        world = self.setting.world
        if world.venues < 2:
            return [], "one venue has no rivals; 2 are needed"
        if any(world.venue_overrides):
            return [], "the venues are unlike; the anchors need venues that are alike"
        roles = [role for role, lever in CORE.items() if role in world.roles and lever in world.roles[role].levers]
        return roles, "" if roles else f"no role of these venues holds {', '.join(CORE.values())}"
