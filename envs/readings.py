"""Readings of a batch of worlds: sizes and names, observations, terms, records, features."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import RoleView
from protogov.envs.layout import Layout
from protogov.envs.roles import Agent, Role
from protogov.envs.world.features import FEATURES, VENUE_DTYPE, WORLD_DTYPE
from protogov.envs.world.records import CONTROLS, RECORD
from protogov.envs.world.state import EVENT
from protogov.envs.world.welfare import TERM_NAMES, TERMS

_WELFARE = TERM_NAMES.index("welfare")


class Readings:
    """The part of a `protogov.envs.simulator.Simulator` that changes nothing; returned arrays are fresh."""

    config: WorldConfig
    num_worlds: int
    agents: tuple[str, ...]
    places: dict[str, Agent]
    roles: dict[str, Role]
    _layout: Layout
    _kernels: Any
    _arguments: tuple[Any, ...]
    _obs: NDArray[np.float32]
    _world_features: np.recarray
    _venue_features: np.recarray
    _terms: np.recarray
    _terms_flat: NDArray[np.float64]
    _records: np.recarray
    _controls: np.recarray
    _levers: Mapping[str, NDArray[Any]]
    _hour: NDArray[np.int64]
    _length: NDArray[np.int64]
    _step_events: NDArray[np.int64]

    @property
    def state_size(self) -> int:
        """Length of a row of :meth:`state`."""
        return int(self._layout.state_columns.size)

    def observation_size(self, agent: str) -> int:
        """Length of `agent`'s observation."""
        return int(self._layout.columns[agent].size)

    def observation_names(self, agent: str) -> tuple[str, ...]:
        """Names of its numbers: `feature`, `feature[lever]` or `feature[index]`; rivals' start with `rival_`."""
        return self._layout.observation_names(agent)

    def action_size(self, agent: str) -> int:
        """Number of `agent`'s levers."""
        return len(self.roles[agent].levers)

    def truncated(self) -> NDArray[np.bool_]:
        """Bool [n]: rows whose episode is over."""
        return np.asarray(self._hour >= self._length)

    def time_left(self) -> NDArray[np.float32]:
        """Hours left in each row's episode by those of a whole episode, float32 [n]: 1 at its opening, 0 at its end.

        With `stagger` a first episode is shorter: it opens with less than 1.
        """
        return np.asarray((self._length - self._hour) / self.config.episode_hours, np.float32)

    def terms(self, agent: str) -> NDArray[np.float64]:
        """Unweighted terms of `agent`'s mandate in the last decision, float64 [n, k], in `role.terms` order."""
        return self._terms_flat[:, self.places[agent].venue].take(self._layout.term_columns[agent], axis=1)

    def world_terms(self, venue: int = 0) -> dict[str, NDArray[np.float64]]:
        """Every possible term of mandates in the last decision, by name: float64 [n], bp of K0 or a count."""
        return {name: self._terms_flat[:, venue, column].copy() for column, name in enumerate(TERM_NAMES)}

    def welfare(self, venue: int) -> NDArray[np.float64]:
        """Welfare W of one venue in the last decision, float64 [n], bp of K0."""
        return self._terms_flat[:, venue, _WELFARE].copy()

    def events(self) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        """(EVENT [n, m], int64 [n]): the last decision's events and the number of valid ones per row; zeros follow."""
        counts = self._step_events.copy()
        events = np.zeros((self.num_worlds, max(int(counts.max()), 1)), EVENT)
        self._kernels.copy_events(self._arguments[-3], counts, events)
        return events, counts

    def records(self) -> NDArray[np.void]:
        """The record of the last decision, RECORD [n, venues]: loop gains, cascades, losses."""
        return self._records.view(RECORD, np.ndarray).copy()

    def controls(self) -> NDArray[np.void]:
        """Every lever of every venue after the last decision, CONTROLS [n, venues]: proposed, executed, reason."""
        return self._controls.view(CONTROLS, np.ndarray).copy()

    def all_terms(self) -> NDArray[np.void]:
        """Every term of the world in the last decision, TERMS [n, venues] [bp of K0, except counts]."""
        return self._terms.view(TERMS, np.ndarray).copy()

    def executed(self, agent: str) -> NDArray[np.float64]:
        """`agent`'s levers in force, float64 [n, levers], in their units."""
        return self._lever_field(agent, "executed")

    def _lever_field(self, agent: str, field: str) -> NDArray[Any]:
        return self._levers[field][:, self.places[agent].venue].take(self._layout.lever_columns[agent], axis=1)

    def observe(self) -> dict[str, NDArray[np.float32]]:
        """Every agent's current observation, float32 [n, d]; use :meth:`view` for a background governor."""
        return {name: self._obs.take(self._layout.columns[name], axis=1) for name in self.agents}

    def state(self) -> NDArray[np.float32]:
        """Global state, float32 [n, g]: every feature of the world and of every venue once, normalised.

        It always includes latent features, and `surface` and `accounts` if they are observed.
        """
        return self._obs.take(self._layout.state_columns, axis=1)

    def state_names(self) -> tuple[str, ...]:
        """Name of every entry of a row of :meth:`state`; those of a venue start with `venue_<number>.`."""
        return self._layout.state_names

    def feature(self, agent: str, name: str) -> NDArray[np.float64]:
        """Feature `name` of `agent`'s venue in its physical unit; see :meth:`venue_feature`."""
        return self.venue_feature(self.places[agent].venue, name)

    def venue_feature(self, venue: int, name: str) -> NDArray[np.float64]:
        """Feature `name` of a venue, or of the world as seen there, in its physical unit, float64 [n] or [n, *shape].

        For observers; governors use their `RoleView`.

        Raises:
            KeyError: no such feature, or this world does not compute its group.
        """
        if name in FEATURES and not self.config.computes(FEATURES[name]):
            group = FEATURES[name].group
            raise KeyError(
                f"feature {name!r} is of the group {group!r}, which observe = {self.config.observe} leaves out."
            )
        if name in WORLD_DTYPE.names:  # type: ignore[operator]
            return np.array(self._world_features[name][:, venue])
        if name in VENUE_DTYPE.names:  # type: ignore[operator]
            return np.array(self._venue_features[name][:, venue])
        known = (*WORLD_DTYPE.names, *VENUE_DTYPE.names)  # type: ignore[misc]
        raise KeyError(f"no feature {name!r}, known features are {', '.join(known)}.")

    def lever_values(self, venue: int) -> NDArray[np.float64]:
        """Executed levers of one venue, float64 [n, levers], in the order and units of the table."""
        return np.array(self._levers["executed"][:, venue])

    def view(self, agent: str) -> RoleView:
        """The present view of `agent`, which may be in the background."""
        return RoleView(agent, self, self._obs.take(self._layout.columns[agent], axis=1))
