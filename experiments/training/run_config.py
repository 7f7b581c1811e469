"""The options of a training run: config.json as a checked object."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from protogov.agents.ppo.settings import PPOSettings
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, check_trainable, get_scenario
from protogov.experiments.core.play import EVALUATION_SEEDS
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.training.validation import ValidationOptions

FORMAT, VERSION = "protogov-run", 2
SEED_STRIDE = 1_000_000  # the worlds of training seed k start from k * stride: two seeds never share a tape
MAX_SEED = EVALUATION_SEEDS // SEED_STRIDE - 1  # a larger seed would train on tapes of evaluations


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """A training run.

    Attributes:
        name: name of the run.
        scenario: the market to learn on: a registered name, names joined by +, or a path.
        seeds: training seeds; each is a separate run with other first weights, exploration and tapes.
        num_worlds: worlds simulated at the same time for each seed.
        market_hours: budget per seed.
        total_rollouts: the budget in rollouts, over which the schedules fall.
        world: configuration of the simulated world.
        settings: how the governors learn.
        command: the command line.
        started: ISO-8601 time.
        curriculum: (scenario, share of the hours) that are learned on before `scenario`, in their order.
        validation: how the run is validated.
    """

    name: str
    scenario: str
    seeds: tuple[int, ...]
    num_worlds: int
    market_hours: float
    total_rollouts: int
    world: WorldConfig
    settings: PPOSettings
    command: str
    started: str
    curriculum: tuple[tuple[str, float], ...] = ()
    validation: ValidationOptions = field(default_factory=ValidationOptions)

    @property
    def trained_on(self) -> tuple[str, ...]:
        """All scenarios that it learns on."""
        return tuple(dict.fromkeys([*(name for name, _ in self.curriculum), self.scenario]))

    def stages(self) -> list[tuple[Scenario, float]]:
        """Scenarios with their shares of the hours, the last one's being the rest.

        Raises:
            BadInput: one is unknown or kept for evaluation.
        """
        before = [(training_scenario(name), share) for name, share in self.curriculum]
        return [*before, (training_scenario(self.scenario), 1.0 - sum(share for _, share in self.curriculum))]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able form for `from_dict`. It also holds the roles' tables: a report then needs no older code."""
        data = {"format": FORMAT, "version": VERSION}
        data |= {name: getattr(self, name) for name in _PLAIN}
        data["seeds"] = list(self.seeds)
        data["world"] = self.world.to_dict()
        data["settings"] = asdict(self.settings)
        data["curriculum"] = [list(stage) for stage in self.curriculum]
        data["validation"] = asdict(self.validation)
        data["agents"] = describe_agents(self.world)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str) -> "RunConfig":
        """Inverse of `to_dict`; `where` names the file in messages.

        Raises:
            BadInput: the data is of another format or version, or a field is missing or refused.
        """
        if data.get("format") != FORMAT or data.get("version") != VERSION:
            raise BadInput(f"{where}: is not the configuration of a {FORMAT} of version {VERSION}")
        try:
            values = {name: data[name] for name in _PLAIN}
            values["seeds"] = tuple(data["seeds"])
            values["curriculum"] = tuple((str(name), float(share)) for name, share in data.get("curriculum", ()))
            values["validation"] = ValidationOptions(**data.get("validation", {}))
            return cls(**values, world=WorldConfig.from_dict(data["world"]), settings=PPOSettings(**data["settings"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{where}: does not describe a run ({error})") from None


_PLAIN = ("name", "scenario", "num_worlds", "market_hours", "total_rollouts", "command", "started")


def describe_agents(world: WorldConfig) -> dict[str, Any]:
    """Levers and mandate of each learner, JSON-able: agent -> {"levers": [...], "terms": [...], "daily_sd"}."""
    described = {}
    for agent in world.learners():
        levers = [
            {
                "name": lever.name,
                "unit": lever.unit,
                "low": lever.low,
                "default": world.lever_default(lever.name),
                "high": lever.high,
            }
            for lever in agent.role.lever_rows()
        ]
        terms = [{"name": term.name, "weight": term.weight} for term in agent.role.terms]
        described[agent.name] = {"levers": levers, "terms": terms, "daily_sd": agent.role.daily_sd}
    return described


def evaluation_world(world: WorldConfig) -> WorldConfig:
    """The world in which governors are measured: levers start at their defaults, every episode is complete."""
    return replace(world, randomise_levers=0.0, stagger=False)


def training_scenario(name: str) -> Scenario:
    """The scenario of that name, if learners and tuners may use it.

    Raises:
        BadInput: the scenario is unknown, or reserved for evaluation.
    """
    with as_bad_input():
        scenario = get_scenario(name)
        check_trainable(scenario)
    return scenario
