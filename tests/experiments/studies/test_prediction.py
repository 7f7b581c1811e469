"""The study of crises that nothing is fitted to, small."""

import numpy as np
import pytest

from protogov.envs.scenarios import get_scenario
from protogov.experiments.cli import main
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.tables import read_csv
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.calibration.bands import CRISES
from protogov.experiments.studies.prediction import (
    KNOWN,
    LATER,
    QUANTITIES,
    Known,
    Options,
    judge,
    measure,
    page,
    verdict,
)


def test_what_is_predicted_was_not_fitted():
    assert not set(LATER) & set(CRISES)
    for crisis, quantity in KNOWN:
        assert crisis in LATER and quantity in QUANTITIES
        get_scenario(crisis)
    for known in KNOWN.values():
        assert known.words and known.source and (np.isnan(known.low) or known.low <= known.high)


def test_a_known_figure_is_met_where_the_tapes_reach_it():
    known = Known("a tenth", "a test", 0.1, 0.1)
    assert verdict(known, 0.05, 0.2) == "met"
    assert verdict(known, 0.11, 0.2) == verdict(known, 0.0, 0.09) == "missed"
    assert verdict(Known("much", "a test"), 0.0, 1.0) == ""


def test_the_study_of_a_training_crisis_tables_every_quantity(tmp_path):
    arguments = ["--scenarios", "crisis-2022-11", "--tapes", "4", "--jobs", "1", "--out", str(tmp_path)]
    assert main(["study", "prediction", *arguments]) == 0
    page = (tmp_path / "README.md").read_text()
    assert all(words in page for words in QUANTITIES.values()) and "0 of 0 known figures" in page
    assert "--scenarios crisis-2022-11 --tapes 4" in page
    found = read_csv(tmp_path / "prediction.csv")
    assert found["quantity"].tolist() == list(QUANTITIES)
    assert main(["study", "prediction", "--redraw", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text() == page  # no word is known of it: columns of empty words stay words
    assert (found["low"] <= found["mean"] + 1e-12).all() and (found["mean"] <= found["high"] + 1e-12).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [(Options(scenarios=("calm",)), "names 'calm'"), (Options(scenarios=("crisis-2022-11",), tapes=1), "tapes is 1")],
)
def test_the_study_refuses_what_is_no_crisis(options, said):
    with pytest.raises(BadInput, match=said):
        measure(options, HERE)


def test_known_figures_stand_beside_the_crisis(monkeypatch):
    monkeypatch.setitem(KNOWN, ("crisis-2022-11", "outflow"), Known("all of it", "a test", 3.0, 4.0))
    found = measure(Options(scenarios=("crisis-2022-11",), tapes=2), HERE)
    assert found.tables["prediction"]["verdict"].tolist().count("missed") == 1
    judged = judge(found)
    assert judged.sentences[0].startswith("0 of 1 known figures")
    assert "all of it | a test | **missed**" in "\n".join(page(found, judged))
