"""The sealed test, opened once for all sets of the evaluation; nothing is trained after it.

All its markets are one suite, as the scenarios of validation are: a learner's control at its own mean levers has one
set of constants for all of them. Each market is described by itself too.
"""

from collections.abc import Sequence
from typing import Any

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios.seal import opened
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import EVALUATION_SEEDS
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning.describing import Description, every_opponent
from protogov.experiments.studies.learning.opponents import Opponents
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.played import gather
from protogov.experiments.studies.learning.playing import Match, Part, Tapes, part_of, play_part, world_of
from protogov.experiments.studies.learning.training import trained_before
from protogov.experiments.training import open_test

COMMAND = "protogov study learning --final"


def openings() -> list[dict[str, Any]]:
    """All records of the test's openings, the oldest first."""
    return open_test.earlier_openings([open_test.default_folder()])


def refuse_training() -> None:
    """Raise BadInput once the test has been opened."""
    for one in openings():
        raise BadInput(f"the sealed test was opened on {one['when']} ({one['command']}); nothing is trained after it")


def measure(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> Found:
    """Record the opening, then play all sets and learners' controls on the test.

    Raises:
        BadInput: sizes are not the registered ones, or the test was opened for other governors before.
    """
    if options.reduced():
        raise BadInput(f"final opens the sealed test for the registered study alone; here {options.reduced()[0]}")
    trained, rivals = trained_before(options, opponents, chosen), every_opponent(options, opponents)
    sets = [*rivals, *(one.governors() for of in trained for one in of)]
    if not _was_opened(sets):
        open_test.record_opening(None, sets, f"{COMMAND} --out {options.check()}")
        record = open_test.default_folder() / open_test.OPENINGS
        print(f"The opening is recorded in {record}. Commit it now: whoever loses it opens the test twice.")
    test, config = open_test.read_sealed(), WorldOptions(size=options.last_size).make()
    tapes = Tapes(open_test.SUITE, tuple(test.scenarios), test.episodes, test.first_seed - EVALUATION_SEEDS)
    matches = [Match(config, one, tapes) for one in rivals]
    matches += [Match(one.learner.config(), one.governors(), tapes, controls=True) for of in trained for one in of]
    pieces = [Piece(f"sealed_{one.governors.name}", part_of(one), world_of(one)) for one in matches]
    tables = run_pieces(play_sealed, WorldConfig(), pieces, how, open_test.SUITE)
    with opened():
        played = gather(tables, tapes)
    description = Description(trained, rivals)
    for one in (played, *map(played.part, test.scenarios)):
        description.add(one)
    return Found(description.tables(), {"chosen": list(chosen)})


def play_sealed(config: WorldConfig, job: Part) -> Table:
    """One piece, in a process that the record allows to draw the test."""
    with opened():
        return play_part(config, job)


def _was_opened(sets: Sequence[Any]) -> bool:
    """Whether this study has opened the test for these governors, so that the same opening is continued.

    Raises:
        BadInput: this study opened it for others.
    """
    own = [one for one in openings() if str(one["command"]).startswith(COMMAND)]
    if not own:
        return False
    if open_test.identity(own[-1]["governors"]) != open_test.identity(open_test.describe(sets)):
        raise BadInput(f"the sealed test was opened on {own[-1]['when']} for other governors; it is opened once")
    return True
