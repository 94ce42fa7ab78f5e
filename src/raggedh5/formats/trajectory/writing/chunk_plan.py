"""How many frames a chunk of a growing dataset holds."""

__all__ = ["frames_per_chunk"]

TARGET = 1 << 19
"""Bytes of a chunk of long rows."""

LEAST = 1 << 14
"""Bytes of a chunk of short ones: its last chunk is stored anew with every flush."""


def frames_per_chunk(row_bytes: int, flushed: int, estimated: int | None = None) -> int:
    """Return a number of rows that makes chunks of good size, which flushes leave full.

    Parameters
    ----------
    row_bytes
        Bytes of a row.
    flushed
        Frames that are flushed together.
    estimated
        Frames that are expected altogether.

    Examples
    --------
    >>> frames_per_chunk(2400, 500), frames_per_chunk(8, 500), frames_per_chunk(1 << 24, 500)
    (250, 2500, 1)
    >>> frames_per_chunk(8, 500, 100)
    100
    """
    fitting = max(TARGET // max(row_bytes, 1), 1)
    if row_bytes * flushed <= TARGET:
        frames = flushed * max(-(-LEAST // max(row_bytes * flushed, 1)), 1)
        if row_bytes:
            frames = min(frames, max(fitting, flushed))
    else:
        parts = [part for part in range(1, flushed + 1) if flushed % part == 0]
        near = min(parts, key=lambda part: abs(flushed // part - fitting))
        frames = flushed // near
        if not fitting <= 2 * frames <= 4 * fitting:
            frames = fitting
    return min(frames, max(estimated or frames, 1))
