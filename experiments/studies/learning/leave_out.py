"""Training without one crisis: how learners do in a crisis that their training did not contain.

The first candidate trains on the stress mix without one training crisis, and constants are tuned on the same market.
Both play that market, validation, and the crisis that was left out. The second candidate and CMA-ES on the linear rule
do the same after it; they were not registered, and are described.

No linear rule is tuned without a crisis. A candidate that starts around the linear rule starts around constants here;
the column `start` and a sentence of the page say so.
"""

from collections.abc import Sequence

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns
from protogov.experiments.errors import CheckFailed
from protogov.experiments.studies.learning.analysis import columns_of, tested
from protogov.experiments.studies.learning.candidates import LINEAR, Candidate, find_candidates
from protogov.experiments.studies.learning.kept import Place, Rows, Unit
from protogov.experiments.studies.learning.opponents import CRISES, Opponents, crisis_market, has_rule, tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.playing import Match, Tapes, controls_of, matrix, play_matches, suites
from protogov.experiments.studies.learning.preregistration import CONSTANTS, COOPERATIVE, PLAN, VALIDATION
from protogov.experiments.studies.learning.runs import Learner, train_learner
from protogov.experiments.studies.learning.training import failures, place_of

NO_RULE = "constants instead of linear"  # start of a candidate where its market has no linear rule
SPLITS = ("train", VALIDATION, "left out")


def measure(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> Found:
    """Train without each crisis in turn.

    Raises:
        CheckFailed: every training of the first candidate diverged.
    """
    candidates = families(chosen)
    learners = [learner_of(options, one, crisis) for one in candidates for crisis in CRISES]
    rows = Rows()
    for one in learners:
        found = without(options, how, opponents, one).tables
        about = {"candidate": one.candidate.name, "start": start_of(one.candidate, one.scenario)}
        rows += [{**about, **row} for row in found.get("crises", [])]
    first = [row for row in rows if row["candidate"] == candidates[0].name]
    described = [row for row in rows if row["candidate"] != candidates[0].name]
    failed = failures(options, opponents, learners)
    if not first:
        raise CheckFailed(f"every training without a crisis diverged: {failed['failed']['reason'][0]}")
    tables = {"crises": columns(first), **({"described": columns(described)} if described else {}), **failed}
    return Found(tables, {"chosen": list(chosen), "candidate": candidates[0].name})


def families(chosen: Sequence[str]) -> list[Candidate]:
    """The first candidate, as registered; then the second, if there is one, and what learns the linear rule."""
    references = [one.name for one in find_candidates(()) if one.algorithm == LINEAR]
    return [find_candidates((name,))[0] for name in dict.fromkeys((*chosen, *references))]


def start_of(candidate: Candidate, market: str) -> str:
    """Where a candidate starts on a market, in words."""
    return NO_RULE if candidate.start == "linear" and not has_rule(market) else candidate.start


def learner_of(options: Options, candidate: Candidate, crisis: str) -> Learner:
    """What trains without a crisis."""
    seeds = options.seeds_of("crises")
    return Learner(candidate, options.last_size, COOPERATIVE, crisis_market(crisis), seeds, options.hours,
                   options.worlds)  # fmt: skip


def without(options: Options, how: Running, opponents: Opponents, learner: Learner) -> Unit:
    """A row a split of one learner, unless they are kept."""
    place = place_of(options, opponents, learner)
    return place.once(lambda: measured(options, how, opponents, learner, place))


def measured(options: Options, how: Running, opponents: Opponents, learner: Learner, place: Place) -> Unit:
    """Train one learner, and play it and its constants on every split."""
    market, size = learner.scenario, learner.size
    (crisis,) = (one for one in CRISES if crisis_market(one) == market)
    trained, digest = place.keep_policies(train_learner(learner, place.start, place.out, how))
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
    return Unit({"crises": rows}, archive=digest)
