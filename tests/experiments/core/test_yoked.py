"""The yoked control: another tape's actions to the last digit, over batches; nothing changes where nobody reacts."""

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import get_scenario
from protogov.experiments.core import evaluation
from protogov.experiments.core.evaluation import YOKED, Suite, evaluate_sets
from protogov.experiments.core.governors import STATIC, baseline
from protogov.experiments.core.tables import select
from protogov.experiments.core.yoked import Paths

DAY = WorldConfig(episode_hours=24)


class Noting:
    """Asks for the number of its tape and decision, and notes what it was asked with."""

    def __init__(self, size):
        self.size, self.count, self.rows, self.decision = size, 0, 0, 0

    def reset(self, rows, seeds):
        self.count, self.rows, self.decision = self.count + self.rows, len(rows), 0

    def act(self, view):
        tapes = self.count + np.arange(self.rows)
        self.decision += 1
        return np.repeat((tapes / 100 + self.decision / 1000)[:, None], self.size, axis=1).astype(np.float32)

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def play_batches(governor, sizes, decisions=3):
    found = []
    for size in sizes:
        governor.reset(np.arange(size), np.zeros(size, np.uint64))
        found.append(np.stack([governor.act(None) for _ in range(decisions)]))
    return np.concatenate(found, axis=1)


def test_on_every_tape_the_next_one_s_actions_are_asked_for_and_on_the_last_the_first_s():
    paths = Paths()
    recorded = paths.recorded({"rate_0": Noting(4)})
    own = play_batches(recorded["rate_0"], (2, 2, 1))
    again = play_batches(paths.yoked()["rate_0"], (2, 2, 1))
    np.testing.assert_array_equal(again, np.roll(own, -1, axis=1))
    assert (again != own).all()
    with pytest.raises(ValueError, match="tapes are 1; at least 2"):
        alone = Paths()
        play_batches(alone.recorded({"rate_0": Noting(4)})["rate_0"], (1,))
        alone.yoked()


def test_who_does_not_react_gains_what_it_gains_and_who_does_does_not(monkeypatch):
    monkeypatch.setattr(evaluation, "MAX_BATCH", 2)
    sets = [baseline(name, DAY) for name in (STATIC, "pi")]
    suites = [Suite("jump", (get_scenario("jump"),), 3)]
    table = evaluate_sets(DAY, suites, sets[:1], yoke={STATIC})
    still, moved = (select(table, table["governors"] == name)["welfare/0"] for name in (STATIC, f"{YOKED} of {STATIC}"))
    np.testing.assert_array_equal(still, moved)
    played = []
    table = evaluate_sets(DAY, suites, sets, played.append, yoke={"pi"})
    assert played == [3, 3, 3] and table["governors"].tolist() == [STATIC] * 3 + ["pi"] * 3 + [f"{YOKED} of pi"] * 3
    own, other = (select(table, table["governors"] == name) for name in ("pi", f"{YOKED} of pi"))
    np.testing.assert_array_equal(own["tape_seed"], other["tape_seed"])
    assert (own["welfare/0"] != other["welfare/0"]).all()
