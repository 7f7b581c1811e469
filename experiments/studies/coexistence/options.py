"""Options of the study, and how they differ from the registered sizes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from protogov.agents.baselines import governor_names
from protogov.envs.config import WorldConfig
from protogov.envs.ensemble import shipped_ensemble
from protogov.envs.scenarios import scenario_names
from protogov.envs.sizes import SIZES
from protogov.experiments.core.study import StudyOptions, check_sizes
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFolder
from protogov.experiments.studies.coexistence.cells import HOURS, SEEDS, find_cells
from protogov.experiments.studies.coexistence.start import find_start
from protogov.experiments.training.run_config import training_scenario

TRAINING: Final = "training"
MEASURING: Final = "measuring"
FINDINGS: Final = "findings"
STAGES: Final = (TRAINING, MEASURING, FINDINGS)
CALM, CRISIS = "calm", "crisis"
MARKETS = (CALM, CRISIS)
ORDINARY = "ordinary"  # in which W alone is compared
LEAST_TAPES = 2
ALL_MEMBERS = "all"


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Whether independently trained governors help or harm each other and their users, cell by cell.

    A cell is ALGORITHM-cCOOPERATION-vVENUES-aAUTONOMY, such as ppo-c0-v2-a72. training trains every seed of the cells
    and keeps the policies of the last five checkpoints in --store, a file for every four seeds. measuring starts from
    these files: it plays line-ups of learned governors and constants, also in members of the ensemble; of headline
    cells, which alone have the seeds for claims, strangers, forks and the switches of the expected channels too; and it
    writes a folder a cell. A training seed or a member of the ensemble that fails is left out, and said. findings reads
    the folders of all cells that --out holds. So cells may be trained and measured one by one, in any order, on any
    machine, and a cell's seeds too, four at a time; the same command resumes.

    The pages of a run with other sizes than the registered ones begin with that fact, and claim nothing.

    Example: protogov study coexistence --cells ppo-c0-v1-a72 evolution-c0-v1-a72 --out results/runs/coexistence
    """

    stage: tuple[Literal["training", "measuring", "findings"], ...] = STAGES
    """Stages, in any order; they run in that of the study."""
    cells: tuple[str, ...] = ("headline",)
    """Cells by name; or headline (autonomy 72), autonomy (12 and inf), all."""
    size: str = "full"
    """Levers of the world: full, core (one a role), or tiny for tests."""
    scenario: str = "mix"
    """The market to learn on."""
    constants: str = "tuned-mix"
    """The baseline of constants at which governors start to learn and beside which they are measured."""
    calm: str = "calm"
    """The calm market of the measurements; the other one are the crises of the split validation."""
    ordinary: str = "natural"
    """A market as often calm and as often not as in history: W alone is compared in it."""
    crises: tuple[str, ...] = ()
    """Crises, some of the split validation; all of them by default."""
    hours: float = HOURS
    """Market hours a seed of a headline cell; other cells have a quarter of them."""
    seeds: int = SEEDS
    """Training seeds of a headline cell; other cells have a third of them."""
    worlds: int = 512
    """Worlds in which PPO learns."""
    pairs: int = 12
    """Pairs of the evolution strategy in a generation."""
    search_tapes: int = 16
    """Fresh tapes of a generation, on which all pairs play."""
    tapes: int = 64
    """Tapes of a line-up in either market; every training seed has its own."""
    members: tuple[str, ...] = (ALL_MEMBERS,)
    """Members of the ensemble in which the last policies are measured again; all, or none."""
    member_tapes: int = 16
    """Tapes of a line-up in a member, in either market."""
    fork_worlds: int = 60
    """Worlds of the forks of a headline cell, divided among the training seeds, and these among the crises; 0 leaves
    influence out."""
    fork_checkpoints: int = 5
    """Last checkpoints at which worlds are forked."""
    channel_tapes: int = 25
    """Tapes of all crises together on which the expected channels are measured, of each training seed at each
    checkpoint of a headline cell; 0 leaves them out."""
    store: OutputFolder | None = None
    """Folder of the cells' policies; OUT/policies by default."""
    precision: Literal["float32", "float16"] = "float32"
    """Of stored policies; what float16 costs in W is measured and stated."""

    def reduced(self) -> list[str]:
        """Differences from the registered sizes, in words; empty for the registered study."""
        plain = Options()
        changed = ("size", "scenario", "constants", "calm", "ordinary", "crises", "hours", "seeds", "worlds", "pairs",
                   "search_tapes", "tapes", "members", "member_tapes", "fork_worlds", "fork_checkpoints",
                   "channel_tapes")  # fmt: skip
        return [
            f"{name.replace('_', '-')} {_words(getattr(self, name))} instead of {_words(getattr(plain, name))}"
            for name in changed if getattr(self, name) != getattr(plain, name)
        ]  # fmt: skip

    @property
    def chosen_members(self) -> tuple[str, ...]:
        """Members of the ensemble."""
        names = shipped_ensemble().names
        return tuple(names) if self.members == (ALL_MEMBERS,) else () if self.members == ("none",) else self.members

    @property
    def markets(self) -> Mapping[str, tuple[str, ...]]:
        """Scenarios of each market."""
        return {CALM: (self.calm,), CRISIS: self.crises or scenario_names("validation")}

    def check(self) -> Path:
        """The folder of the study.

        Raises:
            BadInput: an option out of range, or no folder.
        """
        if self.out is None:
            raise BadInput("out is missing; what is trained must be kept somewhere: --out FOLDER")
        check_sizes(1, seeds=self.seeds, worlds=self.worlds, pairs=self.pairs, search_tapes=self.search_tapes)
        check_sizes(LEAST_TAPES, tapes=self.tapes, member_tapes=self.member_tapes)
        check_sizes(0, fork_worlds=self.fork_worlds, channel_tapes=self.channel_tapes)
        check_sizes(1, stage=len(self.stage), fork_checkpoints=self.fork_checkpoints)
        if not 0.0 < self.hours < 1e12:
            raise BadInput(f"hours is {self.hours}; a number between 0 and 1e12 is accepted")
        if self.size not in SIZES or SIZES[self.size].venues != 1:
            known = ", ".join(one for one, row in SIZES.items() if row.venues == 1)
            raise BadInput(f"size is {self.size!r}; {known} are accepted")
        if self.constants not in governor_names():
            raise BadInput(f"constants is {self.constants!r}; {', '.join(governor_names())} are accepted")
        find_start(WorldConfig(size=self.size), self.constants)
        training_scenario(self.scenario)
        training_scenario(self.calm)
        training_scenario(self.ordinary)
        for name in self.crises:
            if name not in scenario_names("validation"):
                raise BadInput(f"crises holds {name!r}; {', '.join(scenario_names('validation'))} are accepted")
        for name in self.chosen_members:
            if name not in shipped_ensemble().names:
                raise BadInput(f"members holds {name!r}; {', '.join(shipped_ensemble().names)}, all, none are accepted")
        find_cells(self.cells)
        return self.out

    @property
    def place(self) -> Path:
        """Folder of the cells' policies."""
        return self.store or self.check() / "policies"


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "all"
    return f"{value:g}" if isinstance(value, float) else str(value)
