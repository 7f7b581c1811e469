"""Trees rebuilt from events, against trees walked parent by parent."""

from collections.abc import Sequence

import numpy as np
import pytest

from protogov.envs.world.state import EVENT, EventKind
from protogov.experiments.core.cascades import cascades


def make_events(parents: Sequence[int], kinds: Sequence[int] | None = None) -> np.ndarray:
    """Events 0, 1, … with these parents; event i repays 10 ** i USD, so that a sum tells who is in it."""
    events = np.zeros(len(parents), EVENT)
    for i, parent in enumerate(parents):
        own = (i, 0) if parent < 0 else (events["root"][parent], events["generation"][parent] + 1)
        events[i] = (3 * i, EventKind.LIQUIDATION, 0, 9, parent, *own, i, 10.0**i, 0.1, 1000.0, 0.0)
    if kinds is not None:
        events["kind"] = kinds
    return events


def test_two_trees_of_which_one_has_three_generations() -> None:
    #  0        2        events 0, 1, 3, 5 are one tree: 0 caused 1 and 3, 3 caused 5
    #  |- 1     |- 4
    #  |- 3
    #     |- 5
    trees = cascades(make_events([-1, 0, -1, 0, 2, 3]))
    assert trees["root"].tolist() == [0, 2]
    assert trees["size"].tolist() == [4, 2] and trees["depth"].tolist() == [2, 1]
    assert trees["substep"].tolist() == [0, 6]
    assert trees["repaid"].tolist() == [101_011.0, 10_100.0]
    assert trees["caused"].tolist() == [101_010.0, 10_000.0]
    assert trees["liquidations"].tolist() == [4, 2] and trees["bad_debt"].tolist() == [0.0, 0.0]


def test_losses_belong_to_their_tree_and_are_no_liquidations() -> None:
    events = make_events([-1, 0, 1], [EventKind.LIQUIDATION, EventKind.LIQUIDATION, EventKind.BAD_DEBT])
    events["repaid"][2], events["bad_debt"][2] = 0.0, 7.0
    trees = cascades(events)
    assert (trees["size"][0], trees["liquidations"][0], trees["bad_debt"][0]) == (3, 2, 7.0)


def test_worlds_are_kept_apart_and_kinds_may_be_words() -> None:
    events = make_events([-1, 0])
    table = {name: np.concatenate([events[name], events[name]]) for name in EVENT.names or ()}
    table["kind"] = np.array(["liquidation", "liquidation", "deleverage", "liquidation"])
    table["world"] = np.array([0, 0, 5, 5])
    trees = cascades(table)
    assert trees["world"].tolist() == [0, 5] and trees["root"].tolist() == [0, 0]
    assert trees["size"].tolist() == [2, 2] and trees["liquidations"].tolist() == [2, 1]


def test_nothing_happened() -> None:
    assert all(column.size == 0 for column in cascades(np.zeros(0, EVENT)).values())


@pytest.mark.parametrize("seed", range(3))
def test_against_a_walk_from_each_event_to_its_root(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parents = [-1] + [int(rng.integers(-1, i)) if rng.random() < 0.8 else -1 for i in range(1, 200)]
    walked: dict[int, list[int]] = {}
    for i in range(200):
        root, links = i, 0
        while parents[root] >= 0:
            root, links = parents[root], links + 1
        walked.setdefault(root, []).append(links)
    events = make_events(parents)
    events["repaid"] = 1.0
    trees = cascades(events)
    assert trees["root"].tolist() == sorted(walked)
    assert trees["size"].tolist() == [len(walked[root]) for root in sorted(walked)]
    assert trees["depth"].tolist() == [max(walked[root]) for root in sorted(walked)]
    assert trees["repaid"].sum() == 200.0
