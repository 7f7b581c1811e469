"""What the optional extra `evm` brings: the compiler, at the one version that contracts are written for, and an EVM."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

VYPER = "0.4.3"  # the code that it makes is compared byte by byte: no other version will do


class ExtraMissing(RuntimeError):
    """The optional extra is not installed, or not at the pinned version: the message says what to install."""


def need(name: str, purpose: str) -> ModuleType:
    """The module `name` of the extra.

    Raises:
        ExtraMissing: it is not installed, or is a compiler of another version.
    """
    cure = "install the optional extra: pip install 'protogov[evm]'"
    package = name.split(".")[0]
    try:
        found = version(package)
        module = import_module(name)
    except (PackageNotFoundError, ImportError):
        raise ExtraMissing(f"{package} is not installed, which {purpose} needs; {cure}") from None
    if package == "vyper" and found.split("+")[0] != VYPER:
        raise ExtraMissing(f"vyper is {found}; {purpose} needs {VYPER} alone; {cure}")
    return module
