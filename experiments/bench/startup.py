"""Start-up times: import, first compilation, cached load; each in a fresh interpreter."""

import json
import os
import subprocess
import sys
from statistics import median
from tempfile import TemporaryDirectory

from protogov.experiments.bench.rows import Plan, Row

# Prints wall and processor seconds, and which heavy libraries were loaded.
IMPORT = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import protogov.envs
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
import json, sys
heavy = [name for name in ("stable_baselines3", "torch", "pandas", "matplotlib") if name in sys.modules]
print(json.dumps([wall, cpu, heavy]))
"""
FIRST_STEP = """
import json, time
import numpy as np
from protogov.envs import Simulator
wall, cpu = time.perf_counter(), time.process_time()
world = Simulator(num_worlds=1)
world.reset()
world.step({agent: np.zeros((1, world.action_size(agent))) for agent in world.agents})
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, []]))
"""


def _fresh(code: str, **environment: str) -> tuple[float, float, list[str]]:
    """Run code in its own interpreter; returns its last line."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    wall, cpu, heavy = json.loads(done.stdout.splitlines()[-1])
    return wall, cpu, heavy


def import_rows(plan: Plan) -> list[Row]:
    """Seconds of `import protogov.envs` once the files are in the disk's cache."""
    _fresh(IMPORT)
    runs = [_fresh(IMPORT) for _ in range(plan.repeats)]
    heavy = sorted({name for run in runs for name in run[2]})
    return [
        Row(
            what="import protogov.envs",
            unit="s",
            wall=median(run[0] for run in runs),
            cpu=median(run[1] for run in runs),
            target=1.5,
            sense="at most",
            note=f"loads {', '.join(heavy)}" if heavy else "loads no stable-baselines3, torch, pandas, matplotlib",
        )
    ]


def compile_rows(plan: Plan) -> list[Row]:
    """Seconds from the import to the end of the first decision: with an empty cache, then with a full one."""
    with TemporaryDirectory() as folder:
        first = _fresh(FIRST_STEP, NUMBA_CACHE_DIR=folder)
        cached = [_fresh(FIRST_STEP, NUMBA_CACHE_DIR=folder) for _ in range(plan.repeats)]
    return [
        Row(
            what="first decision, empty cache (compiles)", unit="s", wall=first[0], cpu=first[1], target=60.0,
            sense="at most",
        ),
        Row(
            what="first decision, cached", unit="s", wall=median(run[0] for run in cached),
            cpu=median(run[1] for run in cached), target=2.0, sense="at most",
        ),
    ]  # fmt: skip
