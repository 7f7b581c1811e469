"""Every scenario's episodes, bit for bit as they were when the digests beside this file were stored.

For work that must change no number: after a change that is meant to, store them anew and say so in CHANGELOG,

    python tests/envs/test_episode_digests.py

A digest is of 64 episodes under random levers: tapes, terms, welfare, executed levers and events. Bits are those of
x86-64 with the C library's fused exponentials; elsewhere the last bit of an exponential may differ.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import overlay_names, scenario_names
from protogov.envs.simulator import Simulator

STORED = Path(__file__).with_name("episode_digests.json")
EPISODES = 64
SCENARIOS = tuple(name for split in ("train", "validation", "free") for name in scenario_names(split))
NAMES = (*SCENARIOS, *(f"jump + {name}" for name in overlay_names()))


def digest_of(scenario: str, venues: int) -> str:
    world = Simulator(WorldConfig(venues=venues), EPISODES, scenario=scenario)
    world.reset(seeds=np.arange(EPISODES, dtype=np.uint64))
    digest = hashlib.sha256()

    def add(values: np.ndarray) -> None:
        for name in values.dtype.names or ():
            add(values[name])
        if not values.dtype.names:
            digest.update(np.ascontiguousarray(values).tobytes())

    add(world.tape)
    random = np.random.default_rng(0)
    for _ in range(world.horizon):
        levers = {name: random.uniform(-1.0, 1.0, (EPISODES, world.action_size(name))) for name in world.agents}
        step = world.step(levers)
        for name in world.agents:
            add(step.terms[name])
            add(step.executed[name])
        for venue in range(venues):
            add(world.welfare(venue))
        add(step.n_events)
        add(step.events[np.arange(step.events.shape[1]) < step.n_events[:, None]])
    return digest.hexdigest()[:16]


@pytest.mark.long
@pytest.mark.parametrize("venues", [1, 2])
@pytest.mark.parametrize("scenario", NAMES)
def test_episodes_are_what_they_were(scenario: str, venues: int) -> None:
    assert digest_of(scenario, venues) == json.loads(STORED.read_text())[scenario][str(venues)]


def test_every_scenario_has_a_digest() -> None:
    assert set(json.loads(STORED.read_text())) == set(NAMES)


if __name__ == "__main__":
    found = {}
    for scenario in NAMES:
        found[scenario] = {str(venues): digest_of(scenario, venues) for venues in (1, 2)}
        print(scenario, found[scenario], file=sys.stderr, flush=True)
    STORED.write_text(json.dumps(found, indent=1) + "\n")
