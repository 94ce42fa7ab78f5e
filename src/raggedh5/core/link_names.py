"""Text of any kind as the name of an HDF5 link, and back."""

import hashlib
import re
from urllib.parse import unquote

__all__ = ["EMPTY", "MISSING", "link_name", "text_of_link"]

EMPTY = "%empty"
"""Name for the empty text. No other text has it: a percent sign begins two hexadecimal digits."""

MISSING = "%missing"
"""Name for what has no value at all."""

LONGEST = 255
"""Bytes of a name; a longer one is cut."""

CUT = re.compile(r"%~[0-9a-f]{32}$")


def link_name(text: str) -> str:
    """Return the name for a text: the text itself, but for what HDF5 has no room for.

    ``/``, ``%`` and NUL, and the first dot of a text of nothing but dots, are percent-encoded as in
    URLs. A name beyond 255 bytes of UTF-8 is cut, and ends in ``%~`` and 32 digits of the SHA-256
    of the text.

    Examples
    --------
    >>> link_name("P2_1/c"), link_name("100%"), link_name("."), link_name("Fm-3m")
    ('P2_1%2Fc', '100%25', '%2E', 'Fm-3m')
    """
    if not text:
        return EMPTY
    name = text.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    if not name.strip("."):
        name = "%2E" + name[1:]
    encoded = name.encode()
    if len(encoded) <= LONGEST:
        return name
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    return encoded[: LONGEST - 34].decode(errors="ignore") + "%~" + digest


def text_of_link(name: str) -> str | None:
    """Return the text that a name stands for, None for `MISSING` and names that were cut.

    Examples
    --------
    >>> text_of_link("P2_1%2Fc"), text_of_link("%empty"), text_of_link("%missing")
    ('P2_1/c', '', None)
    """
    if name == EMPTY:
        return ""
    if name == MISSING or CUT.search(name):
        return None
    return unquote(name)
