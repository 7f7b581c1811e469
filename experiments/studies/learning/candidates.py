"""The candidates of the screening: one row each, and the one place to add one.

A row changes options of `protogov train` by the names that its command line has: `ppo.gamma`, `world.observe`, or any
other field. What is not named stays as `protogov train` has it. Add the row; it is screened, listed and may go on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from protogov.experiments.errors import BadInput

GRADIENT: Final = "gradient"
EVOLUTION: Final = "network"  # this one and the next are families of `studies.tuning`
LINEAR: Final = "linear"
STARTS = ("defaults", "constants", "linear")


@dataclass(frozen=True)
class Candidate:
    """A way to learn.

    Attributes:
        name: of the row; part of folders' names.
        about: what it tries, and why.
        algorithm: "gradient" is joint PPO; "network" an evolution strategy on 32 x 32 ReLU; "linear" CMA-ES on the
            linear rule.
        start: "defaults" starts fresh; "constants" and "linear" at the opponents' constants or linear rule that were
            tuned on the same market and size, as a residual; for the architecture mlp of 32 x 32.
        options: option of `protogov train` -> value.
        reference: it is listed and never goes on.
    """

    name: str
    about: str
    algorithm: Literal["gradient", "network", "linear"] = "gradient"
    start: Literal["defaults", "constants", "linear"] = "defaults"
    options: Mapping[str, Any] = field(default_factory=dict)
    reference: bool = False


_LASTING = {"ppo.gamma": 0.99, "ppo.exploration_correlation": 0.9, "ppo.log_std_init": -1.5}
CANDIDATES = (
    Candidate("linear", "CMA-ES on the linear rule: what a learner must beat", LINEAR, "constants", reference=True),
    Candidate("evolution", "antithetic pairs on a network: searches parameters, not actions", EVOLUTION, "constants"),
    Candidate("ppo", "independent PPO as it is trained by default"),
    Candidate("ppo-long", "longer discounting: levers take days", options={"ppo.gamma": 0.99}),
    Candidate("ppo-lasting", "noise that lasts from decision to decision", options=_LASTING),
    Candidate("ppo-gsde", "noise that depends on the state",
              options={"ppo.gamma": 0.99, "ppo.state_dependent_exploration": True, "ppo.log_std_init": -2.0,
                       "ppo.log_std_final": None}),
    Candidate("ppo-constants", "lasting noise, from the tuned constants on", start="constants", options=_LASTING),
    Candidate("ppo-residual", "lasting noise, around the linear rule", start="linear", options=_LASTING),
    Candidate("ppo-change", "lasting noise, an action is a change of the lever",
              options={**_LASTING, "ppo.action_form": "change"}),
    Candidate("mappo", "lasting noise, a critic that sees the global state",
              options={**_LASTING, "ppo.critic": "central"}),
    Candidate("recurrent", "a GRU over 24 observations", options={**_LASTING, "ppo.architecture": "recurrent"}),
    Candidate("attention", "attention over every node of the pool and every bucket of debt",
              options={**_LASTING, "ppo.architecture": "attention",
                       "world.observe": ("chain", "feeds", "surface", "accounts")}),
    Candidate("compact", "what fits a contract: 32 features, 32 x 32 ReLU",
              options={**_LASTING, "ppo.architecture": "compact"}),
    Candidate("regular", "weight decay and noise on observations",
              options={**_LASTING, "ppo.weight_decay": 1e-2, "ppo.observation_noise": 0.05}),
    Candidate("ensemble", "every episode in a world drawn from the ensemble",
              options={**_LASTING, "world.member": "ensemble"}),
)  # fmt: skip


def find_candidates(names: tuple[str, ...]) -> tuple[Candidate, ...]:
    """Rows by name, all by default, in the order of the table.

    Raises:
        BadInput: a name that is not in the table.
    """
    known = {one.name: one for one in CANDIDATES}
    for name in names:
        if name not in known:
            raise BadInput(f"candidates holds {name!r}; {', '.join(known)} are accepted")
    return tuple(one for one in CANDIDATES if not names or one.name in names)
