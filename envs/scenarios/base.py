"""The interface of a scenario, the combination of scenarios, and the register of scenarios with a name."""

import logging
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from operator import index
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from protogov.envs.compilation import Compiling
from protogov.envs.scenarios.seal import SealedError, is_open
from protogov.envs.world.state import ATTACKS, TAPE

Split = Literal["train", "validation", "test", "free"]
STRICTNESS: tuple[Split, ...] = ("free", "train", "validation", "test")  # a tape of two splits belongs to the later one
HELD_OUT: tuple[Split, ...] = ("validation", "test")  # never used to train or tune
Tapes = NDArray[np.void]  # records of dtype TAPE
Seeds = NDArray[np.uint64]

# Compiled entry points of this folder close over the digest of these folders: all sources that can change a draw.
SOURCE_FOLDERS = (str(Path(__file__).parent), str(Path(__file__).parents[1] / "world"))
CANDLE_SUFFIXES = (".csv", ".csv.gz", ".parquet")
PRICES = ("open", "high", "low", "close")
# Channels for which a scenario states an origin: the price and each condition of the market. Attacks have no origin.
CHANNELS = ("price", *(name for name in TAPE.names or () if name not in (*PRICES, *ATTACKS)))
DERIVED = ("implied_vol", "depth", "congestion")  # `conditions.fill_conditions` computes these from the price path
ORIGINS = ("recorded", "derived", "invented")  # see `Scenario.provenance`
_MAX_HOURS = 24 * 366
_POSITIVE = (*PRICES, "implied_vol", "depth", "peg", "leverage_demand", "flow_intensity")
_SHARES = ("congestion", "informed_share", "arbitrage_away", "supplier_exit", "griefing")


class Scenario(ABC):
    """The market outside a protocol: a keyed function from a seed to a tape.

    A subclass sets `name` and `split` and implements :meth:`fill`. `a + b` applies the overlay `b` to the path `a`: the
    price path and the conditions of `a`, changed by `b`, both drawn for the same seed. The path comes first, and there
    is only one. Overlays apply from left to right.
    """

    name: str
    # The only field that decides who may use it. "train": learners may. "validation": learners may not, but people may
    # look and choose by it (`check_trainable`). "test": nobody until it is opened (`check_open`). "free": everybody
    split: Split
    kind: str = "path"  # one word for lists: synthetic, crisis, mixture, overlay, failure, replay
    about: str = ""  # one line for lists
    recorded: tuple[str, ...] = ()  # channels of CHANNELS, see `provenance`
    derived: tuple[str, ...] = ()

    @abstractmethod
    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Write every field of `tapes` (TAPE[n, hours + 1], a recarray) from `seeds` (U64[n]), row by row.

        The channels of attacks (`protogov.envs.world.state.ATTACKS`) are already 0 and may stay so.
        """

    def check_open(self) -> None:
        """Raise SealedError if the scenario or a part of it is of the split "test" and sealed (``seal.py``)."""
        sealed = [name for name, split in held_out_splits(self).items() if split == "test"]
        if sealed and not is_open():
            # the whole is listed first, then its parts; the message names the sealed part
            raise SealedError(
                f"scenario {sealed[-1]!r} belongs to the sealed test, which nothing plays but "
                f"`protogov evaluate GOVERNORS --open-test`; use one of the splits train, validation or free."
            )

    def provenance(self) -> dict[str, str]:
        """The origin of each channel: a word for each of CHANNELS, that is the price and the market's conditions.

        "recorded": from a file or from published facts. "derived": a stated function of the price path without a draw
        of its own. "invented": drawn from a process of ours, or set by us; this is the default. Two words joined by
        " or ": one of them, depending on the seed or the hour. An overlay has words only for what it changes.
        """
        words = dict.fromkeys(CHANNELS, "invented")
        return words | dict.fromkeys(self.derived, "derived") | dict.fromkeys(self.recorded, "recorded")

    def check_hours(self, num_hours: int) -> None:
        """Raise ValueError unless an episode of `num_hours` (1 to 8784) can be drawn."""
        if isinstance(num_hours, bool) or not isinstance(num_hours, int | np.integer):
            raise ValueError(f"num_hours is {num_hours!r}; it must be an integer.")
        if not 1 <= num_hours <= _MAX_HOURS:
            raise ValueError(f"num_hours is {num_hours}; it must lie in [1, {_MAX_HOURS}].")

    def draw(self, seeds: Iterable[int] | NDArray[Any], num_hours: int) -> Tapes:
        """Draw one tape per seed.

        Args:
            seeds: U64[n], or any integers that fit.
            num_hours: hours after the opening, 1 to 8784.

        Returns:
            TAPE[n, num_hours + 1], a new array. Row 0 is the opening (open = high = low = close = the first price).
            Row h is the candle and the conditions of hour h. The same scenario and seed give the same tape, bit for
            bit, in any batch and with numba's jitting on or off.

        Raises:
            ValueError: seeds are not unsigned integers, hours are out of range, or the scenario writes an impossible
                tape.
            SealedError: the scenario belongs to the sealed test, which is not opened. It is a ValueError.
        """
        tapes, _ = self._drawn(seeds, num_hours, self.fill)
        plain = tapes.view(TAPE, np.ndarray)
        _check_tapes(plain, self.name)
        return plain

    def _drawn(self, seeds: Any, num_hours: int, fill: Callable[[Tapes, Seeds], Any]) -> tuple[Tapes, Any]:
        """New tapes, written by `fill`, and the result of `fill`."""
        self.check_open()
        self.check_hours(num_hours)
        keys = as_seeds(seeds)
        # zeros: most scenarios have no attacks
        tapes = np.zeros((keys.size, int(num_hours) + 1), TAPE).view(np.recarray)
        # with jitting off numpy warns of overflow; the keyed noise uses this overflow on purpose
        compiling = Compiling("compiling a market (takes some seconds)", "compiled a market", logging.INFO)
        with np.errstate(over="ignore"), compiling:
            return tapes, fill(tapes, keys)

    def __add__(self, other: "Scenario") -> "Scenario":
        if not isinstance(other, Scenario):
            return NotImplemented
        if not isinstance(other, Overlay):
            raise ValueError(
                f"{self.name!r} + {other.name!r}: {other.name!r} draws a price path of its own; only overlays can be "
                f"added, and the path comes first."
            )
        return Composed(self, other)

    @property
    def leaves(self) -> tuple["Scenario", ...]:
        """The scenarios that this one consists of; only itself if it has no parts."""
        return (self,)

    @property
    def is_overlay(self) -> bool:
        """Whether the scenario changes a tape instead of drawing one."""
        return isinstance(self, Overlay)

    @property
    def salt(self) -> np.uint64:
        """A number from the scenario's name. Mixed into the seed, it keeps scenarios of different names independent."""
        return np.uint64(zlib.crc32(self.name.encode()))


class Overlay(Scenario):
    """A scenario that changes a tape instead of drawing one; a subclass implements :meth:`change`.

    `overlay + overlay` is an overlay again.
    """

    kind = "overlay"
    changes: tuple[str, ...] = CHANNELS  # channels that it may change; by default all

    def provenance(self) -> dict[str, str]:
        """The word "invented" for each channel that the overlay changes, independent of the path's origin."""
        return dict.fromkeys(self.changes, "invented")

    @abstractmethod
    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        """Change `tapes` (TAPE[n, hours + 1], a recarray) in place. Row i belongs to `seeds[i]`."""

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Raise ValueError: there is no tape to change."""
        raise ValueError(
            f"scenario {self.name!r} changes a tape and draws none; write a path first: 'jump + {self.name}'."
        )

    def __add__(self, other: Scenario) -> Scenario:
        if not isinstance(other, Overlay):
            return super().__add__(other)
        return _Chain(self, other)


class _Pair(Scenario):
    """Two scenarios joined by `+`, the second applied to the first. It has the stricter split of the two."""

    def __init__(self, first: Scenario, second: "Overlay") -> None:
        self.first, self.second = first, second
        self.name = f"{first.name} + {second.name}"
        self.split = stricter(first.split, second.split)

    @property
    def leaves(self) -> tuple[Scenario, ...]:
        """The scenarios of both parts."""
        return (*self.first.leaves, *self.second.leaves)

    def provenance(self) -> dict[str, str]:
        """The first part's origins, replaced for the channels that the second changes."""
        return self.first.provenance() | self.second.provenance()

    def check_hours(self, num_hours: int) -> None:
        """Raise ValueError unless both parts can be drawn for `num_hours`."""
        self.first.check_hours(num_hours)
        self.second.check_hours(num_hours)


class Composed(_Pair):
    """The path `first`, changed by the overlay `second`."""

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Draw the path, then change it."""
        self.first.fill(tapes, seeds)
        self.second.change(tapes, seeds)


class _Chain(_Pair, Overlay):
    """Two overlays, one after the other."""

    first: Overlay

    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        self.first.change(tapes, seeds)
        self.second.change(tapes, seeds)


class Named(Scenario):
    """A scenario under another name, for example a sum that users should find by a name.

    Args:
        name: name of the whole. Its parts keep their names, which are part of the key of their noise.
        scenario: the scenario that it draws.
        kind: one word for lists.
    """

    def __init__(self, name: str, scenario: Scenario, *, kind: str = "path") -> None:
        self.name, self.scenario, self.split, self.kind = name, scenario, scenario.split, kind

    @property
    def leaves(self) -> tuple[Scenario, ...]:
        """The scenarios that it consists of."""
        return self.scenario.leaves

    def provenance(self) -> dict[str, str]:
        """The origins of its scenario."""
        return self.scenario.provenance()

    def check_hours(self, num_hours: int) -> None:
        """Raise ValueError unless its parts can be drawn for `num_hours`."""
        self.scenario.check_hours(num_hours)

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Draw it."""
        self.scenario.fill(tapes, seeds)


_registry: dict[str, Scenario] = {}


def register(scenario: Scenario, about: str = "") -> Scenario:
    """Register `scenario` under its name and return it. A name can be used once.

    Args:
        scenario: the scenario to register.
        about: one line for lists that describes it; by default the scenario's own.

    Raises:
        ValueError: the name is used, empty, looks like a file of candles or contains a `+`.
    """
    name = scenario.name
    if name in _registry:
        raise ValueError(f"scenario {name!r} is registered already; choose another name.")
    if not name.strip() or "+" in name or name.lower().endswith(CANDLE_SUFFIXES):
        raise ValueError(
            f"scenario name {name!r} must be a word without '+' that ends in none of {', '.join(CANDLE_SUFFIXES)}."
        )
    if about:
        scenario.about = about
    _registry[name] = scenario
    return scenario


def scenario_names(split: Split | None = None) -> tuple[str, ...]:
    """Registered names of scenarios with a path, in alphabetical order: of one `split`, or of all except the test.

    Scenarios of the split "test" are sealed. They are listed only for `split="test"`, and cannot be drawn.
    """
    asked = [one for one in STRICTNESS if one != "test"] if split is None else [split]
    return tuple(sorted(one.name for each in asked for one in rows(each)))


def rows(split: Split) -> tuple[Scenario, ...]:
    """The scenarios with a path of one split, in the order of their registration."""
    return tuple(one for one in _registry.values() if not one.is_overlay and one.split == split)


def overlay_names() -> tuple[str, ...]:
    """Registered names of overlays, which are added to a path with `+`, in alphabetical order."""
    return tuple(sorted(name for name, scenario in _registry.items() if scenario.is_overlay))


def registered(name: str) -> Scenario | None:
    """The scenario registered under `name`; None if there is none."""
    return _registry.get(name)


def held_out_splits(scenario: Scenario) -> dict[str, Split]:
    """Names of all parts of a scenario that may not be trained on, each with its split.

    A part counts by its own split and by its name. A copy of a registered scenario that claims another split therefore
    still counts as that scenario.
    """
    splits: dict[str, Split] = {}
    for part in (scenario, *scenario.leaves):
        known = _registry.get(part.name, part)
        split = stricter(part.split, known.split)
        if split in HELD_OUT:
            splits[part.name] = split
    return splits


def held_out(scenario: Scenario) -> tuple[str, ...]:
    """Names of all parts of a scenario that are of the split validation or test; see :func:`held_out_splits`."""
    return tuple(held_out_splits(scenario))


def check_trainable(scenario: Scenario) -> None:
    """Refuse held-out scenarios, for code that learns, tunes or chooses by the tapes that it draws.

    Raises:
        ValueError: the scenario or a part of it is of the split validation or test, see :func:`held_out_splits`.
    """
    kept = held_out_splits(scenario)
    if kept:
        splits = " and ".join(dict.fromkeys(f"{split!r}" for split in kept.values()))
        parts = "" if tuple(kept) == (scenario.name,) else f", because of {', '.join(kept)}"
        raise ValueError(
            f"scenario {scenario.name!r} is of the split {splits} and is never trained or tuned on{parts}; train on "
            f"one of {', '.join(scenario_names('train'))}"
        )


def as_seeds(seeds: Iterable[int] | NDArray[Any]) -> Seeds:
    """`seeds` as a contiguous U64[n].

    Raises:
        ValueError: unless they are one-dimensional non-negative integers.
    """
    if not isinstance(seeds, np.ndarray):
        try:
            # one by one: numpy would convert a list of small and very large integers to floats
            seeds = np.array([index(seed) for seed in seeds], dtype=np.uint64)
        except (TypeError, OverflowError):
            raise ValueError(f"seeds are {seeds!r}; they must be integers between 0 and 2**64 - 1.") from None
    if seeds.ndim != 1:
        raise ValueError(f"seeds have shape {seeds.shape}; they must be one-dimensional.")
    if seeds.dtype.kind not in "iu" or (seeds < 0).any():
        raise ValueError(f"seeds of type {seeds.dtype} must be integers between 0 and 2**64 - 1.")
    return np.ascontiguousarray(seeds, dtype=np.uint64)


def stricter(one: Split, other: Split) -> Split:
    """The split of a tape that belongs partly to each of two splits: test before validation, train, free."""
    return max(one, other, key=STRICTNESS.index)


def either(words: Iterable[str]) -> str:
    """Several answers of :meth:`Scenario.provenance` about one channel in one: each word once, joined by " or "."""
    origins = {word for some in words for word in some.split(" or ")}
    return " or ".join(sorted(origins, key=ORIGINS.index))


def _check_tapes(tapes: Tapes, name: str) -> None:
    """Refuse tapes that no market can have: compiled code does not check them again."""

    def refuse(field: str, wrong: NDArray[Any], accepted: str) -> None:
        if wrong.any():
            row, hour = (int(i) for i in np.argwhere(wrong)[0])
            value = float(tapes[field][row, hour])
            raise ValueError(
                f"scenario {name!r} drew {field} = {value} at row {row}, hour {hour}; it must be {accepted}."
            )

    for field in TAPE.names or ():
        values = tapes[field]
        refuse(field, ~np.isfinite(values), "finite")
        if field in _POSITIVE:
            refuse(field, values <= 0.0, "positive")
        if field == "oracle_error":
            refuse(field, values <= -1.0, "above -1")
        if field in _SHARES:
            refuse(field, (values < 0.0) | (values > 1.0), "between 0 and 1")
    refuse("high", tapes["high"] < np.maximum(tapes["open"], tapes["close"]), "at least open and close")
    refuse("low", tapes["low"] > np.minimum(tapes["open"], tapes["close"]), "at most open and close")
