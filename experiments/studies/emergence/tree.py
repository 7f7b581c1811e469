"""The tree of a cascade: which forced sale led to which, by a fork without each of them.

In a fork a sale is muted: its coin goes outside, and the price hears nothing of it. What is then missing, it caused.
The record's own guess of a parent (the largest sale before the oracle's last look) is read beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Governor
from protogov.envs.world.state import SUBSTEPS
from protogov.experiments.core.statistics import cluster_means, student_t
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, ForkPoint, Plan, fork_points
from protogov.experiments.studies.emergence.interventions import (
    SEEN,
    Change,
    Trades,
    hedges_of,
    mute_sales,
    sales_of,
)
from protogov.experiments.studies.emergence.measure import Finding, family

NOBODY = -1


class _Log:
    """A reading that keeps the events of a branch."""

    def __init__(self, events: Callable[[Any], NDArray[np.void]]) -> None:
        self._events, self._kept = events, list[NDArray[np.void]]()

    def __call__(self, step: Any, asked: Mapping[str, Floats]) -> dict[str, Floats]:
        """How many there were, as `events`."""
        seen = self._events(step)
        self._kept.append(seen)
        rows = len(next(iter(asked.values())))
        return {"events": np.bincount(seen["row"], minlength=rows).astype(np.float64)}

    def run(self, point: ForkPoint, steps: int, change: Change | None = None) -> NDArray[np.void]:
        """The events of a branch, SEEN [e], row by row and in their order."""
        self._kept = []
        point.run(steps, change=change)
        every = np.concatenate(self._kept)
        return every[np.argsort(every["row"], kind="stable")]


@dataclass(frozen=True)
class TreeSample:
    """Which event led to which, in E episodes: a row of the plan at one of its times is one.

    Attributes:
        events: SEEN [e], of all episodes; trades of the protocol's own that caused an event are among them.
        episode: I64[e].
        parents: I64[e], position of the cause by forks, -1 none: the latest of all without which it does not happen.
        caused: F64[e], others' events that were missing without it, less new ones; NaN where it was not muted.
        caused_size: F64[e], the same of their sizes.
        labels: [e], units.
        left_out: events that were not muted, for lack of rounds.
    """

    events: NDArray[np.void]
    episode: NDArray[np.int64]
    parents: NDArray[np.int64]
    caused: Floats
    caused_size: Floats
    labels: NDArray[Any]
    left_out: int

    def depth(self) -> NDArray[np.int64]:
        """Generation of each event in its tree by forks, I64[e]: 0 for a root."""
        depth = np.zeros(len(self.parents), np.int64)
        at = self.parents.copy()
        while (at != NOBODY).any():
            depth += at != NOBODY
            at = np.where(at == NOBODY, NOBODY, self.parents[at])
        return depth

    def worst(self) -> int:
        """The episode with most events that have a cause."""
        return int(np.argmax(np.bincount(self.episode, self.parents != NOBODY)))

    def worst_episode(self) -> dict[str, Any]:
        """Its events for a figure, JSON-able; `parents` are positions among them."""
        places = np.flatnonzero(self.episode == self.worst())
        place_of = {NOBODY: NOBODY, **{int(place): number for number, place in enumerate(places)}}
        events = self.events[places]
        return {
            "hours": (events["at"] / SUBSTEPS).tolist(), "size": events["size"].tolist(),
            "hedge": (events["who"] < 0).tolist(), "generation": self.depth()[places].tolist(),
            "parents": [place_of[parent] for parent in self.parents[places].tolist()],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TreeSample:
        """The sample whose fields went through JSON as lists."""
        fields = {name: np.array(data[name]) for name in ("episode", "parents", "caused", "caused_size", "labels")}
        events = np.array([tuple(event) for event in data["events"]], SEEN)
        return cls(events=events, left_out=data["left_out"], **fields)


@dataclass(frozen=True)
class Tree:
    """Mutes every sale, one a branch and row, and looks who is spared.

    An event is known in another branch by whom it happens to and how often that has been. In a branch all is the same
    up to the muted sale, so that what is missing within `within` of it is what it caused, directly or through others.
    Only events are read, neither rewards nor mandates.

    Attributes:
        within: time after a cause in which effects are looked for, in the world's unit (sub-steps: six hours).
        most: events of an episode that are muted, the largest.
        events: those of a step, SEEN.
        mute: (world, rows, serials): mutes one a row.
        trades: of the protocol's own, decision by decision, which are muted too.
    """

    within: int = 72
    most: int = 64
    events: Callable[[Any], NDArray[np.void]] = sales_of
    mute: Callable[[Any, NDArray[np.int64], NDArray[np.int64]], None] = mute_sales
    trades: Callable[[Any, int], Sequence[Trades]] = hedges_of
    name = "cascades"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> TreeSample:
        """Fork with each sale and without; `read` is this measure's own.

        Raises:
            BadInput: nothing happened.
        """
        log = _Log(self.events)
        parts, labels = list[tuple[NDArray[Any], ...]](), list[NDArray[Any]]()
        left_out = count = 0
        for number, point in enumerate(fork_points(world, governors, _with(plan, log))):
            found, skipped = self._episodes(point, log, plan.steps)
            events, parents, caused, sizes = found
            episode = number * len(plan.seeds) + events["row"]
            parts.append((events, episode, np.where(parents == NOBODY, NOBODY, parents + count), caused, sizes))
            labels.append(plan.labels[events["row"]])
            left_out, count = left_out + skipped, count + len(events)
        if not count:
            raise BadInput(f"no event happened in {plan.steps} decisions after decisions {plan.times}")
        events, episode, parents, caused, sizes = (np.concatenate(own) for own in zip(*parts, strict=True))
        return TreeSample(events, episode, parents, caused, sizes, np.concatenate(labels), left_out)

    def _episodes(self, point: ForkPoint, log: _Log, steps: int) -> tuple[tuple[NDArray[Any], ...], int]:
        """(events, parents, caused, caused sizes) of all rows from one moment on, and how many were not muted."""
        base = log.run(point, steps)
        spans = [_span(base, row) for row in range(point.rows)]
        parents, since = np.full(len(base), NOBODY), np.full(len(base), np.iinfo(np.int64).min)
        caused = np.full((2, len(base)), np.nan)
        chosen = [_largest(base["size"][a:b], self.most) + a for a, b in spans]
        for turn in range(max(own.size for own in chosen)):
            at = np.array([own[turn] for own in chosen if own.size > turn])
            mute = partial(_call, self.mute, base["row"][at], base["serial"][at])
            without = log.run(point, steps, mute)
            for cause in at.tolist():
                lost, caused[:, cause] = self._missing(base, without, base[cause], cause + 1)
                later = lost[since[lost] <= cause]
                parents[later], since[later] = cause, cause
        more, more_caused = list[Any](), list[Floats]()
        for trades in point.look(lambda world: self.trades(world, steps)):
            without = log.run(point, steps, trades.mute)
            for row, (a, b) in enumerate(spans):
                first = a + int(np.searchsorted(base["at"][a:b], trades.at[row]))
                cause = np.array((row, trades.who, trades.who, trades.at[row], NOBODY, NOBODY, 0.0), SEEN)
                lost, counted = self._missing(base, without, cause, first)
                if lost.size:
                    later = lost[since[lost] < first]  # no sale between them and it
                    parents[later], since[later] = len(base) + len(more), first
                    more.append(cause)
                    more_caused.append(counted)
        events = np.concatenate([base, np.array(more, SEEN)])
        parents = np.concatenate([parents, np.full(len(more), NOBODY)])
        left_out = int(np.isnan(caused[0]).sum())
        caused = np.concatenate([caused, np.array(more_caused).reshape(-1, 2).T], axis=1)
        return (events, parents, caused[0], caused[1]), left_out

    def _missing(
        self, base: NDArray[np.void], without: NDArray[np.void], cause: Any, first: int
    ) -> tuple[NDArray[np.int64], Floats]:
        """What is missing without a cause: positions in `base`, from `first` on; number and size of others'.

        Up to the cause both are the same, so that what comes after it begins at the same place.
        """
        row, end = cause["row"], cause["at"] + self.within
        (a, b), (c, d) = _span(base, row), _span(without, row)
        ours, theirs = base[a:b], without[c:d]
        near, new = ours["at"] <= end, theirs["at"] <= end
        near[: first - a], new[: first - a] = False, False
        kept, names = set(_names(theirs[theirs["at"] <= end])), _names(ours)
        lost = [place for place in np.flatnonzero(near).tolist() if names[place] not in kept]
        near &= ours["party"] != cause["party"]
        new &= theirs["party"] != cause["party"]
        counted = np.array([near.sum() - new.sum(), ours["size"][near].sum() - theirs["size"][new].sum()], np.float64)
        return a + np.array(lost, np.int64), counted

    def reduce(self, sample: TreeSample) -> list[Finding]:
        """What a sale causes, claimed above 0; and, descriptive, what the record's own parents are worth."""
        real = sample.events["who"] >= 0
        muted = real & ~np.isnan(sample.caused)
        names = ["events of others that a sale causes", "size of the events that it causes"]
        means = [cluster_means(own[muted], sample.labels[muted]) for own in (sample.caused, sample.caused_size)]
        found = family(self.name, "cascade", names, np.stack(means, axis=1), upward=True)
        by_forks = (sample.parents != NOBODY).astype(np.float64)
        for name, among in (
            ("share of events with a cause by forks", real),
            (
                "share of those with a cause in the record for which forks find one",
                real & (sample.events["parent"] >= 0),
            ),
        ):
            if among.any():
                share = student_t(cluster_means(by_forks[among], sample.labels[among]))
                found.append(Finding(self.name, name, share, np.nan, np.nan, np.nan, "descriptive", False))
        return found


def _call(mute: Callable[..., None], rows: NDArray[np.int64], serials: NDArray[np.int64], world: Any) -> None:
    mute(world, rows, serials)


def _with(plan: Plan, read: Any) -> Plan:
    return Plan(plan.seeds, plan.units, plan.times, plan.steps, read, plan.limits)


def _largest(sizes: Floats, most: int) -> NDArray[np.int64]:
    """Positions of the largest, in their order."""
    return np.sort(np.argsort(-sizes, kind="stable")[:most])


def _span(events: NDArray[np.void], row: int) -> tuple[int, int]:
    """First position of a row's events, and first after; they lie row by row."""
    return int(np.count_nonzero(events["row"] < row)), int(np.count_nonzero(events["row"] <= row))


def _names(events: NDArray[np.void]) -> list[tuple[int, int]]:
    """(who, for the how many-th time) of events of one row in their order."""
    times: dict[int, int] = {}
    names = []
    for who in events["who"].tolist():
        times[who] = times.get(who, 0) + 1
        names.append((who, times[who]))
    return names
