"""A committed result: tables, figures, a manifest and a page with one footer, each written whole or not at all."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.files import read_json, whole, write_json, write_text
from protogov.experiments.core.tables import Table, num_rows, read_csv, read_table, write_table
from protogov.experiments.core.versions import now, versions
from protogov.experiments.errors import BadInput

if TYPE_CHECKING:
    from PIL import Image

MANIFEST = "manifest.json"
LONGEST = 400  # largest number of rows of a CSV table, which git keeps; longer tables are Parquet, which git ignores
# bytes of committed files; the largest folder is the grids of rivalry with every party's gain
LARGEST_FIGURE, LARGEST_FOLDER = 60_000, 260_000
# of all folders together: 1.9 MB of the other studies, 24 cells of the study of coexistence at 40 kB on average and
# their findings, six stages of the study of learning
LARGEST_ALL = 4_000_000
LARGEST_POLICIES = 4_000_000  # bytes of all committed policies that a study goes on from, in half precision
_KEYS = {"command", "made", "versions", "tables", "facts"}  # of a manifest
DOTS = (110, 90, 75, 65)  # dots per inch of a figure; fewer if the smallest palette is still above the limit
# numbers of colours of a figure's palette; the largest one below the limit is used. With 32 nothing is lost to the eye
PALETTES = (32, 24)


def write_figure(path: Path, figure: Figure, wanted: int = LARGEST_FIGURE) -> Path:
    """Write a figure as a PNG with a palette: text stays sharp, and git keeps a third of the bytes.

    Args:
        path: of the file.
        figure: what is written.
        wanted: bytes; the figure gets as many colours as fit, or the fewest if none fit. If even that is above the
            limit for every figure, it gets fewer dots per inch.

    Raises:
        ValueError: it is larger than a committed figure may be; draw less.
    """
    from PIL import Image

    from protogov.experiments.figures.style import look

    for dots in DOTS:
        drawn = io.BytesIO()
        with look():
            figure.savefig(drawn, format="png", dpi=dots, metadata={"Software": None})
        picture = Image.open(drawn).convert("RGB")
        smallest = _packed(picture, PALETTES[-1])
        if len(smallest) <= LARGEST_FIGURE:
            break
    else:
        raise ValueError(f"{path.name} takes {len(smallest)} bytes; at most {LARGEST_FIGURE} are accepted: draw less.")
    tried = (_packed(picture, colours) for colours in PALETTES[:-1])
    with whole(path) as unfinished:
        unfinished.write_bytes(next((packed for packed in tried if len(packed) <= wanted), smallest))
    return path


def _packed(picture: "Image.Image", colours: int) -> bytes:
    """A PNG with this number of colours."""
    from PIL import Image

    packed = io.BytesIO()
    # thin lines keep their colour, although only few pixels have it
    picture.quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE).save(
        packed, format="PNG", optimize=True
    )
    return packed.getvalue()


def store_tables(folder: Path, tables: Mapping[str, Table]) -> dict[str, str]:
    """Write tables; short ones as CSV, others as Parquet. Returns name -> name of the file."""
    files = {}
    for name, table in tables.items():
        suffix, other = (".csv", ".parquet") if num_rows(table) <= LONGEST else (".parquet", ".csv")
        write_table(folder / f"{name}{suffix}", table)
        (folder / f"{name}{other}").unlink(missing_ok=True)
        files[name] = f"{name}{suffix}"
    return files


def load_tables(folder: Path, files: Mapping[str, str]) -> dict[str, Table]:
    """Tables that `store_tables` wrote, without missing long ones, which git does not keep.

    Raises:
        BadInput: a file is damaged, or a short one missing.
    """
    return {
        name: read_csv(folder / file) if file.endswith(".csv") else read_table(folder / file)
        for name, file in files.items()
        if file.endswith(".csv") or (folder / file).is_file()
    }


def manifest(command: str, files: Mapping[str, str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """How a folder's numbers were made, JSON-able: command, time, versions, digest of the physics, files and facts."""
    return {
        "command": command, "made": now(), "versions": versions(), "physics": source_digest(),
        "tables": dict(files), "facts": dict(facts),
    }  # fmt: skip


def write_manifest(folder: Path, about: Mapping[str, Any]) -> Path:
    """Write the manifest of a folder."""
    return write_json(folder / MANIFEST, dict(about))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder.

    Raises:
        BadInput: there is no manifest, or it is of another version.
    """
    if not (folder / MANIFEST).is_file():
        raise BadInput(f"{folder}: holds no {MANIFEST}; a folder written by protogov study NAME --out is accepted")
    about = read_json(folder / MANIFEST)
    lacking = _KEYS - set(about)
    if lacking:
        raise BadInput(f"{folder / MANIFEST}: lacks {', '.join(sorted(lacking))}; run its command again")
    return about


def footer(about: Mapping[str, Any]) -> list[str]:
    """The last lines of every page: the files that hold the numbers, versions, and the command."""
    known = about["versions"]
    sentence = f"protogov {known['protogov']} at commit `{known['commit']}`, python {known['python']}, "
    sentence += f"numpy {known['numpy']}, numba {known['numba']}"
    kept = [file for file in about["tables"].values() if file.endswith(".csv")]
    numbers = f"Numbers: {', '.join(f'`{file}`' for file in kept)}. " if kept else ""
    return [f"{numbers}Made on {about['made']} with {sentence} by", "", f"    {about['command']}", ""]


def write_page(folder: Path, lines: Sequence[str], about: Mapping[str, Any]) -> Path:
    """Write README.md: `lines` and the footer."""
    return write_text(folder / "README.md", "\n".join([*lines, "", *footer(about)]))
