"""The sealed test: markets that nothing may draw until somebody opens it, once, to learn how governors perform there.

It is another kind of world than all training and validation markets: the process of ``bates.py``, and four crises of
other coins (``other_coins.py``), with their own range of seeds. ``sealed_test.json`` holds what is sealed: names,
seeds, episodes, and a digest of the definition of each scenario. The SHA-256 of that file is the constant below. It is
also printed in results/test/README.md, so nobody can change the test after seeing its result.

Only ``protogov evaluate GOVERNORS --open-test`` opens it. In code, these scenarios can be drawn inside a block::

    with opened():  # of ``seal.py``
        get_scenario("test-bates")

They are registered like all others. Only their split, "test", holds them back:
:meth:`~protogov.envs.scenarios.base.Scenario.check_open` refuses to find or draw a scenario with a part of that split.
:func:`free_copy` makes a copy under another name and of split "validation", for people to look at. Nobody may train on
it. Its noise is keyed by its own name, so no tape of the copy is a tape of the test.
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
# digest of that file; `python -m protogov.experiments.seal` writes both again, which is only valid before the opening
SEALED_DIGEST = "0c929fb94186db0975a541bf9dd53fa6c401ea05adba6029ad3c4c14c277162b"
FIRST_SEED = 2**50  # of the test's tapes: far from the seeds of training, tuning, audits and evaluations
EPISODES = 1024  # of each scenario

for _row in (
    PathScenario("test-bates", "test", BatesProcess()),
    *(Crisis(name, "test", story) for name, story in STORIES.items()),
):
    register(_row)


def sealed_names() -> tuple[str, ...]:
    """Names of the scenarios of the sealed test, in their order."""
    return tuple(row.name for row in rows("test"))


def free_copy(name: str) -> Scenario:
    """A scenario with the same definition, of split validation and with its own noise, to look at and for tests.

    Raises:
        ValueError: the name is not in the sealed test.
    """
    known = {row.name: row for row in rows("test")}
    if name not in known:
        raise ValueError(f"scenario {name!r} is not in the sealed test; known are {', '.join(known)}.")
    twin = copy(known[name])
    twin.name, twin.split = f"free-{name}", "validation"
    return twin


@dataclass(frozen=True)
class SealedTest:
    """The content of a list of a sealed test.

    Attributes:
        scenarios: name -> digest of its definition.
        first_seed: first seed of its tapes.
        episodes: number of episodes of each scenario.
        digest: SHA-256 of the file.
    """

    scenarios: dict[str, str]
    first_seed: int
    episodes: int
    digest: str


def read_sealed(path: Path = SEALED_FILE, digest: str = SEALED_DIGEST) -> SealedTest:
    """The list of the sealed test, checked against its digest and against the present definitions of scenarios.

    Raises:
        SealedError: the file is missing or has another digest, or a scenario differs from what was sealed.
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
    """The text of a list of the scenarios of the split "test", with their present definitions."""
    data = {
        "scenarios": {row.name: definition_digest(row) for row in rows("test")},
        "first_seed": first_seed,
        "episodes": episodes,
    }
    return json.dumps(data, indent=2) + "\n"


def definition(scenario: Scenario) -> dict[str, Any]:
    """The definition of a scenario of the sealed test, JSON-able: parameters of the process, or tables of the story.

    It contains neither the sentences of a story nor the code that draws.
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
