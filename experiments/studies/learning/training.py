"""Training of the selected candidates on both markets: the first in every form, a second as cooperative governors."""

from collections.abc import Sequence

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning.candidates import find_candidates
from protogov.experiments.studies.learning.kept import Place, Rows, Unit
from protogov.experiments.studies.learning.opponents import Opponents, tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.playing import MARKETS, Match, play_matches, screening_tapes
from protogov.experiments.studies.learning.preregistration import CONSTANTS, COOPERATIVE
from protogov.experiments.studies.learning.runs import Learner, Trained, forms_of, train_learner
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
        for at, name in enumerate(chosen) for market in MARKETS
        for form in forms_of(by_name[name], options.forms) if at == 0 or form == COOPERATIVE
    ]  # fmt: skip


def measure(options: Options, how: Running, opponents: Opponents, chosen: Sequence[str]) -> Found:
    """Train, and play validation with the policies along the way, on the tapes of the screening."""
    runs, curves = Rows(), Rows()
    for learner in roster(options, chosen):
        unit = train_kept(options, how, opponents, learner)
        runs += unit.tables["runs"]
        curves += unit.tables["curves"]
    return Found({"runs": columns(runs), "curves": columns(curves)}, {"chosen": list(chosen)})


def place_of(options: Options, opponents: Opponents, learner: Learner) -> Place:
    """Where what the learner leaves is kept."""
    return Place(options.check(), learner, opponents.start(learner.size, learner.scenario), options.reduced())


def train_kept(options: Options, how: Running, opponents: Opponents, learner: Learner) -> Unit:
    """Train a learner and play validation along its way, unless what it left is kept."""
    place, tapes, size = place_of(options, opponents, learner), screening_tapes(options), learner.size
    kept = place.read()
    if kept is not None:
        return kept
    trained, digest = place.keep_policies(train_learner(learner, place.start, place.out, how))
    constants = opponents.named(size, learner.scenario, tuned_on(CONSTANTS, learner.scenario))
    matches = [Match(WorldOptions(size=size).make(), constants, tapes)]
    matches += [Match(one.learner.config(), one.governors(), tapes) for one in trained]
    played = play_matches(matches, how, f"training: {learner.name}")
    runs = [{"learner": learner.name, "size": size, "seed": one.seed, "hours": one.way[-1][0]} for one in trained]
    curves = curve_rows([trained], constants.name, played, tapes, how)
    return place.write(Unit({"runs": runs, "curves": curves}, archive=digest))


def trained_before(options: Options, opponents: Opponents, chosen: Sequence[str]) -> list[list[Trained]]:
    """Seeds of every learner that the stage of training has left.

    Raises:
        BadInput: what a learner left is missing or damaged.
    """
    return [policies_of(options, opponents, learner) for learner in roster(options, chosen)]


def policies_of(options: Options, opponents: Opponents, learner: Learner) -> list[Trained]:
    """Seeds of a learner that was trained before.

    Raises:
        BadInput: what it left is missing or damaged.
    """
    place = place_of(options, opponents, learner)
    unit = place.read()
    if unit is None:
        raise BadInput(f"{place.path}: is missing; restore it, or train again in the stage that makes it")
    return place.policies(unit)
