"""One row's values on one line."""

from typing import Any

import numpy as np

from raggedh5.cli.screen import printable
from raggedh5.core.ragged import Ragged

__all__ = ["preview"]

EDGE = 3
"""Items that are shown at each end of a long row."""


def preview(value: Any) -> str:
    r"""Return a value, or the values of a row, on one line; long rows are cut in the middle.

    Examples
    --------
    >>> preview(np.arange(10)), preview(np.float32(0.1)), preview(np.zeros((2, 3)))
    ('0 1 2 ... 7 8 9', '0.1', '[0 0 0] [0 0 0]')
    >>> preview(Ragged([1, 2, 3], [0, 2, 3])), preview(["H", "\x07"])
    ('[1 2] [3]', 'H \\x07')
    """
    if not isinstance(value, Ragged) and np.ndim(value) == 0:
        return _scalar(value)
    count = len(value)
    if count <= 2 * EDGE:
        return " ".join(_item(value[i]) for i in range(count))
    ends = [*range(EDGE), -1, *range(count - EDGE, count)]
    return " ".join("..." if i < 0 else _item(value[i]) for i in ends)


def _item(value: Any) -> str:
    nested = isinstance(value, Ragged) or np.ndim(value) > 0
    return f"[{preview(value)}]" if nested else preview(value)


def _scalar(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")
