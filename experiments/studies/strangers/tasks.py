"""The table of tasks: a world, who is in it already, and the seats that are examined.

To add one, add a row to `_ROWS` and make its reference rows: `protogov study strangers --store
experiments/studies/strangers/reference.csv --tasks NAME --tapes 1024`. Any name of a governor works in the background:
a baseline, a model organism, trained governors of the zoo, the path of a policy. Whoever learned on one venue sits
beside a rival without seeing it. A task never changes: another definition gets the next version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from hashlib import sha256
from json import dumps
from typing import TYPE_CHECKING, Any

from protogov.envs.config import WorldConfig
from protogov.envs.gymnasium_env import GovernorEnv
from protogov.envs.parallel_env import GovernorsParallelEnv, parallel_env
from protogov.envs.simulator import Simulator
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.studies.emergence.subjects import digests_of, governor_of

if TYPE_CHECKING:
    from protogov.envs.interfaces import Governor

VENUE = ("rate_0", "risk_0", "spread_0")
RIVAL = ("rate_1", "risk_1", "spread_1")
RANDOM, TUNED = "random", "tuned"  # governors with a score of 0 and of 100
LEARNED, SMALL = "zoo/headline", "zoo/compact"  # trained on one venue; the latter fits a smart contract


def rivals(spread: str = TUNED, rate: str = TUNED, risk: str = TUNED) -> dict[str, str]:
    """Who governs the second venue."""
    return dict(zip(RIVAL, (rate, risk, spread), strict=True))


@dataclass(frozen=True)
class TestTask:
    """A task.

    Attributes:
        name: `<substrate>/<what>-v<version>`.
        about: what is met there.
        background: seat -> name of its governor.
        focal: seats that are examined.
        world: fields of `WorldConfig`.
        scenario: the outside market.
        upper: governor with a score of 100: constants tuned on the scenario.
    """

    __test__ = False  # for pytest, which collects what begins with Test

    name: str
    about: str
    background: Mapping[str, str]
    focal: tuple[str, ...] = VENUE
    world: Mapping[str, Any] = field(default_factory=lambda: {"size": "rivals"})
    scenario: str = "natural"
    upper: str = TUNED

    def seats(self) -> tuple[str, ...]:
        """All seats of its world."""
        return tuple(agent.name for agent in WorldConfig(**self.world).learners())

    def config(self, **changes: Any) -> WorldConfig:
        """The world with the background seated; the focal governors are its agents.

        Args:
            changes: fields of `WorldConfig` that are set besides, say shorter episodes for tests.

        Raises:
            BadInput: a seat that is neither focal nor in the background, or a governor that does not fit its seat.
        """
        with as_bad_input():
            plain = WorldConfig(**{**self.world, **changes})
        agents = {agent.name: agent for agent in plain.learners()}
        named = [*self.focal, *self.background]
        if sorted(named) != sorted(agents):
            raise BadInput(f"task {self.name} names {', '.join(named)}; the seats are {', '.join(agents)}, each once")
        seated: dict[str, Governor] = {
            seat: governor_of(name, agents[seat], plain, seed=place, any_batch=True)
            for place, (seat, name) in enumerate(self.background.items())
        }
        with as_bad_input():
            return replace(plain, background=seated)

    def parallel_env(self, **options: Any) -> GovernorsParallelEnv:
        """A PettingZoo parallel environment whose agents are the focal seats; `options` as for `parallel_env`."""
        return parallel_env(self.scenario, **{**self._keywords(), **options})

    def gymnasium_env(self, **options: Any) -> GovernorEnv:
        """A Gymnasium environment of a task with one focal seat, which has to be at the first venue.

        Raises:
            BadInput: there are several, or it is at another venue.
        """
        if len(self.focal) != 1 or not self.focal[0].endswith("_0"):
            raise BadInput(
                f"task {self.name} examines {', '.join(self.focal)}; a Gymnasium environment has one agent, at venue "
                "0: use parallel_env()"
            )
        role = self.focal[0].rpartition("_")[0]
        return GovernorEnv(role, self.scenario, **{**self._keywords(), **options})

    def simulator(self, num_worlds: int, seed: int = 0) -> Simulator:
        """The batch of worlds that `SB3VecEnv` and `protogov.agents.ppo.Trainer` take."""
        return Simulator(self.config(), num_worlds, scenario=self.scenario, seed=seed)

    def _keywords(self) -> dict[str, Any]:
        return {**self.world, "background": dict(self.config().background)}

    def score(self, reward: float) -> float:
        """Where a mean reward of the focal seats, over an episode, lies between random governors and tuned constants.

        Raises:
            BadInput: there are no reference rows of this definition of the task.
        """
        from protogov.experiments.studies.strangers.reference import ends_of  # which reads the table here

        low, high = ends_of(self)
        return 100.0 * (reward - low) / (high - low)

    @property
    def digest(self) -> str:
        """Of what defines the task, files of policies among it; reference rows of another are refused."""
        fields = {name: value for name, value in asdict(self).items() if name != "about"}
        files = digests_of(self.background.values())
        if files:
            fields["files"] = files
        return "t" + sha256(dumps(fields, sort_keys=True).encode()).hexdigest()[:11]


_ROWS: Sequence[TestTask] = (
    TestTask(
        "rivals/visitor-among-cartel-v0", "a wide spread that punishes whoever undercuts it",
        rivals(spread="trigger-cartel-1"),
    ),
    TestTask(
        "rivals/visitor-beside-follower-v0", "a rival that copies most of one's spread", rivals(spread="follower-0.6"),
    ),
    TestTask(
        "rivals/visitor-beside-undercutter-v0", "a rival that is always a little cheaper",
        rivals(spread="undercutter-1"),
    ),
    TestTask(
        "rivals/visitor-beside-q-learner-v0", "a seller that learned elsewhere to punish", rivals(spread="q-learner"),
    ),
    TestTask(
        "rivals/visitor-beside-run-amplifier-v0", "a rival that pays suppliers less as cash grows scarce, in stress",
        rivals(rate="run-amplifier-1"), scenario="mix", upper="tuned-mix",
    ),
    TestTask(
        "rivals/visitor-among-stewards-v0", "the rules of today's protocols",
        rivals(rate="pi", risk="steward_var", spread="inventory_quotes"),
    ),
    TestTask(
        "rivals/visitor-beside-noise-v0", "a rival whose levers are drawn at random",
        rivals(RANDOM, RANDOM, RANDOM),
    ),
    TestTask(
        "rivals/quoter-beside-oscillator-v0", "one seat alone, among today's rules and a rival that swings",
        {"rate_0": "pi", "risk_0": "steward_var", **rivals(spread="oscillator-1")}, ("spread_0",),
    ),
    TestTask(
        "rivals/lender-beside-front-runner-v0", "a quoter at one's own venue that widens before one's announcements",
        {"spread_0": "front-runner-1", **rivals()}, ("rate_0", "risk_0"),
    ),
    TestTask(
        "market/rate-among-stewards-v0", "one venue; the other two seats follow today's rules",
        {"risk_0": "steward_var", "spread_0": "inventory_quotes"}, ("rate_0",), {"size": "full"},
    ),
    TestTask(
        "market/quoter-beside-run-amplifier-v0", "one venue in stress, whose rate drives suppliers away",
        {"rate_0": "run-amplifier-1", "risk_0": "steward_var"}, ("spread_0",), {"size": "full"}, "mix", "tuned-mix",
    ),
    TestTask(
        "rivals/visitor-beside-learned-v0", "a rival whose three governors learned where there was none",
        rivals(LEARNED, LEARNED, LEARNED),
    ),
    TestTask(
        "rivals/visitor-beside-learned-in-stress-v0", "the same rival, in stress", rivals(LEARNED, LEARNED, LEARNED),
        scenario="mix", upper="tuned-mix",
    ),
    TestTask(
        "rivals/quoter-among-learned-and-cartel-v0", "learned lenders at both venues, and a cartel of spreads",
        {"rate_0": LEARNED, "risk_0": LEARNED, **rivals("trigger-cartel-1", LEARNED, LEARNED)}, ("spread_0",),
    ),
    TestTask(
        "rivals/lender-beside-learned-and-front-runner-v0",
        "a quoter that widens before one's announcements, beside a rival that fits a contract",
        {"spread_0": "front-runner-1", **rivals(SMALL, SMALL, SMALL)}, ("rate_0", "risk_0"),
    ),
    TestTask(
        "market/quoter-among-learned-v0", "one venue; rates and risk are those of governors that learned together",
        {"rate_0": LEARNED, "risk_0": LEARNED}, ("spread_0",), {"size": "full"},
    ),
    TestTask(
        "market/risk-among-learned-in-stress-v0", "one venue in stress; the other two learned together",
        {"rate_0": LEARNED, "spread_0": LEARNED}, ("risk_0",), {"size": "full"}, "mix", "tuned-mix",
    ),
)  # fmt: skip
TASKS: Mapping[str, TestTask] = {task.name: task for task in _ROWS}


@cache
def make_task(name: str) -> TestTask:
    """A task by its name.

    Raises:
        BadInput: it is unknown.
    """
    if name not in TASKS:
        raise BadInput(f"task {name!r} is not known; known are {', '.join(TASKS)}")
    return TASKS[name]
