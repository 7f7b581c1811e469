"""report.html of a run: its figures, and the page that shows them with the numbers in words."""

from collections.abc import Iterator
from pathlib import Path

from protogov.experiments.core.evaluation import YOKED
from protogov.experiments.core.files import read_json, write_text
from protogov.experiments.core.governors import STATIC
from protogov.experiments.core.incidence import BORROWER_GROUPS, penalty_column, surplus_column
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.recording import Recording
from protogov.experiments.figures import style
from protogov.experiments.figures.comparison import draw_pairs, draw_parties
from protogov.experiments.figures.dashboard import draw_dashboard, draw_levers
from protogov.experiments.figures.incidence import draw_bears
from protogov.experiments.figures.learning import draw_learning
from protogov.experiments.figures.pool_profit import draw_pool_profit
from protogov.experiments.report import words
from protogov.experiments.report.material import Material, gather, main_comparison
from protogov.experiments.report.render import render
from protogov.experiments.training.comparison import Comparison, Difference
from protogov.experiments.training.measured import OWN_MEANS

# what the page calls the controls
CONTROLS = {
    OWN_MEANS: "Constants at the learned governors' mean levers",
    YOKED: "The learned governors' actions of another tape",
}


def build_report(folder: RunFolder) -> Path:
    """Draw the figures of a run, write its report.html and return the path.

    Raises:
        BadInput: see `gather`.
    """
    material = gather(folder)
    main = main_comparison(material)
    learned = [found for found in material.comparisons if main is not None and found.governors == main.governors]
    page = render(
        "report.html.j2",
        title=f"protogov: {folder.name}",
        material=material,
        main=main,
        learned=[(found, draw_comparison(folder, found, place)) for place, found in enumerate(learned, 1)],
        episode=draw_episode(material),
        learning=draw_curves(material),
        words=words,
        controls=CONTROLS,
        borrower_rows=borrower_rows,
    )
    return write_text(folder.report, page)


def draw_comparison(folder: RunFolder, found: Comparison, place: int) -> dict[str, Path]:
    """Paired differences, every party's share and who bears it; of the second suite on the files end in its place."""
    suffix = "" if place == 1 else f"_{place}"
    drawn = {"pairs": draw_pairs(found), "parties": draw_parties(found), "bears": draw_bears(found)}
    return {name: style.save(figure, folder.figures, f"{name}{suffix}") for name, figure in drawn.items()}


def draw_episode(material: Material) -> dict[str, Path]:
    """The recorded episode: dashboard, profit of the option pool and levers; empty if none was recorded."""
    shown = material.evaluation.get("shown")
    if not shown:
        return {}
    folder = material.folder
    main = Recording.load(folder.episode / shown["governors"])
    static = Recording.load(folder.episode / STATIC) if shown["governors"] != STATIC else None
    defaults = {name: float(main.decisions[name][0]) for name in main.decisions if f"{name}_proposed" in main.decisions}
    drawn = {
        "dashboard": draw_dashboard(main, static, name=shown["governors"]),
        "levers": draw_levers(main, defaults),
        "pool_profit": draw_pool_profit(main),
    }
    return {name: style.save(figure, folder.figures, name) for name, figure in drawn.items()}


def draw_curves(material: Material) -> dict[str, Path]:
    """Learning curves of each governor; empty if nothing was trained."""
    if material.config is None or not material.metrics:
        return {}
    folder = material.folder
    return {
        agent: style.save(draw_learning(material.metrics, agent, about), folder.figures, f"learning_{agent}")
        for agent, about in read_json(folder.config)["agents"].items()
    }


def borrower_rows(found: Comparison) -> Iterator[tuple[str, Difference, Difference]]:
    """Words, surplus and penalty of each non-empty group of borrowers."""
    rows = {row.measure.name: row for row in found.group("bears")}
    for group in BORROWER_GROUPS:
        surplus, penalty = rows.get(surplus_column(group)), rows.get(penalty_column(group))
        if surplus is not None and penalty is not None:
            label = surplus.measure.label.removeprefix("Borrowers, ").removesuffix(": surplus")
            yield label[:1].upper() + label[1:], surplus, penalty
