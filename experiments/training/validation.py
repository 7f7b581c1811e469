"""Validation of a training: gains of its policies over the defaults, on markets of the split `validation`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.envs.scenarios import Scenario, Split, get_scenario, scenario_names
from protogov.envs.scenarios.base import held_out_splits
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.fresh_tapes import FIRST_VALIDATING
from protogov.experiments.core.governors import STATIC, baseline
from protogov.experiments.core.statistics import Floats, student_t
from protogov.experiments.core.venues import all_venues
from protogov.experiments.errors import BadInput, as_bad_input

if TYPE_CHECKING:
    from protogov.agents.ppo.early_stopping import Validation

SPLIT: Split = "validation"


@dataclass(frozen=True, kw_only=True)
class ValidationOptions:
    """Validation while training. Its market hours are not counted.

    Attributes:
        every: rollouts from one validation to the next; 0 never validates. W over the defaults goes to validation.csv,
            and the best policies are kept: `protogov evaluate RUN --policies best`.
        patience: validations in a row without a better one that end the training; 0 never ends it.
        scenarios: of the split validation; by default all of them, alone.
        episodes: tapes of each scenario, the same ones every time and in every run; `protogov evaluate` plays others.

    Raises:
        ValueError: a field is outside what it may be; the message names the field.
    """

    every: int = 0
    patience: int = 0
    scenarios: tuple[str, ...] = ()
    episodes: int = 32

    def __post_init__(self) -> None:
        object.__setattr__(self, "scenarios", tuple(self.scenarios))
        for name, least in (("every", 0), ("patience", 0), ("episodes", 2)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"validation {name} is {getattr(self, name)}; a whole number of at least {least} is accepted"
                )
        if not self.every:
            for name in ("patience", "scenarios"):
                if getattr(self, name):
                    raise ValueError(f"validation {name} is given without --validation.every, which is 0")

    def chosen(self) -> tuple[Scenario, ...]:
        """The scenarios that are played.

        Raises:
            BadInput: one is unknown, sealed, or of another split.
        """
        found = []
        for name in self.scenarios or scenario_names(SPLIT):
            with as_bad_input():
                scenario = get_scenario(name)
            if set(held_out_splits(scenario).values()) != {SPLIT}:
                raise BadInput(
                    f"validation scenarios hold {name!r}, which is not of the split {SPLIT}; "
                    f"{', '.join(scenario_names(SPLIT))} are accepted"
                )
            found.append(scenario)
        return tuple(found)


@dataclass(frozen=True)
class Gains:
    """W over that of the defaults, on the same tapes [bp of K0 an episode; with two venues, of their K0 together].

    Attributes:
        by_scenario: scenario -> mean.
        by_tape: for each number of a tape the mean over scenarios, F64[episodes]: independent of one another, and
            without the differences between scenarios.
    """

    by_scenario: Mapping[str, float]
    by_tape: Floats


class ValidationTapes:
    """The tapes of a run's validation, with W of the defaults on them.

    Args:
        config: world of the evaluation, `evaluation_world`.
        options: which tapes.
        first: seed of the first tape.
    """

    def __init__(self, config: WorldConfig, options: ValidationOptions, first: int = FIRST_VALIDATING) -> None:
        self._config = config
        self._scenarios = options.chosen()
        self._seeds = np.uint64(first) + np.arange(options.episodes, dtype=np.uint64)

    def gains(self, governors: Mapping[str, Governor]) -> Gains:
        """Gains of one governor for each agent."""
        gained = {
            scenario.name: self._welfare(scenario, governors) - still
            for scenario, still in zip(self._scenarios, self._still, strict=True)
        }
        means = {name: float(gain.mean()) for name, gain in gained.items()}
        return Gains(means, np.mean(list(gained.values()), axis=0))

    @cached_property
    def _still(self) -> list[Floats]:
        """W of the defaults, F64[episodes] a scenario."""
        governors = baseline(STATIC, self._config).make(self._config)
        return [self._welfare(scenario, governors) for scenario in self._scenarios]

    def _welfare(self, scenario: Scenario, governors: Mapping[str, Governor]) -> Floats:
        table = evaluate(self._config, scenario, self._seeds, governors)
        return all_venues(table, [table[f"welfare/{v}"] for v in range(self._config.venues)])


def validation_of(config: WorldConfig, options: ValidationOptions) -> "Validation | None":
    """How a seed is validated: the mean gain over tapes with Student's interval; None if it is not.

    Args:
        config: world of the evaluation, `evaluation_world`.
        options: tapes, interval and patience.

    Raises:
        BadInput: see `ValidationOptions.chosen`.
    """
    if not options.every:
        return None
    from protogov.agents.ppo.early_stopping import Score, Validation  # brings torch along

    tapes = ValidationTapes(config, options)

    def score(governors: Mapping[str, Governor]) -> Score:
        gains = tapes.gains(governors)
        found = student_t(gains.by_tape)
        return Score(found.mean, found.low, found.high, {f"gain/{name}": x for name, x in gains.by_scenario.items()})

    return Validation(score, options.every, options.patience)
