"""Histograms of row lengths as a picture."""

import os
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

from raggedh5.care.describing.length_statistics import LengthStatistics
from raggedh5.care.description import Description
from raggedh5.care.targets import check_target
from raggedh5.errors import SchemaError, WriteError
from raggedh5.store.opening import NewFile

__all__ = ["plot_lengths"]

PANEL = 6.4, 3.0
"""Width and height of a histogram in inches."""

MOST_PANELS = 32


def plot_lengths(
    description: Description, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Draw the lengths of the rows of each ragged table, and of the lists of nested columns.

    The picture appears when it is complete. Of more than 32 histograms, the first are drawn.

    Parameters
    ----------
    description
        What `describe` has found.
    path
        The PNG to make.
    overwrite
        Replace it if it exists.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    SchemaError
        If there is nothing to draw.
    WriteError
        If the picture exists, is the described file itself, or cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "a plot needs matplotlib; install it with: pip install 'raggedh5[plot]'"
        ) from error
    target = Path(path)
    check_target(list(filter(Path.exists, [Path(description.path)])), target, overwrite)
    panels = _panels(description)
    if not panels:
        raise SchemaError(f"{description.path}: there is no ragged table with rows to draw")
    width, height = PANEL
    figure = Figure(figsize=(width, height * len(panels)), layout="constrained")
    for axes, (title, label, lengths) in zip(
        figure.subplots(len(panels), squeeze=False).flat, panels, strict=True
    ):
        _draw(axes, lengths)
        # Names are not ours: a dollar sign would begin a formula.
        axes.set_title(title, parse_math=False)
        axes.set_xlabel(label)
        axes.set_ylabel("count")
    with NewFile(target, overwrite) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a font need not have every letter of a name
        try:
            figure.savefig(temporary, format="png", dpi=120)
        except OSError as error:
            raise WriteError(f"{target} could not be written: {error}") from error


def _panels(description: Description) -> list[tuple[str, str, LengthStatistics]]:
    found = []
    for table in description.tables:
        if table.lengths is not None:
            found.append((table.name, "items of a row", table.lengths))
        for column in table.columns:
            if column.lists is not None:
                found.append((f"{table.name}: {column.name}", "values of a list", column.lists))
    return [panel for panel in found if panel[2].count][:MOST_PANELS]


def _draw(axes: Any, lengths: LengthStatistics) -> None:
    edges, counts = lengths.histogram.edges, lengths.histogram.counts
    # Bars are centred on the lengths they stand for: that of 4 reaches from 3.5 to 4.5.
    left = [edge - 0.5 for edge in edges[:-1]]
    widths = [high - low for low, high in pairwise(edges)]
    axes.bar(left, counts, widths, align="edge", color="#4477aa", edgecolor="white", linewidth=0.5)
    axes.axvline(lengths.mean, color="#cc3311", linewidth=1, label=f"mean {lengths.mean:.4g}")
    axes.axvline(
        lengths.median,
        color="#222222",
        linewidth=1,
        linestyle="--",
        label=f"median {lengths.median:g}",
    )
    axes.legend(frameon=False)
