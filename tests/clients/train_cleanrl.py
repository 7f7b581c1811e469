"""A loop in the manner of CleanRL's `ppo_continuous_action.py`, on the native vector environment."""

import gymnasium as gym
import numpy as np
import torch
from checks import Weights
from torch import nn
from torch.distributions import Normal

import protogov.envs  # registers the ids

NUM_ENVS, NUM_STEPS, ITERATIONS, EPOCHS, MINIBATCH = 32, 16, 2, 2, 128
GAMMA, GAE_LAMBDA, CLIP, ENTROPY, VALUE = 0.99, 0.95, 0.2, 0.0, 0.5


class Agent(nn.Module):
    """Actor and critic of two layers each."""

    def __init__(self, inputs: int, actions: int) -> None:
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 1))
        self.actor = nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, actions))
        self.log_sd = nn.Parameter(torch.zeros(actions))

    def policy(self, obs: torch.Tensor) -> Normal:
        return Normal(self.actor(obs), self.log_sd.exp())


def main() -> None:
    # SAME_STEP: a finished row is reset in the step that ends it, and no step of a rollout is lost to its reset
    envs = gym.make_vec("protogov/Rates-v0", num_envs=NUM_ENVS, autoreset_mode="SameStep", episode_hours=48)
    agent = Agent(envs.single_observation_space.shape[0], envs.single_action_space.shape[0])
    optimizer = torch.optim.Adam(agent.parameters(), lr=3e-4, eps=1e-5)
    weights, returns, running = Weights(agent), [], torch.zeros(NUM_ENVS)
    obs = torch.as_tensor(envs.reset(seed=1)[0])
    for _ in range(ITERATIONS):
        rows = {name: [] for name in ("obs", "actions", "log_probs", "rewards", "values", "dones")}
        for _ in range(NUM_STEPS):
            with torch.no_grad():
                policy = agent.policy(obs)
                action, value = policy.sample(), agent.critic(obs)[:, 0]
            following, reward, _, truncated, infos = envs.step(action.numpy())
            done, reward = torch.as_tensor(truncated), torch.as_tensor(reward, dtype=torch.float32)
            running += reward
            if done.any():  # time ran out and nothing else happened: the value of what would have come counts
                returns += running[done].tolist()
                running[done] = 0.0
                last = torch.as_tensor(np.stack(infos["final_obs"][truncated]))
                with torch.no_grad():
                    reward[done] += GAMMA * agent.critic(last)[:, 0]
            step = (obs, action, policy.log_prob(action).sum(1), reward, value, done)
            for column, entry in zip(rows.values(), step, strict=True):
                column.append(entry)
            obs = torch.as_tensor(following)
        batch = {name: torch.stack(column) for name, column in rows.items()}
        advantages, gained = torch.zeros(NUM_STEPS, NUM_ENVS), torch.zeros(NUM_ENVS)
        with torch.no_grad():
            after = agent.critic(obs)[:, 0]
        for t in reversed(range(NUM_STEPS)):
            goes_on = (~batch["dones"][t]).float()
            delta = batch["rewards"][t] + GAMMA * after * goes_on - batch["values"][t]
            advantages[t] = gained = delta + GAMMA * GAE_LAMBDA * goes_on * gained
            after = batch["values"][t]
        batch["targets"], batch["advantages"] = advantages + batch["values"], advantages
        flat = {name: column.flatten(0, 1) for name, column in batch.items()}
        for _ in range(EPOCHS):
            for some in torch.randperm(NUM_STEPS * NUM_ENVS).split(MINIBATCH):
                loss = ppo_loss(agent, {name: column[some] for name, column in flat.items()})
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
                optimizer.step()
    assert len(returns) == NUM_ENVS * NUM_STEPS * ITERATIONS // 8  # episodes of 8 decisions
    weights.report("torch", "a CleanRL loop", returns)
    envs.close()


def ppo_loss(agent: Agent, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    policy = agent.policy(batch["obs"])
    ratio = (policy.log_prob(batch["actions"]).sum(1) - batch["log_probs"]).exp()
    scaled = (batch["advantages"] - batch["advantages"].mean()) / (batch["advantages"].std() + 1e-8)
    gain = torch.min(ratio * scaled, ratio.clamp(1 - CLIP, 1 + CLIP) * scaled).mean()
    error = (agent.critic(batch["obs"])[:, 0] - batch["targets"]).square().mean()
    return VALUE * error - gain - ENTROPY * policy.entropy().sum(1).mean()


if __name__ == "__main__":
    assert protogov.envs.IDS
    main()
