"""Recovery: hours are counted from the crash to the last sign of it, and a market without a crash needs none."""

import numpy as np

from protogov.experiments.core.pieces import HERE
from protogov.experiments.studies.recovery import CRASH_AT, FALLS, PROTOCOLS, SIGNS, Options, hours_out, measure


def test_hours_are_those_to_the_last_sign() -> None:
    calm = {name: np.zeros(2 * 60) for name in ("queue", "liquidations", "rate")}
    crash = {name: values.copy() for name, values in calm.items()}
    crash["rate"].reshape(2, 60)[0, CRASH_AT + 3] = 0.02  # the fifth hour from the one of the crash on
    crash["queue"].reshape(2, 60)[0, CRASH_AT - 1] = 1.0
    crash["queue"].reshape(2, 60)[1, CRASH_AT - 2] = 1.0  # before the crash: none of it
    crash["rate"].reshape(2, 60)[1, CRASH_AT + 5] = 0.009  # within the margin
    found = hours_out(crash, calm, 2)
    assert found["rate"].tolist() == [5.0, 0.0]
    assert found["queue"].tolist() == [1.0, 0.0]
    assert found["hours"].tolist() == [5.0, 0.0]


def test_a_deeper_crash_liquidates_longer() -> None:
    found = measure(Options(seeds=8, jobs=1), HERE)
    table = found.tables["summary"]
    assert len(table["fall"]) == len(FALLS) * len(PROTOCOLS)
    assert all((table[f"{sign}_low"] <= table[sign]).all() for sign in SIGNS)
    assert (table["hours"] >= table["queue"]).all() and table["hours"].max() > 0.0
