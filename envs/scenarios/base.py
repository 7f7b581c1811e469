"""What a scenario is, how scenarios combine, and the register of those that have a name."""

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
STRICTNESS: tuple[Split, ...] = ("free", "train", "validation", "test")  # a tape of two splits is of the later one
HELD_OUT: tuple[Split, ...] = ("validation", "test")  # of which nobody trains or tunes
Tapes = NDArray[np.void]  # records of dtype TAPE
Seeds = NDArray[np.uint64]

# Compiled entry points of this folder close over the digest of these: all that can change what they draw.
SOURCE_FOLDERS = (str(Path(__file__).parent), str(Path(__file__).parents[1] / "world"))
CANDLE_SUFFIXES = (".csv", ".csv.gz", ".parquet")
PRICES = ("open", "high", "low", "close")
# What a scenario says the origin of: the price, and each condition of the market. Attacks are nobody's record.
CHANNELS = ("price", *(name for name in TAPE.names or () if name not in (*PRICES, *ATTACKS)))
DERIVED = ("implied_vol", "depth", "congestion")  # what `conditions.fill_conditions` reads off the price path
ORIGINS = ("recorded", "derived", "invented")  # see `Scenario.provenance`
_MAX_HOURS = 24 * 366
_POSITIVE = (*PRICES, "implied_vol", "depth", "peg", "leverage_demand", "flow_intensity")
_SHARES = ("congestion", "informed_share", "arbitrage_away", "supplier_exit", "griefing")


class Scenario(ABC):
    """What the market outside a protocol does: a keyed function from a seed to a tape.

    A subclass sets `name` and `split` and implements :meth:`fill`. `a + b` puts the overlay `b` on the path `a`: the
    price path and conditions of `a`, changed by `b`, both drawn for the same seed. A path comes first and there is one
    of it; overlays apply from left to right.
    """

    name: str
    # The one field that says who may see it. "train": learners may; "validation": they may not, but people may, and
    # choose by it (`check_trainable`); "test": nobody until it is opened (`check_open`); "free": no side claims it
    split: Split
    kind: str = "path"  # one word for lists: synthetic, crisis, mixture, overlay, failure, replay
    about: str = ""  # one line for lists
    recorded: tuple[str, ...] = ()  # channels of CHANNELS, see `provenance`
    derived: tuple[str, ...] = ()

    @abstractmethod
    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Write every field of `tapes` (TAPE[n, hours + 1], a recarray) from `seeds` (U64[n]), row by row.

        The channels of attacks (`protogov.envs.world.state.ATTACKS`) are 0 already and may be left so.
        """

    def check_open(self) -> None:
        """Raise SealedError if it, or a part of it, is of the split "test" and nobody has opened that (``seal.py``)."""
        sealed = [name for name, split in held_out_splits(self).items() if split == "test"]
        if sealed and not is_open():
            # the whole comes first, then its parts; it is a part that keeps the whole closed
            raise SealedError(
                f"scenario {sealed[-1]!r} belongs to the sealed test, which nothing plays but "
                f"`protogov evaluate GOVERNORS --open-test`; use one of the splits train, validation or free."
            )

    def provenance(self) -> dict[str, str]:
        """Where each channel comes from: a word for each of CHANNELS, the price and the market's conditions.

        "recorded": from a file or from published facts. "derived": a stated function of the price path, with no draw of
        its own. "invented": drawn from a process of ours, or set by us; a scenario that says nothing has invented all.
        Two words joined by " or ": one of them, by seed or by hour. An overlay has words for what it changes alone.
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
        """Draw one tape for each seed.

        Args:
            seeds: U64[n], or any integers that fit.
            num_hours: hours after the opening, 1 to 8784.

        Returns:
            TAPE[n, num_hours + 1], fresh. Row 0 is the opening (open = high = low = close = the first price), row h
            the candle and the conditions of hour h. The same scenario and seed give the same tape, bit for bit, in any
            batch and with numba's jitting on or off.

        Raises:
            ValueError: for seeds that are no unsigned integers, for hours out of range, and for a scenario that
                writes an impossible tape.
            SealedError: for a scenario of the sealed test, as long as nobody has opened it; a ValueError.
        """
        tapes, _ = self._drawn(seeds, num_hours, self.fill)
        plain = tapes.view(TAPE, np.ndarray)
        _check_tapes(plain, self.name)
        return plain

    def _drawn(self, seeds: Any, num_hours: int, fill: Callable[[Tapes, Seeds], Any]) -> tuple[Tapes, Any]:
        """Fresh tapes, written by `fill`, and what that returned."""
        self.check_open()
        self.check_hours(num_hours)
        keys = as_seeds(seeds)
        # zeros: attacks are what somebody writes, and most scenarios have none
        tapes = np.zeros((keys.size, int(num_hours) + 1), TAPE).view(np.recarray)
        # with jitting off numpy warns of the wrap-around that the keyed noise is made of
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
        """The scenarios that this one is made of; itself, where it is made of no others."""
        return (self,)

    @property
    def is_overlay(self) -> bool:
        """Whether it changes a tape instead of drawing one."""
        return isinstance(self, Overlay)

    @property
    def salt(self) -> np.uint64:
        """A number of the scenario's name: mixed into the seed, it keeps scenarios of different splits independent."""
        return np.uint64(zlib.crc32(self.name.encode()))


class Overlay(Scenario):
    """A scenario that changes a tape instead of drawing one; a subclass implements :meth:`change`.

    `overlay + overlay` is an overlay again.
    """

    kind = "overlay"
    changes: tuple[str, ...] = CHANNELS  # of CHANNELS; what an overlay does not name it may have changed

    def provenance(self) -> dict[str, str]:
        """Say "invented" of each channel that it changes, whatever the path had there."""
        return dict.fromkeys(self.changes, "invented")

    @abstractmethod
    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        """Change `tapes` (TAPE[n, hours + 1], a recarray) in place; row i belongs to `seeds[i]`."""

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Refuse: there is no tape to change yet."""
        raise ValueError(
            f"scenario {self.name!r} changes a tape and draws none; write a path first: 'jump + {self.name}'."
        )

    def __add__(self, other: Scenario) -> Scenario:
        if not isinstance(other, Overlay):
            return super().__add__(other)
        return _Chain(self, other)


class _Pair(Scenario):
    """Two scenarios, the second on top of the first: what `+` makes; the stricter split of the two."""

    def __init__(self, first: Scenario, second: "Overlay") -> None:
        self.first, self.second = first, second
        self.name = f"{first.name} + {second.name}"
        self.split = stricter(first.split, second.split)

    @property
    def leaves(self) -> tuple[Scenario, ...]:
        """The scenarios of both parts."""
        return (*self.first.leaves, *self.second.leaves)

    def provenance(self) -> dict[str, str]:
        """What the first part says, but for what the second changes."""
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
    """A scenario under a name of its own, such as a sum that is worth being found.

    Args:
        name: of the whole; its parts keep theirs, which their noise is keyed by.
        scenario: what it draws.
        kind: one word for lists.
    """

    def __init__(self, name: str, scenario: Scenario, *, kind: str = "path") -> None:
        self.name, self.scenario, self.split, self.kind = name, scenario, scenario.split, kind

    @property
    def leaves(self) -> tuple[Scenario, ...]:
        """The scenarios that it is made of."""
        return self.scenario.leaves

    def provenance(self) -> dict[str, str]:
        """What its scenario says."""
        return self.scenario.provenance()

    def check_hours(self, num_hours: int) -> None:
        """Raise ValueError unless its parts can be drawn for `num_hours`."""
        self.scenario.check_hours(num_hours)

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Draw it."""
        self.scenario.fill(tapes, seeds)


_registry: dict[str, Scenario] = {}


def register(scenario: Scenario, about: str = "") -> Scenario:
    """Make `scenario` known by its name and return it; a name is given once.

    Args:
        scenario: what to register.
        about: one line that says what it is, for lists; the scenario's own by default.

    Raises:
        ValueError: for a name that is taken, empty, reads as a file of candles or holds a `+`.
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
    """Registered names of what can be played by itself, in alphabetical order, of one `split` or of all but the test.

    Those of the split "test" are sealed: they are listed where that is asked for, and may not be drawn.
    """
    asked = [one for one in STRICTNESS if one != "test"] if split is None else [split]
    return tuple(sorted(one.name for each in asked for one in rows(each)))


def rows(split: Split) -> tuple[Scenario, ...]:
    """The same of one split, as scenarios in the order in which they were registered."""
    return tuple(one for one in _registry.values() if not one.is_overlay and one.split == split)


def overlay_names() -> tuple[str, ...]:
    """Registered names of what changes another scenario and is added with `+`, in alphabetical order."""
    return tuple(sorted(name for name, scenario in _registry.items() if scenario.is_overlay))


def registered(name: str) -> Scenario | None:
    """The scenario that is registered under `name`; None if there is none."""
    return _registry.get(name)


def held_out_splits(scenario: Scenario) -> dict[str, Split]:
    """Names of all parts of a scenario that are kept from training, each with the split that keeps it.

    A part counts by its own split and by its name: a copy of a registered scenario that calls itself of another split
    is of that scenario's all the same.
    """
    splits: dict[str, Split] = {}
    for part in (scenario, *scenario.leaves):
        known = _registry.get(part.name, part)
        split = stricter(part.split, known.split)
        if split in HELD_OUT:
            splits[part.name] = split
    return splits


def held_out(scenario: Scenario) -> tuple[str, ...]:
    """Names of all parts of a scenario that are of the splits validation or test; see :func:`held_out_splits`."""
    return tuple(held_out_splits(scenario))


def check_trainable(scenario: Scenario) -> None:
    """Refuse what is held out, for whatever learns, tunes or chooses by what it draws.

    Raises:
        ValueError: the scenario or a part of it is of the splits validation or test, see :func:`held_out_splits`.
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
            # one by one: numpy would turn a list that mixes small and very large integers into floats
            seeds = np.array([index(seed) for seed in seeds], dtype=np.uint64)
        except (TypeError, OverflowError):
            raise ValueError(f"seeds are {seeds!r}; they must be integers between 0 and 2**64 - 1.") from None
    if seeds.ndim != 1:
        raise ValueError(f"seeds have shape {seeds.shape}; they must be one-dimensional.")
    if seeds.dtype.kind not in "iu" or (seeds < 0).any():
        raise ValueError(f"seeds of type {seeds.dtype} must be integers between 0 and 2**64 - 1.")
    return np.ascontiguousarray(seeds, dtype=np.uint64)


def stricter(one: Split, other: Split) -> Split:
    """The split of a tape that is partly of one and partly of the other: test, then validation, train, free."""
    return max(one, other, key=STRICTNESS.index)


def either(words: Iterable[str]) -> str:
    """Several answers of :meth:`Scenario.provenance` about one channel as one: each word once, joined by " or "."""
    origins = {word for some in words for word in some.split(" or ")}
    return " or ".join(sorted(origins, key=ORIGINS.index))


def _check_tapes(tapes: Tapes, name: str) -> None:
    """Refuse tapes that no market can have: the world trusts them blindly in compiled code."""

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
