"""Training without one crisis: how learners do in a crisis that their training did not contain.

The first candidate trains on the stress mix without one training crisis, and constants are tuned on the same market.
Both play that market, validation, and the crisis that was left out.
"""

from collections.abc import Sequence

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns
from protogov.experiments.studies.learning.analysis import columns_of, tested
from protogov.experiments.studies.learning.candidates import Candidate, find_candidates
from protogov.experiments.studies.learning.kept import Rows, Unit
from protogov.experiments.studies.learning.opponents import CRISES, Opponents, crisis_market, tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.playing import Match, Tapes, controls_of, matrix, play_matches, suites
from protogov.experiments.studies.learning.preregistration import CONSTANTS, COOPERATIVE, PLAN, VALIDATION
from protogov.experiments.studies.learning.runs import Learner, train_learner
from protogov.experiments.studies.learning.training import place_of

SPLITS = ("train", VALIDATION, "left out")


def measure(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> Found:
    """Train without each crisis in turn."""
    (candidate,) = find_candidates((chosen[0],))
    rows = [row for crisis in CRISES for row in without(options, how, opponents, candidate, crisis)]
    return Found({"crises": columns(rows)}, {"chosen": list(chosen), "candidate": candidate.name})


def without(options: Options, how: Running, opponents: Opponents, candidate: Candidate, crisis: str) -> Rows:
    """A row a split of one crisis that is left out, unless they are kept."""
    market, size = crisis_market(crisis), options.last_size
    seeds = options.seeds_of("crises")
    learner = Learner(candidate, size, COOPERATIVE, market, seeds, options.hours, options.worlds)
    place = place_of(options, opponents, learner)
    kept = place.read()
    if kept is not None:
        return kept.tables["crises"]
    trained = train_learner(learner, place.start, place.out, how)
    constants, config = opponents.named(size, market, tuned_on(CONSTANTS, market)), WorldOptions(size=size).make()
    first, count, rows = PLAN.first_tape["evaluation"], options.tapes_of("crisis"), Rows()
    validation = suites(options)[VALIDATION].scenarios
    for split, scenarios in zip(SPLITS, ((market,), validation, (crisis,)), strict=True):
        tapes = Tapes(split, scenarios, count, first)
        matches = [Match(config, constants, tapes)]
        matches += [Match(learner.config(), one.governors(), tapes, controls=True) for one in trained]
        played = play_matches(matches, how, f"without {crisis}: {split}")
        own = matrix(played, split, learner.name)
        means, yoked = (matrix(played, split, name) for name in controls_of(learner.name))
        rows.append(
            {"left_out": crisis, "split": split, "seeds": len(trained),
             "W_constants": float(matrix(played, split, constants.name).mean()),
             **columns_of(tested(own - matrix(played, split, constants.name))),
             "over_own_means": float((own - means).mean()), "over_yoked": float((own - yoked).mean())}
        )  # fmt: skip
    return place.write(Unit({"crises": rows})).tables["crises"]
