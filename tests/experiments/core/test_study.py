"""Pages of studies: what a folder says does not depend on whether it was measured or drawn again."""

import numpy as np

from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, conclude, redraw
from protogov.experiments.core.text import markdown, rows_of


def test_a_page_that_is_drawn_again_is_the_same_to_a_byte(tmp_path, capsys):
    study = Study(
        "learning", "Whole numbers", StudyOptions, lambda options, how: None,
        lambda found: Judged((f"the first is {found.tables['hours']['hours'][0]}",)), lambda found: {},
        lambda found, judged: markdown(list(found.tables["hours"]), rows_of(found.tables["hours"])),
    )  # fmt: skip
    # a column of whole floats comes back from its file as integers, of which a cell shows every digit
    found = Found(
        {"hours": {"hours": np.array([774_144.0, 1_548_288.0]), "gain": np.array([0.5, np.nan])}}, {"of": (1,)}
    )
    conclude(study, found, tmp_path, "protogov study learning")
    page, said = (tmp_path / "README.md").read_bytes(), capsys.readouterr().out
    redraw(study, tmp_path)
    assert (tmp_path / "README.md").read_bytes() == page
    assert capsys.readouterr().out.splitlines()[0] == said.splitlines()[0]
