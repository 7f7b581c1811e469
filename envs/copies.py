"""Copies of a batch of worlds: forks in memory, snapshots as bytes, the same worlds on another scenario."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.background import Background
from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor, SnapshotError
from protogov.envs.interventions import Interventions
from protogov.envs.layout import Layout
from protogov.envs.margin_engine import MarginEngine
from protogov.envs.pricer import Pricer
from protogov.envs.pricer_sources import packed_memories, with_memories
from protogov.envs.scenarios import Scenario
from protogov.envs.snapshots import fill, read_snapshot, write_snapshot

if TYPE_CHECKING:
    from protogov.envs.interfaces import Step
    from protogov.envs.simulator import Simulator

SNAPSHOT_VERSION = 10


# arrays with one row per world that make up the state of a batch
_STATE = (
    "worlds", "tape", "params", "lever_defaults", "base_seeds", "episodes",
    "_world_features", "_venue_features", "_obs", "_controls", "_terms", "_records",
)  # fmt: skip


class Copies:
    """The part of a `protogov.envs.simulator.Simulator` that copies it."""

    config: WorldConfig
    num_worlds: int
    scenario: Scenario
    episodes: NDArray[np.int64]
    base_seeds: NDArray[np.uint64]
    lever_defaults: NDArray[np.float64]
    params: np.recarray
    pricers: dict[int, Pricer]
    margin_engines: dict[int, MarginEngine]
    _own: tuple[str, ...]
    _background: Background
    _interventions: NDArray[np.void]
    _layout: Layout
    _last_step: "Step | None"

    if TYPE_CHECKING:  # what the simulator has

        def _like(
            self, config: WorldConfig, num_worlds: int, scenario: str | Path | Scenario, seed: int = 0
        ) -> "Simulator":
            """A fresh batch of other settings with this one's threads and people in Python."""

        @property
        def background(self) -> Mapping[str, Governor]:
            """The governors in the background, by seat."""

        @property
        def intervened(self) -> bool:
            """Whether anything is done to some row."""

        def intervene(self, interventions: Interventions | None) -> None:
            """Let these be done to the worlds, and nothing else."""

    def fork(self, rows: ArrayLike) -> "Simulator":
        """Copies of `rows` (which may repeat) as a new simulator, with the same tape and keyed noise.

        Governors in the background are copied with their memory of these rows, and interventions with theirs.

        Raises:
            ValueError: no rows, an unknown row, or a background governor whose memory does not have one row per world.
        """
        picked = np.asarray(rows)
        if picked.ndim != 1 or picked.size == 0 or picked.dtype.kind not in "iu":
            raise ValueError(f"rows = {rows!r} must be a non-empty list of row numbers.")
        if picked.min() < 0 or picked.max() >= self.num_worlds:
            raise ValueError(f"rows = {rows!r} must lie between 0 and {self.num_worlds - 1}.")
        config = self.config
        if self.background:  # as objects: a file may have changed since then
            config = replace(config, background={**config.background, **self.background})
        copy = self._like(config, picked.size, self.scenario)
        copy.config, copy._layout = self.config, self._layout  # its columns are not found anew in every fork
        for name in _STATE:
            getattr(copy, name)[:] = getattr(self, name)[picked]
        copy._own = self._own
        copy.pricers = {venue: pricer.fork(picked) for venue, pricer in self.pricers.items()}
        copy.margin_engines = {venue: engine.fork(picked) for venue, engine in self.margin_engines.items()}
        if self.intervened:
            copy._lay(self._interventions[picked])
        copy._background.take_over(self._background, None if (self.episodes < 0).any() else picked)
        return copy

    def snapshot(self) -> bytes:
        """Everything that :meth:`restore` needs to continue bit for bit: records, tapes, parameters, memories.

        Raises:
            SnapshotError: interventions are laid beside the worlds, a pricer has no `state_dict`, or margin engines
                govern; a snapshot has no place for them.
            TypeError: the memory of a background governor or a pricer cannot be stored without pickling.
        """
        if self.intervened:
            raise SnapshotError("a snapshot has no place for interventions; take them off with intervene(None) first.")
        if self.margin_engines:
            raise SnapshotError(
                "a snapshot has no place for the memory of margin engines; use fork to copy worlds with them."
            )
        about: dict[str, Any] = {
            "version": SNAPSHOT_VERSION,
            "config": self._state_config(),
            "scenario": self.scenario.name,
            "own": self._own,
        }
        memories: list[NDArray[Any]] = []
        if self.background:
            about["background"] = self._background.packed(memories)
        if self.pricers:
            try:
                about["pricers"] = packed_memories(self.pricers, memories)
            except ValueError as error:
                raise SnapshotError(str(error)) from None
        return write_snapshot(about, self._state(), memories)

    def restore(self, data: bytes) -> None:
        """Take over a snapshot of a simulator with the same configuration, scenario and number of worlds.

        Interventions are taken off.

        Raises:
            SnapshotError: truncated or foreign bytes, another configuration, or a background policy or a pricer whose
                file has changed. Nothing has changed.
        """
        about, loaded, memories = read_snapshot(data, _STATE)
        if about.get("version") != SNAPSHOT_VERSION:
            raise SnapshotError(f"snapshot version {about.get('version')!r}, this protogov reads {SNAPSHOT_VERSION}.")
        if about["config"] != json.loads(json.dumps(self._state_config())) or about["scenario"] != self.scenario.name:
            raise SnapshotError("the snapshot is of another configuration or scenario; restore it into an equal one.")
        background = about.get("background", {"states": {}, "digests": {}})
        changed = self._background.changed(background)
        if changed:
            raise SnapshotError(f"the background governor of {changed} differs from that in the snapshot.")
        try:
            pricers = with_memories(self.pricers, about.get("pricers", {}), memories, self.num_worlds)
        except ValueError as error:
            raise SnapshotError(f"the snapshot is of other pricers: {error}") from None
        fill(self._state(), loaded)
        self.pricers = pricers
        self._own, self._last_step = tuple(about["own"]), None
        self.intervene(None)
        self._background.load(background, memories)

    def _state(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self, name) for name in _STATE}

    def _state_config(self) -> dict[str, Any]:
        """The configuration without a user's reward, which is not part of the state and may have no name."""
        return replace(self.config, reward_fn=None).to_dict()

    def with_scenario(self, scenario: str | Path | Scenario, *, seed: int | None = None) -> "Simulator":
        """A fresh simulator like this one, on another scenario."""
        start, rows = int(self.base_seeds[0]) if seed is None else seed, np.arange(self.num_worlds)
        fresh = self._like(replace(self.config), self.num_worlds, scenario, start)
        fresh.pricers = {venue: pricer.fork(rows) for venue, pricer in self.pricers.items()}
        fresh.margin_engines = {venue: engine.fork(rows) for venue, engine in self.margin_engines.items()}
        fresh.lever_defaults[:], fresh.params[:], fresh._own = self.lever_defaults, self.params, self._own
        return fresh
