"""Who governs in a comparison: sets of governors by name, from a run's checkpoints or from policy files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from protogov.agents.baselines import governor_fits, governor_names, governor_reads, make_governor
from protogov.agents.governor import Governor
from protogov.envs.config import WorldConfig
from protogov.envs.layout import Layout
from protogov.envs.roles import Agent, Role
from protogov.envs.world.features import FEATURES
from protogov.experiments.core.files import read_json
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.paths import RunFolder
from protogov.experiments.run_config import RunConfig

STATIC = "static"
LEARNED = "learned"
NO_SEED = -1  # the training seed of governors that were not trained
BASELINES = {STATIC: "constant", **{name: name for name in governor_names() if name != "constant"}}


@dataclass(frozen=True)
class GovernorSet:
    """One governor for each agent of a world.

    Attributes:
        name: in tables and figures, say "static" or "learned".
        training_seed: of learned governors; `NO_SEED` otherwise.
        sources: agent -> name of a baseline or path of a policy's .json file; agents not named stay static.
        values: lever -> physical value at which every "constant" governor stands instead of the default.
    """

    name: str
    training_seed: int
    sources: Mapping[str, str]
    values: Mapping[str, float] | None = None

    def make(self, world: WorldConfig, seed: int = 0) -> dict[str, Governor]:
        """The governors, agent by agent.

        Raises:
            BadInput: an agent that the world does not have, or a policy that does not fit its role or this world.
        """
        agents = {agent.name: agent for agent in world.agents()}
        for name in self.sources:
            if name not in agents:
                raise BadInput(
                    f"governor {self.sources[name]} is of {name!r}; the world's agents are {', '.join(agents)}"
                )
        return {name: self._one(agent, world, seed) for name, agent in agents.items()}

    def _one(self, agent: Agent, world: WorldConfig, seed: int) -> Governor:
        source = self.sources.get(agent.name, "constant")
        values = None
        if source == "constant" and self.values is not None:
            values = {name: self.values[name] for name in agent.role.levers if name in self.values}
        with as_bad_input():
            governor = make_governor(source, agent.role, seed=seed, values=values, defaults=world.defaults)
        _check_fit(governor, agent, world)
        return governor


def _check_fit(governor: Governor, agent: Agent, world: WorldConfig) -> None:
    """A policy acts on numbers in an order: refuse one that learned on others, or at another pace."""
    policy = getattr(governor, "policy", None)
    if policy is None:
        return
    if policy.decision_hours != world.decision_hours:
        raise BadInput(
            f"the policy of {policy.agent} decides every {policy.decision_hours:g} hours; "
            f"the world's decision_hours is {world.decision_hours}"
        )
    if policy.agent.rpartition("_")[0] != agent.role.name:
        raise BadInput(f"the policy is of {policy.agent}; it cannot govern as {agent.name}")
    with as_bad_input():
        policy.check_features(Layout(world, {agent.name: agent}).observation_names(agent.name))


def baseline(name: str, world: WorldConfig) -> GovernorSet:
    """A set of baseline governors by name; agents whose levers it does not know how to set stay static.

    Several names joined by "+" fill the roles together, say "pi+steward_var+inventory_quotes"; `role=name` gives a
    baseline to that role alone, say "rate=pi+spread=random". Where two want the same role, the later one has it.

    Raises:
        BadInput: the name is unknown, or the world has no agent that it can govern.
    """
    agents = world.agents()
    chosen: dict[str, list[str]] = {}
    for part in name.split("+"):
        role, _, source = part.rpartition("=")
        if source not in BASELINES:
            raise BadInput(f"baseline {source!r} is not known; known are {', '.join(BASELINES)}")
        if role and role not in world.roles:
            raise BadInput(f"baseline {part!r} names the role {role!r}; the world's are {', '.join(world.roles)}")
        fitting = [
            agent for agent in agents if role in ("", agent.role.name) and governor_fits(BASELINES[source], agent.role)
        ]
        unseen = {name for agent in fitting for name in _unseen(BASELINES[source], agent.role, world)}
        governed = [agent.name for agent in fitting if not _unseen(BASELINES[source], agent.role, world)]
        if fitting and not governed:
            raise BadInput(
                f"baseline {source!r} reads {', '.join(sorted(unseen))}; governors of this world, whose observe is "
                f"{', '.join(world.observe)}, do not see that"
            )
        if not governed:
            raise BadInput(f"baseline {source!r} cannot govern as any of {', '.join(agent.name for agent in agents)}")
        for agent in governed:
            chosen.setdefault(agent, []).append(BASELINES[source])
    return GovernorSet(name, NO_SEED, {agent: "+".join(sources) for agent, sources in chosen.items()})


def _unseen(name: str, role: Role, world: WorldConfig) -> list[str]:
    """What a baseline reads in a role and governors of this world do not see."""
    return [feature for feature in governor_reads(name, role) if not world.shows(FEATURES[feature])]


def policy_files(folder: Path) -> dict[str, str]:
    """Path of each policy_<agent>.json in a folder, by agent."""
    return {path.stem.removeprefix("policy_"): str(path) for path in sorted(folder.glob("policy_*.json"))}


def load_run(folder: RunFolder) -> RunConfig:
    """The configuration of a run's folder.

    Raises:
        BadInput: there is none, or it is damaged.
    """
    if not folder.path.is_dir():
        raise BadInput(f"{folder.path}: there is no such folder of a run")
    return RunConfig.from_dict(read_json(folder.config), str(folder.config))


def learned_sets(folder: RunFolder, run: RunConfig, name: str = LEARNED) -> list[GovernorSet]:
    """The governors of each training seed, from its latest checkpoint.

    Raises:
        BadInput: no seed has a checkpoint yet.
    """
    sets = []
    for seed in run.seeds:
        place = latest(folder.seed_folder(seed, len(run.seeds)))
        if place is not None:
            sets.append(GovernorSet(name, seed, policy_files(place)))
    if not sets:
        raise BadInput(f"{folder.path}: no seed of the run has a checkpoint; train it first")
    return sets


def latest(seed_folder: Path) -> Path | None:
    """The latest complete checkpoint of a seed, None if it has none."""
    # not by way of protogov.agents.ppo, which would bring torch along
    from protogov.agents.ppo.checkpoint import latest_checkpoint

    return latest_checkpoint(seed_folder / "checkpoints")


@dataclass(frozen=True)
class Found:
    """What paths of governors stand for.

    Attributes:
        sets: the governors.
        world: that they learned in; the default world for bare policy files.
        run: the folder of the run they come from, if it is one.
        config: of that run.
    """

    sets: tuple[GovernorSet, ...]
    world: WorldConfig
    run: RunFolder | None = None
    config: RunConfig | None = None


def find_governors(paths: Sequence[Path]) -> Found:
    """Governors by path: one run's folder, or a folder of policies, or policy_<agent>.json files.

    Raises:
        BadInput: a path that is none of these, or two policies for one agent.
    """
    if len(paths) == 1 and (paths[0] / "config.json").is_file():
        folder = RunFolder(paths[0])
        config = load_run(folder)
        return Found(tuple(learned_sets(folder, config)), config.world, folder, config)
    sources: dict[str, str] = {}
    for path in paths:
        for agent, source in _policies_at(path).items():
            if agent in sources:
                raise BadInput(f"{source}: is a second policy for {agent}, beside {sources[agent]}")
            sources[agent] = source
    if not sources:
        return Found((), WorldConfig())
    hours = {_decision_hours(source) for source in sources.values()}
    if len(hours) > 1:
        raise BadInput(
            f"the policies decide every {' and '.join(f'{h:g}' for h in sorted(hours))} hours; one is needed"
        )
    return Found((GovernorSet(LEARNED, NO_SEED, sources),), WorldConfig(decision_hours=int(hours.pop())))


def _policies_at(path: Path) -> dict[str, str]:
    if path.is_dir():
        found = policy_files(path)
        if not found:
            raise BadInput(f"{path}: is no run's folder and holds no policy_<agent>.json")
        return found
    if not path.is_file() or path.suffix != ".json":
        raise BadInput(f"{path}: is neither a run's folder nor a policy's .json file")
    return {str(read_json(path).get("agent")): str(path)}


def _decision_hours(source: str) -> float:
    hours = read_json(Path(source)).get("decision_hours")
    if not isinstance(hours, (int, float)) or not 1 <= hours <= 24:
        raise BadInput(f"{source}: decision_hours is {hours!r}; a number from 1 to 24 is needed")
    return float(hours)
