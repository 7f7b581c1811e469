"""Pages from templates: what is escaped, and that nothing is left out in silence."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from protogov.experiments.core.study import check_sizes
from protogov.experiments.core.templates import fill, page_beside
from protogov.experiments.errors import BadInput


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_html_escapes_values_and_markdown_does_not(tmp_path: Path) -> None:
    text = "<p>{{ name }}</p>\n"
    values = {"name": "<script>'a' & b"}
    assert fill(written(tmp_path / "one.html.j2", text), **values) == "<p>&lt;script&gt;&#39;a&#39; &amp; b</p>\n"
    assert fill(written(tmp_path / "one.md.j2", text), **values) == "<p><script>'a' & b</p>\n"


def test_a_name_that_is_not_given_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError, match="'lost' is undefined"):
        fill(written(tmp_path / "one.md.j2", "{{ lost }}"))


def test_a_study_of_one_file_and_one_of_a_folder_find_their_page(tmp_path: Path) -> None:
    written(tmp_path / "page.md.j2", "{{ [['a', 'b'], ['1', '2']] | table }}\n")
    written(tmp_path / "alone.md.j2", "{% filter line %}\nof  {{ who }}\nalone\n{% endfilter %}\n")
    assert page_beside(str(tmp_path / "study.py")) == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]
    assert page_beside(str(tmp_path / "alone.py"), who="one") == ["of one alone"]


def test_intervals_of_a_row_are_written_with_their_ends(tmp_path: Path) -> None:
    path = written(tmp_path / "one.md.j2", "{{ row | estimate('gain') | span }}")
    assert fill(path, row={"gain": 1.5, "gain_low": 1.0, "gain_high": 2.0}) == "1.5 [1, 2]"


def test_sizes_are_refused_by_name() -> None:
    check_sizes(2, seeds=2, tapes=9)
    check_sizes(20, 5000, seeds=5000)
    with pytest.raises(BadInput, match="first-seed is -1; a whole number of at least 0 is accepted"):
        check_sizes(0, seeds=4, first_seed=-1)
    with pytest.raises(BadInput, match="seeds is 5001; 20 to 5,000 are accepted"):
        check_sizes(20, 5000, seeds=5001)
