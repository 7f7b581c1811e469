"""Many worlds at once: reset, step, fork, snapshot, restore. Every adapter is a thin layer over this class."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.actions import checked_action
from protogov.envs.background import Background
from protogov.envs.compilation import compile_kernels
from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.copies import Copies
from protogov.envs.ensemble import EVERY_MEMBER, members_drawn, shipped_ensemble
from protogov.envs.hour_by_hour import BeforeHour, run_hour_by_hour
from protogov.envs.interfaces import ActionError, Governor, Step
from protogov.envs.interventions import Interventions
from protogov.envs.layout import Layout
from protogov.envs.margin_engine import MarginEngine, call_engines
from protogov.envs.population_hook import PopulationHook, call_hook
from protogov.envs.pricer import Pricer, write_anchors
from protogov.envs.pricer_sources import make_pricers, read_pricers
from protogov.envs.readings import Readings
from protogov.envs.rewards import checked_reward
from protogov.envs.roles import Agent, Role
from protogov.envs.rows import own_levers, own_parameters, venue_rows
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.envs.seeds import row_seeds
from protogov.envs.threads import RowThreads, slices
from protogov.envs.world.features import VENUE_DTYPE, WORLD_DTYPE
from protogov.envs.world.kernels import WHOLE, kernels
from protogov.envs.world.lever_table import NUM_LEVERS
from protogov.envs.world.noise import Purpose, key, uniform
from protogov.envs.world.parameters import PARAMS
from protogov.envs.world.records import CONTROLS, RECORD
from protogov.envs.world.state import EVENT, EVENT_LOG, INTERVENTIONS, MAX_EVENTS_PER_HOUR, TAPE, world_dtypes
from protogov.envs.world.welfare import TERM_NAMES, TERMS, WELFARE_PARTS

_COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]


def _argument(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The array as a kernel takes it."""
    return array.view(dtype, np.ndarray) if _COMPILED else array.view(np.recarray)


class Simulator(Copies, Readings):
    """A batch of worlds of one configuration, stepped together by compiled code.

    World i starts from seed `seed + i`. The key of each episode mixes this seed with the episode's number: the same
    (scenario, seed) gives the same episode in any batch and on any number of threads.

    `agents` are the learning governors: each acts in every decision. `places` and `roles` also include those of
    `config.background`, which act by themselves on their view before the decision and are copied with their rows.

    Example:
        >>> world = Simulator(num_worlds=4, scenario="flat")
        >>> obs = world.reset()
        >>> step = world.step({agent: np.zeros((4, world.action_size(agent))) for agent in world.agents})
        >>> step.rewards["rate_0"].shape
        (4,)
    """

    def __init__(
        self,
        config: WorldConfig | None = None,
        num_worlds: int = 1,
        *,
        scenario: str | Path | Scenario = "jump",
        seed: int = 0,
        num_threads: int = 1,
        lever_defaults: Mapping[str, ArrayLike] | None = None,
        parameters: Mapping[str, ArrayLike] | None = None,
        population_hook: PopulationHook | None = None,
        pricers: Mapping[int, Pricer | str] | None = None,
        margin_engines: Mapping[int, MarginEngine] | None = None,
    ) -> None:
        """Allocate the worlds; call :meth:`reset` before the first step.

        Args:
            config: of every row, unless `lever_defaults` and `parameters` change it.
            num_worlds: rows.
            scenario: the outside market.
            seed: of row 0; row i starts from `seed + i`.
            num_threads: threads that share the rows.
            lever_defaults: lever name -> float [n] in the lever's unit and range: an own default for each row, at every
                venue. This makes a grid of protocols one batch.
            parameters: parameter name -> float [n] in the parameter's unit and range: own physics for each row, at
                every venue; it replaces the values of the configuration's member.
            population_hook: people in plain Python, called before every hour with the rows at that hour; slow, for
                prototypes; see `protogov.envs.population_hook`. Forks keep it, snapshots do not contain it.
            pricers: number of a venue -> what writes the anchors of its option pool before every decision, in place of
                `config.pricers`; objects are taken as they are, not copied. See `protogov.envs.pricer`. Forks copy
                them with their memory; a snapshot holds it if they have a `state_dict`.
            margin_engines: number of a venue -> what says before every hour what its positions must hold; see
                `protogov.envs.margin_engine`. Forks copy them; a snapshot has no place for them.

        Raises:
            ConfigError: `num_worlds`, `num_threads` or `seed` is out of range, a row's lever or parameter is unknown,
                has another shape or is out of range, or a background governor or a pricer is unknown or does not fit.
            ValueError: an unknown scenario (the message lists the known ones) or a bad candle file.
        """
        self.config = config if config is not None else WorldConfig()
        for name, value in (("num_worlds", num_worlds), ("num_threads", num_threads)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ConfigError(f"{name} = {value!r} must be a whole number from 1.")
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed <= 2**64 - num_worlds:
            raise ConfigError(f"seed = {seed!r} must be a whole number from 0 to 2**64 - {num_worlds}.")
        self.scenario = get_scenario(scenario)
        self.scenario.check_hours(self.config.episode_hours)
        self.num_worlds = int(num_worlds)
        self.num_threads = int(num_threads)
        self.places: dict[str, Agent] = {agent.name: agent for agent in self.config.seats()}
        self.agents: tuple[str, ...] = tuple(agent.name for agent in self.config.learners())
        self.roles: dict[str, Role] = {name: place.role for name, place in self.places.items()}
        self.horizon = self.config.horizon
        if population_hook is not None and not callable(population_hook):
            raise ConfigError(f"population_hook = {population_hook!r} must be a function of (worlds, hour), or None.")
        self.population_hook = population_hook
        self.pricers = self._own_pricers(pricers)
        unknown = [venue for venue in margin_engines or {} if venue not in range(self.config.venues)]
        if unknown:
            raise ConfigError(f"margin_engines names venue {unknown[0]!r}; 0 to {self.config.venues - 1} are accepted.")
        self.margin_engines: dict[int, MarginEngine] = dict(margin_engines or {})
        self.callbacks: list[Any] = []  # `protogov.envs.callbacks.DecisionCallback`s; neither copied nor pickled
        self._workers = RowThreads(self.num_threads)
        self.base_seeds = np.array(row_seeds(seed, self.num_worlds), np.uint64)
        self.episodes = np.full(num_worlds, -1, np.int64)  # number of each row's running episode
        self.params = np.tile(venue_rows(self.config), (num_worlds, 1)).view(np.recarray)  # [n, venues]
        self._layout = Layout(self.config, self.places)
        self._template = self._layout.blank_world()
        self.lever_defaults = np.repeat(self._template["venues"]["levers"]["default"][:, 0], num_worlds, axis=0)
        own_levers(self.lever_defaults, lever_defaults or {})
        own_parameters(self.params, self.config, parameters or {})
        self._own = tuple(sorted(parameters or {}))  # parameters that no member replaces
        self._background = Background(self.config, self.num_worlds)
        self._last_step: Step | None = None  # of the last decision, if a `reward_fn` asked for it
        self._allocate(num_worlds)

    def _own_pricers(self, given: Mapping[int, Pricer | str] | None) -> dict[int, Pricer]:
        try:
            if given is None:
                return make_pricers(self.config.pricers, copied=True)
            return make_pricers(read_pricers(given, self.config.venues), copied=False)
        except ValueError as error:
            raise ConfigError(str(error)) from error

    # ------------------------------------------------------------------ layout

    def _allocate(self, n: int) -> None:
        venues, hours = self.config.venues, self.config.episode_hours
        self.worlds = np.zeros(n, world_dtypes[venues]).view(np.recarray)
        self.tape = np.zeros((n, hours + 1), TAPE).view(np.recarray)
        self._world_features = np.zeros((n, venues), WORLD_DTYPE).view(np.recarray)  # as each venue sees it
        self._venue_features = np.zeros((n, venues), VENUE_DTYPE).view(np.recarray)
        width = venues * (WORLD_DTYPE.itemsize + VENUE_DTYPE.itemsize) // 8
        self._obs = np.zeros((n, width), np.float32)
        self._actions = np.zeros((n, venues, NUM_LEVERS))
        self._controls = np.zeros((n, venues), CONTROLS).view(np.recarray)
        self._terms = np.zeros((n, venues), TERMS).view(np.recarray)
        self._records = np.zeros((n, venues), RECORD).view(np.recarray)
        self._interventions = _NOTHING.copy()  # of all rows, or one a row
        self._bind()

    def _bind(self) -> None:
        """Make the views that every step reads, once; their arrays are only written in place."""
        n, venues = self.num_worlds, self.config.venues
        self._world_flat = self._world_features.view(np.float64).view(np.ndarray).reshape(n, venues, -1)
        self._venue_flat = self._venue_features.view(np.float64).view(np.ndarray).reshape(n, venues, -1)
        self._terms_flat = self._terms.view(np.float64).view(np.ndarray).reshape(n, venues, -1)
        self._kernels = kernels(venues)
        # kept and copied: a fresh array of full capacity every step costs more in page faults than a world's hours
        self._events = np.zeros((n, MAX_EVENTS_PER_HOUR * self.config.decision_hours), EVENT).view(np.recarray)
        self._slices = slices(n, self.num_threads)
        self._logs = np.zeros(len(self._slices), EVENT_LOG).view(np.recarray)  # each is used by one thread at a time
        # numba recognises a plain array of a dtype object that it has met; the view that makes a recarray makes a
        # dtype of its own, and each costs every later call some microseconds. Uncompiled kernels need recarrays.
        named = (
            (self.worlds, world_dtypes[venues]), (self.params, PARAMS), (self.tape, TAPE), (self._actions, None),
            (self._world_features, WORLD_DTYPE), (self._world_flat, None), (self._venue_features, VENUE_DTYPE),
            (self._venue_flat, None), (self._obs, None), (self._controls, CONTROLS), (self._terms, TERMS),
            (self._records, RECORD), (self._events, EVENT),
            (self._interventions, INTERVENTIONS), (self._logs, EVENT_LOG),
        )  # fmt: skip
        self._arguments = tuple(array if dtype is None else _argument(array, dtype) for array, dtype in named)
        self._ready = not _COMPILED
        worlds = self.worlds.view(np.ndarray)
        self._hour, self._length, self._step_events = worlds["hour"], worlds["length"], worlds["step_events"]
        controls = self._controls.view(np.ndarray)
        self._levers = {name: controls[name] for name in CONTROLS.names or ()}

    @property
    def background(self) -> dict[str, Governor]:
        """The governors in the background, by seat: this batch's own, with their memory."""
        return dict(self._background.governors)

    # ------------------------------------------------------------------ compilation

    def compile(self) -> float:
        """Make the compiled code ready, otherwise the first reset or step does it; messages inform the user.

        Returns:
            Seconds of compilation; 0 if a cache held the code, if it was ready, or if jitting is off.
        """
        if self._ready:
            return 0.0
        *arguments, logs = self._arguments
        worlds, params, tape, _, *features, _, _, events, _, _ = self._arguments
        rows, tapes, out = np.zeros(0, np.int64), np.zeros((0, tape.shape[1]), TAPE), np.zeros((0, 1), EVENT)
        calls = (  # each for no row
            (self._kernels.reset_range, (worlds, params, tape, *features, rows, tapes)),
            (self._kernels.copy_events, (events, rows, out)),
            (self._kernels.step_range, (*arguments, logs[:1], WHOLE, 0, 0)),
        )
        seconds = compile_kernels(calls, f"worlds of {('one venue', 'two venues')[self.config.venues - 1]}")
        self._ready = True
        return seconds

    # ------------------------------------------------------------------ episodes

    def reset(self, *, seeds: Any = None, mask: ArrayLike | None = None) -> dict[str, NDArray[np.float32]]:
        """Start the next episode of every masked row (all by default), or restart rows from given seeds.

        Args:
            seeds: seeds of masked rows that restart with episode number 0: a whole number: row i restarts as world
                `seeds + i`; or a sequence with a number for each row, or None for a row that starts its next episode.
            mask: bool [n].

        Returns:
            Observations of all rows; unmasked rows keep their world.

        Raises:
            ValueError: seeds or mask have another shape, or a seed is not a whole number of 64 bits. Nothing has
                changed.
        """
        chosen = np.ones(self.num_worlds, np.bool_) if mask is None else np.asarray(mask)
        if chosen.shape != (self.num_worlds,) or chosen.dtype != np.bool_:
            raise ValueError(
                f"mask has shape {chosen.shape} and dtype {chosen.dtype}, expected bool [{self.num_worlds}]."
            )
        if mask is None:
            chosen = chosen | True
        elif (self.episodes[~chosen] < 0).any():
            raise ValueError("mask leaves out rows that have never been reset; reset all rows first.")
        if seeds is None:
            self.episodes[chosen] += 1
        else:
            for row, seed in enumerate(row_seeds(seeds, self.num_worlds)):
                if not chosen[row]:
                    continue
                if seed is None:
                    self.episodes[row] += 1
                else:
                    self.base_seeds[row], self.episodes[row] = seed, 0
        rows = np.flatnonzero(chosen)
        if rows.size:
            self._open(rows)
        return self.observe()

    def _open(self, rows: NDArray[np.int64]) -> None:
        """Draw the tapes of `rows`, then open their episodes, in pieces on the thread pool; all draws before writes."""
        with np.errstate(over="ignore"):  # the keyed noise wraps around
            keys = np.array([key(self.base_seeds[row], np.uint64(self.episodes[row])) for row in rows], np.uint64)
        if self.config.member == EVERY_MEMBER:
            self._draw_members(rows, keys)
        if not self._ready:
            self.compile()
        pieces = slices(rows.size, self.num_threads)
        hours = self.config.episode_hours
        tapes = self._workers.map(lambda piece: self.scenario.draw(keys[slice(*piece)], hours), pieces)
        self.worlds[rows] = self._template
        levers = self.worlds["venues"]["levers"]
        for field in ("default", "executed", "target", "pending"):
            levers[field][rows] = self.lever_defaults[rows, None]
        self.worlds["seed"][rows] = keys
        if self.config.stagger:
            for row, episode_key in zip(rows, keys, strict=True):
                if self.episodes[row] == 0:
                    self.worlds["length"][row] = self._first_length(episode_key)
        worlds, params, tape, _, *features, _, _, _, _, _ = self._arguments

        def open_piece(number: int) -> None:
            with np.errstate(over="ignore"):
                self._kernels.reset_range(worlds, params, tape, *features, rows[slice(*pieces[number])], tapes[number])

        self._workers.map(open_piece, range(len(pieces)))
        self._opened(rows, keys)

    def open_like(self, other: "Simulator", mask: ArrayLike) -> None:
        """Start, in the masked rows, the episodes that `other` has just started there; no tape is drawn twice.

        If this batch is a fork of `other`, or `other` of this one, the result is that of ``reset(mask=mask)``.

        Args:
            other: a batch of the same configuration and scenario, in which the masked rows stand at their opening.
            mask: bool [n].

        Raises:
            ValueError: the batches differ in configuration, scenario or number of worlds, or a masked row of `other` is
                not at its opening. Nothing has changed.
        """
        rows = np.flatnonzero(np.asarray(mask))
        same = (other.config, other.scenario.name, other.num_worlds) == (
            self.config, self.scenario.name, self.num_worlds
        )  # fmt: skip
        if not same:
            raise ValueError("other differs in configuration, scenario or number of worlds.")
        if (other._hour[rows] > 0).any() or (other.episodes[rows] < 0).any():
            raise ValueError("other has masked rows that are not at the opening of an episode.")
        for name in _OPENED:
            getattr(self, name)[rows] = getattr(other, name)[rows]
        self._opened(rows, self.worlds["seed"][rows].view(np.ndarray))

    def _opened(self, rows: NDArray[np.int64], keys: NDArray[np.uint64]) -> None:
        """After the opening of `rows`: what has a memory of their last episode forgets it."""
        self._background.reset(rows, keys)
        if len(self._interventions) == self.num_worlds:
            self._interventions[rows] = 0

    def _draw_members(self, rows: NDArray[np.int64], keys: NDArray[np.uint64]) -> None:
        """Give each of `rows` the values of the member drawn by its episode's key."""
        ensemble = shipped_ensemble()
        values = ensemble.table()[members_drawn(keys, len(ensemble.members))]
        for column, name in enumerate(ensemble.ranges):
            if name not in self._own:
                self.params[name][rows] = values[:, column, None]  # the same people at every venue

    def _first_length(self, episode_key: np.uint64) -> int:
        """Random whole number of decisions: a batch's episodes then do not all end together."""
        decisions = 1 + int(uniform(episode_key, 0, 0, 0, Purpose.EPISODE_LENGTH) * self.horizon)
        return min(decisions * self.config.decision_hours, self.config.episode_hours)

    def step(self, actions: Mapping[str, ArrayLike]) -> Step:
        """Run one decision of every world; governors in the background decide by themselves.

        Args:
            actions: agent -> float [n, levers], -1 low, 0 default, +1 high; finite values outside are clipped.

        Raises:
            ActionError: a missing or unknown agent, a wrong shape, a non-finite value. Nothing has changed.
            RuntimeError: a row's episode is over, or the books of a world do not balance (`HookError`: because of the
                population hook).
            RewardError: `reward_fn` returned an invalid reward; the decision has been run.
        """
        self.take_actions(actions)
        self.advance()
        step = self._read_step()
        if self.config.reward_fn is None:
            return step
        return step._replace(rewards={name: self._own_reward(step, name) for name in self.agents})

    def _read_step(self) -> Step:
        """The result of the last decision, with the rewards of the mandates."""
        events, n_events = self.events()
        terms = {name: self.terms(name) for name in self.places}
        for venue in range(self.config.venues):
            terms[f"welfare_{venue}"] = self._terms_flat[:, venue].take(_WELFARE_COLUMNS, axis=1)
        return Step(
            self.observe(),
            {name: self._mandate_reward(name) for name in self.places},
            terms,
            self.truncated(),
            {name: self._lever_field(name, "proposed") for name in self.places},
            {name: self.executed(name) for name in self.places},
            {name: self._lever_field(name, "reason") for name in self.places},
            self.records(),
            events,
            n_events,
        )

    def take_actions(self, actions: Mapping[str, ArrayLike]) -> None:
        """Check all actions, then write them; nothing is written if one is refused. See :meth:`step`."""
        for name in actions:
            if name not in self.agents:
                seat = ", a seat in the background" if name in self.places else ""
                raise ActionError(f"actions name {name!r}{seat}, agents are {', '.join(self.agents)}.")
        taken = []
        for name in self.agents:
            if name not in actions:
                raise ActionError(f"actions lack agent {name!r}; every agent acts in every decision.")
            taken.append(checked_action(name, self.roles[name], self.num_worlds, actions[name]))
        for name, value in zip(self.agents, taken, strict=True):
            self._write_action(name, value)

    def _write_action(self, name: str, value: NDArray[np.float64]) -> None:
        self._actions[:, self.places[name].venue, self._layout.lever_columns[name]] = value

    def advance(self, *, skip_finished: bool = False) -> None:
        """Run one decision with the actions taken. See :meth:`step`.

        With `skip_finished`, a row whose episode is over waits for its reset instead of raising.
        """
        over = self._hour >= self._length
        if over.any():
            if (self.episodes < 0).any():
                raise RuntimeError("step before reset: call reset() first.")
            if not skip_finished:
                raise RuntimeError(f"world {int(np.flatnonzero(over)[0])} is truncated; reset it before the next step.")
        if self._background.governors:
            views = {name: self.view(name) for name in self._background.governors}
            for name, action in self._background.act(views).items():
                self._write_action(name, checked_action(name, self.roles[name], self.num_worlds, action))
        for venue, pricer in self.pricers.items():
            write_anchors(self.worlds.view(np.ndarray)["venues"][:, venue], pricer.anchors(self))
        self._last_step = None
        for callback in self.callbacks:
            callback.before(self, ~over)
        bad = self._run_ranges()
        if bad >= 0:
            raise RuntimeError(
                f"books of world {bad} do not balance: residual {self.worlds['book_error'][bad]:.3g} of gross flow "
                f"at hour {self._hour[bad]}."
            )
        for callback in self.callbacks:
            callback.after(self, ~over)

    def _run_ranges(self) -> int:
        """One decision of every row; the first row whose books do not balance, or -1."""
        if not self._ready:  # after unpickling in another process
            self.compile()
        before: list[BeforeHour] = []
        if self.population_hook is not None:
            before.append(partial(call_hook, self.population_hook, self.worlds))
        if self.margin_engines:
            before.append(partial(call_engines, self.margin_engines, self))
        if before:
            return run_hour_by_hour(before, self.worlds.view(np.ndarray), self._run_part)
        return self._run_part(WHOLE)

    def _run_part(self, part: int) -> int:
        """A part of a decision of every row; the first row whose books do not balance, or -1."""
        bad = self._workers.map(partial(self._run_range, part), range(len(self._slices)))
        return min((row for row in bad if row >= 0), default=-1)

    def _run_range(self, part: int, number: int) -> int:
        *arguments, logs = self._arguments
        log = logs[number : number + 1]
        if _COMPILED:
            return int(self._kernels.step_range(*arguments, log, part, *self._slices[number]))
        with np.errstate(over="ignore"):  # the keyed noise wraps around
            return int(self._kernels.step_range(*arguments, log, part, *self._slices[number]))

    # ------------------------------------------------------------------ rewards

    def rewards(self, agent: str) -> NDArray[np.float64]:
        """Reward of `agent` for the last decision, float64 [n], blended and scaled, or the result of `reward_fn`.

        Raises:
            RewardError: `reward_fn` returned another shape, or something other than finite numbers.
        """
        if self.config.reward_fn is None:
            return self._mandate_reward(agent)
        if self._last_step is None:
            self._last_step = self._read_step()
        return self._own_reward(self._last_step, agent)

    def _own_reward(self, step: Step, agent: str) -> NDArray[np.float64]:
        assert self.config.reward_fn is not None
        return checked_reward(self.config.reward_fn(step, agent), agent, self.num_worlds)

    def _mandate_reward(self, agent: str) -> NDArray[np.float64]:
        # a fixed order of additions: a matrix product may round differently in another batch size
        return np.add.reduce(self._terms_flat[:, self.places[agent].venue] * self._layout.reward_weights[agent], axis=1)

    # ------------------------------------------------------------------ interventions

    def intervene(self, interventions: Interventions | None) -> None:
        """From the next decision on let these be done to the worlds, and nothing else; None takes all off.

        They end with a row's episode. Forks take them along; a snapshot has no place for them.

        Raises:
            ValueError: interventions of another number of worlds.
        """
        if interventions is None:
            self._lay(_NOTHING)
        elif len(interventions.record) != self.num_worlds:
            raise ValueError(
                f"interventions are of {len(interventions.record)} worlds; {self.num_worlds} are needed, one a row."
            )
        else:
            self._lay(interventions.record)

    @property
    def intervened(self) -> bool:
        """Whether anything is done to some row."""
        return bool(self._interventions["active"].any())

    def _lay(self, record: NDArray[np.void]) -> None:
        self._interventions = np.array(record)
        self._arguments = (*self._arguments[:-2], _argument(self._interventions, INTERVENTIONS), self._arguments[-1])

    def _like(
        self, config: WorldConfig, num_worlds: int, scenario: str | Path | Scenario, seed: int = 0
    ) -> "Simulator":
        return Simulator(
            config, num_worlds, scenario=scenario, seed=seed, num_threads=self.num_threads, pricers={},
            population_hook=self.population_hook,
        )  # fmt: skip

    def __getstate__(self) -> dict[str, Any]:
        """Pickling (for worker processes) leaves out the thread pool, compiled code and callbacks."""
        state = self.__dict__.copy()
        for name in _BOUND:
            del state[name]
        state["callbacks"] = []
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._bind()


# arrays of the state (`copies.py`) that `reset` writes
_OPENED = (
    "worlds", "tape", "params", "base_seeds", "episodes", "_world_features", "_venue_features", "_obs", "_controls",
)  # fmt: skip
# results of `_bind`
_BOUND = (
    "_world_flat", "_venue_flat", "_terms_flat", "_kernels", "_arguments",
    "_hour", "_length", "_step_events", "_levers", "_events", "_logs", "_slices", "_ready",
)  # fmt: skip
_NOTHING = np.zeros(1, INTERVENTIONS)
_WELFARE_COLUMNS = np.array([TERM_NAMES.index(name) for name in WELFARE_PARTS])
