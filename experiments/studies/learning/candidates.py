"""The candidates of the screening: one row each, and the one place to add one.

A row changes options of `protogov train`, by their names on its command line: `ppo.gamma`, `world.observe`, or any
other field. Options without a value keep the default of `protogov train`. A row that searches has `SEARCH_OPTIONS`
instead, `search.sigma` and others, beside those of `world`; without a value they are those of `protogov tune`. A new
row is screened and listed, and may be selected.

Two features of `protogov train` have no row. Early stopping decides on the split `validation`, which is also what
candidates are scored on: a run that was stopped there, or whose best policies were kept there, would be scored on the
markets that chose it, and no other candidate is. Such rows are refused. Shared parameters need two venues, and the
study has one.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from protogov.experiments.errors import BadInput

GRADIENT: Final = "gradient"
EVOLUTION: Final = "network"  # this one and the next are families of `studies.tuning`
LINEAR: Final = "linear"

Check = tuple[str, Callable[[Any], bool]]  # what is accepted, in words, and whether a value is


def _whole(least: int) -> Check:
    return f"a whole number of at least {least}", lambda value: type(value) is int and value >= least


_POSITIVE: Check = ("a finite number above 0", lambda value: type(value) in (int, float) and 0.0 < value < math.inf)
# algorithm -> option of its search: pairs of points and fresh tapes of a generation, distance of a pair or first step
# of CMA-ES, step of the strategy. Generations follow from the market hours
SEARCH_OPTIONS: Mapping[str, Mapping[str, Check]] = {
    EVOLUTION: {"pairs": _whole(2), "tapes": _whole(1), "sigma": _POSITIVE, "rate": _POSITIVE},
    LINEAR: {"tapes": _whole(1), "sigma": _POSITIVE},
}


@dataclass(frozen=True)
class Candidate:
    """A way to learn.

    Attributes:
        name: of the row; a part of the names of folders.
        about: what it tries, and why, for tables.
        algorithm: "gradient" is joint PPO; "network" an evolution strategy on 32 x 32 ReLU; "linear" CMA-ES on the
            linear rule.
        start: "defaults" starts with a new network, a search at the defaults of the levers; "constants" and "linear"
            start at the opponents' constants or linear rule, tuned on the same market and size; without one crisis
            there are constants alone (`leave_out`). Networks then learn what is added to it; for PPO both need the
            architecture mlp of 32 x 32.
        options: option of `protogov train` or of a search -> value.
        reference: the row is listed and never selected.
    """

    name: str
    about: str
    algorithm: Literal["gradient", "network", "linear"] = "gradient"
    start: Literal["defaults", "constants", "linear"] = "defaults"
    options: Mapping[str, Any] = field(default_factory=dict)
    reference: bool = False


_LASTING = {"ppo.gamma": 0.99, "ppo.exploration_correlation": 0.9, "ppo.log_std_init": -1.5}
_EPISODE = {"ppo.gamma": 0.99, "ppo.bootstrap": "none", "ppo.twin": "policies", "ppo.batch_size": 512}
_STATE = {
    "ppo.gamma": 0.99, "ppo.state_dependent_exploration": True, "ppo.log_std_init": -2.0, "ppo.log_std_final": None,
}  # fmt: skip
# as in `protogov study known_answers`: many small steps find what few large ones do not
_SMALL_STEPS = {"search.pairs": 8, "search.tapes": 2, "search.sigma": 0.02, "search.rate": 0.01}
CANDIDATES = (
    Candidate("linear", "CMA-ES on the linear rule: what a learner must beat", LINEAR, "constants", reference=True),
    Candidate("evolution", "antithetic pairs on a network: searches parameters, not actions", EVOLUTION, "constants"),
    Candidate("evolution-residual", "the same, around the linear rule", EVOLUTION, "linear"),
    Candidate("evolution-steps", "many small steps from the tuned constants on", EVOLUTION, "constants",
              options=_SMALL_STEPS),
    Candidate("evolution-residual-steps", "many small steps around the linear rule", EVOLUTION, "linear",
              options=_SMALL_STEPS),
    Candidate("ppo", "independent PPO as it is trained by default"),
    Candidate("ppo-long", "longer discounting: levers take days", options={"ppo.gamma": 0.99}),
    Candidate("ppo-lasting", "noise that lasts from decision to decision", options=_LASTING),
    Candidate("ppo-episode", "the episode alone counts, the twin plays the policies, small batches",
              options=_EPISODE),
    Candidate("ppo-clock", "the same, with a critic that sees how much of the episode is left",
              options={**_EPISODE, "ppo.critic_sees_time": True}),
    Candidate("ppo-episode-constants", "the same, from the tuned constants on", start="constants",
              options={**_EPISODE, "ppo.log_std_init": -1.5}),
    Candidate("ppo-gsde", "noise that depends on the state", options=_STATE),
    Candidate("ppo-constants", "lasting noise, from the tuned constants on", start="constants", options=_LASTING),
    Candidate("ppo-constants-twin", "the same, and the twin plays the policies", start="constants",
              options={**_LASTING, "ppo.twin": "policies"}),
    Candidate("ppo-gsde-constants", "noise that depends on the state, from the tuned constants on", start="constants",
              options=_STATE),
    Candidate("ppo-residual", "lasting noise, around the linear rule", start="linear", options=_LASTING),
    Candidate("ppo-change", "lasting noise, an action is a change of the lever",
              options={**_LASTING, "ppo.action_form": "change"}),
    Candidate("ppo-change-twin", "the same, and the twin plays the policies",
              options={**_LASTING, "ppo.action_form": "change", "ppo.twin": "policies"}),
    Candidate("mappo", "lasting noise, a critic that sees the global state",
              options={**_LASTING, "ppo.critic": "central"}),
    Candidate("recurrent", "a GRU over 24 observations", options={**_LASTING, "ppo.architecture": "recurrent"}),
    Candidate("attention", "attention over every node of the pool and every bucket of debt",
              options={**_LASTING, "ppo.architecture": "attention",
                       "world.observe": ("chain", "feeds", "surface", "accounts")}),
    Candidate("compact", "what fits a contract: 32 features, 32 x 32 ReLU",
              options={**_LASTING, "ppo.architecture": "compact"}),
    Candidate("ppo-few-inputs", "lasting noise, six inputs instead of 98: those of the linear rule",
              options={**_LASTING, "ppo.architecture": "few"}),
    Candidate("regular", "weight decay and noise on observations",
              options={**_LASTING, "ppo.weight_decay": 1e-2, "ppo.observation_noise": 0.05}),
    Candidate("ensemble", "every episode in a world drawn from the ensemble",
              options={**_LASTING, "world.member": "ensemble"}),
    Candidate("ppo-parameters", "noise of the last layer, one draw per episode, beside noise of actions",
              options={"ppo.gamma": 0.99, "ppo.log_std_init": -1.5, "ppo.parameter_noise": 0.2}),
    Candidate("cautious", "a bad surprise counts twice as much as a good one",
              options={**_LASTING, "ppo.risk_aversion": 1 / 3}),
    # no stage on `natural`: it holds the crises that a training without one crisis must not see
    Candidate("curriculum", "from calm markets to jumps, then to the market of the training",
              options={**_LASTING, "curriculum": ("calm=.2", "jump=.2")}),
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
