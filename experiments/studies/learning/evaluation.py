"""Evaluation: learners, opponents and controls on the same tapes of natural, stress, validation and long episodes."""

from collections.abc import Sequence

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, rounded
from protogov.experiments.studies.learning import ensemble
from protogov.experiments.studies.learning.analysis import confirmatory
from protogov.experiments.studies.learning.describing import DIGITS, Description, every_opponent
from protogov.experiments.studies.learning.opponents import Opponents
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.played import gather
from protogov.experiments.studies.learning.playing import MARKETS, Match, play_tables, suites
from protogov.experiments.studies.learning.preregistration import LONG, LONG_STRESS
from protogov.experiments.studies.learning.training import trained_before


def measure(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> Found:
    """Play every suite, describe the differences, and test the hypotheses."""
    trained, rivals = trained_before(options, opponents, chosen), every_opponent(options, opponents)
    config = WorldOptions(size=options.last_size).make()
    description, of_markets = Description(trained, rivals), {}
    for tapes in suites(options).values():
        controls = tapes.name not in (LONG, LONG_STRESS)
        matches = [Match(config, one, tapes) for one in rivals]
        matches += [Match(one.learner.config(), one.governors(), tapes, controls) for of in trained for one in of]
        played = gather(play_tables(matches, how, f"evaluation: {tapes.name}"), tapes)
        description.add(played)
        if tapes.name in MARKETS:
            of_markets[tapes.name] = played
    tests = confirmatory(of_markets, chosen[0])
    first = [of for of in trained if of[0].learner.candidate.name == chosen[0]]
    tables = {"tests": rounded(columns(tests), DIGITS)} if tests else {}
    tables |= description.tables() | ensemble.measure(options, how, rivals, first, of_markets)
    return Found(tables, {"chosen": list(chosen)})
