"""`protogov study learning`: whether governors that learn beat honest opponents, in stages, as registered.

Every stage has its folder. It reads the folders of the stages before it, and refuses results that were made under
another registration or in another world.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.files import write_text
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.results import MANIFEST, load_tables, read_manifest
from protogov.experiments.core.study import Found, Judged, Study
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning import (
    ceilings,
    controllers,
    drawing,
    evaluation,
    final,
    leave_out,
    opponents,
    pages,
    preregistration,
    screening,
    training,
)
from protogov.experiments.studies.learning.opponents import Opponents
from protogov.experiments.studies.learning.options import (
    CEILINGS,
    CONTROLLERS,
    CRISES,
    EVALUATION,
    FINAL,
    OPPONENTS,
    REGISTER,
    SCREENING,
    STAGES,
    TRAINING,
    Options,
)

PAGE = "preregistration.md"
TRAINS = (OPPONENTS, CONTROLLERS, SCREENING, TRAINING, CEILINGS, CRISES)
# stage -> function of (options, how, opponents, names of the selected candidates)
MEASURES: Mapping[str, Callable[[Options, Running, Opponents, Sequence[str]], Found]] = {
    CONTROLLERS: lambda options, how, rivals, chosen: controllers.measure(options, how, rivals),
    SCREENING: lambda options, how, rivals, chosen: screening.measure(options, how, rivals),
    TRAINING: training.measure, EVALUATION: evaluation.measure, CEILINGS: ceilings.measure,
    CRISES: leave_out.measure, FINAL: final.measure,
}  # fmt: skip
# stage -> those that it reads, besides the opponents; the sealed test needs all, because nothing is trained after it
NEEDS = {CONTROLLERS: (), SCREENING: (), TRAINING: (SCREENING,), EVALUATION: (CONTROLLERS, SCREENING, TRAINING),
         CEILINGS: (SCREENING, TRAINING), CRISES: (SCREENING,),
         FINAL: (CONTROLLERS, SCREENING, TRAINING, EVALUATION, CEILINGS, CRISES)}  # fmt: skip


def measure(options: Options, how: Running) -> Iterator[Found]:
    """The stages of the options, in the order of the study; each is written before the next one begins.

    Raises:
        BadInput: an option out of range, a stage that lacks one before it, another registration or world than before,
            or a training after the sealed test was opened.
    """
    out = options.check()
    stages = (FINAL,) if options.final else tuple(name for name in STAGES if name in options.stage)
    how = replace(how, keep=out / "pieces")
    for stage in stages:
        if stage == REGISTER:
            register(out)
            continue
        check_registered(out)
        if stage in TRAINS:
            final.refuse_training()
        if stage == OPPONENTS:
            found = opponents.measure(options, how, tuned_before(out, options))
        else:
            before = {name: stored(out, name, options) for name in (OPPONENTS, *NEEDS[stage])}
            chosen = before[SCREENING].facts["chosen"] if SCREENING in before else []
            if SCREENING in before and not chosen:
                raise BadInput(f"{out / SCREENING}: no candidate was selected; there is nothing for {stage}")
            rivals = Opponents({**before[OPPONENTS].tables, **_tuned(out, before.get(CONTROLLERS))})
            found = MEASURES[stage](options, how, rivals, chosen)
        about = {**found.facts, "preregistration": preregistration.digest(), "reduced": options.reduced()}
        yield Found(found.tables, {stage: about})


def _tuned(out: Path, controllers: Found | None) -> Mapping[str, Table]:
    """Tables of tuned controllers, for a stage that plays them.

    Raises:
        BadInput: they are missing, because git does not keep a long table.
    """
    if controllers is None or not controllers.facts["controllers"]:
        return {}
    if "gains" not in controllers.tables:
        raise BadInput(
            f"{out / CONTROLLERS}: lacks its table gains; run --stage {CONTROLLERS} again, from what is kept"
        )
    return controllers.tables


def register(out: Path) -> None:
    """Write the page of what is registered.

    Raises:
        BadInput: something was made under another registration.
    """
    for path in sorted(out.glob(f"*/{MANIFEST}")):
        _check_digest(path.parent)
    print(write_text(out / PAGE, preregistration.render()))


def check_registered(out: Path) -> None:
    """Raise BadInput unless the page in the folder is what is registered now."""
    path = out / PAGE
    if not path.is_file():
        raise BadInput(
            f"{path} is missing; write it first: protogov study learning --stage preregistration --out {out}"
        )
    if path.read_text(encoding="utf-8") != preregistration.render():
        raise BadInput(f"{path}: is not what is registered now; nothing is scored under a changed registration")


def _check_digest(folder: Path) -> dict[str, Any]:
    about = read_manifest(folder)
    facts: dict[str, Any] = about["facts"].get(folder.name, {})
    if facts.get("preregistration") != preregistration.digest():
        raise BadInput(f"{folder}: was made under another registration; nothing is scored under a changed one")
    return about


def stored(out: Path, stage: str, options: Options) -> Found:
    """Results of an earlier stage.

    Raises:
        BadInput: it is missing, was made under another registration, in another world, or with other sizes.
    """
    folder = out / stage
    if not (folder / MANIFEST).is_file():
        raise BadInput(f"{folder}: is missing; run it first: protogov study learning --stage {stage} --out {out}")
    about = _check_digest(folder)
    if about["physics"] != source_digest():
        raise BadInput(f"{folder}: was made in another world than this one; run --stage {stage} again")
    facts = about["facts"][stage]
    if facts["reduced"] != options.reduced():
        given = "; ".join(facts["reduced"]) or "the registered sizes"
        raise BadInput(f"{folder}: was made with {given}; give the same, or another --out")
    return Found(load_tables(folder, about["tables"]), facts)


def tuned_before(out: Path, options: Options) -> Mapping[str, Table]:
    """Tables of the opponents that the folder holds; none from another world or with other sizes.

    Raises:
        BadInput: they were made under another registration.
    """
    folder = out / OPPONENTS
    if not (folder / MANIFEST).is_file():
        return {}
    about = _check_digest(folder)
    if about["physics"] != source_digest() or about["facts"][OPPONENTS]["reduced"] != options.reduced():
        return {}
    return opponents.with_origins(load_tables(folder, about["tables"]), about["made"], about["versions"]["commit"])


def _one(found: Found) -> tuple[str, Found]:
    ((stage, facts),) = found.facts.items()
    return stage, Found(found.tables, facts)


def judge(found: Found) -> Judged:
    """Sentences of a stage; those of a reduced one begin with that fact, and claim nothing."""
    stage, own = _one(found)
    return Judged(tuple(pages.sentences(stage, own)))


def draw(found: Found) -> Mapping[str, Figure]:
    """The figure of a stage that has one."""
    stage, own = _one(found)
    return drawing.draw(stage, own, pages.words(stage, own))


def page(found: Found, judged: Judged) -> list[str]:
    """The other sentences, figures and tables."""
    stage, own = _one(found)
    return pages.page(stage, own)


def index(parts: Mapping[str, Found]) -> list[str]:
    """The page over all stages."""
    return pages.index({name: _one(found)[1] for name, found in parts.items()}, PAGE)


STUDY = Study("learning", "Whether governors that learn beat honest opponents", Options, measure, judge, draw, page,
              index=index)  # fmt: skip
