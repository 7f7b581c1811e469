"""Governors of a comparison: sets of governors, and baselines by name; `training.learned` finds learned ones."""

from collections.abc import Mapping
from dataclasses import dataclass

from protogov.agents.background import check_policy, unseen
from protogov.agents.baselines import governor_fits, governor_names, make_governor
from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.envs.roles import Agent
from protogov.experiments.errors import BadInput, as_bad_input

STATIC = "static"
LEARNED = "learned"
NO_SEED = -1  # the training seed of governors that were not trained
BASELINES = {STATIC: "constant", **{name: name for name in governor_names() if name != "constant"}}


@dataclass(frozen=True)
class GovernorSet:
    """One governor for each learning agent of a world; governors in the background are part of the world.

    Attributes:
        name: name in tables and figures, such as "static" or "learned".
        training_seed: of learned governors; `NO_SEED` otherwise.
        sources: agent -> name of a baseline or path of a policy's .json file; agents without one stay static.
        values: lever -> physical value that every "constant" governor keeps instead of the default.
    """

    name: str
    training_seed: int
    sources: Mapping[str, str]
    values: Mapping[str, float] | None = None

    def make(self, world: WorldConfig, seed: int = 0) -> dict[str, Governor]:
        """The governors, agent by agent.

        Raises:
            BadInput: the world lacks an agent, or a policy does not fit its role or this world.
        """
        agents = {agent.name: agent for agent in world.learners()}
        for name in self.sources:
            if name not in agents:
                raise BadInput(
                    f"governor {self.sources[name]} is for {name!r}; the world's agents are {', '.join(agents)}"
                )
        return {name: self._one(agent, world, seed) for name, agent in agents.items()}

    def _one(self, agent: Agent, world: WorldConfig, seed: int) -> Governor:
        source = self.sources.get(agent.name, "constant")
        values = None
        if source == "constant" and self.values is not None:
            values = {name: self.values[name] for name in agent.role.levers if name in self.values}
        with as_bad_input():
            governor = make_governor(
                source, agent.role, agent=agent.name, seed=seed, values=values, defaults=world.defaults
            )
            for part in getattr(governor, "parts", [governor]):
                check_policy(part, agent, world)
        return governor


def baseline(name: str, world: WorldConfig) -> GovernorSet:
    """A set of baseline governors by name; agents whose levers it cannot set stay static.

    Several names joined by "+" fill the roles together, for example "pi+steward_var+inventory_quotes". `role=name`
    gives a baseline to one role only, for example "rate=pi+spread=random". A later name replaces an earlier one.

    Raises:
        BadInput: the name is unknown, or the world has no agent that it can govern.
    """
    agents = world.learners()
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
        hidden = {name for agent in fitting for name in unseen(BASELINES[source], agent.role, world)}
        governed = [agent.name for agent in fitting if not unseen(BASELINES[source], agent.role, world)]
        if fitting and not governed:
            raise BadInput(
                f"baseline {source!r} reads {', '.join(sorted(hidden))}; governors of this world, whose observe is "
                f"{', '.join(world.observe)}, cannot see that"
            )
        if not governed:
            raise BadInput(f"baseline {source!r} cannot govern as any of {', '.join(agent.name for agent in agents)}")
        for agent in governed:
            chosen.setdefault(agent, []).append(BASELINES[source])
    return GovernorSet(name, NO_SEED, {agent: "+".join(sources) for agent, sources in chosen.items()})
