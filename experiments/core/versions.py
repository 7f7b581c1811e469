"""The versions that a run's numbers depend on."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import protogov
from protogov.experiments.core.paths import repository

LIBRARIES = ("numpy", "numba", "torch", "stable-baselines3", "gymnasium", "matplotlib", "pyarrow", "scipy")


def versions() -> dict[str, str | int]:
    """Versions of protogov, its commit, Python, important libraries, and the kind of machine; JSON-able."""
    found: dict[str, str | int] = {
        "protogov": protogov.__version__,
        "commit": commit(),
        "python": platform.python_version(),
    }
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    found["system"] = f"{platform.system()} {platform.machine()}"
    found["cores"] = os.cpu_count() or 0
    return found


def commit() -> str:
    """The repository's commit, with `+changes` if files outside results differ from it; `unknown` without one."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return f"{head}+changes" if _git("status", "--porcelain", "--", ".", ":(exclude)results") else head
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(repository()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def now() -> str:
    """The time in UTC, ISO-8601 to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
