"""Training of the selected candidates, in every form and on both markets."""

from collections.abc import Sequence

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning.candidates import find_candidates
from protogov.experiments.studies.learning.opponents import Opponents, tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.playing import MARKETS, Match, play_matches, screening_tapes
from protogov.experiments.studies.learning.preregistration import CONSTANTS
from protogov.experiments.studies.learning.runs import Learner, Trained, find_trained, forms_of, train_learner
from protogov.experiments.studies.learning.screening import curve_rows


def roster(options: Options, chosen: Sequence[str]) -> list[Learner]:
    """Every learner of the stage: candidates in their order, then market, then form.

    Raises:
        BadInput: no candidate was selected.
    """
    if not chosen:
        raise BadInput("the screening selected no candidate; there is nothing to train")
    by_name = {one.name: one for one in find_candidates(tuple(chosen))}
    seeds = options.seeds_of("training")
    return [
        Learner(by_name[name], options.last_size, form, market, seeds, options.hours, options.worlds)
        for name in chosen for market in MARKETS for form in forms_of(by_name[name], options.forms)
    ]  # fmt: skip


def measure(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> Found:
    """Train, and play validation with the policies along the way, on the tapes of the screening."""
    out, tapes = options.check(), screening_tapes(options)
    learners = roster(options, chosen)
    trained = [train_learner(one, opponents.start(one.size, one.scenario), out, how) for one in learners]
    config, size = WorldOptions(size=options.last_size).make(), options.last_size
    curves = []
    for market in MARKETS:
        constants = opponents.named(size, market, tuned_on(CONSTANTS, market))
        own = [of for of in trained if of[0].learner.scenario == market]
        matches = [Match(config, constants, tapes)]
        matches += [Match(one.learner.config(), one.governors(), tapes) for of in own for one in of]
        played = play_matches(matches, how, f"training: {market}")
        curves += curve_rows(own, constants.name, played, tapes, how)
    runs = [
        {"learner": one.learner.name, "size": one.learner.size, "seed": one.seed, "hours": one.way[-1][0]}
        for of in trained for one in of
    ]  # fmt: skip
    return Found({"runs": columns(runs), "curves": columns(curves)}, {"chosen": list(chosen)})


def trained_before(options: Options, chosen: Sequence[str]) -> list[list[Trained]]:
    """Seeds of every learner that the stage of training has left."""
    return [find_trained(one, options.check()) for one in roster(options, chosen)]
