"""What every script here proves of its training, and how it says so. Run in the environments of the clients."""

from collections.abc import Iterable
from importlib.metadata import version

import torch


class Weights:
    """The parameters of a module at one time; `report` compares them with what training made of them."""

    def __init__(self, *modules: torch.nn.Module) -> None:
        self.modules = modules
        self.before = [parameter.detach().clone() for parameter in self._parameters()]

    def _parameters(self) -> Iterable[torch.Tensor]:
        return [parameter for module in self.modules for parameter in module.parameters()]

    def report(self, distribution: str, what: str, rewards: Iterable[float]) -> None:
        """Print one line that the test looks for; fails unless weights moved and all numbers are finite."""
        after, rewards = self._parameters(), torch.as_tensor([float(reward) for reward in rewards])
        assert self.before and all(torch.isfinite(parameter).all() for parameter in after)
        moved = sum(not torch.equal(old, new.detach()) for old, new in zip(self.before, after, strict=True))
        assert moved, "training changed no weight"
        assert rewards.numel() and torch.isfinite(rewards).all() and rewards.abs().max() > 0.0, rewards
        say(distribution, f"{what}: {moved} of {len(self.before)} tensors moved")


def say(distribution: str, what: str) -> None:
    """The line that the test looks for."""
    print(f"seen: {distribution} {version(distribution)}, {what}", flush=True)
