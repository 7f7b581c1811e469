"""What a phenomenon is: a claim about a world, how it is measured on one episode, and the switch that removes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario, check_trainable
from protogov.experiments.core.statistics import Floats, Interval, interval_of
from protogov.experiments.core.tables import Table
from protogov.experiments.core.text import number

Seeds = NDArray[np.uint64]
Sample = dict[str, Floats]  # measure -> float64 [n]; trace -> float64 [n, k], a value per hour, generation, ...
ACTIVE, SWITCHED = "active", "switched"  # the two worlds of every phenomenon


@dataclass(frozen=True, kw_only=True)
class Change:
    """A named change of a world: other physical parameters, other fields of its configuration, or both.

    Attributes:
        words: its meaning, for tables and legends, such as "infinite depth".
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

    def settings(self) -> dict[str, Any]:
        """Everything that changes: name -> value."""
        return {**self.parameters, **self.world}


@dataclass(frozen=True)
class Doses:
    """Worlds that differ in one parameter.

    Attributes:
        parameter: its name.
        values: of it, in order.
        ticks: their labels on an axis.
        main: the value of the world with the mechanism.
        off: the value of the world with the switch, if there is one.
    """

    parameter: str
    values: Sequence[float]
    ticks: Sequence[str]
    main: float
    off: float | None = None

    def world(self, value: float) -> str:
        """Name of a world."""
        return {self.off: SWITCHED, self.main: ACTIVE}.get(value, f"{self.parameter} = {value:g}")

    @property
    def worlds(self) -> dict[str, str]:
        """World -> tick."""
        return {self.world(value): tick for value, tick in zip(self.values, self.ticks, strict=True)}

    @property
    def changes(self) -> "tuple[Change, ...]":
        """The worlds other than the two of every phenomenon."""
        return tuple(
            Change(words=self.world(value), parameters={self.parameter: value})
            for value in self.values
            if value not in (self.main, self.off)
        )


@dataclass(frozen=True)
class Measure:
    """A quantity with one value per episode.

    Attributes:
        name: of the column that the phenomenon's `play` returns.
        label: its meaning, for tables and axes, without the unit.
        unit: of its values.
    """

    name: str
    label: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Phenomenon:
    """A claim that a run can refute; the rule of the verdict is that of `study.verdict_of`.

    Attributes:
        name: short, lower case, a valid file name.
        title: what practitioners call it.
        claim: one sentence: cause, chain, effect.
        evidence: where it was seen, with a source.
        scenario: the outside market; never of the splits validation and test.
        config: of the world that has the mechanism.
        switch: the change that removes the mechanism and nothing else.
        measures: first the quantity that must appear with the mechanism and vanish with the switch; its effect is
            positive. Then further quantities of the table; they do not decide the verdict.
        smallest: the smallest paired effect that counts, in the first measure's unit; above 0.
        band: what counts as vanished, in the same unit; 0 demands exactly zero in every episode.
        play: (config, scenario, seeds U64 [n]) -> measured quantities, one row per seed.
        headline: sentence above the figure.
        panels: of the figure, from left to right.
        both: names of the worlds with the mechanism and with the switch, for legends and ticks.
        shown: further worlds that only the figure needs.
        dosed: names of the measures that the figure needs of them.
        curves: words of the further worlds that are drawn over time -> line style.
        note: what a reader of the table must know about the world or the measure.
    """

    name: str
    title: str
    claim: str
    evidence: str
    scenario: Scenario
    config: WorldConfig
    switch: Change
    measures: tuple[Measure, ...]
    smallest: float
    play: Callable[[WorldConfig, Scenario, Seeds], Sample]
    headline: "Callable[[Seen], str]"
    panels: "tuple[Callable[[Axes, Seen], None], ...]"
    both: tuple[str, str]
    band: float = 0.0
    shown: tuple[Change, ...] = ()
    dosed: tuple[str, ...] = ()
    curves: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse a claim that no run could test.

        Raises:
            ValueError: the scenario is held out, limits contradict each other, or the switch does nothing.
            ConfigError: no world accepts the switch.
        """
        check_trainable(self.scenario)
        if not self.smallest > 0.0 or not 0.0 <= self.band < self.smallest:
            raise ValueError(
                f"{self.name}: smallest = {self.smallest} must be positive and band = {self.band} within [0, smallest)."
            )
        if self.worlds()[SWITCHED] == self.config:
            raise ValueError(f"{self.name}: the switch {self.switch.words!r} changes nothing.")

    def worlds(self) -> dict[str, WorldConfig]:
        """All played worlds: with the mechanism, with the switch, and those of the figure by their words."""
        shown = {change.words: change.apply(self.config) for change in self.shown}
        return {ACTIVE: self.config, SWITCHED: self.switch.apply(self.config), **shown}


@dataclass(frozen=True)
class Seen:
    """Results of one phenomenon, for its figure.

    Attributes:
        one: the phenomenon.
        seeds: episodes in each world.
        worlds: one row per world and measure: means, paired effects and quantiles.
        traces: one row per trace and place: means with intervals, three columns per world.
    """

    one: Phenomenon
    seeds: int
    worlds: Table
    traces: Table

    def row(self, measure: str, world: str) -> int:
        """Row of `worlds`."""
        return int(np.flatnonzero((self.worlds["measure"] == measure) & (self.worlds["world"] == world))[0])

    def interval(self, measure: str, world: str = ACTIVE, of: str = "mean") -> Interval:
        """Mean in that world, or with `of="effect"` its paired difference to the world with the switch."""
        return interval_of(self.worlds, self.row(measure, world), of)

    def mean(self, measure: str, world: str = ACTIVE) -> float:
        """Mean in that world."""
        return self.interval(measure, world).mean

    def times(self, measure: str, world: str) -> float:
        """The mean divided by the mean in that world; infinite if the latter is zero."""
        base = self.mean(measure, world)
        return self.mean(measure) / base if base else float("inf")

    def spread_of(self, about: Measure) -> str:
        """The spread of episodes of a measure in the world with the mechanism, in words."""
        row = self.row(about.name, ACTIVE)
        p5, p25, p50, p75, p95 = (number(self.worlds[name][row]) for name in ("p5", "p25", "p50", "p75", "p95"))
        return f"median {p50} {about.unit}, half of them {p25} to {p75}, 90% {p5} to {p95}"

    def curve(self, trace: str, world: str) -> tuple[Floats, Floats, Floats, Floats]:
        """Places of a trace, mean, and the ends of its interval, float64 [k] each."""
        own = self.traces["trace"] == trace
        mean, low, high = (self.traces[f"{world}{end}"][own] for end in ("", "_low", "_high"))
        return self.traces["place"][own].astype(float), mean, low, high
