"""Other libraries train on our environments, each in an environment of its own: `make clients`.

The table says what each needs; `train_<name>.py` beside this file is run by the interpreter that has it.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = ROOT / "examples"
FOLDER = ROOT / "build" / "clients"
CONSTRAINTS = ROOT / "constraints.txt"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
README = (ROOT / "README.md").read_text(encoding="utf-8").split("## Other libraries")[-1].split("\n## ")[0]


@dataclass(frozen=True)
class Client:
    """A library that trains on our environments.

    Attributes:
        name: of its script, and of the folder in build/clients/ that holds its environment.
        title: what it is called in the README.
        requires: what pip installs beside this project, at the versions that have been seen to train.
        conflict: what pip says, in two parts, where no version of Python has it beside the pins of constraints.txt.
            Such a client is installed within the ranges of pyproject.toml. Empty: beside the pins.
        alone: it pins what contradicts those ranges too, and runs all the same: it is installed without what it
            depends on, and these beside our pins instead.
    """

    name: str
    title: str
    requires: tuple[str, ...]
    conflict: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()


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
        ("agilerl==2.58.0", "peft==0.21.0"),  # it imports peft, and declares it among its extras alone
        ("agilerl 2.58.0 depends on pettingzoo<1.27", "The user requested (constraint) pettingzoo==1.27.0"),
    ),
    Client(
        "tianshou",
        "Tianshou",
        ("tianshou==2.0.1",),
        ("virtualenv 20.39.1 depends on filelock<4", "The user requested (constraint) filelock==4.2.11"),
    ),
    Client("skrl", "skrl", ("skrl==2.1.1",)),
    Client("minari", "Minari", ("minari[create,hdf5]==0.5.4",)),
    Client(
        "d3rlpy",
        "d3rlpy",
        ("d3rlpy==2.8.1",),
        ("d3rlpy 2.8.1 depends on gymnasium==1.0.0", "The user requested (constraint) gymnasium==1.4.0"),
        alone=("minari", "h5py", "gym", "click", "structlog", "colorama", "dataclasses-json", "scikit-learn"),
    ),
)
# no library that trains: the proof system of the extra `zk`, with which the tests of proofs run
PROOFS = Client("zk", "ezkl", ("ezkl==23.0.5", "onnx==1.23.2"))
every = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
exemplary = pytest.mark.parametrize(
    "client", [one for one in CLIENTS if (EXAMPLES / one.name).is_dir()], ids=lambda client: client.name
)
unpinned = pytest.mark.parametrize("client", [one for one in CLIENTS if one.conflict], ids=lambda client: client.name)


def interpreter_of(client: Client) -> Path:
    """The Python of a client's environment, which is made where it is missing or out of date.

    It finds the packages of the project's own environment behind its own: torch is not fetched once more for each, and
    what a client wants at another version is installed in front.
    """
    folder = FOLDER / client.name
    python, stamp, made_for = folder / "bin" / "python", folder / "made-for.json", _made_for(client)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == made_for:
        return python
    run(sys.executable, "-m", "venv", "--clear", "--without-pip", folder)
    (library,) = folder.glob("lib/python3.*/site-packages")
    # addsitedir, not a bare path: it reads the .pth files there too, and with them the editable install
    (library / "project.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    if client.requires:
        lines, wanted = pins(), list(client.requires)
        if client.alone:
            run(python, "-m", "pip", "install", "--no-input", "--no-deps", *wanted)
            wanted = list(client.alone)
        elif client.conflict:
            lines, wanted = [line for line in lines if line.startswith("torch==")], wanted + ranges()
        (folder / "constraints.txt").write_text("\n".join(lines), encoding="utf-8")
        run(python, "-m", "pip", "install", "--no-input", "--constraint", folder / "constraints.txt", *wanted)
    (folder / "home").mkdir()
    stamp.write_text(made_for, encoding="utf-8")
    return python


def _made_for(client: Client) -> str:
    """What an environment depends on: where any of it changes, the environment is made again."""
    about = {
        "requires": client.requires,
        "conflict": client.conflict,
        "alone": client.alone,
        "project": hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + CONSTRAINTS.read_bytes()).hexdigest(),
        "python": sys.version,
        "behind": sysconfig.get_path("purelib"),
    }
    return json.dumps(about, indent=1)


def pins() -> list[str]:
    """The lines of constraints.txt, torch in the build that is installed: a resolver would look at GPU builds too."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return [f"torch=={version('torch')}" if line.startswith("torch==") else line for line in lines]


def ranges() -> list[str]:
    """What pyproject.toml declares, as a user's own install meets it."""
    return list(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"])


def run(*command: str | Path, home: Path | None = None) -> str:
    """What a command printed; the test fails with the end of it where the command does.

    With `home`, it runs there and takes it for the user's folder: several clients leave files in both.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [str(part) for part in command],
        cwd=home or FOLDER, env={**os.environ, "HOME": str(home)} if home else None,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-6000:]}", False)
    return done.stdout


@pytest.mark.clients
@every
def test_it_trains(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    python = interpreter_of(client)
    printed = run(python, HERE / f"train_{client.name}.py", home=FOLDER / client.name / "home")
    seen = [line for line in printed.splitlines() if line.startswith("seen: ")]
    assert seen, printed[-6000:]
    with capsys.disabled():
        print("", *seen, sep="\n  ")


@pytest.mark.clients
@exemplary
def test_its_example_trains(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """A client whose folder in examples/ has a `train.py`."""
    python = interpreter_of(client)
    printed = run(python, EXAMPLES / client.name / "train.py", home=FOLDER / client.name / "home")
    trained = [line for line in printed.splitlines() if line.startswith("trained: ")]
    assert trained, printed[-6000:]
    with capsys.disabled():
        print("", *trained, sep="\n  ")


@pytest.mark.clients
@unpinned
def test_no_python_has_it_beside_our_pins(client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where this fails, pip finds the client beside constraints.txt: take its `conflict` out of the table."""
    for number in PYTHONS:
        options = ["--dry-run", "--target", tmp_path, "--only-binary=:all:", "--python-version", number]
        command = [sys.executable, "-m", "pip", "install", *options, "-c", CONSTRAINTS, client.requires[0]]
        done = subprocess.run(list(map(str, command)), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        nowhere = re.search("No matching distribution found for .*", done.stdout)
        said = nowhere[0] if nowhere else "; ".join(part for part in client.conflict if part in done.stdout)
        assert done.returncode and said, done.stdout[-3000:]
        with capsys.disabled():
            print(f"\n  Python {number}: {said}", end="")


@pytest.mark.clients
def test_decisions_are_proved() -> None:
    python = interpreter_of(PROOFS)
    tests = [ROOT / "tests" / name for name in ("agents/onchain/test_proof.py", "experiments/studies/test_proofs.py")]
    printed = run(python, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", ROOT, *tests)
    assert " passed" in printed and "skipped" not in printed.splitlines()[-1], printed[-3000:]


@every
def test_the_readme_says_what_is_installed_and_which_lines_train(client: Client) -> None:
    row = next((line for line in README.splitlines() if line.startswith(f"| {client.title} |")), "")
    assert row, client.title
    _, _, installed, lines, _ = row.split("|")
    for words in (*(f"`{requirement}`" for requirement in client.requires), *client.conflict):
        assert words in installed
    scripts = [HERE / f"train_{client.name}.py", *sorted((EXAMPLES / client.name).glob("*.py"))]
    script = "".join("".join(path.read_text(encoding="utf-8").split()) for path in scripts)
    shown = re.findall("`(.*?)`", lines)
    assert shown
    for code in shown:  # … stands for anything
        pattern = ".*?".join(re.escape("".join(part.split())) for part in code.split("…"))
        assert re.search(pattern, script), code


def test_there_is_an_example_for_those_who_ask_for_one() -> None:
    assert {one.name for one in CLIENTS if (EXAMPLES / one.name / "train.py").is_file()} == {
        "sb3", "torchrl", "benchmarl", "d3rlpy",
    }  # fmt: skip


@unpinned
def test_what_stands_in_the_way_is_a_pin_of_ours(client: Client) -> None:
    assert client.conflict[-1].removeprefix("The user requested (constraint) ") in pins()
