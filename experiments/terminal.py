"""Printing works on any terminal: characters that its encoding lacks are replaced by similar ones."""

import codecs
import sys
import unicodedata

ERRORS = "protogov"  # the name of the error handler
PLAIN = {
    "“": '"', "”": '"', "…": "...", "–": "-", "\N{MINUS SIGN}": "-", "±": "+-", "×": "x", "→": "->",
    **dict.fromkeys("─━┄┈", "-"), **dict.fromkeys("│┃", "|"), **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼", "+"),
    **{block: str(height) for height, block in enumerate("▁▂▃▄▅▆▇█", 1)},
}  # fmt: skip


def plain(error: UnicodeError) -> tuple[str, int]:
    """ASCII for the characters that could not be encoded, and where to continue; "?" without a similar character."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign) or _base(sign) for sign in signs), error.end


def _base(sign: str) -> str:
    return unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode() or "?"


def accept_any_terminal() -> None:
    """Prevent errors of encoding on standard output and standard error."""
    codecs.register_error(ERRORS, plain)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a replaced stream may have none
        if reconfigure is not None:
            reconfigure(errors=ERRORS)
