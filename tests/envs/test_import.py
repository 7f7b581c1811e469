"""What importing the package brings: four ids and the public names, and none of the heavy libraries."""

import subprocess
import sys

import gymnasium as gym

import protogov.envs

HEAVY = ("stable_baselines3", "torch", "pandas", "matplotlib", "pyarrow", "supersuit", "tensorboard")
# numba itself asks for scipy, and its compiler for scipy.linalg
HEAVY_SCIPY = ("scipy.stats", "scipy.special", "scipy.linalg", "scipy.optimize", "scipy.sparse")


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return set(done.stdout.split())


def test_importing_loads_no_heavy_library() -> None:
    loaded = modules_after("import protogov.envs")
    assert loaded.intersection({*HEAVY, *HEAVY_SCIPY}) == set()
    assert "protogov.envs.sb3_vec_env" not in loaded


def test_stepping_loads_no_heavy_library_either() -> None:
    loaded = modules_after(
        "import gymnasium as gym, protogov.envs as e\n"
        "env = gym.make('protogov/Rates-v0', render_mode='rgb_array', episode_hours=6)\n"
        "env.reset(seed=0); env.step(env.action_space.sample())\n"
        "e.parallel_env(episode_hours=6).reset(seed=0)"
    )
    assert loaded.intersection(HEAVY) == set()


def test_ids_are_registered_with_both_entry_points() -> None:
    for name in ("Rates", "Thresholds", "Spreads", "Joint"):
        spec = gym.spec(f"protogov/{name}-v0")
        # strings: nothing is imported before an environment is made
        assert spec.entry_point == "protogov.envs.gymnasium_env:GovernorEnv"
        assert spec.vector_entry_point == "protogov.envs.vector_env:GovernorVectorEnv"
    protogov.envs.register_all()  # a second time is no error and no warning


def test_the_package_imports_on_gymnasiums_own_terms() -> None:
    assert "protogov/Rates-v0" in modules_after(
        "import gymnasium as gym\nprint(gym.make('protogov.envs:protogov/Rates-v0').spec.id)"
    )


def test_public_names() -> None:
    for name in (
        "Simulator Step WorldConfig ConfigError ActionError Parameters parallel_env get_scenario scenario_names "
        "RoleView ForkableWorld Scenario SnapshotError"
    ).split():
        assert name in protogov.envs.__all__
    assert all(hasattr(protogov.envs, name) for name in protogov.envs.__all__)
    assert callable(protogov.envs.parallel_env)  # the function, not the module of that name
