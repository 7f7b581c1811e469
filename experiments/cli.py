"""`protogov`: the command line.

Exit code 0 done, 1 a check failed, 2 bad input with one sentence on standard error, 130 stopped by Ctrl-C.
A subcommand is a module of `protogov.experiments.commands` with a dataclass `Options`, whose docstrings are its help,
and a function `run(options) -> int`. To add one: the module and a line in `COMMANDS`.
"""

import contextlib
import io
import os
import re
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from protogov.experiments.errors import BadInput, CheckFailed, sentence

COMMANDS: dict[str, str] = {
    "train": "train governors on a synthetic market, several seeds side by side; --resume goes on with a run",
    "evaluate": "compare governors with a static protocol on the same tapes; one row an episode",
    "simulate": "run worlds under named governors and write down what happens, with a dashboard",
    "study": "answer one question of the list with tables, figures and a page (protogov study)",
    "tune": "tune constants and a linear rule by evolution, scenario by scenario",
    "scenarios": "list the scenarios; --out draws each: paths, waypoints, implied vol, depth",
    "report": "build the report of a run again from what lies in its folder",
}
PACKAGE = "protogov.experiments.commands"
SUCCESS, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code.

    Args:
        arguments: without the program's name; those of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # work is spread over processes; threads inside make it slower
    if not given or given[0] in ("-h", "--help", "help"):
        print(usage())
        return SUCCESS
    if given[0] == "--version":
        import protogov

        print(f"protogov {protogov.__version__}")
        return SUCCESS
    name, rest = given[0], given[1:]
    if name not in COMMANDS:
        return complain(f"{name!r} is no command of protogov; commands are {', '.join(COMMANDS)}")
    if name == "study":
        return run_named_study(rest)
    module = import_module(f"{PACKAGE}.{name}")
    return run_command(module, rest, f"protogov {name}")


def run_named_study(arguments: Sequence[str]) -> int:
    """`protogov study NAME`; without a name the list of studies."""
    from protogov.experiments.studies import STUDIES

    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(len(name) for name in STUDIES)
        print(
            "\n".join(
                ["usage: protogov study NAME [OPTIONS]", "", *(f"  {n:<{width}}  {a}" for n, a in STUDIES.items())]
            )
        )
        return SUCCESS
    name, rest = arguments[0], arguments[1:]
    if name not in STUDIES:
        return complain(f"{name!r} is no study; studies are {', '.join(STUDIES)}")
    study = import_module(f"protogov.experiments.studies.{name}").STUDY
    return run_command(_Command(study), rest, f"protogov study {name}")


class _Command:
    """A study as `run_command` takes commands."""

    def __init__(self, study: Any) -> None:
        self.study, self.Options = study, study.options

    def run(self, options: Any, command: str) -> int:
        from protogov.experiments.core.study import run_study

        return run_study(self.study, options, command)


def run_command(module: Any, arguments: Sequence[str], program: str) -> int:
    """Parse `arguments` into the module's `Options`, run them, and turn what goes wrong into a sentence and a code."""
    try:
        options = parse(module.Options, arguments, program)
        return int(module.run(options, shlex.join([*program.split(), *arguments])))
    except (BadInput, CheckFailed) as error:
        return complain(str(error), FAILED if isinstance(error, CheckFailed) else BAD_INPUT)
    except KeyboardInterrupt:
        return complain("stopped by Ctrl-C", INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has left, as in `protogov ... | head`
        sys.stdout = open(os.devnull, "w")  # the interpreter's last flush must find somewhere to go
        return SUCCESS


def parse(options: type[Any], arguments: Sequence[str], program: str) -> Any:
    """An instance of the dataclass `options` from command-line arguments; --help prints and exits.

    Raises:
        BadInput: an argument is unknown, missing or refused.
    """
    import tyro  # after `protogov --help` has answered

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(options, prog=program, args=list(arguments))
    except SystemExit as end:
        if not end.code:
            raise
        raise BadInput(f"{one_sentence(said.getvalue())}; see {program} --help") from None


def one_sentence(box: str) -> str:
    """What a box of tyro's says, without frame, title and advice."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", box)
    inside = [line.strip("│| ").strip() for line in plain.splitlines() if line.lstrip().startswith(("│", "|"))]
    rule = next((i for i, line in enumerate(inside) if line and not line.strip("─-━")), len(inside))
    text = " ".join(" ".join(inside[:rule]).split()) or " ".join(plain.split())
    text = text.replace("__tyro-dummy-inner__.", "").rstrip(".;: ")
    return text[:1].lower() + text[1:] if text[:2].istitle() else text


def complain(text: str, code: int = BAD_INPUT) -> int:
    """One sentence on standard error; returns `code`."""
    print(f"protogov: {sentence(text)}", file=sys.stderr)
    return code


def usage() -> str:
    """The help of `protogov` itself."""
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: protogov COMMAND [OPTIONS]",
            "",
            "A reinforcement-learning gym for autonomous protocol governance.",
            "",
            "commands:",
            *lines,
            "",
            "Each command has a --help of its own, say `protogov train --help`.",
            "Exit code: 0 done, 1 a check failed, 2 bad input, 130 stopped by Ctrl-C.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
