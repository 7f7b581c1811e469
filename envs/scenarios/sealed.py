"""The sealed test: markets that nothing may draw until somebody opens it, once, to be told how governors do there.

Another kind of world than any that is trained or validated on: the process of ``bates.py``, and four crises of other
coins (``other_coins.py``), on a range of seeds of its own. What is sealed stands in ``sealed_test.json``: names, seeds,
episodes, and a digest of what defines each scenario. The SHA-256 of that file is the constant below and is told in
results/test/README.md, so that nobody can change the test after having seen what it says.

Only ``protogov evaluate GOVERNORS --open-test`` opens it. In code that is a block in which these can be drawn::

    with opened():  # of ``seal.py``
        get_scenario("test-bates")

They are registered like any other. What holds them out is their split, "test", and nothing else:
:meth:`~protogov.envs.scenarios.base.Scenario.check_open` refuses to find or to draw whatever has a part of that split.
A copy under another name and of split "validation" may be looked at, and nobody may train on it: its noise is keyed by
that name, so that no tape of it is one of the test's (:func:`free_copy`).
"""

import hashlib
import json
from copy import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protogov.envs.scenarios.base import Scenario, register, rows
from protogov.envs.scenarios.bates import BatesProcess
from protogov.envs.scenarios.other_coins import STORIES
from protogov.envs.scenarios.path import PathScenario
from protogov.envs.scenarios.seal import SealedError
from protogov.envs.scenarios.waypoints import Crisis

SEALED_FILE = Path(__file__).with_name("sealed_test.json")
# of that file; `python -m protogov.experiments.seal` writes both anew, which is only honest before anybody opened it
SEALED_DIGEST = "0c929fb94186db0975a541bf9dd53fa6c401ea05adba6029ad3c4c14c277162b"
FIRST_SEED = 2**50  # of the test's tapes: far beyond those of training, tuning, audits and evaluations
EPISODES = 1024  # of each scenario

for _row in (
    PathScenario("test-bates", "test", BatesProcess()),
    *(Crisis(name, "test", story) for name, story in STORIES.items()),
):
    register(_row)


def sealed_names() -> tuple[str, ...]:
    """Names of the scenarios of the sealed test, in its order."""
    return tuple(row.name for row in rows("test"))


def free_copy(name: str) -> Scenario:
    """A scenario of the same definition, kept for validation and with noise of its own, to look at and to test.

    Raises:
        ValueError: for a name that is not in the sealed test.
    """
    known = {row.name: row for row in rows("test")}
    if name not in known:
        raise ValueError(f"scenario {name!r} is not in the sealed test; known are {', '.join(known)}.")
    twin = copy(known[name])
    twin.name, twin.split = f"free-{name}", "validation"
    return twin


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
    known = {row.name: row for row in rows("test")}
    for name, sealed in test.scenarios.items():
        now = definition_digest(known[name]) if name in known else "no scenario"
        if now != sealed:
            raise SealedError(
                f"{path}: {name} was sealed as {sealed[:12]} and is {now[:12]}; the test has been changed."
            )
    return test


def sealed_list(first_seed: int = FIRST_SEED, episodes: int = EPISODES) -> str:
    """The text of a list: of the scenarios of the split "test" as they are defined now."""
    data = {
        "scenarios": {row.name: definition_digest(row) for row in rows("test")},
        "first_seed": first_seed,
        "episodes": episodes,
    }
    return json.dumps(data, indent=2) + "\n"


def definition(scenario: Scenario) -> dict[str, Any]:
    """What defines a scenario of the sealed test, JSON-able: parameters of the process, or the tables of the story.

    The words of a story are left out, and so is the code that draws.
    """
    own: dict[str, Any]
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
