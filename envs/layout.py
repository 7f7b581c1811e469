"""Indices of each agent in the arrays of a batch: observation columns, levers, terms, weights of its reward."""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.mandates import WELFARE_DAILY_SD, score_weights
from protogov.envs.roles import Agent, Role, scored_mandate
from protogov.envs.world.features import FEATURES, ORACLE_FEATURES, VENUE_FEATURES, WORLD_FEATURES, Feature
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.envs.world.levers import opening_levers
from protogov.envs.world.state import world_dtypes
from protogov.envs.world.welfare import TERM_NAMES


class Layout:
    """Index arrays of every agent of one configuration; computed once, never changed."""

    def __init__(self, config: WorldConfig, places: dict[str, Agent]) -> None:
        self.config = config
        self.places = places
        self._names: dict[str, tuple[str, ...]] = {}

    @cached_property
    def columns(self) -> dict[str, NDArray[np.int64]]:
        """Columns of an observation row that each agent sees: world, own venue, rivals' levers one decision ago."""
        columns = {}
        for name, place in self.places.items():
            picked = [_column(place.venue, feature.name) for feature in self.features(name)]
            picked += [_column(rival, "lever_lagged") for rival in range(self.config.venues) if rival != place.venue]
            columns[name] = np.concatenate(picked)
        return columns

    def features(self, agent: str) -> tuple[Feature, ...]:
        """Features of the world and of its own venue that an agent sees: those of its role that the world shows."""
        return tuple(feature for feature in self.places[agent].role.feature_rows() if self.config.shows(feature))

    @cached_property
    def state_columns(self) -> NDArray[np.int64]:
        """Columns of an observation row that the global state holds: all that is computed, latent features too."""
        world = [_column(0, feature.name) for feature in WORLD_FEATURES]
        return np.concatenate([*world, *(_column(v, feature.name) for v, feature in self._venue_state())])

    @cached_property
    def state_names(self) -> tuple[str, ...]:
        """Name of every entry of the global state, in the order of `state_columns`."""
        names = [name for feature in WORLD_FEATURES for name in feature.entries()]
        names += [f"venue_{v}.{name}" for v, feature in self._venue_state() for name in feature.entries()]
        return tuple(names)

    def _venue_state(self) -> list[tuple[int, Feature]]:
        """(venue, feature) of the global state beyond the world's own, which are as venue 0 sees them.

        Where the second venue reads another oracle, the state also has what that shows.
        """
        found: list[tuple[int, Feature]] = []
        for venue in range(self.config.venues):
            if venue > 0 and self.config.unlike_oracles:
                found += [(venue, feature) for feature in WORLD_FEATURES if feature.name in ORACLE_FEATURES]
            found += [(venue, feature) for feature in VENUE_FEATURES if self.config.computes(feature)]
        return found

    @cached_property
    def lever_columns(self) -> dict[str, NDArray[np.int64]]:
        """Rows of the lever table that each agent moves."""
        return {name: np.array([LEVER_INDEX[x] for x in role.levers]) for name, role in self._roles()}

    @cached_property
    def reward_weights(self) -> dict[str, NDArray[np.float64]]:
        """Weight of each of the world's terms in an agent's reward: the blend of its mandate and welfare."""
        c = self.config.cooperation
        weights = {}
        for name, role in self._roles():
            row = np.zeros(len(TERM_NAMES))
            for term in role.terms:
                row[TERM_NAMES.index(term.source)] += (1.0 - c) * term.weight / role.daily_sd
            row[TERM_NAMES.index("welfare")] += c / WELFARE_DAILY_SD
            weights[name] = row
        return weights

    @cached_property
    def term_columns(self) -> dict[str, NDArray[np.int64]]:
        """Terms of the world that make up each agent's mandate."""
        return {name: np.array([TERM_NAMES.index(t.source) for t in role.terms]) for name, role in self._roles()}

    def observation_names(self, agent: str) -> tuple[str, ...]:
        """Names of its numbers: `feature`, `feature[lever]` or `feature[index]`; rivals' start with `rival_`."""
        if agent not in self._names:
            names = [name for feature in self.features(agent) for name in feature.entries()]
            for _ in range(self.config.venues - 1):
                names += [f"rival_{name}" for name in FEATURES["lever_lagged"].entries()]
            self._names[agent] = tuple(names)
        return self._names[agent]

    def blank_world(self) -> np.ndarray:
        """The empty record at the start of an episode: clock, counts and the limits of every lever."""
        row = np.zeros(1, world_dtypes[self.config.venues])
        row["num_venues"] = self.config.venues
        row["length"] = self.config.episode_hours
        row["decision_hours"] = self.config.decision_hours
        row["lever_noise"] = self.config.randomise_levers
        row["shows_surface"] = "surface" in self.config.observe
        row["shows_accounts"] = "accounts" in self.config.observe
        for name, weight in score_weights(scored_mandate(self.config.roles)).items():
            row["venues"]["score_weights"][name] = weight
        row["venues"]["levers"][:] = opening_levers(float(self.config.autonomy), self.config.defaults)
        return row

    def _roles(self) -> list[tuple[str, Role]]:
        return [(name, place.role) for name, place in self.places.items()]


def _feature_columns(features: Iterable[Feature]) -> tuple[dict[str, NDArray[np.int64]], int]:
    """Columns of each feature in a block of these, and the block's width."""
    columns, start = {}, 0
    for feature in features:
        columns[feature.name] = np.arange(start, start + feature.size)
        start += feature.size
    return columns, start


_COLUMNS, _BLOCK = _feature_columns((*WORLD_FEATURES, *VENUE_FEATURES))


def _column(venue: int, feature: str) -> NDArray[np.int64]:
    """Columns of a feature in the block that an observation row has for a venue: the world, then the venue."""
    return venue * _BLOCK + _COLUMNS[feature]
