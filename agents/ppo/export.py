"""From a learner to the policy file format: the actor alone, with names for what it sees and sets."""

from __future__ import annotations

from protogov.agents.policies.policy import Policy
from protogov.agents.ppo.actor import actor_layers, actor_weights
from protogov.agents.ppo.learner import ACTIVATIONS, Learner
from protogov.agents.ppo.world import TrainingWorld, decision_hours, lever_names


def export_policy(learner: Learner, world: TrainingWorld, agent: str | None = None) -> Policy:
    """The learner's actor as it is now; a copy, so that further training does not change it.

    Args:
        learner: whose.
        world: which names what it sees and sets.
        agent: the governor that it is to be, where the learner is the policy of several; its first by default.
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
        # where exploration depends on the state it is of a function's weights and says nothing of one lever
        log_std=None if policy.use_sde else tuple(float(x) for x in policy.log_std.detach()),
        decision_hours=decision_hours(world),
        weights=actor_weights(policy),
        incumbent=learner.execution.incumbent,
        change=learner.execution.change,
        front=learner.front,
    )
