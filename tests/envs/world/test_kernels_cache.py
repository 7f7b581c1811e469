"""The cache of compiled kernels: it is used when nothing changed, and it never runs yesterday's physics.

numba's own cache does not see a change in a callee of another file. The tests work on a copy of the package whose
mechanisms are cut down to one, so that a compilation takes seconds; `kernels.py` and the edited callee are real.
"""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import protogov.envs.world
from protogov.envs.simulator import Simulator
from protogov.envs.world import sources
from protogov.envs.world.kernels import kernels, source_digest

WORLD = Path(protogov.envs.world.__file__).parent

CUT_DOWN = {
    "step.py": """
from protogov.envs.world.compiled import compiled
from protogov.envs.world.lending import refresh_rates

@compiled
def begin_decision(world, actions, params):
    refresh_rates(world.venues[0], params[0])

@compiled
def run_hour(world, tape, events, params):
    world.hour += 1
""",
    "interventions.py": """
from protogov.envs.world.compiled import compiled

@compiled
def lay_beside(log, interventions, i):
    log.interventions[0] = interventions[0]
""",
    "opening.py": """
from protogov.envs.world.compiled import compiled

@compiled
def open_world(world, tape, params):
    venue = world.venues[0]
    venue.borrow_index, venue.cash, venue.scaled_debt = 1.0, 250.0, 750.0
    venue.base_rate, venue.slope1, venue.slope2, venue.optimal_utilisation = 0.01, 0.05, 0.6, 0.75
""",
    "welfare.py": """
import numpy as np
from protogov.envs.world.compiled import compiled

TERMS = np.dtype([("welfare", "f8")])

@compiled
def settle_terms(world, venue, hours, out, p):
    out.welfare = 1.0
""",
    "features.py": """
import numpy as np

WORLD_DTYPE = VENUE_DTYPE = np.dtype([("one", "f8")])
WORLD_SCALE = VENUE_SCALE = np.ones(1)
WORLD_SYMLOG = VENUE_SYMLOG = np.zeros(1, np.bool_)
SURFACE_AT = ACCOUNTS_AT = VENUE_COLUMNS = 1
""",
    "observe.py": """
from protogov.envs.world.compiled import compiled

@compiled
def observe_world(world, venue, out, p):
    out.one = 1.0

@compiled
def observe_venue(world, venue, out, p):
    out.one = venue.borrow_rate

@compiled
def observe_surface(world, venue, out, p):
    out.one = 0.0

@compiled
def observe_accounts(venue, out):
    out.one = 0.0

@compiled
def normalise(raw, scale, symlog, out, offset, start, stop):
    out[offset] = raw[0]
""",
}

SCRIPT = """
import json
import numpy as np
from protogov.envs.world import kernels as k
from protogov.envs.world.records import CONTROLS, RECORD
from protogov.envs.world.lever_table import NUM_LEVERS
from protogov.envs.world.state import EVENT, EVENT_LOG, INTERVENTIONS, TAPE

def rows(shape, dtype):
    return np.zeros(shape, dtype).view(np.recarray)

built = k.kernels(1)
n = 2
worlds, params, tape = rows(n, k.world_dtypes[1]), rows((n, 1), k.PARAMS), rows((n, 3), TAPE)
world_features, venue_features = rows((n, 1), k.WORLD_DTYPE), rows((n, 1), k.VENUE_DTYPE)
world_flat = world_features.view(np.float64).view(np.ndarray).reshape(n, 1, -1)
venue_flat = venue_features.view(np.float64).view(np.ndarray).reshape(n, 1, -1)
worlds.num_venues = 1
obs, actions = np.zeros((n, 2), np.float32), np.zeros((n, 1, NUM_LEVERS))
rest = (world_features, world_flat, venue_features, venue_flat, obs, rows((n, 1), CONTROLS))
events, counts = rows((n, 8), EVENT), np.ones(n, np.int64)
built.reset_range(worlds, params, tape, *rest, np.arange(n), rows((n, 3), TAPE))
records, beside, logs = rows((n, 1), RECORD), rows(1, INTERVENTIONS), rows(1, EVENT_LOG)
terms = rows((n, 1), k.TERMS)
built.step_range(worlds, params, tape, actions, *rest, terms, records, events, beside, logs, k.WHOLE, 0, n)
built.copy_events(events, counts, rows((n, 1), EVENT))
stats = [kernel.stats for kernel in built]
print(json.dumps({
    "rate": float(worlds["venues"]["borrow_rate"][1, 0]),
    "hits": [sum(s.cache_hits.values()) for s in stats],
    "misses": [sum(s.cache_misses.values()) for s in stats],
    "signatures": [len(kernel.signatures) for kernel in built],
}))
"""


class Copy:
    """A cut-down copy of the package with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.world = folder / "src" / "protogov" / "envs" / "world"
        shutil.copytree(WORLD, self.world, ignore=shutil.ignore_patterns("__pycache__"))
        for package in (self.world.parent.parent, self.world.parent):
            (package / "__init__.py").write_text("")
        for name, source in CUT_DOWN.items():
            (self.world / name).write_text(source)
        self.environment = os.environ | {
            "PYTHONPATH": str(folder / "src"),
            "NUMBA_CACHE_DIR": str(self.cache),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, code: str = SCRIPT) -> tuple[dict[str, Any], str]:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        out: dict[str, Any] = json.loads(done.stdout)
        assert out["signatures"] == [1, 1, 1]
        return out, done.stderr

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.world / name
        source = path.read_text()
        assert source.count(old) == 1, f"{old!r} is not in {name} once"
        path.write_text(source.replace(old, new))

    def files(self, suffix: str) -> list[Path]:
        return sorted(self.cache.rglob(f"*.{suffix}"))


LINE = "return base + slope1 * utilisation / optimal"


def test_a_changed_callee_is_compiled_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    old, new = LINE, LINE.replace("slope1", "2.0 * slope1")
    cold, _ = copy.run()
    assert cold["rate"] == pytest.approx(0.06) and cold["hits"] == [0, 0, 0] and cold["misses"] == [1, 1, 1]
    compiled = copy.files("nbc")
    assert len(copy.files("nbi")) == len(compiled) == 3  # one index and one object a kernel; callees have none

    warm, _ = copy.run()
    assert warm["rate"] == cold["rate"] and warm["hits"] == [1, 1, 1] and warm["misses"] == [0, 0, 0]
    assert copy.files("nbc") == compiled

    copy.edit("lending.py", old, new)
    edited, _ = copy.run()
    assert edited["rate"] == pytest.approx(0.11) and edited["misses"] == [1, 1, 1]
    assert len(copy.files("nbi")) == 3

    copy.edit("lending.py", new, old)
    back, _ = copy.run()
    assert back["rate"] == cold["rate"] and back["hits"] == [1, 1, 1]


EDIT = """
def edit(old, new):
    from pathlib import Path
    path = Path(s.__file__).with_name("lending.py")
    path.write_text(path.read_text().replace(old, new))
"""


@pytest.mark.long
@pytest.mark.parametrize("moment", ["before the code is read", "after it", "not at all"])
def test_a_process_whose_sources_are_edited_stores_nothing(tmp_path: Path, moment: str) -> None:
    """Another process edits lending.py while this one is between its import and its compilation, then takes it back."""
    copy, twice = Copy(tmp_path), LINE.replace("slope1", "2.0 * slope1")
    edit = f"{EDIT}edit({LINE!r}, {twice!r})\n" if moment != "not at all" else ""
    begin = "import protogov.envs.world.sources as s\n"
    imported = "from protogov.envs.world import kernels as k\n"
    code = begin + (edit + imported if moment.startswith("before") else imported + edit) + SCRIPT
    first, said = copy.run(code)
    assert first["rate"] == pytest.approx(0.11 if moment.startswith("before") else 0.06)
    assert ("lending.py was edited after this process imported it" in said) == bool(edit)
    assert len(copy.files("nbc")) == (0 if edit else 3)
    if edit:  # whatever is on the disk now, its code is made of it
        assert copy.run()[0]["rate"] == pytest.approx(0.11)
        copy.edit("lending.py", twice, LINE)
    assert copy.run()[0]["rate"] == pytest.approx(0.06)


def test_the_digest_sees_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(WORLD, tmp_path / "world", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sources, "_asked", {})

    def digest(folder: str) -> str:
        monkeypatch.setattr(sources, "_seen", {})
        monkeypatch.setattr(sources, "_ENVS", Path("nowhere"))
        sources.digest_of.cache_clear()
        return source_digest(folder)

    base = digest(str(tmp_path / "world"))
    now, whole = digest(str(WORLD)), source_digest()
    assert base == now == whole  # the place of the folder does not matter
    seen = {base}
    for path in sorted((tmp_path / "world").rglob("*.py")):
        source = path.read_bytes()
        path.write_bytes(source + b"\n")
        seen.add(digest(str(tmp_path / "world")))
        path.write_bytes(source)
    assert len(seen) == 1 + len(list(WORLD.rglob("*.py"))) > 20
    (tmp_path / "world" / "population" / "new.py").write_text("")
    assert digest(str(tmp_path / "world")) not in seen


def test_only_the_entry_points_have_a_cache() -> None:
    for path in WORLD.parent.rglob("*.py"):
        source = path.read_text()
        if path.parent == WORLD or WORLD in path.parents:
            assert ("keep_compiled(" in source) == (path.name == "kernels.py"), path.name
        # numba's own cache raises where no folder is writable, when the disk is full, and at a damaged file
        assert "cache=True" not in source and "enable_caching" not in source, path.name
        assert "parallel=True" not in source, path.name
        # elsewhere by the two decorators of compiled.py
        assert path.name == "compiled.py" or "inline=" not in source, path.name


def test_what_is_inlined_has_one_caller() -> None:
    """In a second caller it would be compiled once more; in a dozen, numba takes three times as long."""
    sources = "\n".join(path.read_text() for path in WORLD.rglob("*.py"))
    inlined = re.findall(r"^@inlined\ndef (\w+)\(", sources, re.MULTILINE)
    assert len(inlined) == sources.count("\n@inlined\n") > 3
    for name in inlined:
        assert len(re.findall(rf"(?<!def )\b{name}\(", sources)) == 1, name


@pytest.mark.parametrize("venues", [1, 2])
def test_one_signature_a_kernel(simulate: Callable[..., Simulator], shake: Callable[..., Any], venues: int) -> None:
    rng = np.random.default_rng(0)
    for scenario, worlds, hours in (("jump", 1, 1), ("flat", 7, 24), ("crash-heldout", 3, 6)):
        simulator = simulate(scenario, worlds, venues=venues, decision_hours=hours, episode_hours=48)
        fork = simulator.fork([0, 0])
        fork.restore(fork.snapshot())
        for each in (simulator, fork, pickle.loads(pickle.dumps(simulator))):
            each.step(shake(each, rng))
            each.reset(mask=np.arange(each.num_worlds) == 0)
            each.step(shake(each, rng))
    threaded = Simulator(simulator.config, 5, scenario="jump", num_threads=2)
    threaded.reset()
    threaded.step(shake(threaded, rng))
    dispatchers: list[Any] = list(kernels(venues))
    assert [len(dispatcher.signatures) for dispatcher in dispatchers] == [1, 1, 1]


@pytest.mark.parametrize("venues", [0, 3])
def test_other_capacities_are_refused(venues: int) -> None:
    with pytest.raises(ValueError, match=f"venues = {venues} must be between 1 and 2"):
        kernels(venues)
