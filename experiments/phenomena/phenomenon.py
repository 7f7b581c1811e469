"""What a phenomenon is: a claim about a world, how it is measured on one episode, and the switch that removes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario
from protogov.envs.scenarios.base import HELD_OUT

Floats = NDArray[np.float64]
Seeds = NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A named change of a world: other physical parameters, other fields of its configuration, or both.

    Attributes:
        words: what it means, for tables and legends, say "infinite depth".
        parameters: name -> value of `protogov.envs.world.parameters.Parameters`.
        world: field -> value of `WorldConfig`.
    """

    words: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    world: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, config: WorldConfig) -> WorldConfig:
        """`config` with the change made.

        Raises:
            ConfigError: an unknown parameter or a value out of range.
        """
        return replace(config.with_parameters(**self.parameters), **self.world)

    def settings(self) -> str:
        """`name = value` of everything that changes, for the table."""
        return ", ".join(f"{name} = {value:g}" for name, value in self.parameters.items()) + ", ".join(
            f"{name} = {value!r}" for name, value in self.world.items()
        )


@dataclass(frozen=True)
class Measure:
    """A quantity with one value an episode.

    Attributes:
        name: of the column that the phenomenon's `play` returns.
        label: what it is, for tables and axes, without the unit.
        unit: of its values.
    """

    name: str
    label: str
    unit: str


@dataclass(frozen=True)
class Sample:
    """What was measured in one world over n seeds.

    Attributes:
        columns: measure -> float64 [n].
        traces: name -> float64 [n, k], for figures: a value an hour, a generation, ...
    """

    columns: dict[str, Floats]
    traces: dict[str, Floats] = field(default_factory=dict)

    @classmethod
    def joined(cls, parts: "list[Sample]") -> "Sample":
        """Samples of the same world over further seeds, one below the other."""
        return cls(
            {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
            {name: np.concatenate([part.traces[name] for part in parts]) for name in parts[0].traces},
        )


@dataclass(frozen=True, kw_only=True)
class Phenomenon:
    """A claim that a run can refute. See `protogov.experiments.phenomena.runner` for the rule of the verdict.

    Attributes:
        name: short, lower case, a valid file name.
        title: what practitioners call it.
        claim: one sentence: cause, chain, effect.
        evidence: where it was seen, with a source.
        scenario: what the outside market does; never of the splits validation and test.
        config: of the world that has the mechanism.
        switch: the change that removes the mechanism and nothing else.
        measure: the quantity that must appear with the mechanism and vanish with the switch; its effect is positive.
        also: further quantities of the table; no verdict hangs on them.
        smallest: the smallest paired effect that counts, in the measure's unit; above 0.
        band: what counts as vanished, in the measure's unit; 0 demands exactly zero in every episode.
        play: (config, scenario, seeds U64 [n]) -> what was measured, a row a seed; see `worlds.episodes`.
        draw: the figure of a finding; its title says what was found.
        shown: further worlds that the figure alone needs, name -> change of `config`.
        note: anything that a reader of the table must know about the world or the measure.
    """

    name: str
    title: str
    claim: str
    evidence: str
    scenario: Scenario
    config: WorldConfig
    switch: Change
    measure: Measure
    smallest: float
    play: Callable[[WorldConfig, Scenario, Seeds], Sample]
    draw: Callable[[Any], Figure]
    band: float = 0.0
    also: tuple[Measure, ...] = ()
    shown: Mapping[str, Change] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse a claim that no run could test.

        Raises:
            ValueError: a scenario that is held out, limits that contradict each other, a switch that does nothing.
            ConfigError: a switch that no world can have.
        """
        if self.scenario.split in HELD_OUT:
            raise ValueError(f"{self.name}: scenario {self.scenario.name!r} is held out; use one of train or free.")
        if not self.smallest > 0.0 or not 0.0 <= self.band < self.smallest:
            raise ValueError(
                f"{self.name}: smallest = {self.smallest} must be positive and band = {self.band} within [0, smallest)."
            )
        if self.switch.apply(self.config) == self.config:
            raise ValueError(f"{self.name}: the switch {self.switch.words!r} changes nothing.")
        for change in self.shown.values():
            change.apply(self.config)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The one that the verdict hangs on, then the others."""
        return (self.measure, *self.also)
