"""Trained governors in files that people share: weights and a description, read without unpickling."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protogov.agents.policies.policy import Policy, PolicyError, load_policy_file
    from protogov.agents.policies.policy_governor import PolicyGovernor, load_policy

__all__ = ["Policy", "PolicyError", "PolicyGovernor", "load_policy", "load_policy_file"]

_HOMES = {
    "Policy": "policy",
    "PolicyError": "policy",
    "load_policy_file": "policy",
    "PolicyGovernor": "policy_governor",
    "load_policy": "policy_governor",
}


def __getattr__(name: str) -> Any:  # torch is imported on first use
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
