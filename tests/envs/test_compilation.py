"""The first compilation is said, once; a cache that is damaged, full or nowhere costs time and never a run.

Kernels here are two lines long, so that a compilation takes a moment; how they are kept and said is the real thing.
Each process is one of its own, because what was compiled stays in memory.
"""

import json
import os
import pickle
import pty
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

import protogov.envs
from protogov.envs.compilation import LOCK
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator

MODULE = """
import json, os, sys, time
import numpy as np
from numba import njit
from numba.core import event
from protogov.envs.compilation import compile_kernels
from protogov.envs.world.kernels import UNCACHED, keep_compiled

SCALE = float(os.environ.get("SCALE", "2"))
NAP = float(os.environ.get("NAP", "0"))

class Slow(event.Listener):
    def on_start(self, event):
        time.sleep(NAP)
    def on_end(self, event):
        pass

@njit
def scaled(x):
    return SCALE * x

def build(digest):
    def total(x, n):
        version = digest
        found = 0.0
        for i in range(n):
            found += scaled(x[i])
        return found
    return keep_compiled(total)

def run(number=0):
    if NAP:
        event.register("numba:compile", Slow())
    kernel = build(f"sources with {SCALE}")
    seconds = compile_kernels([(kernel, (np.zeros(3), 0))], "toys")
    assert kernel(np.ones(3), 0) == 0.0
    stats = kernel.stats
    return {"seconds": seconds, "total": kernel(np.ones(3), 3), "misses": sum(stats.cache_misses.values()),
            "hits": sum(stats.cache_hits.values()), "uncached": UNCACHED, "signatures": len(kernel.signatures)}
"""


class Toys:
    """A module with a kernel, and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache = folder, folder / "cache"
        (folder / "toys.py").write_text(MODULE)
        self.environment = os.environ | {
            "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(self.cache), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def start(self, code: str = "", **more: str) -> subprocess.Popen[str]:
        code = code or "import json, toys; print(json.dumps(toys.run()))"
        return subprocess.Popen(
            [sys.executable, "-c", code], env=self.environment | more, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, code: str = "", **more: str) -> tuple[dict[str, Any], list[str]]:
        """What a process found, and the lines of its standard error."""
        return self.finish(self.start(code, **more))

    @staticmethod
    def finish(process: subprocess.Popen[str]) -> tuple[dict[str, Any], list[str]]:
        out, said = process.communicate(timeout=200)
        assert process.returncode == 0, said
        found = json.loads(out)
        assert found["signatures"] == 1  # the call for nothing and the real one are of the same types
        return found, said.splitlines()

    def file(self, suffix: str) -> Path:
        (found,) = self.cache.rglob(f"*.{suffix}")
        return found


@pytest.fixture
def toys(tmp_path: Path) -> Toys:
    return Toys(tmp_path)


def test_a_log_gets_a_line_at_each_end_and_a_cached_start_none(toys: Toys) -> None:
    cold, said = toys.run()
    assert (cold["total"], cold["misses"], cold["hits"]) == (6.0, 1, 0) and cold["seconds"] > 0.0
    assert said[0] == "protogov: compiling toys (usually 1 to 3 minutes)."
    assert re.fullmatch(r"protogov: compiled toys in \d+ s\.", said[1]) and len(said) == 2
    warm, said = toys.run()
    assert (warm["total"], warm["misses"], warm["hits"], warm["seconds"], said) == (6.0, 0, 1, 0.0, [])


def test_a_terminal_is_shown_a_line_that_moves(toys: Toys) -> None:
    def on_terminal() -> str:
        leader, follower = pty.openpty()
        code = "import json, toys; json.dumps(toys.run())"
        with subprocess.Popen(
            [sys.executable, "-c", code], env=toys.environment | {"NAP": "1.1"}, stdout=subprocess.DEVNULL,
            stderr=follower,
        ) as process:  # fmt: skip
            os.close(follower)
            seen = b""
            try:
                while chunk := os.read(leader, 4096):
                    seen += chunk
            except OSError:  # Linux says so when the other end is closed
                pass
        os.close(leader)
        assert process.returncode == 0, seen
        return seen.decode()

    shown = [line.strip() for line in on_terminal().split("\r") if line.strip()]
    clocks = [line for line in shown if line.startswith("protogov: compiling toys (usually 1 to 3 minutes): 0:0")]
    assert len(clocks) > 1 and clocks[0].endswith("0:00") and clocks[-1] > clocks[0]
    assert re.fullmatch(r"protogov: compiled toys in \d s\.", shown[-1])
    assert on_terminal() == ""


def test_who_sets_logging_up_gets_it_there(toys: Toys) -> None:
    code = (
        "import json, logging, toys; logging.basicConfig(filename='own.log', format='%(name)s %(levelname)s'); "
        "print(json.dumps(toys.run()))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], env=toys.environment, cwd=toys.folder, capture_output=True, text=True, check=True
    )
    assert process.stderr == ""
    assert (toys.folder / "own.log").read_text() == "protogov WARNING\nprotogov WARNING\n"


def test_of_many_processes_one_compiles_and_the_others_load(toys: Toys) -> None:
    found = [toys.finish(process) for process in [toys.start(NAP="1.0") for _ in range(3)]]
    assert sorted(one["misses"] for one, _ in found) == [0, 0, 1]
    assert {one["total"] for one, _ in found} == {6.0}
    said = [line for _, lines in found for line in lines]
    assert sum("compiling toys (" in line for line in said) == sum("compiled toys" in line for line in said) == 1
    assert said.count("protogov: waiting for another process, which compiles toys.") == 2


def test_a_compilation_that_is_stopped_is_not_called_done(toys: Toys) -> None:
    code = (
        "import json, toys\n"
        "def stop(event): raise KeyboardInterrupt\n"
        "toys.Slow.on_end = lambda self, event: stop(event)\n"
        "toys.NAP = 0.01\n"
        "try:\n    toys.run()\nexcept KeyboardInterrupt:\n    print('{\"signatures\": 1}')"
    )
    assert toys.run(code)[1] == ["protogov: compiling toys (usually 1 to 3 minutes)."]
    assert toys.run()[0]["misses"] == 1  # the lock is free again


def test_workers_that_wait_say_nothing(toys: Toys) -> None:
    (toys.folder / "main.py").write_text(
        "import json, multiprocessing, toys\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n"
        "        found = pool.map(toys.run, range(2), chunksize=1)\n"
        "    print(json.dumps(found))\n"
    )
    process = subprocess.run(
        [sys.executable, str(toys.folder / "main.py")], env=toys.environment | {"NAP": "1.0"}, capture_output=True,
        text=True, check=True, timeout=200,
    )  # fmt: skip
    assert [one["total"] for one in json.loads(process.stdout)] == [6.0, 6.0]
    assert re.fullmatch(
        r"protogov: compiling toys \(usually 1 to 3 minutes\)\.\nprotogov: compiled toys in \d s\.\n", process.stderr
    )


def test_a_lock_that_nobody_gives_back_is_not_waited_for_for_ever(toys: Toys) -> None:
    toys.run()
    folder = toys.file("nbc").parent
    shutil.rmtree(toys.cache)
    folder.mkdir(parents=True)
    with FileLock(folder / LOCK):
        code = "import json, protogov.envs.compilation as c, toys; c.PATIENCE = 1.0; print(json.dumps(toys.run()))"
        found, said = toys.run(code)
    assert found["misses"] == 1 and [line.split()[1] for line in said] == ["waiting", "compiling", "compiled"]


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "cut short":
        data = data[: len(data) // 2]
    elif how == "empty":
        data = b""
    else:
        data = data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("suffix", "how"), [("nbc", "cut short"), ("nbc", "empty"), ("nbc", "one bit"), ("nbi", "cut short")]
)
def test_a_damaged_file_is_made_again(toys: Toys, suffix: str, how: str) -> None:
    toys.run()
    damage(toys.file(suffix), how)
    found, said = toys.run()
    assert (found["total"], found["misses"], found["uncached"]) == (6.0, 1, [])
    assert "is damaged" in said[0] and str(toys.cache) in said[0] and len(said) == 3
    found, said = toys.run()
    assert (found["total"], found["hits"], said) == (6.0, 1, [])


def test_a_file_of_other_sources_under_the_same_number_does_not_run(toys: Toys) -> None:
    toys.run(SCALE="2")
    old = toys.file("nbc").read_bytes()
    shutil.rmtree(toys.cache)
    toys.run(SCALE="5")
    toys.file("nbc").write_bytes(old)  # what a full disk leaves: a new index, and the file of before
    assert toys.run(SCALE="5")[0]["total"] == 15.0


KIT = """
import json, sys
import numpy as np
from pathlib import Path
import protogov.envs.world.kernels as k
digest = k.source_digest(str(Path(__file__).parent))
from callee import scaled

def build(digest):
    def total(x):
        version = digest
        return scaled(x[0])
    return k.keep_compiled(total)

kernel = build(f"kit {digest}")
if "edit" in sys.argv:
    callee = Path(__file__).with_name("callee.py")
    callee.write_text(callee.read_text().replace("2.0", "3.0"))
if "blind" in sys.argv:
    k.edited = lambda version: None
print(json.dumps([kernel(np.ones(1)), sum(kernel.stats.cache_hits.values())]))
"""


@pytest.mark.parametrize("blind", [False, True], ids=["", "negative control"])
def test_code_of_sources_that_were_edited_meanwhile_is_not_stored(tmp_path: Path, blind: bool) -> None:
    kit = tmp_path / "kit"
    kit.mkdir()
    (kit / "main.py").write_text(KIT)
    (kit / "callee.py").write_text("from numba import njit\n\n@njit\ndef scaled(x):\n    return 2.0 * x\n")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*words: str) -> tuple[list[float], str]:
        done = subprocess.run(
            [sys.executable, str(kit / "main.py"), *words], env=environment, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout), done.stderr

    found, said = run("edit", *(["blind"] if blind else []))
    assert found == [2.0, 0] and bool(list((tmp_path / "cache").rglob("*.nbc"))) == blind
    assert ("callee.py was edited after this process imported it" in said) != blind


def test_a_full_disk_costs_the_cache_alone(toys: Toys) -> None:
    toys.cache.mkdir()
    limited = (
        "import json, resource, toys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        "print(json.dumps(toys.run()))"
    )
    found, said = toys.run(limited)
    assert (found["total"], found["misses"]) == (6.0, 1)
    (warning,) = [line for line in said if "NUMBA_CACHE_DIR" in line]
    assert str(toys.cache) in warning and "File too large" in warning
    assert not [path for path in toys.cache.rglob("*") if ".tmp." in path.name]
    assert toys.run()[0]["misses"] == 1
    assert toys.run()[0]["hits"] == 1


def test_without_any_folder_to_write_into_everything_runs_with_one_warning(tmp_path: Path) -> None:
    package = tmp_path / "src" / "protogov"
    for part, source in (("", "_root"), ("envs", ".")):
        shutil.copytree(
            Path(protogov.envs.__file__).parent / source, package / part, dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__", "_root"),
        )  # fmt: skip
    for folder in (package / "envs").rglob("*"):
        if folder.is_dir():
            (folder / "__pycache__").write_text("a file, where numba would make a folder")
    code = (
        "import numpy as np, protogov.envs as e; from protogov.envs.scenarios import path; print(e.__file__); "
        "print(len(e.get_scenario('jump').draw(np.arange(2, dtype=np.uint64), 24)), path.price_rows.stats)"
    )
    environment = os.environ | {
        "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": "/dev/null/nowhere",
        "XDG_CACHE_HOME": "/dev/null/nowhere",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=200
    )
    assert str(package) in done.stdout and "2 _CompileStats(cache_path=None" in done.stdout
    assert done.stderr.count("\n") == 1 and "NUMBA_CACHE_DIR may name another folder" in done.stderr


def test_a_simulator_is_ready_once_and_again_in_another_process() -> None:
    world = Simulator(WorldConfig(episode_hours=24), 2, scenario="flat")
    assert not world._ready
    world.reset()
    assert world._ready and world.compile() == 0.0
    other: Simulator = pickle.loads(pickle.dumps(world))
    assert not other._ready
    other.step({agent: np.zeros((2, other.action_size(agent))) for agent in other.agents})
    assert other._ready


def test_telling_costs_a_draw_next_to_nothing() -> None:
    scenario = protogov.envs.get_scenario("jump")
    seeds = np.arange(4, dtype=np.uint64)
    scenario.draw(seeds, 336)
    began = time.perf_counter()
    for _ in range(20):
        scenario.draw(seeds, 336)
    whole = (time.perf_counter() - began) / 20
    from protogov.envs.compilation import Compiling

    began = time.perf_counter()
    for _ in range(200):
        with Compiling("", ""):
            pass
    assert (time.perf_counter() - began) / 200 < 0.1 * whole
