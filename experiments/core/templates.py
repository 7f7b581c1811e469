"""Pages from jinja2 templates, which are in the folder of the code that fills them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from protogov.experiments.core.statistics import interval_in
from protogov.experiments.core.text import markdown, number, paragraph, plain, signed, span

FILTERS: dict[str, Callable[..., Any]] = {
    "estimate": interval_in,
    "number": number, "paragraph": paragraph, "plain": plain, "signed": signed, "span": span,
    "line": lambda text: " ".join(text.split()),
    "table": lambda rows: "\n".join(markdown(rows[0], rows[1:])),
}  # fmt: skip


def fill(template: Path, filters: Mapping[str, Callable[..., Any]] | None = None, **values: Any) -> str:
    """The text of a template; HTML templates escape every value.

    Args:
        template: file, `NAME.html.j2` or `NAME.md.j2`; it may include others of its folder.
        filters: in addition to those above.
        values: values of the template, by name; a missing one is an error.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(template.parent),
        extensions=["jinja2.ext.do"],
        autoescape=".html" in template.suffixes,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    pages.filters |= {**FILTERS, **(filters or {})}
    return pages.get_template(template.name).render(values)


def page_beside(module: str, **values: Any) -> list[str]:
    """Lines of the page of a study: from `NAME.md.j2` if it exists for the file `NAME.py`, else from `page.md.j2`."""
    own = Path(module).with_suffix(".md.j2")
    return fill(own if own.is_file() else own.with_name("page.md.j2"), **values).splitlines()
