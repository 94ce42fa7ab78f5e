"""Text for people: sizes, previews, and names that may hold anything."""

import sys

__all__ = ["in_bytes", "prepare_streams", "printable"]


def printable(text: str) -> str:
    r"""Return `text` with control characters and the like escaped: a file's names are not ours.

    Examples
    --------
    >>> printable("atoms\x1b[2J Å")
    'atoms\\x1b[2J Å'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def in_bytes(count: float) -> str:
    """Return a number of bytes in decimal units.

    Examples
    --------
    >>> in_bytes(999), in_bytes(1_234_567)
    ('999 B', '1.23 MB')
    """
    if count < 1000:
        return f"{count:.0f} B"
    units = ["kB", "MB", "GB", "TB"]
    while (count := count / 1000) >= 999.5 and len(units) > 1:
        del units[0]
    return f"{count:.3g} {units[0]}"


def prepare_streams() -> None:
    """Make stdout and stderr write what their encoding lacks as escapes, not raise."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
