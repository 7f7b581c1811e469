"""What is measured of whom, and how much is simulated for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from protogov.agents.ppo.settings import PPOSettings

MEMORY = 0.9  # of a push that lasts: that of the noise that lasts in the study of learning
WORLDS = 128  # in which critics learn
# Noise is that of the candidates that start where the incumbents stand, throughout. Actors stay as they start, so that
# all critics judge the same rollout; a critic then needs more passes over fewer rollouts than PPO makes.
_START = {"log_std_init": -1.5, "log_std_final": -1.5, "num_epochs": 20, "batch_size": 256, "twin": "none"}
CRITICS: Mapping[str, PPOSettings] = {
    "gamma .95": PPOSettings(**_START),  # type: ignore[arg-type]  # as `protogov train`
    "gamma .99": PPOSettings(gamma=0.99, bootstrap="none", **_START),  # type: ignore[arg-type]  # `ppo-episode`
}
TWINS: tuple[Literal["none", "defaults", "policies"], ...] = ("none", "defaults", "policies")

ALONE, EVERYBODY, GOING_ON, RETURN, PUSH = (
    "fork, own noise alone", "fork, everybody explores once", "fork, everybody explores on", "return",
    "fork, own noise lasts",
)  # fmt: skip
CUTS = (2, 4, 8, 16)  # decisions after which a fork of everybody's noise may be cut
GIVEN = "gae, gamma .95, twin defaults"  # what `protogov train` does by default


def gae(critic: str, twin: str) -> str:
    """Name of an estimator of learners."""
    return f"gae, {critic}" + (f", twin {twin}" if twin != "none" else "")


def cut(decisions: int) -> str:
    """Name of a fork of everybody's noise that is cut."""
    return f"{EVERYBODY}, {decisions} decisions"


def simulated(decisions: int) -> dict[str, float]:
    """Estimator -> decisions of a world that are simulated for one estimate for each governor.

    One rollout serves the estimates of all its decisions, and a branch those of all governors, unless it is one
    governor's own. Three governors are assumed.

    Args:
        decisions: that are played after a fork.
    """
    learners = {gae(critic, twin): 1.0 + (twin != "none") for critic in CRITICS for twin in TWINS}
    forks = {cut(length): 1.0 + length for length in CUTS if length < decisions}
    # "explores on" has one branch a governor beside the rollout itself
    return {EVERYBODY: 1.0 + decisions, **forks, GOING_ON: 1.0 + 3.0 * decisions, RETURN: 1.0, **learners}


@dataclass(frozen=True)
class Job:
    """One world.

    Attributes:
        market: on which critics learn and states are visited.
        start: where policies start, and stay: as `--ppo.start` of `protogov train`.
        market_hours: that each critic learns [simulated hours].
        worlds: in which critics learn.
        tapes: fresh ones, on which states are visited.
        states: of each tape.
        decisions: that are played after each.
        seed: of critics and exploration.
    """

    market: str
    start: str
    market_hours: float
    worlds: int
    tapes: int
    states: int
    decisions: int
    seed: int = 0
