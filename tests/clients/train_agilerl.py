"""AgileRL: a population of PPO on the native vector environment, IPPO on all governors in worker processes."""

import gymnasium as gym
from agilerl.algorithms import IPPO, PPO
from agilerl.training.train_multi_agent_on_policy import train_multi_agent_on_policy
from agilerl.training.train_on_policy import train_on_policy
from agilerl.utils.utils import make_multi_agent_vect_envs
from checks import Weights

import protogov.envs

EPISODE = {"episode_hours": 48}  # 8 decisions
STEPS = {"max_steps": 128, "evo_steps": 64, "verbose": False}
SETTINGS = {"batch_size": 32, "learn_step": 64, "update_epochs": 1}


def main() -> None:
    envs = gym.make_vec("protogov/Rates-v0", num_envs=8, **EPISODE)
    spaces = envs.single_observation_space, envs.single_action_space
    population = PPO.population(2, *spaces, num_envs=8, **SETTINGS)
    weights = Weights(*(agent.actor for agent in population))
    _, fitness = train_on_policy(envs, "protogov/Rates-v0", "PPO", population, **STEPS)
    weights.report("agilerl", "PPO", fitness)

    envs = make_multi_agent_vect_envs(protogov.envs.parallel_env, num_envs=2, **EPISODE)
    spaces = [
        [space(agent) for agent in envs.agents] for space in (envs.single_observation_space, envs.single_action_space)
    ]
    population = IPPO.population(1, *spaces, agent_ids=envs.agents, **SETTINGS)
    weights = Weights(*population[0].actors.values())
    _, fitness = train_multi_agent_on_policy(envs, "protogov", "IPPO", population, **STEPS)
    weights.report("agilerl", "IPPO", fitness)


if __name__ == "__main__":
    main()
