"""What is said of a refcode that is not there."""

from collections.abc import Iterable

from raggedh5.core.closest import closest

__all__ = ["unknown_refcode"]


def unknown_refcode(refcode: object, known: Iterable[str], path: str) -> KeyError:
    """Return the error for a refcode that a file does not have, which names the closest ones.

    Examples
    --------
    >>> unknown_refcode("ABACOX", ["ABACOF", "ZZZZZZ"], "crystals.h5")
    KeyError("crystals.h5 has no structure 'ABACOX'; the closest are 'ABACOF'")
    """
    near = closest(str(refcode), known)
    hint = f"; the closest are {', '.join(map(repr, near))}" if near else ""
    return KeyError(f"{path} has no structure {refcode!r}{hint}")
