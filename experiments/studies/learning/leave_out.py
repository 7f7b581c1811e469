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
from protogov.experiments.studies.learning.candidates import find_candidates
from protogov.experiments.studies.learning.opponents import CRISES, Opponents, crisis_market, tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.playing import Match, Tapes, controls_of, matrix, play_matches, suites
from protogov.experiments.studies.learning.preregistration import CONSTANTS, COOPERATIVE, PLAN, VALIDATION
from protogov.experiments.studies.learning.runs import Learner, train_learner

SPLITS = ("train", VALIDATION, "left out")


def measure(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> Found:
    """Train without each crisis in turn."""
    (candidate,) = find_candidates((chosen[0],))
    out, size, seeds = options.check(), options.last_size, options.seeds_of("crises")
    config, rows = WorldOptions(size=size).make(), []
    first, count = PLAN.first_tape["evaluation"], options.tapes_of("crisis")
    validation = suites(options)[VALIDATION].scenarios
    for crisis in CRISES:
        market = crisis_market(crisis)
        learner = Learner(candidate, size, COOPERATIVE, market, seeds, options.hours, options.worlds)
        trained = train_learner(learner, opponents.start(size, market), out, how)
        constants = opponents.named(size, market, tuned_on(CONSTANTS, market))
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
    return Found({"crises": columns(rows)}, {"chosen": list(chosen), "candidate": candidate.name})
