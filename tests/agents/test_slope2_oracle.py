"""The automated rule of February 2026: its limits, its first response, its silence; and the market that it meets."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from protogov.agents.baselines import make_governor
from protogov.agents.baselines.slope2_oracle import Slope2Oracle
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.envs.simulator import Simulator

RATE = ROLES["rate"]
LEVERS = RATE.lever_rows()
COLUMN = RATE.levers.index("slope2")
ROWS, SEEDS = np.arange(1), np.zeros(1, np.uint64)


def seen(utilisation, rate, hours=8):
    values = {"utilisation": np.array([utilisation]), "borrow_rate": np.array([rate])}
    return SimpleNamespace(obs=np.zeros((1, 2), np.float32), decision_hours=hours, raw=values.get)


def asked(governor, *readings):
    targets = []
    for utilisation, rate in readings:
        action = governor.act(seen(utilisation, rate))
        assert (np.delete(action[0], COLUMN) == 0.0).all()  # the other levers stay at their defaults
        assert LEVERS[COLUMN].value(action[0, COLUMN]) == pytest.approx(governor.asked[0], rel=1e-5)
        targets.append(governor.asked[0])
    return targets


def test_rests_at_the_default_below_the_kink():
    assert asked(Slope2Oracle(LEVERS), (0.7, 0.05), (0.8, 0.055), (0.88, 0.06)) == pytest.approx([0.6] * 3)


def test_first_response_to_a_run_is_a_cut_of_at_most_four_points_then_nothing():
    # the mean rate is that of the calm days, 5.5%: below base + slope1, so that the slope that keeps it is the least
    calm, rising = (0.8, 0.055), (0.94, 0.36)
    governor = Slope2Oracle(LEVERS)
    assert asked(governor, calm, rising, rising) == pytest.approx([0.6, 0.56, 0.52])
    # at full utilisation it takes its reading for an error, for as long as that lasts
    assert asked(governor, *[(0.9985, 0.55)] * 30) == pytest.approx([0.52] * 30)
    # and goes back when nobody needs it any more
    assert asked(governor, calm, calm, calm) == pytest.approx([0.56, 0.60, 0.60])


def test_changes_at_most_every_eight_hours():
    governor = Slope2Oracle(LEVERS)
    targets = []
    for _ in range(12):
        governor.act(seen(0.95, 0.05, hours=1))
        targets.append(governor.asked[0])
    assert targets == pytest.approx([0.56] * 8 + [0.52] * 4)


def test_aims_for_the_slope_that_keeps_the_rate():
    # a mean rate of 30%, at 94% utilisation half way beyond the kink of 88%: slope2 (30 - 6) / 0.5 = 48%
    governor = Slope2Oracle(LEVERS)
    assert asked(governor, *[(0.94, 0.30)] * 6)[-1] == pytest.approx(0.48)


def test_remembers_and_forgets_row_by_row():
    governor = Slope2Oracle(LEVERS)
    asked(governor, (0.94, 0.05), (0.94, 0.05))
    copy = Slope2Oracle(LEVERS)
    copy.load_state_dict(governor.state_dict())
    assert asked(copy, (0.95, 0.1)) == asked(governor, (0.95, 0.1))
    governor.reset(ROWS, SEEDS)
    assert governor.asked == pytest.approx([0.6])
    with pytest.raises(ValueError, match="governor 'slope2_oracle' sets base_rate"):
        make_governor("slope2_oracle", ROLES["risk"])


@pytest.mark.parametrize("name", ["slope2_oracle"])
def test_the_failure_in_the_market_of_february(name):
    n = 32
    world = Simulator(WorldConfig(autonomy=72.0), n, scenario="slope2-2026-02", seed=5)
    world.reset()
    governor = make_governor(name, RATE)
    governor.reset(np.arange(n), np.zeros(n, np.uint64))
    utilisation, slope2 = [], []
    while not world.truncated().all():
        actions = {agent: np.zeros((n, world.action_size(agent))) for agent in world.agents}
        actions["rate_0"] = governor.act(world.view("rate_0"))
        world.step(actions)
        utilisation.append(world.worlds["venues"]["utilisation"][:, 0].copy())
        slope2.append(world.worlds["venues"]["slope2"][:, 0].copy())
    used, slope = np.array(utilisation), np.array(slope2)
    assert np.median(used.max(axis=0)) > 0.9985
    assert np.median((used > 0.97).sum(axis=0) * 6) > 72  # for days
    # in about half of the worlds utilisation rose slowly enough for it to cut before it took fright
    assert (slope.min(axis=0) < 0.57).mean() > 0.4
    # while utilisation is beyond what it trusts it does not move: only a change under way may still land
    stuck = (used[:-1] > 0.97) & (used[1:] > 0.97)
    assert (np.abs(np.diff(slope, axis=0))[stuck] > 1e-9).mean() < 0.1
