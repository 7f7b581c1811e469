"""The few pieces of HTML that a report is made of. Everything is inside the page: it asks the network for nothing."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

STYLE = Path(__file__).with_name("report.css")


def page(title: str, body: Iterable[str]) -> str:
    """A whole document."""
    style = STYLE.read_text(encoding="utf-8")
    # a policy in the page itself: whatever slipped in could still not load anything
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n" + "\n".join(body) + "\n</main>\n</body>\n</html>\n"
    )


def section(anchor: str, title: str, *content: str) -> str:
    """A headed part of the page."""
    return f'<section id="{anchor}">\n<h2>{escape(title)}</h2>\n' + "\n".join(content) + "\n</section>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    """A heading within a section."""
    return f"<h3>{escape(text)}</h3>"


def listed(items: Iterable[str]) -> str:
    """A list of plain texts."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def figure(svg: Path, caption: str) -> str:
    """A picture inside the page, with a caption that is also what a screen reader says."""
    data = base64.b64encode(svg.read_bytes()).decode("ascii")
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kinds: Mapping[int, str] | None = None) -> str:
    """A table of texts; `kinds` gives rows a class by their number."""
    kinds = kinds or {}
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = []
    for number, row in enumerate(rows):
        kind = f' class="{kinds[number]}"' if number in kinds else ""
        lines.append(f"<tr{kind}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    return f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def facts(pairs: Mapping[str, str]) -> str:
    """Terms and what they are."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs.items()) + "</dl>"


def folded(title: str, *content: str) -> str:
    """A part that opens on a click."""
    return f"<details><summary>{escape(title)}</summary>\n" + "\n".join(content) + "\n</details>"


def links(targets: Mapping[str, str]) -> str:
    """Links to parts of the page: anchor -> words."""
    return "<nav>" + "".join(f'<a href="#{anchor}">{escape(text)}</a>' for anchor, text in targets.items()) + "</nav>"
