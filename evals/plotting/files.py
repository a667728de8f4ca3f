"""A figure as a file: PDF, PNG or SVG, the same bytes for the same figure."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evals.errors import ConfigError
from evals.files import write_atomic
from evals.plotting.style import DPI, use_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".pdf", ".png", ".svg")


def check_suffix(path: Path) -> str:
    """Return the format that a file's name asks for.

    Raises:
        ConfigError: it is none of the three.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"{path}: a figure is PDF, PNG or SVG; give a name that ends in .pdf, .png or .svg"
        )
    return suffix.removeprefix(".")


def save_figure(figure: "Figure", path: Path | str, *, made_from: Sequence[str] = ()) -> None:
    """Write a figure whole or not at all; fonts are embedded, and text stays text.

    Args:
        figure: what `draw_figure` made.
        path: its suffix says which format.
        made_from: the runs' hashes, for the file's metadata: a figure is found again by them.

    Raises:
        ConfigError: the suffix is none of the three.
    """
    path = Path(path)
    write_atomic(path, render_figure(figure, check_suffix(path), made_from=made_from))


def render_figure(figure: "Figure", file_format: str, *, made_from: Sequence[str] = ()) -> bytes:
    """Return the bytes of a file: no date in it, no chance."""
    subject = f"evals runs {', '.join(made_from)}" if made_from else None
    metadata = {
        "pdf": {"Subject": subject, "CreationDate": None},
        "svg": {"Description": subject, "Date": None},
        "png": {"Description": subject} if subject else {},
    }[file_format]
    buffer = io.BytesIO()
    with use_style():
        figure.savefig(buffer, format=file_format, dpi=DPI, metadata=metadata)
    return buffer.getvalue()
