"""`protogov`: the command line.

Exit code: 0 done, 1 a check failed or a run broke, 2 bad input with one sentence on standard error, 130 stopped by
Ctrl-C. Options mark what a command writes (`protogov.experiments.outputs`); it is tried before the command runs.
A command is a module with a dataclass `Options`, whose docstrings are its help, and a function `run(options, command)
-> int`; or a module with a study. To add a command, add the module and a line in `COMMANDS`.
"""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from protogov.experiments.core.command_line import choose
from protogov.experiments.errors import BadInput, CheckFailed, disk_gave_out, sentence
from protogov.experiments.outputs import refuse_unwritable, written_by
from protogov.experiments.terminal import accept_any_terminal

PACKAGE = "protogov.experiments"
# command -> (its module below the package, what it does)
COMMANDS: dict[str, tuple[str, str]] = {
    "first-light": ("training.first_light", "train three governors, compare them with a static protocol, report"),
    "train": (
        "training.train",
        "train governors on a synthetic market, several seeds in parallel; --resume continues a run",
    ),
    "evaluate": (
        "training.evaluate",
        "compare governors with a static protocol on the same tapes; one row per episode",
    ),
    "emergence": (
        "commands.emergence",
        "measure what governors do to each other, by intervention, with controls; writes a report",
    ),
    "diff": ("commands.diff", "compare two reports of emergence: values, intervals, verdicts"),
    "simulate": (
        "commands.simulate",
        "run worlds under named governors and write tables and a dashboard",
    ),
    "dataset": ("commands.dataset", "write episodes of named governors as a Minari dataset, for learning from logs"),
    "study": ("studies", "answer one question with tables, figures and a page (protogov study lists them)"),
    "tune": ("studies.tuning", "tune constants and a linear rule by evolution, scenario by scenario"),
    "features": ("commands.features", "list every number that governors see: name, group, unit, range"),
    "scenarios": (
        "commands.scenarios",
        "list the scenarios; --out draws each: paths, waypoints, implied vol, depth",
    ),
    "zoo": ("commands.zoo", "list the trained governors that are shipped, or make an entry of a run"),
    "export-evm": (
        "commands.export_evm",
        "write a small policy as a smart contract, with proved bounds and its gas",
    ),
    "verify": ("commands.verify", "check that a contract's code is that of a manifest of export-evm"),
    "report": ("commands.report", "build the report of a run again from its folder"),
    "bench": ("bench.bench", "print the figures of merit and their targets"),
    "warm-up": ("commands.warm_up", "compile the worlds now; later starts do not wait"),
    "smoke": (
        "commands.smoke",
        "play a tiny episode through every interface and compare it with stored numbers",
    ),
}
SUCCESS, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code.

    Args:
        arguments: without the program's name; those of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # work is spread over processes; threads inside make it slower
    if not given or given[0] in ("-h", "--help", "help"):
        return guarded(lambda: print(usage()))
    if given[0] == "--version":
        import protogov

        return guarded(lambda: print(f"protogov {protogov.__version__}"))
    name, rest = given[0], given[1:]
    if name not in COMMANDS:
        return complain(f"{name!r} is not a command of protogov; commands are {', '.join(COMMANDS)}")
    if name == "study":
        return run_named_study(rest)
    return run_command(_command(COMMANDS[name][0]), rest, f"protogov {name}")


def run_named_study(arguments: Sequence[str]) -> int:
    """`protogov study NAME`; without a name the list of studies."""
    from protogov.experiments.studies import STUDIES

    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(len(name) for name in STUDIES)
        lines = [f"  {name:<{width}}  {about}" for name, about in STUDIES.items()]
        return guarded(lambda: print("\n".join(["usage: protogov study NAME [OPTIONS]", "", *lines])))
    name, rest = arguments[0], arguments[1:]
    if name not in STUDIES:
        return complain(f"{name!r} is not a study; studies are {', '.join(STUDIES)}")
    return run_command(_command(f"studies.{name}"), rest, f"protogov study {name}")


def _command(place: str) -> Any:
    """A module of the package, or the study in it."""
    module = import_module(f"{PACKAGE}.{place}")
    return module if hasattr(module, "run") else _Command(module.STUDY)


class _Command:
    """A study in the form of a command for `run_command`."""

    def __init__(self, study: Any) -> None:
        self.study, self.Options = study, study.options

    def run(self, options: Any, command: str) -> int:
        from protogov.experiments.core.study import run_study

        return run_study(self.study, options, command)


def run_command(module: Any, arguments: Sequence[str], program: str) -> int:
    """Parse `arguments` into the module's `Options`, run them, and turn errors into a sentence and an exit code."""
    command = shlex.join([*program.split(), *arguments])
    return guarded(partial(_run, module.Options, lambda options: module.run(options, command), arguments, program))


def _run(options: type[Any], run: Callable[[Any], Any], arguments: Sequence[str], program: str) -> Any:
    chosen, file = choose(options, arguments, program)
    try:
        refuse_unwritable(chosen)
        return run(chosen)
    except BadInput as error:
        raise (error if file is None else file.blamed(error)) from error
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        _flush_output()  # an error of writing to an open file does not name it: is it this one?
        place = next((str(path) for path, _ in written_by(chosen)), None)
        raise OSError(error.errno, error.strerror, place) from error


def guarded(call: Callable[[], Any]) -> int:
    """Call a command and turn errors into a sentence and an exit code.

    Args:
        call: returns its exit code, or anything else when it is done.
    """
    accept_any_terminal()
    try:
        code = call()
        _flush_output()  # here, because an error at the end of the interpreter would give no sentence
        return code if isinstance(code, int) else SUCCESS
    except (BadInput, CheckFailed) as error:
        return complain(str(error), FAILED if isinstance(error, CheckFailed) else BAD_INPUT)
    except KeyboardInterrupt:
        return complain("stopped by Ctrl-C", INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has left, as in `protogov ... | head`
        _drop_output()
        return SUCCESS
    except OSError as error:
        return _complain_of_files(error)


def _complain_of_files(error: OSError) -> int:
    """The path and the reason; bad input, unless a disk failed that was writable before."""
    reason = error.strerror or str(error) or type(error).__name__
    text = reason if error.filename is None else f"{error.filename}: {reason}"
    if not disk_gave_out(error):
        return complain(text)
    _drop_output()  # it may be what cannot be written
    return complain(f"{text}; make room, then run the same command again", FAILED)


def _flush_output() -> None:
    """Flush standard output; an error names it."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def _drop_output() -> None:
    """Send the interpreter's last flush to the null device."""
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")


def complain(text: str, code: int = BAD_INPUT) -> int:
    """One sentence on standard error; returns `code`."""
    print(f"protogov: {sentence(text)}", file=sys.stderr)
    return code


def usage() -> str:
    """The help of `protogov` itself."""
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: protogov COMMAND [OPTIONS]",
            "",
            "A reinforcement-learning gym for autonomous protocol governance.",
            "",
            "commands:",
            *lines,
            "",
            "Each command has its own --help, for example `protogov train --help`.",
            "Exit code: 0 done, 1 a check failed or a run broke, 2 bad input, 130 stopped by Ctrl-C.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
