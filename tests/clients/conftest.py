"""The libraries that train on our environments, and an environment of its own for each of them."""

import hashlib
import json
import subprocess
import sys
import sysconfig
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "clients"


@dataclass(frozen=True)
class Client:
    """A library that trains on our environments; `train_<name>.py` beside this file does it.

    Attributes:
        name: of the script, and of the folder in build/clients/ that holds its environment.
        title: what it is called in the README.
        requires: what pip installs beside this project, at the versions that have been seen to train.
        conflict: what pip says, in two parts, where no version of Python has it beside the pins of constraints.txt.
            Such a client is installed within the ranges of pyproject.toml. Empty: beside the pins.
    """

    name: str
    title: str
    requires: tuple[str, ...]
    conflict: tuple[str, ...] = ()


CLIENTS = (
    Client("sb3", "stable-baselines3, sb3-contrib", ("sb3-contrib==2.9.2",)),
    Client("cleanrl", "a CleanRL loop", ()),
    Client("torchrl", "TorchRL", ("torchrl==0.14.1",)),
    Client("benchmarl", "BenchMARL", ("benchmarl==1.5.2",)),
    Client(
        "rllib",
        "RLlib",
        ("ray[rllib]==2.60.0",),
        ("ray[rllib] 2.60.0 depends on gymnasium==1.2.2", "The user requested (constraint) gymnasium==1.4.0"),
    ),
    Client(
        "agilerl",
        "AgileRL",
        ("agilerl==2.58.0",),
        ("agilerl 2.58.0 depends on pettingzoo<1.27", "The user requested (constraint) pettingzoo==1.27.0"),
    ),
    Client(
        "tianshou",
        "Tianshou",
        ("tianshou==2.0.1",),
        ("virtualenv 20.39.1 depends on filelock<4", "The user requested (constraint) filelock==4.2.11"),
    ),
    Client("skrl", "skrl", ("skrl==2.1.1",)),
    Client("minari", "Minari", ("minari[hdf5]==0.5.4",)),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a `client` runs for each; one that asks for an `unpinned` client, for each of those."""
    if "client" in metafunc.fixturenames:
        metafunc.parametrize("client", CLIENTS, ids=lambda client: client.name)
    if "unpinned" in metafunc.fixturenames:
        metafunc.parametrize("unpinned", [one for one in CLIENTS if one.conflict], ids=lambda client: client.name)


@pytest.fixture
def python(client: Client) -> Path:
    """The interpreter of a client's environment, which is made where it is missing or out of date.

    It finds the packages of the project's own environment behind its own: torch is not fetched once more for each, and
    what a client wants at another version is installed in front.
    """
    folder = FOLDER / client.name
    interpreter, stamp = folder / "bin" / "python", folder / "made-for.json"
    made_for = _made_for(client)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == made_for:
        return interpreter
    run(sys.executable, "-m", "venv", "--clear", "--without-pip", folder)
    (library,) = folder.glob("lib/python3.*/site-packages")
    # addsitedir, not a bare path: it reads the .pth files there too, and with them the editable install
    (library / "project.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    if client.requires:
        constraints = folder / "constraints.txt"
        constraints.write_text("\n".join(pins(torch_alone=bool(client.conflict))), encoding="utf-8")
        wanted = [*client.requires, *(ranges() if client.conflict else ())]
        run(interpreter, "-m", "pip", "install", "--no-input", "--constraint", constraints, *wanted)
    stamp.write_text(made_for, encoding="utf-8")
    return interpreter


def _made_for(client: Client) -> str:
    """What an environment depends on: where any of it changes, the environment is made again."""
    files = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    about = {
        "requires": client.requires,
        "conflict": client.conflict,
        "project": hashlib.sha256(files).hexdigest(),
        "python": sys.version,
        "environment": sysconfig.get_path("purelib"),
    }
    return json.dumps(about, indent=1)


def pins(*, torch_alone: bool = False) -> list[str]:
    """The lines of constraints.txt, torch in the build that is installed: a resolver would look at GPU builds too."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    torch = f"torch=={version('torch')}"
    if torch_alone:
        return [torch]
    return [torch if line.startswith("torch==") else line for line in lines]


def ranges() -> list[str]:
    """What pyproject.toml declares, as a user's own install meets it."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]


def run(*command: str | Path, timeout: float = 1500) -> str:
    """What a command printed; the test fails with the end of it where the command does."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=FOLDER.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
    )  # fmt: skip
    if done.returncode:
        shown = "\n".join(line for line in done.stdout.splitlines() if "is ignored: it is neither" not in line)
        pytest.fail(f"{' '.join(map(str, command[1:4]))} ... ended with {done.returncode}:\n{shown[-6000:]}", False)
    return done.stdout
