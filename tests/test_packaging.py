"""The import package is what the folders hold, in an install as in a built wheel."""

import ast
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import protogov

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
PARTS = ("envs", "agents", "experiments")
ABOVE_CORE = ("training", "studies", "bench", "commands", "cli")


def pinned() -> dict[str, Version]:
    """Constraints as {normalised name: version}; a line that pins nothing is an error."""
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            requirement = Requirement(line)
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", line
            pins[normalise(requirement.name)] = Version(specifier.version)
    return pins


def installed_extras() -> list[str]:
    """The extras that `make install` brings."""
    found = re.search(r"-e '\.\[([\w,]+)]'", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert found
    return found[1].split(",")


def declared() -> list[Requirement]:
    """Every requirement of pyproject.toml that `make install` brings, those of its extras too."""
    project = PYPROJECT["project"]
    extras = [project["optional-dependencies"][name] for name in installed_extras()]
    return [Requirement(text) for group in (project["dependencies"], *extras) for text in group]


def installed() -> list[Requirement]:
    """Those of the dependencies and of the extras that `make install` brings."""
    project = PYPROJECT["project"]
    brought = re.search(r"-e '\.\[([a-z,]+)\]'", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert brought, "the Makefile installs no extras"
    extras = [project["optional-dependencies"][name] for name in brought[1].split(",")]
    return [Requirement(text) for group in (project["dependencies"], *extras) for text in group]


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imports() -> set[tuple[str, str]]:
    """Every (module, imported name) of the package, with the imports inside functions; submodules by full name."""
    found = set()
    for package in SETUPTOOLS["packages"]:
        for path in folder_of(package).glob("*.py"):
            module = package if path.stem == "__init__" else f"{package}.{path.stem}"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {(module, alias.name) for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found |= {(module, f"{node.module}.{alias.name}") for alias in node.names}
    return found


def below(name: str, *ancestors: str) -> bool:
    return any(f"{name}.".startswith(f"{ancestor}.") for ancestor in ancestors)


def folder_of(package: str) -> Path:
    """Where `package-dir` puts a package: the folder of its longest mapped ancestor, the rest of the name below."""
    mapping = SETUPTOOLS["package-dir"]
    ancestor = max((name for name in mapping if f"{package}.".startswith(f"{name}.")), key=len)
    return ROOT.joinpath(mapping[ancestor], *package.removeprefix(ancestor).split("."))


def test_listed_packages_are_the_folders_that_hold_modules() -> None:
    folders = {path.parent for part in PARTS for path in (ROOT / part).rglob("*.py")}
    assert {folder_of(package) for package in SETUPTOOLS["packages"]} == folders
    assert len(SETUPTOOLS["packages"]) == len(set(SETUPTOOLS["packages"])) == len(folders)


@pytest.mark.parametrize("package", SETUPTOOLS["packages"])
def test_every_package_imports_from_its_folder(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__file__ is not None, f"{package} has no __init__.py"
    assert Path(module.__file__) == folder_of(package) / "__init__.py"
    assert module.__doc__, f"{package} says nothing of itself"


def test_version_is_that_of_the_distribution() -> None:
    assert importlib.metadata.version("protogov") == protogov.__version__


def test_constraints_meet_every_declared_bound() -> None:
    pins = pinned()
    for requirement in declared():
        assert normalise(requirement.name) in pins, f"{requirement} is not pinned"
        assert pins[normalise(requirement.name)] in requirement.specifier


def test_what_make_does_not_install_is_tried_by_a_client() -> None:
    """Its bound is met by the version with which `make clients` runs it."""
    clients = (ROOT / "tests" / "clients" / "test_clients.py").read_text(encoding="utf-8")
    extras = PYPROJECT["project"]["optional-dependencies"]
    for name in extras.keys() - set(installed_extras()):
        for requirement in map(Requirement, extras[name]):
            tried = re.search(rf'"{requirement.name}(\[[\w,]+])?==([\w.]+)"', clients)
            assert tried and Version(tried[2]) in requirement.specifier, requirement


def test_constraints_pin_all_that_an_install_brings() -> None:
    pins, seen, todo = pinned(), set(), installed()
    while todo:
        requirement = todo.pop()
        name = normalise(requirement.name)
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        todo += [Requirement(text) for text in importlib.metadata.requires(name) or ()]
        assert name in pins, f"{name} is installed but not pinned"
    assert seen <= pins.keys()


def test_all_that_is_imported_is_declared() -> None:
    allowed = {normalise(requirement.name) for requirement in declared()}
    owners = importlib.metadata.packages_distributions()
    for module, name in imports():
        top = name.split(".")[0]
        if top != "protogov" and top not in sys.stdlib_module_names:
            assert allowed & {normalise(owner) for owner in owners.get(top, ())}, f"{module} imports {name}"


@pytest.mark.parametrize(
    ("part", "above"),
    [
        ("protogov.envs", ("protogov.agents", "protogov.experiments")),
        ("protogov.agents", ("protogov.experiments",)),
        ("protogov.envs.world", ("protogov.envs.scenarios", "protogov.envs.simulator")),
        ("protogov.experiments.core", tuple(f"protogov.experiments.{one}" for one in ABOVE_CORE)),
        ("protogov.experiments.training", ("protogov.experiments.studies", "protogov.experiments.bench")),
    ],
)
def test_imports_point_down_only(part: str, above: tuple[str, ...]) -> None:
    assert not [pair for pair in imports() if below(pair[0], part) and below(pair[1], *above)]


def test_physics_imports_numpy_and_numba_alone() -> None:
    allowed = {"protogov", "numpy", "numba", *sys.stdlib_module_names}
    world = [pair for pair in imports() if below(pair[0], "protogov.envs.world")]
    assert world, "the scan found no physics at all"
    assert not [pair for pair in world if pair[1].split(".")[0] not in allowed]
    assert not [pair for pair in world if below(pair[1], "protogov") and not below(pair[1], "protogov.envs.world")]


def test_wheel_holds_the_packages_and_no_top_level_folder(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    for name in (*PARTS, "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(out)], cwd=source, check=True, capture_output=True, timeout=120)
    (wheel,) = out.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"protogov", f"protogov-{protogov.__version__}.dist-info"}
    modules = {name for name in names if name.endswith(".py")}
    expected = {
        "/".join((*package.split("."), module.name))
        for package in SETUPTOOLS["packages"]
        for module in folder_of(package).glob("*.py")
    }
    assert modules == expected
    needed = {
        path
        for part in PARTS
        for path in (ROOT / part).rglob("*")
        if path.suffix in (".css", ".csv", ".json", ".j2", ".safetensors")
    }
    assert {path.name for path in needed} > {"report.css", "report.html.j2"}
    assert {f"protogov/{path.relative_to(ROOT)}" for path in needed} <= set(names)
    assert "protogov/py.typed" in names


@pytest.mark.parametrize(
    "line",
    [
        "import envs",
        "import agents.ppo",
        "from experiments import cli",
        "from protogov.envs._root import __version__",
        "from . import simulator",
    ],
)
def test_lint_refuses_the_names_that_load_a_module_twice(line: str) -> None:
    assert "TID25" in ruff_codes(f'"""A module."""\n\n{line}\n')


def test_lint_allows_the_names_of_the_package() -> None:
    assert "TID25" not in ruff_codes('"""A module."""\n\nimport protogov.envs\nfrom protogov.agents import ppo\n')


def ruff_codes(text: str) -> str:
    """What ruff says of `text` as a module of the package."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise"]
    command += ["--stdin-filename", str(ROOT / "agents" / "example.py"), "-"]
    return subprocess.run(command, input=text, text=True, capture_output=True, cwd=ROOT, timeout=60).stdout
