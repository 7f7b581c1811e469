"""The sealed test: markets that nothing may draw until somebody opens it, once, to be told how governors do there.

Another kind of world than any that is trained or validated on: the process of ``bates.py``, and four crises of other
coins (``other_coins.py``), on a range of seeds of its own. What is sealed stands in ``sealed_test.json``: names, seeds,
episodes, and a digest of what defines each scenario. The SHA-256 of that file is the constant below and is told in
results/test/README.md, so that nobody can change the test after having seen what it says.

Only ``protogov evaluate GOVERNORS --open-test`` opens it. In code that is a block in which these can be drawn::

    with opened():
        get_scenario("test-bates")

They are registered like any other, and :meth:`Sealed.check_open` is the one place that holds them out:
:func:`~protogov.envs.scenarios.lookup.get_scenario` asks it for a name, and drawing asks it for an object.
A copy under another name and of split "validation" may be looked at, and nobody may train on it: its noise is keyed by
that name, so that no tape of it is one of the test's (:func:`free_copy`).
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protogov.envs.scenarios.base import Named, Scenario, Seeds, Tapes, register
from protogov.envs.scenarios.bates import BatesProcess
from protogov.envs.scenarios.other_coins import STORIES
from protogov.envs.scenarios.path import PathScenario
from protogov.envs.scenarios.waypoints import Crisis

SEALED_FILE = Path(__file__).with_name("sealed_test.json")
# of that file; `python -m protogov.experiments.seal` writes both anew, which is only honest before anybody opened it
SEALED_DIGEST = "0c929fb94186db0975a541bf9dd53fa6c401ea05adba6029ad3c4c14c277162b"
FIRST_SEED = 2**50  # of the test's tapes: far beyond those of training, tuning, audits and evaluations
EPISODES = 1024  # of each scenario

_open = 0  # blocks of `opened` that are under way in this process


class SealedError(ValueError):
    """The sealed test is asked for while it is sealed, or is not what was sealed."""


class Sealed(Named):
    """A scenario of the sealed test: draws only while the seal is open in this process.

    Args:
        scenario: what it draws; its name is that of the whole.
    """

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario.name, scenario, kind=scenario.kind)
        self.about = scenario.about

    def check_open(self) -> None:
        """Raise SealedError unless somebody opened the test."""
        if not is_open():
            raise SealedError(
                f"scenario {self.name!r} belongs to the sealed test, which nothing plays but "
                f"`protogov evaluate GOVERNORS --open-test`; use one of the splits train, validation or free."
            )

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Draw it, if somebody opened the test; raises SealedError."""
        self.check_open()
        super().fill(tapes, seeds)


def _scenarios(split: Any, prefix: str = "") -> tuple[Scenario, ...]:
    crises = [Crisis(prefix + name, split, story) for name, story in STORIES.items()]
    return (PathScenario(f"{prefix}test-bates", split, BatesProcess()), *crises)


_SEALED: dict[str, Sealed] = {one.name: Sealed(one) for one in _scenarios("test")}
for _one in _SEALED.values():
    register(_one)


def sealed_names() -> tuple[str, ...]:
    """Names of the scenarios of the sealed test, in its order."""
    return tuple(_SEALED)


def free_copy(name: str) -> Scenario:
    """A scenario of the same definition, kept for validation and with noise of its own, to look at and to test.

    Raises:
        ValueError: for a name that is not in the sealed test.
    """
    copies = {one.name.removeprefix("free-"): one for one in _scenarios("validation", "free-")}
    if name not in copies:
        raise ValueError(f"scenario {name!r} is not in the sealed test; known are {', '.join(copies)}.")
    return copies[name]


@contextmanager
def opened() -> Iterator[None]:
    """A block in which the sealed test can be drawn, in this process."""
    global _open
    _open += 1
    try:
        yield
    finally:
        _open -= 1


def is_open() -> bool:
    """Whether the sealed test can be drawn now."""
    return _open > 0


@dataclass(frozen=True)
class SealedTest:
    """What a list of a sealed test says.

    Attributes:
        scenarios: name -> digest of its definition.
        first_seed: of its tapes.
        episodes: of each scenario.
        digest: SHA-256 of the file.
    """

    scenarios: dict[str, str]
    first_seed: int
    episodes: int
    digest: str


def read_sealed(path: Path = SEALED_FILE, digest: str = SEALED_DIGEST) -> SealedTest:
    """The list of the sealed test, held against its digest and against the scenarios as they are defined now.

    Raises:
        SealedError: the file is missing, is not the one with that digest, or a scenario is not what was sealed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SealedError(f"{path}: the list of the sealed test cannot be read ({error.strerror}).") from None
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise SealedError(f"{path}: its SHA-256 is {found}, and {digest} was sealed; the sealed test has been changed.")
    data = json.loads(content)
    test = SealedTest(dict(data["scenarios"]), int(data["first_seed"]), int(data["episodes"]), found)
    for name, sealed in test.scenarios.items():
        now = definition_digest(_SEALED[name].scenario) if name in _SEALED else "no scenario"
        if now != sealed:
            raise SealedError(
                f"{path}: {name} was sealed as {sealed[:12]} and is {now[:12]}; the test has been changed."
            )
    return test


def sealed_list(scenarios: Sequence[str] = (), first_seed: int = FIRST_SEED, episodes: int = EPISODES) -> str:
    """The text of a list: of these scenarios as they are defined now, all by default."""
    names = scenarios or sealed_names()
    data = {
        "scenarios": {name: definition_digest(_SEALED[name].scenario) for name in names},
        "first_seed": first_seed,
        "episodes": episodes,
    }
    return json.dumps(data, indent=2) + "\n"


def definition(scenario: Scenario) -> dict[str, Any]:
    """What defines a scenario of the sealed test, JSON-able: parameters of the process, or the tables of the story.

    The words of a story are left out, and so is the code that draws.
    """
    if isinstance(scenario, Crisis):
        own = {"kind": "Crisis", "story": asdict(scenario.story), "around": asdict(scenario.around)}
        own["story"].pop("facts")
    elif isinstance(scenario, PathScenario) and isinstance(scenario.walk, BatesProcess):
        own = {"kind": "Bates", "process": asdict(scenario.walk)}
    else:
        raise TypeError(f"scenario {scenario.name!r} is a {type(scenario).__name__}; no definition of one is known.")
    return {"name": scenario.name, **own, "conditions": asdict(scenario.conditions)}


def definition_digest(scenario: Scenario) -> str:
    """SHA-256 of :func:`definition`."""
    return hashlib.sha256(json.dumps(definition(scenario), sort_keys=True).encode()).hexdigest()
