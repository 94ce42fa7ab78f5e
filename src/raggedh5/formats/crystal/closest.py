"""Refcodes that somebody may have meant."""

import difflib
from collections.abc import Iterable

__all__ = ["unknown_refcode"]

ALIKE = 2
"""Characters at the beginning, or at the end, that are the same in what is compared closely."""

MOST = 2000
"""Refcodes that are compared closely: that takes some microseconds for each."""


def unknown_refcode(refcode: object, known: Iterable[str], path: str) -> KeyError:
    """Return the error for a refcode that a file does not have, which names the closest ones.

    Examples
    --------
    >>> unknown_refcode("ABACOX", ["ABACOF", "ZZZZZZ"], "crystals.h5")
    KeyError("crystals.h5: there is no structure 'ABACOX'; close to it are 'ABACOF'")
    """
    text = str(refcode)
    begin, end = text[:ALIKE].upper(), text[-ALIKE:].upper()
    alike = [
        name
        for name in known
        if name != text and (name[:ALIKE].upper() == begin or name[-ALIKE:].upper() == end)
    ]
    if len(alike) > MOST:
        longest = text[: ALIKE + 2].upper()
        alike = sorted(alike, key=lambda name: not name.upper().startswith(longest))[:MOST]
    by_upper: dict[str, str] = {name.upper(): name for name in alike}
    close = difflib.get_close_matches(text.upper(), by_upper, n=3)
    hint = f"; close to it are {', '.join(repr(by_upper[name]) for name in close)}" if close else ""
    return KeyError(f"{path}: there is no structure {refcode!r}{hint}")
