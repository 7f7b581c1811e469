"""No key of the noise is drawn for two meanings: what is independent in the story is independent in the numbers.

Without jitting every call of `uniform` can be seen. A meaning is the line that draws and whom it draws for: the venue,
account, supplier, seller, attacker or number of an arrival that the drawing function knows by its local names.
"""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
import numpy as np
import protogov.envs.world.noise as noise

WHO = ("v", "i", "j", "s", "number", "entity", "attacker", "index", "busy", "rebounding")
plain, seen = noise.uniform, {}

def recorded(*key):
    frame = sys._getframe(1)
    while frame.f_code.co_filename == noise.__file__:
        frame = frame.f_back
    names = frame.f_locals
    who = tuple((name, int(names[name])) for name in WHO if name in names)
    line = f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_code.co_name}:{frame.f_lineno}"
    seen.setdefault(tuple(int(part) for part in key), {}).setdefault((line, who), 0)
    return plain(*key)

import protogov.envs.scenarios as scenarios
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator

for module in list(sys.modules.values()):
    if getattr(module, "uniform", None) is plain:
        module.uniform = recorded
assert noise.uniform is recorded

def allowed(meanings):
    # the people of two venues are the same persons and their options expire together: drawn at each, by one line
    lines = {line for line, _ in meanings}
    persons = {tuple(pair for pair in who if pair[0] != "v") for _, who in meanings}
    shared = ("draw_borrowers", "draw_suppliers", "open_option_pool")
    return len(lines) == 1 and len(persons) == 1 and any(name in next(iter(lines)) for name in shared)

def report():
    twice = {key: meanings for key, meanings in seen.items() if len(meanings) > 1 and not allowed(meanings)}
    for key, meanings in list(twice.items())[:5]:
        print(key, "is drawn by", "; ".join(f"{line} for {dict(who)}" for line, who in meanings))
    print(len(seen), "keys,", len(twice), "for two meanings")
    return not twice

def play(venues, hours, **more):
    parameters = dict(short_entry=0.9, attentive_activity=1.0, put_look=1.0, put_health=2.0, lp_look=1.0, **more)
    config = WorldConfig(venues=venues, decision_hours=4, episode_hours=hours, randomise_levers=0.5, stagger=False,
                         member="ensemble")
    scenario = scenarios.get_scenario("jump")
    attacks = [scenarios.Pulse("push", 4, sets={"oracle_push": 0.2}, onset=3),
               scenarios.Pulse("grief", 6, sets={"griefing": 0.9}, onset=2),
               scenarios.Pulse("run", 8, sets={"supplier_exit": 0.5}, onset=4)]
    for attack in attacks:
        scenario = scenario + attack
    world = Simulator(config.with_parameters(**parameters), 1, scenario=scenario, seed=5)
    world.reset()
    rng = np.random.default_rng(1)
    for _ in range(world.horizon):
        world.step({a: rng.uniform(-1, 1, (1, world.action_size(a))) for a in world.agents})

what = sys.argv[1]
with np.errstate(over="ignore"):
    if what == "world":
        play(2, 16)
    elif what == "crowd":
        play(1, 12, arrivals=200.0)
    elif what == "aliased":  # the negative control: sellers who draw their margin with the key of arrivals
        import protogov.envs.world.population.short_sellers as sellers
        class Aliased:
            def __getattr__(self, name):
                return noise.Purpose["OPTION_MARGIN" if name == "SHORT_SELLER_MARGIN" else name]
        sellers.Purpose = Aliased()
        play(1, 48, buy_share=0.9)
    else:
        from protogov.envs.scenarios.sealed import free_copy, sealed_names

        for name in scenarios.scenario_names():
            scenarios.get_scenario(name).draw([3], 336)
        for name in sealed_names():
            free_copy(name).draw([3], 336)
        for name in scenarios.overlay_names():
            (scenarios.get_scenario("jump") + scenarios.get_scenario(name)).draw([3], 60)
sys.exit(0 if report() else 1)
"""


def keys_of(what: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, what], env=environment, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.mark.parametrize("what", ["world", "crowd", "scenarios"])
def test_no_key_is_drawn_for_two_meanings(what: str) -> None:
    done = keys_of(what)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert int(done.stdout.split()[-6]) > 5_000  # of a whole world, or of every scenario


def test_a_shared_key_is_found() -> None:
    done = keys_of("aliased")
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    assert "short_sellers.py:consider_writing" in done.stdout
