"""What the optional extras bring: `evm`, the pinned compiler of contracts and an EVM; `zk`, a proof system."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

VYPER = "0.4.3"  # the code that it makes is compared byte by byte: no other version will do
EZKL = "23.0.5"  # another version makes other circuits
_PINNED = {"vyper": VYPER, "ezkl": EZKL}
_EXTRAS = {"ezkl": "zk", "onnx": "zk"}  # all others are of `evm`


class ExtraMissing(RuntimeError):
    """The optional extra is not installed, or not at the pinned version: the message says what to install."""


def need(name: str, purpose: str) -> ModuleType:
    """The module `name` of an extra.

    Raises:
        ExtraMissing: it is not installed, or is of another version than the pinned one.
    """
    package = name.split(".")[0]
    cure = f"install the optional extra: pip install 'protogov[{_EXTRAS.get(package, 'evm')}]'"
    try:
        found = version(package)
        module = import_module(name)
    except (PackageNotFoundError, ImportError):
        raise ExtraMissing(f"{package} is not installed, which {purpose} needs; {cure}") from None
    pinned = _PINNED.get(package)
    if pinned is not None and found.split("+")[0] != pinned:
        raise ExtraMissing(f"{package} is {found}; {purpose} needs {pinned} alone; {cure}")
    return module
