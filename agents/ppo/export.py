"""From a learner to the policy file format: only the actor, with names for its inputs and outputs."""

from __future__ import annotations

from protogov.agents.policies.policy import Policy
from protogov.agents.ppo.actor import actor_layers, actor_weights
from protogov.agents.ppo.learner import ACTIVATIONS, Learner
from protogov.agents.ppo.world import TrainingWorld, decision_hours, lever_names


def export_policy(learner: Learner, world: TrainingWorld, agent: str | None = None) -> Policy:
    """The learner's present actor. It is a copy: further training does not change it.

    Args:
        learner: of the actor.
        world: names the features and levers.
        agent: the governor that the policy is for, if the learner serves several; its first by default.
    """
    agent = agent or learner.agent
    policy = learner.policy
    activations = [name for name, kind in ACTIVATIONS.items() if policy.activation_fn is kind]
    return Policy(
        agent=agent,
        features=learner.front.features,
        levers=lever_names(world, agent),
        hidden_sizes=tuple(layer.out_features for layer in actor_layers(policy)[:-1]),
        activation=activations[0],
        # state-dependent exploration has a standard deviation per weight of a function, not per lever
        log_std=None if policy.use_sde else tuple(float(x) for x in policy.log_std.detach()),
        decision_hours=decision_hours(world),
        weights=actor_weights(policy),
        incumbent=learner.execution.incumbent,
        change=learner.execution.change,
        front=learner.front,
    )
