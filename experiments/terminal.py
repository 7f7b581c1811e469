"""What is printed reaches any terminal: signs that its encoding lacks are written with those that it has."""

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
    """The signs that could not be encoded, in ASCII, and where to go on; a question mark for what has no likeness."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign) or _base(sign) for sign in signs), error.end


def _base(sign: str) -> str:
    return unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode() or "?"


def accept_any_terminal() -> None:
    """Let printing to standard output and error never fail for their encoding."""
    codecs.register_error(ERRORS, plain)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a stream that was put in place may have none
        if reconfigure is not None:
            reconfigure(errors=ERRORS)
