"""The sealed test, opened once for the pricers of a finished study; nothing is fitted by this study after it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios.base import SOURCE_FOLDERS
from protogov.envs.scenarios.seal import opened
from protogov.envs.scenarios.sealed import SealedTest, read_sealed
from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.governors import NO_SEED, GovernorSet
from protogov.experiments.core.results import read_manifest
from protogov.experiments.core.tables import Table, read_csv, records
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.pricing.contests import play_contest
from protogov.experiments.studies.pricing.plan import Contest
from protogov.experiments.training import open_test

COMMAND = "protogov study pricing --final"


def openings() -> list[dict[str, Any]]:
    """Records of this study's openings of the test, the oldest first."""
    found = open_test.earlier_openings([open_test.default_folder()])
    return [one for one in found if str(one["command"]).startswith(COMMAND)]


def refuse_after_opening() -> None:
    """Raise BadInput once this study has opened the test."""
    for one in openings():
        raise BadInput(f"the sealed test was opened on {one['when']} ({one['command']}); nothing is fitted after it")


def check(folder: Path, sizes: Mapping[str, int], training: Sequence[str], reduced: Sequence[str]) -> str:
    """The best learned pricer of a finished study, chosen before the test is opened.

    Raises:
        BadInput: the options are not the defaults, or the folder was not made with them, in this world.
    """
    if reduced:
        raise BadInput(f"final opens the sealed test for the default options alone; here {', '.join(reduced)} differ")
    about = read_manifest(folder)
    facts = about["facts"]
    if about.get("study") != "pricing" or facts.get("sealed"):
        raise BadInput(f"{folder}: is no finished result of protogov study pricing")
    if about["physics"] != source_digest():
        raise BadInput(f"{folder}: was made in another world than this one; run protogov study pricing again")
    if dict(facts["sizes"]) != dict(sizes) or list(facts["training"]) != list(training):
        raise BadInput(f"{folder}: was made with other sizes or training markets than the defaults")
    return str(facts["best"])


def refitted_apart(folder: Path, fits: Table) -> float:
    """Largest relative difference of a held-out score between the finished study's fits and the same made again.

    Networks are not kept: those that play the test are fitted again, from the same seeds and tapes. On the same machine
    and torch version they are the same ones, elsewhere nearly.
    """
    first = {row["contestant"]: row["held_out"] for row in records(read_csv(folder / "fits.csv"))}
    again = {row["contestant"]: row["held_out"] for row in records(fits)}
    return max((abs(score / first[name] - 1.0) for name, score in again.items()), default=0.0)


def open_for(names: Sequence[str], folder: str) -> SealedTest:
    """Record that the test is opened for these pricers; the same opening is continued after an interruption.

    Raises:
        BadInput: this study opened it for others, or for other sources, or the commit is unknown or changed.
    """
    sets = [GovernorSet(name, NO_SEED, {}) for name in names]
    own = openings()
    if not own:
        return open_test.record_opening(None, sets, f"{COMMAND} {folder}")[1]
    last = own[-1]
    if last["governors"] != open_test.describe(sets) or last["sources"] != source_digest(*SOURCE_FOLDERS):
        raise BadInput(f"the sealed test was opened on {last['when']} for other pricers; it is opened once")
    return read_sealed()


def play_sealed(config: WorldConfig, job: Contest) -> Table:
    """One piece, in a process that the record allows to draw the test."""
    with opened():
        return play_contest(config, job)
