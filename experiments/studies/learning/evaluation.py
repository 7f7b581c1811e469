"""Evaluation: learners, opponents and controls on the same tapes of natural, stress, validation and long episodes.

What is described of a suite is kept, so that an evaluation goes on where a machine stopped.
"""

from collections.abc import Sequence

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, rounded
from protogov.experiments.studies.learning import ensemble
from protogov.experiments.studies.learning.analysis import confirmatory, differences
from protogov.experiments.studies.learning.describing import DIGITS, Description, every_opponent
from protogov.experiments.studies.learning.kept import Rows, Unit
from protogov.experiments.studies.learning.kept_suites import SuitePlace
from protogov.experiments.studies.learning.opponents import Opponents
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.played import gather
from protogov.experiments.studies.learning.playing import MARKETS, Match, Tapes, play_tables, suites
from protogov.experiments.studies.learning.preregistration import LONG, LONG_STRESS
from protogov.experiments.studies.learning.runs import Trained
from protogov.experiments.studies.learning.training import trained_before

TESTS = "differences"  # table of a kept suite of the family, besides those of its description


def measure(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> Found:
    """Play every suite that is not kept, describe the differences, and test the hypotheses."""
    trained, rivals = trained_before(options, opponents, chosen), every_opponent(options, opponents)
    description, family = Description(trained, rivals), Rows()
    for tapes in suites(options).values():
        found = suite_kept(options, how, rivals, trained, chosen[0], tapes).tables
        description.put({name: rows for name, rows in found.items() if name != TESTS})
        family += found.get(TESTS, [])
    tests = confirmatory(family, chosen[0])
    first = [of for of in trained if of[0].learner.candidate.name == chosen[0]]
    tables = {"tests": rounded(columns(tests), DIGITS)} if tests else {}
    tables |= description.tables() | ensemble.measure(options, how, rivals, first, family)
    return Found(tables, {"chosen": list(chosen)})


def suite_kept(
    options: Options, how: Running, rivals: Sequence[GovernorSet], trained: Sequence[Sequence[Trained]], first: str,
    tapes: Tapes,
) -> Unit:  # fmt: skip
    """The description of a suite, and on a training market the differences of the family, unless they are kept.

    Args:
        options: of the study.
        how: to play.
        rivals: opponents, each once.
        trained: seeds of every learner.
        first: the candidate whose differences are the family.
        tapes: the suite.
    """
    learned = [(one, one.governors()) for of in trained for one in of]
    sets = [*rivals, *(governors for _, governors in learned)]
    place = SuitePlace(options.check(), options.last_size, f"evaluation {tapes.name}", tapes, sets, options.reduced())

    def play() -> Unit:
        controls = tapes.name not in (LONG, LONG_STRESS)
        matches = [Match(WorldOptions(size=options.last_size).make(), one, tapes) for one in rivals]
        matches += [Match(one.learner.config(), governors, tapes, controls) for one, governors in learned]
        played = gather(play_tables(matches, how, f"evaluation: {tapes.name}"), tapes)
        description = Description(trained, rivals)
        description.add(played)
        family = differences(played, first) if tapes.name in MARKETS else []
        return Unit(description.rows() | ({TESTS: family} if family else {}))

    return place.once(play)
