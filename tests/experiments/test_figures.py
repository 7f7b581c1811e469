"""Figures: nothing covers anything, every panel has units, equal runs give equal files."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from protogov.envs.config import WorldConfig
from protogov.experiments.core.files import read_json
from protogov.experiments.core.governors import STATIC, baseline
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.recording import Recording, record
from protogov.experiments.core.tables import read_table
from protogov.experiments.figures import style
from protogov.experiments.figures.comparison import draw_pairs, draw_parties
from protogov.experiments.figures.dashboard import draw_dashboard, draw_levers
from protogov.experiments.figures.incidence import draw_bears
from protogov.experiments.figures.learning import draw_learning, running_mean
from protogov.experiments.report.material import read_metrics
from protogov.experiments.training.comparison import comparisons

CONFIG = WorldConfig()


@pytest.fixture(scope="module")
def recordings() -> tuple[Recording, Recording]:
    seeds = np.array([2], np.uint64)
    sets = [baseline(name, CONFIG) for name in ("random", STATIC)]
    return tuple(record(CONFIG, "crash-heldout", seeds, chosen.make(CONFIG)) for chosen in sets)  # type: ignore[return-value]


def overlaps(figure: Figure) -> list[str]:
    """Texts and legends that cover each other, and legends that cover data."""
    with style.look():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
    faults = []
    for axes in figure.axes:
        if not axes.axison:
            continue
        title, legend = axes._left_title.get_window_extent(renderer), axes.get_legend()  # type: ignore[attr-defined]
        boxes = {"title": title}
        if legend is not None:
            boxes["legend"] = legend.get_window_extent(renderer)
        for i, label in enumerate(axes.get_xticklabels()):
            inside = axes.get_xlim()[0] <= axes.get_xticks()[i] <= axes.get_xlim()[1]
            if label.get_text() and inside:
                boxes[f"tick {label.get_text()}"] = label.get_window_extent(renderer)
        boxes["plot"] = axes.get_window_extent(renderer)
        names = list(boxes)
        for i, one in enumerate(names):
            for other in names[i + 1 :]:
                a, b = boxes[one], boxes[other]
                width = min(a.x1, b.x1) - max(a.x0, b.x0)
                height = min(a.y1, b.y1) - max(a.y0, b.y0)
                if width > 1.0 and height > 1.0:
                    faults.append(f"{axes.get_title('left')}: {one} over {other}")
        if legend is not None and boxes["legend"].x1 > figure.bbox.x1 + 1.0:
            faults.append(f"{axes.get_title('left')}: legend beyond the figure")
    return faults


def unlabelled(figure: Figure) -> list[str]:
    """Panels without a label on an axis."""
    shown = [axes for axes in figure.axes if axes.axison]
    return [axes.get_title("left") for axes in shown if not axes.get_xlabel()]


def test_dashboard(recordings):
    main, static = recordings
    figure = draw_dashboard(main, static, name="random")
    assert overlaps(figure) == [] and unlabelled(figure) == []
    assert len(figure.axes) == 12
    assert all(axes.get_ylabel() and axes.has_data() for axes in figure.axes)
    alone = draw_dashboard(static, None, name="static")
    assert overlaps(alone) == []


def test_levers(recordings):
    main, _ = recordings
    defaults = {name: float(main.decisions[name][0]) for name in main.decisions if f"{name}_proposed" in main.decisions}
    assert len(defaults) == 12
    figure = draw_levers(main, defaults)
    assert overlaps(figure) == [] and unlabelled(figure) == []
    assert all(axes.get_ylabel() for axes in figure.axes)


def test_comparisons(evaluated: RunFolder):
    for comparison in comparisons(read_table(evaluated.episodes)):
        for figure in (draw_pairs(comparison), draw_parties(comparison), draw_bears(comparison)):
            assert overlaps(figure) == [] and unlabelled(figure) == []


def test_learning_shows_every_seed(evaluated: RunFolder):
    agents = read_json(evaluated.config)["agents"]
    metrics = {seed: read_metrics(evaluated.path / f"seed_{seed}" / "metrics.csv") for seed in (3, 5)}
    for agent, about in agents.items():
        figure = draw_learning(metrics, agent, about)
        shown = [axes for axes in figure.axes if axes.axison]
        assert len(shown) == 2 + len(about["terms"]) + len(about["levers"])
        assert overlaps(figure) == [] and unlabelled(figure) == []
        # the raw mandate is the sum of the weighted terms
        raw = shown[0].lines[0].get_ydata()
        terms = sum(t["weight"] * metrics[3][f"{agent}/term/{t['name']}"] for t in about["terms"])
        np.testing.assert_allclose(raw, terms)


def test_equal_figures_are_equal_files(recordings, tmp_path: Path):
    _, static = recordings
    paths = [style.save(draw_dashboard(static), tmp_path / part, "dashboard") for part in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert b"<dc:date>" not in paths[0].read_bytes()


def test_running_mean():
    values = np.array([1.0, np.nan, 3.0, 5.0, 7.0, 9.0])
    np.testing.assert_allclose(running_mean(values), [2.0, 3.0, 4.0, 6.0, 6.0, 7.0])
    assert np.isnan(running_mean(np.array([np.nan]))).all()


def test_seeds_differ_by_more_than_colour():
    assert len({str(line["linestyle"]) + str(line["color"]) for line in style.SEED_LINES}) == len(style.SEED_LINES)
    assert len({str(line["linestyle"]) for line in style.SEED_LINES}) >= 7


def test_the_pools_profit_is_drawn_from_the_opening_on_and_adds_up():
    from protogov.envs.scenarios import get_scenario
    from protogov.experiments.figures.pool_profit import PARTS, draw_pool_profit

    config = WorldConfig(episode_hours=96)
    recording = record(config, get_scenario("jump"), np.array([3], np.uint64), baseline("static", config).make(config))
    over_time, totals = draw_pool_profit(recording).axes
    lines = {line.get_label(): line.get_ydata() for line in over_time.get_lines()}
    parts = [lines[words] for words, _, _ in PARTS.values()]
    assert all(values[0] == 0.0 for values in parts)
    np.testing.assert_allclose(sum(parts), lines["profit"], atol=1e-6)
    assert np.abs(lines["residual"]).max() < 1e-6 and np.abs(lines["profit"]).max() > 1.0
    assert "USD" in over_time.get_ylabel() and "USD" in totals.get_xlabel()
