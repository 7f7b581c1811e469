"""What the disk, the terminal or the learning does wrong ends in one sentence: no command works for nothing first."""

import contextlib
import errno
import importlib
import io
import os
import pkgutil
import shutil
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

import protogov.experiments
from protogov.agents.ppo.checkpoint import checkpoints, read_manifest
from protogov.experiments import cli
from protogov.experiments.cli import COMMANDS, main
from protogov.experiments.core.files import whole, write_text
from protogov.experiments.core.options import Holds
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.tables import write_table
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import Written, check_file, check_folder, refuse_unwritable, written_by
from protogov.experiments.studies import STUDIES
from protogov.experiments.terminal import plain

# what is run -> what it needs beside the folder or file that it writes
WRITE = {
    "training.train": ["--runs", "{}", "a"],
    "training.evaluate": ["--out", "{}", "--baselines", "random"],
    "commands.simulate": ["--out", "{}"],
    "commands.dataset": ["--out", "{}", "protogov/a-v0"],
    "commands.export_evm": ["--out", "{}", "policy_rate_0.json"],
    "commands.scenarios": ["--out", "{}"],
    "commands.zoo": ["--out", "{}", "a"],
    "bench.bench": ["--save", "{}"],
    "commands.emergence": ["--tier", "self-test", "--out", "{}"],
    "training.first_light": ["--runs", "{}"],
    **{f"studies.{name}": ["--out", "{}"] for name in STUDIES},
}
# options that name a file to write
WRITE_FILE = {
    "studies.tuning": "--tuned", "studies.ensemble": "--file", "seal": "--out",
    "commands.features": "--out", "commands.smoke": "--store", "commands.diff": "--out",
    "studies.strangers": "--store", "studies.organisms": "--store",
}  # fmt: skip
# paths that are read
READ = {
    ("training.evaluate", "governors"), ("training.evaluate", "ceiling"), ("commands.report", "folder"),
    ("studies.leaderboard", "governors"), ("studies.leaderboard", "ceiling"), ("training.first_light", "data"),
    ("bates_fit", "data"), ("commands.verify", "manifest"), ("commands.verify", "code"),
    ("studies.onchain", "governors"), ("studies.proofs", "manifest"), ("studies.pricing", "recorded"),
    ("commands.emergence", "run"), ("commands.zoo", "run"), ("commands.diff", "reports"),
    ("studies.pricing", "final"), ("studies.meetings", "runs"), ("studies.drift", "run"),
}  # fmt: skip


def run(module: str, arguments: list[str]) -> int:
    """Run a command, a study or a module as its command line does."""
    if module.startswith("studies."):
        return main(["study", module.removeprefix("studies."), *arguments])
    for name, (place, _) in COMMANDS.items():
        if place == module:
            return main([name, *arguments])
    found = importlib.import_module(f"protogov.experiments.{module}")
    return cli.run_command(found, arguments, found.PROGRAM)


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.startswith("protogov: ") and said.endswith(".\n") and said.count("\n") == 1, said
    return said


@pytest.mark.parametrize("module", WRITE)
@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("taken", "taken: is a file; a writable folder is accepted"),
        ("taken/below", "cannot be created because"),
        ("/proc/protogov", "/proc: is not writable"),
        ("long" * 100, "File name too long"),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(
    module, place, why, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("by somebody")
    assert run(module, [part.format(place) for part in WRITE[module]]) == 2
    assert why in complaint(capsys)
    assert os.listdir() == ["taken"] and Path("taken").read_text() == "by somebody"


@pytest.mark.parametrize(("module", "option"), WRITE_FILE.items())
@pytest.mark.parametrize("place", [".", "/proc/protogov/a.json"])
def test_so_is_a_file(module, option, place, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(module, [option, place]) == 2
    assert "a writable file is accepted" in (said := complaint(capsys)) or "is not writable" in said
    assert os.listdir() == []


def test_the_folder_of_a_run_is_tried_too(trained: RunFolder, capsys, tmp_path, monkeypatch):
    """evaluate and report write into the run that they are given."""

    def refuse(path: Path) -> None:
        raise BadInput(f"{path}: is not writable")

    for command in ("evaluate", "report"):
        monkeypatch.setattr(f"protogov.experiments.{COMMANDS[command][0]}.check_folder", refuse)
        assert main([command, str(trained.path)]) == 2
        assert f"{trained.path}: is not writable" in complaint(capsys)
    (tmp_path / "a").write_text("")
    assert main(["train", "a", "--runs", str(tmp_path)]) == 2
    assert f"{tmp_path / 'a'}: is a file" in complaint(capsys)


def modules_with_options() -> dict[str, Any]:
    """Every dataclass of options that a command, a study or a module of the package takes, by its name in `WRITE`."""
    found = {}
    for info in pkgutil.walk_packages(protogov.experiments.__path__, "protogov.experiments."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if name.endswith("Options") and is_dataclass(value) and value.__module__ == info.name:
                found[info.name.removeprefix("protogov.experiments.")] = value
    found = {name: options for name, options in found.items() if not name.startswith(("core.", "studies."))}
    for name in STUDIES:
        found[f"studies.{name}"] = importlib.import_module(f"protogov.experiments.studies.{name}").STUDY.options
    return found


def test_every_option_that_is_a_path_says_whether_it_is_written():
    """So that a new command cannot forget it; and the tests above know every one that writes."""
    writing = set()
    for module, options in modules_with_options().items():
        hints = get_type_hints(options, include_extras=True)
        for field in fields(options):
            parts = (hints[field.name], *get_args(hints[field.name]))
            marks = [mark for part in parts for mark in getattr(part, "__metadata__", ())]
            if any(isinstance(mark, Written) for mark in marks):
                writing.add(module)
            elif Holds in marks:
                continue  # a file of options, which is read
            elif "Path" in str(hints[field.name]):
                assert (module, field.name) in READ
    assert writing == {*WRITE, *WRITE_FILE}


def test_what_can_be_written_leaves_no_trace(tmp_path):
    check_folder(tmp_path / "a" / "b")
    check_file(tmp_path / "c" / "d.json")
    assert list(tmp_path.iterdir()) == []
    options = importlib.import_module("protogov.experiments.studies.tuning").Options(tuned=tmp_path / "t.json")
    assert [(path, mark.kind) for path, mark in written_by(options)] == [(tmp_path / "t.json", "file")]
    refuse_unwritable(options)


LONG = {"number": np.random.default_rng(0).normal(size=4000)}


@contextlib.contextmanager
def full_disk(room: int):
    """Files of this process cannot grow beyond `room` bytes: the kernel itself says no."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_is_seen_before_the_work(tmp_path, capsys):
    with full_disk(100):
        assert main(["simulate", "--out", str(tmp_path / "x")]) == 2
    assert f"{tmp_path}: is not writable (File too large)" in complaint(capsys)


def test_a_disk_that_fills_up_is_exit_code_one_and_leaves_no_half_file(tmp_path, capsys, monkeypatch):
    simulate = ["simulate", "--out", str(tmp_path), "--world.episode-hours", "24", "--against", "None"]
    with full_disk(5000):
        assert main(simulate) == 1
    said = complaint(capsys)
    assert "File too large; make room, then run the same command again" in said
    assert f"{tmp_path / 'decisions.parquet'}" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [lambda path: write_text(path, "x" * 9000), lambda path: write_table(path, LONG)])
@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_files_are_written_whole_or_not_at_all(write, name, tmp_path):
    path = tmp_path / name
    path.write_text("what was there")
    with full_disk(5000), pytest.raises(OSError, match="File too large") as caught:
        write(path)
    assert caught.value.filename == str(path) and caught.value.errno == errno.EFBIG
    assert path.read_text() == "what was there" and os.listdir(tmp_path) == [name]
    with pytest.raises(ZeroDivisionError), whole(path) as unfinished:
        unfinished.write_text(str(1 / 0))
    assert os.listdir(tmp_path) == [name]


# Trains until a small disk is full, looks at what is left, makes room, and goes on. The namespace makes it possible
# for who may not mount; what it holds is gone when the process ends.
FILL = """
set -e
mount -t tmpfs -o size=700k tmpfs "$1"
cd "$1"
shift
set +e
"$@" --market-hours 960
echo "exit $?"
cp -r . "$KEEP"
mount -o remount,size=64m .
"$@" --resume
echo "exit $?"
"""


def can_mount() -> bool:
    command = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace")
@pytest.mark.parametrize("more", [[], ["--tensorboard"]])
def test_training_survives_a_disk_that_fills_up(more, tiny, tmp_path):
    disk, keep = tmp_path / "disk", tmp_path / "keep"
    disk.mkdir()
    keep.mkdir()
    train = [sys.executable, "-m", "protogov.experiments.cli", "train", "tiny", "--runs", ".", *more]
    small = ["--ppo.checkpoint-every", "1", "--ppo.keep-checkpoints", "0", "--world.roles", "rate"]
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", FILL, "fill", str(disk), *train, *tiny, *small],
        env=os.environ | {"KEEP": str(keep), "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True,
        timeout=280,
    )  # fmt: skip
    first, _, rest = done.stdout.partition("exit ")
    assert rest.startswith("1\n") and rest.endswith("exit 0\n"), (done.stdout, done.stderr)
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("protogov: ")]
    assert "tiny" in said and "No space left on device; the last checkpoint is complete: free some space" in said
    assert said.endswith("continue with: protogov train tiny --resume --runs .") and "Traceback" not in done.stderr
    left = checkpoints(keep / "tiny" / "checkpoints")
    assert left and all(read_manifest(one)["rollout"] == number for number, one in enumerate(left, 1))
    assert "seed 0: done" in rest


def test_a_run_that_diverges_names_governor_rollout_and_rate(tiny, tmp_path, capsys):
    fast = ["--seeds", "0", "1", "--ppo.learning-rate", "1e20", "--ppo.final-learning-rate", "1e20"]
    assert main(["train", "wild", "--runs", str(tmp_path), "--market-hours", "480", *fast, *tiny]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("protogov: ")]
    assert len(said) == 1
    assert "seed 0: rate_0 diverged in rollout " in said[0] and " at learning rate 1e+20: its " in said[0]
    assert said[0].endswith("; start another run with a smaller --ppo.learning-rate.")
    assert (tmp_path / "wild" / "seed_1" / "metrics.csv").exists()  # the other seed was trained all the same


class Ascii(io.TextIOWrapper):
    """Standard output of a terminal that has ASCII alone."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="ascii")

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "arguments",
    [
        ["scenarios"], ["scenarios", "jump", "--origins"], ["study"], ["study", "phenomena", "--list"],
        ["report", "RUN"], ["train", "RUN“…”−"], *([name, "--help"] for name in COMMANDS),
        *(["study", name, "--help"] for name in STUDIES),
    ],
)  # fmt: skip
def test_no_terminal_is_too_poor(arguments, evaluated: RunFolder, monkeypatch):
    out, err = Ascii(), Ascii()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    arguments = [part.replace("RUN", str(evaluated.path)) for part in arguments]
    with contextlib.suppress(SystemExit):
        assert main(arguments) == (2 if arguments[0] == "train" and "--help" not in arguments else 0)
    assert len(out.text() + err.text()) > 40


def test_signs_that_a_terminal_lacks_are_told_with_those_that_it_has():
    import codecs

    codecs.register_error("protogov", plain)
    told = "“W” \N{MINUS SIGN}1.5 ± 2 × 3 → … – é ▁█ ╭─╮ 東".encode("ascii", "protogov").decode()
    assert told == '"W" -1.5 +- 2 x 3 -> ... - e 18 +-+ ?'
    assert "±é".encode("latin-1", "protogov") == b"\xb1\xe9"  # what there is stays


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_process_with_such_a_terminal(encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    command = [sys.executable, "-m", "protogov.experiments.cli", "scenarios", "jump", "natural"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=200)
    assert done.returncode == 0 and b"Traceback" not in done.stderr
    assert b"natural" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [[], ["--version"], ["scenarios", "jump"]])
def test_output_that_cannot_be_written_is_said(arguments):
    command = [sys.executable, "-m", "protogov.experiments.cli", *arguments]
    with Path("/dev/full").open("w") as full:
        # unbuffered, printing fails at once and cannot say whose write it was
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, timeout=200)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("protogov: standard output: No space left on device")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", ["", "scenarios jump natural"])
def test_a_reader_that_has_left_is_no_error(arguments):
    command = f"{sys.executable} -m protogov.experiments.cli {arguments} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")


def test_other_errors_of_files_are_bad_input(capsys, tmp_path):
    def run(error: OSError) -> tuple[int, str]:
        def call() -> int:
            raise error

        return cli.guarded(call), complaint(capsys)

    assert run(PermissionError(13, "Permission denied", "secret.csv")) == (
        2, "protogov: secret.csv: Permission denied.\n",
    )  # fmt: skip
    assert run(OSError(errno.ENOSPC, "No space left on device", "a.csv"))[0] == 1
    assert run(OSError("what a library says"))[1] == "protogov: what a library says.\n"


def test_a_damaged_table_of_metrics_is_named(trained: RunFolder, tmp_path, capsys):
    copy = shutil.copytree(trained.path, tmp_path / "run")
    (copy / "seed_3" / "metrics.csv").write_bytes(b"rollout,steps\n\xff\xfe,1\n")
    assert main(["report", str(copy)]) == 2
    assert "seed_3/metrics.csv" in complaint(capsys)


def test_warming_up_says_how_long_and_where(capsys, monkeypatch):
    assert main(["warm-up", "--venues", "1"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("worlds of 1 venue: ") and "\nmarkets: " in told and "\nCompiled code: /" in told
    assert main(["warm-up", "--venues", "3"]) == 2
    assert "venues are (3,); 1, 2 or both are accepted" in complaint(capsys)
    monkeypatch.setattr("protogov.envs.world.kernels.UNCACHED", ["the disk is full"])
    assert main(["warm-up", "--venues", "1"]) == 1
    assert "the disk is full; NUMBA_CACHE_DIR may name another folder" in capsys.readouterr().err


def test_there_is_nothing_to_warm_up_without_jitting():
    done = subprocess.run(
        [sys.executable, "-m", "protogov.experiments.cli", "warm-up"], env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "Nothing to compile: NUMBA_DISABLE_JIT is set.\n"), done.stderr
