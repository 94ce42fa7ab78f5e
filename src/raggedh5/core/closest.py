"""Names that somebody may have meant."""

import difflib
from collections.abc import Iterable

__all__ = ["closest"]

ALIKE = 2
"""Characters at the beginning, or at the end, that are the same in what is compared closely."""

MOST = 2000
"""Names that are compared closely: that takes some microseconds for each."""


def closest(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """Return the names that are most like one that is not among them, in upper or lower case.

    Examples
    --------
    >>> closest("abacog", ["ABACOF", "ZZZVTY"])
    ['ABACOF']
    """
    candidates = [other for other in names if other != name]
    if len(candidates) > MOST:
        begin, end = name[:ALIKE].upper(), name[-ALIKE:].upper()
        candidates = [
            other
            for other in candidates
            if other[:ALIKE].upper() == begin or other[-ALIKE:].upper() == end
        ]
    if len(candidates) > MOST:
        longest = name[: ALIKE + 2].upper()
        candidates.sort(key=lambda other: not other.upper().startswith(longest))
        del candidates[MOST:]
    by_upper = {other.upper(): other for other in candidates}
    return [by_upper[near] for near in difflib.get_close_matches(name.upper(), by_upper, count)]
