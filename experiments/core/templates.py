"""Pages from jinja2 templates, which lie beside the code that fills them."""

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
    """The text of a template; in one of HTML every value is escaped.

    Args:
        template: file, `NAME.html.j2` or `NAME.md.j2`; it may include others of its folder.
        filters: beside those above.
        values: what the template calls by these names; one that it lacks is an error.
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
    """Lines of the page of a study: of `page.md.j2` beside the file `module`, of `NAME.md.j2` where it is `NAME.py`."""
    own = Path(module).with_suffix(".md.j2")
    return fill(own if own.is_file() else own.with_name("page.md.j2"), **values).splitlines()
