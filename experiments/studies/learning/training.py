"""Training of the selected candidates on both markets: the first in every form, a second as cooperative governors."""

from collections.abc import Sequence
from dataclasses import replace

from protogov.experiments.bench.learning import MINUTES
from protogov.experiments.bench.reference import TARGET_MACHINE, reference_rate
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.studies.learning.candidates import find_candidates
from protogov.experiments.studies.learning.kept import Place, Rows, Unit
from protogov.experiments.studies.learning.opponents import Opponents, tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.playing import MARKETS, Match, play_matches, screening_tapes
from protogov.experiments.studies.learning.preregistration import CONSTANTS, COOPERATIVE, PLAN
from protogov.experiments.studies.learning.runs import Learner, Trained, forms_of, train_learner
from protogov.experiments.studies.learning.screening import by_hours, curve_rows

PROCESSES = 2  # of the machine that the time of a training is stated for
TOGETHER = 4  # seeds that are trained and kept together; those of a part that a machine does not finish are lost


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
    learners = roster(options, chosen)
    units = [train_kept(options, how, opponents, learner) for learner in learners]
    runs, curves = ([row for unit in units for row in unit.tables.get(name, [])] for name in ("runs", "curves"))
    failed = failures(options, opponents, learners)
    if not runs:
        raise CheckFailed(f"the training of every learner diverged: {failed['failed']['reason'][0]}")
    return Found({"runs": columns(runs), "curves": by_hours(columns(curves)), "speed": speed(runs), **failed},
                 {"chosen": list(chosen)})  # fmt: skip


def speed(runs: Rows) -> Table:
    """One row per learner: how long its registered training takes with two processes.

    Args:
        runs: rows of seeds, with their market hours, seconds, and rounds of the reference loop a second.

    Returns:
        The table. `minutes` are those of all seeds here, two at a time; `minutes_there` on the machine on which the
        targets of rates were set, by the ratio of the reference loop; `asked` is the target.
    """
    rows = Rows()
    for name in dict.fromkeys(row["learner"] for row in runs):
        own = [row for row in runs if row["learner"] == name]
        rate = sum(row["hours"] for row in own) / sum(row["seconds"] for row in own)
        minutes = PLAN.seeds / PROCESSES * PLAN.hours / rate / 60.0
        machine = own[0]["reference"] / TARGET_MACHINE
        rows.append(
            {"learner": name, "hours_per_second": rate, "seeds": PLAN.seeds, "hours": PLAN.hours, "minutes": minutes,
             "machine": machine, "minutes_there": minutes * machine, "asked": MINUTES}
        )  # fmt: skip
    return columns(rows)


def failures(options: Options, opponents: Opponents, learners: Sequence[Learner]) -> dict[str, Table]:
    """A table "failed" with a row per learner whose training diverged, and why; nothing without one."""
    units = [(learner, place.read()) for learner in learners for place in places_of(options, opponents, learner)]
    rows = [{"learner": learner.name, "reason": unit.failed} for learner, unit in units if unit and unit.failed]
    return {"failed": columns(rows)} if rows else {}


def place_of(options: Options, opponents: Opponents, learner: Learner) -> Place:
    """Where what the learner leaves is kept."""
    return Place(options.check(), learner, opponents.start(learner.size, learner.scenario), options.reduced())


def parts_of(learner: Learner) -> list[Learner]:
    """A learner in parts of a few seeds, so that one of many seeds outlasts the machine that trains it."""
    seeds = learner.seeds
    return [replace(learner, seeds=seeds[at : at + TOGETHER]) for at in range(0, len(seeds), TOGETHER)]


def places_of(options: Options, opponents: Opponents, learner: Learner) -> list[Place]:
    """Where the parts of a learner are kept."""
    return [place_of(options, opponents, part) for part in parts_of(learner)]


def train_kept(options: Options, how: Running, opponents: Opponents, learner: Learner) -> Unit:
    """Train a learner and play validation along its way, part by part, unless what it left is kept.

    Returns:
        Rows of all seeds; none if one diverged, after which no other part is trained.
    """
    units = []
    for part in parts_of(learner):
        units.append(train_part(options, how, opponents, part))
        if units[-1].failed:
            return units[-1]
    names = dict.fromkeys(name for unit in units for name in unit.tables)
    return Unit({name: [row for unit in units for row in unit.tables.get(name, [])] for name in names})


def train_part(options: Options, how: Running, opponents: Opponents, learner: Learner) -> Unit:
    """Train some seeds of a learner and play validation along their way, unless what they left is kept."""
    place, tapes, size = place_of(options, opponents, learner), screening_tapes(options), learner.size

    def measure() -> Unit:
        trained, digest = place.keep_policies(train_learner(learner, place.start, place.out, how))
        rounds = reference_rate()  # right after it, of a machine whose speed may change
        constants = opponents.named(size, learner.scenario, tuned_on(CONSTANTS, learner.scenario))
        matches = [Match(WorldOptions(size=size).make(), constants, tapes)]
        matches += [Match(one.learner.config(), one.governors(), tapes) for one in trained]
        played = play_matches(matches, how, f"training: {learner.name}")
        runs = [{"learner": learner.name, "size": size, "seed": one.seed, "hours": one.way[-1][0],
                 "seconds": one.seconds, "reference": rounds} for one in trained]  # fmt: skip
        curves = curve_rows([trained], constants.name, played, tapes, how)
        return Unit({"runs": runs, "curves": curves}, archive=digest)

    return place.once(measure)


def trained_before(options: Options, opponents: Opponents, chosen: Sequence[str]) -> list[list[Trained]]:
    """Seeds of every learner that the stage of training has left, without those that diverged.

    Raises:
        BadInput: what a learner left is missing or damaged, or all diverged.
    """
    found = [policies_of(options, opponents, learner) for learner in roster(options, chosen)]
    if not any(found):
        raise BadInput("the training of every learner diverged; there is nothing to play")
    return [of for of in found if of]


def policies_of(options: Options, opponents: Opponents, learner: Learner) -> list[Trained]:
    """Seeds of a learner that was trained before; none if its training diverged.

    Raises:
        BadInput: what it left is missing or damaged.
    """
    found: list[Trained] = []
    for place in places_of(options, opponents, learner):
        unit = place.read()
        if unit is None:
            raise BadInput(f"{place.path}: is missing; restore it, or train again in the stage that makes it")
        if unit.failed:
            return []
        found += [replace(one, learner=learner) for one in place.policies(unit)]
    return found
